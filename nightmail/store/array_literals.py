"""PostgreSQL's arrays as text: what statements over many rows pass, a column at a time.

The driver adapts each value of a list by itself, which costs some eight times as much. A literal is cast where it is used:
``cast(:keys as bigint[])``, and PostgreSQL reads each value as its type does.
"""

from __future__ import annotations

from collections.abc import Iterable


def array_literal(values: Iterable[object]) -> str:
    """The literal of a one-dimensional array; ``None`` is null. Texts, bytes, numbers, dates and times with their zone are values."""
    return "{" + ",".join([_quoted(value) for value in values]) + "}"


def _quoted(value: object) -> str:
    if value is None:
        return "NULL"
    said = f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
    if "\\" in said or '"' in said:
        said = said.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{said}"'
