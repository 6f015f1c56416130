"""Rows of contact files that became no message for a recipient: held, or not taken. They are kept in the lake alone.

A held contact is found by its hash, and by nothing else: the table ``audience`` has no address. Of a row that was not taken
the file's own cells are read, as long as retention leaves them, and each is brought into the form that addresses have. So a
row is found whose address can be read; one whose address could not be read has none to be found by, but perhaps an external
id. What is looked through is bounded, and what was left out is said.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, text

from nightmail.audience.decisions import decisions_at
from nightmail.privacy import address_hash, contact_ids
from nightmail.reasons import REASONS, Surface
from nightmail.recipients.events import Event, EventKind
from nightmail.recipients.message_stories import words_of_reason
from nightmail.recipients.queries import CAMPAIGNS_OF_DAYS

if TYPE_CHECKING:
    import pyarrow as pa

    from nightmail.lake import Lake, TableFile

MOST_DAYS = 31
"""Days whose contact files are looked through at once."""
MOST_CAMPAIGNS = 100
MOST_ROWS = 3_000_000
"""Contacts that are compared at most."""
MOST_REJECTS = 1_000
"""Rows that were not taken which are read at most, over all campaigns: each cell is judged like a new address."""
_LONGEST_CELL = 320
_NUMBER = re.compile(r"[+(]*[0-9][0-9()\[\]/.\-\s]{4,40}[0-9)]")


@dataclass(frozen=True, slots=True)
class FileLook:
    """What contact files say, and how far they were looked through."""

    events: tuple[Event, ...] = ()
    campaigns: int = 0
    """Campaigns that were looked through."""
    left_out: tuple[str, ...] = ()
    """Keys of campaigns with too many rows for one look."""
    gone: tuple[str, ...] = ()
    """Keys of campaigns of which retention deleted what is needed, or some of it."""
    quoted: frozenset[tuple[int, str]] = frozenset()
    """Ids and paths of teams whose rows are quoted as they were written."""


@dataclass(slots=True)
class _Budget:
    rows: int = MOST_ROWS
    rejects: int = MOST_REJECTS


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Who is looked for."""

    addresses: frozenset[str]
    contacts: frozenset[str]
    hash_key: bytes = field(repr=False)


def look_through_files(
    connection: Connection,
    lake: Lake,
    *,
    addresses: Iterable[str],
    contacts: Iterable[str],
    teams: Sequence[str],
    since: dt.datetime,
    until: dt.datetime,
    hash_key: bytes,
    default_country: str | None = None,
    sees_personal: Callable[[str], bool] = lambda _team: False,
) -> FileLook:
    """What the contact files of campaigns of some days say of a recipient, in order of time.

    ``sees_personal`` is asked with a team's path: a reject's own sentence quotes the cell.
    """
    wanted = _Wanted(frozenset(addresses), frozenset(contacts), hash_key)
    values = {
        "teams": list(teams),
        "since": since,
        "until": until,
        "limit": MOST_CAMPAIGNS + 1,
        "country": default_country,
    }
    rows = list(connection.execute(text(CAMPAIGNS_OF_DAYS), values))
    budget, events = _Budget(), []
    left_out = [row.key for row in rows[MOST_CAMPAIGNS:]]
    gone: list[str] = []
    quoted: set[tuple[int, str]] = set()
    for row in rows[:MOST_CAMPAIGNS]:
        if not (row.held or row.rejects or row.duplicates):
            continue
        if (row.rows or 0) > budget.rows:
            left_out.append(row.key)
            continue
        held = _held(lake, row, wanted, budget)
        taken = _rejected(lake, row, wanted, budget, personal=sees_personal(row.team))
        if held is None or taken is None:
            gone.append(row.key)
        events += [*(held or ()), *(taken or ())]
        if taken and sees_personal(row.team):
            quoted.add((row.team_id, row.team))
        if budget.rejects <= 0:
            left_out.append(row.key)
            budget.rejects = 0
    events.sort(key=lambda each: each.at)
    return FileLook(tuple(events), len(rows[:MOST_CAMPAIGNS]), tuple(left_out), tuple(gone), frozenset(quoted))


def _event(row: Row[Any], kind: EventKind, channel: str | None = None, **facts: Any) -> Event:
    return Event(row.loaded_at or row.created_at, kind, facts, row.key, row.team, channel)


