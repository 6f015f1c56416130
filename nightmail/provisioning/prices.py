"""Prices of an organisation, brought into the database: lists of their own files, and single prices, which win over them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from sqlalchemy import insert, select, update

from nightmail.organisation.prices import load_prices
from nightmail.provisioning.organisation import Organisation
from nightmail.provisioning.setup import CHANGE, CREATE, KEEP, Change, Setup
from nightmail.store import tables

PriceKey = tuple[str, str, str | None, dt.date]
"""A price's carrier, channel, country and first day."""


def set_up_prices(work: Setup, organisation: Organisation) -> set[PriceKey]:
    """Bring in all prices at once, as a price list has thousands; gives those that the file names."""
    wanted: dict[PriceKey, tuple[Decimal, str]] = {}
    for file in organisation.price_lists:
        for price in load_prices(work.path(file)).prices:
            key = (price.carrier, price.channel, price.country, price.effective_from)
            wanted[key] = (price.amount, price.currency)
    for part in organisation.prices:
        wanted[part.carrier, part.channel, part.country, part.effective_from] = (part.amount, part.currency)
    if not wanted:
        return set()
    found = {
        (row.carrier, row.channel, row.country, row.effective_from): (row.id, row.amount, row.currency)
        for row in work.connection.execute(select(tables.Price.__table__))
    }
    new = [key for key in wanted if key not in found]
    other = [key for key in wanted if key in found and found[key][1:] != wanted[key]]
    if new:
        work.connection.execute(
            insert(tables.Price),
            [
                {
                    "carrier": key[0],
                    "channel": key[1],
                    "country": key[2],
                    "effective_from": key[3],
                    "amount": wanted[key][0],
                    "currency": wanted[key][1],
                    "provisioned_by": work.organisation,
                }
                for key in new
            ],
        )
    for key in other:
        amount, currency = wanted[key]
        work.connection.execute(
            update(tables.Price).where(tables.Price.id == found[key][0]).values(amount=amount, currency=currency)
        )
    action = CREATE if new and not found else CHANGE if new or other else KEEP
    details = tuple(f"{len(keys)} {what}" for keys, what in ((new, "new"), (other, "changed")) if keys)
    work.changes.append(Change(action, "prices", f"{len(wanted)} entries", details))
    return set(wanted)
