"""Entries of the audit log."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from sqlalchemy import Connection

from nightmail.audit.origins import current_origin
from nightmail.audit.queries import INSERT_ENTRY


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry: ``actor`` did ``action`` to ``subject``.

    ``actor`` is a person, an API key, ``run:<id>`` or a part of the product such as ``senders``; ``action`` reads
    ``noun.verb``. ``subject`` is the key or id of what it was done to, of the team ``team_id`` where it is one team's.
    ``before`` and ``after`` are what a change found and left; with ``detail`` they hold neither secrets nor personal data
    of recipients. ``origin`` is from where; by default what the door said (:func:`nightmail.audit.acting_from`).
    """

    actor: str
    action: str
    subject: str
    team_id: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    origin: str | None = None


def write_entry(
    connection: Connection | psycopg.Connection[Any],
    *,
    actor: str,
    action: str,
    subject: str,
    team_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    origin: str | None = None,
) -> None:
    """Write one entry in the caller's transaction; the arguments are the fields of :class:`Entry`."""
    entry = Entry(
        actor=actor,
        action=action,
        subject=subject,
        team_id=team_id,
        detail=detail or {},
        before=before,
        after=after,
        origin=origin,
    )
    write_entries(connection, [entry])


def write_entries(connection: Connection | psycopg.Connection[Any], entries: Iterable[Entry]) -> None:
    """Write entries in the caller's transaction, in one round trip."""
    here = current_origin()
    rows = [
        {
            "actor": entry.actor,
            "action": entry.action,
            "subject": entry.subject,
            "team": entry.team_id,
            "detail": _json(entry.detail),
            "origin": entry.origin or here,
            "before": None if entry.before is None else _json(entry.before),
            "after": None if entry.after is None else _json(entry.after),
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


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), default=str)
