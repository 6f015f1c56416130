"""Dagster's WebSocket, passed on: subscriptions and queries, no mutation, and for a while only."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from portal.pipeline.operations import NotUnderstoodError, asked

PROTOCOL = "graphql-ws"
LONGEST_S = 300.0
"""Seconds after which the connection ends: the page opens another one, for which the person is asked about again."""
MAXIMUM_MESSAGE = 4 * 1024**2


async def pass_on_subscriptions(browser: WebSocket, socket: Path, path: str) -> None:
    """Carry messages both ways until either side ends, something is not allowed, or :data:`LONGEST_S` are over."""
    try:
        async with unix_connect(
            str(socket), f"ws://dagster{path}", subprotocols=[Subprotocol(PROTOCOL)], max_size=MAXIMUM_MESSAGE
        ) as dagster:
            await browser.accept(subprotocol=PROTOCOL)
            ways = [asyncio.create_task(_to(dagster, browser)), asyncio.create_task(_back(dagster, browser))]
            _, others = await asyncio.wait(ways, timeout=LONGEST_S, return_when=asyncio.FIRST_COMPLETED)
            for way in others:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
    except (OSError, WebSocketException):
        pass
    with contextlib.suppress(RuntimeError):
        await browser.close(1001)


async def _to(dagster: ClientConnection, browser: WebSocket) -> None:
    try:
        while True:
            message = await browser.receive_text()
            if len(message) > MAXIMUM_MESSAGE or not _may_pass(message):
                return
            await dagster.send(message)
    except (WebSocketDisconnect, WebSocketException, KeyError, RuntimeError):
        return


async def _back(dagster: ClientConnection, browser: WebSocket) -> None:
    try:
        async for message in dagster:
            await browser.send_text(message if isinstance(message, str) else message.decode())
    except (WebSocketDisconnect, WebSocketException, UnicodeDecodeError, RuntimeError):
        return


def _may_pass(message: str) -> bool:
    """Whether a message of the protocol may reach Dagster: one that starts an operation must not be a mutation."""
    try:
        given = json.loads(message)
        if not isinstance(given, dict):
            return False
        if "payload" not in given or given.get("type") in ("connection_init", "connection_terminate", "stop"):
            return True
        return not asked(given["payload"]).names
    except (ValueError, NotUnderstoodError):
        return False
