"""Scenes: what needs several connections, several steps, or an eye for what may differ (`ops.py` says what a scene is).

Each function takes the dice and returns a scene; all choices are made here, before it is played, so that both servers
see the same play and one seed gives the same scene again.
"""

import re
import time

from ops import Scene
from resp import show_command


def int_or(frame, default=0):
    number = frame.number()
    return default if number is None else int(number)


def words(frame):
    """The parts of a list as bytes; nothing for anything else."""
    return [part.value for part in frame.value] if frame.is_list else []


# ---------------------------------------------------------------------------------------------- iteration and chance

def scan_all(ask, *command):
    """Every element that a whole iteration returns: `command` with {cursor} where the cursor goes."""
    cursor, found, turns = b"0", [], 0
    while turns < 10000:
        turns += 1
        reply = ask(*[cursor if word == "{cursor}" else word for word in command])
        if not reply.is_list or len(reply.value) != 2 or not reply.value[1].is_list:
            return [reply.show()]
        cursor = reply.value[0].value
        found += words(reply.value[1])
        if cursor == b"0":
            return found
    return ["never ends"]


def scan_keys(dice):
    count, pattern, many = dice.pick([1, 3, 10, 1000]), dice.pick([b"*", b"n*", b"?[13]*"]), dice.pick([0, 0, 5, 40, 300])

    def play(stage):
        if many:
            stage.ask("MSET", *[part for i in range(many) for part in (b"n:%d" % i, b"v")])
        found = scan_all(stage.ask, "SCAN", "{cursor}", "MATCH", pattern, "COUNT", count)
        stage.write("every key of SCAN MATCH %s COUNT %d" % (pattern.decode(), count), sorted(set(map(repr, found))))
        if many:
            stage.ask("DEL", *[b"n:%d" % i for i in range(many)])
    return Scene("SCAN to the end, MATCH %s COUNT %d, %d more keys" % (pattern.decode(), count, many), play)


def scan_members(dice):
    """SSCAN, HSCAN or ZSCAN of one of the family's keys, to the end; sometimes of a large one."""
    command = {"set": "SSCAN", "hash": "HSCAN", "zset": "ZSCAN"}[dice.family]
    key, count, many = dice.key(), dice.pick([1, 4, 10, 1000]), dice.pick([0, 0, 30, 600])

    def play(stage):
        for start in range(0, many, 100):
            each = range(start, min(many, start + 100))
            if command == "SSCAN":
                stage.ask("SADD", key, *[b"n%d" % i for i in each])
            elif command == "HSCAN":
                stage.ask("HSET", key, *[part for i in each for part in (b"n%d" % i, b"%d" % i)])
            else:
                stage.ask("ZADD", key, *[part for i in each for part in (b"%d" % (i % 17), b"n%d" % i)])
        found = scan_all(stage.ask, command, key, "{cursor}", "COUNT", count)
        if command == "ZSCAN":
            found = [part if index % 2 == 0 else float(part) for index, part in enumerate(found)]
        if command != "SSCAN":
            found = list(zip(found[::2], found[1::2]))
        stage.write("every element", sorted(set(map(repr, found))))
    return Scene("%s %s to the end, COUNT %d, %d more elements" % (command, dice_show(key), count, many), play)


def random_members(dice):
    """SRANDMEMBER, HRANDFIELD, ZRANDMEMBER: as many as promised, all of them members, distinct when they must be."""
    command, everything = {"set": ("SRANDMEMBER", ["SMEMBERS"]), "hash": ("HRANDFIELD", ["HKEYS"]),
                           "zset": ("ZRANDMEMBER", ["ZRANGE", 0, -1])}[dice.family]
    key, count = dice.key(), dice.pick([None, 1, 2, 3, 5, 8, 40, -1, -3, -10, -40])

    def play(stage):
        members = words(stage.ask(everything[0], key, *everything[1:]))
        reply = stage.ask(command, key, *([] if count is None else [count]))
        if reply.is_error or reply.value is None:
            stage.write("reply", reply)
            return
        got = words(reply) if count is not None else [reply.value]
        stage.write("how many, all members, distinct", (len(got), set(got) <= set(members), len(set(got)) == len(got)
                                                         if count is None or count > 0 else "may repeat"))
    return Scene("%s %s %s" % (command, dice_show(key), count), play)


