"""One kept-open HTTP connection per carrier, which always knows whether a failed request may have been taken.

Carriers' SDKs come with transports of their own, without a timeout by default: one costs 1 ms of CPU a request and can be
set to retry POSTs, another opens a connection and builds a TLS context for every request. This one is ``http.client`` with

- a timeout for connecting and a deadline for the whole answer, slow bodies included,
- connections that were closed while idle dropped *before* use, so that a request is not written into the void,
- no retry and no redirect, ever,
- a proxy where the account names one (``options``: ``proxy``), by a tunnel; none from the environment,
- two kinds of failure and no third: :class:`NotWrittenError` (no byte of the request left us: certainly not taken)
  and :class:`AnswerLostError` (it may have been taken).
"""

from __future__ import annotations

import base64
import http.client
import io
import math
import select
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache, partial
from typing import Any, cast
from urllib.parse import SplitResult, unquote, urlsplit

from nightmail.errors import ConfigurationError

MAXIMUM_ANSWER = 16 * 1024 * 1024
IDLE_S = 50.0
"""A connection idle for longer is replaced: load balancers close theirs after 60 s, some without a word."""
LONGEST_WAIT_S = 86_400.0
"""The longest wait that a carrier can ask for: after a day it is asked again, since more is a mistake as a rule."""


class NotWrittenError(Exception):
    """No connection could be made: the carrier certainly did not take anything."""


class UnwritableError(NotWrittenError):
    """The request cannot be put into HTTP, such as a secret with a line break in it: no time will mend that."""


class AnswerLostError(Exception):
    """The request was written, at least in part, and no whole answer came: the carrier may have taken it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after_s(self) -> float | None:
        """``Retry-After`` in seconds; ``None`` without one or with nonsense (:func:`retry_after_s`)."""
        return retry_after_s(self.headers.get("retry-after"), answered_at(self.headers))


def answered_at(headers: Mapping[str, str]) -> datetime:
    """When the answer was given, by the carrier's own clock if it says so: moments that it names are by the same one."""
    return _moment(headers.get("date", "")) or datetime.now(UTC)


def _moment(value: str) -> datetime | None:
    """The moment of an HTTP date; ``None`` for anything else."""
    try:
        when = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when


