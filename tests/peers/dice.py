"""What random arguments look like: mostly sensible, so that state builds up, sometimes odd, so that edges are met.

A command is written as its syntax, the way the documentation does:

    SET key value [NX|XX] [GET] [EX seconds|PX ms|KEEPTTL]
    ZADD key [NX|XX] (score member)+
    SINTERCARD #key [LIMIT count]

Capital words are sent as they stand. A small word is the name of a method of `Dice` and becomes what that returns.
`[a|b]` is there or not, `(a|b)` is one of them, `+` repeats one to four times, `#key` is a number and as many keys
(now and then the wrong number). `key:set` is a key of another family. Characters of these sets that are meant for the
wire are written in quotes: '('. A template may begin with a weight and end with the first version that has it:

    4 HSETEX key FIELDS 1 field value @8.0
"""

import random
import re

from scripting import FUNCTIONS, LIBRARIES, SCRIPTS

INT_MAX, INT_MIN = 2**63 - 1, -2**63

# What is no integer to a server, or only just one.
ODD_INTEGERS = [b"abc", b"", b" 1", b"1 ", b"+1", b"01", b"-0", b"1.0", b"1e3", b"0x10", b"9223372036854775807",
                b"-9223372036854775808", b"9223372036854775808", b"-9223372036854775809", b"18446744073709551615",
                b"18446744073709551616", b"4611686018427387904", b"-4611686018427387905", b"99999999999999999999999",
                b"4294967296", b"2147483648", b"-2147483649", b"-", b"1\x00", b"nan", b"inf"]
