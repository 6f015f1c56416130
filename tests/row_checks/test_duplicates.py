"""Duplicates: who is the same contact, which row is kept, and what the uploader is told."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightmail.lake import TableFile
from nightmail.organisation.feed_choices import Keep
from nightmail.row_checks import EarlierCampaign
from nightmail.row_checks.duplicates import collapse
from tests.row_checks.conftest import Outcome, Prepare

A, B = "+49 151 23456789", "+49 151 23456780"


def collapsed(out: Outcome) -> dict[int, tuple[str, int | None]]:
    """Reason and line collapsed into, by line."""
    columns = (out.rejects.column(name).to_pylist() for name in ("line", "reason", "duplicate_of"))
    return {line: (reason, of) for line, reason, of in zip(*columns, strict=True)}


def test_the_external_id_makes_a_contact(prepare: Prepare) -> None:
    """Equal ids are one contact; equal rows are said to be equal, whatever way they were written."""
    out = prepare(
        {
            "external_id": ["1", "1", "1 ", "2"],
            "phone": ["0151 23456789", "+49 (0)151 23456789", "0151 23456780", "0151 23456789"],
            "name": ["Anna", " Anna ", "Anna", "Anna"],
        },
        default_country="DE",
    )
    assert out.lines() == [2, 5]
    assert collapsed(out) == {3: ("duplicate_row", 2), 4: ("duplicate_external_id", 2)}
    assert out.summary.duplicates == 2


def test_without_an_id_the_address_makes_a_contact(prepare: Prepare) -> None:
    """The first address that the template can use, in normal form; emails in any case."""
    out = prepare(
        {
            "phone": ["0151 23456789", "+4915123456789", None, None, "0151 23456780"],
            "email": ["a@example.com", None, "Anna@example.com", "anna@EXAMPLE.com", "a@example.com"],
            "name": list("abcde"),
        },
        default_country="DE",
        channels=("sms", "email"),
    )
    assert out.lines() == [2, 4, 6]
    assert collapsed(out) == {3: ("duplicate_address", 2), 5: ("duplicate_address", 4)}


def test_an_address_of_two_ids_is_two_contacts(prepare: Prepare) -> None:
    """A household, two accounts: the audience decides whether both are sent to."""
    out = prepare({"external_id": ["1", "2", None], "phone": [A, A, A]})
    assert out.lines() == [2, 3, 4]


def test_unique_by_further_columns(prepare: Prepare) -> None:
    """Two invoices of one customer are two messages; the same invoice twice is one."""
    columns = {
        "external_id": ["1", "1", "1", None, None],
        "invoice": ["a", "b", "a", None, None],
        "phone": [A, A, B, A, A],
    }
    out = prepare(columns, unique_by=("external_id", "invoice"))
    assert out.lines() == [2, 3, 5]
    assert collapsed(out) == {4: ("duplicate_key", 2), 6: ("duplicate_row", 5)}
    assert "external_id, invoice" in out.rejects.column("message")[0].as_py()


def test_equal_rows_always_collapse(prepare: Prepare) -> None:
    """Even where nothing makes a contact unique."""
    out = prepare(
        {"phone": [A, A, "0049 151 23456789", A], "name": ["x", "y", "x", "x"]}, unique_by=(), default_country="FR"
    )
    assert out.lines() == [2, 3]
    assert collapsed(out) == {4: ("duplicate_row", 2), 5: ("duplicate_row", 2)}


def test_a_key_does_not_run_over_its_columns(prepare: Prepare) -> None:
    """``ab, c`` is not ``a, bc``, and nothing is not the empty text."""
    out = prepare(
        {"a": ["ab", "a", None, "b"], "b": ["c", "bc", "b", None], "phone": [A] * 4, "n": list("1234")},
        unique_by=("a", "b"),
    )
    assert out.lines() == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ({"keep": Keep.FIRST}, 2),
        ({"keep": Keep.LAST}, 6),
        ({"keep": Keep.MOST_COMPLETE}, 3),
        ({"keep": Keep.MOST_RECENT, "keep_by": "updated"}, 4),
    ],
)
def test_the_feed_says_which_row_is_kept(prepare: Prepare, keep: dict[str, Any], kept: int) -> None:
    """First, last, most complete, or most recent by a column; all others name the row that was kept."""
    out = prepare(
        {
            "external_id": ["1"] * 5,
            "phone": [A] * 5,
            "name": [None, "x", None, "x", "y"],
            "city": [None, "y", None, None, None],
            "updated": ["2026-01-01", "2026-01-05", "2026-03-01T10:00:00", "2026-03-01T09:59:59", "soon"],
        },
        **keep,
    )
    assert out.lines() == [kept]
    assert {of for _, of in collapsed(out).values()} == {kept}
    assert out.summary.duplicates == 4


def test_most_recent_reads_numbers_and_other_dates(prepare: Prepare) -> None:
    """A version number or a date as people write it."""
    versions = prepare(
        {"external_id": ["1", "1", "1"], "phone": [A] * 3, "version": ["9", "10", None]},
        keep=Keep.MOST_RECENT,
        keep_by="version",
    )
    assert versions.lines() == [3]
    days = prepare(
        {"external_id": ["1", "1", "1"], "phone": [A] * 3, "day": ["24.12.2025", "01.01.2026", "31.12.2024"]},
        keep=Keep.MOST_RECENT,
        keep_by="day",
    )
    assert days.lines() == [3]


def test_a_rejected_row_hides_no_good_one(prepare: Prepare) -> None:
    """Duplicates are looked for among rows that can be used."""
    out = prepare({"external_id": ["1", "1"], "phone": ["+49 12", A]})
    assert out.lines() == [3]
    assert collapsed(out) == {2: ("phone_invalid", None)}


def test_warnings_of_a_duplicate_are_not_told(prepare: Prepare) -> None:
    """Warnings are about rows that stay contacts."""
    out = prepare({"external_id": ["1", "1"], "phone": [A, A], "email": ["bad", "worse"]})
    assert out.warned() == {2: ["email_invalid"]}


def test_whom_an_earlier_campaign_had_is_a_duplicate(prepare: Prepare, tmp_path: Path) -> None:
    """Within the feed's window, by the same key; the campaign is named."""
    first = prepare({"external_id": ["1", "2", None], "phone": [A, B, B]})
    before = TableFile(str(tmp_path / "earlier.parquet"))
    before.write(first.contacts)
    earlier = (EarlierCampaign(campaign="2026-11-22.acme.billing.aaaaaa", contacts=before),)
    out = prepare(
        {"external_id": ["2", "3", None, "1", "1"], "phone": [A, B, B, A, B], "name": list("abcde")},
        earlier_campaigns=earlier,
    )
    assert out.lines() == [3]
    assert collapsed(out) == {
        2: ("duplicate_earlier_campaign", None),
        4: ("duplicate_earlier_campaign", None),
        5: ("duplicate_earlier_campaign", None),
        6: ("duplicate_external_id", 5),
    }
    assert "2026-11-22.acme.billing.aaaaaa" in out.rejects.column("message")[0].as_py()
    assert (out.summary.rows, out.summary.duplicates, out.summary.contacts) == (5, 4, 1)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 3)), max_size=30),
    st.sampled_from(["first", "last", "best"]),
)
def test_collapse_keeps_one_of_each_key(rows: list[tuple[str, int]], keep: str) -> None:
    """Against the plain way: one dictionary, row by row."""
    keys = pa.chunked_array([pa.array([key for key, _ in rows], pa.large_string())])
    preference = np.array([rank for _, rank in rows], dtype=np.float64) if keep == "best" else None
    found = collapse(keys, preference, keep_last=keep == "last")
    kept: dict[str, int] = {}
    for index, (key, rank) in enumerate(rows):
        if key not in kept or keep == "last" or (keep == "best" and rank > rows[kept[key]][1]):
            kept[key] = index
    assert found.into.tolist() == [kept[key] for key, _ in rows]
    assert int((~found.duplicates).sum()) == len(Counter(key for key, _ in rows))
