#!/usr/bin/env python3
"""Random scripts and functions, run by our server and a real one: the replies are the same bytes.

A script is made of expressions that reach for the edges: numbers that no longer fit, NaN, strings of any bytes, tables with
holes and deep ones, odd arguments for cjson, cmsgpack, struct and bit, patterns and formats, errors raised and caught
anywhere, replies of commands in both protocols. Most run by EVAL, some as functions by FCALL. Loops have ends, and what
tells addresses of memory is not asked for.

  tests/peers/lua.py --count 200000 --seed 7
"""

import argparse
import os
import random
import re
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from resp import Closed, quote
from servers import Server, find_peer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# So many scripts are sent before the first reply is read.
BATCH = 100
# After so many the keys are made anew, and what scripts have configured is forgotten.
FRESH = 2000

# Where a value lies says nothing.
ADDRESS = re.compile(rb"0x[0-9a-f]+")

NUMBERS = [
    "0", "-0", "1", "-1", "2", "3", "7", "10", "0.1", "-0.5", "0.5", "1.5", "-1.5", "2.5", "3.99999", "1/3", "1e15", "1e16", "-1e16", "1e17",
    "123456789012345", "1234567890123456", "12345678901234567", "99999999999999", "100000000000000", "999999999999999",
    "2^31", "2^31-1", "-2^31", "-2^31-1", "2^32", "2^32-1", "-2^32", "2^53", "2^53+1", "-2^53", "2^63", "-2^63", "2^64", "9.2233720368547e18",
    "1e19", "-1e19", "1e100", "1e308", "1e309", "-1e309", "0/0", "-(0/0)", "math.huge", "-math.huge", "5e-324", "1e-5", "1e-4", "0.0001",
    "1e-7", "math.pi", "255", "256", "127", "128", "-128", "-129", "32767", "32768", "65535", "65536", "0xff", "0xffffffff", "1e14", "1e13",
]
STRINGS = [
    "''", "'a'", "'abc'", "'0'", "'10'", "'-1'", "' 5 '", "'0x10'", "'1e3'", "'1.5'", "'nan'", "'inf'", "'\\0'", "'a\\0b'", "'\\255\\254'",
    "'\\r\\n'", "'line\\nbreak'", "'caf\\195\\169'", "'\\240\\159\\152\\128'", "'\\237\\160\\128'", "'\"quoted\"'", "'\\\\'", "'/'", "'\\127'",
    "'%d %s'", "'%'", "('x'):rep(31)", "('x'):rep(32)", "('x'):rep(255)", "('y'):rep(256)", "('z'):rep(65536)", "'true'", "'null'", "'OK'",
    "'ERR a b'", "'MY code'", "'-x'", "'ok'", "'err'",
]
OTHERS = ["nil", "true", "false", "cjson.null", "cjson.empty_array", "print", "tostring", "math.floor",
          "function() end", "coroutine.create(function() end)", "KEYS", "ARGV", "KEYS[1]", "ARGV[1]", "ARGV[3]"]
FORMATS = ["%d", "%5d", "%-5d|", "%05d", "%+d", "%i", "%u", "%x", "%X", "%#x", "%o", "%c", "%e", "%E", "%.3e", "%f", "%.0f", "%.10f", "%g", "%G",
           "%.14g", "%.17g", "%.3g", "%10.2f", "%q", "%s", "%.2s", "%10s", "%-10s|", "%%", "%", "%y", "%5", "%.20s", "%.100f", "%99d", "%100d",
           "% d", "%a"]
PATTERNS = ["a", ".", ".*", "%d+", "(%w+)", "^a", "b$", "[a-c]+", "[^a]", "%bxy", "(a)(b)", "()", "a-", "%s*", "[", "%", "(", "a)", "%1", "(.)%1",
            "[%a_]", "%f[%w]%w+", "x?", "", "[]]", "[^]]", "%z", "[%z\\1-\\31]", "\\0", "(((.)))"]
