"""A team's colours can be read on pages for recipients, whatever it states."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightmail.organisation.colours import (
    DARK_CARD,
    LEAST_CONTRAST,
    LIGHT_CARD,
    contrast,
    readable_on,
    text_on,
)
from portal.pages import STYLE

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#ffffff", 4.54),
        ("#ff0000", "#ffffff", 4.0),
    ],
)
def test_contrast_is_that_of_the_standard(one: str, other: str, expected: float) -> None:
    """Figures of the W3C's own examples; the order of the two makes no difference."""
    assert contrast(one, other) == pytest.approx(expected, abs=0.005)
    assert contrast(other, one) == contrast(one, other)


@given(COLOURS)
def test_the_nearest_colour_is_readable_and_stays_what_it_was_if_it_could_be_read(colour: str) -> None:
    for card in (LIGHT_CARD, DARK_CARD):
        found = readable_on(card, colour)
        assert contrast(found, card) >= LEAST_CONTRAST
        assert found == colour or contrast(colour, card) < LEAST_CONTRAST


@given(COLOURS)
def test_one_of_black_and_white_is_readable_on_every_colour(colour: str) -> None:
    assert contrast(text_on(colour), colour) >= LEAST_CONTRAST


def test_the_style_sheet_has_the_cards_that_colours_are_measured_on() -> None:
    assert "--card:#fff;" in STYLE and f"--card:{DARK_CARD};" in STYLE
