"""Lesson 6: deadlines. The entry knows its own; the heap only says where to look, and when."""

import heapq
import sys
import time

import lesson5
from lesson3 import Refused
from lesson4 import SYNTAX, integer

# So many a turn, then others are served.
SLICE = 300


class Server(lesson5.Server):
    """`read` is the truth: who is overdue is not there, whether or not it has been removed."""

    arity = {**lesson5.Server.arity, "pttl": (2, 2), "pexpire": (3, 3), "pexpireat": (3, 3), "persist": (2, 2)}

    def __init__(self, port):
        super().__init__(port)
        self.due = []

    def now(self):
        return int(time.time() * 1000)

    def entry(self, key):
        entry = self.table.get(key)
        if entry and entry[1] is not None and entry[1] <= self.now():
            self.expired(key)
            return None
        return entry

    def expired(self, key):
        self.remove(key)

    def read(self, key):
        entry = self.entry(key)
        return entry and entry[0]

    def put(self, key, value, deadline=None):
        super().put(key, value, deadline)
        if deadline is not None:
            heapq.heappush(self.due, (deadline, key))

    def update(self, key, value):
        self.table.get(key)[0] = value

    def set_deadline(self, key, deadline):
        self.put(key, self.read(key), deadline)

    def sleep_seconds(self):
        return max(self.due[0][0] - self.now(), 0) / 1000 if self.due else super().sleep_seconds()

    def before_sleep(self):
        super().before_sleep()
        now = self.now()
        for _ in range(SLICE):
            if not self.due or self.due[0][0] > now:
                break
            # It may be gone, or have another deadline by now: `entry` compares.
            self.entry(heapq.heappop(self.due)[1])

    def set_options(self, options):
        conditions, deadline, rest = [], None, list(options)
        while rest:
            option = rest.pop(0).upper()
            if option not in (b"PX", b"PXAT"):
                conditions.append(option)
            elif not rest or deadline is not None:
                raise Refused(SYNTAX)
            else:
                number = integer(rest.pop(0))
                if number <= 0:
                    raise Refused("ERR invalid expire time in 'set' command")
                deadline = number + (self.now() if option == b"PX" else 0)
        return super().set_options(conditions)[0], deadline

    def do_pttl(self, client, key):
        entry = self.entry(key)
        if entry is None:
            return -2
        return -1 if entry[1] is None else max(entry[1] - self.now(), 0)

    def do_pexpire(self, client, key, ms):
        return self.do_pexpireat(client, key, b"%d" % (self.now() + integer(ms)))

    def do_pexpireat(self, client, key, ms):
        deadline = integer(ms)
        if self.read(key) is None:
            return 0
        if deadline <= self.now():
            self.remove(key)
        else:
            self.set_deadline(key, deadline)
        return 1

    def do_persist(self, client, key):
        entry = self.entry(key)
        if entry is None or entry[1] is None:
            return 0
        self.set_deadline(key, None)
        return 1


if __name__ == "__main__":
    Server(int(sys.argv[1])).run()