def pops(dice):
    """SPOP: what it gives and what it leaves are what was there. The key is deleted, as the servers now differ."""
    key, count = dice.key(), dice.pick([None, 1, 2, 3, 5, 100])

    def play(stage):
        before = stage.ask("SMEMBERS", key)
        reply = stage.ask("SPOP", key, *([] if count is None else [count]))
        if reply.is_error or reply.value is None:
            stage.write("reply", reply)
            return
        got, left = words(reply) if count is not None else [reply.value], words(stage.ask("SMEMBERS", key))
        whole = sorted(got + left) == sorted(words(before))
        stage.write("how many, left, nothing lost", (len(got), len(left), whole))
        stage.note("EXISTS", key)
        stage.ask("DEL", key)
    return Scene("SPOP %s %s" % (dice_show(key), count), play)


# --------------------------------------------------------------------------------------------------- copies and time

CONTENT = {"string": ["GET"], "list": ["LRANGE", 0, -1], "set": ["SMEMBERS"], "hash": ["HGETALL"],
           "zset": ["ZRANGE", 0, -1, "WITHSCORES"], "stream": ["XRANGE", "-", "+"]}


def content(stage, key):
    """What a key holds, in an order that does not depend on the server, with its type and encoding."""
    kind = stage.ask("TYPE", key).text()
    if kind not in CONTENT:
        return (kind,)
    command, *rest = CONTENT[kind]
    reply = stage.ask(command, key, *rest)
    parts = [part.raw for part in reply.value] if reply.is_list else [reply.raw]
    if kind == "zset" and stage.peer_version < (7, 2):      # 17 digits then, the shortest ones since
        parts = [repr(plain_number(part)) for part in reply.value]
    if kind == "set":
        parts.sort()
    elif kind == "hash":
        parts = sorted(zip(parts[::2], parts[1::2]))
    elif kind == "stream":
        parts = [re.sub(rb"\d{13}-", b"now-", part) for part in parts]      # an ID that came from the clock
    # Before 7.2 small lists and sets had other encodings.
    encoding = stage.ask("OBJECT", "ENCODING", key).text() if stage.peer_version >= (7, 2) else "not compared"
    return (kind, encoding, parts)


def plain_number(frame):
    """A number without its spelling, a list of such, or the bytes of anything else."""
    if frame.is_list:
        return [plain_number(part) for part in frame.value]
    return frame.value if frame.number() is None else frame.number()


def dump_and_restore(dice):
    key = dice.anykey()

    def play(stage):
        dumped = stage.ask("DUMP", key)
        if dumped.kind != "$" or dumped.value is None:
            stage.write("DUMP", dumped)
            return
        stage.ask("DEL", "copy")
        stage.note("RESTORE", "copy", 0, dumped.value[:-1] + bytes([dumped.value[-1] ^ 1]))
        stage.write("RESTORE", stage.ask("RESTORE", "copy", 0, dumped.value))
        (kind, encoding, parts), again = content(stage, key), content(stage, b"copy")
        if encoding == "listpackex":            # ours is a plain one again when no field has a deadline any more
            again = again[0], encoding, again[2]
        stage.write("the same again", again == (kind, encoding, parts))
        stage.write("BUSYKEY", stage.ask("RESTORE", "copy", 0, dumped.value))
        stage.write("RESTORE REPLACE with a time to live", stage.ask("RESTORE", "copy", 100000, dumped.value, "REPLACE"))
        stage.write("has one", int_or(stage.ask("PTTL", "copy")) > 0)
        stage.ask("DEL", "copy")
    # A wrong checksum is noted with its reply but not with its bytes, which may be another version's.
    def play_quietly(stage):
        play(stage)
        stage.notes = [(label.split(" copy 0 ")[0], what) for label, what in stage.notes]
    return Scene("DUMP %s and RESTORE it" % dice_show(key), play_quietly)


def dice_show(key):
    return show_command([key])


