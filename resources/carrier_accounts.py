"""Carrier accounts of the database as adapters: what senders, receipts and ``doctor`` reach carriers through."""

from __future__ import annotations

import dagster as dg

from nightmail.carriers.mailboxes import Mailbox, MailboxError, MailboxSettings
from nightmail.carriers.protocol import Carrier
from nightmail.organisation.carrier_accounts import CarrierAccountRow, CarrierFactory
from nightmail.settings import read_secret, settings
from resources.carrier_settings import adapter_name, carrier_settings
from resources.carriers import CARRIERS


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
