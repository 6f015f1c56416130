"""Rows of the driver as named tuples: for statements that run too often for a dictionary per row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from psycopg import Cursor

_Row = TypeVar("_Row", bound=tuple[Any, ...])


def rows_as(kind: type[_Row]) -> Callable[[Cursor[Any]], Callable[[Sequence[Any]], _Row]]:
    """The row factory that reads each row as a ``NamedTuple`` class, whose fields are the statement's columns.

    Names and order are compared once for each statement that is executed. Raises :class:`TypeError` where they differ.

    >>> with connection.cursor(row_factory=rows_as(Grant)) as cursor:
    ...     cursor.execute("select 3 as units, 0.5 as wait_s").fetchone()
    Grant(units=3, wait_s=0.5)
    """
    fields: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
    make: Callable[[Sequence[Any]], _Row] = kind._make  # type: ignore[attr-defined]

    def factory(cursor: Cursor[Any]) -> Callable[[Sequence[Any]], _Row]:
        columns = tuple(column.name for column in cursor.description or ())
        if columns and columns != fields:
            raise TypeError(f"{kind.__name__} has {fields}, the statement {columns}")
        return make

    return factory
