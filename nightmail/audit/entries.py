"""Entries of the audit log."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from sqlalchemy import Connection

from nightmail.audit.queries import INSERT_ENTRY


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry: ``actor`` did ``action`` to ``subject``.

    ``actor`` is a person, an API key, ``run:<id>`` or a part of the product such as ``senders``; ``action`` reads
    ``noun.verb``. ``subject`` is the key or id of what it was done to, of the team ``team_id`` where it is one team's.
    ``detail`` holds no personal data.
    """

    actor: str
    action: str
    subject: str
    team_id: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def write_entry(
    connection: Connection | psycopg.Connection[Any],
    *,
    actor: str,
    action: str,
    subject: str,
    team_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write one entry in the caller's transaction; the arguments are the fields of :class:`Entry`."""
    write_entries(
        connection, [Entry(actor=actor, action=action, subject=subject, team_id=team_id, detail=detail or {})]
    )


def write_entries(connection: Connection | psycopg.Connection[Any], entries: Iterable[Entry]) -> None:
    """Write entries in the caller's transaction, in one round trip."""
    rows = [
        {
            "actor": entry.actor,
            "action": entry.action,
            "subject": entry.subject,
            "team": entry.team_id,
            "detail": json.dumps(dict(entry.detail), default=str),
        }
        for entry in entries
    ]
    if not rows:
        return
    if isinstance(connection, Connection):
        connection.exec_driver_sql(INSERT_ENTRY, rows)
    else:
        with connection.cursor() as cursor:
            cursor.executemany(INSERT_ENTRY, rows)
