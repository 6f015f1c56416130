"""Consents: recorded and withdrawn, and which of all that was stated holds.

The latest time wins, whatever the order in which things were recorded; of two at the same time the withdrawal. So an old
consent out of a file never outlives a withdrawal that came after it.

>>> record_consents(connection, team_id, [ConsentGiven("4f…", "newsletter", at=moment, how="web form")], actor="user:anna")
Recorded(added=1, already=0)
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Connection, text

from nightmail.audit import Entry, write_entries
from nightmail.channels import CHANNELS
from nightmail.consent.consent_queries import (
    ADD_GIVEN,
    ADD_TEXT,
    ADD_WITHDRAWN,
    END_GIVEN,
    FIND_TEXT,
    LOCK_TEAM,
    OF_CONTACT,
    TEXTS,
)
from nightmail.consent.linked_contacts import linked_contacts
from nightmail.errors import UsageError
from nightmail.organisation.categories import category_names
from nightmail.organisation.teams import team_ids_upwards, team_paths

LISTED = 500
_BATCH = 10_000
_ENTRIES = 200
"""Statements of one call that get an entry each in the audit log; more get one together."""
_CLOCKS_DIFFER = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class ConsentGiven:
    """A contact's consent to a category, as it is to be recorded; ``channel`` of ``None``: on all."""

    contact_id: str
    category: str
    at: dt.datetime
    how: str
    channel: str | None = None
    source: str | None = None
    proof: str | None = None
    text_id: int | None = None
    """The text that was shown (:func:`find_text`)."""
    expires_at: dt.datetime | None = None
    confirmed_at: dt.datetime | None = None
    """When it was confirmed, where ``at`` is when it was asked for (:mod:`nightmail.consent.consent_requests`)."""


@dataclass(frozen=True, slots=True)
class ConsentWithdrawn:
    """A contact's withdrawal, as it is to be recorded. It may be of something that was never given."""

    contact_id: str
    category: str
    at: dt.datetime
    how: str
    channel: str | None = None
    source: str | None = None
    proof: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many statements were new, and how many were known before."""

    added: int
    already: int


class Stated(Protocol):
    """What is stated of a contact's consent at a time."""

    @property
    def category(self) -> str: ...  # noqa: D102
    @property
    def channel(self) -> str | None: ...  # noqa: D102
    @property
    def at(self) -> dt.datetime: ...  # noqa: D102


class Waiting(Protocol):
    """A request for a consent, as far as it says what holds."""

    @property
    def category(self) -> str: ...  # noqa: D102
    @property
    def channel(self) -> str | None: ...  # noqa: D102
    @property
    def waits(self) -> bool: ...  # noqa: D102


class ConsentState(StrEnum):
    """What holds of a contact, a category and a channel."""

    MISSING = "missing"
    REQUESTED = "requested"
    """Missing, and the contact was asked for it: messages are held as where it is missing."""
    GIVEN = "given"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRow:
    """One row of what was stated."""

    id: int
    team: str
    contact_id: str
    category: str
    channel: str | None
    captured_at: dt.datetime
    captured_how: str
    source: str | None
    proof: str | None
    recorded_by: str | None
    recorded_at: dt.datetime
    expires_at: dt.datetime | None
    confirmed_at: dt.datetime | None
    withdrawn_at: dt.datetime | None
    withdrawn_how: str | None
    withdrawn_by: str | None
    of_contact: str | None = None
    """Of a contact that was merged: the id under which the other one stated it, or the merge that held something."""
    text_name: str | None = None
    text_version: int | None = None
    text_language: str | None = None
    text: str | None = field(default=None, repr=False)

    @property
    def never_given(self) -> bool:
        """Whether it is a withdrawal alone."""
        return self.withdrawn_at == self.captured_at

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {**asdict(self), "never_given": self.never_given}


