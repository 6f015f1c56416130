"""Celery with Redis: a task a message, acknowledged when it is done. Stores: the task in Redis, its result nowhere.

``python celery_tasks.py put COUNT SIZE`` asks for them; the worker is Celery's own.
"""

from __future__ import annotations

import os
import sys

from celery import Celery
from letters import Connection

app = Celery("celery_tasks", broker=os.environ["PEER_REDIS"])
app.conf.update(task_acks_late=True, task_ignore_result=True, broker_connection_retry_on_startup=True)
_kept: list[Connection] = []


@app.task
def send(number: int, size: int) -> None:
    """Send one message."""
    if not _kept:
        _kept.append(Connection(int(os.environ["PEER_SMTP_PORT"])))
    _kept[0].send(number, size)


if __name__ == "__main__":
    for number in range(int(sys.argv[2])):
        send.delay(number, int(sys.argv[3]))
