"""The pace of a carrier account and of each of its senders: token buckets in the database for all processes.

A message under a sender takes from two buckets: the account's, which all of its senders share, and the sender's own.
The bucket's arithmetic is the database function ``take_pace``; slowing down and blocking are here. A 429 takes a third
off the rate, at most once a second, and blocks until ``Retry-After`` has passed; success lets the rate grow back by a tenth a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from psycopg import Connection

from nightmail.organisation.routes import PaceKey, Route
from nightmail.sending.sender_queries import BLOCK_PACE, SETTLE_PACE, SLOW_PACE, TAKE_PACE, TAKE_PACE_UNDER_SENDER
from nightmail.store.driver_rows import rows_as

SLOWEST_SHARE = 0.005
"""A rate is never slowed below this share of its ceiling, nor below one unit in ten seconds: it has to find out when the
carrier is well again."""


@dataclass(frozen=True, slots=True)
class Grant:
    """How many units may go now, or how long to wait."""

    units: int
    wait_s: float
    of_account: int
    """Units taken from the account's bucket: more than ``units`` where the sender's had fewer."""
    waits_for: PaceKey
    """Which pace it is that has no more."""


class _TakenRow(NamedTuple):
    of_account: float
    account_wait_s: float
    of_sender: float
    sender_wait_s: float


def take(connection: Connection[Any], route: Route, wanted: int) -> Grant:
    """Take up to ``wanted`` units of the route's paces."""
    account = route.account
    with connection.cursor(row_factory=rows_as(_TakenRow)) as cursor:
        taken = cursor.execute(
            TAKE_PACE_UNDER_SENDER if route.sender else TAKE_PACE,
            {
                "account": account.id,
                "sender": route.sender,
                "channel": account.channel,
                "account_rate": account.rate_per_s,
                "rate": route.rate_per_s,
                "wanted": float(wanted),
            },
        ).fetchone()
    assert taken is not None
    of_account, units = int(taken.of_account), int(taken.of_sender)
    wait_s = taken.sender_wait_s if taken.of_account else taken.account_wait_s
    grant = Grant(units, float(wait_s), of_account, route.pace_keys[-1 if of_account else 0])
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
        SETTLE_PACE,
        {
            "account": route.account.id,
            "sender": route.sender or "",
            "channel": route.account.channel,
            "of_account": of_account,
            "of_sender": of_sender,
        },
    )


def slow(connection: Connection[Any], key: PaceKey, retry_after_s: float) -> None:
    """Slow down, since the carrier said that it was too much, and hand off nothing before ``retry_after_s`` is over."""
    connection.execute(SLOW_PACE, {**_values(key, max(retry_after_s, 0.05)), "slowest": SLOWEST_SHARE})


def block(connection: Connection[Any], key: PaceKey, seconds: float) -> None:
    """Hand off nothing for a while, without slowing down: the carrier does not answer."""
    connection.execute(BLOCK_PACE, _values(key, seconds))


def _values(key: PaceKey, seconds: float) -> dict[str, Any]:
    account, sender, channel = key
    return {"account": account, "sender": sender, "channel": channel, "seconds": seconds}
