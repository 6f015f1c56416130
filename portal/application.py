"""The portal's application: what ``nightmail up`` gives to uvicorn.

>>> uvicorn.run("portal.application:create_application", factory=True)

Below the framework stand two layers of plain ASGI: :class:`portal.carrier_webhooks.receiver.WebhookReceiver`, which answers
carriers without the framework's cost, and :class:`portal.request_bounds.RequestBounds`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import anyio.to_thread
from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

import nightmail
from nightmail.access.idempotency import delete_old_keys
from nightmail.access.login_steps import delete_old_steps
from nightmail.access.sessions import delete_old_sessions
from nightmail.access.throttling import delete_old_throttles
from nightmail.audit import acting_from
from nightmail.audit.copies import append_sealed, record_head, recorded_head
from nightmail.audit.sealing import INTERVAL_S, seal_entries
from nightmail.consent.address_codes import delete_old_codes
from nightmail.consent.consent_requests import delete_requests_over
from nightmail.events.notices import delete_old_notices
from nightmail.events.webhook_calls import delete_ended_calls
from nightmail.intake.send_drafts import remove_expired_drafts
from nightmail.receipts.incoming_receipts import take_receipts
from nightmail.receipts.replies import take_replies
from nightmail.settings import Settings
from nightmail.settings import settings as read_settings
from nightmail.store.engine import engine as open_engine
from portal import description_page, health, openapi, problems, web
from portal.account_emails import AccountEmails
from portal.api import (
    alerts,
    audit,
    campaign_outcomes,
    campaigns,
    consent_evidence,
    consents,
    contact_attributes,
    contact_files,
    contact_groups,
    contact_imports,
    contact_merges,
    contacts,
    doubts,
    feeds,
    keys,
    list_campaigns,
    lists,
    recipients,
    replies,
    reports,
    segments,
    single_messages,
    suppressions,
    suspensions,
    webhooks,
)
from portal.api import (
    preferences as stated_preferences,
)
from portal.api.uploads import remove_abandoned
from portal.carrier_webhooks.receiver import WebhookReceiver
from portal.carrier_webhooks.refused import RefusedWebhooks
from portal.carrier_webhooks.secrets import WebhookSecrets
from portal.pipeline import proxy as pipeline_proxy
from portal.rate_limits import RateLimits
from portal.receipt_queue import ReceiptQueue
from portal.recipient_pages import confirmation, conversation, preferences, unsubscribe
from portal.recipient_pages.code_messages import CodeMessages
from portal.request_bounds import Bound, RequestBounds
from portal.state import Portal
from portal.web.notice_emails import INTERVAL_S as NOTICES_INTERVAL_S
from portal.web.notice_emails import send_notices
from portal.web.uploads.receiving import UPLOAD_FORMS
from portal.webhook_calls import WebhookCaller
from resources.carriers import CARRIERS

_log = logging.getLogger("nightmail.portal")

THREADS = 12
"""Requests that use the database at once; the engine's pool has a few connections more."""

DESCRIPTION = """
Send contact files and single messages, follow what becomes of them, and have your own address called.

Authenticate with `Authorization: Bearer <API key>`. A key belongs to a team and sees that team and the teams below it.
Every error is a problem document (RFC 9457) with a `reason` that stays the same from version to version.
"""


ROUTERS = (
    health.router,
    contact_files.router,
    single_messages.router,
    feeds.router,
    campaigns.router,
    list_campaigns.router,
    campaign_outcomes.router,
    reports.router,
    doubts.router,
    suspensions.router,
    suppressions.router,
    segments.router,
    lists.router,
    contact_attributes.router,
    contact_imports.router,
    contacts.router,
    contact_groups.router,
    contact_merges.router,
    consents.router,
    consent_evidence.router,
    stated_preferences.router,
    recipients.router,
    alerts.router,
    replies.router,
    audit.router,
    webhooks.router,
    keys.router,
    unsubscribe.router,
    preferences.router,
    conversation.router,
    confirmation.router,
    description_page.router,
)
"""The endpoints, in the order of the API's description."""


