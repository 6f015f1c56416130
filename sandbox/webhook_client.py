"""Posts webhooks over keep-alive connections, with httptools: a fifth of a general client's cost for each.

A million receipts are a million posts. What a general client does for each of them (cookies, redirects, proxies,
tracing) took more of the machine than the stand-ins themselves.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import httptools

TIMEOUT_S = 15.0
"""For one post, from connecting to the last byte of the answer."""


class WebhookClient:
    """A pool of connections, by host. Bound the posts at once outside: each has a connection of its own."""

    def __init__(self) -> None:
        self._idle: dict[tuple[str, str, int], list[_Connection]] = {}
        self._all: set[_Connection] = set()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """The answer's status and body. Raises ``OSError`` or ``TimeoutError`` when there is none."""
        secure, host, port, authority, target = _parsed(url)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST {target} HTTP/1.1\r\nHost: {authority}\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
        async with asyncio.timeout(TIMEOUT_S):
            connection = await self._connection(secure, host, port)
            try:
                answer = await connection.ask(head.encode("latin-1") + body)
            except BaseException:
                connection.close()
                raise
        if connection.usable:
            self._idle.setdefault((secure, host, port), []).append(connection)
        else:
            connection.close()
        return answer

    async def _connection(self, secure: str, host: str, port: int) -> _Connection:
        idle = self._idle.get((secure, host, port), [])
        while idle:
            connection = idle.pop()
            if connection.usable:
                return connection
        context = ssl.create_default_context() if secure == "https" else None
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(lambda: _Connection(self._all), host, port, ssl=context)
        return made

    def close(self) -> None:
        """Close every connection."""
        for connection in list(self._all):
            connection.close()
        self._idle.clear()


class _Connection(asyncio.Protocol):
    """One connection: one post after the other."""

    def __init__(self, all_of_them: set[_Connection]) -> None:
        self._all = all_of_them
        self._transport: asyncio.Transport | None = None
        self._parser: Any = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._body: list[bytes] = []
        self.usable = False

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Write a request and wait for its answer."""
        if self._transport is None:
            raise ConnectionResetError("the connection is closed")
        self.usable = False
        self._body = []
        self._parser = httptools.HttpResponseParser(self)
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Close it, whatever is under way."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    # The event loop's callbacks
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is connected."""
        self._transport = cast(asyncio.Transport, transport)
        self._all.add(self)
        self.usable = True

    def data_received(self, data: bytes) -> None:
        """A piece of the answer."""
        if self._parser is None:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ConnectionAbortedError(str(error)))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side is gone: what was asked has no answer."""
        self._all.discard(self)
        self._transport = None
        self.usable = False
        self._fail(exc if isinstance(exc, OSError) else ConnectionResetError("closed before the answer"))

    # The parser's callbacks
    def on_body(self, body: bytes) -> None:
        """A piece of the answer's body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self._answer is not None and not self._answer.done():
            self.usable = bool(self._parser.should_keep_alive())
            self._answer.set_result((self._parser.get_status_code(), b"".join(self._body)))

    def _fail(self, error: OSError) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


def _parsed(url: str) -> tuple[str, str, int, str, str]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConnectionRefusedError(f"{url!r} is no address")
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80), parts.netloc, target
