"""What a contact chose with several teams: nothing that any of them was told not to send is sent."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from nightmail.audience import PREFERENCES
from nightmail.audience.joined_choices import joined_choices

NOW = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
_CATEGORIES = st.none() | st.lists(st.sampled_from("abc"), unique=True)
_ROW = st.fixed_dictionaries(
    {
        "contact_id": st.sampled_from(("1", "2", "3")),
        "channels": st.none() | st.just(["email"]),
        "categories_in": _CATEGORIES,
        "categories_out": _CATEGORIES,
        "quiet_from": st.none() | st.sampled_from(("21:00", "22:00")),
        "quiet_until": st.just("07:00"),
        "time_zone": st.none() | st.just("Asia/Tokyo"),
        "language": st.none() | st.sampled_from(("de", "fr")),
        "paused_until": st.none() | st.sampled_from((NOW, NOW + dt.timedelta(days=1))),
    }
)


def refuses(row: dict[str, Any], category: str) -> bool:
    chosen = row["categories_in"]
    return category in (row["categories_out"] or ()) or (chosen is not None and category not in chosen)


@given(st.lists(_ROW, max_size=8))
def test_a_refusal_of_any_team_holds_and_the_nearest_choice_counts(rows: list[dict[str, Any]]) -> None:
    joined = joined_choices(pa.Table.from_pylist(rows, schema=PREFERENCES)).to_pylist()
    assert sorted(row["contact_id"] for row in joined) == sorted({row["contact_id"] for row in rows})
    for one in joined:
        of = [row for row in rows if row["contact_id"] == one["contact_id"]]
        for category in "abc":
            assert refuses(one, category) == any(refuses(row, category) for row in of)
        assert one["paused_until"] == max((row["paused_until"] for row in of if row["paused_until"]), default=None)
        for name in ("channels", "language", "time_zone", "quiet_from"):
            assert one[name] == next((row[name] for row in of if row[name] is not None), None)
