#!/usr/bin/env python3
"""Users who are confined to databases (`db=0,1`), asked of ours and of a real Valkey, which has them from 9.1 on.

A user is given random rules of which one always speaks of databases; ACL SETUSER, GETUSER, LIST and DRYRUN are compared.
Then the user itself goes from database to database, at top level, in transactions and in scripts, and its replies and
what ACL LOG says of them are compared too.

  databases.py --bin target/release/pollux --peer valkey-server --count 20000 --seed x
"""

import argparse
import random
import re
import sys

from resp import show_command
from servers import Server, find_program

NUMBERS = [b"0", b"1", b"2", b"15"]
LISTS = [b"0", b"1", b"0,1", b"1,0,1", b"2", b"15", b"0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15", b"", b",", b"0,", b"-1", b"x", b"0,,1",
         b"2147483647", b"2147483648", b"99"]
RULES = [b"+@all", b"-@all", b"+get", b"+set", b"+@keyspace", b"+select", b"+swapdb", b"+copy", b"+move", b"+flushall", b"+@read", b"+@scripting",
         b"+@transaction", b"~*", b"~a", b"~b", b"%R~a", b"%W~b", b"resetkeys", b"allchannels", b"resetchannels", b"&c", b"clearselectors", b"reset",
         b"+ping", b"-select", b"+publish"]
WORDS = [b"a", b"b", b"c", b"0", b"1", b"2", b"15", b"16", b"x", b"-1", b"DB", b"db", b"REPLACE", b"01"]
NAMES = [b"get", b"set", b"del", b"select", b"swapdb", b"move", b"copy", b"copy", b"flushall", b"flushdb", b"keys", b"dbsize", b"scan", b"randomkey",
         b"eval", b"publish", b"ping", b"info", b"object", b"watch", b"touch", b"lmove", b"wait", b"function", b"subscribe", b"memory", b"echo", b"sort"]


def databases(rng):
    roll = rng.random()
    if roll < 0.15:
        return rng.choice([b"alldbs", b"resetdbs", b"ALLDBS", b"ResetDbs"])
    return rng.choice([b"db=", b"db=", b"DB="]) + rng.choice(LISTS)


def rules(rng):
    chosen = []
    for _ in range(rng.randint(1, 5)):
        roll = rng.random()
        if roll < 0.35:
            chosen.append(databases(rng))
        elif roll < 0.5:
            chosen.append(b"(" + b" ".join(rng.choice([rng.choice(RULES[:21]), databases(rng)]) for _ in range(rng.randint(1, 4))) + b")")
        else:
            chosen.append(rng.choice(RULES))
    return chosen


def question(rng):
    return [rng.choice(NAMES), *(rng.choice(WORDS) for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 4, 6])))]


STEPS = [[b"SELECT", b"1"], [b"SELECT", b"0"], [b"SELECT", b"15"], [b"GET", b"a"], [b"SET", b"a", b"1"], [b"SET", b"b", b"1"], [b"MULTI"], [b"EXEC"],
         [b"EXEC"], [b"DISCARD"], [b"MOVE", b"a", b"1"], [b"MOVE", b"a", b"0"], [b"COPY", b"a", b"b", b"DB", b"1"], [b"COPY", b"a", b"b", b"REPLACE"],
         [b"SWAPDB", b"0", b"1"], [b"DBSIZE"], [b"FLUSHALL"], [b"FLUSHDB"], [b"PING"], [b"DEL", b"a"], [b"EVAL", b"return redis.pcall('get','a')", b"0"],
         [b"EVAL", b"redis.call('select', 1) return redis.pcall('set','a',2)", b"0"], [b"EVAL", b"return redis.acl_check_cmd('get','a')", b"0"],
         [b"SORT", b"list", b"BY", b"w_*"], [b"UNWATCH"], [b"ECHO", b"x"]]


# What Valkey says otherwise, and has nothing to do with databases.
OTHERWISE = [(re.compile(r'(, )?"sanitize-payload"|sanitize-payload '), ""), (re.compile(r" script: .*"), " script")]


def said_plainly(frame):
    text = frame.show(3000)
    for pattern, instead in OTHERWISE:
        text = pattern.sub(instead, text)
    return text


