"""Price lists: what holds on a day, and what is refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from nightmail.errors import ConfigurationError
from nightmail.organisation.prices import SAMPLE_PRICES, load_prices

LIST = """\
carrier: twilio
currency: USD
effective_from: 2026-01-01
prices:
  sms: {"*": 0.1, DE: 0.0915, NO: 0.07}
  voice: 0.02
changes:
  - {effective_from: 2027-01-01, channel: sms, country: DE, amount: 0.1}
"""


@pytest.mark.parametrize(
    ("channel", "country", "day", "expected"),
    [
        ("sms", "DE", "2026-01-01", "0.0915"),
        ("sms", "DE", "2026-12-31", "0.0915"),
        ("sms", "DE", "2027-01-01", "0.1"),
        ("sms", "FR", "2026-06-01", "0.1"),
        ("sms", "NO", "2026-06-01", "0.07"),
        ("sms", None, "2026-06-01", "0.1"),
        ("sms", "DE", "2025-12-31", None),
        ("voice", "DE", "2026-06-01", "0.02"),
        ("email", "DE", "2026-06-01", None),
    ],
)
def test_the_price_of_a_day(tmp_path: Path, channel: str, country: str | None, day: str, expected: str | None) -> None:
    """The country's own, else the general one; the latest that has begun."""
    path = tmp_path / "prices.yaml"
    path.write_text(LIST)
    price = load_prices(path).price("twilio", channel, country, date.fromisoformat(day))
    assert (None if price is None else price.amount) == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("currency: USD\n", "", "currency is missing"),
        ("0.0915", "cheap", "amount"),
        ("0.0915", "-1", "not an amount"),
        ("0.0915", "0.00000001", "at most six decimals"),
        ("DE: 0.0915", "Germany: 0.0915", "not a two-letter country"),
        ("sms:", "fax:", "no channel fax"),
        ("currency: USD", "currency: dollars", "three capital letters"),
        ("2027-01-01", "next year", "dates like"),
        ("carrier:", "\t", "not YAML"),
        (LIST, "- a", "must be a mapping"),
    ],
)
def test_lists_that_are_none(tmp_path: Path, old: str, new: str, words: str) -> None:
    """Money is not guessed at."""
    assert old in LIST
    path = tmp_path / "prices.yaml"
    path.write_text(LIST.replace(old, new, 1))
    with pytest.raises(ConfigurationError, match=words) as caught:
        load_prices(path)
    assert caught.value.reason == "price_list_invalid"


def test_the_sample_has_every_channel_that_is_sold() -> None:
    """Trying the product shows a cost for each channel."""
    prices = load_prices(SAMPLE_PRICES)
    assert all(prices.carriers(channel) for channel in ("sms", "email", "voice"))
