"""Calls teams' webhooks: a background task that claims due calls, posts them, and records the outcome.

An address is resolved once and connected to by what it resolved to, so that a name cannot point somewhere else between
the check and the call. Private networks are refused unless the settings allow them: the portal must not be a way in.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import logging
import socket
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from nightmail.errors import NightmailError
from nightmail.events.webhook_calls import (
    DueCall,
    call_name,
    claim_calls,
    record_delivered,
    record_failed,
)

if TYPE_CHECKING:
    import httpx
    from sqlalchemy import Engine

    from nightmail.settings import Settings

_log = logging.getLogger("nightmail.portal")

AT_ONCE = 16
IDLE_S = 1.0
"""Seconds between two looks while nothing is due."""
MAXIMUM_ANSWER_BYTES = 64 * 1024


class AddressRefusedError(NightmailError):
    """The address may not be called."""


def check_address(url: str, *, private: bool) -> SplitResult:
    """Take a webhook's address apart. Raises :class:`AddressRefusedError` for one that is never called."""
    wrong = ""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused("it is not an address") from None
    if parts.scheme not in ("https", *(("http",) if private else ())):
        wrong = "it must begin with https://"
    elif not parts.hostname or parts.username or parts.password or "@" in parts.netloc:
        wrong = "it must name a host, and no user"
    elif parts.fragment or len(url) > 2_000 or any(ord(sign) <= 32 or ord(sign) == 127 for sign in url):
        wrong = "it must have no fragment, spaces or control characters, and at most 2,000 characters"
    elif port == 0:
        wrong = "its port cannot be called"
    elif not private and _literal_address(parts.hostname) is not None and not _is_public(parts.hostname):
        wrong = "it is inside a private network"
    if wrong:
        raise _refused(wrong)
    return parts


def _refused(why: str) -> AddressRefusedError:
    return AddressRefusedError("webhook_address", problem=why)


def _literal_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_global) and not parsed.is_multicast


class WebhookCaller:
    """The background task. ``start`` it within the running loop; ``stop`` it before the loop ends."""

    def __init__(self, engine: Engine, settings: Settings, key: bytes) -> None:
        self._engine = engine
        self._settings = settings
        self._key = key
        self._task: asyncio.Task[None] | None = None
        self._client: httpx.AsyncClient | None = None

    def start(self) -> None:
        """Begin."""
        import httpx

        self._client = httpx.AsyncClient(
            timeout=self._settings.webhook_timeout_s,
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE),
        )
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """End; calls under way are tried again when their claim ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def _run(self) -> None:
        while True:
            try:
                calls = await asyncio.to_thread(claim_calls, self._engine, AT_ONCE)
                await asyncio.gather(*(self._make(call) for call in calls))
            except Exception as error:
                _log.error("webhooks cannot be called at the moment: %s", type(error).__name__)
                calls = []
            if not calls:
                await asyncio.sleep(IDLE_S)

    async def _make(self, call: DueCall) -> None:
        status: int | None = None
        try:
            async with asyncio.timeout(self._settings.webhook_timeout_s):
                status = await self._post(call)
        except Exception as error:
            # Whatever keeps one call from being made must not keep the others.
            _log.warning("%s was not taken: %s", call_name(call.id), type(error).__name__)
        if status is not None and 200 <= status < 300:
            await asyncio.to_thread(record_delivered, self._engine, call, status)
        else:
            await asyncio.to_thread(record_failed, self._engine, call, status, gone=status == 410)

    async def _post(self, call: DueCall) -> int:
        private = self._settings.webhook_private_addresses
        parts = check_address(call.url, private=private)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        address = str(found[0][4][0])
        if not private and not all(_is_public(str(entry[4][0])) for entry in found):
            raise _refused("it is inside a private network")
        content = call.content()
        netloc = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        headers = {
            **call.headers(content, self._key, dt.datetime.now(dt.UTC)),
            "host": parts.netloc,
            "content-type": "application/json",
            "user-agent": "Nightmail-Webhooks/1",
        }
        assert self._client is not None
        async with self._client.stream(
            "POST",
            parts._replace(netloc=netloc).geturl(),
            content=content,
            headers=headers,
            extensions={"sni_hostname": host},
        ) as response:
            read = 0
            async for piece in response.aiter_raw():
                read += len(piece)
                if read > MAXIMUM_ANSWER_BYTES:
                    break
            return response.status_code
