"""What the portal holds while it runs, and how a request reaches it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Engine

from nightmail.access.passwords import PasswordWork
from nightmail.access.provider_documents import ProviderDocuments
from nightmail.settings import Settings
from portal.account_emails import AccountEmails
from portal.carrier_webhooks.refused import RefusedWebhooks
from portal.carrier_webhooks.secrets import WebhookSecrets
from portal.rate_limits import RateLimits
from portal.receipt_queue import ReceiptQueue
from portal.recipient_pages.code_messages import CodeMessages


@dataclass
class Portal:
    """Everything that requests share."""

    settings: Settings
    engine: Engine
    webhook_secrets: WebhookSecrets
    refused_webhooks: RefusedWebhooks
    queue: ReceiptQueue
    limits: RateLimits
    """By API key."""
    failed_keys: RateLimits
    """By the address from which wrong keys come."""
    emails: AccountEmails
    """To the people of the portal."""
    codes: CodeMessages
    """To recipients who change their preferences."""
    code_requests: RateLimits = field(default_factory=lambda: RateLimits(0.5, 60))
    """Codes that may be asked for from one address of the network; what an address gets is bounded in the database."""
    login_starts: RateLimits = field(default_factory=lambda: RateLimits(0.5, 30))
    """Steps of logins that an address may begin: each is a row that is kept for minutes."""
    passwords: PasswordWork = field(default_factory=PasswordWork)
    providers: ProviderDocuments = field(default_factory=ProviderDocuments)
    checks: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(1))
    """Files are looked at before they are sent one after the other: each takes memory and time of its own."""
    uploads: dict[str, int] = field(default_factory=dict)
    """Uploads under way, by who brings them, as the audit log names them."""
    placeholders: dict[int, frozenset[str]] = field(default_factory=dict)
    """The placeholders of template versions, by the version's number."""

    @property
    def base_url(self) -> str | None:
        """The address under which the outside reaches the portal, if one is set."""
        return self.settings.public_url.rstrip("/") if self.settings.public_url else None

    @property
    def email_origin(self) -> str:
        """The origin for links in emails: the public address, else this machine's."""
        return self.base_url or f"http://localhost:{self.settings.portal_port}"


def portal_of(request: Request) -> Portal:
    """The portal that answers this request."""
    portal: Portal = request.app.state.portal
    return portal


PortalState = Annotated[Portal, Depends(portal_of)]
