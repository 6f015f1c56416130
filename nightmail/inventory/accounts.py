"""Carrier accounts as administrators see them: what each is, how it is, who sends over it, and what carriers said lately."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, text

from nightmail.channels import CHANNELS
from nightmail.inventory import queries
from nightmail.organisation.failover_settings import FailoverSettings, failover_settings

ATTEMPTS_LOOKED_AT = 2_000
"""Hand-offs that were not plainly accepted, the last of a week, among which errors are counted."""


class AccountState(StrEnum):
    """How an account is, the first that holds: what keeps it from being used before what slows it down."""

    RETIRED = "retired"
    OFF = "off"
    """The sandbox's, beside a real account of its channel."""
    SUSPENDED = "suspended"
    FAILED_OVER = "failed_over"
    ALERTED = "alerted"
    """A person has to look at something: an error that nobody knows, a mailbox that cannot be read."""
    BLOCKED = "blocked"
    """It is left alone until a time that the carrier stated."""
    WELL = "well"


@dataclass(frozen=True, slots=True)
class Account:
    """One carrier account; ``secret`` and ``webhook_secret`` are references."""

    id: int
    name: str
    carrier: str
    channel: str
    region: str
    priority: int
    settings: dict[str, Any] = field(repr=False)
    secret: str | None = field(repr=False)
    webhook_secret: str | None = field(repr=False)
    active: bool
    retired_at: dt.datetime | None
    provisioned_by: str | None
    team: str | None
    """``None``: one for all teams."""
    sandbox: bool
    counts: bool
    moved_percent: int
    """So many of a hundred messages go over the next account."""
    moved_since: dt.datetime | None
    paced_per_s: float | None
    """The rate now, after what the carrier slowed down; ``None`` before the first hand-off."""
    blocked_until: dt.datetime | None
    used_at: dt.datetime | None
    """When something was last to be handed to it."""
    mailbox_looked_at: dt.datetime | None
    senders: int
    suspensions: int
    alerts: int
    mailbox_alerts: int
    mails_aside: int

    @property
    def state(self) -> AccountState:
        """How it is, in a word."""
        if not self.active:
            return AccountState.RETIRED
        if not self.counts:
            return AccountState.OFF
        if self.suspensions:
            return AccountState.SUSPENDED
        if self.moved_percent:
            return AccountState.FAILED_OVER
        if self.alerts:
            return AccountState.ALERTED
        return AccountState.BLOCKED if self.blocked_until is not None else AccountState.WELL

    @property
    def rate_per_s(self) -> float:
        """Units per second that it may be given at the most."""
        return float(self.settings.get("rate_per_s") or CHANNELS[self.channel].default_rate)

    @property
    def adapter(self) -> str:
        """The adapter's name as an organisation file has it."""
        suffix = f"_{self.channel}"
        named = self.carrier if self.carrier.endswith(suffix) else f"{self.carrier}{suffix}"
        return str(self.settings.get("adapter") or named)

    @property
    def mailbox(self) -> dict[str, Any] | None:
        """Where answers to its emails are read: ``url``, ``user``, ``secret`` (a reference), ``folder``; or ``None``."""
        return self.settings.get("mailbox") or None

    @property
    def failover(self) -> FailoverSettings:
        """When it counts as down, and in which steps the next one takes over."""
        return failover_settings(self.settings)


@dataclass(frozen=True, slots=True)
class PartAlert:
    """An open alert about a part."""

    id: int
    reason: str
    message: str
    since: dt.datetime
    last_at: dt.datetime
    times: int


@dataclass(frozen=True, slots=True)
class AccountSuspension:
    """A suspension that stops an account: of it alone (``of_account``) or of its whole channel; for a team or (``None``) all."""

    id: int
    team: str | None
    of_account: bool
    reason: str
    by: str
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class Way:
    """A team that sends over an account, and the accounts that take over when it is down, the first one first."""

    team: str
    sender: str
    address: str
    next_accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SeenError:
    """An error code that hand-offs to an account were answered with lately; ``code`` is ``None`` for an answer without one."""

    code: str | None
    error_class: str | None
    times: int
    last_at: dt.datetime


@dataclass(frozen=True, slots=True)
class MailAside:
    """A message of a mailbox that could not be read: its number there, and why."""

    uid: int
    problem: str
    put_aside_at: dt.datetime


@dataclass(frozen=True, slots=True)
class AccountDetails:
    """What else is known of one account."""

    alerts: tuple[PartAlert, ...]
    suspensions: tuple[AccountSuspension, ...]
    ways: tuple[Way, ...]
    errors: tuple[SeenError, ...]
    mails_aside: tuple[MailAside, ...]


def accounts(
    connection: Connection,
    seen: Sequence[str],
    *,
    channel: str | None = None,
    retired: bool = False,
    with_mailbox: bool = False,
    after: str | None = None,
    limit: int = 100,
) -> list[Account]:
    """The accounts that are seen, by name, from the first one behind ``after``; with ``retired`` those too.

    ``seen`` is what :func:`nightmail.inventory.sight.sight` gives.
    """
    values = {
        "seen": list(seen),
        "channel": channel,
        "retired": retired,
        "mailbox": with_mailbox,
        "after": after,
        "limit": limit,
    }
    return [Account(**row._mapping) for row in connection.execute(text(queries.ACCOUNTS), values)]


def find_account(connection: Connection, seen: Sequence[str], account_id: int) -> Account | None:
    """One account; ``None`` where it is not there, or not seen."""
    row = connection.execute(text(queries.ACCOUNT), {"seen": list(seen), "id": account_id}).first()
    return None if row is None else Account(**row._mapping)


def details_of_account(connection: Connection, seen: Sequence[str], account: Account) -> AccountDetails:
    """Its open alerts and suspensions, the ways over it, the errors of a week, what its mailbox put aside."""
    values = {"account": account.id, "seen": list(seen), "attempts": ATTEMPTS_LOOKED_AT}
    ways = connection.execute(text(queries.WAYS_OF_ACCOUNT), values)
    return AccountDetails(
        tuple(PartAlert(**row._mapping) for row in connection.execute(text(queries.ALERTS_OF_ACCOUNT), values)),
        tuple(
            AccountSuspension(**row._mapping)
            for row in connection.execute(text(queries.SUSPENSIONS_OF_ACCOUNT), values)
        ),
        tuple(Way(row.team, row.sender, row.address, tuple(row.next_accounts or ())) for row in ways),
        tuple(SeenError(**row._mapping) for row in connection.execute(text(queries.ERRORS_OF_ACCOUNT), values)),
        tuple(MailAside(**row._mapping) for row in connection.execute(text(queries.MAILS_ASIDE), values))
        if account.mails_aside
        else (),
    )
