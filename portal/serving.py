"""The portal's HTTP server: uvicorn with bounds on what comes before a request's body.

uvicorn itself waits for a request's head as long as a client likes and keeps as many headers as it sends. Here a head must
come within some seconds and within some kilobytes, and a client that speaks no HTTP hears a problem document.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from nightmail.reasons import Surface
from nightmail.settings import settings
from portal.problems import CONTENT_TYPE, RequestError, problem_document

HEAD_S = 15.0
"""Seconds in which the head of a request must come, counted from the connection or from the head's first byte."""
MAXIMUM_HEAD_BYTES = 64 * 1024
KEEP_ALIVE_S = 30
"""Seconds for which an idle connection is kept: carriers post again and again."""
SHUTDOWN_S = 20
"""Seconds that requests under way have to end when the portal is stopped."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """A connection whose requests' heads are bounded in time and size."""

    head_s = HEAD_S
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected: its first head must come."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A piece of a head, of a body, or of both."""
        super().data_received(data)
        if self._head_timer is not None:  # the head is not whole yet
            self._head_bytes += len(data)
            if self._head_bytes > MAXIMUM_HEAD_BYTES:
                self._refuse(431, "Request Header Fields Too Large", "request_too_large", limit=MAXIMUM_HEAD_BYTES)

    def on_message_begin(self) -> None:
        """The first byte of a head."""
        super().on_message_begin()
        if self._head_timer is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        """The head came whole."""
        self._head_came()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """Answer a client that sends no HTTP."""
        self._refuse(400, "Bad Request", "request_malformed", problem="it is not HTTP")

    def _refuse(self, status: int, phrase: str, reason: str, **fields: Any) -> None:
        self._head_came()
        if self.transport is None or self.transport.is_closing():
            return
        error = RequestError(reason, status=status, **fields)
        body = json.dumps(problem_document(status, reason, error.message, error.remedy_for(Surface.API))).encode()
        head = (
            f"HTTP/1.1 {status} {phrase}\r\ncontent-type: {CONTENT_TYPE}\r\ncontent-length: {len(body)}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_s, self._head_is_late)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        self._head_bytes = 0

    def _head_is_late(self) -> None:
        self._head_timer = None
        self._refuse(408, "Request Timeout", "request_too_slow")


def server_configuration(application: Any, *, trusted_proxies: str = "", **changes: Any) -> uvicorn.Config:
    """How uvicorn serves ``application``; ``changes`` are further settings of :class:`uvicorn.Config`.

    What a proxy says of where a request comes from is believed of ``trusted_proxies`` alone: else anybody could come from
    anywhere.
    """
    return uvicorn.Config(
        application,
        **{
            "http": BoundedHttpProtocol,
            "log_level": "warning",
            "access_log": False,
            "server_header": False,
            "lifespan": "on",
            "proxy_headers": bool(trusted_proxies.strip()),
            "forwarded_allow_ips": trusted_proxies,
            "timeout_keep_alive": KEEP_ALIVE_S,
            "timeout_graceful_shutdown": SHUTDOWN_S,
            **changes,
        },
    )


def serve(host: str, port: int) -> None:
    """Serve the portal of this process's settings until SIGTERM or SIGINT."""
    configuration = server_configuration(
        "portal.application:create_application",
        trusted_proxies=settings().trusted_proxies,
        factory=True,
        host=host,
        port=port,
    )
    uvicorn.Server(configuration).run()
