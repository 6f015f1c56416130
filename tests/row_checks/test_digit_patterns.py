"""Patterns over digits run as a table: the same answers as Python's own regular expressions."""

from __future__ import annotations

import re

import numpy as np
import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata

from nightmail.row_checks.digit_patterns import Automaton, UnknownSyntaxError

_single = st.one_of(
    st.sampled_from("0123456789"),
    st.just(r"\d"),
    st.sampled_from(["[2-9]", "[13579]", "[0-24-9]", "[05]"]),
)


def _grouped(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(parts, min_size=1, max_size=3)
    return st.one_of(
        several.map("".join),
        several.map(lambda choices: f"(?:{'|'.join(choices)})"),
        several.map(lambda choices: f"({'|'.join(choices)})"),
        st.tuples(parts, st.sampled_from(["?", "{2}", "{0,2}", "{1,3}"])).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
    )


patterns = st.recursive(_single, _grouped, max_leaves=12)


def matches(automaton: Automaton, digits: str) -> int:
    """The bits of the patterns that match ``digits``."""
    state = 1
    for digit in digits:
        state = int(automaton.transitions[state, int(digit)])
    return automaton.matches[state]


@settings(max_examples=300, deadline=None)
@given(st.lists(patterns, min_size=1, max_size=4), st.lists(st.text("0123456789", max_size=9), max_size=12))
def test_matches_what_regular_expressions_match(choices: list[str], texts: list[str]) -> None:
    """Several patterns at once give what each gives alone."""
    automaton = Automaton(choices, [False] * len(choices))
    for text in texts:
        expected = sum(1 << index for index, pattern in enumerate(choices) if re.fullmatch(pattern, text))
        assert matches(automaton, text) == expected


@settings(max_examples=200, deadline=None)
@given(patterns, st.lists(st.text("0123456789", max_size=9), max_size=12))
def test_a_prefix_matches_whatever_begins_with_it(pattern: str, texts: list[str]) -> None:
    """Leading digits say which country a number belongs to, whatever follows them."""
    automaton = Automaton([pattern], [True])
    for text in texts:
        expected = any(re.fullmatch(pattern, text[:end]) for end in range(len(text) + 1))
        assert bool(matches(automaton, text)) == expected


@pytest.mark.parametrize("pattern", ["a", "1*", "1+", "(?=1)2", "[^1]", "1{2,}", "(1", "1)", "[1", "1{2", r"\w", "^1$"])
def test_refuses_what_it_does_not_understand(pattern: str) -> None:
    """A pattern of another kind is refused, never half understood: its numbers then go to the library."""
    with pytest.raises(UnknownSyntaxError):
        Automaton([pattern], [False])


def test_understands_all_of_the_metadata() -> None:
    """Every number pattern of the installed metadata is understood, so that no country is slow."""
    for region in phonenumbers.SUPPORTED_REGIONS:
        metadata = PhoneMetadata.metadata_for_region(region)
        automaton = Automaton([metadata.general_desc.national_number_pattern], [False])
        assert automaton.transitions.dtype == np.int32
