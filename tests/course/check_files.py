"""Lessons 9 and 10: a snapshot, and a log. The program is killed as by a power cut, and started again."""

import os
import random
import time

from stage import OK, Closed, array, ask, bulk, check, expect, integer, quote

# ----------------------------------------------------------------------------------------------------- 9. a snapshot

KEYS = 20_000


def fill(client, value, count=KEYS):
    """Sets all keys, many in a write."""
    for start in range(0, count, 500):
        client.send(*([b"SET", b"key:%d" % number, value] for number in range(start, start + 500)))
        for _ in range(500):
            client.read()


def values(client, count=KEYS):
    """How often each value is there."""
    found = {}
    for start in range(0, count, 500):
        client.send(*([b"GET", b"key:%d" % number] for number in range(start, start + 500)))
        for _ in range(500):
            value = client.read().value
            found[value] = found.get(value, 0) + 1
    return found


def begin_save(client):
    came = ask(client, "BGSAVE")
    check(came.startswith(b"+"), "BGSAVE\n  should be answered with a line that begins with +\n  and your answer is %s", quote(came))


def is_saving(client):
    came = ask(client, "INFO", "persistence")
    check(b"rdb_bgsave_in_progress:" in came, "INFO persistence has a line rdb_bgsave_in_progress:0 or :1; your answer is %s", quote(came))
    return b"rdb_bgsave_in_progress:1" in came


def wait_for_save(client, seconds=60):
    deadline = time.time() + seconds
    while is_saving(client):
        check(time.time() < deadline, "a save of %d small keys takes longer than %d s", KEYS, seconds)
        time.sleep(0.02)


def saved_and_loaded(stage):
    client = stage.client()
    expect(client, ["SET", "greeting", "hello\r\n"], OK)
    expect(client, ["RPUSH", "list", "a", "b", ""], integer(3))
    expect(client, ["SET", "short", "1", "PX", "1200"], OK)
    expect(client, ["SET", "long", "1", "PX", "100000"], OK)
    begin_save(client)
    wait_for_save(client)
    stage.restart()
    client = stage.client()
    expect(client, ["GET", "greeting"], bulk("hello\r\n"))
    expect(client, ["LLEN", "list"], integer(3))
    for value in ("a", "b", ""):
        expect(client, ["LPOP", "list"], bulk(value))
    left = client("PTTL", "long")
    check(left.kind == ":" and 0 < int(left.value) <= 100_000, "a deadline is part of what is saved; PTTL answers %s", quote(left.raw))
    time.sleep(1.3)
    expect(client, ["GET", "short"], bulk(None))


def one_moment(stage):
    client, other = stage.client(), stage.client()
    fill(client, b"old" * 20)
    count = ask(client, "DBSIZE")
    started = time.time()
    client.send([b"BGSAVE"])
    expect(other, ["PING"], b"+PONG\r\n")
    longest = time.time() - started
    check(client.read().kind == "+", "BGSAVE is answered with a line that begins with +")
    fill(client, b"new")
    expect(client, ["DEL", "greeting"], integer(1))
    expect(client, ["SET", "later", "1"], OK)
    wait_for_save(client)
    check(longest < 0.4, "a PING waits for %d ms when a save has just begun", longest * 1000)
    stage.restart()
    client = stage.client()
    expect(client, ["GET", "later"], bulk(None))
    expect(client, ["GET", "greeting"], bulk("hello\r\n"))
    found = values(client)
    olds, news = found.get(b"old" * 20, 0), found.get(b"new", 0)
    check(olds == KEYS, "%d keys had their old value when BGSAVE was answered, and new ones right after;\n"
          "what was saved has %d old values and %d new ones", KEYS, olds, news)
    expect(client, ["DBSIZE"], count)


def never_half_a_file(stage):
    client = stage.client()
    fill(client, b"first")
    begin_save(client)
    wait_for_save(client)
    fill(client, b"second")
    for delay in (0.001, 0.02, 0.08, 0.2):
        begin_save(client)
        time.sleep(delay)
        stage.restart()
        client = stage.client()
        found = values(client)
        is_whole = found == {b"first": KEYS} or found == {b"second": KEYS}
        check(is_whole, "killed %d ms after BGSAVE, and started again: of %d keys, %d have the value of the save before, %d the"
              " newer one, %d none", delay * 1000, KEYS, found.get(b"first", 0), found.get(b"second", 0), found.get(None, 0))
        fill(client, b"first")
        begin_save(client)
        wait_for_save(client)
        fill(client, b"second")


