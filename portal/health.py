"""Whether the portal is up and can store: for load balancers, ``nightmail up`` and ``nightmail doctor``."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

import nightmail
from nightmail.store.clock import database_time
from portal.problems import Problem
from portal.state import PortalState

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """How the portal is."""

    status: str = Field(description="`well`, always, where the answer is 200")
    version: str
    receipts_stored: int = Field(description="Receipts and replies committed since the start")
    receipts_waiting: int = Field(description="Receipts and replies that wait for a commit")
    webhooks_refused: int = Field(description="Webhooks with a wrong signature since the start")


@router.get("/health", summary="Whether the portal is well", responses={503: {"model": Problem}})
def health(portal: PortalState, response: Response) -> Health:
    """200 when the portal answers and its database does; 503 otherwise."""
    with portal.engine.connect() as connection:
        database_time(connection)
    response.headers["Cache-Control"] = "no-store"
    return Health(
        status="well",
        version=getattr(nightmail, "__version__", "0.1.0"),
        receipts_stored=portal.queue.stored,
        receipts_waiting=portal.queue.waiting,
        webhooks_refused=portal.refused_webhooks.total,
    )
