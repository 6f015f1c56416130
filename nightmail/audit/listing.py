"""Reading the log: a page of it by filters, or all of it as a stream."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.audit import queries
from nightmail.audit.seal_hashes import Seal
from nightmail.audit.streams import stream

_MONTHS_BASE = 2**44
"""More entries than a deployment ever has: a position is a month's number times this, and an id."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One entry as it is read. ``position`` orders entries, and is where a further page begins."""

    position: int
    id: int
    at: dt.datetime
    actor: str
    action: str
    subject: str
    team: str | None
    origin: str | None
    detail: dict[str, Any]
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values, without the position."""
        return {
            "id": self.id,
            "at": self.at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
            "actor": self.actor,
            "action": self.action,
            "subject": self.subject,
            "team": self.team,
            "origin": self.origin,
            "detail": self.detail,
            "before": self.before,
            "after": self.after,
        }


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries are meant; what is ``None`` does not matter.

    ``teams`` are topmost team paths, as :func:`nightmail.access.decisions.teams_with` gives them: entries of these and of
    teams below; with ``""`` among them, or ``and_of_all``, also those of no team, which are the deployment's as a whole. ``action`` is one (``campaign.paused``) or a noun with its
    dot (``campaign.``).
    """

    teams: tuple[str, ...] | None = None
    and_of_all: bool = False
    team: str | None = None
    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    origin: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


def list_entries(
    connection: Connection, wanted: EntryFilter = EntryFilter(), *, after: int | None = None, limit: int = 50
) -> list[AuditRow]:
    """A page of entries, the newest first; ``after`` is the position of the last one of the page before."""
    return list(_read(connection, wanted, after, limit, newest_first=True))


def export_entries(connection: Connection, wanted: EntryFilter = EntryFilter()) -> Iterator[AuditRow]:
    """Every entry that is meant, the oldest first, read as a stream: however many there are, few are in memory."""
    yield from _read(connection, wanted, None, None, newest_first=False)


def sealed_entries(connection: Connection, after_seal: int) -> Iterator[tuple[Seal, bytes, Iterator[AuditRow]]]:
    """The seals after a number with their hashes, each with its entries in the order that it sealed them.

    What is read so comes in an order that never changes, and each entry once: for who keeps a copy elsewhere.
    """
    found = connection.execute(
        text("select * from audit_seal where number > :number order by number limit 500"), {"number": after_seal}
    ).all()
    for row in found:
        seal = Seal(**{name: getattr(row, name) for name in Seal.__dataclass_fields__})
        yield seal, bytes(row.hash), _entries_of(connection, seal)


def _entries_of(connection: Connection, seal: Seal) -> Iterator[AuditRow]:
    conditions = "a.month = :month and a.epoch = :epoch and a.transaction >= :from_transaction and a.transaction < :to_transaction"
    values = {
        "month": seal.month,
        "epoch": seal.epoch,
        "from_transaction": seal.from_transaction,
        "to_transaction": seal.to_transaction,
        "limit": None,
    }
    statement = queries.LIST_ENTRIES.format(conditions=conditions, order="asc")
    for row in stream(connection, statement, values):
        yield _row(row)


def _read(
    connection: Connection, wanted: EntryFilter, after: int | None, limit: int | None, *, newest_first: bool
) -> Iterator[AuditRow]:
    conditions, values = _conditions(wanted)
    if after is not None:
        months, number = divmod(after, _MONTHS_BASE)
        year, month = divmod(months, 12)
        values |= {"after_month": dt.date(max(1, min(year, 9998)), month + 1, 1), "after_id": number}
        conditions.append("(a.month, a.id) < (:after_month, :after_id)")
    statement = queries.LIST_ENTRIES.format(
        conditions=" and ".join(conditions) or "true", order="desc" if newest_first else "asc"
    )
    for row in stream(connection, statement, values | {"limit": limit}):
        yield _row(row)


def _conditions(wanted: EntryFilter) -> tuple[list[str], dict[str, Any]]:
    made: list[str] = []
    values: dict[str, Any] = {}

    def add(condition: str, **of: Any) -> None:
        made.append(condition)
        values.update(of)

    if wanted.teams is not None:
        of_all = wanted.and_of_all or "" in wanted.teams
        add(
            f"(a.team_id in ({queries.TEAMS_OF}) or (:of_all and a.team_id is null))",
            teams=list(wanted.teams),
            of_all=of_all,
        )
    if wanted.team is not None:
        add("(t.path = :team or starts_with(t.path, :team || '.'))", team=wanted.team)
    for name, column in (("actor", "a.actor"), ("subject", "a.object"), ("origin", "a.origin")):
        value = getattr(wanted, name)
        if value is not None:
            add(f"{column} = :{name}", **{name: value})
    if wanted.action is not None:
        whole = not wanted.action.endswith(".")
        add("a.action = :action" if whole else "starts_with(a.action, :action)", action=wanted.action)
    if wanted.since is not None:
        add(
            "a.at >= :since and a.month >= date_trunc('month', cast(:since as timestamptz) at time zone 'UTC')::date - 31"
        )
        values["since"] = wanted.since
    if wanted.until is not None:
        add("a.at < :until and a.month <= cast(:until as timestamptz)::date", until=wanted.until)
    return made, values


def _row(row: Any) -> AuditRow:
    position = (row.month.year * 12 + row.month.month - 1) * _MONTHS_BASE + row.id
    return AuditRow(
        position=position,
        id=row.id,
        at=row.at,
        actor=row.actor,
        action=row.action,
        subject=row.object,
        team=row.team,
        origin=row.origin,
        detail=row.detail,
        before=row.before,
        after=row.after,
    )
