#!/usr/bin/env python3
"""The debugger of scripts: sessions with ours and with a real server, and what a session of ours leaves behind.

  debugger.py --bin target/release/pollux
"""

import argparse
import os
import re
import sys
import time

from resp import Closed, encode
from servers import Server, find_peer

FIRST = """local foo = redis.call('INCR', KEYS[1])
local t = {1,2,{a='x',b=true},'str',1.5,false}
local function f(x)
  local inner = x * 2
  return inner + foo
end
for i=1,3 do
  foo = foo + i
end
redis.breakpoint()
redis.debug('hello', foo, t)
local r = redis.pcall('LPUSH', KEYS[1], 'a')
redis.call('SET', 'other', f(foo))
local big = string.rep('x', 300)
return {foo, r, 'done'}"""

DEEP = "local function a(n)\n local z=n\n if n==0 then\n  redis.breakpoint()\n  return 0\n end\n local r=a(n-1)\n return r+1\nend\n" \
       "local q=a(3)\nreturn q"
TAIL = "local function g(x)\n local z=x\n return z\nend\nlocal function f(x)\n return g(x)\nend\nlocal q=f(3)\nreturn q"
COROUTINE = "local co=coroutine.wrap(function(a)\n local b=a\n coroutine.yield(b)\n return 5\nend)\nlocal x=co(3)\nlocal y=co()\nreturn y"
VALUES = "local a='q\"\\0\\r\\n\\t\\1\\200'\nlocal b=-0.5\nlocal c=1e20\nlocal d={}\nlocal e=2^53\nlocal g=1/0\nlocal k={1,2,x=3}\nd.d=d\nreturn 1"
NEW = "redis.setresp(3)\nlocal a=1\nreturn a"


def failing(call):
    return "local a=1\n%s\nreturn 1" % call


# name, mode, script, requests (words between |)
SESSIONS = [
    ("steps", "YES", FIRST, ["s", "step", "n", "next", "print", "p|foo", "p|t", "p|nope", "p|KEYS", "p|ARGV", "list", "l|3", "l|3|1",
                             "l|0|2", "w", "whole", "list|1|2|3", "trace", "help", "c", "c"]),
    ("breakpoints", "SYNC", FIRST, ["b|5", "b", "b|12", "b|12", "b|99", "b|0", "b", "b|8", "b|8|9", "b|-8", "b|-8", "b|5|6|7", "b|x", "c",
                                    "t", "p", "p|inner", "e|return 1+1", "e|return foo", "e|inner=5", "e|error('x')", "e|syntax (",
                                    "e|KEYS", "r|GET|k", "r|NOPE", "r", "redis|LPUSH|k|a", "redis|HGETALL|nokey", "maxlen", "maxlen|10",
                                    "m|0", "maxlen|61", "b|0", "c", "c"]),
    ("abort", "YES", FIRST, ["s", "abort"]), ("abort with changes", "SYNC", FIRST, ["s", "n", "A"]),
    ("wrong words", "YES", FIRST, ["bogus", "s|extra", "quit", "p|a|b", "w|x", "e", "m|1|2", "h|x", "l|-1", "l|1|-1", "l|x", "l|99", "b|-1",
                                   "b|0x1", "b|1.5", "P", "continue|x", "c"]),
    ("an empty word", "YES", FIRST, [""]), ("long words", "YES", FIRST, ["e|'" + "x" * 1022 + "'", "e|'" + "x" * 1023 + "'"]),
    ("no script", "YES", "return (", []), ("an empty script", "YES", "", ["s"]),
    ("arithmetic", "YES", "local a=1\nlocal b=nil+1\nreturn 1", ["s", "s"]),
    ("a mixed reply", "YES", "return {1,'two',{3},redis.status_reply('fine'),false,nil,5}", ["s"]),
    ("flags", "YES", "#!lua flags=no-writes\nredis.call('SET','a','b')\nreturn 1", ["w", "s"]), ("bad flags", "YES", "#!lua flags=x\nreturn 1", []),
    ("values", "YES", VALUES, ["maxlen|0", "b|9", "c", "p", "p|a", "p|d", "e|0/0", "e|{}", "e|1,2", "e|nil", "e|{err='x'}", "c"]),
    ("cutting", "YES", "local big=string.rep('x',300)\nlocal t={big,big}\nreturn 1", ["s", "p|big", "s", "p|t", "p", "m|100", "p|big", "c"]),
    ("deep", "YES", DEEP, ["c", "t", "p", "p|n", "s", "t", "s", "s", "c"]), ("tail calls", "YES", TAIL, ["s", "s", "s", "t", "s", "t", "p|x", "c"]),
    ("coroutines", "YES", COROUTINE, ["s", "p", "t", "s", "p", "t", "s", "s", "s", "s", "s", "s"]),
    ("caught", "YES", "local ok,e=pcall(function()\n local z=1\n error('boom')\nend)\nreturn tostring(e)", ["s", "t", "s", "s", "c"]),
    ("shadows", "YES", "local a=1\nlocal a=2\ndo\n local a=3\n local b=a\nend\nreturn a", ["s", "s", "s", "p", "p|a", "c"]),
    ("RESP3", "YES", NEW, ["s", "s", "r|HGETALL|h", "r|HGETALL|none", "r|GET|none", "r|SMEMBERS|set", "r|ZSCORE|z|a", "r|INFO|keyspace", "c"]),
    ("texts beside", "YES", FIRST, ["e|redis.debug('in eval')", "e|redis.breakpoint()", "c", "c", "c"]),
] + [(call, "YES", failing(call), ["s", "s", "s"]) for call in (
    "redis.call()", "redis.call('NOPE')", "redis.pcall('SUBSCRIBE','x')", "redis.pcall('INCR','h','x')", "redis.pcall('LPUSH','s','x')",
    "redis.call('LPUSH','s','x')", "redis.error_reply('FOO bar')", "redis.status_reply()", "redis.sha1hex()", "redis.setresp(5)",
    "redis.pcall({})", "redis.call('MSET','a1','b','c','d','e','f','g','h','i','j','k','l','m','n')", "redis.set_repl(99)",
    "redis.call('SET','bin','a\\0b\\r\\nc')", "redis.call('GET','long')", "redis.acl_check_cmd('NOPE')", "error('x')",
    "pcall(redis.call,'LPUSH','s','x')")]