def short_lives(dice):
    """Keys that live for milliseconds are gone after a pause, however they got their deadline and however one asks."""
    how = dice.pick([["PEXPIRE", "short", 1], ["SET", "short", "v", "PX", 1], ["GETEX", "short", "PX", 1],
                     ["PEXPIREAT", "short", "1000000000"], ["PSETEX", "short", 1, "v"], ["EXPIRE", "short", -1]])
    ask = dice.pick([["GET", "short"], ["EXISTS", "short"], ["TTL", "short"], ["TYPE", "short"], ["SETNX", "short", "n"],
                     ["RENAME", "short", "other"], ["APPEND", "short", "x"], ["INCR", "short"], ["SET", "short", "x", "XX"],
                     ["DEL", "short"], ["PERSIST", "short"], ["OBJECT", "ENCODING", "short"], ["COPY", "short", "other"],
                     ["STRLEN", "short"], ["LPUSH", "short", "a"], ["SADD", "short", "a"], ["MGET", "short", "short"]])

    def play(stage):
        stage.ask("SET", "short", "v")
        stage.note(*how)
        time.sleep(0.02)
        stage.note(*ask)
        stage.note("TTL", "short")
        stage.ask("DEL", "short", "other")
    return Scene("a short life: %s, then %s" % (how, ask), play)


def short_fields(dice):
    """The same for fields of a hash: how one that is due is hidden, with nobody collecting; and that it is collected."""
    last, large, collected = dice.chance(0.4), dice.chance(0.2), dice.chance(0.3)
    ask = dice.pick([["HGET", "hs", "a"], ["HGETALL", "hs"], ["HEXISTS", "hs", "a"], ["HMGET", "hs", "a", "b"],
                     ["HSTRLEN", "hs", "a"], ["HKEYS", "hs"], ["HVALS", "hs"], ["HSETNX", "hs", "a", "n"],
                     ["HINCRBY", "hs", "a", 1], ["HTTL", "hs", "FIELDS", 2, "a", "b"], ["HDEL", "hs", "a"],
                     ["HPERSIST", "hs", "FIELDS", 1, "a"], ["HSET", "hs", "a", "9"], ["EXISTS", "hs"], ["TYPE", "hs"],
                     ["HLEN", "hs"], ["HGETDEL", "hs", "FIELDS", 2, "a", "b"], ["HGETEX", "hs", "PERSIST", "FIELDS", 1, "a"],
                     ["HSETEX", "hs", "FXX", "FIELDS", 1, "a", "n"], ["HSETEX", "hs", "FNX", "FIELDS", 1, "a", "n"],
                     ["HINCRBYFLOAT", "hs", "a", "1.5"], ["HSCAN", "hs", 0], ["HRANDFIELD", "hs", 5]])
    if large and ask[0] in ("HGETALL", "HKEYS", "HVALS", "HSCAN", "HRANDFIELD"):
        ask = ["HLEN", "hs"]
    if last and ask[0] == "HMGET":          # the real server removes the hash without a word
        ask = ["HGET", "hs", "a"]

    def play(stage):
        if stage.peer_version < (8, 0):
            return
        stage.ask("DEL", "hs")
        stage.ask("DEBUG", "SET-ACTIVE-EXPIRE", int(collected))
        if large:
            stage.ask("HSET", "hs", *[part for i in range(600) for part in (b"n%d" % i, b"v")])
        stage.ask("HSET", "hs", "a", "1", *([] if last else ["b", "2"]))
        stage.note("HPEXPIRE", "hs", 1, "FIELDS", 1, "a")
        time.sleep(0.02)
        left = (0 if last else 1) + (600 if large else 0)
        deadline = time.time() + 5
        while collected and int_or(stage.ask("HLEN", "hs")) != left and time.time() < deadline:
            time.sleep(0.02)
        stage.note(*ask)
        stage.note("HLEN", "hs")
        stage.note("HGET", "hs", "a")
        stage.note("EXISTS", "hs")
        # In this order: ours collects what is due as soon as it may.
        stage.ask("DEL", "hs")
        stage.ask("DEBUG", "SET-ACTIVE-EXPIRE", 1)
    return Scene("a field's short life, then %s%s%s%s" % (ask, ", the only field" if last else "", ", large" if large else "",
                                                          ", collected" if collected else ""), play)


def auto_ids(dice):
    """XADD * gives rising IDs that begin with the clock."""
    count = dice.between(1, 4)

    def play(stage):
        stage.ask("DEL", "auto")
        ids = [stage.ask("XADD", "auto", "*", "f", i).value for i in range(count)]
        numbers = [tuple(map(int, each.split(b"-"))) for each in ids]
        now = time.time() * 1000
        stage.write("rising, of now", (numbers == sorted(set(numbers)), all(abs(ms - now) < 5000 for ms, _ in numbers)))
        stage.note("XLEN", "auto")
        stage.write("last", [part.value for part in stage.ask("XREVRANGE", "auto", "+", "-", "COUNT", 1).value[0].value[:1]]
                    == ids[-1:])
        stage.ask("DEL", "auto")
    return Scene("XADD * %d times" % count, play)


