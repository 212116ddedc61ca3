"""Lesson 9: a snapshot without fork. A walk writes what bears an older number; who changes a key writes it first."""

import os
import sys
import threading
from collections import deque

import lesson8
from lesson3 import Line, Refused, encode_request, parse

FILE = "snapshot"
# So many buckets a turn.
SLICE = 200


class Server(lesson8.Server):
    """The third place of an entry is the number of the last snapshot that has it."""

    arity = {**lesson8.Server.arity, "bgsave": (1, 1), "info": (1, 2)}

    def __init__(self, port):
        self.number = 0
        self.file = None
        self.cursor = None
        super().__init__(port)
        if os.path.exists(FILE):
            self.load()

    # ------------------------------------------------------------------------------------------------- the numbers

    def preserve(self, key):
        """To be called before anything of a key changes."""
        if self.cursor is not None:
            self.save(key, self.table.get(key))

    def save(self, key, entry):
        if entry is None or entry[2] == self.number:
            return
        entry[2] = self.number
        value, deadline, _ = entry
        kind, parts = (b"list", value) if isinstance(value, deque) else (b"text", [value])
        self.write(encode_request([kind, key, b"%d" % (deadline or 0), *parts]))

    def write(self, record):
        self.file.write(record)

    def put(self, key, value, deadline=None):
        self.preserve(key)
        super().put(key, value, deadline)
        self.table.get(key).append(self.number)

    def update(self, key, value):
        self.preserve(key)
        super().update(key, value)

    def remove(self, key):
        self.preserve(key)
        super().remove(key)

    def touch(self, key):
        self.preserve(key)
        super().touch(key)

    # ---------------------------------------------------------------------------------------------------- the walk

    def path(self):
        """Where it is written; it gets its name when all of it is on the disk."""
        return FILE + ".new"

    def do_bgsave(self, client):
        if self.file:
            raise Refused("ERR Background save already in progress")
        self.file = open(self.path(), "wb", buffering=1 << 16)
        self.number += 1
        self.cursor = 0
        return Line("Background saving started")

    def do_info(self, client, section=b""):
        return b"# Persistence\r\nrdb_bgsave_in_progress:%d\r\n" % (self.file is not None)

    def sleep_seconds(self):
        return super().sleep_seconds() if self.cursor is None else 0

    def before_sleep(self):
        super().before_sleep()
        if self.cursor is None:
            return
        for _ in range(SLICE):
            self.cursor, bucket = self.table.scan(self.cursor)
            for key, entry in bucket.items():
                self.save(key, entry)
            if self.cursor == 0:
                self.cursor = None
                self.write(encode_request([b"end"]))
                threading.Thread(target=self.finish).start()
                break

    def finish(self):
        """The disk is waited for by somebody else."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        os.replace(self.path(), FILE)
        self.file = None

    def load(self):
        with open(FILE, "rb") as file:
            data = file.read()
        at, now = 0, self.now()
        while (found := parse(data, at)) and found[0][0] != b"end":
            (kind, key, deadline, *values), at = found
            deadline = int(deadline) or None
            if deadline is None or deadline > now:
                self.put(key, deque(values) if kind == b"list" else values[0], deadline)


if __name__ == "__main__":
    Server(int(sys.argv[1])).run()
