"""Hashes by the column are those of each contact on its own."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from nightmail.contacts.search_columns import search_keys
from nightmail.contacts.search_hashes import stored_hashes

TEXTS = (
    st.none()
    | st.text(max_size=12)
    | st.sampled_from(["Ann_Lee O'Hara", "+44 7700 900001", "x@example.com", "Ünal ß", ""])
)


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=6))
def test_keys_are_those_of_each_contact(rows: list[tuple[str | None, str | None, str | None]]) -> None:
    columns = [pa.array([row[at] for row in rows], pa.string()) for at in range(3)]
    found = search_keys(columns, b"k" * 16).to_pylist()
    told = [sorted({int(number) for number in text[1:-1].split(",") if number}) for text in found]
    assert told == [stored_hashes(row, b"k" * 16) for row in rows]
