"""The page of prices: what holds, what comes, and which countries have none."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from nightmail.access.permissions import Permission
from nightmail.channels import CHANNELS
from nightmail.inventory.excerpts import excerpt, price_part
from nightmail.inventory.prices import price_coverage, prices
from nightmail.inventory.sight import sight
from portal.state import PortalState
from portal.web.list_places import place_of, place_text
from portal.web.rendering import render
from portal.web.settings.words import channel_options, known_channel
from portal.web.signed_in import SignedIn, needs

router = APIRouter(prefix="/settings/prices", include_in_schema=False)
PAGE = 50
Reader = Annotated[SignedIn, needs(Permission.PRICE_SEE)]


def _filters(carrier: str, channel: str, country: str, past: str) -> dict[str, str]:
    """What was chosen; what cannot be a carrier or a country is dropped."""
    country = country.strip().upper()
    return {
        "carrier": carrier.strip() if re.fullmatch(r"[a-z0-9_ ]{0,60}", carrier) else "",
        "channel": known_channel(channel),
        "country": country if re.fullmatch(r"[A-Z]{2}|\*", country) else "",
        "past": "yes" if past == "yes" else "",
    }


@router.get("")
def list_of_prices(
    request: Request,
    portal: PortalState,
    me: Reader,
    carrier: Annotated[str, Query()] = "",
    channel: Annotated[str, Query()] = "",
    country: Annotated[str, Query()] = "",
    past: Annotated[str, Query()] = "",
    after: Annotated[str, Query()] = "",
) -> Response:
    """The prices of this person's organisation, and what has none."""
    values = _filters(carrier, channel, country, past)
    place = place_of(after)
    with portal.engine.connect() as connection:
        seen = sight(connection, me.principal, Permission.PRICE_SEE)
        coverage = price_coverage(connection, seen)
        found = prices(
            connection,
            seen,
            carrier=values["carrier"] or None,
            channel=values["channel"] or None,
            country=values["country"] or None,
            past=bool(values["past"]),
            after=place[0] if place else None,
            limit=PAGE + 1,
        )
    chosen = {name: value for name, value in values.items() if value}
    following = {**chosen, "after": place_text(found[PAGE - 1].sorted_by, 0)} if found[PAGE:] else None
    return render(
        request,
        "settings/prices.html",
        prices=found[:PAGE],
        coverage=coverage,
        carriers=sorted({each.carrier for each in coverage}),
        channels=CHANNELS,
        channel_options=channel_options(),
        values=values,
        filtered=bool(chosen),
        text=excerpt("prices", [price_part(price) for price in found[:PAGE]]) if found else None,
        newer=f"/settings/prices?{urlencode(chosen)}" if place else None,
        older=f"/settings/prices?{urlencode(following)}" if following else None,
    )
