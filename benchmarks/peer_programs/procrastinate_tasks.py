"""Procrastinate: a task a message, in PostgreSQL. Stores: the task, its state and its events.

``python procrastinate_tasks.py schema``, ``put COUNT SIZE`` (in batches) or ``work`` (until nothing is left).
"""

from __future__ import annotations

import os
import sys

from letters import Connection
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

_URL = os.environ["PEER_DATABASE_URL"]
_WORKS = sys.argv[1:2] == ["work"]
app = App(connector=(PsycopgConnector if _WORKS else SyncPsycopgConnector)(conninfo=_URL))
_kept: list[Connection] = []


@app.task(name="send", queue="messages")
def send(number: int, size: int) -> None:
    """Send one message."""
    if not _kept:
        _kept.append(Connection(int(os.environ["PEER_SMTP_PORT"])))
    _kept[0].send(number, size)


def main() -> None:
    """Do what the first argument says."""
    if _WORKS:
        # One task at a time: the connection is one.
        app.run_worker(queues=["messages"], concurrency=1, wait=False, listen_notify=False)
        return
    with app.open():
        if sys.argv[1] == "schema":
            app.schema_manager.apply_schema()
            return
        count, size = int(sys.argv[2]), int(sys.argv[3])
        for start in range(0, count, 1000):
            wanted = [{"number": number, "size": size} for number in range(start, min(start + 1000, count))]
            send.batch_defer(*wanted)


if __name__ == "__main__":
    main()
