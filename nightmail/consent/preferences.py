"""Preferences: what contacts chose, recorded as statements and kept as what these come to.

Who records says from where it comes and who did it. A statement that comes in late counts for the time at which it was made:
a file of last year changes nothing that was chosen since.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from nightmail.audit import Entry, write_entries
from nightmail.channels import CHANNELS
from nightmail.consent.linked_contacts import linked_contacts
from nightmail.consent.preference_queries import ADD_STATEMENTS, LOCK_TEAM, STATEMENTS, STORE
from nightmail.consent.preference_statements import FIELDS, Chosen, PreferenceStatement, taken_together
from nightmail.errors import UsageError
from nightmail.organisation.categories import category_names
from nightmail.organisation.quiet_hours import QuietHours
from nightmail.organisation.teams import team_ids_upwards
from nightmail.row_checks.languages import language_tag
from nightmail.row_checks.time_zones import time_zone_name

_BATCH = 5_000
_ENTRIES = 200
_FARTHEST_PAUSE = dt.timedelta(days=3653)
_CLOCKS_DIFFER = dt.timedelta(minutes=5)


def read_changes(connection: Connection, team: str, written: Mapping[str, Any]) -> dict[str, Any]:
    """What a person, a program or a file states, brought into the form that is kept; what is not named stays unchanged.

    Raises :class:`UsageError` (``preference_field_unknown``, ``preference_empty``, ``category_unknown``, ``channel_unknown``,
    ``preference_time_zone_unknown``, ``preference_language_unknown``, ``quiet_hours_invalid``, ``preference_pause_invalid``).
    """
    unknown = [name for name in written if name not in (*FIELDS, "topics")]
    if unknown:
        raise UsageError("preference_field_unknown", value=unknown[0], known=", ".join((*FIELDS, "topics")))
    if not written:
        raise UsageError("preference_empty")
    changes = {name: value for name, value in written.items() if value is None and name != "topics"}
    stated = {name: value for name, value in written.items() if value is not None}
    for name, read in _READERS.items():
        if name in stated:
            changes[name] = read(stated[name])
    named = {name for field in ("topics_in", "topics_out", "topics") for name in stated.get(field, ())}
    known = set(category_names(connection, team)) if named else set()
    for topic in sorted(named - known):
        listed = ", ".join(sorted(known)) or "(none)"
        raise UsageError("category_unknown", category=topic, by="the preference", known=listed)
    if ("quiet_from" in changes) != ("quiet_until" in changes) or (
        (changes.get("quiet_from") is None) != (changes.get("quiet_until") is None)
    ):
        raise UsageError("quiet_hours_invalid", value=f"{changes.get('quiet_from')}-{changes.get('quiet_until')}")
    return changes


def _channels(value: Sequence[str]) -> list[str]:
    for name in value:
        if name not in CHANNELS:
            raise UsageError("channel_unknown", channel=name, known=", ".join(CHANNELS))
    return list(dict.fromkeys(value))


def _time_of_day(value: str) -> str:
    return f"{QuietHours.parse(f'{value}-{value}').start:%H:%M}"


def _zone(value: str) -> str:
    name = time_zone_name(value)
    if name is None:
        raise UsageError("preference_time_zone_unknown", value=value)
    return name


def _language(value: str) -> str:
    tag = language_tag(value)
    if tag is None:
        raise UsageError("preference_language_unknown", value=value)
    return tag


def _pause(value: str | dt.datetime) -> str:
    try:
        until = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(value)
        until = (until if until.tzinfo else until.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise UsageError("preference_pause_invalid", value=value) from None
    if until > dt.datetime.now(dt.UTC) + _FARTHEST_PAUSE:
        raise UsageError("preference_pause_invalid", value=value)
    return until.isoformat()


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "channels": _channels,
    "topics_in": lambda names: sorted(set(names)),
    "topics_out": lambda names: sorted(set(names)),
    "topics": lambda wanted: {name: bool(value) for name, value in sorted(wanted.items())},
    "quiet_from": _time_of_day,
    "quiet_until": _time_of_day,
    "time_zone": _zone,
    "language": _language,
    "paused_until": _pause,
}


def record_preferences(
    connection: Connection,
    team_id: int,
    stated: Sequence[tuple[str, dt.datetime, Mapping[str, Any]]],
    *,
    source: str,
    actor: str,
) -> int:
    """Record what contacts of a team chose: contact, time and changes (:func:`read_changes`) of each; returns how many are new.

    Raises :class:`UsageError` (``consent_time_future``).
    """
    latest = dt.datetime.now(dt.UTC) + _CLOCKS_DIFFER
    for _, at, _ in stated:
        if at.tzinfo is None or at > latest:
            raise UsageError("consent_time_future", at=f"{at:%Y-%m-%d %H:%M}")
    linked = linked_contacts(connection, {contact for contact, _, _ in stated})
    connection.execute(text(LOCK_TEAM), {"team": team_id})
    new = 0
    for start in range(0, len(stated), _BATCH):
        batch: list[_Row] = [(*one, None) for one in stated[start : start + _BATCH]]
        copies: list[_Row] = [
            (other, at, changes, contact) for contact, at, changes, _ in batch for other in linked.get(contact, ())
        ]
        new += len(_add(connection, team_id, batch, source, actor))
        _add(connection, team_id, copies, source, actor)
    _audit(connection, team_id, stated, source, actor, new)
    return new


_Row = tuple[str, dt.datetime, Mapping[str, Any], str | None]


def _add(connection: Connection, team_id: int, rows: Sequence[_Row], source: str, actor: str) -> list[str]:
    if not rows:
        return []
    values = {
        "team": team_id,
        "source": source,
        "by": actor,
        "contacts": [contact for contact, *_ in rows],
        "ats": [at for _, at, *_ in rows],
        "changes": [json.dumps(changes, sort_keys=True) for _, _, changes, _ in rows],
        "of_contacts": [of_contact for *_, of_contact in rows],
    }
    touched = list(connection.scalars(text(ADD_STATEMENTS), values))
    if touched:
        store_preferences(connection, team_id, sorted(set(touched)))
    return touched


def add_held(
    connection: Connection,
    team_id: int,
    contact_id: str,
    at: dt.datetime,
    changes: Mapping[str, Any],
    *,
    source: str,
    of_contact: str | None,
    actor: str,
) -> None:
    """Add a statement that holds something because of a merge, or because one was taken back."""
    _add(connection, team_id, [(contact_id, at, changes, of_contact)], source, actor)


def store_preferences(connection: Connection, team_id: int, contacts: Sequence[str]) -> None:
    """Keep what the statements of some contacts come to, with one team."""
    by_contact: dict[str, list[PreferenceStatement]] = defaultdict(list)
    for one in statements_of(connection, [team_id], contacts):
        by_contact[one.contact_id].append(one)
    rows = []
    for contact, statements in by_contact.items():
        chosen = taken_together(statements)
        rows.append(
            {
                "team": team_id,
                "contact": contact,
                "channels": list(chosen.channels) if chosen.channels else None,
                "topics_in": None if chosen.topics_in is None else sorted(chosen.topics_in),
                "topics_out": sorted(chosen.topics_out) or None,
                "quiet_from": chosen.quiet_from,
                "quiet_until": chosen.quiet_until,
                "time_zone": chosen.time_zone,
                "language": chosen.language,
                "paused_until": chosen.paused_until,
                "stated_at": chosen.stated_at,
                "source": chosen.source,
                "set_by": chosen.set_by,
                "statement": max(one.id for one in statements),
            }
        )
    if rows:
        connection.execute(text(STORE), rows)


def preference_of(connection: Connection, team: str, contact_id: str) -> Chosen:
    """What a contact chose with a team or one above it."""
    return taken_together(preference_history(connection, team, contact_id))


def preference_history(connection: Connection, team: str, contact_id: str) -> list[PreferenceStatement]:
    """All that was stated of a contact's preferences, the oldest first."""
    return statements_of(connection, team_ids_upwards(connection, team), [contact_id])


def statements_of(connection: Connection, teams: Sequence[int], contacts: Sequence[str]) -> list[PreferenceStatement]:
    """What was stated of contacts to teams, by contact, the oldest first."""
    rows = connection.execute(text(STATEMENTS), {"teams": list(teams), "contacts": list(contacts)})
    return [PreferenceStatement(**row._mapping) for row in rows]


def _audit(
    connection: Connection,
    team_id: int,
    stated: Sequence[tuple[str, dt.datetime, Mapping[str, Any]]],
    source: str,
    actor: str,
    new: int,
) -> None:
    if not new:
        return
    if len(stated) > _ENTRIES:
        listed = [("many", {"statements": len(stated), "new": new, "source": source})]
    else:
        listed = [(contact, {"changes": dict(changes), "source": source}) for contact, _, changes in stated]
    write_entries(
        connection,
        [
            Entry(actor=actor, action="preference.recorded", subject=subject, team_id=team_id, detail=detail)
            for subject, detail in listed
        ],
    )
