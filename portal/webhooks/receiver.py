"""Answers carriers' webhooks, below the web framework: one table of addresses, signature first, then the queue.

The order is the promise: the body is read within its bound, the signature is verified over exactly what came, and the
carrier hears 2xx only when what it told is committed. Anything else makes it tell again, and the event's key makes
the repetition harmless.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.types import Receive, Scope, Send

from nightmail.errors import NightmailError
from portal.problems import RequestError, database_unavailable, send_problem
from portal.request_bounds import Bound, BoundedBody, refuse_announced

if TYPE_CHECKING:
    from portal.state import Portal

_log = logging.getLogger("nightmail.portal")

BOUND = Bound(4 * 1024**2, pause_s=10.0)
"""SendGrid posts at most 768 KB at a time, Twilio a few hundred bytes."""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One webhook as it came. ``url`` is the address that the carrier signed: our public one."""

    url: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What the carrier hears."""

    status: int = 204
    body: bytes = b""
    content_type: str = ""


WebhookHandler = Callable[["Portal", WebhookRequest], Awaitable[WebhookAnswer]]


class ForgedError(RequestError):
    """The signature does not fit."""

    def __init__(self) -> None:
        super().__init__("webhook_forged")


class WebhookReceiver:
    """The ASGI application of all paths below ``/webhooks/``."""

    def __init__(self, portal: Portal, handlers: Mapping[str, WebhookHandler]) -> None:
        self._portal = portal
        self._handlers = dict(handlers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one webhook."""
        path = scope["path"]
        handler = self._handlers.get(path)
        if handler is None:
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
            answer = await self._answer(handler, scope, content)
        except NightmailError as error:
            if error.reason in ("webhook_forged", "webhook_outdated"):
                self._portal.refusals.count(error.reason, path)
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

    async def _answer(self, handler: WebhookHandler, scope: Scope, content: bytes) -> WebhookAnswer:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"].decode("latin-1")
        request = WebhookRequest(self._url(scope, headers, query), query, headers, content)
        accounts = self._portal.accounts
        if accounts.stale:
            await asyncio.to_thread(accounts.refresh_when_stale)
        return await handler(self._portal, request)

    def _url(self, scope: Scope, headers: Mapping[str, str], query: str) -> str:
        base = self._portal.base_url or f"{scope.get('scheme', 'http')}://{headers.get('host', '')}"
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
        return f"{base}{path}?{query}" if query else f"{base}{path}"
