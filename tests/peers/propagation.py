#!/usr/bin/env python3
"""What a command leaves in the append-only file, ours beside a real server's.

The same stream goes to replicas, so this is also what replication sends. A command that depends on chance, on the clock
or on who was waiting must not be written as it came: a relative deadline becomes an absolute one, a random choice what
was chosen, a script what it did. Both servers get the same random commands, one at a time; after each, what was added to
their files is compared: command by command, times alike, chosen members left out. The stream of the
real server is also held against what our rows say of the command (propagation.json, which tests/propagation.rs keeps up to date).

  tests/peers/propagation.py --families hash,zset --count 5000
"""

import argparse
import glob
import json
import os
import random
import re
import sys
import types

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rules
from differ import Maker, unknown_to
from families import FAMILIES
from ops import Command
from resp import Closed, show_command
from servers import Server, find_peer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OPTIONS = ("--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0")
# How each command propagates, by its name, as the rows of src/spec say it.
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "propagation.json"), encoding="ascii") as file:
    ROWS = json.load(file)
# What keys and fields that expire or make room leave, whichever command comes across them.
REMOVALS = (b"DEL", b"UNLINK", b"HDEL")
# Sent now and then beside the families' own commands, because what they become is the point.
TELLING = [["SPOP", "t1"], ["SPOP", "t1", 3], ["SPOP", "t1", 1000], ["SET", "s1", "v", "EX", 1000], ["SET", "s1", "v", "PX", 100000],
           ["GETEX", "s1", "EX", 1000], ["GETEX", "s1", "PERSIST"], ["GETDEL", "s1"], ["EXPIRE", "s1", 1000], ["EXPIRE", "s1", -1],
           ["PEXPIREAT", "l1", 1], ["INCRBYFLOAT", "s2", "0.1"], ["HINCRBYFLOAT", "h1", "f1", "0.1"], ["XADD", "x1", "*", "f", "v"],
           ["XADD", "x1", "MAXLEN", "~", 10, "*", "f", "v"], ["XTRIM", "x1", "MAXLEN", "~", 1], ["LMPOP", 2, "l1", "l2", "LEFT", "COUNT", 2],
           ["BLPOP", "l1", 0.01], ["BLMOVE", "l1", "l2", "LEFT", "RIGHT", 0.01], ["BRPOPLPUSH", "l1", "l2", 0.01], ["BZPOPMIN", "z1", 0.01],
           ["BZMPOP", 0.01, 2, "z1", "z2", "MIN"], ["ZMPOP", 1, "z1", "MAX", "COUNT", 2], ["HEXPIRE", "h1", 1000, "FIELDS", 1, "f1"],
           ["HEXPIRE", "h1", 0, "FIELDS", 2, "f1", "f2"], ["HGETEX", "h1", "EX", 1000, "FIELDS", 1, "f1"], ["HGETDEL", "h1", "FIELDS", 1, "f1"],
           ["HSETEX", "h1", "EX", 1000, "FIELDS", 1, "f1", "v"], ["SORT", "l1", "ALPHA", "STORE", "l2"], ["COPY", "s1", "s2", "REPLACE"],
           ["GEORADIUS", "g1", 1, 1, 9999, "km", "STORE", "g2"], ["PFADD", "p1", "a"], ["PFCOUNT", "p1"], ["FLUSHDB"], ["SWAPDB", 0, 1],
           ["MULTI"], ["EXEC"], ["XGROUP", "CREATE", "x1", "g1", "0", "MKSTREAM"], ["XREADGROUP", "GROUP", "g1", "c", "STREAMS", "x1", ">"],
           ["XCLAIM", "x1", "g1", "bob", 0, "1-1"], ["XAUTOCLAIM", "x1", "g1", "bob", 0, 0], ["SETEX", "s1", 1000, "v"], ["GETSET", "s1", "n"],
           ["PUBLISH", "c1", "m"], ["SPUBLISH", "c1", "m"], ["DEBUG", "REPLICATE", "SET", "s1", "v"], ["PFMERGE", "p2", "p1"],
           ["SWAPDB", 1, 1], ["FLUSHALL"], ["MSETNX", "s8", "v", "s9", "v"], ["PSETEX", "s1", 100000, "v"],
           ["RESTORE", "s1", 0, "bad"], ["UNLINK", "s1", "l1"], ["DEL", "missing"], ["RENAME", "s1", "s2"], ["MOVE", "s1", 3],
           ["EVAL", "redis.call('SET','s1','x','EX',100) redis.call('SPOP','t1') return redis.call('INCR','n')", 0]]