def hide(raw):
    return re.sub(rb"@0x[0-9a-f]+", b"@PTR", raw)


def play(server, mode, script, requests):
    """All that a client is told, and the data set that is left."""
    client, other, told = server.connect(), server.connect(), []
    for command in (("FLUSHALL",), ("SET", "k", "1"), ("HSET", "h", "a", "1", "b", "2"), ("SADD", "set", "x"), ("ZADD", "z", "1.5", "a"),
                    ("SET", "s", "v"), ("SET", "long", "y" * 1000), ("SCRIPT", "DEBUG", mode)):
        client(*command)
    try:
        frame = client("EVAL", script, "1", "k", "A", "B")
        for request in [*requests, None]:
            told.append(hide(frame.raw))
            if b"<endsession>" in frame.raw:
                told.append(hide(client.read().raw))
                client.read()
            if request is None:
                break
            frame = client(*request.split("|"))
    except (Closed, OSError):
        told.append(b"closed")
    client.close()
    until_free(other)
    told.append(other("DEBUG", "DIGEST").raw)
    return told


def until_free(client):
    deadline = time.time() + 10
    while b"BUSY" in client("GET", "k").raw and time.time() < deadline:
        time.sleep(0.02)


def compare(ours, theirs):
    differences = []
    for name, mode, script, requests in SESSIONS:
        said = [play(server, mode, script, requests) for server in (ours, theirs)]
        if said[0] != said[1]:
            at = next((at for at, pair in enumerate(zip(*said)) if pair[0] != pair[1]), min(map(len, said)))
            differences.append("%s, answer %d\n   ours   %s\n   theirs %s" % (name, at, said[0][at:at + 2], said[1][at:at + 2]))
    return differences


WRITES = ["redis.call(%s)" % ", ".join("'%s'" % word for word in line.split()) for line in (
    "SET str new", "APPEND str more", "INCR number", "EXPIRE str 100", "PERSIST timed", "DEL list", "RPUSH fresh a b", "LPUSH many x",
    "SADD set z", "SREM ints 1", "HSET hash a 9", "HDEL hash b", "HPEXPIRE hash 100000 FIELDS 1 a", "ZADD zset 7 a", "ZREM zset b",
    "XADD stream * f v", "XTRIM stream MAXLEN 0", "XGROUP CREATE stream g 0 MKSTREAM", "RENAME moved moved2", "COPY str copied DB 3",
    "MOVE other 4", "SELECT 2", "SET in2 v", "DEL also2", "SELECT 0", "SORT ints STORE sorted", "SETRANGE bits 100000 x", "PFADD hll a",
    "GETDEL str", "LMPOP 1 many LEFT", "RESTORE str2 0 garbage", "UNLINK large", "EXPIREAT many 1", "SETBIT bits 7 1", "GEOADD geo 1 1 a")]

FILL = ["SET str v", "SET number 5", "SET timed v EX 1000", "RPUSH list a b c", "SADD set a b", "SADD ints 1 2 3", "HSET hash a 1 b 2",
        "HPEXPIRE hash 500000 FIELDS 1 b", "ZADD zset 1 a 2 b", "XADD stream 1-1 f v", "SET moved v", "SET other v", "SET bits abc", "PFADD hll x"]


def fill(client):
    for line in FILL:
        client(*line.split())
    client("RPUSH", "many", *["x%d" % i for i in range(3000)])
    client("HSET", "large", *[word for i in range(3000) for word in ("f%d" % i, "v")])
    client("SELECT", "2")
    client("SET", "also2", "v")
    client("SELECT", "0")


