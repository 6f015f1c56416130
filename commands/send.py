"""``nightmail send``."""

from __future__ import annotations


def send() -> None:
    """Not written yet."""
    raise NotImplementedError
