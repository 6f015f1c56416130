"""Which carrier account and which sender a campaign's messages go over: the team's own, else those of teams above it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nightmail.sending.carrier import Carrier

DEFAULT_RATES: Mapping[str, float] = {"sms": 10_000.0, "email": 100_000.0, "voice": 1_000.0, "chat": 10_000.0}
"""Units per second where an account's settings state no ``rate_per_s``: more than any carrier allows, so no limit."""
DEFAULT_CONNECTIONS: Mapping[str, int] = {"sms": 4, "email": 2, "voice": 4, "chat": 1}


@dataclass(frozen=True, slots=True)
class CarrierAccountRow:
    """One active carrier account, as the table ``carrier_account`` has it.

    ``settings`` may hold, for the senders: ``rate_per_s`` (SMS segments, calls or email recipients per second over all
    processes), ``connections`` (hand-offs at once within one sender). All else is the adapter's.
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
        return float(self.settings.get("rate_per_s") or DEFAULT_RATES.get(self.channel, 10_000.0))

    @property
    def connections(self) -> int:
        """Hand-offs at once within one sender."""
        return max(1, int(self.settings.get("connections") or DEFAULT_CONNECTIONS.get(self.channel, 1)))


CarrierFactory = Callable[[CarrierAccountRow], Carrier]
"""Makes an adapter for an account. Called once per thread: a carrier is not shared between threads.

Raises :class:`nightmail.errors.ConfigurationError` when the account cannot be used (unknown adapter, secret not there):
the account is then suspended with an alert, and its messages wait or go over another account.
"""


@dataclass(frozen=True, slots=True)
class Route:
    """How one campaign's messages of one channel are handed off now."""

    account: CarrierAccountRow
    sender: str | None
    sender_name: str | None
    reply_to: str | None
    rate_per_s: float
    """Of this sender, at most the account's."""

    @property
    def pace_key(self) -> tuple[int, str, str]:
        """The key of the pace that it is bound by."""
        return self.account.id, self.sender or "", self.account.channel
