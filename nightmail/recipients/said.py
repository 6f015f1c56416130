"""What was said of a recipient beside messages: suppressions, consents and preferences, and replies of which no message is known."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from nightmail.access.decisions import allowed, sees_personal
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.consent.preference_statements import FIELDS
from nightmail.recipients.asked import Asked
from nightmail.recipients.campaign_holds import LIFTED, CampaignHolds
from nightmail.recipients.digests import stored
from nightmail.recipients.events import Event, EventKind
from nightmail.recipients.message_stories import LedgerMessage
from nightmail.recipients.queries import SAID

MOST = 200
"""Entries of a kind that are shown at the most."""


@dataclass(frozen=True, slots=True)
class Said:
    """What was said, and for which teams (ids and paths) the reader was shown somebody's own words."""

    events: tuple[Event, ...] = ()
    read: frozenset[tuple[int, str]] = frozenset()


def said_of(
    connection: Connection,
    principal: Principal,
    keys: tuple[Sequence[str], Sequence[str]],
    teams: Sequence[str],
    asked: Asked,
    messages: Sequence[LedgerMessage],
    holds: CampaignHolds,
) -> Said:
    """What was said of a recipient, known by ``keys``: hashes of addresses, and contacts; replies but those to ``messages``."""
    addresses, contacts = keys
    values: dict[str, Any] = {
        "addresses": stored(addresses),
        "contacts": list(contacts),
        "keys": [message.message_key for message in messages],
        "teams": list(teams),
        "since": asked.since,
        "until": asked.until,
        "limit": MOST,
    }
    found: list[Event] = []
    lifted = {entry.detail.get("suppression"): entry.by for entry in holds.decisions if entry.action == LIFTED}
    read: set[tuple[int, str]] = set()
    for row in connection.execute(text(SAID), values):
        if row.what == "suppression":
            found += _of_suppression(row, lifted)
        elif row.what != "reply":
            found += _of_choice(row)
        else:
            reads = sees_personal(principal, row.team) and allowed(principal, Permission.REPLY_SEE, row.team).yes
            if reads and row.body:
                read.add((row.team_id, row.team))
            facts = {"word": row.word, "decision": row.how, "text": row.body if reads else None, "reply": row.id}
            found.append(Event(row.at, EventKind.REPLY, facts, None, row.team, row.channel))
    return Said(tuple(found), frozenset(read))


def _of_suppression(row: Row[Any], lifted: Mapping[Any, str]) -> Iterable[Event]:
    facts = {
        "suppression": row.id,
        "on": row.channel,
        "category": row.category,
        "reason": row.word,
        "source": row.how,
        "until": row.ended_at,
    }
    yield Event(row.at, EventKind.SUPPRESSED, facts, None, row.team, row.channel, row.message_id)
    if row.ended_at is not None:
        by = {"by": lifted.get(row.id)}
        yield Event(row.ended_at, EventKind.SUPPRESSION_LIFTED, facts | by, None, row.team, row.channel)


def _of_choice(row: Row[Any]) -> Iterable[Event]:
    if row.what == "preference":
        facts = {**_chosen(json.loads(row.body)), "source": row.word or None, "by": row.how or None}
        yield Event(row.at, EventKind.PREFERENCE, facts, None, row.team)
        return
    facts = {"category": row.category, "on": row.channel, "how": row.how}
    if row.ended_at != row.at:
        # At the same time it is a withdrawal of what was not given here.
        yield Event(row.at, EventKind.CONSENT, facts, None, row.team, row.channel)
    if row.ended_at is not None:
        yield Event(row.ended_at, EventKind.CONSENT_WITHDRAWN, facts, None, row.team, row.channel)


def _chosen(changes: Mapping[str, Any]) -> dict[str, Any]:
    """What a statement changed, as facts of its sentence; ``cleared`` are the fields of which it took a choice back."""
    single: Mapping[str, bool] = changes.get("topics") or {}
    wanted = [*(changes.get("topics_in") or ()), *(name for name, wanted in single.items() if wanted)]
    unwanted = [*(changes.get("topics_out") or ()), *(name for name, wanted in single.items() if not wanted)]
    quiet = [str(changes[name]) for name in ("quiet_from", "quiet_until") if changes.get(name)]
    until = changes.get("paused_until")
    cleared = [name for name in FIELDS if name in changes and changes[name] in (None, []) and name != "quiet_until"]
    return {
        "channels": ", ".join(changes.get("channels") or ()) or None,
        "categories_in": ", ".join(sorted(wanted)) or None,
        "categories_out": ", ".join(sorted(unwanted)) or None,
        "quiet": "-".join(quiet) or None,
        "time_zone": changes.get("time_zone"),
        "language": changes.get("language"),
        "paused_until": dt.datetime.fromisoformat(until) if until else None,
        "cleared": cleared or None,
    }
