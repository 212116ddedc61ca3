#!/usr/bin/env python3
"""Values as bytes: what DUMP gives, and what the other server makes of it.

Random values of every type and size are built on both servers by the same commands, under random limits of the compact
encodings. Then, for each: the encodings and digests are the same; the bytes are the same wherever the commands alone
determine them; each server takes the other's bytes, and has the same value and encoding then as the one who gave them.
Last, the digests of whole data sets are compared.

  tests/peers/values.py --count 1000 --seed 7
"""

import argparse
import os
import random
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rules
from differ import LIMITS
from resp import quote
from servers import Server, find_peer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# The version and the checksum at the end of a payload. We write the oldest version that holds the value.
FOOTER = 10
# The bytes in front of a set, one member after the other, and of a small hash without deadlines and with room for them.
SET = 2
HASH_LISTPACK = 16
HASH_TIMED_LISTPACK = 25
# Encodings in the order of a table, which is nobody's promise.
TABLES = {("set", "hashtable"), ("hash", "hashtable")}
# Far away, and not relative to now.
DEADLINE_MS = 4000000000000


class Values:
    """Commands that build one value each. Sizes are around the borders of encodings and of length prefixes."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def pick(self, *options):
        return self.rng.choice(options)

    def size(self):
        return self.pick(1, 2, 3, 5, 16, 63, 64, 65, 127, 128, 129, 200, 511, 512, 513, self.rng.randint(1, 1500))

    def text(self):
        kind = self.rng.random()
        if kind < 0.35:
            return b"%d" % self.pick(0, -1, 7, 12, 13, 127, 128, -128, -129, 255, 4095, 4096, -4097, 32767, 32768, 65535, 2**23 - 1,
                                     2**23, -2**23, 2**31 - 1, 2**31, -2**31 - 1, 2**63 - 1, -2**63, self.rng.randint(-10**6, 10**6))
        if kind < 0.45:
            return self.pick(b"", b"-0", b"01", b"+1", b"1.5", b"9223372036854775808", b"\x00", b" 1", b"nan")
        if kind < 0.9:
            return b"".join(self.pick(b"a", b"b", b"key", b"\xff", b"-", b"value") for _ in range(self.rng.randint(1, 14)))
        return b"x" * self.pick(62, 63, 64, 65, 127, 128, 4095, 4096, 8200) + b"%d" % self.rng.randint(0, 9)

    def one(self):
        return self.pick(self.string, self.list, self.set, self.hash, self.zset, self.timed_hash, self.stream, self.hll)()

    def string(self):
        if self.rng.random() < 0.3:
            return [[b"APPEND", b"k", self.text()], [b"APPEND", b"k", self.text()]]
        return [[b"SET", b"k", self.text() * self.pick(1, 1, 1, 2, 30)]]

    def hll(self):
        return [[b"PFADD", b"k", *(b"e%d" % self.rng.randint(0, 10**6) for _ in range(self.pick(1, 5, 100, 2000)))]]

    def list(self):
        commands = [[self.pick(b"RPUSH", b"LPUSH"), b"k", *(self.text() for _ in range(self.size()))] for _ in range(self.pick(1, 2, 4))]
        for _ in range(self.rng.randint(0, 12)):
            at = b"%d" % self.rng.randint(-40, 40)
            commands.append(self.pick([b"LSET", b"k", at, self.text()], [b"LREM", b"k", at, self.text()], [b"RPOP", b"k"],
                                      [b"LINSERT", b"k", self.pick(b"BEFORE", b"AFTER"), b"12", self.text()], [b"LPOP", b"k", b"3"],
                                      [b"LMOVE", b"k", b"k", b"LEFT", b"RIGHT"]))
        return commands + [[b"RPUSH", b"k", self.text()]]

    def set(self):
        members = [self.text() for _ in range(self.size())]
        if self.rng.random() < 0.4:
            members = [b"%d" % self.rng.randint(-2**self.pick(7, 15, 31, 63), 100000) for _ in members]
        return [[b"SADD", b"k", *members], [b"SREM", b"k", *members[:len(members) // 3]], [b"SADD", b"k", *members[:2]]]

    def hash(self):
        pairs = [self.text() for _ in range(2 * self.size())]
        return [[b"HSET", b"k", *pairs], [b"HDEL", b"k", *pairs[:len(pairs) // 3]], [b"HSET", b"k", b"f", self.text(), *pairs[:2]],
                [b"HINCRBY", b"k", b"n", b"-300"]]

    def timed_hash(self):
        pairs = [self.text() for _ in range(2 * self.size())]
        fields = pairs[::2]
        commands = [[b"HSET", b"k", *pairs]]
        for _ in range(self.rng.randint(1, 5)):
            chosen = self.rng.sample(fields, min(len(fields), self.rng.randint(1, 6)))
            at = b"%d" % (DEADLINE_MS + self.rng.randint(0, 3) * self.pick(1, 1000, 10**9))
            commands.append([b"HPEXPIREAT", b"k", at, b"FIELDS", b"%d" % len(chosen), *chosen])
        return commands + [[b"HPERSIST", b"k", b"FIELDS", b"1", fields[0]], [b"HSET", b"k", fields[-1], self.text()]]

    def zset(self):
        def score():
            return self.pick(b"0", b"1", b"-1", b"1.5", b"1e17", b"1e300", b"-inf", b"+inf", b"0.1", b"3.0", b"123456789012345678",
                             repr(self.rng.uniform(-1, 1) * 10.0 ** self.rng.randint(-12, 25)).encode(), b"%d" % self.rng.randint(-500, 70000))
        members = [self.text() for _ in range(self.size())]
        added = [word for member in members for word in (score(), member)]
        return [[b"ZADD", b"k", *added], [b"ZREM", b"k", *members[:len(members) // 3]], [b"ZADD", b"k", *added[:2]]]

    def stream(self):
        commands, ms = [], 0
        for _ in range(self.size() % 300 + 1):
            ms += self.pick(0, 1, 1000)
            names = [b"f", b"g"] if self.rng.random() < 0.7 else [self.text()]
            commands.append([b"XADD", b"k", b"%d-*" % ms, *(word for name in names for word in (name, self.text()))])
        entries = len(commands)
        for _ in range(self.rng.randint(0, 5)):
            commands.append([b"XDEL", b"k", b"%d-%d" % (self.rng.randint(0, ms), self.pick(0, 1))])
        if self.rng.random() < 0.4:
            commands.append([b"XTRIM", b"k", b"MAXLEN", self.pick(b"~", b"="), b"%d" % self.rng.randint(0, entries)])
        if self.rng.random() < 0.4:
            commands.append([b"XGROUP", b"CREATE", b"k", b"group", self.pick(b"0", b"$", b"1000-0")])
            for _ in range(self.rng.randint(0, 3)):
                name = self.pick(b"alice", b"bob")
                commands.append([b"XREADGROUP", b"GROUP", b"group", name, b"COUNT", b"%d" % self.rng.randint(1, 40), b"STREAMS", b"k", b">"])
                commands.append([b"XACK", b"k", b"group", b"%d-0" % self.rng.randint(0, ms)])
        return commands


def fresh_limits(rng, servers):
    chosen = []
    for name in sorted(LIMITS):
        if name.startswith(("hash", "set", "zset", "list-max", "stream", "hll")):
            default, others = LIMITS[name]
            chosen += [name, rng.choice([default, default, *others])]
    for server in servers:
        server("CONFIG", "SET", *chosen)
    return chosen


def same_groups(ours, peer, key):
    """Whether the groups of a stream and who waits in them are the same, moments aside."""
    return rules.same([b"XINFO"], *(server("XINFO", "STREAM", key, "FULL", "COUNT", 0) for server in (ours, peer)))


def state(server, key):
    """(type, encoding, digest)"""
    return server("TYPE", key).text(), server("OBJECT", "ENCODING", key).text(), server("DEBUG", "DIGEST-VALUE", key).value[0].value


def body(payload):
    """What must be the same. The soonest deadline of a small hash stands in front of its listpack, and a real server
    may still say one there that has been taken back."""
    if payload[0] == HASH_TIMED_LISTPACK:
        return payload[9:-FOOTER]
    return payload[:-FOOTER]


def compare(ours, peer, commands):
    """What is wrong with one value, in words; or None."""
    for command in commands:
        mine, theirs = ours(*command), peer(*command)
        if mine.raw != theirs.raw:
            return "%s: %s, peer: %s" % (quote(b" ".join(command), 100), mine.show(), theirs.show())
    states = [state(server, "k") for server in (ours, peer)]
    if states[0] != states[1]:
        return "ours %r, peer %r" % tuple(states)
    payloads = [server("DUMP", "k").value for server in (ours, peer)]
    if payloads[0] is None:
        return None if payloads[1] is None else "DUMP finds nothing"
    kind, encoding, _ = states[0]
    has_moments = any(command[0] == b"XREADGROUP" for command in commands)
    # Small sets, streams, and hashes with room for deadlines have newer layouts that older servers cannot read. Ours is
    # the older one where it does: the plain set, the stream without consumers, the hash without a single deadline.
    is_older = (kind, encoding) in {("set", "listpack"), ("stream", "stream")} or encoding == "listpackex" and payloads[0][0] == HASH_LISTPACK
    if (kind, encoding) not in TABLES and not is_older and body(payloads[0]) != body(payloads[1]):
        return "DUMP of %s %s\nours %s\npeer %s" % (kind, encoding, quote(payloads[0]), quote(payloads[1]))
    for payload, name in zip(payloads, ("our", "the peer's")):
        for server in (ours, peer):
            restored = server("RESTORE", "copy", 0, payload, "REPLACE")
            if restored.is_error:
                return "%s RESTORE of %s bytes: %s" % ("our" if server is ours else "the peer's", name, restored.show())
        copies = [state(server, "copy") for server in (ours, peer)]
        if payload[0] == SET:           # which does not say how it was encoded, and the readers decide otherwise
            copies = [("set", "", digest) for _, _, digest in copies]
        if copies[0] != copies[1] or copies[0][2] != states[0][2]:
            return "what is restored from %s bytes: ours %r, peer %r, was %r" % (name, *copies, states[0])
        if kind == "stream" and not same_groups(ours, peer, "copy"):
            return "the groups that are restored from %s bytes" % name
        if has_moments:
            continue
        # So the older layout says all there is to say: the same is made of it as of the newer one.
        again = [server("DUMP", "copy").value for server in (ours, peer)]
        if (kind, encoding) not in TABLES and copies[0][1] == encoding and \
                (body(again[0]) != body(payloads[0]) or body(again[1]) != body(payloads[1])):
            return "DUMP of what was restored from %s bytes\nours %s\npeer %s" % (name, quote(again[0]), quote(again[1]))
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "pollux"), help="our server")
    parser.add_argument("--peer", default=find_peer(), help="a real one (%(default)s)")
    parser.add_argument("--count", type=int, default=500, help="values (%(default)s)")
    parser.add_argument("--seed", default=str(random.randrange(10**6)))
    opts = parser.parse_args()
    servers = [Server(opts.bin, "ours", ("--rdbcompression", "no")), Server(opts.peer, "peer", ("--rdbcompression", "no"))]
    try:
        ours, peer = (server.connect() for server in servers)
        knows_streams = not ours("XLEN", "k").is_error
        values = Values(opts.seed)
        for number in range(opts.count):
            limits = fresh_limits(values.rng, (ours, peer))
            commands = values.one()
            if commands[0][0] == b"XADD" and not knows_streams:
                continue
            found = compare(ours, peer, commands)
            if found:
                print("values: value %d of seed %s, %s\n%s" % (number, opts.seed, " ".join(limits), found))
                for command in commands:
                    print("   ", quote(b" ".join(command), 200))
                return 1
            for server in (ours, peer):
                server("SELECT", number % 3)
                server("RENAME", "k", "value:%d" % number)
                server("DEL", "copy")
        digests = [server("DEBUG", "DIGEST").value for server in (ours, peer)]
        if digests[0] != digests[1]:
            print("values: seed %s: the digest of all is %r, the peer's %r" % (opts.seed, *digests))
            return 1
        print("values: %d values, seed %s: no difference" % (opts.count, opts.seed))
        return 0
    finally:
        for server in servers:
            server.discard()


if __name__ == "__main__":
    sys.exit(main())
