"""Receipts that trickle in share a commit; many at once do not wait for more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest

from nightmail.carriers.protocol import Receipt, ReceiptStatus
from portal import receipt_queue
from portal.receipt_queue import ENOUGH, ReceiptQueue


def _receipt(number: int) -> Receipt:
    return Receipt(carrier="twilio", channel="sms", event_key=f"SM{number}:delivered", status=ReceiptStatus.DELIVERED)


async def _stored(count: int, pause_s: float) -> tuple[list[int], float]:
    """Sizes of the batches in which so many receipts were stored, and the seconds until the last was answered."""
    batches: list[int] = []

    def store(receipts: Sequence[Receipt]) -> None:
        batches.append(len(receipts))

    queue = ReceiptQueue(store, lambda _replies: None)
    queue.start()
    began = time.monotonic()
    puts = []
    for number in range(count):
        puts.append(asyncio.create_task(queue.put([_receipt(number)])))
        await asyncio.sleep(pause_s)
    await asyncio.gather(*puts)
    seconds = time.monotonic() - began
    await queue.stop()
    assert queue.stored == count and queue.waiting == 0
    return batches, seconds


def test_receipts_that_trickle_in_share_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipt_queue, "GATHER_S", 0.5)
    batches, _ = asyncio.run(_stored(10, 0.001))
    assert sum(batches) == 10
    assert len(batches) <= 3


def test_many_receipts_are_stored_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the next ones: of all the batches only the last, which is not full, is waited for."""
    monkeypatch.setattr(receipt_queue, "GATHER_S", 20.0)
    batches, seconds = asyncio.run(_stored(4 * ENOUGH + 1, 0))
    assert sum(batches) == 4 * ENOUGH + 1
    assert seconds < 30.0