class Tail:
    """The end of a server's append-only file."""

    def __init__(self, server):
        self.server, self.path, self.at, self.rest = server, None, 0, b""

    def new(self):
        """The commands added since the last call."""
        paths = sorted(glob.glob(os.path.join(self.server.dir, "appendonlydir", "*.incr.aof")))
        if not paths:
            raise SystemExit("propagation: %s keeps no append-only file in %s" % (self.server.name, self.server.dir))
        if paths[-1] != self.path:
            self.path, self.at, self.rest = paths[-1], 0, b""
        with open(self.path, "rb") as file:
            file.seek(self.at)
            data = file.read()
        self.at += len(data)
        self.rest += data
        commands = []
        while self.rest:
            if self.rest.startswith(b"#"):                  # a comment: time stamps, checksums
                _, _, self.rest = self.rest.partition(b"\n")
                continue
            command, used = self.parse(self.rest)
            if command is None:
                break
            commands.append(command)
            self.rest = self.rest[used:]
        return commands

    @staticmethod
    def parse(data):
        end = data.find(b"\r\n")
        if end < 0:
            return None, 0
        count, at, args = int(data[1:end]), end + 2, []
        for _ in range(count):
            end = data.find(b"\r\n", at)
            if end < 0:
                return None, 0
            length = int(data[at + 1:end])
            if len(data) < end + 4 + length:
                return None, 0
            args.append(data[end + 2:end + 2 + length])
            at = end + 4 + length
        return tuple(args), at


def alike(ours, peers, peer_version):
    """Whether two streams say the same: names in any case, times within seconds, random members by their number."""
    if peer_version < (8, 0):
        ours, peers = ([plain(command) for command in stream if command[0].upper() not in FRAME] for stream in (ours, peers))
    if len(ours) != len(peers):
        return False
    for mine, theirs in zip(ours, peers):
        if len(mine) != len(theirs) or mine[0].upper() != theirs[0].upper():
            return False
        if mine[0].upper() == b"SREM":                      # what SPOP chose
            if mine[1] != theirs[1]:
                return False
            continue
        if not all(map(same_word, mine[1:], theirs[1:])):
            return False
    return True


# Where an older version puts these relative to each other is not where 8.0 does.
FRAME = (b"SELECT", b"MULTI", b"EXEC")


def plain(command):
    """A command as it was written before 8.0: HINCRBYFLOAT as HSET instead of HSETEX KEEPTTL, SET with a deadline without
    its conditions."""
    name = command[0].upper()
    if len(command) == 7 and name == b"HSETEX" and command[2].upper() == b"KEEPTTL":
        return (b"HSET", command[1], command[5], command[6])
    if name == b"SET" and len(command) > 3:
        options = [word.upper() for word in command[3:]]
        if b"PXAT" in options:
            return (*command[:3], *(word for word in options if word not in (b"NX", b"XX", b"GET")))
    return command


def same_word(mine, theirs):
    if mine == theirs or mine.upper() == theirs.upper() and mine.isalpha():
        return True
    first, second = rules.AUTO_ID.match(mine), rules.AUTO_ID.match(theirs)
    if first and second:
        mine, theirs = first.group(1), second.group(1)
    return bool(re.match(rb"^\d{10,}$", mine) and re.match(rb"^\d{10,}$", theirs)) and abs(int(mine) - int(theirs)) < 5000


def row_of(args):
    """How the row of a command says that it propagates."""
    name = args[0].decode("latin1").lower()
    full = name + "|" + args[1].decode("latin1").lower() if len(args) > 1 else name
    return ROWS.get(full, ROWS.get(name, "never"))


def disagrees(args, is_error, stream):
    """Says what is wrong with the row of a command, given what a real server has written after it, or nothing."""
    how = row_of(args)
    said = [command for command in stream if command[0].upper() not in FRAME]
    own = [command for command in said if command[0].upper() == args[0].upper()]
    others = [command for command in said if command[0].upper() not in (*REMOVALS, args[0].upper())]
    if how in ("never", "to-replicas"):
        wrong = own or others
    elif how in ("as-received", "always"):
        wrong = others or any(command != args for command in own) or how == "always" and not is_error and not own
    else:
        return None             # other commands may stand for it
    return "the row says %s" % how if wrong else None


def propagating(names):
    """Those of the families that have commands which propagate."""
    return [name for name in names
            if any(row_of([word for word in (template.name, template.subcommand) if word]) != "never"
                   for template in FAMILIES[name].templates)]