def _held(lake: Lake, row: Row[Any], wanted: _Wanted, budget: _Budget) -> list[Event] | None:
    """Contacts that were held; ``None`` where the table is gone."""
    if not row.held:
        return []
    audience = lake.table("audience", row.key)
    if not audience.exists():
        return None
    found: list[dict[str, Any]] = []
    for block in audience.blocks(["line", "contact_id", "state", "channel", "reason", "address_hash"]):
        budget.rows -= block.num_rows
        found += [each for each in _matching(block, wanted).to_pylist() if each["state"] == "held"]
    decided = decisions_at(lake.table("audience_decisions", row.key), [each["line"] for each in found]) if found else {}
    return [
        _event(
            row,
            EventKind.HELD,
            each["channel"],
            line=each["line"],
            by_channel={one.channel: one.reason for one in decided[each["line"]]} if each["line"] in decided else None,
            **_because(each["reason"]),
        )
        for each in found
    ]


def _matching(block: pa.Table, wanted: _Wanted) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    of_contact = pc.is_in(block.column("contact_id"), pa.array(sorted(wanted.contacts), pa.string()))
    of_address = pc.is_in(block.column("address_hash"), pa.array(sorted(wanted.addresses), pa.string()))
    return block.filter(pc.or_(of_contact, of_address))


def _because(reason: str | None) -> dict[str, Any]:
    entry = REASONS.get(reason or "")
    return {
        "reason": reason,
        "because": words_of_reason(reason) or (reason or "").replace("_", " "),
        "remedy": entry.remedy_on(Surface.PAGE) if entry is not None and "{" not in entry.remedy else None,
    }


def _rejected(lake: Lake, row: Row[Any], wanted: _Wanted, budget: _Budget, *, personal: bool) -> list[Event] | None:
    """Rows that were not taken; ``None`` where the file's own cells are gone."""
    if not (row.rejects or row.duplicates):
        return []
    rejects, cells = lake.table("rejects", row.key), lake.table("contact_file", row.key)
    if not (rejects.exists() and cells.exists()):
        return None
    by_line: dict[int, list[Mapping[str, Any]]] = {}
    for block in rejects.blocks(["line", "column", "reason", "message", "duplicate_of"]):
        for each in block.to_pylist():
            if len(by_line) >= budget.rejects and each["line"] not in by_line:
                continue
            by_line.setdefault(each["line"], []).append(each)
    budget.rejects -= len(by_line)
    lines = _lines_of(cells, by_line, wanted, row)
    return [_of_reject(row, each, personal=personal) for line in sorted(lines) for each in by_line[line]]


def _of_reject(row: Row[Any], reject: Mapping[str, Any], *, personal: bool) -> Event:
    facts = _because(reject["reason"])
    if personal and reject["message"]:
        facts["because"] = reject["message"]
    return _event(
        row,
        EventKind.REJECTED,
        line=reject["line"],
        column=reject["column"],
        duplicate_of=reject["duplicate_of"],
        **facts,
    )


def _lines_of(
    cells: TableFile, by_line: Mapping[int, list[Mapping[str, Any]]], wanted: _Wanted, row: Row[Any]
) -> set[int]:
    """The lines, of those that were not taken, in which a cell is the recipient's address or id."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = set()
    lines = pa.array(sorted(by_line), pa.int64())
    for block in cells.blocks():
        for each in block.filter(pc.is_in(block.column("line"), lines)).to_pylist():
            line = each.pop("line")
            if any(_is_wanted(cell, wanted, row) for cell in _cells(each.values())):
                found.add(line)
    return found


def _cells(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str) and 0 < len(value := value.strip()) <= _LONGEST_CELL:
            yield value


def _is_wanted(cell: str, wanted: _Wanted, row: Row[Any]) -> bool:
    if wanted.contacts and contact_ids(row.team, [cell], wanted.hash_key)[0] in wanted.contacts:
        return True
    return any(
        address_hash(each, wanted.hash_key).hex() in wanted.addresses for each in _addresses_of(cell, row.country)
    )


def _addresses_of(cell: str, country: str | None) -> Iterator[str]:
    """What a cell can be as an address: a number by the rules of the country that the campaign's rows have by default."""
    from nightmail.row_checks.emails import judge_email
    from nightmail.row_checks.phone_readings import read_phone

    if "@" in cell:
        email = judge_email(cell)
        if email is not None:
            yield email
    elif _NUMBER.fullmatch(cell):
        reading = read_phone(cell, country)
        for verdict in (reading.verdict, reading.with_code):
            if verdict is not None and verdict.number is not None:
                yield verdict.number
