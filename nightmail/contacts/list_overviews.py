"""Segments and distribution lists over all teams that somebody sees: by name, and one by its number."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.access.decisions import allowed
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.contacts import list_overview_queries as queries
from nightmail.contacts import list_queries
from nightmail.contacts.distribution_lists import EntryRow, ListRow
from nightmail.contacts.segments import SegmentRow
from nightmail.errors import UsageError


@dataclass(frozen=True, slots=True)
class ListOverview:
    """A list, with how many entries it has of either kind."""

    id: int
    team_id: int
    team: str
    name: str
    description: str
    version: int
    changed_at: dt.datetime
    changed_by: str
    included: int
    excluded: int

    def row(self) -> ListRow:
        """The list itself."""
        return ListRow(
            self.id,
            self.team_id,
            self.team,
            self.name,
            self.description,
            self.version,
            self.changed_at,
            self.changed_by,
        )


@dataclass(frozen=True, slots=True)
class ListInFull(ListOverview):
    """A list as its page shows it."""

    changed_by_name: str | None
    """The name of the person who changed it last."""
    entries: list[EntryRow]


@dataclass(frozen=True)
class NameFilter:
    """Which are wanted: of ``teams`` and those below, as a permission is held, with ``words`` in the name."""

    teams: Sequence[str]
    team: str | None = None
    words: str | None = None
    after: tuple[str, int] | None = None
    limit: int = 100

    def values(self) -> dict[str, Any]:
        """The parameters of a statement."""
        name, number = self.after or ("", 0)
        wanted = {"teams": list(self.teams), "team": self.team, "words": self.words, "limit": self.limit}
        return {**wanted, "after_name": name.lower(), "after_id": number}


def segments_of_teams(connection: Connection, wanted: NameFilter) -> list[SegmentRow]:
    """Segments by name."""
    return [SegmentRow(**row._mapping) for row in connection.execute(text(queries.SEGMENTS), wanted.values())]


def lists_of_teams(connection: Connection, wanted: NameFilter) -> list[ListOverview]:
    """Lists by name."""
    return [ListOverview(**row._mapping) for row in connection.execute(text(queries.LISTS), wanted.values())]


@dataclass(frozen=True, slots=True)
class SendSource:
    """A list or a segment that can be sent to. ``sends_itself``: its own team may send, rather than the one that it is shared with."""

    kind: str
    id: int
    team: str
    name: str
    description: str
    sends_itself: bool


def sources_to_send(
    connection: Connection, teams: Sequence[str], *, upper: str, sender: str, limit: int = 200
) -> list[SendSource]:
    """Lists, then segments, by name, that can be sent to with a template of the team ``upper``.

    Those of the teams at or below ``teams``, where sending is allowed, and those that teams above share with ``sender``.
    """
    values = {"teams": list(teams), "upper": upper, "sender": sender, "limit": limit}
    return [SendSource(**row._mapping) for row in connection.execute(text(queries.SOURCES), values)]


def seen_segment(connection: Connection, by: Principal, number: int) -> SegmentRow:
    """A segment that ``by`` may see. Raises :class:`UsageError` (``segment_unknown``)."""
    row = connection.execute(text(queries.SEGMENT), {"id": number}).first()
    if row is None or not allowed(by, Permission.CONTACT_SEE, row.team).yes:
        raise UsageError("segment_unknown", segment=number, known="-")
    return SegmentRow(**row._mapping)


def seen_list(connection: Connection, by: Principal, number: int, *, entries: int = 0) -> ListInFull:
    """A list that ``by`` may see, with the first ``entries`` of it. Raises :class:`UsageError` (``list_unknown``)."""
    row = connection.execute(text(queries.LIST), {"id": number, "after": 0, "limit": entries}).first()
    if row is None or not allowed(by, Permission.CONTACT_SEE, row.team).yes:
        raise UsageError("list_unknown", list=number, known="-")
    values = dict(row._mapping)
    values["entries"] = [EntryRow(**each) for each in row.entries]
    return ListInFull(**values)


@dataclass(frozen=True, slots=True)
class Addable:
    """A group, a segment or a list that can be put into a list."""

    kind: str
    id: int
    name: str
    team: str


def addable_to(connection: Connection, found: ListOverview, *, limit: int) -> list[Addable]:
    """What a list can hold: the groups, segments and other lists that its team uses, by kind, its own first; ``limit`` of each kind."""
    values = {"team_id": found.team_id, "list": found.id, "limit": limit}
    return [Addable(**row._mapping) for row in connection.execute(text(list_queries.ADDABLE), values)]
