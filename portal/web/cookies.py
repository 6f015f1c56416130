"""The cookies of people's pages: their names and how they are set.

Over HTTPS a cookie carries the prefix ``__Host-``: a browser takes it for this host alone, never from a sub-domain. Over plain
HTTP, which is for loopback, browsers refuse that prefix, so the name is another one and a cookie of the one never
counts for the other.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from fastapi import Request, Response
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.state import portal_of

Kind = Literal["session", "visitor", "message", "step", "challenge"]


def is_secure(request: Request) -> bool:
    """Whether the browser speaks HTTPS, to us or to the proxy that stands at our public address."""
    if request.url.scheme == "https":
        return True
    base = urlsplit(portal_of(request).base_url or "")
    return base.scheme == "https" and base.netloc == request.headers.get("host")


def cookie_name(request: Request, kind: Kind) -> str:
    """The name of a cookie on this connection; ``__Host-nightmail`` and ``nightmail_session`` for the session."""
    if is_secure(request):
        return "__Host-nightmail" if kind == "session" else f"__Host-nightmail-{kind}"
    return f"nightmail_{kind}"


def set_cookie(request: Request, response: Response, kind: Kind, value: str, seconds: int | None = None) -> None:
    """Set a cookie that scripts cannot read; without ``seconds`` it ends with the browser's session."""
    response.set_cookie(
        cookie_name(request, kind),
        value,
        max_age=seconds,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )


def end_cookie(request: Request, response: Response, kind: Kind) -> None:
    """Have the browser forget a cookie."""
    response.delete_cookie(
        cookie_name(request, kind), path="/", secure=is_secure(request), httponly=True, samesite="lax"
    )


def set_choice(request: Request, response: Response, name: Literal["theme", "language"], value: str) -> None:
    """Keep a choice of looks for a year; it says nothing about the person."""
    response.set_cookie(
        f"nightmail_{name}",
        value,
        max_age=365 * 86_400,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )


class SessionCookies:
    """ASGI middleware that gives the browser its session's new token, whatever the answer is.

    The token was taken when the session was looked up (``request.state.new_session_token``).
    """

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_with_token(message: Message) -> None:
            token = scope.get("state", {}).get("new_session_token")
            if message["type"] == "http.response.start" and token:
                response = Response()
                set_cookie(Request(scope), response, "session", token)
                headers = MutableHeaders(scope=message)
                # An answer that sets or ends the cookie itself knows better.
                if not any(
                    value.startswith(f"{cookie_name(Request(scope), 'session')}=")
                    for value in headers.getlist("set-cookie")
                ):
                    headers.append("set-cookie", response.headers["set-cookie"])
            await send(message)

        await self._application(scope, receive, send_with_token)
