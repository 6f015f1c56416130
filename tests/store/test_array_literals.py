"""Arrays as text come out of the database as they went in."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from nightmail.store.array_literals import array_literal

_NOW = dt.datetime(2026, 12, 1, 5, 0, 0, 250_000, tzinfo=dt.timezone(dt.timedelta(hours=2)))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.none(),
            st.sampled_from(["NULL", "null", "", '"', "\\", '\\"', "{}", "a,b", " a ", "'", "a\nb", "%s", ":x"]),
            st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=8),
        )
    )
)
def test_texts_round_trip(database: Engine, values: list[str | None]) -> None:
    """Whatever they hold: quotes, braces, words that mean something in a literal."""
    with database.connect() as connection:
        found = connection.scalar(text("select cast(:values as text[])"), {"values": array_literal(values)})
    assert found == values


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bigint", [0, -1, 2**63 - 1, None]),
        ("numeric", [Decimal("0.0500"), Decimal("-1E+3"), None]),
        ("bytea", [b"\\", b"\x00\xff", b"", None]),
        ("date", [dt.date(2026, 12, 1), None]),
        ("timestamptz", [_NOW, None]),
    ],
)
def test_values_round_trip(database: Engine, kind: str, values: list[object]) -> None:
    """Exactly."""
    with database.connect() as connection:
        found = connection.scalar(text(f"select cast(:values as {kind}[])"), {"values": array_literal(values)})
    assert found == values
