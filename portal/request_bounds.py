"""Bounds on what a client may send and how slowly: checked below the framework, for every address.

A body over its limit is refused at the first byte too many, or before the first one when its length is announced. A
body that trickles is given up: the longest pause between two pieces is bounded, and so is the average rate once the
first seconds have passed. What a client had sent until then is not kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.problems import RequestError, send_problem

GRACE_S = 10.0
"""Seconds before the average rate is looked at."""


@dataclass(frozen=True)
class Bound:
    """What one address takes: at most ``maximum_bytes``, no pause over ``pause_s``, ``least_bytes_per_s`` on average."""

    maximum_bytes: int
    pause_s: float = 15.0
    least_bytes_per_s: int = 1_000


class BoundedBody:
    """A request's ``receive`` within a :class:`Bound`; ``violation`` is the error once the bound was broken."""

    def __init__(self, receive: Receive, bound: Bound) -> None:
        self._receive = receive
        self._bound = bound
        self._taken = 0
        self._started: float | None = None
        self._whole = False
        self.violation: RequestError | None = None

    async def receive(self) -> Message:
        """The next piece. Raises :class:`RequestError` when the bound is broken."""
        if self._whole:
            return await self._receive()
        if self.violation is not None:
            raise self.violation
        loop = asyncio.get_running_loop()
        if self._started is None:
            self._started = loop.time()
        try:
            async with asyncio.timeout(self._bound.pause_s):
                message = await self._receive()
        except TimeoutError:
            self.violation = RequestError("request_too_slow")
            raise self.violation from None
        if message["type"] != "http.request":
            return message
        self._taken += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._taken > self._bound.maximum_bytes:
            self.violation = too_large(self._bound)
        elif not self._whole:
            elapsed = loop.time() - self._started
            if elapsed > GRACE_S and self._taken < self._bound.least_bytes_per_s * elapsed:
                self.violation = RequestError("request_too_slow")
        if self.violation is not None:
            raise self.violation
        return message

    async def read(self) -> bytes | None:
        """The whole body, or ``None`` when the client went away before its end."""
        first = await self.receive()
        if first["type"] != "http.request":
            return None
        if not first.get("more_body", False):
            return bytes(first.get("body", b""))
        pieces = [first.get("body", b"")]
        while True:
            message = await self.receive()
            if message["type"] != "http.request":
                return None
            pieces.append(message.get("body", b""))
            if not message.get("more_body", False):
                return b"".join(pieces)


def too_large(bound: Bound) -> RequestError:
    """The error of a body over ``bound``."""
    limit = bound.maximum_bytes
    return RequestError("request_too_large", limit=limit, facts={"limit": limit})


def refuse_announced(scope: Scope, bound: Bound) -> RequestError | None:
    """The error of a body whose announced length is over ``bound``, before any of it is read."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > bound.maximum_bytes:
            return too_large(bound)
    return None


class RequestBounds:
    """ASGI middleware that holds every request to the bound of its path."""

    def __init__(self, application: ASGIApp, bound_of: Callable[[str], Bound]) -> None:
        self._application = application
        self._bound_of = bound_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        bound = self._bound_of(scope["path"])
        announced = refuse_announced(scope, bound)
        if announced is not None:
            await send_problem(send, announced, close=True)
            return
        body = BoundedBody(receive, bound)
        started = False

        async def send_unless_broken(message: Message) -> None:
            nonlocal started
            # The framework turns an error in reading into one of its own: the bound's error is the true one.
            if body.violation is not None and not started:
                return
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._application(scope, body.receive, send_unless_broken)
        except RequestError as error:
            if error is not body.violation:
                raise
        if body.violation is not None and not started:
            await send_problem(send, body.violation, close=True)