SNAPSHOT = [
    ("what was saved is there after a power cut", saved_and_loaded),
    ("it is what was there at one moment, and nobody waits", one_moment),
    ("a save that is cut off leaves the one before", never_half_a_file),
]

# ----------------------------------------------------------------------------------------------------------- 10. a log


def nothing_promised_is_lost(stage):
    client = stage.client()
    expect(client, ["SET", "greeting", "hello\r\n"], OK)
    expect(client, ["INCR", "n"], integer(1))
    expect(client, ["INCR", "n"], integer(2))
    expect(client, ["RPUSH", "list", "a", "b", "c"], integer(3))
    expect(client, ["LPOP", "list"], bulk("a"))
    expect(client, ["SET", "gone", "1"], OK)
    expect(client, ["DEL", "gone"], integer(1))
    expect(client, ["SET", "n", "9", "NX"], bulk(None))
    stage.restart()
    client = stage.client()
    expect(client, ["GET", "greeting"], bulk("hello\r\n"))
    expect(client, ["GET", "n"], bulk("2"))
    expect(client, ["LLEN", "list"], integer(2))
    expect(client, ["LPOP", "list"], bulk("b"))
    expect(client, ["EXISTS", "gone"], integer(0))


def killed_at_work(stage):
    rng = random.Random(10)
    promised = 0
    for _ in range(8):
        client = stage.client()
        reply = client("GET", "counter").value
        there = int(reply or 0)
        check(there >= promised, "INCR was answered with %d, then the power failed, and the counter is %d", promised, there)
        promised = there
        client.send(*([b"INCR", b"counter"] for _ in range(2000)))
        stop = rng.randrange(1, 1500)
        for _ in range(stop):
            promised = int(client.read().value)
        stage.restart()


def time_goes_on(stage):
    client = stage.client()
    expect(client, ["SET", "short", "1", "PX", "700"], OK)
    expect(client, ["INCR", "short"], integer(2))
    expect(client, ["SET", "short2", "x", "PX", "300"], OK)
    time.sleep(0.4)
    expect(client, ["INCR", "short2"], integer(1))
    stage.restart(0.7)
    client = stage.client()
    expect(client, ["GET", "short"], bulk(None))
    expect(client, ["GET", "short2"], bulk("1"))
    expect(client, ["PTTL", "short2"], integer(-1))


def tear(stage, count):
    """Takes the last bytes off the file that was written last."""
    paths = [os.path.join(folder, name) for folder, _, names in os.walk(stage.folder) for name in names if name != ".screen"]
    check(paths, "there is no file in the current folder of your program")
    newest = max(paths, key=lambda path: os.stat(path).st_mtime_ns)
    os.truncate(newest, os.path.getsize(newest) - count)


def a_torn_end(stage):
    for cut in (1, 7, 20):
        client = stage.client()
        expect(client, ["SET", "before", cut], OK)
        expect(client, ["SET", "last", "x" * 40], OK)
        stage.kill()
        tear(stage, cut)
        stage.restart()
        client = stage.client()
        expect(client, ["GET", "before"], bulk(cut))
        expect(client, ["SET", "after", cut], OK)
        expect(client, ["DEL", "last"], integer(0))
        stage.restart()
        expect(stage.client(), ["GET", "after"], bulk(cut))


def a_torn_transaction(stage):
    client = stage.client()
    ask(client, "DEL", "one", "two")
    expect(client, ["MULTI"], OK)
    expect(client, ["SET", "one", "1"], b"+QUEUED\r\n")
    expect(client, ["SET", "two", "2"], b"+QUEUED\r\n")
    expect(client, ["EXEC"], array(OK, OK))
    stage.kill()
    tear(stage, 5)
    stage.restart()
    client = stage.client()
    try:
        found = client("EXISTS", "one", "two").raw
    except Closed as error:
        found = str(error).encode()
    check(found == integer(0), "a transaction whose record is torn has not happened at all; EXISTS one two answers %s", quote(found))


LOG = [
    ("what was answered is there after a power cut", nothing_promised_is_lost),
    ("also when it comes in the midst of work, eight times", killed_at_work),
    ("time does not stand still meanwhile", time_goes_on),
    ("a torn end is cut off, and the log goes on", a_torn_end),
    ("half a transaction is none", a_torn_transaction),
]
