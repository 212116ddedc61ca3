"""redis-py: Lock, register_script, pipelines of scripts, functions; and python-redis-lock."""

import time

import redis
import redis_lock
from common import PORT, parts, until

client = redis.Redis(port=PORT)
newer = redis.Redis(port=PORT, protocol=3, decode_responses=True)


def lock():
    """A lock is held once, is extended, reacquired, and released by its owner only."""
    one, other = client.lock("lock", timeout=2), client.lock("lock", timeout=2)
    assert one.acquire() and not other.acquire(blocking=False)
    assert one.extend(5) and client.pttl("lock") > 5000 and one.reacquire() and client.pttl("lock") <= 2000
    try:
        other.local.token = b"wrong"
        other.release()
        raise AssertionError("somebody else has released it")
    except redis.exceptions.LockNotOwnedError:
        pass
    one.release()
    with other:
        assert other.locked() and other.owned()
    assert client.lock("short", timeout=0.2).acquire()
    assert client.lock("short", timeout=1).acquire(blocking_timeout=2)


def scripts():
    """Scripts are loaded when they are missing, alone and in pipelines, in either protocol."""
    for connection in (client, newer):
        multiply = connection.register_script("return redis.call('GET', KEYS[1]) * ARGV[1]")
        connection.set("n", 5)
        assert multiply(keys=["n"], args=[3]) == 15
        connection.script_flush()
        assert multiply(keys=["n"], args=[4]) == 20
        connection.script_flush()
        pipe = connection.pipeline()
        pipe.set("n", 2)
        multiply(keys=["n"], args=[8], client=pipe)
        pipe.get("n")
        assert pipe.execute()[1] == 16
        assert connection.script_exists(multiply.sha, "f" * 40) == [True, False]
        try:
            connection.eval("return redis.call('INCR', KEYS[1])", 1, "text") if connection.set("text", "x") else None
            raise AssertionError("it is no number")
        except redis.exceptions.ResponseError as error:
            assert "not an integer" in str(error)
    assert newer.eval("redis.setresp(3) return redis.call('HGETALL', KEYS[1])", 1, "h" if newer.hset("h", "f", "v") is not None else "") == {"f": "v"}


LIBRARY = """#!lua name=mylib
redis.register_function('setit', function(keys, args) return redis.call('SET', keys[1], args[1]) end)
redis.register_function{function_name='getit', callback=function(keys) return redis.call('GET', keys[1]) end, flags={'no-writes'}}
"""


def functions():
    """Libraries are loaded, listed, called, dumped, restored and deleted."""
    assert client.function_load(LIBRARY) == b"mylib"
    client.fcall("setit", 1, "key", "value")
    assert client.fcall_ro("getit", 1, "key") == b"value"
    assert newer.fcall_ro("getit", 1, "key") == "value"
    assert len(client.function_list(library="my*", withcode=True)) == 1
    dump = client.function_dump()
    client.function_flush()
    assert client.function_list() == []
    assert client.function_restore(dump)
    assert client.fcall_ro("getit", 1, "key") == b"value"
    try:
        client.fcall_ro("setit", 1, "key", "x")
        raise AssertionError("it writes")
    except redis.exceptions.ResponseError as error:
        assert "write flag" in str(error)
    client.function_delete("mylib")


def signalled_lock():
    """python-redis-lock renews, waits by BLPOP, and resets."""
    lock = redis_lock.Lock(client, "signalled", expire=1, auto_renewal=True)
    assert lock.acquire()
    time.sleep(1.3)
    assert client.exists("lock:signalled") and not redis_lock.Lock(client, "signalled", expire=1).acquire(blocking=False)
    lock.release()
    other = redis_lock.Lock(client, "signalled", expire=1)
    assert other.acquire(timeout=1)
    other.extend(5)
    other.reset()
    redis_lock.reset_all(client)
    until(lambda: not client.exists("lock:signalled"), "no lock")


parts(lock, scripts, functions, signalled_lock)
