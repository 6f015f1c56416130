"""What other campaigns want of the paces that a campaign's messages go at, and when it ends beside them.

Campaigns that hand off over the same sender share its rate, and those of all senders of a carrier account the account's:
a sender that states a lower rate of its own waits for its own campaigns only. The most urgent are taken first, and of those
that are equally urgent each in turn: a campaign waits for all of what is more urgent, and of an equal one for no more than
its own size.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.channels import CHANNELS, Unit
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
    # What began before us has shrunk until we begin; by whose messages, the turns decide, so all by the same share.
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
    Counted are campaigns whose ledger is loaded and that are sending or scheduled: of one that is paused, being checked or waiting for
    an approval nobody knows when it goes.
    """
    candidates = connection.execute(
        text(
            "select c.id, c.ledger_month, t.path, c.settings, c.priority, greatest(c.scheduled_at, now()) as starts_at "
            "from campaign c join team t on t.id = c.team_id where c.state in ('sending', 'scheduled') "
            "and c.ledger_month is not null and c.priority <= :priority and c.id is distinct from :self "
            "and (c.scheduled_at is null or c.scheduled_at < :until) and (c.cut_off_at is null or c.cut_off_at > now())"
        ),
        {"priority": priority, "self": campaign_id, "until": until},
    ).all()
    found: dict[str, list[OtherWork]] = {}
    first_routes: dict[tuple[str, str, str | None], Sequence[Route]] = {}
    for candidate in candidates:
        senders = candidate.settings.get("senders") or {}
        for channel, route in routes.items():
            key = candidate.path, channel, senders.get(channel)
            if key not in first_routes:
                first_routes[key] = routes_of_team(connection, *key)[:1]
            theirs = next(iter(first_routes[key]), None)
            if theirs is None or not _share(route, theirs):
                continue
            goes_first = candidate.priority < priority
            # Until our own begin it hands off what the rate allows, and then takes turns.
            before = theirs.rate_per_s * max((start - candidate.starts_at).total_seconds(), 0.0)
            most = math.inf if goes_first else units[channel]
            if slower := theirs.rate_per_s < route.rate_per_s:
                # However urgent, it goes no faster than its sender: ours has the rest of the account meanwhile.
                most = min(most, units[channel] * theirs.rate_per_s / (route.rate_per_s - theirs.rate_per_s))
            theirs_due = connection.scalar(
                text(
                    f"select {'sum(segments)' if CHANNELS[channel].rate_unit is Unit.SEGMENT else 'count(*)'} from (select segments from message "  # noqa: S608
                    "where campaign_id = :id and ledger_month = :month and channel = :channel and state = 'queued' "
                    "and due_at <= :until limit :most) due"
                ),
                {
                    "id": candidate.id,
                    "month": candidate.ledger_month,
                    "channel": channel,
                    "until": until,
                    "most": None if math.isinf(most) else math.ceil(most + before),
                },
            )
            work = OtherWork(float(theirs_due or 0), candidate.starts_at, goes_first)
            if slower:
                left = min(max(work.units - before, 0.0), most)
                work = OtherWork(left, max(candidate.starts_at, start), goes_first)
            if work.units:
                found.setdefault(channel, []).append(work)
    return found


def _share(ours: Route, theirs: Route) -> bool:
    """Whether theirs take from what binds ours: the same sender's rate, or the account's where the sender has no lower."""
    if ours.account.id != theirs.account.id:
        return False
    return ours.pace_keys == theirs.pace_keys or ours.rate_per_s >= ours.account.rate_per_s
