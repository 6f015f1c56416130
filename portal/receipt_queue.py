"""Receipts and replies on their way to the database: taken one by one, stored by the hundred, acknowledged after commit.

A carrier posts each receipt in a request of its own. A transaction each would cost a hundred times the receipt's own
work, so requests join the batch that is waiting; while one batch is being committed the next one gathers. A request is
answered only when its batch is committed: what a carrier is told was taken is stored, and anything else it posts again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from nightmail.carriers.protocol import Receipt, Reply
from nightmail.errors import NightmailError
from portal.problems import RequestError, database_unavailable

_log = logging.getLogger("nightmail.portal")

MAXIMUM_BATCH = 2_000
MAXIMUM_WAITING = 20_000
"""Receipts that may wait; over this the carrier is asked to come again (503), and does."""

GATHER_S = 0.05
"""Receipts that trickle in are gathered for so long: a commit for each would cost ten times the receipt's own work, and
no carrier minds to be answered so much later."""
ENOUGH = 50
"""With so many waiting, a batch is stored at once."""

_FAULTS_OF_CONTENT = (DataError, UnicodeError, OverflowError)
"""Of a value that the database or its driver cannot hold."""

StoreReceipts = Callable[[Sequence[Receipt]], object]
StoreReplies = Callable[[Sequence[Reply]], object]


@dataclass(slots=True)
class _Group:
    """What one request brought; it is answered as a whole."""

    receipts: Sequence[Receipt]
    replies: Sequence[Reply]
    done: asyncio.Future[None]

    @property
    def size(self) -> int:
        return len(self.receipts) + len(self.replies)


class ReceiptQueue:
    """Stores receipts and replies in batches through ``store_receipts`` and ``store_replies``, on one thread of its own.

    Each of the two commits before it returns. ``await put(...)`` returns when what was put is committed.
    """

    def __init__(self, store_receipts: StoreReceipts, store_replies: StoreReplies) -> None:
        self._store_receipts = store_receipts
        self._store_replies = store_replies
        self._thread = ThreadPoolExecutor(1, "receipts")
        self._waiting: list[_Group] = []
        self._size = 0
        self._gathered = 0
        self._wake = asyncio.Event()
        self._enough = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.stored = 0
        self.batches = 0

    def start(self) -> None:
        """Begin to store. Call it within the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Store what waits, then end."""
        while self._size and self._task is not None and not self._task.done():
            await asyncio.sleep(0.01)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._thread.shutdown()

    @property
    def waiting(self) -> int:
        """How many receipts and replies are not committed yet."""
        return self._size

    async def put(self, receipts: Sequence[Receipt] = (), replies: Sequence[Reply] = ()) -> None:
        """Store these; returns after the commit. Raises :class:`RequestError` when they cannot be stored now."""
        group = _Group(receipts, replies, asyncio.get_running_loop().create_future())
        if not group.size:
            return
        if self._size + group.size > MAXIMUM_WAITING:
            raise RequestError("busy", headers={"Retry-After": "5"})
        self._waiting.append(group)
        self._size += group.size
        self._gathered += group.size
        self._wake.set()
        if self._gathered >= ENOUGH:
            self._enough.set()
        await group.done

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GATHER_S):
                    await self._enough.wait()
            groups = self._take()
            failures = await loop.run_in_executor(self._thread, self._store, groups)
            self.batches += 1
            for group, failure in zip(groups, failures, strict=True):
                self._size -= group.size
                if failure is None:
                    self.stored += group.size
                if group.done.done():  # the request was cancelled while it waited
                    continue
                if failure is None:
                    group.done.set_result(None)
                else:
                    group.done.set_exception(failure)

    def _take(self) -> list[_Group]:
        size = count = 0
        for group in self._waiting:
            if count and size + group.size > MAXIMUM_BATCH:
                break
            size += group.size
            count += 1
        groups, self._waiting = self._waiting[:count], self._waiting[count:]
        if not self._waiting:
            self._wake.clear()
        self._gathered -= size
        if self._gathered < ENOUGH:
            self._enough.clear()
        return groups

    def _store(self, groups: Sequence[_Group]) -> list[Exception | None]:
        """Store all groups at once; when that fails, by halves, so that one bad event spoils only its own request."""
        try:
            self._store_all(groups)
        except (OperationalError, PoolTimeoutError) as error:
            _log.error("receipts cannot be stored, the database does not answer: %s", type(error).__name__)
            return [database_unavailable() for _ in groups]
        except Exception as error:
            if len(groups) > 1:
                half = len(groups) // 2
                return [*self._store(groups[:half]), *self._store(groups[half:])]
            if isinstance(error, _FAULTS_OF_CONTENT):
                return [self._store_what_can_be(groups[0])]
            _log.exception("%d receipts and replies of one request were not stored", groups[0].size)
            return [error if isinstance(error, NightmailError) else RequestError("internal_error", status=500)]
        return [None] * len(groups)

    def _store_what_can_be(self, group: _Group) -> Exception | None:
        """Store each event of a request by itself: one that the database cannot hold is logged and harms no other.

        To refuse the request would have the carrier post it again, for days, with the same content.
        """
        parts = [_Group([each], (), group.done) for each in group.receipts]
        parts += [_Group((), [each], group.done) for each in group.replies]
        for part in parts:
            try:
                self._store_all([part])
            except _FAULTS_OF_CONTENT as error:
                _log.error("an event cannot be stored and is left out: %s", type(error).__name__)
            except (OperationalError, PoolTimeoutError):
                return database_unavailable()
        return None

    def _store_all(self, groups: Sequence[_Group]) -> None:
        receipts = [receipt for group in groups for receipt in group.receipts]
        replies = [reply for group in groups for reply in group.replies]
        if receipts:
            self._store_receipts(receipts)
        if replies:
            self._store_replies(replies)
