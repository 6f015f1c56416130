"""The sandbox's carrier accounts: which channels go to it instead of to people.

An account whose settings say ``sandbox`` is a stand-in's on loopback. Its secrets are known to everybody who has read the
source: it counts only as long as it is active and no real account of its channel is (:data:`STILL_COUNTS`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.channels import CHANNELS
from nightmail.organisation.queries import REAL_ACCOUNT_EXISTS, SANDBOX_ACCOUNTS

SANDBOX_SERVER = "sandbox"
"""The name of the sandbox's SFTP server."""


@dataclass(frozen=True, slots=True)
class SandboxAccount:
    """One account of the sandbox. ``on`` says whether its channel goes to it."""

    id: int
    name: str
    channel: str
    on: bool


@dataclass(frozen=True, slots=True)
class SandboxUse:
    """What goes to the sandbox: ``channels`` by name, in the order of :data:`CHANNELS`; and whether a real account is active."""

    channels: tuple[str, ...] = ()
    real: bool = False

    @property
    def in_use(self) -> bool:
        """Whether anything goes there, or no carrier is configured at all."""
        return bool(self.channels) or not self.real

    @property
    def labels(self) -> tuple[str, ...]:
        """What people call the channels."""
        return tuple(CHANNELS[name].label for name in self.channels)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is said wherever somebody might believe that messages go out."""
        if not self.channels:
            return ("No carrier is configured: nothing leaves this machine.",)
        rest = () if self.real else ("No other carrier is configured.",)
        return (f"To the sandbox go: {', '.join(self.labels)}.", "None of these messages leaves this machine.", *rest)


def sandbox_accounts(connection: Connection) -> list[SandboxAccount]:
    """The sandbox's accounts, switched on or off, by name."""
    return [SandboxAccount(**row._mapping) for row in connection.execute(text(SANDBOX_ACCOUNTS))]


def are_of_sandbox(connection: Connection, accounts: Collection[int]) -> bool:
    """Whether all of some accounts, and at least one, are the sandbox's."""
    return bool(accounts) and set(accounts) <= {account.id for account in sandbox_accounts(connection)}


def sandbox_use(connection: Connection) -> SandboxUse:
    """Which channels go to the sandbox now."""
    real = bool(connection.scalar(text(REAL_ACCOUNT_EXISTS)))
    return SandboxUse(_channels_there(connection), real)


def sandbox_labels(connection: Connection) -> tuple[str, ...]:
    """What people call the channels that go to the sandbox now: one look, for every page."""
    return SandboxUse(_channels_there(connection)).labels


def _channels_there(connection: Connection) -> tuple[str, ...]:
    on = {account.channel for account in sandbox_accounts(connection) if account.on}
    return tuple(name for name in CHANNELS if name in on)
