"""Raising the errors and writing the warnings of reading, from the registry of reasons."""

from __future__ import annotations

from typing import Any

from nightmail.contact_files.summary import FileDecision, FileWarning
from nightmail.errors import ContactFileError
from nightmail.reasons import explain, sentence


def file_error(reason: str, **fields: Any) -> ContactFileError:
    """The error of a file that cannot be used as a whole; ``fields`` fill its sentence and are its detail."""
    return ContactFileError(reason, facts=fields, **fields)


def file_warning(
    reason: str, *, count: int = 1, column: str | None = None, lines: tuple[int, ...] = (), **fields: Any
) -> FileWarning:
    """A warning about the file; ``count``, ``column`` and ``fields`` fill its sentence."""
    return FileWarning(reason, explain(reason, count=count, column=column, **fields), count, column, lines)


def file_decision(reason: str, *, column: str | None = None, count: int | None = None, **fields: Any) -> FileDecision:
    """A decision about the whole file; ``count``, ``column`` and ``fields`` fill its sentence."""
    return FileDecision(reason, sentence(reason, count=count, column=column, **fields), column, count)


def readable_size(size: int) -> str:
    """A number of bytes for people: ``4.0 GiB``."""
    amount = float(size)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            return f"{size} bytes" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1024
    raise AssertionError("unreachable")
