"""What carriers charge: price lists by carrier, channel and country, with the days from which prices hold.

A price is per unit: an SMS segment, an email, a started minute of a call. A price for a country wins over the carrier's
price for all countries. Amounts are ``Decimal`` throughout, with at most six decimals.

Prices in several currencies stand side by side, and nothing converts one into another: whatever adds up costs keeps a sum for
each currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from nightmail.channels import CHANNELS
from nightmail.errors import ConfigurationError

SAMPLE_PRICES = Path(__file__).parents[2] / "samples" / "prices" / "sample.yaml"
"""The price list that is shipped: sample figures for trying, no carrier's quotation."""


@dataclass(frozen=True)
class Price:
    """One entry; ``country`` ``None`` holds for all countries without an entry of their own."""

    carrier: str
    channel: str
    country: str | None
    amount: Decimal
    currency: str
    effective_from: date


class PriceList:
    """Prices to look up. Made from entries in any order, such as the rows of the table ``price``."""

    def __init__(self, prices: Iterable[Price]) -> None:
        self.prices = tuple(prices)
        self._entries: dict[tuple[str, str, str | None], list[Price]] = {}
        for price in sorted(self.prices, key=lambda entry: entry.effective_from):
            self._entries.setdefault((price.carrier, price.channel, price.country), []).append(price)

    def carriers(self, channel: str) -> tuple[str, ...]:
        """The carriers that have prices for a channel, sorted."""
        return tuple(sorted({carrier for carrier, of_channel, _ in self._entries if of_channel == channel}))

    def price(self, carrier: str, channel: str, country: str | None, day: date) -> Price | None:
        """The price that holds on ``day``: the latest of the country's own, else the latest for all countries."""
        for key in ((carrier, channel, country), (carrier, channel, None)):
            held = [entry for entry in self._entries.get(key, ()) if entry.effective_from <= day]
            if held:
                return held[-1]
        return None


def load_prices(path: Path) -> PriceList:
    """Read a price list from YAML.

    .. code-block:: yaml

        carrier: acme
        currency: USD
        effective_from: 2026-01-01
        prices:
          sms: {"*": 0.0500, DE: 0.0915}
        changes:
          - {effective_from: 2027-01-01, channel: sms, country: DE, amount: 0.0950}

    Several lists may stand in one file, divided by ``---``. Raises :class:`ConfigurationError` naming what is wrong.
    """
    try:
        # BaseLoader keeps every value as it is written: "NO" stays Norway and 0.10 stays exact.
        lists = list(yaml.load_all(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader))
        return PriceList(price for entry in lists for price in _prices_of_list(entry))
    except (OSError, UnicodeDecodeError) as problem:
        raise _invalid(path, f"it cannot be read ({type(problem).__name__})") from problem
    except yaml.YAMLError as problem:
        raise _invalid(path, f"it is not YAML ({' '.join(str(problem).split())})") from problem
    except _WrongEntry as problem:
        raise _invalid(path, str(problem)) from None


class _WrongEntry(Exception):  # noqa: N818 - says what is wrong with an entry, and becomes the error of the file
    pass


def _invalid(path: Path, problem: str) -> ConfigurationError:
    return ConfigurationError("price_list_invalid", file=path.name, problem=problem)


def _prices_of_list(entry: Any) -> Iterator[Price]:
    """The prices of one list of a file: those of ``prices``, then those of ``changes``."""
    if not isinstance(entry, Mapping):
        raise _WrongEntry("a list must be a mapping with carrier, currency, effective_from and prices")
    missing = {"carrier", "currency", "effective_from", "prices"} - entry.keys()
    if missing:
        raise _WrongEntry(f"{', '.join(sorted(missing))} is missing")
    if not isinstance(entry["prices"], Mapping):
        raise _WrongEntry("prices must map channels to countries and amounts")
    defaults = {"country": "*", "effective_from": entry["effective_from"], "currency": entry["currency"]}
    for channel, by_country in entry["prices"].items():
        countries = by_country if isinstance(by_country, Mapping) else {"*": by_country}
        for country, amount in countries.items():
            yield _price(entry["carrier"], {**defaults, "channel": channel, "country": country, "amount": amount})
    for change in entry.get("changes") or ():
        if not isinstance(change, Mapping):
            raise _WrongEntry(f"the entry {change!r} needs channel, amount (a number) and dates like 2026-01-01")
        yield _price(entry["carrier"], {**defaults, **change})


def _price(carrier: str, stated: Mapping[str, Any]) -> Price:
    """One price as it is stated: every value is a text."""
    try:
        channel, country, currency = stated["channel"], stated["country"], stated["currency"]
        amount = Decimal(stated["amount"])
        start = date.fromisoformat(stated["effective_from"])
    except (KeyError, TypeError, ValueError, InvalidOperation, AttributeError):
        raise _WrongEntry(
            f"the entry {dict(stated)!r} needs channel, amount (a number) and dates like 2026-01-01"
        ) from None
    if channel not in CHANNELS:
        raise _WrongEntry(f"there is no channel {channel}")
    if not amount.is_finite() or amount < 0 or amount != round(amount, 6) or amount >= 10**6:
        raise _WrongEntry(f"{stated['amount']} is not an amount with at most six decimals")
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
        raise _WrongEntry(f"{currency} is not a currency's three capital letters, such as EUR (ISO 4217)")
    if country != "*" and not (len(country) == 2 and country.isascii() and country.isupper()):
        raise _WrongEntry(f"{country} is not a two-letter country code")
    return Price(carrier, channel, None if country == "*" else country, amount, currency, start)
