"""The log of everything the stand-ins accepted: the witness of "once, and none lost".

One line of JSON per accepted message in ``accepted.jsonl``: ``message_id, carrier_id, channel, to, body_sha256, at``.
A line is written before the carrier's answer goes out, so that no answer can be seen whose line is missing, and is on
the disk a fifth of a second later.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

MESSAGE_ID = re.compile(r"c[0-9a-f]{10}-[1-9][0-9]{0,9}-(?:sms|email|voice|chat)-(?:[0-9]|1[0-5])(?![0-9])")
"""What a message id looks like wherever it travels: a callback address, custom arguments, a mail header."""


def message_id_in(text: str | None) -> str | None:
    """The first message id in a text."""
    match = MESSAGE_ID.search(text) if text else None
    return match[0] if match else None


class Witness:
    """Appends to ``accepted.jsonl`` in the state folder."""

    def __init__(self, state_dir: Path, fsync_every_s: float = 0.2) -> None:
        self.path = state_dir / "accepted.jsonl"
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._every = fsync_every_s
        self._unsynced = False
        self._task: asyncio.Task[None] | None = None
        self.count = 0

    def start(self) -> None:
        """Begin to bring lines to the disk in the background."""
        self._task = asyncio.get_running_loop().create_task(self._sync())

    def accepted(
        self, carrier: str, channel: str, rows: list[tuple[str | None, str, str, str]], at: datetime | None = None
    ) -> None:
        """Log messages of one request: ``(message_id, carrier_id, to, body)`` each."""
        when = (at or datetime.now(UTC)).isoformat()
        lines = "".join(
            json.dumps(
                {
                    "message_id": message_id,
                    "carrier_id": carrier_id,
                    "channel": channel,
                    "to": to,
                    "body_sha256": sha256(body.encode()).hexdigest(),
                    "at": when,
                    "carrier": carrier,
                }
            )
            + "\n"
            for message_id, carrier_id, to, body in rows
        )
        data = lines.encode()
        while data:
            data = data[os.write(self._descriptor, data) :]
        self.count += len(rows)
        self._unsynced = True

    async def _sync(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            if self._unsynced:
                self._unsynced = False
                await asyncio.to_thread(os.fsync, self._descriptor)

    async def stop(self) -> None:
        """Bring the rest to the disk."""
        if self._task is not None:
            self._task.cancel()
        os.fsync(self._descriptor)
        os.close(self._descriptor)
