"""What waits for a person behind an entry of the navigation, as the number that stands beside it.

A subject in which something can wait adds a :class:`Counter`: one bounded, indexed query, asked with every page of those who may
see it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from nightmail.access.decisions import teams_with
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.campaigns.alerts import count_open_alerts
from nightmail.campaigns.approval import count_waiting
from nightmail.conversations.reply_lists import count_undecided
from nightmail.sending.doubt_lists import count_campaigns_in_doubt
from portal.web.translating import marked


@dataclass(frozen=True)
class Counter:
    """How many wait behind the entry of ``address``, for who has ``permission`` anywhere; ``means`` is read after the number.

    ``count`` gets the topmost teams at which the permission is held; ``means`` is marked for translation.
    """

    address: str
    permission: Permission
    means: str
    count: Callable[[Connection, Principal, tuple[str, ...]], int]


COUNTERS: tuple[Counter, ...] = (
    Counter(
        "/approvals",
        Permission.CAMPAIGN_APPROVE,
        marked("campaigns wait for your approval"),
        lambda connection, principal, _teams: count_waiting(connection, principal),
    ),
    Counter(
        "/alerts",
        Permission.ALERT_SEE,
        marked("alerts are open"),
        lambda connection, _principal, teams: count_open_alerts(connection, teams=teams),
    ),
    Counter(
        "/doubts",
        Permission.DOUBT_DECIDE,
        marked("campaigns have messages in doubt"),
        lambda connection, _principal, teams: count_campaigns_in_doubt(connection, teams=teams),
    ),
    Counter(
        "/opt-outs",
        Permission.REPLY_SEE,
        marked("replies probably ask for an end"),
        lambda connection, _principal, teams: count_undecided(connection, teams=teams),
    ),
)
"""Every counter."""


def waiting_for(connection: Connection, principal: Principal) -> Mapping[str, int]:
    """How many wait behind each address, where any do."""
    counts = {}
    for counter in COUNTERS:
        teams = teams_with(principal, counter.permission)
        if teams and (waiting := counter.count(connection, principal, teams)):
            counts[counter.address] = waiting
    return counts


def meaning_of(address: str) -> str:
    """What the number beside an entry means."""
    return next((counter.means for counter in COUNTERS if counter.address == address), "")
