"""The pace of a carrier account, sender and channel: one token bucket in the database for all processes.

The bucket's arithmetic is the database function ``take_pace``; slowing down and blocking are here. A 429 takes a third
off the rate, at most once a second, and blocks until ``Retry-After`` has passed; success lets the rate grow back by a tenth a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from nightmail.sending.routes import Route

SLOWEST_SHARE = 0.005
"""A rate is never slowed below this share of its ceiling: it has to find out when the carrier is well again.
For the same reason none is slowed below one unit in ten seconds."""


@dataclass(frozen=True, slots=True)
class Grant:
    """How many units may go now, or how long to wait."""

    units: int
    wait_s: float


def take(connection: Connection[Any], route: Route, wanted: int) -> Grant:
    """Take up to ``wanted`` units of the route's pace."""
    account, sender, channel = route.pace_key
    # Not waited for on disk: a server that crashed and came back has filled its buckets meanwhile, whatever was taken.
    row = connection.execute(
        "select granted, wait_s from take_pace(%s, %s, %s, %s, %s) "
        "cross join set_config('synchronous_commit', 'off', true)",
        (account, sender, channel, route.rate_per_s, float(wanted)),
    ).fetchone()
    assert row is not None
    return Grant(int(row[0]), float(row[1]))


def settle(connection: Connection[Any], route: Route, extra: float) -> None:
    """Charge what was used beyond the grant (long texts have several segments), or give back what was not used."""
    if extra:
        connection.execute(
            "update pace set tokens = tokens - %s where carrier_account_id = %s and sender = %s and channel = %s",
            (extra, *route.pace_key),
        )


def slow(connection: Connection[Any], route: Route, retry_after_s: float) -> None:
    """The carrier said that it was too much: slow down, and hand off nothing before ``retry_after_s`` is over."""
    connection.execute(
        "update pace set blocked_until = greatest(blocked_until, now() + make_interval(secs => %s)), "
        "rate_per_s = case when slowed_at > now() - interval '1 s' then rate_per_s "
        "else greatest(rate_per_s * 0.67, ceiling_per_s * %s, least(rate_per_s, 0.1)) end, "
        "slowed_at = case when slowed_at > now() - interval '1 s' then slowed_at else now() end "
        "where carrier_account_id = %s and sender = %s and channel = %s",
        (max(retry_after_s, 0.05), SLOWEST_SHARE, *route.pace_key),
    )


def block(connection: Connection[Any], route: Route, seconds: float) -> None:
    """Hand off nothing for a while, without slowing down: the carrier does not answer."""
    connection.execute(
        "update pace set blocked_until = greatest(blocked_until, now() + make_interval(secs => %s)) "
        "where carrier_account_id = %s and sender = %s and channel = %s",
        (seconds, *route.pace_key),
    )
