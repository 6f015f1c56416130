"""``nightmail up``."""

from __future__ import annotations


def up() -> None:
    """Not written yet."""
    raise NotImplementedError
