"""Rows of the driver as named tuples."""

from __future__ import annotations

from typing import NamedTuple

import psycopg
import pytest

from nightmail.store.driver_rows import rows_as


class Pair(NamedTuple):
    first: int
    second: str


def test_rows_are_read_by_name_and_a_slip_is_an_error(database_url: str) -> None:
    """Columns in another order would put one value in the place of the other, and nothing would show it."""
    with psycopg.connect(database_url) as connection, connection.cursor(row_factory=rows_as(Pair)) as cursor:
        assert cursor.execute("select 1 as first, 'a' as second").fetchall() == [Pair(1, "a")]
        for slip in ("select 'a' as second, 1 as first", "select 1 as first", "select 1 as first, 'a' as name"):
            with pytest.raises(TypeError, match="Pair"):
                cursor.execute(slip).fetchall()
