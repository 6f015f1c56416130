"""What messages cost: units of what the channel charges for, times the price of the recipient's country on the day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake.schemas import MONEY
from nightmail.organisation.prices import PriceList

_MICRO = Decimal(1_000_000)


@dataclass(frozen=True)
class Costs:
    """The costs of some messages, and their sums."""

    amounts: pa.Array
    """By message, null where no price is known."""
    currencies: pa.Array
    """By message, null where no price is known."""
    unit_micros: npt.NDArray[np.int64]
    """The price of a unit of each message, in millionths of its currency; 0 where none is known."""
    totals: Mapping[str, Decimal]
    """By currency."""
    unpriced: int
    """Messages without a price."""


class Pricing:
    """Prices messages by one price list, of one day; without a list, messages have no cost."""

    def __init__(self, prices: PriceList | None, carriers: Mapping[str, str], day: date) -> None:
        self._prices = prices
        self._carriers = carriers
        self._day = day
        self._found: dict[tuple[str, str | None], tuple[int, str] | None] = {}

    def costs(self, channel: str, country: pa.Array, units: npt.NDArray[np.int64]) -> Costs:
        """The costs of messages on a channel to these countries, of so many units each."""
        count = len(units)
        if self._prices is None:
            nothing = np.zeros(count, dtype=np.int64)
            return Costs(pa.nulls(count, MONEY), pa.nulls(count, pa.string()), nothing, {}, 0)
        encoded = country.dictionary_encode()
        codes = pc.fill_null(encoded.indices, len(encoded.dictionary)).to_numpy(zero_copy_only=False)
        found = [self._price(self._prices, channel, code) for code in [*encoded.dictionary.to_pylist(), None]]
        unit_micros = np.array([0 if price is None else price[0] for price in found], dtype=np.int64)[codes]
        micros = unit_micros * units
        priced = np.array([price is not None for price in found], dtype=bool)[codes]
        currency = pa.array([None if price is None else price[1] for price in found], pa.string()).take(pa.array(codes))
        totals: dict[str, Decimal] = {}
        for code in np.unique(codes).tolist():
            price = found[code]
            if price is not None:
                amount = Decimal(int(micros[codes == code].sum())) / _MICRO
                totals[price[1]] = totals.get(price[1], Decimal(0)) + amount
        words = np.zeros((count, 2), dtype=np.int64)
        words[:, 0] = micros
        validity = None if priced.all() else pa.py_buffer(np.packbits(priced, bitorder="little").tobytes())
        amounts = pa.Array.from_buffers(MONEY, count, [validity, pa.py_buffer(words)])
        return Costs(amounts, currency, unit_micros, totals, int((~priced).sum()))

    def _price(self, prices: PriceList, channel: str, country: str | None) -> tuple[int, str] | None:
        """Millionths of the currency, and the currency."""
        key = (channel, country)
        if key not in self._found:
            carriers = prices.carriers(channel)
            carrier = self._carriers.get(channel) or (carriers[0] if carriers else "")
            price = prices.price(carrier, channel, country, self._day)
            self._found[key] = None if price is None else (int(price.amount * _MICRO), price.currency)
        return self._found[key]