# Near the ends of what a number can be, in milliseconds, seconds and the bits that some field has.
ENDS = [INT_MAX, INT_MIN, INT_MAX // 1000, INT_MIN // 1000, 2**62, 2**53, 2**48, 2**46, 2**46 // 1000, 2**32, 2**31, -2**31]

# Payloads of DUMP: a number, a text, a list, a set of numbers.
PAYLOADS = [
    b'\x00\xc0\x07\n\x00t\xcdH\xa2\x83\xab\xce\x92',
    b'\x00\x0bhello world\n\x00\x0b\xfcI\xb9\xa6\xc7\xa04',
    b'\x12\x01\x02\x0c\x0c\x00\x00\x00\x02\x00\x81a\x02\x05\x01\xff\n\x00\xec\xe2\xb0M\x82\x81\xb9Q',
    b'\x0b\x0e\x02\x00\x00\x00\x03\x00\x00\x00\x01\x00\x02\x00\x03\x00\n\x00\xa5\x02\\\xe2mnM\x1b',
]
ODD_FLOATS = [b"inf", b"-inf", b"+inf", b"Infinity", b"-iNfInItY", b"nan", b"-nan", b"NaN", b"0x1p3", b"0x1.8p-2", b"1e400",
              b"-1e400", b"1e-400", b"5e-324", b"2.2250738585072014e-308", b"1.7976931348623157e308",
              b"9007199254740993", b"9223372036854775807", b"-9223372036854775808", b"18446744073709551615",
              b"1e17", b"1e21", b"1e22", b"123456789012345680000", b"3.0e+10", b".5", b"5.", b"-.5e-2", b"-0", b"-0.0", b"0.1",
              b"0.30000000000000004", b"1e", b"e1", b"", b" 1", b"1 ", b"1_0", b"1,5", b"+1.5", b"--1", b"1\x00", b"abc",
              b"1.23456789012345678", b"100000000000000000000", b"0.0001", b"0.00001", b"0.000001", b"1e-7", b"1e-5"]
ODD_BYTES = [b"", b"\x00", b"\xff\xfe", b"a\x00b", b"line\r\nbreak", b"\r\n", b"\"quoted\" 'text'", b"caf\xc3\xa9", b"*", b"[a-",
             b"$-1\r\n", b"-ERR no", b"\x80" * 3, b" ", b"{tag}x", b"{}x", b"-1", b"0", b"00"]


class Dice:
    """Random values of every kind a template can name. `family` is whose keys `key` gives."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.family = "string"
        self.prefixes = {}      # family name -> prefix of its keys; filled by the families

    # -- chance

    def chance(self, probability):
        return self.rng.random() < probability

    def pick(self, options):
        return options[int(self.rng.random() * len(options))]

    def between(self, low, high):
        return self.rng.randint(low, high)

    # -- keys

    def key(self, family=None):
        """One of the family's four keys; rarely a key of another type, an odd one, or one that never exists."""
        roll = self.rng.random()
        if roll < 0.03:
            return b"missing"
        if roll < 0.035:
            return self.pick(ODD_BYTES)
        if roll < 0.08:
            family = self.pick(sorted(self.prefixes))
        prefix = self.prefixes.get(family or self.family, (family or self.family)[:1])
        return b"%s%d" % (prefix.encode(), self.between(1, 4))

    def lexkey(self):
        """A sorted set whose members all have score 0: with others the order by name is nobody's promise."""
        return b"zlex%d" % self.between(1, 2)

    def anykey(self):
        return self.key(self.pick(sorted(self.prefixes)))

    # -- bytes

    def value(self):
        """A string as people store them: short, numbers, at the borders of encodings, long, binary."""
        roll = self.rng.random()
        if roll < 0.35:
            return self.pick([b"a", b"b", b"hello", b"world", b"foobar", b"x y z", b"value"])
        if roll < 0.55:
            return b"%d" % self.between(-20, 200)
        if roll < 0.65:
            return self.pick(ODD_INTEGERS)
        if roll < 0.72:
            return self.pick(ODD_FLOATS)
        if roll < 0.80:
            return self.pick(ODD_BYTES)
        if roll < 0.90:
            return b"v" * self.pick([43, 44, 45, 63, 64, 65, 127, 128, 129, 190, 255, 256])
        if roll < 0.97:
            return bytes(self.rng.randrange(256) for _ in range(self.between(1, 40)))
        return b"long" * self.pick([128, 256, 1024, 4096, 5000])

    def shortvalue(self):
        return self.value()[:40]

    def member(self):
        """An element: few enough that they meet again."""
        roll = self.rng.random()
        if roll < 0.45:
            return self.pick([b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"aa", b"ab", b"B"])
        if roll < 0.75:
            return b"%d" % self.between(-5, 12)
        if roll < 0.82:
            return b"m%d" % self.between(0, 300)
        return self.value()

    def field(self):
        return self.member() if self.chance(0.3) else self.pick([b"f1", b"f2", b"f3", b"f4", b"f5", b"f6"])

    def element(self):
        return self.member()

    def pattern(self):
        return self.pick([b"*", b"?", b"s*", b"l?", b"[a-f]*", b"[^a]*", b"*1", b"h[12]", b"\\*", b"[a", b"", b"**", b"*?*",
                          b"[z-a]?", b"f[^2]", b"a\\", b"[\\]]", b"k*y"])

    # -- integers

    def int(self):
        roll = self.rng.random()
        if roll < 0.10:
            return self.pick(ODD_INTEGERS)
        if roll < 0.16:
            return b"%d" % self.pick([INT_MAX, INT_MIN, INT_MAX - 1, INT_MIN + 1, 2**31, 2**32, -2**31, 2**53, 2**62])
        if roll < 0.25:
            return b"%d" % self.between(-1000000, 1000000)
        return b"%d" % self.between(-10, 20)

    def smallint(self):
        return self.pick(ODD_INTEGERS) if self.chance(0.06) else b"%d" % self.between(0, 10)

    def index(self):
        return self.pick(ODD_INTEGERS) if self.chance(0.05) else b"%d" % self.between(-12, 12)

    def count(self):
        return self.pick(ODD_INTEGERS) if self.chance(0.05) else b"%d" % self.between(-3, 10)

    def positive(self):
        return self.pick(ODD_INTEGERS) if self.chance(0.04) else b"%d" % self.between(1, 8)

    def offset(self):
        """A position in a string: small, or too large to be taken, never large enough to cost memory."""
        if self.chance(0.06):
            return self.pick([b"-1", b"536870912", b"9223372036854775807", b"abc", b"", b"-9223372036854775808"])
        return b"%d" % self.pick([0, 1, 2, 3, 7, 8, 15, 20, 63, 64, 100, 300, self.between(0, 1000)])

    def bitoffset(self):
        if self.chance(0.05):
            return self.pick([b"-1", b"4294967296", b"9223372036854775807", b"x", b""])
        return b"%d" % self.pick([0, 1, 6, 7, 8, 9, 15, 16, 31, 32, 63, 64, 100, self.between(0, 2000)])

    def bit(self):
        return self.pick([b"0", b"1", b"0", b"1", b"0", b"1", b"0", b"1", b"2", b"-1", b"x"])

    def db(self):
        if self.chance(0.1):
            return self.pick(ODD_INTEGERS)
        return self.pick([b"0", b"1", b"2", b"0", b"1", b"2", b"15", b"16", b"-1"])

    def cursor(self):
        """Mostly the start; else whatever `strtoull` takes, or does not."""
        if self.chance(0.6):
            return b"0"
        return self.pick([b"", b" ", b"\t", b"\n  ", b"\x0b", b"\xa0"]) + self.pick([b"", b"", b"+", b"-", b"--", b"00"]) + \
            self.pick([b"0", b"0", b"x", b"", b"1", b"7", b"18446744073709551615", b"18446744073709551616", b"0x1"]) + \
            self.pick([b"", b"", b"", b"\x00", b"\x00x", b" ", b"x"])

    def near_an_end(self):
        """A number a little off one of the ends."""
        return b"%d" % (self.pick(ENDS) + self.pick([-2, -1, 0, 1, 2, 1000, -1000, 10**12, -10**12]))

    def payload(self):
        return self.pick(PAYLOADS)

    # -- times: far enough away that nothing expires in the middle of a comparison, or in the past

    def seconds(self):
        if self.chance(0.12):
            return self.pick([b"0", b"-1", b"9223372036854775807", b"-9223372036854775808", b"9223372036854775",
                              b"9223370000000000", b"abc", b"1.5", b""])
        return b"%d" % self.between(1000, 100000)

    def ms(self):
        if self.chance(0.12):
            return self.pick([b"0", b"-1", b"9223372036854775807", b"-9223372036854775808", b"9223372036854770000",
                              b"abc", b"1.5", b""])
        return b"%d" % self.between(1000000, 100000000)

    def at(self):
        if self.chance(0.12):
            return self.pick([b"0", b"-1", b"1", b"9223372036854775807", b"9223372036854776", b"abc", b"1000000000"])
        return b"%d" % (4000000000 + self.between(0, 1000))

    def atms(self):
        if self.chance(0.12):
            return self.pick([b"0", b"-1", b"1", b"9223372036854775807", b"abc", b"1000000000000"])
        return b"%d" % (4000000000000 + self.between(0, 1000000))

    def timeout(self):
        return self.pick([b"0.01", b"0.02", b".01", b"-1", b"-0.5", b"abc", b"", b"1e-3", b"0.01", b"9223372036854775808"])

    def minidle(self):
        """How long something must have been idle: no time at all, or so much that no pause in a comparison counts."""
        return self.pick(ODD_INTEGERS) if self.chance(0.06) else self.pick([b"0", b"0", b"0", b"-1", b"30000"])

    def blockms(self):
        return self.pick([b"1", b"5", b"10", b"-1", b"abc", b"1.5", b""])

    # -- floats and scores

    def float(self):
        roll = self.rng.random()
        if roll < 0.25:
            return self.pick(ODD_FLOATS)
        if roll < 0.5:
            return b"%d" % self.between(-10, 20)
        if roll < 0.8:
            return repr(round(self.rng.uniform(-100, 100), self.between(0, 5))).encode()
        return repr(self.rng.uniform(-1, 1) * 10.0 ** self.between(-12, 25)).encode()

    def increment(self):
        """For INCRBYFLOAT: exponents that an 80-bit sum still prints in reasonable length."""
        roll = self.rng.random()
        if roll < 0.2:
            return self.pick(ODD_FLOATS)
        if roll < 0.5:
            return b"%d" % self.between(-1000, 1000)
        return repr(round(self.rng.uniform(-1000, 1000), self.between(0, 12))).encode()

    def score(self):
        if self.chance(0.5):
            return b"%d" % self.between(-3, 6)
        return self.float()

    def scoremin(self):
        bound = self.pick([b"-inf", b"-inf", b"0", b"1", b"-2", b"2.5", self.score()])
        return b"(" + bound if self.chance(0.25) else bound

    def scoremax(self):
        bound = self.pick([b"+inf", b"inf", b"3", b"5", b"1", b"2.5", self.score()])
        return b"(" + bound if self.chance(0.25) else bound

    def lexmin(self):
        return self.pick([b"-", b"-", b"[a", b"(a", b"[b", b"(", b"[", b"+", b"a", b"", b"(B", b"[\xff"])

    def lexmax(self):
        return self.pick([b"+", b"+", b"[f", b"(f", b"[c", b"[", b"(", b"-", b"f", b"", b"(aa", b"[\xff"])

    def weight(self):
        return self.pick([b"1", b"2", b"-1", b"0", b"0.5", b"inf", b"-inf", b"x", b"1e300", b"nan"])

    # -- streams

    def streamid(self):
        """An ID that can be added: rising most of the time."""
        roll = self.rng.random()
        if roll < 0.15:
            return b"%d-*" % self.between(1, 30)
        if roll < 0.22:
            return self.pick([b"0-0", b"0-1", b"0", b"0-*", b"18446744073709551615-18446744073709551615", b"1-", b"-1", b"a-1",
                              b"1-1-1", b"1-18446744073709551615", b"18446744073709551616-1", b"", b"5-01", b"$", b"-", b"+"])
        return b"%d-%d" % (self.between(1, 30), self.between(0, 5))

    def anyid(self):
        """An ID that asks for a place."""
        if self.chance(0.08):
            return self.pick([b"$", b">", b"-", b"+", b"x", b"", b"(5", b"1-1-1", b"0-0",
                              b"18446744073709551615-18446744073709551615"])
        return b"%d" % self.between(0, 30) if self.chance(0.4) else b"%d-%d" % (self.between(0, 30), self.between(0, 5))

    def rangelow(self):
        base = self.pick([b"-", b"-", b"0", b"5", self.anyid()])
        return b"(" + base if self.chance(0.15) else base

    def rangehigh(self):
        base = self.pick([b"+", b"+", b"20", b"9-3", self.anyid()])
        return b"(" + base if self.chance(0.15) else base

    def group(self):
        return self.pick([b"g1", b"g1", b"g1", b"g2", b"g2", b"nogroup"])

    def consumer(self):
        return self.pick([b"alice", b"alice", b"bob", b"bob", b"carol", b""])

    # -- places

    def lon(self):
        if self.chance(0.06):
            return self.pick([b"181", b"-180", b"180", b"-181", b"abc", b"nan", b"inf"])
        return repr(round(self.rng.uniform(-20, 40), self.between(0, 6))).encode()

    def lat(self):
        if self.chance(0.06):
            return self.pick([b"85.05112878", b"-85.05112878", b"86", b"-90", b"abc", b"nan"])
        return repr(round(self.rng.uniform(-60, 70), self.between(0, 6))).encode()

    def distance(self):
        return self.pick([b"0", b"1", b"100", b"500", b"1000", b"5000", b"20000", b"-1", b"abc", b"1e9", b"0.5"])

    def unit(self):
        return self.pick([b"m", b"km", b"km", b"km", b"mi", b"ft", b"KM", b"parsec"])

    # -- bit fields

    def bittype(self):
        if self.chance(0.06):
            return self.pick([b"u64", b"i65", b"u0", b"x8", b"i", b"", b"u-1", b"i1.5"])
        return self.pick([b"u1", b"u2", b"u5", b"u8", b"u16", b"u32", b"u63", b"i1", b"i5", b"i8", b"i16", b"i32", b"i63", b"i64"])

    def bitplace(self):
        if self.chance(0.05):
            return self.pick([b"-1", b"#-1", b"#", b"x", b"4294967296", b"#4294967296"])
        return b"%s%d" % (self.pick([b"", b"#"]), self.between(0, 40))

    def bitvalue(self):
        return self.pick([b"0", b"1", b"-1", b"127", b"128", b"255", b"256", b"-128", b"-129", b"65535", b"9223372036854775807",
                          b"-9223372036854775808", b"100", b"3", b"x"])

    # -- words

    def type(self):
        return self.pick([b"string", b"list", b"set", b"zset", b"hash", b"stream", b"STRING"])

    def channel(self):
        return self.pick([b"ch1", b"ch2", b"news", b"a*", b""])

    def name(self):
        if self.chance(0.3):
            return b"a" + bytes([self.between(0, 255)]) + self.pick([b"", b"b", b" b"])
        return self.pick([b"one", b"two", b"a-name", b"bad name", b"", b"new\nline", b"caf\xc3\xa9"])

    def attribute(self):
        """What CLIENT SETINFO sets, as people write it."""
        return self.pick([b"LIB-NAME", b"LIB-VER", b"lib-name", b"Lib-Ver", b"lib-name\x00", b"lib_name", b"x\x00y", b""])

    def restorettl(self):
        """A time to live for RESTORE: none, far away, or near the ends of time; nothing that is due meanwhile."""
        return self.pick([b"0", b"0", b"0", b"100000000", b"-1", b"x", self.pick(ODD_INTEGERS), self.near_an_end()])

    def sortpattern(self):
        return self.pick([b"w*", b"w*->f1", b"h*->f2", b"nosort", b"*", b"#", b"s*", b"missing_*", b"h*->", b"x->y"])

    def script(self):
        return self.pick(SCRIPTS).encode()

    def library(self):
        return self.pick(LIBRARIES).encode()

    def function(self):
        return self.pick(FUNCTIONS).encode()

    def junk(self):
        """Anything at all, for replacing an argument."""
        return self.pick([self.value(), self.int(), self.float(), self.pick(ODD_BYTES), b"LIMIT", b"COUNT", b"WITHSCORES", b"NX",
                          b"GET", b"STORE", b"*", b"ANY", b"0", b"-1"])


# ------------------------------------------------------------------------------------------------------- templates

TOKEN = re.compile(r"'[^']*'|[\[\]()|+]|[^\s\[\]()|+']+")


class Template:
    """A parsed syntax line."""

    def __init__(self, line):
        head = re.match(r"(\d+)\s+(.*)", line)
        self.weight, line = (int(head.group(1)), head.group(2)) if head else (1, line)
        tail = re.match(r"(.*?)\s*@(\d+)\.(\d+)$", line)
        self.since, line = ((int(tail.group(2)), int(tail.group(3))), tail.group(1)) if tail else ((0, 0), line)
        self.line = line
        self.tokens = TOKEN.findall(line)
        self.name = self.tokens[0].encode()
        second = self.tokens[1] if len(self.tokens) > 1 else ""
        self.subcommand = second.encode() if self.name in CONTAINERS and second.isupper() else None
        self.tree, rest = self._sequence(0)
        if rest != len(self.tokens):
            raise ValueError("cannot read %r" % line)
        for token in self.tokens:
            maker = token.lstrip("#").partition(":")[0]
            if maker[:1].islower() and not hasattr(Dice, maker):
                raise ValueError("%r in %r is nothing that Dice makes; quote it to send it as it stands" % (token, line))

    def _sequence(self, at):
        """Alternatives up to a closing bracket: a list of sequences, each a list of (kind, what, repeats)."""
        options, current = [], []
        while at < len(self.tokens) and self.tokens[at] not in "])":
            token = self.tokens[at]
            at += 1
            if token == "|":
                options.append(current)
                current = []
                continue
            if token in "[(":
                inner, at = self._sequence(at)
                at += 1
                node = ["maybe" if token == "[" else "one", inner, False]
            else:
                node = ["word", token, False]
            if at < len(self.tokens) and self.tokens[at] == "+":
                node[2] = True
                at += 1
            current.append(node)
        options.append(current)
        return options, at

    def roll(self, dice):
        return self._options(self.tree, dice)

    def _options(self, options, dice):
        args = []
        for kind, what, repeats in dice.pick(options):
            for _ in range(dice.pick([1, 1, 2, 3, 4]) if repeats else 1):
                if kind == "word":
                    args += self._word(what, dice)
                elif kind == "one" or dice.chance(0.4):
                    args += self._options(what, dice)
        return args

    @staticmethod
    def _word(word, dice):
        if word[0] == "'":
            return [word[1:-1].encode()]
        counted = word[0] == "#" and len(word) > 1
        name, _, family = word.lstrip("#").partition(":")
        if not name or not name[0].islower():
            return [word.encode()]
        maker = getattr(dice, name)
        args = [maker(family)] if family else [maker()]
        if not counted:
            return args
        args += [maker(family) if family else maker() for _ in range(dice.pick([0, 0, 1, 2]))]
        said = len(args) + (dice.pick([-1, 1, 5]) if dice.chance(0.03) else 0)
        return [b"%d" % said] + args


CONTAINERS = {b"OBJECT", b"XINFO", b"XGROUP", b"CLIENT", b"COMMAND", b"CONFIG", b"DEBUG", b"MEMORY", b"SCRIPT",
              b"FUNCTION", b"ACL", b"PUBSUB", b"SLOWLOG", b"LATENCY", b"CLUSTER", b"MODULE"}