def create_application(settings: Settings | None = None, engine: Engine | None = None) -> FastAPI:
    """The portal on ``settings`` and ``engine``, by default the process's own."""
    settings = settings or read_settings()
    engine = engine or open_engine(settings.database_url.get_secret_value() if settings.database_url else None)
    hash_key = settings.key()
    queue = ReceiptQueue(
        lambda receipts: take_receipts(engine, receipts, hash_key=hash_key),
        lambda replies: take_replies(engine, replies, hash_key=hash_key),
    )
    portal = Portal(
        settings,
        engine,
        WebhookSecrets(engine),
        RefusedWebhooks(engine),
        queue,
        limits=RateLimits(settings.api_requests_per_s),
        failed_keys=RateLimits(settings.api_wrong_keys_per_minute / 60, settings.api_wrong_keys_per_minute),
        emails=AccountEmails(engine),
        codes=CodeMessages(engine, settings.public_url),
    )

    application = _Application(
        title="Nightmail",
        version=nightmail.__version__,
        summary="Contact files in; delivered notifications and delivery reports out",
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_tags=openapi.TAGS,
        lifespan=lambda _application: _running(portal),
    )
    application.state.portal = portal
    problems.install(application)
    for router in ROUTERS:
        application.include_router(router)
    web.install(application)
    application.include_router(pipeline_proxy.router)
    openapi.describe(application)

    limits = _Bounds(settings)
    application.add_middleware(RequestBounds, bound_of=limits.bound_of)
    application.receiver = WebhookReceiver(portal, CARRIERS.values())
    return application


@contextlib.asynccontextmanager
async def _running(portal: Portal) -> AsyncIterator[None]:
    """Run what the portal does beside requests: storing receipts, calling webhooks, telling people, deleting."""
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    portal.queue.start()
    caller = WebhookCaller(portal.engine, portal.settings, portal.settings.key())
    caller.start()
    tasks = [
        asyncio.create_task(_every(1.0, portal.refused_webhooks.write)),
        asyncio.create_task(_every(INTERVAL_S, lambda: _seal_audit(portal.engine, portal.settings))),
        asyncio.create_task(
            _every(NOTICES_INTERVAL_S, lambda: send_notices(portal.engine, portal.emails, portal.email_origin))
        ),
        asyncio.create_task(_every(3_600.0, lambda: _delete_old(portal.engine, portal.settings))),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await caller.stop()
        await portal.queue.stop()
        portal.passwords.close()
        await asyncio.to_thread(portal.emails.close)
        await asyncio.to_thread(portal.codes.close)
        with contextlib.suppress(Exception):
            await asyncio.to_thread(portal.refused_webhooks.write)


def _delete_old(engine: Engine, settings: Settings) -> None:
    """Delete uploads that were abandoned, and keys, calls, sessions and steps of logins whose time is over."""
    remove_abandoned(engine, settings.incoming_dir)
    remove_expired_drafts(engine)
    delete_old_keys(engine)
    delete_ended_calls(engine)
    delete_old_notices(engine)
    delete_old_sessions(engine)
    delete_old_steps(engine)
    delete_old_throttles(engine)
    delete_old_codes(engine)
    delete_requests_over(engine)


def _seal_audit(engine: Engine, settings: Settings) -> None:
    """Seal the audit log's new entries, and keep its newest seal and its copy outside the database."""
    sealed = seal_entries(engine, settings.key())
    if sealed is not None and sealed.head is not None:
        known = recorded_head(settings.data_dir)
        # Behind what is known, something was cut off or restored: `nightmail audit verify` says what.
        if known is None or known.number < sealed.head.number or known.epoch < sealed.head.epoch:
            record_head(settings.data_dir, sealed.head)
    if settings.audit_file is not None:
        append_sealed(engine, settings.audit_file)


class _Bounds:
    """The bounds on requests by their path."""

    def __init__(self, settings: Settings) -> None:
        self._ordinary = Bound(settings.maximum_request_bytes)
        # The form around a file takes a few bytes more than the file.
        self._upload = Bound(
            settings.maximum_file_bytes + 64 * 1024, settings.upload_pause_s, settings.upload_least_bytes_per_s
        )

        # A browser shows an answer only when it could send everything: a file over the limit is heard out, and not kept.
        self._form = replace(self._upload, maximum_bytes=2 * self._upload.maximum_bytes)

    def bound_of(self, path: str) -> Bound:
        if path == "/v1/contact-files":
            return self._upload
        return self._form if path in UPLOAD_FORMS else self._ordinary


class _Application(FastAPI):
    """Gives carriers' requests to the receiver and everything else to the framework.

    Not as a middleware of the framework's: its own layers would be around the receiver all the same.
    """

    receiver: WebhookReceiver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        with acting_from(client[0] if client else None):
            if scope["type"] == "http" and scope["path"].startswith("/webhooks/"):
                await self.receiver(scope, receive, send)
            else:
                await super().__call__(scope, receive, _unsniffed(send))


def _unsniffed(send: Send) -> Send:
    """``send``, with the word to browsers that an answer is of the type that it states, wherever it comes from."""

    async def send_so(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault("X-Content-Type-Options", "nosniff")
        await send(message)

    return send_so


async def _every(seconds: float, action: Callable[[], object]) -> None:
    """Call a blocking ``action`` in a thread every so many seconds; its failures are logged and do not end it."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await asyncio.to_thread(action)
        except Exception:
            _log.exception("%s failed", getattr(action, "__qualname__", action))