def unsent(templates):
    """Commands that propagate and that nobody sends: neither a family nor TELLING. The real server has no JSON."""
    sent = {template.name.decode().lower() for template in templates} | {words[0].lower() for words in TELLING}
    names = {name.split("|")[0] for name, how in ROWS.items() if how != "never" and not name.startswith("json.")}
    return sorted(names - sent - ABSENT)


def ours_lacks(ours, name):
    """Whether our server does not know a command yet."""
    connection = ours.connect()
    reply = connection(name)
    connection.close()
    return reply.is_error and reply.text().startswith("ERR unknown command")


# Commands that need another server, or functions and scripts by name, which random words do not make; and those of
# vector sets, where Redis does not write that an element got another vector.
ABSENT = {"migrate", "restore-asking", "function", "fcall", "fcall_ro", "evalsha", "evalsha_ro", "eval_ro",
          "vadd", "vrem", "vsetattr"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "pollux"))
    parser.add_argument("--peer", default=find_peer())
    parser.add_argument("--families", default=",".join(FAMILIES), help="of these, those that propagate (all)")
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed")
    parser.add_argument("--max", type=int, default=5)
    opts = parser.parse_args()
    opts.seed = opts.seed or str(random.SystemRandom().randrange(10**6))
    if not opts.peer:
        print("propagation: no redis-server to compare with", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    ours, peer = Server(opts.bin, "ours", OPTIONS), Server(opts.peer, "peer", OPTIONS)
    try:
        return compare(opts, ours, peer)
    finally:
        ours.discard()
        peer.discard()


def compare(opts, ours, peer):
    # Older versions write what consumer groups do in other commands.
    names = [name for name in propagating(opts.families.split(",")) if peer.version >= (8, 0) or name != "stream"]
    known = {words[0] for words in TELLING if not ours_lacks(ours, words[0])}
    telling = [words for words in TELLING if words[0] in known and (peer.version >= (8, 0) or not words[0].startswith("X"))]
    families = [FAMILIES[name] for name in names]
    left_out = unsent([line for family in FAMILIES.values() for line in family.templates])
    if left_out:
        raise SystemExit("propagation: no family sends " + ", ".join(left_out))
    missing = set().union(*(unknown_to(server, [line for family in families for line in family.templates]) for server in (ours, peer)))
    maker = Maker(families, missing, peer.version,
                  types.SimpleNamespace(seed=opts.seed, protocol="2", no_scenes=True, length=60, odd=0.02))
    tails = [Tail(ours), Tail(peer)]
    rng = random.Random(opts.seed)
    sent = failed = number = 0
    seen = set()
    while sent < opts.count and failed < opts.max:
        ops, _, _ = maker.round(number, {})
        number += 1
        connections = [server.connect() for server in (ours, peer)]
        history = []
        for connection in connections:
            connection("FLUSHALL")
            connection("DEBUG", "SET-ACTIVE-EXPIRE", 0)     # or a DEL turns up when it pleases
        streams = [tail.new() for tail in tails]
        for op in ops[:-1]:
            if rng.random() < 0.3:
                op = Command([str(word).encode() for word in rng.choice(telling)])
            history.append(op)
            try:
                replies = [connection(*op.args) for connection in connections]
            except Closed:
                break           # differ.py's business
            sent += 1
            streams = [tail.new() for tail in tails]
            if replies[0].is_error != replies[1].is_error:
                break           # likewise
            has_run = replies[1].text() != "QUEUED" and peer.version >= (8, 0)
            wrong = disagrees(op.args, replies[1].is_error, streams[1]) if has_run else None
            if wrong or not alike(*streams, peer.version):
                first = (op.name, wrong, tuple(command[0] for command in streams[0]), tuple(command[0] for command in streams[1]))
                if first not in seen:
                    seen.add(first)
                    failed += 1
                    print("\nDIFFERENCE (seed %s, round %d)%s" % (opts.seed, number - 1, ": " + wrong if wrong else ""))
                    for earlier in history[-12:-1]:
                        print("    " + earlier.show())
                    print("  > " + op.show())
                    for who, stream in zip(("ours", "peer"), streams):
                        print("  %s: %s" % (who, "; ".join(map(show_command, stream)) or "(nothing)"), flush=True)
                break
            if op.name == b"SPOP" or op.name in (b"EVAL", b"EXEC"):
                for connection in connections:      # the sets may differ now
                    connection("DEL", "t1")
        for connection in connections:
            connection.close()
    print("propagation: %d commands, seed %s: %s" % (sent, opts.seed, "%d differences" % failed if failed else "no difference"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
