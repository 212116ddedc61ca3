"""Lessons 7 and 8: clients who wait, and clients who want several commands to be one."""

import time

from stage import NIL_ARRAY, OK, Closed, Wrong, array, ask, bulk, check, expect, integer, quote

# ------------------------------------------------------------------------------------------------------ 7. waiting

WRONG_TYPE = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
NO_TIME = b"-ERR timeout is not a float or out of range\r\n"


def both_ends(stage):
    client = stage.client()
    expect(client, ["LPOP", "list"], bulk(None))
    expect(client, ["RPUSH", "list", "b", "c"], integer(2))
    expect(client, ["LPUSH", "list", "a"], integer(3))
    expect(client, ["LLEN", "list"], integer(3))
    for value in "abc":
        expect(client, ["LPOP", "list"], bulk(value))
    expect(client, ["EXISTS", "list"], integer(0))
    expect(client, ["SET", "text", "x"], OK)
    expect(client, ["RPUSH", "text", "x"], WRONG_TYPE)
    expect(client, ["BLPOP", "text", "0"], WRONG_TYPE)
    expect(client, ["RPUSH", "list", "a"], integer(1))
    expect(client, ["GET", "list"], WRONG_TYPE)
    expect(client, ["DEL", "list", "text"], integer(2))


def parked(stage, *keys, timeout="0"):
    """A client that waits."""
    client = stage.client()
    client.send([b"BLPOP", *(key.encode() for key in keys), timeout.encode()])
    time.sleep(0.05)
    check(not client.ready(0.05), "BLPOP %s %s waits, for there is nothing; this came at once: %s", " ".join(keys), timeout,
          quote(client.read().raw) if client.ready(0) else "")
    return client


def gets(client, wanted, who):
    try:
        came = client.read().raw
    except Closed as error:
        raise Wrong("%s is not served: %s" % (who, error)) from error
    check(came == wanted, "%s\n  should be given %s\n  and is given    %s", who, quote(wanted), quote(came))


def at_once(stage):
    client = stage.client()
    expect(client, ["RPUSH", "list", "a", "b"], integer(2))
    expect(client, ["BLPOP", "list", "0"], array(bulk("list"), bulk("a")))
    expect(client, ["BLPOP", "nothing", "list", "0"], array(bulk("list"), bulk("b")))
    expect(client, ["BLPOP", "list", "soon"], NO_TIME)
    expect(client, ["BLPOP", "list", "-1"], b"-ERR timeout is negative\r\n")


def served(stage):
    waiter, client = parked(stage, "list"), stage.client()
    expect(client, ["PING"], b"+PONG\r\n")
    expect(client, ["RPUSH", "list", "hello"], integer(1))
    gets(waiter, array(bulk("list"), bulk("hello")), "who waits")
    expect(client, ["LLEN", "list"], integer(0))
    expect(waiter, ["PING"], b"+PONG\r\n")


def oldest_first(stage):
    waiters = [parked(stage, "list") for _ in range(3)]
    client = stage.client()
    expect(client, ["RPUSH", "list", "1", "2"], integer(2))
    expect(client, ["RPUSH", "list", "3", "4"], integer(2))
    for number, waiter in enumerate(waiters, 1):
        gets(waiter, array(bulk("list"), bulk(number)), "number %d of three who wait" % number)
    expect(client, ["LPOP", "list"], bulk("4"))


def several_keys(stage):
    waiter, client = parked(stage, "one", "two", "three"), stage.client()
    expect(client, ["RPUSH", "two", "x"], integer(1))
    gets(waiter, array(bulk("two"), bulk("x")), "who waits for one, two and three")
    expect(client, ["RPUSH", "one", "y"], integer(1))
    expect(client, ["RPUSH", "three", "z"], integer(1))
    check(not waiter.ready(0.1), "who was served waits no more, for any of the keys")
    expect(client, ["DEL", "one", "three"], integer(2))


