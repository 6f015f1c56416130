"""Prices as administrators see them: what holds for which country since when, what comes, and which countries have none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, text

from nightmail.inventory import price_queries as queries
from nightmail.organisation.served_countries import SERVED_COUNTRIES


@dataclass(frozen=True, slots=True)
class PriceEntry:
    """One price; ``country`` ``None`` is for all countries without one of their own. ``holds`` is now, coming or past."""

    id: int
    carrier: str
    channel: str
    country: str | None
    amount: Decimal
    currency: str
    effective_from: dt.date
    provisioned_by: str | None
    holds: str

    @property
    def sorted_by(self) -> str:
        """What the list is sorted by: of one country the newest stands first."""
        turned = 99_999_999 - int(self.effective_from.strftime("%Y%m%d"))
        return f"{self.carrier} {self.channel} {self.country or ''} {turned:08d}"


@dataclass(frozen=True, slots=True)
class Coverage:
    """What one carrier has prices for on a channel today."""

    carrier: str
    channel: str
    for_all: bool
    countries: tuple[str, ...]
    """Countries with a price of their own."""
    currencies: tuple[str, ...]
    since: dt.date | None
    changed: dt.date | None

    @property
    def without(self) -> tuple[str, ...]:
        """The served countries that have no price, sorted."""
        return () if self.for_all else tuple(sorted(SERVED_COUNTRIES - set(self.countries)))


def prices(
    connection: Connection,
    seen: Sequence[str],
    *,
    carrier: str | None = None,
    channel: str | None = None,
    country: str | None = None,
    past: bool = False,
    after: str | None = None,
    limit: int = 100,
) -> list[PriceEntry]:
    """The prices that are seen, by carrier, channel and country, from the first one behind ``after`` (:attr:`~PriceEntry.sorted_by`).

    ``country`` ``*`` are the prices for all countries; with ``past`` also those that another one has taken the place of.
    """
    values = {
        "organisations": _organisations(seen),
        "carrier": carrier,
        "channel": channel,
        "country": country,
        "all": past,
        "after": after,
        "limit": limit,
    }
    return [PriceEntry(**row._mapping) for row in connection.execute(text(queries.PRICES), values)]


def price_coverage(connection: Connection, seen: Sequence[str]) -> list[Coverage]:
    """What has prices today, by carrier and channel; carriers and channels in use without any price are in it as well."""
    values = {"organisations": _organisations(seen)}
    found = {
        (row.carrier, row.channel): Coverage(
            row.carrier,
            row.channel,
            row.for_all,
            tuple(row.countries),
            tuple(row.currencies),
            row.since,
            row.changed,
        )
        for row in connection.execute(text(queries.PRICED_COUNTRIES), values)
    }
    for row in connection.execute(text(queries.PRICES_NEEDED), values):
        key = (row.carrier.removesuffix(f"_{row.channel}"), row.channel)
        if key not in found:
            found[key] = Coverage(*key, False, (), (), None, None)
    return [found[key] for key in sorted(found)]


def _organisations(seen: Sequence[str]) -> list[str]:
    return sorted({path.partition(".")[0] for path in seen})