# ----------------------------------------------------------------------------------------------- several connections

def blocked(dice, title, waits, wakes):
    """Up to four clients block one after the other; then commands come that may wake them; whoever still sleeps is woken
    by CLIENT UNBLOCK. Every client's reply is noted, and what the keys hold in the end."""
    sleepers = [dice.pick(waits)(dice) for _ in range(dice.between(1, 4))]
    doings = [dice.pick(wakes)(dice) for _ in range(dice.between(1, 4))]
    in_transaction = dice.chance(0.25)
    kind = dice.pick([[], ["TIMEOUT"], ["ERROR"]])

    def play(stage):
        if stage.peer_version < (7, 2):     # which served, and refused, waiting clients by other rules
            return
        stage.ask("DEL", "q1", "q2", "q3")
        numbers = range(1, len(sleepers) + 1)
        ids = {number: stage.on(number)("CLIENT", "ID").text() for number in numbers}
        asleep = 0
        for number, command in zip(numbers, sleepers):
            connection = stage.on(number)
            connection.send([word if isinstance(word, bytes) else str(word).encode() for word in command])
            if connection.ready(0.02):
                continue
            asleep += 1
            stage.wait_for_blocked(asleep)
        if in_transaction:
            stage.ask("MULTI")
        for command in doings:
            stage.note(*command)
        if in_transaction:
            stage.note("EXEC")
        for number in numbers:
            stage.ask("CLIENT", "UNBLOCK", ids[number], *kind)
        for number in numbers:
            stage.write("client %d, %s" % (number, sleepers[number - 1]), stage.on(number).read())
        for key in (b"q1", b"q2", b"q3"):
            stage.write(key.decode(), repr(content(stage, key)))
        stage.ask("DEL", "q1", "q2", "q3")
    return Scene("%s; %s%s" % (title, "MULTI, " if in_transaction else "",
                               " / ".join(" ".join(map(str, each)) for each in sleepers + [["then"]] + doings)), play)


def q(dice):
    return dice.pick(["q1", "q1", "q1", "q2", "q3"])


def blocked_lists(dice):
    return blocked(dice, "blocked on lists", [
        lambda d: ["BLPOP", q(d), q(d), 0],
        lambda d: ["BRPOP", q(d), 0],
        lambda d: ["BLMOVE", q(d), q(d), d.pick(["LEFT", "RIGHT"]), d.pick(["LEFT", "RIGHT"]), 0],
        lambda d: ["BRPOPLPUSH", q(d), q(d), 0],
        lambda d: ["BLMPOP", 0, 2, q(d), q(d), d.pick(["LEFT", "RIGHT"]), "COUNT", d.between(1, 3)],
    ], [
        lambda d: ["RPUSH", q(d)] + ["e%d" % i for i in range(d.between(1, 4))],
        lambda d: ["LPUSH", q(d), "a", "b"],
        lambda d: ["SADD", q(d), "notalist"],
        lambda d: ["DEL", q(d)],
        lambda d: ["RENAME", q(d), q(d)],
        lambda d: ["LMOVE", q(d), q(d), "LEFT", "RIGHT"],
        lambda d: ["SORT", q(d), "ALPHA", "STORE", q(d)],
        lambda d: ["COPY", q(d), q(d), "REPLACE"],
        lambda d: ["LPOP", q(d)],
    ])


def blocked_zsets(dice):
    return blocked(dice, "blocked on sorted sets", [
        lambda d: ["BZPOPMIN", q(d), q(d), 0],
        lambda d: ["BZPOPMAX", q(d), 0],
        lambda d: ["BZMPOP", 0, 2, q(d), q(d), d.pick(["MIN", "MAX"]), "COUNT", d.between(1, 3)],
    ], [
        lambda d: ["ZADD", q(d), 1, "a", 2, "b"],
        lambda d: ["ZADD", q(d), d.between(-3, 3), "m%d" % d.between(0, 3)],
        lambda d: ["ZINCRBY", q(d), 1, "c"],
        lambda d: ["ZUNIONSTORE", q(d), 1, q(d)],
        lambda d: ["RPUSH", q(d), "notazset"],
        lambda d: ["DEL", q(d)],
        lambda d: ["RENAME", q(d), q(d)],
        lambda d: ["GEOADD", q(d), 1, 2, "place"],
    ])