def retry_after_s(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds to wait, from a ``Retry-After`` header (RFC 9110 §10.2.3), a number or a date; ``None`` for nonsense."""
    if not value:
        return None
    try:
        return wait_s(float(value))
    except ValueError:
        when = _moment(value)
    return None if when is None else wait_s((when - (now or datetime.now(UTC))).total_seconds())


def wait_s(seconds: float) -> float | None:
    """What is made of seconds that a carrier asks to wait: at most a day; ``None`` where they are no number."""
    return min(max(seconds, 0.0), LONGEST_WAIT_S) if math.isfinite(seconds) else None


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """One TLS context for all connections: it costs some 20 ms to build."""
    return ssl.create_default_context()


class _Deadline(io.RawIOBase):
    """Reads from a socket until a moment, however many pieces the answer comes in."""

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock = sock
        # The socket's own raw file keeps it open until this is closed, though http.client may close the socket first.
        self._raw = cast(io.RawIOBase, sock.makefile("rb", buffering=0))
        self._until = until

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._raw.close()
        super().close()

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)


class _DeadlineSocket:
    """What ``http.client`` needs of a socket to read an answer."""

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock = sock
        self._until = until

    def makefile(self, mode: str, *_: object) -> io.BufferedReader:  # noqa: ARG002
        return io.BufferedReader(_Deadline(self._sock, self._until), 16384)


def _response(until: float, sock: socket.socket, method: str | None = None) -> http.client.HTTPResponse:
    return http.client.HTTPResponse(_DeadlineSocket(sock, until), method=method)  # type: ignore[arg-type]


class _OneWrite(http.client.HTTPConnection):
    """Collects a request, so that it is written in one piece: half the system calls, and no doubt before the write."""

    pending: list[bytes] | None = None
    """The pieces; ``None`` while connecting, when a proxy is spoken to at once."""

    def send(self, data: Any) -> None:
        """Keep a piece of the request."""
        if self.pending is None:
            super().send(data)
        else:
            self.pending.append(data)

    def write(self, sock: socket.socket) -> None:
        """Write the request."""
        whole = b"".join(self.pending or ())
        self.pending = []
        sock.sendall(whole)


class _OneWriteTls(_OneWrite, http.client.HTTPSConnection):
    """The same over TLS."""


class KeepAlive:
    """A connection to one origin. Not shared between threads."""

    def __init__(
        self,
        base_url: str,
        connect_timeout_s: float,
        timeout_s: float,
        *,
        idle_s: float = IDLE_S,
        proxy: str | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise _unusable(base_url, "it is not an https address")
        if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
            problem = "it would carry personal data and secrets unencrypted; plain http is for this machine only"
            raise _unusable(base_url, problem)
        self._proxy = urlsplit(proxy) if proxy else None
        if self._proxy is not None and (self._proxy.scheme != "http" or not self._proxy.hostname):
            raise _unusable(proxy, "it is not the address of a proxy", "http://proxy.example.com:3128")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._connect_timeout_s, self._timeout_s, self._idle_s = connect_timeout_s, timeout_s, idle_s
        self._connection: _OneWrite | None = None
        self._used = 0.0
        self.connections = 0
        self.last: Answer | None = None
        self._dated: tuple[str, float] | None = None

    @property
    def clock_offset(self) -> timedelta:
        """How far the carrier's clock was ahead of ours at the last answer with a ``Date``; zero before one."""
        if self._dated is None:
            return timedelta(0)
        text, ours = self._dated
        theirs = _moment(text)
        return timedelta(0) if theirs is None else theirs - datetime.fromtimestamp(ours, UTC)

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Send one request and read its whole answer.

        ``target`` is path and query. Raises :class:`NotWrittenError` or :class:`AnswerLostError`.
        """
        self.last = None
        connection, sock = self._ready_connection()
        connection.pending = []
        try:
            connection.request(method, self._prefix + target, body, headers)
        except (ValueError, http.client.HTTPException) as error:
            # Only put together so far, not written.
            self.close()
            raise UnwritableError(type(error).__name__) from error
        until = time.monotonic() + self._timeout_s
        try:
            sock.settimeout(self._timeout_s)
            connection.write(sock)
            connection.response_class = partial(_response, until)  # type: ignore[assignment]
            response = connection.getresponse()
            content = response.read(MAXIMUM_ANSWER)
            if response.length not in (None, 0) or (response.chunked and not response.isclosed()):
                raise http.client.IncompleteRead(content)
            closes = response.will_close
            received = {name.lower(): value for name, value in response.headers.items()}
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise AnswerLostError(_what(error)) from error
        except BaseException:
            # Interrupted in the middle: what the connection holds now belongs to no later request.
            self.close()
            raise
        if closes:
            self.close()
        else:
            self._used = time.monotonic()
        self.last = Answer(response.status, received, content)
        if "date" in received:
            self._dated = received["date"], time.time()
        return self.last

    def _ready_connection(self) -> tuple[_OneWrite, socket.socket]:
        connection = self._connection
        if connection is not None:
            sock = connection.sock
            if sock is not None and time.monotonic() - self._used < self._idle_s and not _was_closed(sock):
                return connection, sock
            self.close()
        fresh: _OneWrite
        host, port = self._host, self._port
        if self._proxy is not None and self._proxy.hostname:
            host, port = self._proxy.hostname, self._proxy.port or 3128
        if self._secure:
            fresh = _OneWriteTls(host, port, timeout=self._connect_timeout_s, context=_tls())
        else:
            fresh = _OneWrite(host, port, timeout=self._connect_timeout_s)
        if self._proxy is not None:
            # A tunnel: the proxy sees neither request nor secret.
            fresh.set_tunnel(self._host, self._port, _proxy_headers(self._proxy))
        # A connection that breaks must fail, not be opened again behind our back with the request half written.
        fresh.auto_open = 0
        try:
            fresh.connect()
        except (OSError, http.client.HTTPException) as error:
            fresh.close()
            raise NotWrittenError(_what(error)) from error
        self.connections += 1
        self._connection = fresh
        return fresh, fresh.sock

    def close(self) -> None:
        """Close the connection, if open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _unusable(
    address: str | None, problem: str, form: str = "https://api.example.com, or leave it out to use the carrier's own"
) -> ConfigurationError:
    return ConfigurationError("carrier_address", value=address, problem=problem, form=form)


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    credentials = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"}


def _was_closed(sock: socket.socket) -> bool:
    """Whether an idle connection has something to read: its end, as a rule. TLS tickets do not count."""
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    if not poller.poll(0):
        return False
    if not isinstance(sock, ssl.SSLSocket):
        return True
    sock.setblocking(False)
    try:
        sock.recv(1)
    except ssl.SSLWantReadError:
        return False
    except OSError:
        return True
    return True


def _what(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return f"{type(error).__name__}: {error}"[:200]
