"""Sessions with the server: how long a host that vanished keeps one, and whether a pooler keeps them apart.

Locks of a session tell who is at work: of senders, of runs, of the one that moves the ledger on. A host that vanishes says
nothing, and PostgreSQL would keep its session, with all locks, for two hours. So each session asks the server to look after
its own side of the connection, and the client looks after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import URL, Engine

IDLE_S, INTERVAL_S, COUNT = 5, 3, 3
GONE_AFTER_MS = 12_000
"""After so long without an answer a connection is over; Linux looks at it with the next probe, so that it is 14 s in all."""
WHOSE_SIDE_IS_THE_SERVERS = (
    f"-c tcp_keepalives_idle={IDLE_S} -c tcp_keepalives_interval={INTERVAL_S} -c tcp_keepalives_count={COUNT} "
    f"-c tcp_user_timeout={GONE_AFTER_MS}"
)
CLIENTS_SIDE = {
    "keepalives": 1,
    "keepalives_idle": IDLE_S,
    "keepalives_interval": INTERVAL_S,
    "keepalives_count": COUNT,
    "tcp_user_timeout": GONE_AFTER_MS,
}
CONNECT_TIMEOUT_S = 10
CONNECT_TIMEOUT_OF_SEVERAL_S = 4
"""For each of several hosts: one that vanished must not keep a process from the other for long."""
_TRIES = 3


def connection_arguments(url: URL, name: str, options: str = "") -> dict[str, Any]:
    """Return what every connection is opened with; ``options`` are further settings of the session, as libpq has them.

    What the URL itself states stays.
    """
    several = "," in str(url.query.get("host", ""))
    stated = str(url.query.get("options", ""))
    arguments: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_OF_SEVERAL_S if several else CONNECT_TIMEOUT_S,
        "application_name": name,
        **CLIENTS_SIDE,
        "options": " ".join(filter(None, (WHOSE_SIDE_IS_THE_SERVERS, options, stated))),
    }
    return {key: value for key, value in arguments.items() if key == "options" or key not in url.query}


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What a session is at the server that answers."""

    kept: bool
    """Whether it is the same one from one transaction to the next; false behind a pooler of transactions."""
    time_zone: str
    """What the session's times are in: UTC, unless a pooler leaves our settings out."""


def session_facts(engine: Engine) -> SessionFacts:
    """Find out whether sessions are kept, by two connections that a pooler of transactions would give one session."""
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    arguments = connection_arguments(engine.url, "nightmail", "-c timezone=UTC")
    with (
        psycopg.connect(url, autocommit=True, **arguments) as first,
        psycopg.connect(url, autocommit=True, **arguments) as second,
    ):
        time_zone = str(_one(first, "show timezone"))
        seen = {_one(first, "select pg_backend_pid()") for _ in range(_TRIES)}
        if len(seen) > 1:
            return SessionFacts(kept=False, time_zone=time_zone)
        try:
            with second.transaction():
                # Had both one session, the first would now wait for this transaction: it is not asked then.
                kept = (
                    _one(second, "select pg_backend_pid()") not in seen
                    and _one(first, "select pg_backend_pid()") in seen
                )
        except psycopg.OperationalError:
            # A pooler of statements takes no transaction.
            kept = False
    return SessionFacts(kept, time_zone)


def _one(connection: psycopg.Connection[Any], statement: str) -> Any:
    # Never prepared: a pooler would not know the statement on another session.
    row = connection.execute(statement.encode(), prepare=False).fetchone()
    assert row is not None
    return row[0]