def in_vain(stage):
    client = stage.client()
    started = time.time()
    expect(client, ["BLPOP", "list", "0.3"], NIL_ARRAY)
    spent = time.time() - started
    check(0.28 < spent < 1, "a wait of 0.3 s took %.2f s", spent)
    expect(client, ["RPUSH", "list", "x"], integer(1))
    expect(client, ["LPOP", "list"], bulk("x"))


def the_gone(stage):
    leaves, client = parked(stage, "list"), stage.client()
    leaves.close()
    time.sleep(0.1)
    expect(client, ["RPUSH", "list", "x"], integer(1))
    expect(client, ["LPOP", "list"], bulk("x"))


def what_comes_after(stage):
    client, other = stage.client(), stage.client()
    client.send([b"BLPOP", b"list", b"0"], [b"ECHO", b"next"])
    check(not client.ready(0.2), "a request behind a BLPOP that waits is answered after it")
    expect(other, ["RPUSH", "list", "x"], integer(1))
    gets(client, array(bulk("list"), bulk("x")), "who waits")
    gets(client, bulk("next"), "the request behind it")


def another_type(stage):
    waiter, client = parked(stage, "list", timeout="0.5"), stage.client()
    expect(client, ["SET", "list", "no list"], OK)
    expect(client, ["DEL", "list"], integer(1))
    gets(waiter, NIL_ARRAY, "who waits for a list where a string comes and goes")


WAITING = [
    ("lists have two ends, and a type", both_ends),
    ("BLPOP takes what is there", at_once),
    ("who waits is served, and holds up nobody", served),
    ("the one who waits longest is served first", oldest_first),
    ("one may wait for several keys, and is served once", several_keys),
    ("a wait has an end", in_vain),
    ("nothing is given to those who are gone", the_gone),
    ("the requests of one client keep their order", what_comes_after),
    ("what is no list serves nobody", another_type),
]

# ------------------------------------------------------------------------------------------------ 8. transactions

QUEUED = b"+QUEUED\r\n"


def all_together(stage):
    client, other = stage.client(), stage.client()
    expect(client, ["MULTI"], OK)
    expect(client, ["SET", "n", "10"], QUEUED)
    expect(other, ["GET", "n"], bulk(None))
    expect(other, ["SET", "n", "1"], OK)
    expect(client, ["INCR", "n"], QUEUED)
    expect(client, ["GET", "n"], QUEUED)
    expect(client, ["EXEC"], array(OK, integer(11), bulk("11")))
    expect(other, ["GET", "n"], bulk("11"))
    expect(client, ["MULTI"], OK)
    expect(client, ["EXEC"], array())


def called_off(stage):
    client = stage.client()
    expect(client, ["SET", "n", "1"], OK)
    expect(client, ["MULTI"], OK)
    expect(client, ["INCR", "n"], QUEUED)
    expect(client, ["DISCARD"], OK)
    expect(client, ["GET", "n"], bulk("1"))
    expect(client, ["EXEC"], b"-ERR EXEC without MULTI\r\n")
    expect(client, ["DISCARD"], b"-ERR DISCARD without MULTI\r\n")


def not_understood(stage):
    client = stage.client()
    for wrong in (["NONSENSE"], ["GET"]):
        expect(client, ["SET", "n", "1"], OK)
        expect(client, ["MULTI"], OK)
        expect(client, ["INCR", "n"], QUEUED)
        came = ask(client, *wrong)
        check(came.startswith(b"-ERR"), "%s is wrong in a transaction too; your answer is %s", wrong[0], quote(came))
        expect(client, ["EXEC"], b"-EXECABORT Transaction discarded because of previous errors.\r\n")
        expect(client, ["GET", "n"], bulk("1"))
    expect(client, ["MULTI"], OK)
    came = ask(client, "MULTI")
    check(came == b"-ERR MULTI calls can not be nested\r\n", "a MULTI within a MULTI is refused; your answer is %s", quote(came))
    expect(client, ["DISCARD"], OK)


