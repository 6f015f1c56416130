"""How a carrier's folder describes itself: its channels, what it can do, what an account must state, its webhooks.

All that is asked about a carrier outside its folder is asked of its :class:`CarrierDescriptor`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from nightmail.carriers.error_tables import ErrorTable
from nightmail.carriers.mailboxes import Mailbox, MailboxSettings
from nightmail.carriers.protocol import Carrier, CarrierSettings
from nightmail.carriers.webhooks import WebhookRoute, keys_path
from nightmail.channels import Channel

_NAME = re.compile(r"[a-z][a-z0-9]*")


class Support(StrEnum):
    """Whether a carrier can do something."""

    NO = "no"
    YES = "yes"
    BY_OPTION = "by option"
    """Only with an option of the account, which is named in :attr:`AdapterDescriptor.options`."""


@dataclass(frozen=True, kw_only=True)
class AdapterDescriptor:
    """One carrier on one channel."""

    channel: Channel
    build: Callable[[CarrierSettings], Carrier]
    """Makes the adapter of an account. Imports the carrier's SDK only when it is called.

    Raises :class:`nightmail.errors.ConfigurationError` for unusable settings."""
    mailbox: Callable[[MailboxSettings], Mailbox] | None = None
    """Makes the reader of an account's mailbox, where answers do not come from the carrier itself.

    Raises :class:`nightmail.carriers.mailboxes.MailboxError` for unusable settings."""
    maximum_batch: int = 1
    """The most messages of one request."""
    receipts_by_webhook: Support = Support.NO
    receipts_by_polling: Support = Support.NO
    replies_by_webhook: Support = Support.NO
    replies_by_polling: Support = Support.NO
    records: Support = Support.NO
    """Whether a message in doubt can be looked up at the carrier."""
    options: Mapping[str, str] = field(default_factory=dict)
    """The options of an account that it reads, and what each means."""


@dataclass(frozen=True, kw_only=True)
class CarrierDescriptor:
    """One carrier. Raises ``ValueError`` for a name or a webhook's path that is not of the right form."""

    name: str
    """The folder's name; lower-case letters and digits. The database, organisation files and reports have it."""
    label: str
    """The company's name as people write it."""
    adapters: tuple[AdapterDescriptor, ...]
    """One for each channel."""
    errors: ErrorTable
    settings: Mapping[str, str]
    """What an account states, and what each is: ``account``, ``secret``, ``base_url``, ``webhook_secret``; others are not read."""
    is_company: bool = True
    """Whether it is a company of its own, which recipients are told of; a protocol that a team's own server speaks is none."""
    signs_with_secret: bool = False
    """Whether webhooks are signed with the account's ``secret``, where it states no ``webhook_secret``."""
    webhooks: tuple[WebhookRoute, ...] = ()
    modules: tuple[str, ...] = ()
    """Modules of its SDK that are imported late: processes that fork import them ahead."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"not a carrier's name: {self.name!r}")
        for route in self.webhooks:
            if not route.path.startswith(f"/webhooks/{self.name}/"):
                raise ValueError(f"{route.path} is not below /webhooks/{self.name}/")
            if (route.speak is not None) != (route.path == keys_path(self.name)):
                raise ValueError(f"{route.path}: keys pressed in calls, and they alone, go to {keys_path(self.name)}")

    def adapter(self, channel: str) -> AdapterDescriptor | None:
        """The adapter for a channel, if it serves it."""
        return next((each for each in self.adapters if each.channel.name == channel), None)

    def adapter_name(self, adapter: AdapterDescriptor) -> str:
        """The name of an adapter in organisation files: ``acme_sms``."""
        return f"{self.name}_{adapter.channel}"
