"""Celery with kombu: a worker in a thread, results, groups, chains, chords, retries, time, priorities, revoked tasks."""

import time

from celery import chain, chord, group
from celery.contrib.testing.worker import start_worker
from common import URL, parts, until
from kombu import Connection, Exchange, Queue
from tasks import app, failing, stubborn, sum_of, total


def results():
    """Tasks give results, and failures are raised at who asks."""
    assert [sum_of.delay(n, 1).get(timeout=20) for n in range(20)] == list(range(1, 21))
    answer = failing.delay()
    try:
        answer.get(timeout=20)
        raise AssertionError("it must fail")
    except ValueError as error:
        assert str(error) == "no"
    assert answer.failed() and stubborn.delay().get(timeout=20) == 2


def canvas():
    """Groups, chains and chords."""
    assert group(sum_of.s(n, n) for n in range(10))().get(timeout=20) == [2 * n for n in range(10)]
    assert chain(sum_of.s(1, 2), sum_of.s(10), sum_of.s(100))().get(timeout=20) == 113
    assert chord((sum_of.s(n, n) for n in range(10)), total.s())().get(timeout=20) == 90


def time_and_revoking():
    """A countdown, an expired task, a revoked one."""
    began = time.time()
    assert sum_of.apply_async((1, 1), countdown=1).get(timeout=20) == 2 and time.time() - began >= 1
    revoked = sum_of.apply_async((1, 1), countdown=2)
    revoked.revoke()
    until(lambda: revoked.state == "REVOKED", "revoked")
    assert app.control.inspect(timeout=5).ping()


def messages():
    """kombu alone: queues, a fanout, a message that is given back."""
    with Connection(URL) as connection:
        simple = connection.SimpleQueue("simple")
        for number in range(10):
            simple.put({"n": number})
        assert [simple.get(timeout=5).payload["n"] for _ in range(3)] == [0, 1, 2]
        message = simple.get(timeout=5)
        message.reject(requeue=True)
        assert simple.qsize() >= 1
        simple.clear()
        simple.close()
        exchange = Exchange("all", type="fanout")
        queues = [Queue("fan%d" % number, exchange) for number in range(2)]
        heard = []
        channel = connection.channel()
        consumers = [connection.Consumer(queue(channel), callbacks=[lambda body, message: (heard.append(body), message.ack())]) for queue in queues]
        for consumer in consumers:
            consumer.consume()
        connection.Producer(channel).publish({"x": 1}, exchange=exchange, declare=queues)
        while len(heard) < 2:
            connection.drain_events(timeout=5)


with start_worker(app, perform_ping_check=False, pool="solo", loglevel="ERROR", concurrency=1):
    try:
        parts(results, canvas, time_and_revoking, messages)
    finally:
        pass
