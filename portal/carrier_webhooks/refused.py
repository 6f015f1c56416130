"""Refused webhooks, counted in memory and written once a second however many come."""

from __future__ import annotations

from collections import Counter
from threading import Lock

from sqlalchemy import Engine

from nightmail.receipts.refused_webhooks import alert_of_refused_webhooks


class RefusedWebhooks:
    """Counts what was refused since the last writing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = Lock()
        self.total = 0

    def count(self, reason: str, path: str) -> None:
        """One more refusal at one of our own paths, never at a path that only the client made up."""
        with self._lock:
            self._counts[reason, path] += 1
            self.total += 1

    def write(self) -> None:
        """Write what was counted into the alerts; what cannot be written now is kept for the next time."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            with self._engine.begin() as connection:
                alert_of_refused_webhooks(connection, counts)
        except Exception:
            with self._lock:
                self._counts.update(counts)
            raise
