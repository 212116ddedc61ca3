"""What the queues' workers run."""

from common import URL
from celery import Celery

app = Celery("tasks", broker=URL, backend=URL)
app.conf.update(task_acks_late=True, broker_connection_retry_on_startup=True, result_extended=True)


def add(one, other):
    return one + other


def fail():
    raise ValueError("no")


@app.task
def sum_of(one, other):
    return one + other


@app.task
def total(numbers):
    return sum(numbers)


@app.task(bind=True, max_retries=2, default_retry_delay=0.1)
def stubborn(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0.1)
    return self.request.retries


@app.task
def failing():
    raise ValueError("no")