def record_consents(connection: Connection, team_id: int, given: Sequence[ConsentGiven], *, actor: str) -> Recorded:
    """Record consents of a team's contacts; what is recorded already stays as it is.

    Raises :class:`UsageError` (``category_unknown``, ``channel_unknown``, ``consent_time_future``, ``consent_expires_before``).
    """
    check_stated(connection, team_id, given)
    linked = linked_contacts(connection, {one.contact_id for one in given})
    added = _write(connection, team_id, given, actor, [ADD_GIVEN])
    for one in given if linked else ():
        copies = [replace(one, contact_id=other) for other in linked.get(one.contact_id, ())]
        _write(connection, team_id, copies, actor, [ADD_GIVEN], of_contact=one.contact_id)
    _audit(connection, team_id, given, actor, "consent.recorded", added)
    return Recorded(added, len(given) - added)


def withdraw_consents(
    connection: Connection, team_id: int, withdrawn: Sequence[ConsentWithdrawn], *, actor: str
) -> Recorded:
    """Record withdrawals; to do it again changes nothing. Raises what :func:`record_consents` does."""
    check_stated(connection, team_id, withdrawn)
    linked = linked_contacts(connection, {one.contact_id for one in withdrawn})
    added = _write(connection, team_id, withdrawn, actor, [END_GIVEN, ADD_WITHDRAWN])
    # A withdrawal holds for all that are one contact, also after they are two again: no copy, but each one's own.
    also = [replace(one, contact_id=other) for one in withdrawn for other in linked.get(one.contact_id, ())]
    _write(connection, team_id, also, actor, [END_GIVEN, ADD_WITHDRAWN])
    _audit(connection, team_id, withdrawn, actor, "consent.withdrawn", added)
    return Recorded(added, max(len(withdrawn) - added, 0))


def consents_of(connection: Connection, team: str, contact_id: str, limit: int = LISTED) -> list[ConsentRow]:
    """All that was stated of a contact to a team and to those above it, the latest first."""
    values = {"contact": contact_id, "teams": team_ids_upwards(connection, team), "limit": limit}
    return [ConsentRow(**row._mapping) for row in connection.execute(text(OF_CONTACT), values)]


def consent_state(
    rows: Iterable[ConsentRow], category: str, channel: str, now: dt.datetime, requests: Iterable[Waiting] = ()
) -> ConsentState:
    """What holds, by what was stated of one contact: the rule that audience and senders follow.

    Of ``requests`` one that waits is told where nothing was stated; it lets nothing through.
    """
    concerned = [row for row in rows if row.category == category and row.channel in (None, channel)]
    if not concerned:
        waits = any(each.waits and each.category == category and each.channel in (None, channel) for each in requests)
        return ConsentState.REQUESTED if waits else ConsentState.MISSING
    last = max(concerned, key=weight)
    if last.withdrawn_at is not None:
        return ConsentState.WITHDRAWN
    expired = last.expires_at is not None and last.expires_at <= now
    return ConsentState.EXPIRED if expired else ConsentState.GIVEN


def weight(row: ConsentRow) -> tuple[dt.datetime, bool, float]:
    """By which the row is found that holds: the greatest one."""
    ends = row.expires_at.timestamp() if row.expires_at is not None else float("inf")
    return row.withdrawn_at or row.captured_at, row.withdrawn_at is not None, -ends


def add_text(
    connection: Connection, team_id: int, name: str, shown: str, *, language: str | None, actor: str
) -> tuple[int, int]:
    """Keep a text that people are shown, as the next version of its name; returns its id and version."""
    if not name.strip() or not shown.strip():
        raise UsageError("consent_text_empty")
    values = {"team": team_id, "name": name.strip(), "text": shown, "language": language, "by": actor}
    connection.execute(text(LOCK_TEAM), {"team": team_id})
    row = connection.execute(text(ADD_TEXT), values).one()
    detail = {"version": row.version, "language": language}
    write_entries(
        connection, [Entry(actor=actor, action="consent_text.added", subject=name, team_id=team_id, detail=detail)]
    )
    return int(row.id), int(row.version)


