"""JSON objects made by the column are what the standard library reads as the same values."""

from __future__ import annotations

import json

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from nightmail.contacts.json_columns import json_objects

CELLS = (
    st.none()
    | st.text(st.characters(blacklist_categories=("Cs",)), max_size=8)
    | st.sampled_from(['"', "\\", "\n", '\\"'])
)


@given(st.lists(st.tuples(CELLS, CELLS, st.none() | st.integers()), max_size=6))
def test_objects_hold_each_value_that_is_there(rows: list[tuple[str | None, str | None, int | None]]) -> None:
    names = ("city", 'na"me', "score")
    columns = [pa.array([row[at] for row in rows], pa.string()) for at in (0, 1)]
    numbers = pa.array([None if row[2] is None else str(row[2]) for row in rows], pa.string())
    made = json_objects(dict(zip(names, (*columns, numbers), strict=True)), bare={"score"})
    wanted = [{name: value for name, value in zip(names, row, strict=True) if value is not None} for row in rows]
    assert [json.loads(text) for text in made.to_pylist()] == wanted