def walk(rng):
    steps, collects = [], False
    for _ in range(rng.randint(5, 25)):
        step = rng.choice(STEPS)
        # A MULTI within spoils the transaction there.
        if step[0] != b"MULTI" or not collects:
            steps.append(step)
        collects = step[0] == b"MULTI" or collects and step[0] not in (b"EXEC", b"DISCARD")
    return steps


def log_of(admin):
    entries = admin("ACL", "LOG", "128").value
    return [[entry.value[at].show() for at in (1, 3, 5, 7, 9)] for entry in entries]


class Pair:
    """Both servers; what they disagree in is kept."""

    def __init__(self, ours, peer):
        self.servers, self.differences = (ours, peer), []
        self.admins = [server.connect() for server in self.servers]

    def compare(self, lines, said):
        for line, mine, theirs in zip(lines, *said):
            mine, theirs = said_plainly(mine), said_plainly(theirs)
            if mine != theirs:
                self.differences.append("%s\n   ours   %s\n   theirs %s" % (show_command(line), mine, theirs))

    def ask(self, lines):
        said = [admin.converse(lines) for admin in self.admins]
        self.compare(lines, said)
        return said

    def questions(self, rng, user):
        lines = [[b"ACL", b"DELUSER", user], [b"ACL", b"SETUSER", user, b"db=0,1", *rules(rng)]]
        said = self.ask(lines)
        # Valkey always names the databases, ours only where somebody else did.
        shown = [admin("ACL", "GETUSER", user) for admin in self.admins]
        if shown[0].value is not None and b"databases" in shown[0].raw:
            self.compare([[b"ACL", b"GETUSER", user]], [[one] for one in shown])
        self.ask([[b"ACL", b"LIST"]])
        lines = []
        for number in NUMBERS:
            lines += [[b"SELECT", number], *([b"ACL", b"DRYRUN", user, *question(rng)] for _ in range(10))]
        self.ask(lines)
        return said

    def walks(self, rng, user):
        self.ask([[b"FLUSHALL"], [b"ACL", b"LOG", b"RESET"], [b"ACL", b"DELUSER", user],
                  [b"ACL", b"SETUSER", user, b"on", b"nopass", b"+select", *rules(rng)]])
        clients = [server.connect() for server in self.servers]
        lines = [[b"AUTH", user, b"x"], *walk(rng)]
        said = [client.converse(lines) for client in clients]
        before = len(self.differences)
        self.compare(lines, said)
        for client in clients:
            client.close()
        logs = [log_of(admin) for admin in self.admins]
        if logs[0] != logs[1]:
            self.differences.append("ACL LOG\n   ours   %s\n   theirs %s" % tuple(logs))
        if len(self.differences) > before:
            self.differences.append("   after %s" % "; ".join(show_command(line) for line in lines))
            self.differences.append("   as    %s" % self.admins[0]("ACL", "LIST").show(2000))


def play(binary, peer, count, seed):
    servers = [Server(binary, "ours"), Server(peer, "theirs")]
    try:
        pair, rng, asked = Pair(*servers), random.Random(seed), 0
        while asked < count and len(pair.differences) < 20:
            pair.questions(rng, rng.choice([b"alice", b"bob"]))
            pair.walks(rng, b"carol")
            asked += 60
        return pair.differences, asked
    finally:
        for server in servers:
            server.discard()


def tests_for(binary):
    """For run.py: where there is a Valkey that knows databases."""
    valkey = find_program("valkey-server")
    if not valkey or not knows_databases(valkey):
        return []

    def run():
        differences, _ = play(binary, valkey, 6000, "pollux")
        assert not differences, "\n".join(differences)
    return [("acl: databases, with valkey", run)]


def knows_databases(valkey):
    probe = Server(valkey, "peer")
    probe.discard()
    return probe.version >= (9, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--peer", default=find_program("valkey-server"))
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--seed", default=str(random.randrange(1 << 30)))
    opts = parser.parse_args()
    differences, asked = play(opts.bin, opts.peer, opts.count, opts.seed)
    print("\n".join(differences))
    print("%d questions, %d differences, seed %s" % (asked, len(differences), opts.seed))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
