"""The link that `nightmail demo --keep` prints: it logs in once, in the sandbox only."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from nightmail.access.authentication_policy import DEMONSTRATION
from nightmail.access.demonstration import enter_demonstration
from portal.state import PortalState
from portal.web.login.entering import Proof, enter, limit_starts
from portal.web.login.routes import Anybody

router = APIRouter(include_in_schema=False)


@router.get("/demonstration/{token}")
def demonstration(
    token: Annotated[str, Path(max_length=200)], request: Request, portal: PortalState, who: Anybody
) -> Response:
    """Log the link's person in and lead home. The link is used by opening it: nobody is to be sent one by email."""
    limit_starts(request, portal)
    with portal.engine.begin() as connection:
        person_id = enter_demonstration(connection, token)
    return enter(request, portal, who, Proof(person_id, (DEMONSTRATION,), "/"))
