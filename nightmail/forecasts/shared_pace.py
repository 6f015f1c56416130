"""When a campaign ends beside others that share its rate.

Campaigns over one sender share its rate, and those over all senders of a carrier account share the account's; a sender
that states a lower rate of its own waits for its own campaigns only. The most urgent are taken first, and of those that
are equally urgent each in turn: a campaign waits for all of a more urgent one, and of an equal one for no more than its
own size.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from nightmail.channels import CHANNELS, Unit
from nightmail.forecasts.queries import CAMPAIGNS_BESIDE, UNITS_DUE
from nightmail.organisation.routes import Route, routes_of_team


@dataclass(frozen=True, slots=True)
class OtherWork:
    """What another campaign hands off at the same rate."""

    units: float
    """As the rate counts them."""
    starts_at: dt.datetime
    goes_first: bool
    """More urgent, rather than equally urgent."""


def end_beside(
    others: Iterable[OtherWork], begin: dt.datetime, end: dt.datetime, units: float, rate_per_s: float
) -> dt.datetime:
    """When ``units`` end beside ``others`` that would go from ``begin`` to ``end`` alone.

    >>> noon = dt.datetime(2026, 11, 23, 12)
    >>> end_beside([OtherWork(6000, noon, False)], noon, noon + dt.timedelta(minutes=10), 600, 1.0)
    datetime.datetime(2026, 11, 23, 12, 20)
    """
    in_order = sorted(others, key=lambda other: other.starts_at)
    before = [other for other in in_order if other.starts_at <= begin]
    later = in_order[len(before) :]
    free_at = begin
    for place, other in enumerate(before):
        free_at = max(free_at if place else other.starts_at, other.starts_at) + _takes(other.units, rate_per_s)
    together = sum(other.units for other in before)
    # What began earlier has shrunk until ours begins; turns decide by whose messages, so all shrink by the same share.
    left = max((free_at - begin).total_seconds() * rate_per_s / together, 0.0) if together else 0.0
    for other in before:
        end += _takes(other.units * left if other.goes_first else min(other.units * left, units), rate_per_s)
    for other in later:
        ours = min(units, (end - other.starts_at).total_seconds() * rate_per_s)
        if ours > 0:
            end += _takes(other.units if other.goes_first else min(other.units, ours), rate_per_s)
    return end


def _takes(units: float, rate_per_s: float) -> dt.timedelta:
    return dt.timedelta(seconds=units / rate_per_s)


def other_work(
    connection: Connection,
    routes: Mapping[str, Route],
    units: Mapping[str, float],
    start: dt.datetime,
    *,
    until: dt.datetime,
    priority: int,
    campaign_id: int | None,
) -> dict[str, list[OtherWork]]:
    """What campaigns other than ``campaign_id``, as urgent as ``priority`` or more, have due ``until`` then, by channel.

    ``routes`` gives, by channel, the route that the campaign takes first, and ``units`` what it hands off from ``start``;
    the others' routes are found the same way. Of an equally urgent campaign no more is counted than can be in the way.
    Campaigns count whose ledger is loaded and that are sending or scheduled: when one goes that is paused, being checked
    or waiting for an approval is not known.
    """
    others = connection.execute(
        text(CAMPAIGNS_BESIDE), {"priority": priority, "self": campaign_id, "until": until}
    ).all()
    found: dict[str, list[OtherWork]] = {}
    first_routes: dict[tuple[str, str, str | None], Sequence[Route]] = {}
    for other in others:
        senders = other.settings.get("senders") or {}
        for channel, route in routes.items():
            key = other.team, channel, senders.get(channel)
            if key not in first_routes:
                first_routes[key] = routes_of_team(connection, *key)[:1]
            theirs = next(iter(first_routes[key]), None)
            if theirs is None or not _share(route, theirs):
                continue
            work = _work_beside(
                connection,
                other,
                route,
                theirs,
                units[channel],
                start,
                until=until,
                goes_first=other.priority < priority,
            )
            if work.units:
                found.setdefault(channel, []).append(work)
    return found


def _work_beside(
    connection: Connection,
    other: Row[Any],
    ours: Route,
    theirs: Route,
    our_units: float,
    start: dt.datetime,
    *,
    until: dt.datetime,
    goes_first: bool,
) -> OtherWork:
    """What one other campaign hands off at the rate that it shares with ours; ``other`` is a row of ``CAMPAIGNS_BESIDE``."""
    # Until ours begins it hands off what the rate allows, and then takes turns.
    before = theirs.rate_per_s * max((start - other.starts_at).total_seconds(), 0.0)
    most = math.inf if goes_first else our_units
    slower = theirs.rate_per_s < ours.rate_per_s
    if slower:
        # However urgent, it goes no faster than its sender: ours has the rest of the account meanwhile.
        most = min(most, our_units * theirs.rate_per_s / (ours.rate_per_s - theirs.rate_per_s))
    channel = ours.account.channel
    due = connection.scalar(
        text(UNITS_DUE),
        {
            "by_segments": CHANNELS[channel].rate_unit is Unit.SEGMENT,
            "id": other.id,
            "month": other.ledger_month,
            "channel": channel,
            "until": until,
            "most": None if math.isinf(most) else math.ceil(most + before),
        },
    )
    units = float(due or 0)
    if slower:
        return OtherWork(min(max(units - before, 0.0), most), max(other.starts_at, start), goes_first)
    return OtherWork(units, other.starts_at, goes_first)


def _share(ours: Route, theirs: Route) -> bool:
    """Whether two routes share the rate that binds ours: a sender's, or the account's where our sender has no lower one."""
    if ours.account.id != theirs.account.id:
        return False
    return ours.pace_keys == theirs.pace_keys or ours.rate_per_s >= ours.account.rate_per_s