def blocked_streams(dice):
    return blocked(dice, "blocked on streams", [
        lambda d: ["XREAD", "BLOCK", 0, "STREAMS", q(d), d.pick(["$", "0", "5"])],
        lambda d: ["XREAD", "COUNT", 1, "BLOCK", 0, "STREAMS", "q1", "q2", "$", "$"],
        lambda d: ["XREADGROUP", "GROUP", "g", d.pick(["alice", "bob"]), "BLOCK", 0, "STREAMS", q(d), ">"],
    ], [
        lambda d: ["XADD", q(d), "%d-1" % d.between(1, 9), "f", "v"],
        lambda d: ["XGROUP", "CREATE", q(d), "g", "0", "MKSTREAM"],
        lambda d: ["XGROUP", "DESTROY", q(d), "g"],
        lambda d: ["SET", q(d), "notastream"],
        lambda d: ["DEL", q(d)],
        lambda d: ["RENAME", q(d), q(d)],
        lambda d: ["XDEL", q(d), "1-1"],
    ])


def watched(dice):
    """A transaction under WATCH while another connection does something to the key, or nothing."""
    key = dice.pick([b"s1", b"l1", b"h1", b"w"])
    touch = dice.pick([["SET", key, "v"], ["DEL", key], ["EXPIRE", key, 1000], ["RPUSH", key, "a"], ["FLUSHDB"], ["FLUSHALL"],
                       ["SWAPDB", 0, 1], ["PERSIST", key], ["GET", key], ["SET", "unrelated", 1], ["RENAME", key, "elsewhere"],
                       ["COPY", "s2", key, "REPLACE"], ["SINTERSTORE", key, "nothing"], ["HSET", key, "f", "v"],
                       ["PEXPIREAT", key, 1], ["TOUCH", key], ["MULTI"], ["SETRANGE", key, 0, ""], ["APPEND", key, ""]])
    before = dice.pick([[], ["SET", key, "old"], ["RPUSH", key, "old"], ["DEL", key]])

    def play(stage):
        if before:
            stage.note(*before, on=1)
        stage.note("WATCH", key, on=1)
        stage.note(*touch, on=2)
        stage.note("MULTI", on=1)
        stage.note("SET", "seen", 1, on=1)
        stage.note("GET", key, on=1)
        stage.note("EXEC", on=1)
        stage.ask("DEL", "seen", "w", "elsewhere")
    return Scene("WATCH %s while another does %s" % (dice_show(key), touch), play)


def listen(stage, number, *command):
    """Sends to a connection that may answer with several frames, and reads all there are up to the PONG of a PING."""
    connection = stage.on(number)
    connection.send([word if isinstance(word, bytes) else str(word).encode() for word in command], [b"PING", b"barrier"])
    return gather(connection)


def gather(connection):
    """Frames up to the answer of a PING that was already sent. In RESP2 a subscriber's PONG is a list."""
    frames = []
    while len(frames) < 10000:
        frame = connection.read()
        last = frame.value[-1] if frame.is_list and frame.value else frame
        if last.value == b"barrier" and (frame.kind in "$+" or frame.value[0].value == b"pong"):
            break
        frames.append(frame)
    return frames


