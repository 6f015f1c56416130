"""Suppressions: addresses that must not be used, as the database has them.

A suppression names its address by the keyed hash only. Each reason has a row of its own: a hard bounce that proves to be
false is lifted, and what the person asked for stays. Senders look at suppressions at each hand-off, so a change holds
from the next one on; what was held before stays held.

>>> with engine.begin() as connection:
...     address = read_address("0170 1234567", country="DE", hash_key=key)
...     lift_suppressions(connection, suppressions_of(connection, address.hash), actor="user:anna")
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from nightmail.consent.queries import ADD, HOLD_MARKETING, IN_FORCE_BY_ID, IN_FORCE_OF_ADDRESS
from nightmail.errors import UsageError
from nightmail.organisation.teams import is_at_or_below
from nightmail.privacy import AddressHash

OPTED_OUT, COMPLAINT, HARD_BOUNCE, BY_HAND = "opted_out", "complaint", "hard_bounce", "by_hand"
PROBABLE_OPT_OUT = "probable_opt_out"
"""Somebody probably asked for an end: nothing of marketing is sent until a person has read what they wrote."""
ASKED_FOR = frozenset({OPTED_OUT, COMPLAINT})
"""Reasons that are the person's own choice, for TCPA (47 CFR 64.1200(a)(10)) and GDPR Article 7(3): only they take it back."""
IS_ASKED_FOR = "s.reason in ({})".format(", ".join(f"'{reason}'" for reason in sorted(ASKED_FOR)))
"""The same as a condition on a suppression ``s`` in SQL. An opt-out on one channel holds back the others too."""

LISTED = 500
"""Suppressions of one address that are shown at the most."""
_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class SuppressionRow:
    """One suppression in force."""

    id: int
    team: str | None
    """The path of the team that it holds for, with those below; ``None`` for all."""
    channel: str
    category: str | None
    """``None`` for all."""
    reason: str
    source: str
    """What made it: ``reply``, ``unsubscribe_link``, ``preference_page``, ``receipt:<carrier>``, ``carrier:<error code>``, or the
    person who did by hand."""
    message_id: str | None
    campaign: str | None
    campaign_team: str | None
    created_at: dt.datetime
    address_hash: AddressHash = field(repr=False)
    why: str | None = None
    """What the person said who made it by hand."""

    @property
    def asked_for(self) -> bool:
        """Whether it is the person's own choice."""
        return self.reason in ASKED_FOR

    def is_of(self, team: str) -> bool:
        """Whether it was made for ``team`` or one below it."""
        return self.team is not None and is_at_or_below(self.team, team)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values, without the address."""
        return {
            "id": self.id,
            "team": self.team,
            "channel": self.channel,
            "category": self.category,
            "reason": self.reason,
            "asked_for": self.asked_for,
            "source": self.source,
            "campaign": self.campaign,
            "message_id": self.message_id,
            "since": self.created_at,
            "why": self.why,
        }


def suppressions_of(
    connection: Connection, hashed: AddressHash, *, team: str | None = None, channel: str | None = None
) -> list[SuppressionRow]:
    """The suppressions of an address that are in force, newest first, at most :data:`LISTED`.

    With ``team`` only those that concern it: its own, those of teams above and below, and those for all.
    """
    values = {"hash": hashed, "team": team, "channel": channel, "limit": LISTED}
    return [SuppressionRow(**row._mapping) for row in connection.execute(text(IN_FORCE_OF_ADDRESS), values)]


def find_suppression(connection: Connection, suppression_id: int, *, team: str) -> SuppressionRow:
    """A suppression that is in force and concerns ``team``. Raises :class:`UsageError` (``suppression_unknown``)."""
    values = {"id": suppression_id, "team": team, "limit": 1}
    row = connection.execute(text(IN_FORCE_BY_ID), values).first()
    if row is None:
        raise suppression_unknown(suppression_id)
    return SuppressionRow(**row._mapping)


def suppression_unknown(suppression_id: int) -> UsageError:
    """The error for a suppression that is not there, no longer in force, or of another team."""
    return UsageError("suppression_unknown", value=suppression_id)


def record_suppressions(
    connection: Connection,
    addresses: Iterable[tuple[str, AddressHash]],
    *,
    team_id: int | None,
    reason: str,
    source: str,
    category: str | None = None,
    message_id: str | None = None,
    why: str | None = None,
) -> list[int]:
    """Suppress pairs of ``(channel, address hash)``; gives the ids of the suppressions that were not there before."""
    made: list[int] = []
    # In one order, so that two that write the same addresses at once do not wait for each other.
    ordered = sorted(set(addresses))
    for start in range(0, len(ordered), _BATCH):
        batch = ordered[start : start + _BATCH]
        values = {
            "team": team_id,
            "category": category,
            "reason": reason,
            "source": source,
            "message": message_id,
            "why": why,
            "channels": [channel for channel, _ in batch],
            "hashes": [hashed for _, hashed in batch],
        }
        made += connection.scalars(text(ADD), values)
    return made


def hold_marketing(
    connection: Connection,
    address: tuple[str, AddressHash],
    *,
    team_id: int | None,
    source: str,
    message_id: str | None = None,
) -> int:
    """Hold a pair of ``(channel, address hash)`` back from a team's marketing categories; gives how many holds are new."""
    channel, hashed = address
    values = {
        "team": team_id,
        "channel": channel,
        "hash": hashed,
        "reason": PROBABLE_OPT_OUT,
        "source": source,
        "message": message_id,
    }
    return connection.execute(text(HOLD_MARKETING), values).rowcount