def nothing_stays(server):
    """After a session of SCRIPT DEBUG YES the data set is what it was, and nobody has heard of it."""
    client, watcher, listener, script = server.connect(), server.connect(), server.connect(), "\n".join(WRITES)
    client("FLUSHALL")
    fill(client)
    client("CONFIG", "SET", "appendonly", "yes")
    deadline = time.time() + 20
    while b"aof_rewrite_in_progress:0" not in client("INFO", "persistence").value and time.time() < deadline:
        time.sleep(0.05)
    client("CONFIG", "SET", "notify-keyspace-events", "KEA")
    listener("PSUBSCRIBE", "__key*")
    for key in ("str", "fresh", "list", "hash"):
        watcher("WATCH", key)
    before = seen(server, client)
    debugger = server.connect()
    debugger("SCRIPT", "DEBUG", "YES")
    debugger("EVAL", script.replace("redis.call", "redis.pcall") + "\nreturn 1", "0")
    assert b"BUSY" in client("GET", "str").raw, "others are told BUSY"
    said = debugger("c")
    assert b"<endsession>" in said.raw and debugger.read().raw == b":1\r\n", said
    assert seen(server, client) == before, (before, seen(server, client))
    watcher("MULTI")
    watcher("PING")
    assert watcher("EXEC").raw == b"*1\r\n+PONG\r\n", "a watcher has noticed"
    assert not listener.ready(0.2), listener.read()
    for call in ("FLUSHALL", "FLUSHDB", "SWAPDB", "PUBLISH"):
        words = {"SWAPDB": "'0','1'", "PUBLISH": "'c','m'"}.get(call, "")
        debugger = server.connect()
        debugger("SCRIPT", "DEBUG", "YES")
        debugger("EVAL", "return redis.call('%s'%s)" % (call, words and "," + words), "0")
        debugger("c")
        assert b"cannot be taken back" in debugger.read().raw, call
    client("DEBUG", "LOADAOF")
    assert client("DEBUG", "DIGEST").raw == before[0], "the log says something else"
    client("CONFIG", "SET", "appendonly", "no")


def seen(server, client):
    keyspace = re.sub(rb"avg_ttl=\d+", b"", client("INFO", "keyspace").value)
    return client("DEBUG", "DIGEST").raw, keyspace, size_of_log(server), dirty(client)


def size_of_log(server):
    folder = os.path.join(server.dir, "appendonlydir")
    return sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))


def dirty(client):
    return re.search(rb"rdb_changes_since_last_save:(\d+)", client("INFO", "persistence").value).group(1)


def is_ended_from_outside(server):
    """SCRIPT KILL ends a session, and so does its client by going away; the server is free again."""
    for way in ("kill", "kill in eval", "leave", "bytes"):
        client, other = server.connect(), server.connect()
        client("SET", "k", "0")
        client("SCRIPT", "DEBUG", "YES")
        client("EVAL", "redis.call('INCR','k')\nlocal a=1\nreturn a", "0")
        client("s")
        if way == "kill":
            assert other("SCRIPT", "KILL").raw == b"+OK\r\n"
            assert b"<endsession>" in client.read().raw
            assert b"killed" in client.read().raw
        elif way == "kill in eval":
            client.send_raw(encode((b"e", b"while true do end")))
            time.sleep(0.3)
            assert b"BUSY" in other("GET", "k").raw
            assert other("SCRIPT", "KILL").raw == b"+OK\r\n"
        elif way == "leave":
            client.close()
        else:
            client.send_raw(b"\0\xff*1\r\n" * 1000)
        until_free(other)
        assert other("GET", "k").raw == b"$1\r\n0\r\n", (way, other("GET", "k").raw)
    client, other = server.connect(), server.connect()
    client("SCRIPT", "DEBUG", "SYNC")
    client("EVAL", "redis.call('INCR','k')\nlocal a=1\nreturn a", "0")
    client("s")
    assert b"UNKILLABLE" in other("SCRIPT", "KILL").raw
    client.close()
    until_free(other)
    assert other("GET", "k").raw == b"$1\r\n1\r\n"


def servers(binary, peer):
    options = ["--enable-debug-command", "yes", "--busy-reply-threshold", "100"]
    return Server(binary, "ours", options), Server(peer, "theirs", options)


def report(binary, peer):
    ours, theirs = servers(binary, peer)
    try:
        differences = compare(ours, theirs)
        assert not differences, "\n".join(differences)
        nothing_stays(ours)
        is_ended_from_outside(ours)
    finally:
        ours.discard()
        theirs.discard()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--peer", default=find_peer())
    opts = parser.parse_args()
    report(os.path.abspath(opts.bin), opts.peer)
    print("%d sessions, no difference" % len(SESSIONS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
