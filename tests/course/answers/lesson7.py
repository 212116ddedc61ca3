"""Lesson 7: lists, and clients who wait for them."""

import math
import sys
from collections import deque

import lesson3
import lesson6
from lesson3 import LATER, NIL_ARRAY, Refused, encode
from lesson4 import MANY

WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"


class Client(lesson3.Client):
    def __init__(self, sock):
        super().__init__(sock)
        # For which keys it waits, and until when.
        self.keys, self.deadline = (), None


class Server(lesson6.Server):
    arity = {**lesson6.Server.arity, "rpush": (3, MANY), "lpush": (3, MANY), "lpop": (2, 2), "llen": (2, 2), "blpop": (3, MANY)}

    def __init__(self, port):
        super().__init__(port)
        # Who waits for each key, the oldest first.
        self.waiters = {}
        self.waiting = set()
        # Keys that have been pushed to, and clients who wait no more.
        self.pushed, self.resumed = [], []

    def new_client(self, sock):
        return Client(sock)

    # ----------------------------------------------------------------------------------------------------- the types

    def typed(self, key, kind):
        value = self.read(key)
        if value is not None and not isinstance(value, kind):
            raise Refused(WRONG_TYPE)
        return value

    def touch(self, key):
        """A value will be changed where it is."""

    def do_get(self, client, key):
        return self.typed(key, bytes)

    def do_incr(self, client, key):
        self.typed(key, bytes)
        return super().do_incr(client, key)

    def push(self, key, values, end):
        items = self.typed(key, deque)
        if items is None:
            items = deque()
            self.put(key, items)
        else:
            self.touch(key)
        for value in values:
            (items.append if end else items.appendleft)(value)
        self.pushed.append(key)
        return len(items)

    def do_rpush(self, client, key, *values):
        return self.push(key, values, True)

    def do_lpush(self, client, key, *values):
        return self.push(key, values, False)

    def do_llen(self, client, key):
        return len(self.typed(key, deque) or ())

    def do_lpop(self, client, key):
        items = self.typed(key, deque)
        if items is None:
            return None
        self.touch(key)
        value = items.popleft()
        if not items:
            self.remove(key)
        return value

    # --------------------------------------------------------------------------------------------------- the waiting

    def do_blpop(self, client, *words):
        *keys, seconds = words
        try:
            seconds = float(seconds)
        except ValueError:
            seconds = math.nan
        if not math.isfinite(seconds):
            raise Refused("ERR timeout is not a float or out of range")
        if seconds < 0:
            raise Refused("ERR timeout is negative")
        for key in keys:
            if self.typed(key, deque):
                return [key, self.pop_for_waiter(key)]
        return self.wait(client, keys, self.now() + int(seconds * 1000) if seconds else None)

    def pop_for_waiter(self, key):
        return self.do_lpop(None, key)

    def wait(self, client, keys, deadline):
        client.is_waiting, client.keys, client.deadline = True, tuple(dict.fromkeys(keys)), deadline
        self.waiting.add(client)
        for key in client.keys:
            self.waiters.setdefault(key, []).append(client)
        return LATER

    def left(self, client):
        self.waiting.discard(client)
        for key in client.keys:
            line = self.waiters[key]
            line.remove(client)
            if not line:
                del self.waiters[key]
        client.keys, client.deadline, client.is_waiting = (), None, False

    def answer(self, client, reply):
        self.left(client)
        client.output += encode(reply)
        self.resumed.append(client)

    def execute(self, client, words):
        reply = super().execute(client, words)
        self.serve_waiters()
        return reply

    def serve_waiters(self):
        while self.pushed:
            key = self.pushed.pop(0)
            while key in self.waiters and isinstance(self.read(key), deque):
                waiter = self.waiters[key][0]
                self.answer(waiter, [key, self.pop_for_waiter(key)])

    def sleep_seconds(self):
        times = [client.deadline for client in self.waiting if client.deadline is not None]
        until = max(min(times) - self.now(), 0) / 1000 if times else None
        other = super().sleep_seconds()
        return min(time for time in (until, other) if time is not None) if (until, other) != (None, None) else None

    def before_sleep(self):
        super().before_sleep()
        now = self.now()
        for client in [client for client in self.waiting if client.deadline is not None and client.deadline <= now]:
            self.answer(client, NIL_ARRAY)
        while self.resumed:
            # What it has sent while it waited.
            self.work(self.resumed.pop(0))


if __name__ == "__main__":
    Server(int(sys.argv[1])).run()