def published(dice):
    """Subscribers, patterns and shard channels, and what each hears. In RESP3 these are pushes."""
    subscriptions = [dice.pick([["SUBSCRIBE", "ch1"], ["SUBSCRIBE", "ch1", "ch2", "ch1"], ["PSUBSCRIBE", "ch*"],
                                ["PSUBSCRIBE", "*", "c?1"], ["SSUBSCRIBE", "ch1"], ["UNSUBSCRIBE"], ["UNSUBSCRIBE", "ch1"],
                                ["PUNSUBSCRIBE"], ["PUNSUBSCRIBE", "ch*", "none"], ["SUNSUBSCRIBE"], ["GET", "s1"],
                                ["SUBSCRIBE"], ["PING", "hey"], ["RESET"]])
                     for _ in range(dice.between(1, 5))]
    messages = [dice.pick([["PUBLISH", "ch1", "one"], ["PUBLISH", "ch2", dice.value()], ["SPUBLISH", "ch1", "shard"],
                           ["PUBLISH", "other", ""], ["PUBSUB", "NUMSUB", "ch1", "ch2"], ["PUBSUB", "NUMPAT"],
                           ["PUBSUB", "CHANNELS", "ch?"], ["PUBSUB", "SHARDNUMSUB", "ch1"]])
                for _ in range(dice.between(1, 4))]

    def play(stage):
        for command in subscriptions:
            frames = listen(stage, 1, *command)
            if len(command) == 1 and len(frames) > 1:       # leaving all channels, in a hash table's order
                frames = [sorted(str(frame.value[part].value) for frame in frames) for part in (0, 1, 2)]
                stage.write(str(command), frames)
            else:
                stage.write(str(command), [frame.raw for frame in frames])
        for command in messages:
            reply = stage.ask(*command)
            stage.write(str(command), sorted(part.raw for part in reply.value) if reply.is_list else reply)
        # The order of several matching patterns is a hash table's.
        stage.write("heard", sorted(frame.raw for frame in listen(stage, 1, "PING", "x")))
    return Scene("pub/sub: %s then %s" % (subscriptions, messages), play)


def keyspace_events(dice):
    """The events that commands cause, as a subscriber to all of them hears them."""
    flags = dice.pick(["KEA", "KEA", "KEA", "K$", "Eglhzst", "KEn", "KEAm", "Ex", "KEd"])
    commands = [[dice.pick(EVENTFUL)(dice)] for _ in range(dice.between(3, 10))]
    commands = [each[0] for each in commands]

    def play(stage):
        stage.ask("CONFIG", "SET", "notify-keyspace-events", flags)
        listen(stage, 1, "PSUBSCRIBE", "__key*")
        for command in commands:
            if stage.peer_version < (8, 0) and command[0] in LATER_EVENTS:
                continue
            stage.ask(*command)
            heard = [b" ".join(words(frame)[2:]) for frame in listen(stage, 1, "PING", "x")]
            stage.write(" ".join(map(str, command)), [each for each in heard if each])
        stage.ask("CONFIG", "SET", "notify-keyspace-events", "")
        stage.ask("DEL", "x1", "x2")        # their IDs came from the clock
    return Scene("events with %s of %s" % (flags, commands), play)


# Commands that are newer, or whose events were other ones, before 8.0.
LATER_EVENTS = ("HEXPIRE", "HPERSIST", "HGETEX", "HGETDEL", "HSETEX", "XREADGROUP")


def event_key(dice, letter):
    return "%s%d" % (letter, dice.between(1, 2))


