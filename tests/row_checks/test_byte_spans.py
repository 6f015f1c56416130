"""Spans: equal bytes are found equal, and bytes that only share a hash are told apart."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from nightmail.row_checks.byte_spans import Spans, may_recur
from nightmail.row_checks.duplicates import collapse

WORDS = st.lists(st.one_of(st.none(), st.text(max_size=40), st.sampled_from(["a", "ab", "12345678", "123456789"])))


def two_of_one_hash() -> tuple[str, str]:
    """Two different texts of sixteen letters that have the same hash."""
    chance = random.Random(1)
    first = "abcdefghijklmnop"
    state, second_word = first_state(first[:8]), int.from_bytes(first[8:].encode(), "little")
    while True:
        begin = "".join(chance.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(8))
        end = (second_word ^ state ^ first_state(begin)).to_bytes(8, "little")
        if end.isascii() and begin != first[:8]:
            return first, begin + end.decode()


def first_state(word: str) -> int:
    """What the hash of a text of sixteen bytes is after its first word."""
    number = int.from_bytes(word.encode(), "little")
    mixed = (16 ^ number) * 0x9E3779B97F4A7C15 % 2**64
    return (mixed ^ (mixed >> 32)) * 0xD6E8FEB86659FD93 % 2**64


@given(WORDS, st.integers(0, 3))
def test_equal_texts_share_a_place_and_others_do_not(values: list[str | None], skipped: int) -> None:
    """Also in a slice of a larger column, whose buffer begins and ends with other values."""
    column = pa.array(["before"] * skipped + values + ["after"], pa.string()).slice(skipped, len(values))
    first, which = Spans.of(column).distinct()
    texts = [value or "" for value in values]
    assert [texts[first[place]] for place in which] == texts
    assert len(first) == len(set(texts))
    assert Spans.of(column).texts(np.arange(len(values))) == texts


@given(st.lists(st.text(max_size=12)))
def test_what_stands_twice_may_recur(values: list[str]) -> None:
    """No key that stands twice is passed over."""
    mask = may_recur(Spans.of(pa.array(values, pa.large_string())).hashes())
    for value, marked in zip(values, mask.tolist(), strict=True):
        assert marked or values.count(value) == 1


def test_texts_of_one_hash_are_told_apart() -> None:
    """An equal hash is no proof: neither of domains nor of contacts."""
    one, other = two_of_one_hash()
    column = pa.array([one, other, one], pa.large_string())
    spans = Spans.of(column)
    hashes = spans.hashes()
    assert one != other
    assert hashes[0] == hashes[1]
    first, which = spans.distinct()
    assert which.tolist() == [0, 1, 0]
    assert first.tolist() == [0, 1]
    assert collapse(pa.chunked_array([column]), None).into.tolist() == [0, 1, 0]
