"""limits and pyrate-limiter: fixed, sliding and moving windows, buckets."""

import time

import redis
from common import PORT, URL, parts
from limits import RateLimitItemPerMinute, RateLimitItemPerSecond, storage, strategies
from pyrate_limiter import Duration, Limiter, Rate, RedisBucket


def windows():
    """Fixed, moving and sliding windows count, refuse and forget."""
    store = storage.storage_from_string(URL)
    assert store.check()
    for number, kind in enumerate((strategies.FixedWindowRateLimiter, strategies.MovingWindowRateLimiter, strategies.SlidingWindowCounterRateLimiter)):
        limiter, item, who = kind(store), RateLimitItemPerMinute(3), "who%d" % number
        assert [limiter.hit(item, who) for _ in range(5)] == [True, True, True, False, False]
        assert not limiter.test(item, who) and limiter.get_window_stats(item, who).remaining == 0
        limiter.clear(item, who)
        assert limiter.test(item, who)
        assert limiter.hit(item, who, cost=3) and not limiter.hit(item, who)
        short = RateLimitItemPerSecond(1)
        assert limiter.hit(short, who)
        time.sleep(2.05)
        assert limiter.hit(short, who)
    store.reset()


def buckets():
    """A bucket in a sorted set lets so many through."""
    client = redis.Redis(port=PORT)
    rates = [Rate(3, Duration.SECOND), Rate(5, Duration.MINUTE)]
    limiter = Limiter(RedisBucket.init(rates, client, "bucket"))
    assert [limiter.try_acquire("who", blocking=False) for _ in range(4)] == [True, True, True, False]
    time.sleep(1.1)
    assert [limiter.try_acquire("who", blocking=False) for _ in range(4)] == [True, True, False, False]


parts(windows, buckets)
