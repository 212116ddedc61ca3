"""Lesson 4: keys and values."""

import re
import sys

import lesson3
from lesson3 import OK, Refused

MANY = 1 << 20
SYNTAX = "ERR syntax error"
NO_INTEGER = "ERR value is not an integer or out of range"
LEAST, MOST = -(1 << 63), (1 << 63) - 1


def integer(text):
    """A number as Redis takes it: no blanks, no plus, no zeros in front, 64 bits."""
    if not re.fullmatch(rb"0|-?[1-9][0-9]{0,18}", text) or not LEAST <= int(text) <= MOST:
        raise Refused(NO_INTEGER)
    return int(text)


class Server(lesson3.Server):
    """The keyspace has one door each way: `read`, `put` and `remove`. The lessons after this one stand in it."""

    arity = {**lesson3.Server.arity, "get": (2, 2), "set": (3, 6), "del": (2, MANY), "exists": (2, MANY), "incr": (2, 2)}

    def __init__(self, port):
        super().__init__(port)
        self.keys = {}

    def read(self, key):
        return self.keys.get(key)

    def put(self, key, value, deadline=None):
        self.keys[key] = value

    def update(self, key, value):
        """As `put`, for a value that was there before."""
        self.put(key, value)

    def remove(self, key):
        self.keys.pop(key, None)

    def do_get(self, client, key):
        return self.read(key)

    def do_set(self, client, key, value, *options):
        condition, deadline = self.set_options(options)
        if condition is not None and (self.read(key) is not None) != condition:
            return None
        self.put(key, value, deadline)
        return OK

    def set_options(self, options):
        """Whether the key has to be there, or must not, or it is all the same (None); its deadline."""
        condition = None
        for option in map(bytes.upper, options):
            if option not in (b"NX", b"XX") or condition is not None:
                raise Refused(SYNTAX)
            condition = option == b"XX"
        return condition, None

    def do_del(self, client, *keys):
        return sum(self.removed(key) for key in keys)

    def removed(self, key):
        was_there = self.read(key) is not None
        if was_there:
            self.remove(key)
        return was_there

    def do_exists(self, client, *keys):
        return sum(self.read(key) is not None for key in keys)

    def do_incr(self, client, key):
        value = self.read(key)
        number = 0 if value is None else integer(value)
        if number == MOST:
            raise Refused("ERR increment or decrement would overflow")
        if value is None:
            self.put(key, b"1")
        else:
            self.update(key, b"%d" % (number + 1))
        return number + 1


if __name__ == "__main__":
    Server(int(sys.argv[1])).run()
