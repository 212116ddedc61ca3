"""Lesson 5: a table that grows by one bucket at a time, and a cursor that survives it."""

import sys

import lesson4
from lesson3 import Refused

LOAD = 4


def reversed_bits(number):
    return int(format(number & (1 << 64) - 1, "064b")[::-1], 2)


class Table:
    """Linear hashing. `mask` belongs to the buckets that are divided already and their new halves, `mask >> 1` to those
    that are not; `len(buckets)` says how far the division has come."""

    def __init__(self):
        self.buckets, self.mask, self.count = [{}, {}], 1, 0

    def home(self, hashed):
        index = hashed & self.mask
        return index if index < len(self.buckets) else index & (self.mask >> 1)

    def mask_of(self, index):
        """By how many bits of the hash the keys of a bucket agree."""
        half = (self.mask + 1) // 2
        is_divided = index >= half or index + half < len(self.buckets)
        return self.mask if is_divided else self.mask >> 1

    def bucket(self, key):
        return self.buckets[self.home(hash(key))]

    def get(self, key):
        return self.bucket(key).get(key)

    def set(self, key, entry):
        bucket = self.bucket(key)
        if key not in bucket:
            self.count += 1
            bucket[key] = entry
            if self.count > LOAD * len(self.buckets):
                self.divide()
        else:
            bucket[key] = entry

    def divide(self):
        """One bucket becomes two; nobody waits for more than that."""
        if len(self.buckets) > self.mask:
            self.mask = self.mask * 2 + 1
        old = len(self.buckets) - (self.mask + 1) // 2
        self.buckets.append({})
        keys, self.buckets[old] = self.buckets[old], {}
        for key, entry in keys.items():
            self.bucket(key)[key] = entry

    def pop(self, key):
        entry = self.bucket(key).pop(key, None)
        self.count -= entry is not None
        return entry

    def scan(self, cursor):
        """The keys of one bucket, and where to go on: the cursor counts from the highest bit down, so a bucket that is
        divided meanwhile has both its halves behind it or both ahead."""
        index = self.home(cursor)
        mask = self.mask_of(index)
        following = reversed_bits(reversed_bits(cursor | ~mask) + 1)
        return following, self.buckets[index]


class Server(lesson4.Server):
    """An entry of the table is a list: the value, and what later lessons add to it."""

    arity = {**lesson4.Server.arity, "dbsize": (1, 1), "scan": (2, 4)}

    def __init__(self, port):
        super().__init__(port)
        self.table = Table()

    def read(self, key):
        entry = self.table.get(key)
        return entry and entry[0]

    def put(self, key, value, deadline=None):
        self.table.set(key, [value, deadline])

    def remove(self, key):
        self.table.pop(key)

    def do_dbsize(self, client):
        return self.table.count

    def do_scan(self, client, cursor, *options):
        if not cursor.isdigit():
            raise Refused("ERR invalid cursor")
        if options and (len(options) != 2 or options[0].upper() != b"COUNT"):
            raise Refused(lesson4.SYNTAX)
        count = max(lesson4.integer(options[1]), 1) if options else 10
        at, keys, steps = int(cursor), [], 0
        while len(keys) < count and steps < 10 * count:
            at, bucket = self.table.scan(at)
            keys += bucket
            steps += 1
            if at == 0:
                break
        return [b"%d" % at, keys]


if __name__ == "__main__":
    Server(int(sys.argv[1])).run()
