"""What people must look at: listed, and closed."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, Field

from nightmail.campaigns.alerts import AlertRow, close_alerts, get_alert, list_alerts
from portal.api.authentication import AlertCloser, AlertReader
from portal.api.errors import errors
from portal.api.pages_of import Cursor, Limit, Page, cursor_of, link_to_next, position_of
from portal.api.strict_query import refuse_unknown_query
from portal.api.visibility import sees, sees_those_of_all
from portal.problems import RequestError
from portal.state import PortalState

router = APIRouter(prefix="/v1/alerts", tags=["alerts"], dependencies=[Depends(refuse_unknown_query)])


class AlertOut(BaseModel):
    """Something that a person must look at."""

    id: int
    reason: str = Field(description="Its code: `GET /problems/{reason}` explains it", examples=["in_doubt"])
    subject: str = Field(
        description="What it is about; repeats of one matter are one alert",
        examples=["campaign:2026-11-23.acme.billing.7f3a9c"],
    )
    message: str = Field(examples=["3 messages are in doubt: it is not known whether the carrier took them."])
    since: dt.datetime
    last_at: dt.datetime = Field(description="When it was last raised")
    times: int = Field(description="How often it was raised", examples=[1])
    team: str | None = Field(description="Whose it is; null: the deployment's as a whole", examples=["acme.billing"])
    campaign: str | None = Field(examples=["2026-11-23.acme.billing.7f3a9c"])
    closed_at: dt.datetime | None = Field(description="When its cause was over, or a person closed it")
    closed_by: str | None = Field(description="Who closed it; null: it ended as its cause was over", examples=["key:7"])
    closed_why: str | None = Field(description="What they said why")


@router.get("", summary="What people must look at, newest first", responses=errors())
def list_all(
    *,
    request: Request,
    response: Response,
    program: AlertReader,
    portal: PortalState,
    closed: Annotated[bool, Query(description="Also those that are closed")] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[AlertOut]:
    """Of your team and of the teams below; for a key of the one team at the top also those of the deployment as a whole."""
    position = position_of(cursor)
    with portal.engine.connect() as connection:
        rows = list_alerts(
            connection,
            team=program.team_path,
            and_of_all=sees_those_of_all(connection, program),
            closed=closed,
            before_id=position,
            limit=limit + 1,
        )
    following = cursor_of(rows[limit - 1].id) if len(rows) > limit else None
    link_to_next(request, response, following)
    return Page(items=[_out(row) for row in rows[:limit]], next=following)


@router.post("/{alert_id}/close", summary="Close an alert", responses=errors("alert_unknown"))
def close(
    alert_id: Annotated[int, Path(ge=1, le=2**31 - 1, description="The alert's number", examples=[1])],
    program: AlertCloser,
    portal: PortalState,
) -> AlertOut:
    """It is dealt with. To close what is closed changes nothing; while its cause lasts it is raised again."""
    with portal.engine.begin() as connection:
        row = get_alert(connection, alert_id)
        if not (sees_those_of_all(connection, program) if row.team is None else sees(program, row.team)):
            raise RequestError("alert_unknown", alert=alert_id)
        (row,) = close_alerts(connection, [alert_id], actor=program.actor)
    return _out(row)


def _out(row: AlertRow) -> AlertOut:
    return AlertOut(**row.as_dict())
