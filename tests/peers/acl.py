#!/usr/bin/env python3
"""Random rules and random questions, asked of ours and of a real server.

A user is given some rules by ACL SETUSER; the reply is compared, then ACL GETUSER and ACL LIST, then what ACL DRYRUN says
about random requests: whether they are allowed, and which word stands in the way. Rules are made from the grammar, with
mistakes in between; requests from the commands that both servers have. All categories are compared command by command
first.

  acl.py --bin target/release/pollux --count 200000 --seed x
"""

import argparse
import random
import sys

from resp import show_command
from servers import Server, find_peer

KEYS = [b"a", b"b", b"app:1", b"app:2", b"x:y", b"", b"foo", b"*", b"\xff\x00k", b"long:" + b"k" * 40]
PATTERNS = [b"a", b"app:*", b"x*", b"*", b"?", b"[ab]", b"foo", b"*1", b"app:[1-2]", b"", b"\\*", b"**", b"b c", b"~", b"Q\x00z"]
CHANNELS = [b"news", b"news.*", b"new?", b"*", b"orders", b"a b", b"", b"[no]*"]
WORDS = [b"on", b"off", b"nopass", b"resetpass", b"reset", b"allkeys", b"resetkeys", b"allchannels", b"resetchannels",
         b"allcommands", b"nocommands", b"clearselectors", b"sanitize-payload", b"skip-sanitize-payload", b"+@all", b"-@all",
         b"~*", b"&*", b"ON", b"AllKeys", b"", b"nonsense", b"+", b"-", b"~", b"&", b"%", b"%R", b"%RW", b"%~x", b"%RR~x", b"%X~x",
         b"+@", b"-@nothing", b"(", b")", b"()", b"#", b"!", b">", b"<", b"#" + b"g" * 64, b"!" + b"0" * 64, b"reset\x00x"]
NUMBERS = [b"0", b"1", b"2", b"3", b"-1", b"x", b"10", b"01"]
OPTIONS = [b"STORE", b"GET", b"BY", b"STREAMS", b"KEYS", b"COUNT", b"STOREDIST", b"LIMIT", b"GROUP", b"WEIGHTS", b"m", b"u8", b"SET",
           b"LEFT", b"AND", b"nx", b"EX", b"MATCH", b"FROMMEMBER", b"BYRADIUS", b"get", b"incrby", b"AUTH"]


class Maker:
    def __init__(self, rng, commands, categories):
        self.rng, self.commands, self.categories = rng, commands, categories

    def case(self, word):
        return word.upper() if self.rng.random() < 0.15 else word

    def command(self):
        roll = self.rng.random()
        name = self.rng.choice(self.commands)
        if roll < 0.08:
            return name + b"|" + self.rng.choice([b"get", b"0", b"x-y", b"", b"a|b", b"help", b"HELP"])
        if roll < 0.11:
            return b"nosuchcommand"
        return self.case(name)

    def rule(self):
        rng = self.rng
        roll = rng.random()
        if roll < 0.38:
            return rng.choice([b"+", b"+", b"-"]) + self.command()
        if roll < 0.52:
            return rng.choice([b"+@", b"-@"]) + self.case(rng.choice(self.categories))
        if roll < 0.70:
            return rng.choice([b"~", b"~", b"%R~", b"%W~", b"%RW~", b"%wr~", b"%r~"]) + rng.choice(PATTERNS)
        if roll < 0.78:
            return b"&" + rng.choice(CHANNELS)
        if roll < 0.84:
            return rng.choice([b">", b"<", b">"]) + rng.choice([b"pw", b"secret", b"", b"p w", b"\x00"])
        return rng.choice(WORDS)

    def rules(self):
        rng = self.rng
        rules = []
        for _ in range(rng.choice([1, 1, 2, 3, 5])):
            if rng.random() < 0.12:
                inner = b" ".join(self.rule() for _ in range(rng.randint(0, 4)))
                text = b"(" + inner + b")"
                rules.extend(text.split(b" ") if rng.random() < 0.3 else [text])
            else:
                rules.append(self.rule())
        return rules

    def word(self):
        roll = self.rng.random()
        if roll < 0.45:
            return self.rng.choice(KEYS)
        if roll < 0.65:
            return self.rng.choice(NUMBERS)
        if roll < 0.75:
            return self.rng.choice(CHANNELS)
        return self.rng.choice(OPTIONS)

    def question(self):
        name = self.rng.choice(self.commands).split(b"|")
        return [*name, *(self.word() for _ in range(self.rng.choice([0, 1, 1, 2, 2, 3, 4, 5, 7])))]


