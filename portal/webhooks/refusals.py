"""Forged webhooks, counted: one open alert per address, written at most once a second however many come."""

from __future__ import annotations

import logging
from collections import Counter
from threading import Lock

from sqlalchemy import Engine, func, literal_column
from sqlalchemy.dialects.postgresql import insert

from nightmail.store.tables import Alert

_log = logging.getLogger("nightmail.portal")

_MESSAGES = {
    "webhook_forged": "Webhooks with a wrong signature came to {subject}. They were refused.",
    "webhook_outdated": "Webhooks that were signed more than three days before or after the database's time came to "
    "{subject}. They were refused: its clock is wrong, or somebody sends old ones again.",
}


class Refusals:
    """Counts what was refused since the last writing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = Lock()
        self.total = 0

    def count(self, reason: str, subject: str) -> None:
        """One more refusal of ``reason`` at ``subject`` (an address of ours, never anything that the client sent)."""
        with self._lock:
            self._counts[reason, subject] += 1
            self.total += 1

    def write(self) -> None:
        """Write what was counted into the alerts."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if not counts:
            return
        statement = insert(Alert).values(
            [
                {
                    "reason": reason,
                    "subject": subject,
                    "times": times,
                    "message": _MESSAGES[reason].format(subject=subject),
                }
                for (reason, subject), times in counts.items()
            ]
        )
        statement = statement.on_conflict_do_update(
            index_elements=["reason", "subject"],
            index_where=literal_column("resolved_at is null"),
            set_={"times": Alert.times + statement.excluded.times, "last_at": func.now()},
        )
        try:
            with self._engine.begin() as connection:
                connection.execute(statement)
        except Exception:
            with self._lock:
                self._counts.update(counts)
            raise
