"""How long work says where it is: one callable that the command line, Dagster and tests can each provide."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called now and then, never more than a few times a second, by work that takes long."""

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """``done`` of ``total`` units of ``stage`` are finished; ``total`` is None where it is not known."""