EVENTFUL = [
    lambda d: ["SET", event_key(d, "s"), d.between(0, 9)],
    lambda d: ["SET", event_key(d, "s"), 1, "EX", 1000],
    lambda d: ["GETEX", event_key(d, "s"), d.pick(["PERSIST", "EXAT"]), *([] if d.chance(0.5) else [4000000000])],
    lambda d: ["INCR", event_key(d, "s")],
    lambda d: ["INCRBYFLOAT", event_key(d, "s"), "1.5"],
    lambda d: ["APPEND", event_key(d, "s"), "x"],
    lambda d: ["SETRANGE", event_key(d, "s"), 2, "y"],
    lambda d: ["GETDEL", event_key(d, "s")],
    lambda d: ["GETSET", event_key(d, "s"), 5],
    lambda d: ["MSET", "s1", 1, "s2", 2],
    lambda d: ["DEL", event_key(d, d.pick("slthz")), event_key(d, "s")],
    lambda d: ["EXPIRE", event_key(d, d.pick("slthz")), d.pick([1000, -1])],
    lambda d: ["PERSIST", event_key(d, d.pick("slthz"))],
    lambda d: ["RENAME", event_key(d, d.pick("slthz")), event_key(d, d.pick("slthz"))],
    lambda d: ["COPY", event_key(d, d.pick("slthz")), event_key(d, d.pick("slthz")), "REPLACE"],
    lambda d: ["MOVE", event_key(d, "s"), 3],
    lambda d: ["RPUSH", event_key(d, "l"), "a", "b"],
    lambda d: ["LPOP", event_key(d, "l"), d.between(1, 3)],
    lambda d: ["RPOP", event_key(d, "l")],
    lambda d: ["LMOVE", event_key(d, "l"), event_key(d, "l"), "LEFT", "RIGHT"],
    lambda d: ["LTRIM", event_key(d, "l"), d.between(0, 2), -1],
    lambda d: ["LREM", event_key(d, "l"), 0, "a"],
    lambda d: ["LSET", event_key(d, "l"), 0, "z"],
    lambda d: ["LINSERT", event_key(d, "l"), "BEFORE", "a", "b"],
    lambda d: ["LMPOP", 2, "l1", "l2", "LEFT", "COUNT", 2],
    lambda d: ["SORT", event_key(d, "l"), "ALPHA", "STORE", "l2"],
    lambda d: ["SADD", event_key(d, "t"), "a", d.between(0, 3)],
    lambda d: ["SREM", event_key(d, "t"), "a", 1],
    lambda d: ["SPOP", event_key(d, "t"), 10],
    lambda d: ["SMOVE", "t1", "t2", "a"],
    lambda d: [d.pick(["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]), event_key(d, "t"), "t1", "t2"],
    lambda d: ["HSET", event_key(d, "h"), "f", d.between(0, 3)],
    lambda d: ["HDEL", event_key(d, "h"), "f", "g"],
    lambda d: ["HINCRBY", event_key(d, "h"), "n", 1],
    lambda d: ["HINCRBYFLOAT", event_key(d, "h"), "n", 1.5],
    lambda d: ["HEXPIRE", event_key(d, "h"), d.pick([1000, 0]), "FIELDS", 1, "f"],
    lambda d: ["HPERSIST", event_key(d, "h"), "FIELDS", 1, "f"],
    lambda d: ["HGETEX", event_key(d, "h"), "EX", 1000, "FIELDS", 1, "f"],
    lambda d: ["HGETDEL", event_key(d, "h"), "FIELDS", 1, "f"],
    lambda d: ["HSETEX", event_key(d, "h"), "EX", 1000, "FIELDS", 1, "f", "v"],
    lambda d: ["ZADD", event_key(d, "z"), d.between(0, 2), "a", 2, "b"],
    lambda d: ["ZADD", event_key(d, "z"), "INCR", 1, "a"],
    lambda d: ["ZREM", event_key(d, "z"), "a"],
    lambda d: ["ZPOPMIN", event_key(d, "z"), d.between(0, 3)],
    lambda d: ["ZREMRANGEBYRANK", event_key(d, "z"), 0, 0],
    lambda d: ["ZREMRANGEBYSCORE", event_key(d, "z"), 0, 1],
    lambda d: ["ZRANGESTORE", "z2", "z1", 0, d.between(-1, 2)],
    lambda d: [d.pick(["ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE"]), event_key(d, "z"), 2, "z1", "z2"],
    lambda d: ["GEOADD", event_key(d, "z"), 1, 1, "a"],
    lambda d: ["GEOSEARCHSTORE", "z1", "z2", "FROMLONLAT", 1, 1, "BYRADIUS", 1000, "km"],
    lambda d: ["XADD", event_key(d, "x"), "*", "f", "v"],
    lambda d: ["XTRIM", event_key(d, "x"), "MAXLEN", 1],
    lambda d: ["XGROUP", "CREATE", event_key(d, "x"), "g", "0", "MKSTREAM"],
    lambda d: ["XREADGROUP", "GROUP", "g", "c", "STREAMS", event_key(d, "x"), ">"],
    lambda d: ["XGROUP", "DESTROY", event_key(d, "x"), "g"],
    lambda d: ["XSETID", event_key(d, "x"), "9999999999999-0"],
    lambda d: ["PFADD", event_key(d, "p"), d.between(0, 5)],
    lambda d: ["PFMERGE", event_key(d, "p"), "p1", "p2"],
    lambda d: ["SETBIT", event_key(d, "b"), d.between(0, 20), 1],
    lambda d: ["BITOP", "OR", event_key(d, "b"), "b1", "b2"],
    lambda d: ["BITFIELD", event_key(d, "b"), "SET", "u8", 0, d.between(0, 3)],
    lambda d: ["FLUSHDB"],
    lambda d: ["UNLINK", event_key(d, "x"), event_key(d, "p"), event_key(d, "b")],
    lambda d: ["GET", event_key(d, "missing")],
]


def tracked(dice):
    """Client-side caching: which invalidations reach a tracking client. Only in RESP3, where they are pushes."""
    options = dice.pick([[], [], ["BCAST"], ["BCAST", "PREFIX", "s", "PREFIX", "l"], ["OPTIN"], ["OPTOUT"], ["NOLOOP"],
                         ["BCAST", "NOLOOP"], ["OPTIN", "OPTOUT"], ["PREFIX", "s"], ["BCAST", "PREFIX", "s", "PREFIX", "s1"]])
    doings = [dice.pick([(1, ["GET", "s1"]), (1, ["GET", "s2"]), (1, ["CLIENT", "CACHING", "YES"]), (1, ["CLIENT", "CACHING", "NO"]),
                         (1, ["MGET", "s1", "s3"]), (1, ["SET", "s1", "mine"]), (2, ["SET", "s1", "x"]), (2, ["DEL", "s1", "s2"]),
                         (2, ["INCR", "n1"]), (2, ["RPUSH", "l1", "a"]), (1, ["LRANGE", "l1", 0, -1]), (2, ["FLUSHDB"]),
                         (1, ["CLIENT", "TRACKINGINFO"]), (2, ["EXPIRE", "s1", -1]), (2, ["MSET", "s1", "1", "s2", "2"]),
                         (2, ["RENAME", "s1", "s2"])])
              for _ in range(dice.between(3, 12))]

    def play(stage):
        stage.on(1)("HELLO", 3)
        stage.write("CLIENT TRACKING ON", [f.raw for f in listen(stage, 1, "CLIENT", "TRACKING", "ON", *options)])
        for number, command in doings:
            frames = listen(stage, number, *command)
            stage.write("%d: %s" % (number, command), [frame.raw for frame in frames])
            if number != 1:
                stage.write("  client 1 heard", [frame.raw for frame in listen(stage, 1, "PING", "x")])
        stage.ask("DEL", "n1")
    return Scene("tracking %s: %s" % (options, doings), play)


# -------------------------------------------------------------------------------------------------- the end of a round

def state_of_everything(databases=(0, 1, 2)):
    """What every key holds, how it is encoded, and how long it lives; the last step of every round."""
    def play(stage):
        stage.ask("DISCARD")
        # Compressed bytes depend on who compressed them. So do the nodes of a list that compresses them itself.
        stage.ask("CONFIG", "SET", "rdbcompression", "no")
        is_plain = words(stage.ask("CONFIG", "GET", "list-compress-depth"))[1:] == [b"0"]
        for db in databases:
            stage.ask("SELECT", db)
            keys = sorted(words(stage.ask("KEYS", "*")))
            stage.write("keys of db %d" % db, keys)
            # What is due is hidden, but has a part in the digest of everything until it is swept away.
            patience = time.time() + 2
            while stage.ask("DBSIZE").number() != len(keys) and time.time() < patience:
                time.sleep(0.02)
            for key in keys:
                stage.write("db %d %s" % (db, dice_show(key)), repr(content(stage, key)))
                stage.write("PTTL", stage.ask("PTTL", key))
                write_bytes(stage, db, key, is_plain)
        if not any(name.startswith("stream in") for name, _ in stage.notes):
            if stage.peer_version >= (8, 0):
                stage.write("DEBUG DIGEST", stage.ask("DEBUG", "DIGEST").value)
        stage.ask("CONFIG", "SET", "rdbcompression", "yes")
        stage.ask("SELECT", 0)
    return Scene("the state of every key", play)


# Encodings whose bytes depend on nothing but the commands. The others hold moments, or lie in the order of a table; and
# a small set may have been made from a large one.
DETERMINED = ("int", "embstr", "raw", "quicklist", "listpack", "skiplist", "intset")


def write_bytes(stage, db, key, is_plain):
    """The digest of a value, and its bytes as a file would have them. A stream may have been numbered by the clock."""
    if stage.peer_version < (8, 0):
        return                                  # older versions choose other encodings and write scores otherwise
    kind, encoding = (stage.ask(*question, key).text() for question in (["TYPE"], ["OBJECT", "ENCODING"]))
    if kind == "stream":
        stage.write("stream in %d" % db, key)
        return
    stage.write("db %d digest of %s" % (db, dice_show(key)), words(stage.ask("DEBUG", "DIGEST-VALUE", key)))
    if encoding in DETERMINED and (kind, encoding) != ("set", "listpack") and (kind != "list" or is_plain):
        # The last ten bytes are the version, which is ours to choose, and a checksum.
        stage.write("db %d bytes of %s" % (db, dice_show(key)), (stage.ask("DUMP", key).value or b"")[:-10])