REPLACEMENTS = ["''", "'x'", "'%0%0'", "'%1'", "'%2'", "'%'", "{a='1'}", "function(c) return c .. c end", "function() return false end",
                "function() return {} end", "function() return nil end", "nil", "1", "'%%'"]
PACKS = ["b", "B", "h", "H", "l", "L", "T", "f", "d", "i", "I", "i1", "i2", "i3", "i4", "i8", "I1", "I2", "I4", "I8", "I7", "i16", "i33", "i0", "s",
         "x", "c0", "c1", "c3", "c10", "c", ">", "<", "=", "!", "!1", "!2", "!4", "!8", "!3", "!16", " ", "Z", "?", "j", ">I2", "<i4", "!8d"]
JSON = ['{}', '[]', '[1,2,3]', '{"a":1}', '{"a":{"b":[]}}', 'null', 'true', 'false', '"text"', '""', '1', '-0', '1e3', '1E+2', '0.1', '-1.5e-7', '01', '1.',
        '.5', '+1', '0x10', 'nan', 'NaN', 'inf', 'Infinity', '-Infinity', '1e999', '123456789012345678901234567890', '[1,]', '[,1]', '{"a"}', '{"a":}',
        '{a:1}', "{'a':1}", '[1 2]', '[1,2', '{"a":1', '"open', '"\\u0041"', '"\\u00e9"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\ude00"', '"\\u12"', '"\\x"',
        '"\\n\\t\\/\\\\\\""', '"\\u0000"', 'nul', 'tru', 'nulll', '[null]', '[true,false,null]', '{"":1}', '{"a":1,"a":2}', '  [ 1 , 2 ]  ', '\ufeff[]', '[1]x', '"\t"',
        '"a\x01b"', '[[[[[[]]]]]]', '{"a":[{"b":null}]}', '1 2', '', ' ', '[-]', '-', '1e', '1e+', '[0e0]', '"\x7f"', '[1.0]', '[100000000000000]', '[1e15]']
COMMANDS = [
    "'GET','str'", "'GET','none'", "'GET','list'", "'INCR','num'", "'INCRBYFLOAT','num','0.1'", "'INCR','str'", "'LRANGE','list','0','-1'", "'HGETALL','hash'",
    "'SMEMBERS','single'", "'ZRANGE','zset','0','-1','WITHSCORES'", "'ZSCORE','zset','a'", "'ZSCORE','zset','none'", "'TYPE','list'", "'EXISTS','str','none'", "'SET','t','v'",
    "'SET','t','v','NX'", "'SET','t'", "'NOSUCH'", "'PING'", "'PING','x'", "'ECHO','\\0'", "'MGET','str','none','num'", "'HMGET','hash','f','none'", "'LPOP','none'",
    "'LPOP','list','0'", "'OBJECT','ENCODING','num'", "'CONFIG','GET','maxmemory'", "'MULTI'", "'SUBSCRIBE','c'", "'EVAL','return 1','0'", "'BLPOP','none','0'", "'XRANGE','stream','-','+'",
    "'XINFO','STREAM','stream'", "'GEOPOS','geo','a'", "'HKEYS','hash'", "'COMMAND','GETKEYS','GET','k'", "'APPEND','t2',''", "'STRLEN','str'",
    "'GETRANGE','str','0','2'", "'BITFIELD','bits','GET','u4','0'", "'BITCOUNT','str'", "'ZADD','zset','nan','m'", "'ZPOPMIN','none'", "'HINCRBYFLOAT','hash','x','1.5'", "'SORT','list','ALPHA'",
    "'WAIT','0','0'", "'DBSIZE','x'", "'get','str'", "''", "'SET','t3',1.5", "'SET','t3',2^53", "'SET','t3',0/0", "'SET','t3',1e20", "{}", "nil", "'GET',nil", "1", "'ZRANK','zset','a','WITHSCORE'",
    "'DEBUG','PROTOCOL','DOUBLE'", "'DEBUG','PROTOCOL','MAP'", "'DEBUG','PROTOCOL','SET'", "'DEBUG','PROTOCOL','BIGNUM'", "'DEBUG','PROTOCOL','VERBATIM'", "'DEBUG','PROTOCOL','NULL'",
    "'DEBUG','PROTOCOL','TRUE'", "'DEBUG','PROTOCOL','ATTRIB'",
]
CODES = ["return 1", "return", "x", "return x +", "return 'a", "error('e')", "local a = 1 return a", "return ...", "for i=1,2 do end", "return {1,{2}}",
         "goto x", "a b", "return 1 2", "\\27Lua", "return #", "--", "return --[[c]] 5", "break"]
