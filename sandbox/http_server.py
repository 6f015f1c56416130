"""A small, fast HTTP/1.1 server on asyncio and httptools, which can also misbehave on purpose.

A web framework costs several times a stand-in's own work per request and hides the connection; faults such as a
reset after the request was taken need it.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import parse_qs, unquote

import httptools

MAXIMUM_BODY = 32 * 1024 * 1024
_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}


@dataclass(slots=True)
class Request:
    """One request, whole. Header names are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def query_values(self) -> dict[str, list[str]]:
        """The query's values by name."""
        return parse_qs(self.query, keep_blank_values=True)

    def form(self) -> dict[str, list[str]]:
        """The values of a form body by name."""
        return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)


@dataclass(slots=True)
class Response:
    """One answer. ``misbehave`` is how the connection treats it: see :data:`MISBEHAVIOURS`."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    misbehave: str = ""
    seconds: float = 0.0


MISBEHAVIOURS = ("", "reset", "hang", "slow", "wait")
"""As it should be; connection reset; no answer at all for ``seconds``, then a reset; the body byte by byte over
``seconds``; the whole answer after ``seconds``."""

Handler = Callable[[Request], Response]


def json_response(status: int, content: Any, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with a JSON body."""
    return Response(status, json.dumps(content).encode(), headers=headers or {})


@lru_cache(maxsize=4)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()


class HttpProtocol(asyncio.Protocol):
    """One connection: requests are answered in the order they come; pipelined ones wait."""

    def __init__(self, handler: Handler, connections: set[HttpProtocol], clock: Callable[[], float]) -> None:
        self._handler = handler
        self._clock = clock
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._parser: Any = None
        self._headers: dict[str, str] = {}
        self._url = b""
        self._body: list[bytes] = []
        self._body_size = 0
        self._waiting: asyncio.Task[None] | None = None
        self._queue: list[tuple[Request, bool]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to read a connection."""
        self._transport = cast(asyncio.Transport, transport)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._parser = httptools.HttpRequestParser(self)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Forget a connection."""
        self._connections.discard(self)
        if self._waiting is not None:
            self._waiting.cancel()
        self._transport = None

    def close(self) -> None:
        """Close the connection from our side."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a malformed request is answered 400 and the connection closed."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            if self._transport is not None:
                self._write(Response(400, b"malformed request", "text/plain"), keep_alive=False)

    # The parser's callbacks
    def on_message_begin(self) -> None:
        """A request begins."""
        self._headers = {}
        self._url = b""
        self._body = []
        self._body_size = 0

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The headers are there: allow the body if the client asks first."""
        if self._headers.get("expect", "").lower() == "100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body_size += len(body)
        if self._body_size <= MAXIMUM_BODY:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """The request is whole: answer it, or queue it behind one that is being answered slowly."""
        url = httptools.parse_url(self._url)
        request = Request(
            self._parser.get_method().decode("latin-1"),
            unquote((url.path or b"/").decode("latin-1")),
            (url.query or b"").decode("latin-1"),
            self._headers,
            b"".join(self._body),
        )
        keep_alive = bool(self._parser.should_keep_alive())
        if self._waiting is not None:
            self._queue.append((request, keep_alive))
        else:
            self._answer(request, keep_alive)

    def _answer(self, request: Request, keep_alive: bool) -> None:
        if self._body_size > MAXIMUM_BODY:
            self._write(Response(413, b"too large", "text/plain"), keep_alive=False)
            return
        response = self._handler(request)
        if response.misbehave:
            self._waiting = asyncio.get_running_loop().create_task(self._misbehave(response, keep_alive))
        else:
            self._write(response, keep_alive)

    def _head(self, response: Response, keep_alive: bool) -> bytes:
        lines = [
            b"HTTP/1.1 %d %s" % (response.status, _REASONS.get(response.status, b"")),
            b"Content-Type: " + response.content_type.encode("latin-1"),
            b"Content-Length: %d" % len(response.body),
            b"Date: " + _date(int(self._clock())),
        ]
        lines.extend(f"{name}: {value}".encode("latin-1") for name, value in response.headers.items())
        if not keep_alive:
            lines.append(b"Connection: close")
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _write(self, response: Response, keep_alive: bool) -> None:
        if self._transport is None:
            return
        self._transport.write(self._head(response, keep_alive) + response.body)
        if not keep_alive:
            self._transport.close()

    def _reset(self) -> None:
        if self._transport is None:
            return
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    async def _misbehave(self, response: Response, keep_alive: bool) -> None:
        if response.misbehave == "reset":
            self._reset()
        elif response.misbehave == "hang":
            await asyncio.sleep(response.seconds)
            self._reset()
        elif response.misbehave == "wait":
            await asyncio.sleep(response.seconds)
            self._write(response, keep_alive)
        elif response.misbehave == "slow" and self._transport is not None:
            self._transport.write(self._head(response, keep_alive))
            pause = response.seconds / max(len(response.body), 1)
            for index in range(len(response.body)):
                await asyncio.sleep(pause)
                if self._transport is None:
                    return
                self._transport.write(response.body[index : index + 1])
        self._waiting = None
        while self._queue and self._waiting is None:
            self._answer(*self._queue.pop(0))


class HttpServer:
    """Listens on loopback; ``port`` 0 takes a free one."""

    def __init__(
        self, handler: Handler, host: str = "127.0.0.1", port: int = 0, clock: Callable[[], float] = time.time
    ) -> None:
        self._handler = handler
        self._clock = clock
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._connections: set[HttpProtocol] = set()

    async def start(self) -> str:
        """Listen, and return the base address."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: HttpProtocol(self._handler, self._connections, self._clock), self._host, self._port, backlog=1024
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return f"http://{self._host}:{self._port}"

    @property
    def open_connections(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    def drop_idle_connections(self) -> None:
        """Close every connection from the server's side, as servers do with idle ones."""
        for connection in list(self._connections):
            connection.close()

    async def stop(self) -> None:
        """Stop listening and close connections."""
        if self._server is not None:
            self._server.close()
            self.drop_idle_connections()
            await self._server.wait_closed()
