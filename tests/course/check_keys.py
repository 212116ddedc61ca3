"""Lessons 4 to 6: keys and values, the table, deadlines."""

import random
import time

from stage import OK, Closed, Wrong, array, ask, bulk, check, expect, integer, quote, show_command

# ------------------------------------------------------------------------------------------------ 4. keys and values

NO_INTEGER = b"-ERR value is not an integer or out of range\r\n"
OVERFLOW = b"-ERR increment or decrement would overflow\r\n"


def set_and_get(stage):
    client = stage.client()
    expect(client, ["GET", "greeting"], bulk(None))
    expect(client, ["SET", "greeting", "hello"], OK)
    expect(client, ["GET", "greeting"], bulk("hello"))
    expect(client, ["SET", "greeting", ""], OK)
    expect(client, ["GET", "greeting"], bulk(""))
    other = stage.client()
    expect(other, ["GET", "greeting"], bulk(""))


def several_keys(stage):
    client = stage.client()
    expect(client, ["SET", "one", "1"], OK)
    expect(client, ["SET", "two", "2"], OK)
    expect(client, ["EXISTS", "one", "two", "three", "one"], integer(3))
    expect(client, ["DEL", "one", "three", "two", "one"], integer(2))
    expect(client, ["EXISTS", "one"], integer(0))


def only_if(stage):
    client = stage.client()
    expect(client, ["SET", "n", "1", "XX"], bulk(None))
    expect(client, ["GET", "n"], bulk(None))
    expect(client, ["SET", "n", "1", "nx"], OK)
    expect(client, ["SET", "n", "2", "NX"], bulk(None))
    expect(client, ["GET", "n"], bulk("1"))
    expect(client, ["SET", "n", "3", "xx"], OK)
    expect(client, ["SET", "n", "3", "NX", "XX"], b"-ERR syntax error\r\n")
    expect(client, ["SET", "n", "3", "NONSENSE"], b"-ERR syntax error\r\n")
    expect(client, ["GET", "n"], bulk("3"))


def counting(stage):
    client = stage.client()
    expect(client, ["INCR", "counter"], integer(1))
    expect(client, ["INCR", "counter"], integer(2))
    expect(client, ["GET", "counter"], bulk("2"))
    expect(client, ["SET", "counter", "-1"], OK)
    expect(client, ["INCR", "counter"], integer(0))
    for text in ("ten", "", "1.5", " 1", "+1", "007", "99999999999999999999"):
        expect(client, ["SET", "counter", text], OK)
        expect(client, ["INCR", "counter"], NO_INTEGER)
        expect(client, ["GET", "counter"], bulk(text))
    expect(client, ["SET", "counter", (1 << 63) - 1], OK)
    expect(client, ["INCR", "counter"], OVERFLOW)


def model(keys, words):
    """What is to be answered, and what it leaves in `keys`."""
    name, key = words[0].lower(), words[1]
    if name == "get":
        return bulk(keys.get(key))
    if name == "set":
        if words[3:] and (key in keys) != (words[3] == "XX"):
            return bulk(None)
        keys[key] = words[2]
        return OK
    if name == "del":
        return integer(sum(keys.pop(each, None) is not None for each in words[1:]))
    if name == "exists":
        return integer(sum(each in keys for each in words[1:]))
    text = keys.get(key, "0")
    if not text.lstrip("-").isdigit():
        return NO_INTEGER
    keys[key] = str(int(text) + 1)
    return integer(int(keys[key]))


def random_words(rng):
    key = "key:%d" % rng.randrange(30)
    name = rng.choice(["GET", "SET", "SET", "DEL", "EXISTS", "INCR", "INCR"])
    if name == "SET":
        value = rng.choice([str(rng.randrange(-100, 100)), "text", ""])
        return [name, key, value, *rng.choice([[], [], ["NX"], ["XX"]])]
    if name in ("DEL", "EXISTS"):
        return [name, key, *("key:%d" % rng.randrange(30) for _ in range(rng.randrange(3)))]
    return [name, key]


def three_thousand(stage):
    client, rng, keys = stage.client(), random.Random(4), {}
    before = []
    for number in range(30):
        ask(client, "DEL", "key:%d" % number)
    for _ in range(3000):
        words = random_words(rng)
        wanted = model(keys, words)
        came = ask(client, *words)
        before = [*before[-4:], show_command([word.encode() for word in words])]
        check(came == wanted, "after\n  %s\n%s should be answered\nand your answer is %s", "\n  ".join(before), quote(wanted),
              quote(came))


