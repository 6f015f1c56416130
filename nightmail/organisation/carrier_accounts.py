"""Carrier accounts: the credentials, rates and connections with which one carrier is used for one channel."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from nightmail.carriers.protocol import Carrier
from nightmail.channels import CHANNELS
from nightmail.organisation.queries import ACTIVE_ACCOUNTS, REPORTING_ACCOUNTS

REPORTS_FOR = dt.timedelta(days=30)
"""So long after an account was retired, receipts of its messages and replies to its numbers are taken."""


@dataclass(frozen=True, slots=True)
class CarrierAccountRow:
    """One active carrier account, as the table ``carrier_account`` has it.

    ``settings`` may hold, for the senders: ``rate_per_s`` (SMS segments, calls or email recipients per second over all
    processes), ``connections`` (hand-offs at once within one sender), ``sender`` (what messages of teams without a sender
    come from). All else is the adapter's.
    """

    id: int
    team_id: int | None
    name: str
    carrier: str
    channel: str
    region: str
    priority: int
    settings: dict[str, Any] = field(repr=False)
    secret: str | None = field(repr=False)
    webhook_secret: str | None = field(repr=False)

    @property
    def rate_per_s(self) -> float:
        """Units per second that the account allows over all processes."""
        return float(self.settings.get("rate_per_s") or CHANNELS[self.channel].default_rate)

    @property
    def connections(self) -> int:
        """Hand-offs at once within one sender."""
        return max(1, int(self.settings.get("connections") or CHANNELS[self.channel].default_connections))


CarrierFactory = Callable[[CarrierAccountRow], Carrier]
"""Makes an adapter for an account. Called once per thread: a carrier is not shared between threads.

Raises :class:`nightmail.errors.ConfigurationError` when the account cannot be used (unknown adapter, secret not there):
the account is then suspended with an alert, and its messages wait or go over another account.
"""


def carrier_accounts(connection: Connection, channel: str | None = None) -> list[CarrierAccountRow]:
    """The active carrier accounts, of one channel or all: those that messages may be handed to."""
    rows = connection.execute(text(ACTIVE_ACCOUNTS), {"channel": channel})
    return [CarrierAccountRow(**row._mapping) for row in rows]


def reporting_accounts(connection: Connection) -> list[CarrierAccountRow]:
    """The carrier accounts whose word counts: the active ones, and retired ones for :data:`REPORTS_FOR`.

    A retired account is asked about what it took, and its webhooks are believed. The sandbox's are not: once its account is
    off, everything that was handed to it has ended.
    """
    rows = connection.execute(text(REPORTING_ACCOUNTS), {"reports_for": REPORTS_FOR})
    return [CarrierAccountRow(**row._mapping) for row in rows]
