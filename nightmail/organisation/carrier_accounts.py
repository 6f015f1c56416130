"""Carrier accounts: the credentials, rates and connections with which one carrier is used for one channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from nightmail.carriers.protocol import Carrier
from nightmail.channels import CHANNELS


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


_ACCOUNT_COLUMNS = "id, team_id, name, carrier, channel, region, priority, settings, secret, webhook_secret"


def carrier_accounts(connection: Connection, channel: str | None = None) -> list[CarrierAccountRow]:
    """The active carrier accounts, of one channel or all."""
    rows = connection.execute(
        text(
            f"select {_ACCOUNT_COLUMNS} from carrier_account "  # noqa: S608
            "where active and (cast(:channel as text) is null or channel = :channel) order by priority, id"
        ),
        {"channel": channel},
    )
    return [CarrierAccountRow(**row._mapping) for row in rows]


def sandbox_is_used(connection: Connection) -> bool:
    """Whether an active carrier account is the sandbox's: what goes over it never leaves the machine."""
    query = text("select exists (select from carrier_account where active and settings ->> 'sandbox' = 'true')")
    return bool(connection.scalar(query))


def sandbox_channels(connection: Connection) -> list[str]:
    """The channels of which an active carrier account is the sandbox's, by name."""
    query = text(
        "select distinct channel from carrier_account where active and settings ->> 'sandbox' = 'true' order by channel"
    )
    return list(connection.scalars(query))


def only_sandbox_is_used(connection: Connection) -> bool:
    """Whether no carrier account but the sandbox's is active: nothing at all leaves the machine."""
    query = text(
        "select exists (select from carrier_account where active and coalesce(settings ->> 'sandbox', '') <> 'true')"
    )
    return not connection.scalar(query)
