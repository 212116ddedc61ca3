"""Lesson 12: a histogram whose buckets grow with the value, so that its error does and its size does not."""

import sys

import lesson3
from lesson3 import OK, Refused
from lesson4 import MANY, integer

# Each power of two has so many buckets: one is at most a 64th of its values wide.
BITS = 6


def bucket_of(value):
    shift = max(value.bit_length() - BITS - 1, 0)
    return shift, value >> shift


def middle_of(bucket):
    shift, top = bucket
    return (top << shift) + (1 << shift) // 2


class Server(lesson3.Server):
    arity = {**lesson3.Server.arity, "record": (2, MANY), "quantile": (2, 2), "reset": (1, 1)}

    def __init__(self, port):
        super().__init__(port)
        self.counts, self.total = {}, 0

    def do_reset(self, client):
        self.counts, self.total = {}, 0
        return OK

    def do_record(self, client, *words):
        values = [integer(word) for word in words]
        if min(values) < 0:
            raise Refused("ERR value is not an integer or out of range")
        for value in values:
            bucket = bucket_of(value)
            self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.total += len(values)
        return OK

    def do_quantile(self, client, text):
        try:
            share = float(text)
        except ValueError:
            share = -1
        if not 0 <= share <= 1:
            raise Refused("ERR value is out of range")
        rank = max(-(-round(share * 1_000_000) * self.total // 1_000_000), 1)
        for bucket in sorted(self.counts):
            rank -= self.counts[bucket]
            if rank <= 0:
                return middle_of(bucket)
        return None


if __name__ == "__main__":
    Server(int(sys.argv[1])).run()
