"""Standby messages: the next channel takes over when the one before it fails, or is not needed when it delivered."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, text

from nightmail.campaigns.counts import mark_ledgers_changed
from nightmail.carriers.protocol import NOT_REACHED, REACHED
from nightmail.sending.queries import DECIDE_STANDBY

CHUNK = 10_000
"""Messages decided in one transaction."""
FALLBACK_WAIT_S = 4 * 3600.0
"""How long a standby message without escalation waits for bad news of the one before it: an SMS is given up by then."""
DECLINED = (
    "opted_out",
    "category_opted_out",
    "consent_missing",
    "consent_withdrawn",
    "consent_expired",
    "paused_by_contact",
)
"""Holds that the contact asked for: a person who said STOP to a text message is not called instead."""


@dataclass(frozen=True, slots=True)
class StandbyDecided:
    """What one look at the standby messages decided."""

    promoted: int
    """Messages that take over."""
    not_needed: int


def decide_standby(engine: Engine) -> StandbyDecided:
    """Let standby messages that are due take over, or end those that are not needed; the others are looked at later."""
    totals = {"queued": 0, "not_needed": 0}
    values = {
        "chunk": CHUNK,
        "reached": [str(status) for status in REACHED],
        "not_reached": [str(status) for status in NOT_REACHED],
        "fallback": FALLBACK_WAIT_S,
        "declined": list(DECLINED),
    }
    while True:
        with engine.begin() as connection:
            decided = connection.execute(text(DECIDE_STANDBY), values).all()
        counts = {row.verdict: int(row.messages) for row in decided}
        changed = {campaign for row in decided if row.verdict not in ("later", "wait") for campaign in row.campaigns}
        if changed:
            mark_ledgers_changed(engine, changed)
        for verdict in totals:
            totals[verdict] += counts.get(verdict, 0)
        if sum(counts.values()) < CHUNK:
            return StandbyDecided(totals["queued"], totals["not_needed"])
