"""The page of categories: what each kind of message needs, and what it is exempt from."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from nightmail.access.permissions import Permission
from nightmail.inventory.categories import categories
from nightmail.inventory.excerpts import category_part, excerpt
from nightmail.inventory.sight import sight
from portal.state import PortalState
from portal.web.list_places import place_of, place_text
from portal.web.rendering import render
from portal.web.signed_in import SignedIn, needs

router = APIRouter(prefix="/settings/categories", include_in_schema=False)
PAGE = 50
KINDS = ("service", "marketing")


@router.get("")
def list_of_categories(
    request: Request,
    portal: PortalState,
    me: Annotated[SignedIn, needs(Permission.TEAM_SEE)],
    kind: Annotated[str, Query()] = "",
    after: Annotated[str, Query()] = "",
) -> Response:
    """The categories that this person's teams may use, and those of the teams themselves."""
    values = {"kind": kind if kind in KINDS else ""}
    place = place_of(after)
    with portal.engine.connect() as connection:
        found = categories(
            connection,
            sight(connection, me.principal, Permission.TEAM_SEE),
            kind=values["kind"] or None,
            after=place,
            limit=PAGE + 1,
        )
    chosen = {name: value for name, value in values.items() if value}
    last = found[PAGE - 1] if found[PAGE:] else None
    following = {**chosen, "after": place_text(last.name, last.id)} if last else None
    own = [category_part(category) for category in found[:PAGE] if not category.predefined]
    return render(
        request,
        "settings/categories.html",
        categories=found[:PAGE],
        values=values,
        filtered=bool(chosen),
        text=excerpt("categories", own) if own else None,
        newer=f"/settings/categories?{urlencode(chosen)}" if place else None,
        older=f"/settings/categories?{urlencode(following)}" if following else None,
    )