def find_text(connection: Connection, team: str, name: str, version: int | None = None) -> int:
    """The id of a text of a team or of one above it; the newest version by default. Raises :class:`UsageError`."""
    values = {"teams": team_ids_upwards(connection, team), "name": name, "version": version}
    found = connection.scalar(text(FIND_TEXT), values)
    if found is None:
        raise UsageError("consent_text_unknown", value=name if version is None else f"{name} version {version}")
    return int(found)


@dataclass(frozen=True, slots=True)
class ConsentTextRow:
    """A version of a text that people are shown."""

    id: int
    team: str
    name: str
    version: int
    language: str | None
    text: str
    created_at: dt.datetime
    created_by: str


def texts_of(
    connection: Connection, team: str, *, name: str | None = None, before: int | None = None, limit: int = LISTED
) -> list[ConsentTextRow]:
    """The texts of a team and of those above it, the newest first: all versions; of one ``name`` where that is given."""
    values = {"teams": team_ids_upwards(connection, team), "name": name, "before": before, "limit": limit}
    return [ConsentTextRow(**row._mapping) for row in connection.execute(text(TEXTS), values)]


_Statement = ConsentGiven | ConsentWithdrawn


def check_stated(connection: Connection, team_id: int, statements: Sequence[Stated]) -> None:
    """Refuse what cannot be recorded. Raises what :func:`record_consents` does."""
    known = set(category_names(connection, team_paths(connection, [team_id])[team_id]))
    for category in sorted({one.category for one in statements} - known):
        listed = ", ".join(sorted(known)) or "(none)"
        raise UsageError("category_unknown", category=category, by="the consent", known=listed)
    for channel in {one.channel for one in statements if one.channel is not None} - set(CHANNELS):
        raise UsageError("channel_unknown", channel=channel, known=", ".join(CHANNELS))
    latest = dt.datetime.now(dt.UTC) + _CLOCKS_DIFFER
    for one in statements:
        if one.at.tzinfo is None or one.at > latest:
            raise UsageError("consent_time_future", at=f"{one.at:%Y-%m-%d %H:%M}")
        ends = getattr(one, "expires_at", None)
        if ends is not None and ends <= one.at:
            raise UsageError("consent_expires_before", at=f"{one.at:%Y-%m-%d %H:%M}")


def _write(
    connection: Connection,
    team_id: int,
    statements: Sequence[_Statement],
    actor: str,
    queries: Sequence[str],
    of_contact: str | None = None,
) -> int:
    connection.execute(text(LOCK_TEAM), {"team": team_id})
    added = 0
    for start in range(0, len(statements), _BATCH):
        batch = statements[start : start + _BATCH]
        values: dict[str, Any] = {
            "team": team_id,
            "by": actor,
            "contacts": [one.contact_id for one in batch],
            "categories": [one.category for one in batch],
            "channels": [one.channel for one in batch],
            "ats": [one.at for one in batch],
            "hows": [one.how for one in batch],
            "sources": [one.source for one in batch],
            "proofs": [one.proof for one in batch],
            "texts": [getattr(one, "text_id", None) for one in batch],
            "expiries": [getattr(one, "expires_at", None) for one in batch],
            "confirmations": [getattr(one, "confirmed_at", None) for one in batch],
            "of_contacts": [of_contact] * len(batch),
        }
        added += sum(connection.execute(text(query), values).rowcount for query in queries)
    return added


def _audit(
    connection: Connection, team_id: int, statements: Sequence[_Statement], actor: str, action: str, added: int
) -> None:
    if not added:
        return
    if len(statements) > _ENTRIES:
        detail: Mapping[str, Any] = {"statements": len(statements), "new": added}
        write_entries(connection, [Entry(actor=actor, action=action, subject="many", team_id=team_id, detail=detail)])
        return
    write_entries(
        connection,
        [
            Entry(
                actor=actor,
                action=action,
                subject=one.contact_id,
                team_id=team_id,
                detail={"category": one.category, "channel": one.channel, "at": one.at.isoformat(), "how": one.how},
            )
            for one in statements
        ],
    )
