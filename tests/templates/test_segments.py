"""Segments of text messages: 3GPP TS 23.038 and 23.040, by cases at the edges and against the definition."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightmail.templates.segments import (
    GSM_BASIC,
    GSM_EXTENSION,
    count_segments,
    is_gsm,
    segments,
    utf16_units,
)

GRIN = "\N{GRINNING FACE}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("é" * 160, 1),
        ("ê" * 70, 1),
        ("ê" * 71, 2),
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("я" * 134, 2),
        ("я" * 135, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        # 76 euro signs fill 152 of 153 septets: the next does not fit any more.
        ("€" * 152, 2),
        ("€" * 153, 3),
        ("a" + "€" * 152, 2),
        ("aa" + "€" * 152, 3),
        (GRIN * 35, 1),
        (GRIN * 36, 2),
        # 33 pairs fill 66 of 67 units: a pair is not cut in two.
        (GRIN * 66, 2),
        (GRIN * 67, 3),
        ("[]{}~^|\\", 1),
        ("`", 1),
        ("`" * 71, 2),
        ("\n" * 160, 1),
        ("\t" * 71, 2),
        ("ç" * 71, 2),
        ("Ç" * 160, 1),
    ],
)
def test_segments(text: str, expected: int) -> None:
    """One by one and by the column."""
    assert segments(text) == expected
    assert count_segments(pa.array([text])).tolist() == [expected]


def test_the_alphabets_have_their_sizes() -> None:
    """127 signs beside the escape, and ten extended ones."""
    assert len(GSM_BASIC) == len(set(GSM_BASIC)) == 127
    assert len(GSM_EXTENSION) == len(set(GSM_EXTENSION)) == 10
    assert not set(GSM_BASIC) & set(GSM_EXTENSION)
    assert all(is_gsm(sign) for sign in GSM_BASIC + GSM_EXTENSION)


_TEXTS = st.one_of(
    st.text(st.sampled_from(GSM_BASIC + GSM_EXTENSION * 4), max_size=500),
    st.text(st.sampled_from("ab€яê" + GRIN), max_size=300),
    st.integers(150, 165).map(lambda length: "€" + "a" * length),
    st.text(max_size=50),
)


@given(st.lists(_TEXTS, max_size=8), st.integers(0, 3))
def test_a_column_counts_as_its_texts_do(texts: list[str], skip: int) -> None:
    """The column's arithmetic is that of the definition, slices included."""
    column = pa.array(texts, pa.string()).slice(skip)
    assert count_segments(column).tolist() == [segments(text) for text in texts[skip:]]
    assert utf16_units(column).tolist() == [len(text.encode("utf-16-le")) // 2 for text in texts[skip:]]


@given(_TEXTS)
def test_more_text_never_takes_fewer_segments(text: str) -> None:
    """Appending a sign of the same alphabet cannot save anything."""
    longer = text + ("a" if is_gsm(text) else "я")
    assert segments(longer) >= segments(text)
