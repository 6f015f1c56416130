"""What the search box finds. Each subject that can be found adds a function to :data:`portal.web.search.finding.FINDERS`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from portal.state import PortalState
from portal.web.rendering import render
from portal.web.search.finding import find
from portal.web.signed_in import SignedIn, anyone_signed_in

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
