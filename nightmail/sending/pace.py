"""The pace of a carrier account and of each of its senders: token buckets in the database for all processes.

A message under a sender takes from two buckets: the account's, which all of its senders share, and the sender's own.
The bucket's arithmetic is the database function ``take_pace``; slowing down and blocking are here. A 429 takes a third
off the rate, at most once a second, and blocks until ``Retry-After`` has passed; success lets the rate grow back by a tenth a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from nightmail.organisation.routes import PaceKey, Route

SLOWEST_SHARE = 0.005
"""A rate is never slowed below this share of its ceiling: it has to find out when the carrier is well again.
For the same reason none is slowed below one unit in ten seconds."""


@dataclass(frozen=True, slots=True)
class Grant:
    """How many units may go now, or how long to wait."""

    units: int
    wait_s: float
    of_account: int
    """Units taken from the account's bucket: more than ``units`` where the sender's had fewer."""
    waits_for: PaceKey
    """Which pace it is that has no more."""


# The account's bucket first, here and when it is settled: two processes that wait for each other would be a deadlock.
# Not waited for on disk: a server that crashed and came back has filled its buckets meanwhile, whatever was taken.
_TAKE = """
select granted, wait_s from take_pace(%(account)s, '', %(channel)s, %(account_rate)s, %(wanted)s)
cross join set_config('synchronous_commit', 'off', true)
"""
_TAKE_UNDER_SENDER = """
select a.granted, a.wait_s, s.granted, s.wait_s
from take_pace(%(account)s, '', %(channel)s, %(account_rate)s, %(wanted)s) a
cross join lateral take_pace(%(account)s, %(sender)s, %(channel)s, %(rate)s, a.granted) s
cross join set_config('synchronous_commit', 'off', true)
"""
_SETTLE = """
with locked as materialized (
    select sender from pace where carrier_account_id = %(account)s and channel = %(channel)s
    and sender in ('', %(sender)s) order by sender for update
)
update pace p set tokens = p.tokens - case p.sender when '' then %(of_account)s else %(of_sender)s end
from locked where p.carrier_account_id = %(account)s and p.channel = %(channel)s and p.sender = locked.sender
"""


def take(connection: Connection[Any], route: Route, wanted: int) -> Grant:
    """Take up to ``wanted`` units of the route's paces."""
    account = route.account
    row = connection.execute(
        _TAKE_UNDER_SENDER if route.sender else _TAKE,
        {
            "account": account.id,
            "sender": route.sender,
            "channel": account.channel,
            "account_rate": account.rate_per_s,
            "rate": route.rate_per_s,
            "wanted": float(wanted),
        },
    ).fetchone()
    assert row is not None
    of_account, units, wait_s = int(row[0]), int(row[-2]), float(row[-1] if row[0] else row[1])
    grant = Grant(units, wait_s, of_account, route.pace_keys[-1 if of_account else 0])
    if units < 1 <= of_account:
        settle(connection, route, grant, 0)
    return grant


def settle(connection: Connection[Any], route: Route, grant: Grant, used: float) -> None:
    """Charge what was used beyond the grant (long texts have several segments), and give back what was not used."""
    if used != grant.of_account or used != grant.units:
        _charge(connection, route, used - grant.of_account, used - grant.units)


def give_back(connection: Connection[Any], route: Route, units: float) -> None:
    """Give back what was settled as used and was not handed off after all."""
    _charge(connection, route, -units, -units)


def _charge(connection: Connection[Any], route: Route, of_account: float, of_sender: float) -> None:
    connection.execute(
        _SETTLE,
        {
            "account": route.account.id,
            "sender": route.sender or "",
            "channel": route.account.channel,
            "of_account": of_account,
            "of_sender": of_sender,
        },
    )


def slow(connection: Connection[Any], key: PaceKey, retry_after_s: float) -> None:
    """The carrier said that it was too much: slow down, and hand off nothing before ``retry_after_s`` is over."""
    connection.execute(
        "update pace set blocked_until = greatest(blocked_until, now() + make_interval(secs => %s)), "
        "rate_per_s = case when slowed_at > now() - interval '1 s' then rate_per_s "
        "else greatest(rate_per_s * 0.67, ceiling_per_s * %s, least(rate_per_s, 0.1)) end, "
        "slowed_at = case when slowed_at > now() - interval '1 s' then slowed_at else now() end "
        "where carrier_account_id = %s and sender = %s and channel = %s",
        (max(retry_after_s, 0.05), SLOWEST_SHARE, *key),
    )


def block(connection: Connection[Any], key: PaceKey, seconds: float) -> None:
    """Hand off nothing for a while, without slowing down: the carrier does not answer."""
    connection.execute(
        "update pace set blocked_until = greatest(blocked_until, now() + make_interval(secs => %s)) "
        "where carrier_account_id = %s and sender = %s and channel = %s",
        (seconds, *key),
    )
