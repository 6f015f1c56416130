"""What carriers charge: price lists by carrier, channel and country, with the days from which prices hold.

A price is per unit: an SMS segment, an email, a started minute of a call. A price for a country wins over the carrier's
price for all countries. Amounts are ``Decimal`` throughout, with at most six decimals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

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

        carrier: twilio
        currency: USD
        effective_from: 2026-01-01
        prices:
          sms: {"*": 0.0500, DE: 0.0915}
        changes:
          - {effective_from: 2027-01-01, channel: sms, country: DE, amount: 0.0950}

    Several lists may stand in one file, divided by ``---``. Raises :class:`ConfigurationError` naming what is wrong.
    """
    import yaml

    def wrong(detail: str) -> ConfigurationError:
        return ConfigurationError("price_list_invalid", file=path.name, problem=detail)

    try:
        # BaseLoader keeps every value as it is written: "NO" stays Norway and 0.10 stays exact.
        lists = list(yaml.load_all(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader))
    except (OSError, UnicodeDecodeError) as problem:
        raise wrong(f"it cannot be read ({type(problem).__name__})") from problem
    except yaml.YAMLError as problem:
        raise wrong(f"it is not YAML ({' '.join(str(problem).split())})") from problem
    prices: list[Price] = []
    for entry in lists:
        if not isinstance(entry, Mapping):
            raise wrong("a list must be a mapping with carrier, currency, effective_from and prices")
        missing = {"carrier", "currency", "effective_from", "prices"} - entry.keys()
        if missing:
            raise wrong(f"{', '.join(sorted(missing))} is missing")
        if not isinstance(entry["prices"], Mapping):
            raise wrong("prices must map channels to countries and amounts")
        rows: list[dict[str, Any]] = []
        for channel, by_country in entry["prices"].items():
            countries = by_country if isinstance(by_country, Mapping) else {"*": by_country}
            rows += [
                {"channel": channel, "country": country, "amount": amount} for country, amount in countries.items()
            ]
        rows += entry.get("changes") or []
        defaults = {"country": "*", "effective_from": entry["effective_from"], "currency": entry["currency"]}
        for stated in rows:
            try:
                row: dict[str, str] = {**defaults, **stated}
                channel, country = row["channel"], row["country"]
                amount = Decimal(row["amount"])
                start = date.fromisoformat(row["effective_from"])
            except (KeyError, TypeError, ValueError, InvalidOperation, AttributeError):
                raise wrong(
                    f"the entry {stated!r} needs channel, amount (a number) and dates like 2026-01-01"
                ) from None
            if channel not in CHANNELS:
                raise wrong(f"there is no channel {channel}")
            if not amount.is_finite() or amount < 0 or amount != round(amount, 6) or amount >= 10**6:
                raise wrong(f"{row['amount']} is not an amount with at most six decimals")
            if country != "*" and not (len(country) == 2 and country.isascii() and country.isupper()):
                raise wrong(f"{country} is not a two-letter country code")
            prices.append(
                Price(
                    carrier=entry["carrier"],
                    channel=channel,
                    country=None if country == "*" else country,
                    amount=amount,
                    currency=row["currency"],
                    effective_from=start,
                )
            )
    return PriceList(prices)
