"""Events that fall due later, and the webhooks that report them.

A post that fails (no connection, 5xx, 429) is tried again a few times with growing pauses, as carriers do.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from sandbox.webhook_client import WebhookClient

CONCURRENCY = 64
"""Webhooks on their way at once. Carriers post with many connections: a receiver that commits by batches gets batches."""
_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)


class WebhookDelivery:
    """A heap of what falls due, and a pool of connections that posts webhooks."""

    def __init__(self, concurrency: int = CONCURRENCY, acknowledged: Path | None = None) -> None:
        """``acknowledged`` is a file that gets a line of JSON for each post that was answered with a 2xx."""
        self._acknowledged = acknowledged
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._wake = asyncio.Event()
        self._slots = asyncio.Semaphore(concurrency)
        self._concurrency = concurrency
        self._client = WebhookClient()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pump: asyncio.Task[None] | None = None
        self.posted = 0
        self.refused = 0
        self.given_up = 0

    def start(self) -> None:
        """Begin."""
        self._pump = asyncio.get_running_loop().create_task(self._run())

    @property
    def waiting(self) -> int:
        """How many things are not done yet."""
        return len(self._due) + len(self._tasks)

    def later(self, delay_s: float, action: Callable[[], object]) -> None:
        """Call ``action`` after so many seconds."""
        due = asyncio.get_running_loop().time() + delay_s
        heapq.heappush(self._due, (due, next(self._order), action))
        if self._due[0][0] >= due:
            self._wake.set()

    def spawn(self, work: asyncio.Task[None]) -> None:
        """Keep a task until it is done."""
        self._tasks.add(work)
        work.add_done_callback(self._tasks.discard)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Post a webhook, and do not wait for it."""
        self.spawn(asyncio.get_running_loop().create_task(self._post(url, body, headers)))

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        await self.ask(url, body, headers)

    async def ask(self, url: str, body: bytes, headers: Mapping[str, str]) -> bytes | None:
        """Post a webhook and return what it was answered; ``None`` where no post came through."""
        for pause in (*_PAUSES, None):
            async with self._slots:
                try:
                    status, content = await self._client.post(url, body, headers)
                except (OSError, TimeoutError):
                    status, content = 0, b""
            if 0 < status < 300:
                self.posted += 1
                if self._acknowledged is not None:
                    line = json.dumps({"url": url, "body": body.decode("utf-8", "replace")})
                    with self._acknowledged.open("a") as file:
                        file.write(line + "\n")
                return content
            if 0 < status < 500 and status != 429:
                self.refused += 1
                return None
            if pause is None:
                break
            await asyncio.sleep(pause)
        self.given_up += 1
        return None

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            done = 0
            while self._due and self._due[0][0] <= loop.time():
                heapq.heappop(self._due)[2]()
                done += 1
                if done % 64 == 0:
                    await asyncio.sleep(0)
                while len(self._tasks) > 4 * self._concurrency:
                    await asyncio.sleep(0.005)
            timeout = self._due[0][0] - loop.time() if self._due else None
            try:
                await asyncio.wait_for(self._wake.wait(), None if timeout is None else max(timeout, 0.001))
            except TimeoutError:
                continue

    async def stop(self) -> None:
        """Give up what is not done."""
        if self._pump is not None:
            self._pump.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._client.close()