def names_of(connection, category):
    """The commands of a category that both can have: the real server has no JSON."""
    names = {part.value for part in connection("ACL", "CAT", category).value}
    return {name for name in names if not name.startswith(b"json.")}


def compare_categories(ours, peer):
    """The categories, and the commands of each."""
    categories = [part.value for part in peer("ACL", "CAT").value]
    mine = [part.value for part in ours("ACL", "CAT").value if part.value != b"json"]
    assert mine == categories, "categories: %s and %s" % (mine, categories)
    commands = set()
    for category in categories:
        theirs, mine = names_of(peer, category), names_of(ours, category)
        assert mine == theirs, "@%s: only ours has %s, only theirs %s" % (category.decode(), mine - theirs, theirs - mine)
        commands |= theirs
    return categories, commands


def known_commands(connection):
    """Every command and subcommand the server can run."""
    return {part.value.lower() for part in connection("COMMAND", "LIST").value}


def play(ours, peer, count, seed):
    """Asks until `count` questions have been answered; returns the differences."""
    categories, all_commands = compare_categories(ours, peer)
    tops = known_commands(ours) & known_commands(peer)
    can_ask = sorted(name for name in all_commands if name.split(b"|")[0] in tops and name in can_run(ours, name))
    rng = random.Random(seed)
    maker = Maker(rng, sorted(all_commands), categories)
    asker = Maker(rng, can_ask, categories)
    differences, asked = [], 0
    while asked < count:
        user = rng.choice([b"alice", b"bob", b"default2", b"eve"])
        lines = [[b"ACL", b"SETUSER", user, *maker.rules()]]
        if rng.random() < 0.1:
            lines.insert(0, [b"ACL", b"DELUSER", user])
        lines += [[b"ACL", b"GETUSER", user], [b"ACL", b"LIST"]]
        lines += [[b"ACL", b"DRYRUN", user, *asker.question()] for _ in range(40)]
        asked += 41
        for line, mine, theirs in zip(lines, ours.converse(lines), peer.converse(lines)):
            if mine.raw != theirs.raw:
                differences.append("%s\n   ours   %s\n   theirs %s" % (show_command(line), mine.show(), theirs.show()))
                if len(differences) > 20:
                    return differences, asked
    return differences, asked


RUNNABLE = {}


def can_run(connection, name):
    """The commands among `name`'s family that the server has."""
    top = name.split(b"|")[0]
    if top not in RUNNABLE:
        info = connection("COMMAND", "INFO", top).value[0]
        names = {top}
        if info.value and len(info.value) > 9:
            names |= {sub.value[0].value.lower() for sub in info.value[9].value}
        RUNNABLE[top] = names
    return RUNNABLE[top]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--peer", default=find_peer())
    parser.add_argument("--count", type=int, default=200000)
    parser.add_argument("--seed", default=str(random.randrange(1 << 30)))
    opts = parser.parse_args()
    mine, theirs = Server(opts.bin, "ours"), Server(opts.peer, "theirs")
    try:
        differences, asked = play(mine.connect(), theirs.connect(), opts.count, opts.seed)
    finally:
        mine.discard()
        theirs.discard()
    for difference in differences:
        print(difference)
    print("%d questions, %d differences, seed %s" % (asked, len(differences), opts.seed))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