SETUP = [
    ["FLUSHALL"], ["SET", "str", "value"], ["SET", "num", "10"], ["RPUSH", "list", "c", "a", "b"], ["HSET", "hash", "f", "v"], ["SADD", "single", "m"],
    ["ZADD", "zset", "1", "a", "2.5", "b", "inf", "c"], ["XADD", "stream", "1-1", "f", "v"], ["GEOADD", "geo", "13.361389", "38.115556", "a"], ["SETBIT", "bits", "3", "1"],
    ["SCRIPT", "FLUSH"], ["FUNCTION", "FLUSH"],
]


class Programs:
    """Random scripts. What they are made of is text."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def pick(self, options):
        return self.rng.choice(options)

    def chance(self, probability):
        return self.rng.random() < probability

    # -- values

    def number(self):
        kind = self.rng.random()
        if kind < 0.6:
            return self.pick(NUMBERS)
        if kind < 0.75:
            return str(self.rng.randint(-10, 300))
        if kind < 0.85:
            return str(self.rng.randint(-2**63, 2**64))
        return repr(self.rng.uniform(-1, 1) * 10 ** self.rng.randint(-20, 25))

    def small(self):
        return self.pick(["0", "1", "2", "3", "4", "5", "7", "-1", "-2", "10", "100"]) if self.chance(0.85) else self.number()

    def string(self):
        kind = self.rng.random()
        if kind < 0.6:
            return self.pick(STRINGS)
        if kind < 0.8:
            return self.bytes(self.rng.randint(0, 12))
        return "'%s'" % "".join(self.pick("abcxyz 019_-.") for _ in range(self.rng.randint(0, 40)))

    def bytes(self, count):
        return "'%s'" % "".join("\\%03d" % self.pick([0, 1, 9, 10, 13, 34, 92, 127, 128, 160, 192, 193, 200, 202, 203, 204, 217, 220, 222, 254, 255,
                                                       self.rng.randint(0, 255)]) for _ in range(count))

    def table(self, depth):
        kind = self.rng.random()
        if kind < 0.1:
            return "{}"
        if kind < 0.45:
            return "{%s}" % ",".join(self.value(depth + 1) for _ in range(self.rng.randint(1, 5)))
        if kind < 0.75:
            return "{%s}" % ",".join("%s=%s" % (self.pick(["a", "b", "c", "key", "n"]), self.value(depth + 1)) for _ in range(self.rng.randint(1, 3)))
        if kind < 0.85:
            return "{[%s]=%s}" % (self.pick(["1", "2", "3", "0", "-1", "1.5", "10", "11", "100", "'x'", "true", "2^53", "'1'"]), self.value(depth + 1))
        if kind < 0.92:
            return "{%s=%s}" % (self.pick(["ok", "err", "double", "map", "set", "big_number", "verbatim_string", "null", "attribute"]), self.value(depth + 1))
        if kind < 0.96:
            return "{verbatim_string={format=%s,string=%s}}" % (self.value(depth + 1), self.value(depth + 1))
        return "setmetatable({%s},{__index=function() return 7 end})" % self.value(depth + 1)

    def value(self, depth=0):
        kind = self.rng.random()
        if kind < 0.3:
            return self.number()
        if kind < 0.55:
            return self.string()
        if kind < 0.75 and depth < 4:
            return self.table(depth)
        if kind < 0.9 or depth > 3:
            return self.pick(OTHERS[:5]) if self.chance(0.7) else self.pick(OTHERS)
        return self.expression(depth + 1)

    def values(self, least, most):
        return ",".join(self.value(2) for _ in range(self.rng.randint(least, most)))

    # -- calls

    def expression(self, depth=0):
        if depth > 3:
            return self.value(4)
        return self.pick([self.json, self.json, self.msgpack, self.msgpack, self.struct, self.struct, self.bit, self.text, self.text, self.maths, self.tables, self.base,
                          self.base, self.operator, self.redis, self.command, self.command, self.caught, self.deep])(depth)

    def json(self, depth):
        kind = self.rng.random()
        if kind < 0.4:
            return "cjson.encode(%s)" % self.value(depth)
        if kind < 0.75:
            text = self.pick(JSON)
            if self.chance(0.3) and text:
                at = self.rng.randrange(len(text))
                text = text[:at] + self.pick(["", "{", "]", "\"", ",", "0", "e", "\\", "u", " "]) + text[at + self.rng.randint(0, 1):]
            text = "".join("\\%03d" % byte if byte < 32 or byte > 126 or byte in b"'\\" else chr(byte) for byte in text.encode())
            return ("cjson.encode(cjson.decode('%s'))" if self.chance(0.5) else "cjson.decode('%s')") % text
        if kind < 0.8:
            return "cjson.decode(%s)" % self.value(depth)
        if kind < 0.88:
            return "cjson.decode(cjson.encode(%s))" % self.value(depth)
        return self.pick(["cjson.encode_sparse_array(%s)" % self.values(0, 3), "cjson.encode_max_depth(%s)" % self.small(), "cjson.decode_max_depth(%s)" % self.small(),
                          "cjson.encode_number_precision(%s)" % self.small(), "cjson.encode_keep_buffer(%s)" % self.value(3), "cjson.encode_invalid_numbers(%s)" % self.value(3),
                          "cjson.decode_invalid_numbers(%s)" % self.value(3), "cjson.decode_array_with_array_mt(%s)" % self.value(3), "cjson.new and cjson.new().encode(%s)" % self.value(3),
                          "cjson._NAME", "cjson._VERSION"])

    def msgpack(self, depth):
        kind = self.rng.random()
        if kind < 0.35:
            return "cmsgpack.pack(%s)" % self.values(0, 3)
        if kind < 0.6:
            return "{cmsgpack.unpack(cmsgpack.pack(%s))}" % self.values(1, 3)
        if kind < 0.8:
            return "{cmsgpack.unpack(%s)}" % self.bytes(self.rng.randint(0, 12))
        data = self.pick([self.bytes(self.rng.randint(0, 8)), "cmsgpack.pack(%s)" % self.values(1, 3)])
        return self.pick(["{cmsgpack.unpack_one(%s,%s)}" % (data, self.small()), "{cmsgpack.unpack_limit(%s,%s,%s)}" % (data, self.small(), self.small()),
                          "{cmsgpack.unpack_one(%s)}" % data, "{cmsgpack.unpack_limit(%s)}" % data, "cmsgpack.unpack(%s)" % self.value(3)])

    def struct(self, depth):
        form = "'%s'" % "".join(self.pick(PACKS) for _ in range(self.rng.randint(0, 4)))
        kind = self.rng.random()
        if kind < 0.4:
            return "struct.pack(%s%s)" % (form, "".join("," + self.value(3) for _ in range(self.rng.randint(0, 4))))
        if kind < 0.8:
            return "{struct.unpack(%s,%s%s)}" % (form, self.pick([self.bytes(self.rng.randint(0, 16)), "struct.pack(%s,1,2,3)" % form]), "," + self.small() if self.chance(0.3) else "")
        return "struct.size(%s)" % (form if self.chance(0.9) else self.value(3))

    def bit(self, depth):
        name = self.pick(["tobit", "bnot", "band", "bor", "bxor", "lshift", "rshift", "arshift", "rol", "ror", "bswap", "tohex"])
        return "bit.%s(%s)" % (name, ",".join(self.number() if self.chance(0.9) else self.value(3) for _ in range(self.rng.randint(0 if self.chance(0.1) else 1, 3))))

    def text(self, depth):
        text = self.string() if self.chance(0.9) else self.value(3)
        return self.pick([
            lambda: "string.format('%s',%s)" % ("".join(self.pick(FORMATS) for _ in range(self.rng.randint(1, 3))), self.values(1, 3)),
            lambda: "string.format(%s)" % self.values(0, 2),
            lambda: "string.sub(%s,%s,%s)" % (text, self.small(), self.small()),
            lambda: "{string.byte(%s,%s,%s)}" % (text, self.small(), self.small()),
            lambda: "string.char(%s)" % ",".join(self.small() for _ in range(self.rng.randint(0, 3))),
            lambda: "string.rep(%s,%s)" % (self.pick(["''", "'ab'", "'\\0'"]), self.pick(["0", "-1", "3", "2.7", "'2'", "nil", "1000"])),
            lambda: "{string.find(%s,'%s',%s,%s)}" % (text, self.pick(PATTERNS), self.small(), self.pick(["nil", "true", "false"])),
            lambda: "{string.match(%s,'%s')}" % (text, self.pick(PATTERNS)),
            lambda: "{string.gsub(%s,'%s',%s%s)}" % (text, self.pick(PATTERNS), self.pick(REPLACEMENTS), "," + self.small() if self.chance(0.3) else ""),
            lambda: "(function() local r={} for a,b in string.gmatch(%s,'%s') do r[#r+1]=a r[#r+1]=tostring(b) if #r>20 then break end end return r end)()" % (text, self.pick(PATTERNS)),
            lambda: "string.%s(%s)" % (self.pick(["len", "upper", "lower", "reverse"]), text),
            lambda: "string.dump(%s)" % self.pick(["1", "nil", "print"]),
        ])()

    def maths(self, depth):
        name = self.pick(["abs", "ceil", "floor", "fmod", "modf", "max", "min", "pow", "sqrt", "exp", "log", "log10", "sin", "cos", "tan", "atan", "atan2", "ldexp", "frexp", "deg", "rad", "mod"])
        if self.chance(0.15):
            return "(function() math.randomseed(%s) return {math.random(),math.random(10),math.random(%s,%s)} end)()" % (self.small(), self.small(), self.small())
        return "{math.%s(%s)}" % (name, ",".join(self.number() if self.chance(0.93) else self.value(3) for _ in range(self.rng.randint(0 if self.chance(0.1) else 1, 2))))

    def tables(self, depth):
        table = "{%s}" % self.values(0, 4)
        return self.pick([
            lambda: "table.concat({%s}%s)" % (",".join(self.pick([self.number, self.string])() for _ in range(self.rng.randint(0, 4))), self.pick(["", ",','", ",',',2", ",'-',1,9", ",{}"])),
            # A place far away would take minutes.
            lambda: "(function() local t=%s table.insert(t,%s) return t end)()" % (table, self.pick(["", "1", "'x'", "nil", "1,2", "-1,{}", "2,'y'", "9,1", "1.5,0", "'1',3", "{},1", "1,2,3"])),
            lambda: "(function() local t=%s return {table.remove(t,%s),#t} end)()" % (table, self.small()),
            lambda: "(function() local t={%s} table.sort(t%s) return t end)()" % (
                ",".join(self.number().replace("-(0/0)", "1").replace("0/0", "1") for _ in range(self.rng.randint(0, 5))), self.pick(["", "", ",function(a,b) return a>b end", ",1"])),
            lambda: "table.%s(%s)" % (self.pick(["getn", "maxn"]), table),
            lambda: "{unpack(%s%s)}" % (table, self.pick(["", ",2", ",1,3", ",-1,1", ",1,8001", ",1,0"])),
            lambda: "{next(%s)}" % self.pick(["{}", "{5}", "{a=1}", "{},1", "nil"]),
            lambda: "(function() local r={} for k,v in ipairs(%s) do r[#r+1]=v end return r end)()" % table,
            lambda: "(function() local n=0 for k in pairs(%s) do n=n+1 end return n end)()" % self.table(2),
            lambda: "#%s" % table,
            lambda: "{rawget(%s,1),rawequal(%s,%s)}" % (table, self.value(3), self.value(3)),
        ])()

    def base(self, depth):
        return self.pick([
            lambda: "tostring(%s)" % self.value(3), lambda: "tonumber(%s)" % self.value(3), lambda: "tonumber(%s,%s)" % (self.string(), self.pick(["2", "8", "10", "16", "36", "37", "1", "nil"])),
            lambda: "type(%s)" % self.values(0, 1), lambda: "{select(%s,%s)}" % (self.pick(["'#'", "1", "2", "-1", "-5", "0", "nil"]), self.values(0, 3)),
            lambda: "assert(%s)" % self.values(1, 2), lambda: "{loadstring('%s')}" % self.pick(CODES), lambda: "{pcall(loadstring('%s'))}" % self.pick(CODES),
            lambda: "error(%s)" % self.values(0, 2), lambda: "{xpcall(function() %s end,%s)}" % (self.statement(depth + 1), self.pick(["function(e) return e end", "tostring", "print", "nil", "function(e) error(e) end", "type"])),
            lambda: "type(getmetatable(%s))" % self.pick(["''", "{}", "1", "_G", "nil"]), lambda: "setmetatable(%s,%s)" % (self.value(3), self.pick(["nil", "{}", "1", "{__tostring=function() return 'T' end}"])),
            lambda: "coroutine.wrap(function(a) local b=coroutine.yield(a) return %s end)(%s)" % (self.value(3), self.value(3)),
            lambda: "{coroutine.resume(coroutine.create(function(...) %s end),%s)}" % (self.statement(depth + 1), self.value(3)),
            lambda: "tostring(setmetatable({},{__tostring=function() return %s end}))" % self.value(3),
            lambda: "%s" % self.pick(["nosuch", "_G.nosuch", "redis.nosuch", "os.time", "io", "KEYS.x", "math.nosuch", "('x').nosuch", "nil .x", "arg", "_VERSION", "os.clock and 1", "select"]),
        ])()

    def operator(self, depth):
        one, other = self.value(3), self.value(3)
        return "(%s)%s(%s)" % (one, self.pick(["+", "-", "*", "/", "%", "^", "..", "==", "~=", "<", "<=", ">", ">=", " and ", " or "]), other) \
            if self.chance(0.8) else "%s(%s)" % (self.pick(["-", "not ", "#"]), one)

    def redis(self, depth):
        return self.pick([
            lambda: "redis.sha1hex(%s)" % self.values(0, 2), lambda: "redis.error_reply(%s)" % self.values(0, 2), lambda: "redis.status_reply(%s)" % self.values(0, 2),
            lambda: "redis.setresp(%s)" % self.pick(["2", "3", "3", "4", "'3'", "nil", ""]), lambda: "redis.log(%s)" % self.pick(["", "1", "0,'x'", "0,nil", "9,'x'", "'a','x'", "0,{}"]),
            lambda: "redis.set_repl(%s)" % self.pick(["3", "0", "9", "'x'", "", "redis.REPL_ALL"]), lambda: "redis.acl_check_cmd(%s)" % self.pick(COMMANDS),
            lambda: "redis.%s" % self.pick(["LOG_DEBUG", "REPL_ALL", "REDIS_VERSION", "REDIS_VERSION_NUM", "REPL_NONE"]),
        ])()

    def command(self, depth):
        return "redis.%s(%s)" % (self.pick(["call", "pcall"]), self.pick(COMMANDS))

    def caught(self, depth):
        return "{pcall(function() %s end)}" % self.statement(depth + 1) if self.chance(0.7) else "{pcall(%s)}" % self.pick(
            ["error,%s" % self.value(3), "redis.call,%s" % self.pick(COMMANDS), "cjson.decode,%s" % self.string(), "struct.unpack,'I4','a'", "string.rep", "tostring", "nil", "1", "error"])

    def deep(self, depth):
        levels = self.pick([5, 15, 16, 17, 18, 50, 100, 199, 200, 999, 1000, 1001])
        shape = self.pick(["{t}", "{t}", "{a=t}", "{t,1}", "{map={a=t}}"])
        built = "(function() local t=%s for i=1,%d do t=%s end return t end)()" % (self.value(3), levels, shape)
        return self.pick(["cjson.encode(%s)", "cmsgpack.pack(%s)", "%s", "{cmsgpack.unpack(cmsgpack.pack(%s))}"]) % built \
            if self.chance(0.6) else "cjson.decode(('['):rep(%d)..(']'):rep(%d))" % (levels, levels)

    # -- programs

    def statement(self, depth=0):
        kind = self.rng.random()
        if kind < 0.6:
            return "return %s" % self.expression(depth)
        if kind < 0.7:
            return "local a=%s return {a,type(a)}" % self.expression(depth)
        if kind < 0.78:
            return "local a,b=%s return tostring(a)..tostring(b)" % self.expression(depth)
        if kind < 0.84:
            return "error(%s)" % self.values(0, 2)
        if kind < 0.88:
            return "redis.setresp(3) local a=%s return a" % self.expression(depth)
        if kind < 0.92:
            return "%s" % self.pick(["x=1", "redis.x=1", "_G.x=1", "string.x=1", "rawset(_G,'x',1)", "setmetatable(_G,{})", "table.insert(KEYS,1) return KEYS", "KEYS=1", "local function f() return f() end",
                                     "local function f(n) return n and f(n) + 1 end return f(1)", "return ('x'):rep(5), 2", "getmetatable('').__index=1", "return redis.pcall"])
        return "for i=1,3 do local r=%s if i==3 then return r end end" % self.expression(depth)

    def script(self):
        text = self.statement()
        if self.chance(0.25):
            text = "local r={pcall(function() %s end)} return r" % text
        if self.chance(0.08):
            text = "#!lua flags=%s\n%s" % (self.pick(["no-writes", "allow-oom", "", "allow-stale,no-cluster", "bad", "no-writes,allow-cross-slot-keys"]), text)
        return text

    def requests(self):
        """One script, as one or two requests."""
        name = self.pick(["EVAL", "EVAL", "EVAL", "EVAL_RO", "FCALL"])
        args = [self.pick(["k", "", "num"]), self.pick(["a", "\x00", "5", ""])]
        if name != "FCALL":
            return [[name, self.script(), "1", *args]]
        text = "#!lua name=lib\nredis.register_function%s" % self.pick(["('f',function(KEYS,ARGV) %s end)", "{function_name='f',callback=function(KEYS,ARGV) %s end,flags={'no-writes'}}"]) % self.statement()
        return [["FUNCTION", "LOAD", "REPLACE", text], ["FCALL", "f", "1", *args], ["FCALL_RO", "f", "0"]]


# ------------------------------------------------------------------------------------------------- where we differ

def same(request, ours, peers):
    return ADDRESS.sub(b"0x", ours.raw) == ADDRESS.sub(b"0x", peers.raw)


def as_bytes(request):
    return [word.encode("latin1") if isinstance(word, str) else word for word in request]


def has_died(server):
    """A server that dies of a signal first writes down why."""
    try:
        return server.process.wait(timeout=20) != 0
    except subprocess.TimeoutExpired:
        return False


class Pair:
    """Both servers, with a connection in either protocol to each."""

    def __init__(self, binary, peer):
        flags = ("--enable-debug-command", "yes", "--save", "")
        self.servers = [Server(binary, "ours", flags), Server(peer, "peer", flags)]
        self.talks = [self.connect(server) for server in self.servers]

    def connect(self, server):
        old, new = server.connect(timeout=60), server.connect(timeout=60)
        new("HELLO", 3)
        return old, new

    def freshen(self):
        """Empties both. Redis 8.0.6 can die of FUNCTION FLUSH, after what some libraries do; then it is started again."""
        for at, server in enumerate(self.servers):
            try:
                self.set_up(at)
            except Closed:
                if server is self.servers[0] or not has_died(server):
                    raise
                self.revive_peer()
                self.set_up(at)

    def revive_peer(self):
        self.servers[1].revive()
        self.talks[1] = self.connect(self.servers[1])

    def set_up(self, at):
        for request in SETUP:
            reply = self.talks[at][0](*request)
            assert not reply.is_error, reply.show()

    def ask(self, batch, is_new):
        replies = []
        for server, talk in zip(self.servers, self.talks):
            try:
                replies.append(talk[is_new].converse(batch))
            except Closed as error:
                request = batch[len(getattr(error, "replies", []))]
                raise Closed("%s: %s\nafter %s" % (os.path.basename(server.binary), error, " ".join(quote(word, 3000) for word in request))) from error
        return replies

    def discard(self):
        for server in self.servers:
            server.discard()


def play(opts):
    programs, pair = Programs(opts.seed), Pair(opts.bin, opts.peer)
    differences, done, deaths, started = 0, 0, 0, time.time()
    try:
        while time.time() - started < opts.seconds if opts.seconds else done < opts.count:
            if done % FRESH < BATCH:
                pair.freshen()
            is_new = programs.chance(0.3)
            batch = []
            for _ in range(BATCH if opts.seconds else min(BATCH, opts.count - done)):
                batch += [as_bytes(request) for request in programs.requests()]
                done += 1
            try:
                ours, peers = pair.ask(batch, is_new)
            except Closed as error:
                if pair.servers[0].is_alive() and has_died(pair.servers[1]):
                    deaths += 1
                    pair.revive_peer()
                    pair.freshen()
                    continue
                print("%s\n%d scripts before, seed %s" % (error, done, opts.seed))
                return 1
            for request, one, other in zip(batch, ours, peers):
                if not same(request, one, other):
                    differences += 1
                    print("%s\n  ours  %s\n  peer  %s" % (" ".join(quote(word, 3000) for word in request), quote(one.raw, 600), quote(other.raw, 600)), flush=True)
                    if differences >= opts.most:
                        return 1
    finally:
        pair.discard()
    died = ", the peer died %d times" % deaths if deaths else ""
    print("lua: %d scripts, %d differences, %.0f s, seed %s%s" % (done, differences, time.time() - started, opts.seed, died))
    return 1 if differences else 0


def main():
    # Replies are deep.
    sys.setrecursionlimit(100000)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "pollux"), help="our server")
    parser.add_argument("--peer", default=find_peer(), help="a real one (%(default)s)")
    parser.add_argument("--count", type=int, default=20000, help="so many scripts (%(default)s)")
    parser.add_argument("--seconds", type=float, help="as many as there is time for, instead")
    parser.add_argument("--most", type=int, default=20, help="so many differences end it (%(default)s)")
    parser.add_argument("--seed", default=str(random.randrange(1 << 20)))
    return play(parser.parse_args())


def on_a_deep_stack(job):
    outcome = []
    threading.stack_size(512 << 20)
    thread = threading.Thread(target=lambda: outcome.append(job()))
    thread.start()
    thread.join()
    return outcome[0] if outcome else 1


if __name__ == "__main__":
    sys.exit(on_a_deep_stack(main))
