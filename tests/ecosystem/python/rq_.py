"""RQ: jobs, results, failures, dependencies, schedules, done by a worker that ends when there is no more."""

import datetime
import time

import redis
from common import PORT, parts, until
from rq import Queue, Retry, SimpleWorker
from rq.job import Job
import tasks

client = redis.Redis(port=PORT)


def work(*queues, **more):
    SimpleWorker(queues, connection=client).work(burst=True, logging_level="ERROR", **more)


def jobs():
    """Jobs give results, and failures say why."""
    queue = Queue("jobs", connection=client)
    done = [queue.enqueue(tasks.add, n, n) for n in range(20)]
    bad = queue.enqueue(tasks.fail)
    assert len(queue) == 21
    work(queue)
    assert [job.return_value() for job in done] == [2 * n for n in range(20)]
    assert bad.get_status(refresh=True) == "failed" and "no" in bad.latest_result().exc_string
    assert queue.failed_job_registry.count == 1 and queue.finished_job_registry.count == 20
    queue.failed_job_registry.requeue(bad)
    assert len(queue) == 1
    queue.empty()


def dependencies():
    """A job waits for another, and one that fails is tried again."""
    queue = Queue("depend", connection=client)
    first = queue.enqueue(tasks.add, 1, 2)
    second = queue.enqueue(tasks.add, 3, 4, depends_on=first)
    third = queue.enqueue(tasks.fail, retry=Retry(max=2))
    assert second.get_status() == "deferred"
    work(queue)
    assert second.return_value() == 7 and third.get_status(refresh=True) == "failed"
    assert Job.fetch(first.id, connection=client).is_finished


def schedules():
    """A job comes when its time has come."""
    queue = Queue("later", connection=client)
    job = queue.enqueue_in(datetime.timedelta(seconds=1), tasks.add, 5, 6)
    assert job.id in queue.scheduled_job_registry
    time.sleep(1.2)

    def is_done():
        work(queue, with_scheduler=False)
        from rq.scheduler import RQScheduler
        scheduler = RQScheduler([queue], connection=client)
        scheduler.acquire_locks()
        scheduler.enqueue_scheduled_jobs()
        scheduler.release_locks()
        return job.get_status(refresh=True) == "finished"

    until(is_done, "the scheduled job")
    assert job.return_value() == 11


parts(jobs, dependencies, schedules)
