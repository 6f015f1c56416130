"""Carrier accounts of the database as adapters: what senders, receipts and ``doctor`` reach carriers through."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from nightmail.carriers.mailboxes import Mailbox, MailboxError, MailboxSettings
from nightmail.carriers.protocol import Carrier, CarrierSettings
from nightmail.organisation.carrier_accounts import CarrierAccountRow, CarrierFactory
from nightmail.settings import read_secret, settings
from resources.carriers import CARRIERS


def carrier_settings(account: CarrierAccountRow, public_url: str | None = None) -> CarrierSettings:
    """An account as its adapter needs it. Raises :class:`nightmail.errors.ConfigurationError` when its secret is missing.

    The account's ``settings`` may hold ``adapter``, ``account``, ``base_url``, ``sender``, ``sender_name``,
    ``reply_to``, ``connect_timeout_s``, ``timeout_s`` and ``options``.
    """
    stated = account.settings
    given = {
        name: stated[name]
        for name in ("sender", "sender_name", "reply_to", "connect_timeout_s", "timeout_s")
        if stated.get(name) is not None
    }
    options: Mapping[str, str] = stated.get("options") or {}
    return CarrierSettings(
        adapter=str(stated.get("adapter") or adapter_name(account)),
        name=account.name,
        account=str(stated.get("account") or ""),
        secret=read_secret(account.secret) if account.secret else "",
        base_url=str(stated.get("base_url") or ""),
        webhook_base_url=public_url,
        options=dict(options),
        **given,
    )


def adapter_name(account: CarrierAccountRow) -> str:
    """The adapter of a carrier and channel: ``twilio_sms``; a carrier that already names one keeps it."""
    suffix = f"_{account.channel}"
    return account.carrier if account.carrier.endswith(suffix) else f"{account.carrier}{suffix}"


def mailbox_of(account: CarrierAccountRow) -> Mailbox | None:
    """The reader of an account's mailbox; ``None`` for an account without one.

    Raises :class:`nightmail.errors.NightmailError` when it cannot be used: its secret is missing, its carrier reads none.
    """
    stated = account.settings.get("mailbox")
    if not stated:
        return None
    adapter = CARRIERS.adapters.get(str(account.settings.get("adapter") or adapter_name(account)))
    if adapter is None or adapter.mailbox is None:
        raise MailboxError("mailbox_unusable", problem=f"{account.carrier} reads none")
    return adapter.mailbox(
        MailboxSettings(
            url=str(stated["url"]),
            user=str(stated["user"]),
            secret=read_secret(str(stated["secret"])),
            folder=str(stated.get("folder") or "INBOX"),
        )
    )


class CarriersResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Makes adapters for carrier accounts. ``public_url`` is where carriers reach the portal; empty takes the settings'."""

    public_url: str = ""

    @property
    def webhook_base_url(self) -> str | None:
        """Where carriers post receipts; ``None`` where receipts are polled."""
        return self.public_url or settings().public_url

    def factory(self) -> CarrierFactory:
        """The function that makes an adapter for an account."""

        def make(account: CarrierAccountRow) -> Carrier:
            return CARRIERS.build(carrier_settings(account, self.webhook_base_url))

        return make
