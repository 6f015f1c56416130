"""What campaigns that have not ended still use: feeds, accounts, senders and servers that cannot be retired under them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from nightmail.organisation.routes import Route, routes_of_team
from nightmail.provisioning.queries import FEEDS_WITH_PARTS, OPEN_CAMPAIGNS, SERVERS_TO_ANSWER_ON
from nightmail.templates import load_template

_SHOWN = 3
"""Campaigns that are named."""


@dataclass
class WorkInFlight:
    """The keys of campaigns by what they use."""

    feeds: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    accounts: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    senders: dict[tuple[int, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    """By account and address."""
    servers: dict[int, str] = field(default_factory=dict)
    parts: frozenset[int] = frozenset()
    """Feeds of which files wait for further parts."""


def work_in_flight(connection: Connection) -> WorkInFlight:
    """What campaigns that have not ended use now: of each channel, the way that their messages would go next."""
    found = WorkInFlight(parts=frozenset(connection.scalars(text(FEEDS_WITH_PARTS))))
    ways: dict[tuple[str, str, str | None], Route | None] = {}
    for row in connection.execute(text(OPEN_CAMPAIGNS)):
        if row.feed_id is not None:
            found.feeds[row.feed_id].append(row.key)
        channels = row.open if row.content is None else (row.channels or load_template(row.content).channels)
        for channel in channels:
            way = (row.team, channel, (row.senders or {}).get(channel))
            if way not in ways:
                ways[way] = next(iter(routes_of_team(connection, *way)), None)
            route = ways[way]
            if route is not None:
                found.accounts[route.account.id].append(row.key)
                found.senders[route.account.id, route.sender or ""].append(row.key)
    for row in connection.execute(text(SERVERS_TO_ANSWER_ON)):
        found.servers[row.server] = row.campaign
    return found


def named(keys: list[str]) -> str:
    """Some campaigns in a sentence."""
    rest = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return f"the campaign{'' if len(keys) == 1 else 's'} {', '.join(keys[:_SHOWN])}{rest}"
