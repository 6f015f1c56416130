"""Names of files on servers are bytes: any of them can be stored as text and found again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.sftp.names import bytes_of, shown, text_of


@given(st.binary(max_size=40))
def test_any_name_comes_back_byte_by_byte_and_can_be_stored(name: bytes) -> None:
    text = text_of(name)
    assert bytes_of(text) == name
    assert json.loads(json.dumps(text).encode()) == text
    assert text.encode("utf-8").decode("utf-8") == text


@given(
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters=[chr(c) for c in range(0xEF80, 0xF000)]))
)
def test_a_name_in_utf_8_is_itself(name: str) -> None:
    assert text_of(name.encode()) == name


@given(st.lists(st.binary(max_size=6), unique=True, max_size=20))
def test_two_names_are_never_one(names: list[bytes]) -> None:
    assert len({text_of(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("name", "expected"),
    [(b"due.csv", "due.csv"), ("büro.csv".encode(), "büro.csv"), (b"b\xfcro.csv", "b\\xfcro.csv"), (b"a\nb", "a\\nb")],
)
def test_a_name_is_shown_without_signs_that_cannot_be_printed(name: bytes, expected: str) -> None:
    assert shown(text_of(name)) == expected
