"""Answers carriers' webhooks, below the web framework: one table of paths, signature first, then the queue.

The order is the promise: the body is read within its bound, the signature is verified over exactly what came, and the
carrier is answered 2xx only when what it reported is committed. After anything else it repeats itself, and the event's
key makes the repetition harmless.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.types import Receive, Scope, Send

from nightmail.carriers.descriptors import CarrierDescriptor
from nightmail.carriers.webhooks import WebhookAnswer, WebhookContent, WebhookRequest, WebhookRoute, is_outdated
from nightmail.conversations.key_presses import next_in_call
from nightmail.errors import NightmailError
from portal.problems import RequestError, database_unavailable, send_problem
from portal.request_bounds import Bound, BoundedBody, refuse_announced

if TYPE_CHECKING:
    from portal.state import Portal

_log = logging.getLogger("nightmail.portal")

BOUND = Bound(4 * 1024**2, pause_s=10.0)
"""Several times what carriers post at once: 768 KB, as far as they say."""


@dataclass(frozen=True, slots=True)
class _Answered:
    """One path: the carrier that posts there and its route."""

    carrier: CarrierDescriptor
    route: WebhookRoute


class WebhookReceiver:
    """The ASGI application of all paths below ``/webhooks/``, as the carriers describe them."""

    def __init__(self, portal: Portal, carriers: Iterable[CarrierDescriptor]) -> None:
        self._portal = portal
        self._paths = {route.path: _Answered(carrier, route) for carrier in carriers for route in carrier.webhooks}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one webhook."""
        path = scope["path"]
        answered = self._paths.get(path)
        if answered is None:
            await send_problem(send, RequestError("not_found", what="webhook address"), close=True)
            return
        if scope["method"] != "POST":
            await send_problem(send, RequestError("method_not_allowed", headers={"Allow": "POST"}), close=True)
            return
        announced = refuse_announced(scope, BOUND)
        if announced is not None:
            await send_problem(send, announced, close=True)
            return
        body = BoundedBody(receive, BOUND)
        try:
            content = await body.read()
            if content is None:
                return  # the client went away: there is nobody to answer
            answer = await self._answer(answered, scope, content)
        except NightmailError as error:
            if error.reason in ("webhook_forged", "webhook_outdated"):
                self._portal.refused_webhooks.count(error.reason, path)
            await send_problem(send, error, close=body.violation is not None)
        except (OperationalError, PoolTimeoutError) as error:
            _log.error("a webhook was put off, the database does not answer: %s", type(error).__name__)
            await send_problem(send, database_unavailable())
        except Exception:
            _log.exception("a webhook to %s failed", path)
            await send_problem(send, RequestError("internal_error", status=500))
        else:
            headers = [(b"content-length", str(len(answer.body)).encode())]
            if answer.body:
                headers.append((b"content-type", answer.content_type.encode()))
            if answer.status == 204:
                headers = []
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, answered: _Answered, scope: Scope, body: bytes) -> WebhookAnswer:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"].decode("latin-1")
        request = WebhookRequest(self._url(scope, headers, query), query, headers, body)
        content = await self._proved(answered, request)
        if content.signed_at is not None and is_outdated(content.signed_at, self._portal.webhook_secrets.now()):
            raise RequestError("webhook_outdated")
        if content.unreadable:
            events = content.unreadable + len(content.receipts)
            _log.warning("%d of %d events of %s cannot be read", content.unreadable, events, answered.carrier.label)
        if content.key_press is not None:
            return await self._go_on(answered.route, content)
        accounts = content.accounts
        await self._portal.queue.put(
            [r if r.accounts is accounts else replace(r, accounts=accounts) for r in content.receipts],
            [replace(reply, accounts=accounts) for reply in content.replies],
        )
        return content.answer

    async def _proved(self, answered: _Answered, request: WebhookRequest) -> WebhookContent:
        """What a request says, once its signature fits. Raises :class:`RequestError` when it fits none, or for no webhook."""
        secrets = self._portal.webhook_secrets
        carrier = answered.carrier
        if secrets.stale:
            await asyncio.to_thread(secrets.refresh_when_stale)
        try:
            content = answered.route.read(request, secrets.of(carrier.name))
            if content is None and await asyncio.to_thread(secrets.refresh_after_failure):
                # The account may have been set up a moment ago.
                content = answered.route.read(request, secrets.of(carrier.name))
        except ValueError as error:
            problem = f"this is not one of {carrier.label}'s webhooks: {error}"
            raise RequestError("request_malformed", problem=problem, status=400) from error
        if content is None:
            raise RequestError("webhook_forged")
        return content

    async def _go_on(self, route: WebhookRoute, content: WebhookContent) -> WebhookAnswer:
        """A key pressed in a call: the message is said again, or the key is stored as the answer and thanked for."""
        reply = content.key_press
        assert reply is not None and route.speak is not None
        said = await asyncio.to_thread(next_in_call, self._portal.engine, reply.message_id, reply.text)
        if said.answers:
            await self._portal.queue.put(replies=[replace(reply, accounts=content.accounts)])
        return route.speak(said.document)

    def _url(self, scope: Scope, headers: Mapping[str, str], query: str) -> str:
        base = self._portal.base_url or f"{scope.get('scheme', 'http')}://{headers.get('host', '')}"
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
        return f"{base}{path}?{query}" if query else f"{base}{path}"
