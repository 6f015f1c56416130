"""From where somebody acts: said once at a door, and kept with every entry that is written behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ORIGIN: ContextVar[str | None] = ContextVar("nightmail_audit_origin", default=None)


def current_origin() -> str | None:
    """From where what is being done now is done: a network address, or the machine's name; ``None`` for the product's own."""
    return _ORIGIN.get()


@contextmanager
def acting_from(origin: str | None) -> Iterator[None]:
    """Let entries that are written in the block, and in threads that a framework starts for it, say where from."""
    token = _ORIGIN.set(origin)
    try:
        yield
    finally:
        _ORIGIN.reset(token)


def set_origin(origin: str) -> None:
    """Let every entry of this process that says nothing else say where from: for a command."""
    _ORIGIN.set(origin)
