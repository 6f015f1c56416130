"""``nightmail demo``."""

from __future__ import annotations


def demo() -> None:
    """Not written yet."""
    raise NotImplementedError