VALUES = [
    ("what is set is got, by everybody", set_and_get),
    ("DEL and EXISTS count", several_keys),
    ("SET looks first, with NX and XX", only_if),
    ("INCR counts, and refuses what is no number", counting),
    ("three thousand random commands", three_thousand),
]

# --------------------------------------------------------------------------------------------------- 5. the table


def scan(client, cursor, count):
    """The next cursor and the keys."""
    try:
        reply = client("SCAN", cursor, "COUNT", str(count))
    except Closed as error:
        raise Wrong("SCAN %s COUNT %d: %s" % (cursor, count, error)) from error
    is_right = reply.kind == "*" and reply.value and len(reply.value) == 2 and reply.value[1].kind == "*"
    check(is_right, "SCAN answers with an array of two: the next cursor, an array of keys; this came: %s", quote(reply.raw))
    check(reply.value[0].text().isdigit(), "a cursor is a number; this came: %s", quote(reply.value[0].raw))
    return reply.value[0].text(), [each.value for each in reply.value[1].value]


def fill(client, numbers):
    """Sets keys, many in a write."""
    numbers = list(numbers)
    for start in range(0, len(numbers), 500):
        part = numbers[start:start + 500]
        client.send(*([b"SET", b"key:%d" % number, b"v"] for number in part))
        for _ in part:
            client.read()


def drop(client, numbers):
    numbers = list(numbers)
    for start in range(0, len(numbers), 500):
        part = numbers[start:start + 500]
        client.send(*([b"DEL", b"key:%d" % number] for number in part))
        for _ in part:
            client.read()


def walk(client, meanwhile=lambda step: None, count=20, most=5000):
    """All that a scan shows from begin to end."""
    seen, cursor, steps = set(), "0", 0
    while True:
        cursor, keys = scan(client, cursor, count)
        check(len(keys) <= 20 * count, "COUNT %d was asked for, and %d keys came in one reply", count, len(keys))
        seen.update(keys)
        steps += 1
        if cursor == "0":
            return seen
        check(steps < most, "a scan of a few thousand keys does not end within %d calls", most)
        meanwhile(steps)


def empty_and_full(stage):
    client = stage.client()
    expect(client, ["DBSIZE"], integer(0))
    expect(client, ["SCAN", "0"], array(bulk("0"), array()))
    fill(client, range(1000))
    expect(client, ["DBSIZE"], integer(1000))
    seen = walk(client)
    check(len(seen) == 1000, "1000 keys are there, and a scan shows %d", len(seen))


def growing(stage):
    client = stage.client()
    added = iter(range(10_000, 19_000))
    seen = walk(client, lambda step: fill(client, [next(added, 10_000) for _ in range(100)]), 10)
    missed = [number for number in range(1000) if b"key:%d" % number not in seen]
    check(not missed, "1000 keys were there from begin to end of a scan while others were added, and %d of them were not"
          " shown, key:%s first", len(missed), missed[0] if missed else "")


def shrinking(stage):
    client = stage.client()
    # Half of the old keys go, and all of the new; the other half has to be shown.
    order = [*range(0, 1000, 2), *range(10_000, 19_000)]
    random.Random(5).shuffle(order)
    left = iter(order)
    seen = walk(client, lambda step: drop(client, [number for number in (next(left, None) for _ in range(100)) if number is not None]), 10)
    missed = [number for number in range(1, 1000, 2) if b"key:%d" % number not in seen]
    check(not missed, "500 keys were there from begin to end of a scan while others were removed, and %d of them were not"
          " shown, key:%s first", len(missed), missed[0] if missed else "")


def two_at_once(stage):
    client, other = stage.client(), stage.client()
    fill(client, range(1000))
    cursor, keys = scan(client, "0", 10)
    seen, others = set(keys), walk(other)
    while cursor != "0":
        cursor, keys = scan(client, cursor, 10)
        seen.update(keys)
    both = min(len(seen), len(others))
    check(both >= 1000, "two clients scan 1000 keys at once, and one of them is shown %d", both)


def no_cursor(stage):
    expect(stage.client(), ["SCAN", "x"], b"-ERR invalid cursor\r\n")


TABLE = [
    ("a scan shows every key", empty_and_full),
    ("also while the table grows", growing),
    ("also while it loses keys", shrinking),
    ("and to two clients at once", two_at_once),
    ("what is no cursor is refused", no_cursor),
]