def no_way_back(stage):
    client = stage.client()
    expect(client, ["SET", "text", "x"], OK)
    expect(client, ["SET", "n", "1"], OK)
    expect(client, ["MULTI"], OK)
    for words in (["INCR", "n"], ["INCR", "text"], ["INCR", "n"]):
        expect(client, words, QUEUED)
    error = b"-ERR value is not an integer or out of range\r\n"
    expect(client, ["EXEC"], array(integer(2), error, integer(3)))
    expect(client, ["GET", "n"], bulk("3"))


def watched(stage):
    client, other = stage.client(), stage.client()
    expect(client, ["SET", "n", "1"], OK)
    for change in (["SET", "n", "2"], ["SET", "n", "2"], ["INCR", "n"], ["DEL", "n"], ["RPUSH", "n", "x"], ["LPOP", "n"]):
        expect(client, ["WATCH", "other", "n"], OK)
        ask(other, *change)
        expect(client, ["MULTI"], OK)
        expect(client, ["SET", "seen", "1"], QUEUED)
        came = ask(client, "EXEC")
        check(came == NIL_ARRAY, "%s by somebody else between WATCH and EXEC, and EXEC answers %s instead of %s",
              " ".join(change), quote(came), quote(NIL_ARRAY))
    expect(client, ["EXISTS", "seen"], integer(0))


def watched_in_vain(stage):
    client, other = stage.client(), stage.client()
    expect(client, ["SET", "n", "1"], OK)
    expect(client, ["WATCH", "n"], OK)
    expect(other, ["GET", "n"], bulk("1"))
    expect(other, ["SET", "another", "1"], OK)
    expect(other, ["SET", "n", "9", "NX"], bulk(None))
    expect(client, ["MULTI"], OK)
    expect(client, ["INCR", "n"], QUEUED)
    expect(client, ["EXEC"], array(integer(2)))
    # EXEC has ended the watch.
    expect(other, ["SET", "n", "5"], OK)
    expect(client, ["MULTI"], OK)
    expect(client, ["EXEC"], array())
    expect(client, ["WATCH", "n"], OK)
    expect(other, ["SET", "n", "6"], OK)
    expect(client, ["UNWATCH"], OK)
    expect(client, ["MULTI"], OK)
    expect(client, ["EXEC"], array())
    expect(client, ["WATCH", "n"], OK)
    expect(client, ["MULTI"], OK)
    expect(client, ["WATCH", "n"], b"-ERR WATCH inside MULTI is not allowed\r\n")
    expect(client, ["DISCARD"], OK)


def my_own_change(stage):
    client = stage.client()
    expect(client, ["WATCH", "n"], OK)
    expect(client, ["SET", "n", "1"], OK)
    expect(client, ["MULTI"], OK)
    expect(client, ["EXEC"], NIL_ARRAY)


def nobody_waits_inside(stage):
    client = stage.client()
    expect(client, ["MULTI"], OK)
    expect(client, ["BLPOP", "nothing", "0"], QUEUED)
    expect(client, ["PING"], QUEUED)
    expect(client, ["EXEC"], array(NIL_ARRAY, b"+PONG\r\n"))


def waiters_come_after(stage):
    waiter, client = parked(stage, "list"), stage.client()
    expect(client, ["MULTI"], OK)
    expect(client, ["RPUSH", "list", "a"], QUEUED)
    expect(client, ["LPUSH", "list", "b"], QUEUED)
    expect(client, ["LPOP", "list"], QUEUED)
    expect(client, ["EXEC"], array(integer(1), integer(2), bulk("b")))
    gets(waiter, array(bulk("list"), bulk("a")), "who waits for what a transaction pushes")


TRANSACTIONS = [
    ("what is queued runs together, with nothing in between", all_together),
    ("DISCARD calls it off", called_off),
    ("what cannot even be queued spoils the whole", not_understood),
    ("what fails while it runs undoes nothing", no_way_back),
    ("a watched key that somebody touches stops it", watched),
    ("nothing else does", watched_in_vain),
    ("one's own change counts as well", my_own_change),
    ("nobody waits inside", nobody_waits_inside),
    ("who waits is served after the whole", waiters_come_after),
]
