"""What the search box finds. Each subject that can be found adds a function to :data:`portal.web.search.finding.FINDERS`."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from nightmail.access.permissions import Permission
from nightmail.errors import NightmailError
from nightmail.recipients.lookup import Recipient
from portal.state import Portal, PortalState
from portal.web.messages import redirect
from portal.web.recipients.routes import address_of, read
from portal.web.rendering import render
from portal.web.search.finding import Found, Group, find
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, anyone_signed_in
from portal.web.translating import gettext

router = APIRouter(include_in_schema=False)


@router.get("/search")
def search(
    request: Request,
    portal: PortalState,
    me: Annotated[SignedIn, anyone_signed_in],
    q: Annotated[str, Query()] = "",
) -> Response:
    """The pages, people and teams that fit."""
    wanted = q.strip()[:200]
    with portal.engine.connect() as connection:
        groups = find(connection, me, wanted) if wanted else ()
    return render(request, "search/results.html", wanted=wanted, groups=groups)


@router.post("/search")
def search_by_form(
    request: Request, portal: PortalState, me: Annotated[SignedIn, anyone_signed_in], form: FormSent
) -> Response:
    """Lead to whom an address or an external id means, which then stands in no page's address; else to what fits the words."""
    wanted = form.value("q", 200)
    readings = _readings(portal, me, wanted)
    if not readings:
        return redirect(request, f"/search?{urlencode({'q': wanted})}" if wanted else "/search")
    with portal.engine.connect() as connection:
        others = find(connection, me, wanted)
    if len(readings) == 1 and not others:
        return redirect(request, address_of(readings[0]))
    found = tuple(Found(address_of(each), each.shown, each.team or ", ".join(each.countries)) for each in readings)
    groups = (Group(gettext("Recipients"), found), *others)
    return render(request, "search/results.html", wanted=wanted, groups=groups)


def _readings(portal: Portal, me: SignedIn, wanted: str) -> list[Recipient]:
    """The recipients that a text can mean; an email address that no message is known of may be a colleague's."""
    if not wanted or not me.may(Permission.MESSAGE_SEE):
        return []
    try:
        found = read(portal, me, wanted)
    except NightmailError:
        return []
    return [each for each in found if each.known or "@" not in wanted]
