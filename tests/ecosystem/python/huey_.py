"""huey: a small queue that runs on scripts."""

from common import URL, parts
from huey import PriorityRedisExpireHuey, RedisHuey


def huey_queue():
    """huey: results, priorities, schedules, locks."""
    for kind, name in ((RedisHuey, "plain"), (PriorityRedisExpireHuey, "priority")):
        huey = kind(name, url=URL)

        @huey.task()
        def add(one, other):
            return one + other

        answers = [add(n, n) for n in range(5)]
        assert huey.pending_count() == 5
        while huey.pending_count():
            huey.execute(huey.dequeue())
        assert [answer() for answer in answers] == [0, 2, 4, 6, 8]
        add.schedule((1, 2), delay=100)
        assert huey.scheduled_count() == 0 or huey.scheduled_count() == 1
        with huey.lock_task("locked"):
            assert huey.is_locked("locked")
        assert not huey.is_locked("locked")
        huey.flush()


parts(huey_queue)
