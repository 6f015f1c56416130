"""The evidence of one contact's consents, and the texts that people are shown."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from nightmail.audit import record_look
from nightmail.consent.consents import add_text, texts_of
from nightmail.consent.evidence import evidence_of
from portal.api.authentication import ConsentEditor, ListReader
from portal.api.consents import ContactQuery, Said, TeamField, TeamQuery, contact_of
from portal.api.errors import errors
from portal.api.pages_of import Cursor, Limit, Page, cursor_of, link_to_next, position_of
from portal.api.strict_query import refuse_unknown_query
from portal.api.visibility import visible_team
from portal.state import PortalState

router = APIRouter(prefix="/v1/consents", tags=["consents"], dependencies=[Depends(refuse_unknown_query)])
_HIDDEN = ("source", "proof", "masked")
"""What is left out without `personal.see`."""


class EvidenceOut(BaseModel):
    """All that was stated by one contact, as of now."""

    model_config = ConfigDict(extra="allow")

    team: str
    contact: str | None = Field(description="As it was asked for; null without `personal.see`")
    contact_id: str
    made_at: dt.datetime
    holds_now: list[dict[str, Any]]
    consents: list[dict[str, Any]] = Field(
        description="What was given and withdrawn, with texts; sources and proofs are null without `personal.see`"
    )
    requests: list[dict[str, Any]] = Field(description="What was asked for, and how it was confirmed")
    preferences: list[dict[str, Any]] = Field(description="What was chosen, the oldest first")


class TextOut(BaseModel):
    """A version of a text."""

    team: str
    name: str
    version: int
    language: str | None
    text: str
    created_at: dt.datetime
    created_by: str


class NewText(BaseModel):
    """A text that people are shown when they agree."""

    model_config = ConfigDict(extra="forbid")

    name: Said = Field(examples=["newsletter-form"])
    text: Annotated[str, Field(min_length=1, max_length=20_000, pattern=r"^[^\x00]*\S[^\x00]*$")]
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)] | None = Field(
        None, examples=["en"]
    )
    team: TeamField = None


class TextKept(BaseModel):
    """The version that it became."""

    name: str
    version: int


@router.get("/evidence", summary="The evidence of what a contact agreed to", responses=errors("team_unknown"))
def evidence(*, program: ListReader, portal: PortalState, contact: ContactQuery, team: TeamQuery = None) -> EvidenceOut:
    """What `nightmail consents evidence` writes. That somebody with `personal.see` took it is in the audit log."""
    with portal.engine.begin() as connection:
        team_id, path, contact_id = contact_of(connection, program, portal, contact, team)
        found = evidence_of(connection, path, contact_id, contact=contact).as_dict()
        if program.sees_personal:
            record_look(
                connection,
                actor=program.actor,
                subject=f"contact:{contact_id}",
                team_id=team_id,
                shown=("consents",),
            )
    if not program.sees_personal:
        found["contact"] = None
        for row in (*found["consents"], *found["requests"]):
            row.update({name: None for name in _HIDDEN if name in row})
    return EvidenceOut.model_validate(found)


@router.get("/texts", summary="Texts that people are shown", responses=errors("team_unknown"))
def texts(
    *,
    request: Request,
    response: Response,
    program: ListReader,
    portal: PortalState,
    name: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]+$")] = None,
    team: TeamQuery = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[TextOut]:
    """Of the team and of those above it, all versions."""
    path = team or program.team_path
    with portal.engine.connect() as connection:
        visible_team(connection, program, path)
        rows = texts_of(connection, path, name=name, before=position_of(cursor), limit=limit + 1)
    shown = [TextOut.model_validate({key: getattr(row, key) for key in TextOut.model_fields}) for row in rows[:limit]]
    following = cursor_of(rows[limit - 1].id) if rows[limit:] else None
    link_to_next(request, response, following)
    return Page(items=shown, next=following)


@router.post("/texts", status_code=201, summary="Keep a text", responses=errors("team_unknown", "consent_text_empty"))
def keep_text(order: Annotated[NewText, Body()], program: ConsentEditor, portal: PortalState) -> TextKept:
    """As the next version of its name: a version that people have been shown stays as it is."""
    with portal.engine.begin() as connection:
        team_id = visible_team(connection, program, order.team or program.team_path)
        _, version = add_text(connection, team_id, order.name, order.text, language=order.language, actor=program.actor)
    return TextKept(name=order.name.strip(), version=version)
