"""What waits for a person, in bounded numbers and one question: it is asked with every page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.campaigns.alerts import COUNTED
from nightmail.reports.glance_queries import WAITING_COUNTS
from nightmail.sending.doubt_lists import CAMPAIGNS, VISITED


@dataclass(frozen=True)
class WaitingCounts:
    """How much waits; each figure ends at a bound, beyond which nobody counts."""

    open_alerts: int
    campaigns_in_doubt: int
    undecided_replies: int
    tops: list[str]
    """The first two teams that are below no other: who holds something at the only one holds it for the deployment."""


def waiting_counts(
    connection: Connection, *, alerts: Sequence[str], doubts: Sequence[str], replies: Sequence[str]
) -> WaitingCounts:
    """What waits at teams and those below: open alerts of some, campaigns with doubts of some, replies to some.

    What belongs to no team counts where the teams cover the deployment as a whole; of no teams, nothing counts.
    """
    values = {
        "alert_teams": list(alerts),
        "doubt_teams": list(doubts),
        "reply_teams": list(replies),
        "limit": COUNTED,
        "campaigns": CAMPAIGNS,
        "visited": VISITED,
    }
    row = connection.execute(text(WAITING_COUNTS), values).one()
    return WaitingCounts(**row._mapping)
