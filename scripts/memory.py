#!/usr/bin/env python3
"""Counts the bytes that keys of several kinds take, and compares them with a ceiling.

What the server says it has allocated (`used_memory`, every allocation rounded up to what the allocator really gives)
depends on nothing but the data, so a step of a percent is seen and a ceiling can be part of the tests. What it does not
see: pages that are not full, which is what RSS adds.

  scripts/memory.py                    a table: bytes per key, or per member, and where they are
  scripts/memory.py --check            compares with tests/memory.json; 2 % more is a failure
  scripts/memory.py --update           keeps today's numbers as the ceiling
  scripts/memory.py --bin valkey-server --kinds strings,"sets of 10 integers"

Each kind is loaded into a server that has just been started. `value` is what MEMORY USAGE says of a key: its entry, and
what the value owns outside of it. The rest is the table that finds the key, and the wheel that knows its deadline.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "scripts"))

import ceilings as kept
from bench import encode, free_port

CEILINGS = os.path.join(ROOT, "tests", "memory.json")
ALLOWED = 1.02
TEN = range(10)
# A moment that is far away, and the same for everybody.
LATER_MS = 4_000_000_000_000


def ten(command, name, *words):
    """One command that puts ten elements under a key of 16 bytes."""
    def make(i):
        return encode(command, b"%s:%0*d" % (name, 15 - len(name), i), *(word for j in TEN for word in words[0](i, j)))
    return make


def members(command, key, words):
    """A hundred elements of one large value."""
    return lambda i: encode(command, key, *(word for j in range(100) for word in words(i * 100 + j)))


def key(i):
    return b"key:%012d" % i


# Commands, what each of them counts for, and how the i-th is made. Keys have 16 bytes.
KINDS = {
    "strings": (50_000, 1, lambda i: encode(b"SET", key(i), b"value:%026d" % i)),
    "strings with a deadline": (50_000, 1, lambda i: encode(b"SET", key(i), b"value:%026d" % i, b"PXAT", LATER_MS + i)),
    "integers": (50_000, 1, lambda i: encode(b"SET", key(i), i)),
    "sets of 10 integers": (20_000, 1, ten(b"SADD", b"set", lambda i, j: (10 * i + j * 37,))),
    "sets of 10 texts": (20_000, 1, ten(b"SADD", b"set", lambda i, j: (b"member:%d" % (i + j),))),
    "hashes of 10": (20_000, 1, ten(b"HSET", b"hash", lambda i, j: (b"field:%d" % j, b"val:%06d" % i))),
    "sorted sets of 10": (20_000, 1, ten(b"ZADD", b"zset", lambda i, j: (i + j, b"member:%d" % j))),
    "lists of 10": (20_000, 1, ten(b"RPUSH", b"list", lambda i, j: (b"item:%06d" % (i + j),))),
    "hash of many": (1_000, 100, members(b"HSET", b"h", lambda n: (b"field:%010d" % n, b"value:%010d" % n))),
    "set of many": (1_000, 100, members(b"SADD", b"s", lambda n: (b"member:%09d" % n,))),
    "sorted set of many": (1_000, 100, members(b"ZADD", b"z", lambda n: (n * 7919 % 1_000_003, b"member:%09d" % n))),
    "list of many": (1_000, 100, members(b"RPUSH", b"l", lambda n: (b"item:%011d" % n,))),
}


class Server:
    def __init__(self, binary):
        self.dir = tempfile.mkdtemp(prefix="memory-")
        self.port = free_port()
        self.log = open(os.path.join(self.dir, "log"), "wb")
        self.process = subprocess.Popen(
            [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", self.dir],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=self.dir)
        deadline = time.time() + 20
        while True:
            if self.process.poll() is not None or time.time() > deadline:
                with open(self.log.name, encoding="utf-8", errors="replace") as text:
                    raise SystemExit("memory: the server does not start:\n" + text.read()[-3000:])
            try:
                self.connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
                break
            except OSError:
                time.sleep(0.02)
        self.file = self.connection.makefile("rb")

    def ask(self, *args):
        self.connection.sendall(encode(*args))
        return self.reply()

    def reply(self):
        line = self.file.readline()
        if line[:1] == b"-" or not line:
            raise SystemExit("memory: the server answers " + line.decode(errors="replace"))
        if line[:1] == b"$":
            return self.file.read(int(line[1:]) + 2)[:-2]
        return line[1:-2]

    def load(self, commands, make):
        for start in range(0, commands, 500):
            self.connection.sendall(b"".join(make(i) for i in range(start, start + 500)))
            for _ in range(500):
                self.reply()

    def used(self):
        lines = self.ask(b"INFO", b"memory").decode().splitlines()
        return int(next(line for line in lines if line.startswith("used_memory:")).split(":")[1])

    def stop(self):
        self.file.close()
        self.connection.close()
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def measure(binary, kind):
    """Bytes per item, and those that MEMORY USAGE tells of."""
    commands, items_each, make = KINDS[kind]
    server = Server(binary)
    try:
        # A client that has been busy leaves its buffers behind; they are there before and after.
        server.load(500, lambda i: encode(b"SET", b"warm", b"x" * 100))
        server.ask(b"DEL", b"warm")
        before = server.used()
        server.load(commands, make)
        # Some servers move their tables in the background.
        time.sleep(0.2)
        used = (server.used() - before) / (commands * items_each)
        if items_each > 1:
            return used, None
        names = [make(commands * part // 11).split(b"\r\n")[4] for part in range(1, 11)]
        return used, sum(int(server.ask(b"MEMORY", b"USAGE", name)) for name in names) / len(names)
    finally:
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "pollux"))
    parser.add_argument("--kinds", default=",".join(KINDS), help="some of: " + ", ".join(KINDS))
    parser.add_argument("--check", action="store_true", help="fail when a number grew by more than 2 %%")
    parser.add_argument("--update", action="store_true", help="write tests/memory.json")
    opts = parser.parse_args()
    binary = os.path.abspath(shutil.which(opts.bin) or opts.bin)
    ceilings = kept.read(CEILINGS)
    print("%-26s%10s%10s%10s%12s" % ("bytes", "all", "value", "rest", "ceiling"))
    grown = []
    for kind in opts.kinds.split(","):
        used, value = measure(binary, kind)
        parts = "%10.1f%10.1f" % (value, used - value) if value else " " * 20
        print("%-26s%10.1f%s%12s" % (kind, used, parts, ceilings.get(kind, "")))
        if used > ALLOWED * ceilings.get(kind, used):
            grown.append("%s: %.1f bytes, the ceiling is %.1f" % (kind, used, ceilings[kind]))
        if opts.update:
            ceilings[kind] = round(used, 1)
    if opts.update:
        kept.write(CEILINGS, ceilings)
    if opts.check:
        return kept.verdict(CEILINGS, ceilings, grown, "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