# -------------------------------------------------------------------------------------------------- 6. deadlines


def time_left(client, key):
    reply = client("PTTL", key)
    check(reply.kind == ":", "PTTL %s is answered with a number; this came: %s", key, quote(reply.raw))
    return int(reply.value)


def what_is_left(stage):
    client = stage.client()
    expect(client, ["PTTL", "greeting"], integer(-2))
    expect(client, ["SET", "greeting", "hello"], OK)
    expect(client, ["PTTL", "greeting"], integer(-1))
    expect(client, ["SET", "greeting", "hello", "PX", "50000"], OK)
    left = time_left(client, "greeting")
    check(49_000 < left <= 50_000, "of 50000 ms, %d are said to be left", left)
    expect(client, ["PEXPIRE", "greeting", "90000"], integer(1))
    check(time_left(client, "greeting") > 80_000, "PEXPIRE moves a deadline")
    expect(client, ["PEXPIRE", "nobody", "90000"], integer(0))
    expect(client, ["PERSIST", "greeting"], integer(1))
    expect(client, ["PERSIST", "greeting"], integer(0))
    expect(client, ["PTTL", "greeting"], integer(-1))


def gone_in_time(stage):
    client = stage.client()
    expect(client, ["SET", "short", "1", "PX", "200"], OK)
    expect(client, ["GET", "short"], bulk("1"))
    time.sleep(0.25)
    expect(client, ["GET", "short"], bulk(None))
    expect(client, ["EXISTS", "short"], integer(0))
    expect(client, ["INCR", "short"], integer(1))
    expect(client, ["PTTL", "short"], integer(-1))
    expect(client, ["PEXPIRE", "short", "-1"], integer(1))
    expect(client, ["GET", "short"], bulk(None))


def a_deadline_belongs_to_a_value(stage):
    client = stage.client()
    expect(client, ["SET", "a", "1", "PX", "150"], OK)
    expect(client, ["SET", "b", "1", "PX", "150"], OK)
    expect(client, ["SET", "c", "1", "PX", "150"], OK)
    expect(client, ["SET", "a", "2"], OK)
    expect(client, ["PERSIST", "b"], integer(1))
    expect(client, ["PEXPIRE", "c", "60000"], integer(1))
    expect(client, ["INCR", "c"], integer(2))
    time.sleep(0.3)
    expect(client, ["GET", "a"], bulk("2"))
    expect(client, ["GET", "b"], bulk("1"))
    expect(client, ["GET", "c"], bulk("2"))
    check(time_left(client, "c") > 0, "INCR keeps the deadline of its key")


def wrong_times(stage):
    client = stage.client()
    expect(client, ["SET", "a", "1", "PX", "0"], b"-ERR invalid expire time in 'set' command\r\n")
    expect(client, ["SET", "a", "1", "PX", "soon"], NO_INTEGER)
    expect(client, ["SET", "a", "1", "PX"], b"-ERR syntax error\r\n")


def twenty_thousand_together(stage):
    client, other = stage.client(), stage.client()
    for key in ("greeting", "a", "b", "c", "short"):
        ask(client, "DEL", key)
    expect(client, ["DBSIZE"], integer(0))
    due = time.time() + 3
    for start in range(0, 20_000, 500):
        left = b"%d" % max((due - time.time()) * 1000, 1)
        client.send(*([b"SET", b"due:%d" % number, b"v", b"PX", left] for number in range(start, start + 500)))
        for _ in range(500):
            client.read()
    longest = 0
    while time.time() < due + 0.7:
        started = time.time()
        expect(other, ["PING"], b"+PONG\r\n")
        longest = max(longest, time.time() - started)
        time.sleep(0.002)
    check(longest < 0.25, "20,000 keys fell due together, and a PING waited for %d ms meanwhile", longest * 1000)
    came = ask(client, "DBSIZE")
    check(came == integer(0), "nobody has asked for 20,000 keys since they fell due 0.7 s ago, and DBSIZE answers %s",
          quote(came))


DEADLINES = [
    ("a deadline can be asked for, moved and taken away", what_is_left),
    ("a key is gone when it is due", gone_in_time),
    ("a deadline belongs to its value", a_deadline_belongs_to_a_value),
    ("what is no time is refused", wrong_times),
    ("20,000 keys go together, unasked, and nobody waits", twenty_thousand_together),
]
