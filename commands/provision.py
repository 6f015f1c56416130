"""``nightmail provision ORG.yaml``."""

from __future__ import annotations


def provision() -> None:
    """Not written yet."""
    raise NotImplementedError
