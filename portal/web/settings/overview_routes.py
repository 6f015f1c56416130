"""Settings at a glance: each kind of part in a sentence, with how it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request, Response

from nightmail.inventory.overview import Counted, Kind, overview
from portal.problems import RequestError
from portal.state import PortalState
from portal.web.rendering import render
from portal.web.signed_in import SignedIn, anyone_signed_in
from portal.web.translating import marked

router = APIRouter(prefix="/settings", include_in_schema=False)


@dataclass(frozen=True)
class Area:
    """Where a kind of part is looked at. The texts are marked for translation."""

    address: str
    icon: str
    title: str
    about: str
    has_health: bool = True
    """Whether a part of this kind can be well or not."""


AREAS = {
    Kind.ACCOUNTS: Area(
        "/settings/carriers",
        "signal",
        marked("Carrier accounts"),
        marked("What messages are handed to: health, rates, what takes over, errors, addresses for the carrier"),
    ),
    Kind.SENDERS: Area(
        "/settings/senders",
        "identification",
        marked("Senders"),
        marked("Numbers, sender ids and mailboxes that messages come from"),
    ),
    Kind.MAILBOXES: Area(
        "/settings/mailboxes", "inbox", marked("Mailboxes"), marked("Where answers to emails are read, and how far")
    ),
    Kind.SERVERS: Area(
        "/settings/sftp-servers",
        "server-stack",
        marked("SFTP servers"),
        marked("Where files are dropped: last look, last error, folders, keys"),
    ),
    Kind.PRICES: Area(
        "/settings/prices",
        "calculator",
        marked("Prices"),
        marked("What carriers charge, since when, and which countries have no price"),
    ),
    Kind.CATEGORIES: Area(
        "/settings/categories",
        "tag",
        marked("Categories"),
        marked("Kinds of message: what each needs, and what it is exempt from"),
        has_health=False,
    ),
    Kind.WEBHOOKS: Area(
        "/settings/webhooks", "link", marked("Webhooks"), marked("Your addresses that are called at events")
    ),
    Kind.TEAMS: Area(
        "/settings/teams",
        "building-office-2",
        marked("Teams' settings"),
        marked("What the organisation and each team states, and what holds from above"),
        has_health=False,
    ),
}


@dataclass(frozen=True)
class Line:
    """A kind of part as the overview shows it."""

    area: Area
    counted: Counted


@router.get("")
def show_overview(request: Request, portal: PortalState, me: Annotated[SignedIn, anyone_signed_in]) -> Response:
    """What this person may see of what is set up."""
    with portal.engine.connect() as connection:
        counted = overview(connection, me.principal)
    if not counted:
        raise RequestError("not_found", what="page")
    lines = [Line(AREAS[each.kind], each) for each in counted]
    return render(request, "settings/overview.html", lines=lines, me=me)
