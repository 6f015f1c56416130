"""Rows of a query come out as an Arrow table, each column by its name."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest
from sqlalchemy import Engine

from nightmail.lake.schemas import UTC_TIME
from nightmail.store.clock import database_time
from nightmail.store.copying import copy_table

SCHEMA = pa.schema([pa.field("name", pa.string()), pa.field("line", pa.int64()), pa.field("at", UTC_TIME)])


def test_columns_go_by_name_whatever_order_the_query_has_them_in(database: Engine) -> None:
    """A column that moves in a query cannot move its values into another column."""
    moment = dt.datetime(2026, 11, 23, 12, 30, 0, 250_000, tzinfo=dt.UTC)
    query = "select %(at)s::timestamptz as at, 7 as line, 'say \"hi\", Ann' as name"
    with database.connect() as connection:
        table = copy_table(connection, query, {"at": moment}, SCHEMA)
    assert table.schema == SCHEMA
    assert table.to_pylist() == [{"name": 'say "hi", Ann', "line": 7, "at": moment}]


@pytest.mark.parametrize(
    "columns",
    [
        "'a' as name, 7 as line",
        "'a' as name, 7 as line, now() as at, 1 as further",
        "'a' as name, 7 as line, now() as at, now() as at",
        "'a' as name, 7 as lines, now() as at",
    ],
    ids=["missing", "surplus", "twice", "misspelt"],
)
def test_a_query_whose_columns_are_not_the_schemas_is_refused(database: Engine, columns: str) -> None:
    """Also when it has no rows: a report of a quiet day must not hide what a busy day would fail at."""
    with database.connect() as connection, pytest.raises(ValueError, match="columns"):
        copy_table(connection, f"select {columns} where false", {}, SCHEMA)


def test_values_come_exact(database: Engine) -> None:
    """An empty text is no null; money keeps its digits; a line end within a text ends no row."""
    schema = pa.schema([pa.field("t", pa.string()), pa.field("n", pa.string()), pa.field("cost", pa.decimal128(14, 6))])
    with database.connect() as connection:
        table = copy_table(connection, "select E'a\\nb' as n, '' as t, 0.000001 as cost", {}, schema)
        assert table.to_pylist() == [{"t": "", "n": "a\nb", "cost": Decimal("0.000001")}]
        empty = copy_table(connection, "select null as n, 'x' as t, 1 as cost where false", {}, schema)
        assert empty.num_rows == 0 and empty.schema == schema
        null = copy_table(connection, "select null as n, null as t, null as cost", {}, schema)
        assert null.to_pylist() == [{"t": None, "n": None, "cost": None}]
        assert database_time(connection).tzinfo is not None
