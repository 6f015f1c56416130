"""What waits for a person behind an entry of the navigation, as the number that stands beside it.

It is asked with every page: approvals, which are a person's own, and the rest in one bounded question
(:mod:`nightmail.reports.waiting_counts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from nightmail.access.decisions import teams_with
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.campaigns.approval import count_waiting
from nightmail.reports.waiting_counts import waiting_counts
from portal.web.translating import marked

_MEANINGS = {
    "/approvals": marked("campaigns wait for your approval"),
    "/alerts": marked("alerts are open"),
    "/doubts": marked("campaigns have messages in doubt"),
    "/opt-outs": marked("replies probably ask for an end"),
}
"""What the number beside an entry means; read after the number."""


@dataclass(frozen=True)
class Waiting:
    """How many wait behind each address, where any do; and the first two teams that are below no other."""

    counts: Mapping[str, int]
    tops: list[str]


def waiting_for(connection: Connection, principal: Principal) -> Waiting:
    """What waits for somebody, and with it what the frame needs of teams."""
    alerts, doubts, replies = (
        teams_with(principal, permission)
        for permission in (Permission.ALERT_SEE, Permission.DOUBT_DECIDE, Permission.REPLY_SEE)
    )
    approvals = teams_with(principal, Permission.CAMPAIGN_APPROVE)
    found = waiting_counts(connection, alerts=alerts, doubts=doubts, replies=replies)
    counts = {
        "/approvals": count_waiting(connection, principal) if approvals else 0,
        "/alerts": found.open_alerts,
        "/doubts": found.campaigns_in_doubt,
        "/opt-outs": found.undecided_replies,
    }
    return Waiting({address: count for address, count in counts.items() if count}, found.tops)


def meaning_of(address: str) -> str:
    """What the number beside an entry means."""
    return _MEANINGS.get(address, "")
