"""Contacts that are probably one person: proposed, merged, kept apart, and the way back."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from nightmail.access.permissions import Permission
from nightmail.consent.merges import merge, undo_merge
from nightmail.contacts.contact_listing import find_contact
from nightmail.contacts.duplicates import proposals
from nightmail.contacts.merges import MergeRow, find_merge, keep_apart, list_merges
from portal.api.authentication import ContactEditor, ContactReader
from portal.api.contact_models import OwnTeam
from portal.api.errors import errors
from portal.api.strict_query import refuse_unknown_query
from portal.api.visibility import visible_team
from portal.state import PortalState

router = APIRouter(prefix="/v1/merges", tags=["contacts"], dependencies=[Depends(refuse_unknown_query)])

Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="The merge's number", examples=[1])]


class ProposalOut(BaseModel):
    """Two contacts of one team that are probably one person."""

    contacts: tuple[int, int]
    why: Literal["same_address", "near_name"]
    likeness: int = Field(description="Of 100")
    also: list[Literal["number_end", "mailbox", "birth_date"]] = Field(
        description="What they have in common beside nearly the same name"
    )


class MergeOrder(BaseModel):
    """What is said of two contacts."""

    model_config = ConfigDict(extra="forbid")

    keep: int = Field(ge=1, le=2**63 - 1, description="The number of the contact that stays")
    other: int = Field(ge=1, le=2**63 - 1, description="The number of the contact that goes")
    decision: Literal["merge", "keep_apart"] = Field(
        "merge", description="`keep_apart`: they are two people, and are not proposed again"
    )


class HeldOut(BaseModel):
    """Something that a merge holds."""

    what: str = Field(examples=["consent_withdrawn", "consent_expired", "consent_given", "topics", "paused_until"])
    team: str = Field(description="To which it was stated")
    category: str | None = None
    channel: str | None = Field(None, description="Null for all")
    until: dt.datetime | None = Field(None, description="When a consent ends now")
    value: Any = Field(None, description="Of a preference")


class MergeOut(BaseModel):
    """What was decided about two contacts."""

    id: int
    team: str = Field(examples=["acme.billing"])
    kept: int
    other: int
    merged_at: dt.datetime | None = Field(description="Null: they are two people")
    decided_at: dt.datetime
    decided_by: str
    undone_at: dt.datetime | None
    undone_by: str | None
    held: list[HeldOut] = Field(
        description="Where the two had stated different things: what restricts, and holds for both"
    )


@router.get("/proposals", summary="Contacts that are probably one person", responses=errors("team_unknown"))
def propose(
    *,
    program: ContactReader,
    portal: PortalState,
    team: OwnTeam = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[ProposalOut]:
    """Of one team, the likeliest first: the same address, or nearly the same name among the newest 50,000. Nothing is merged by itself."""
    with portal.engine.connect() as connection:
        owner = visible_team(connection, program, team or program.team_path)
        found = proposals(connection, owner, limit=limit)
    return [
        ProposalOut.model_validate(
            {
                "contacts": (each.first_id, each.second_id),
                "why": each.why,
                "likeness": each.likeness,
                "also": list(each.also),
            }
        )
        for each in found
    ]


@router.get("", summary="What was decided about two contacts, the newest first", responses=errors())
def list_all(program: ContactReader, portal: PortalState) -> list[MergeOut]:
    """Of your team and of those below it; the last 200."""
    with portal.engine.connect() as connection:
        return [_out(row) for row in list_merges(connection, (program.team_path,), limit=200)]


@router.post(
    "",
    status_code=201,
    summary="Merge two contacts, or keep them apart",
    responses=errors(
        *("contact_unknown", "contact_removed", "merge_of_two_teams", "merge_of_one", "merge_choices_differ"),
        "contact_changed_since",
    ),
)
def decide(order: Annotated[MergeOrder, Body()], program: ContactEditor, portal: PortalState) -> MergeOut:
    """The one that stays keeps its values and gets what it has not. What either asked to end holds for both (`held`)."""
    by = program.principal
    with portal.engine.begin() as connection:
        kept = find_contact(connection, by, order.keep, Permission.CONTACT_EDIT)
        other = find_contact(connection, by, order.other, Permission.CONTACT_EDIT)
        if order.decision == "merge":
            _, number = merge(connection, kept, other, by=by, key=portal.settings.key())
        else:
            number = keep_apart(connection, kept, other, by=by)
        return _out(find_merge(connection, by, number))


@router.post("/{number}/undo", summary="Take a merge back", responses=errors("merge_unknown", "merge_not_undone"))
def undo(number: Number, program: ContactEditor, portal: PortalState) -> MergeOut:
    """Both are as they were; what was asked to end since holds for both. Once one of them was changed it is too late."""
    by = program.principal
    with portal.engine.begin() as connection:
        undo_merge(connection, find_merge(connection, by, number), by=by, key=portal.settings.key())
        return _out(find_merge(connection, by, number))


def _out(row: MergeRow) -> MergeOut:
    return MergeOut(
        id=row.id,
        team=row.team,
        kept=row.kept_id,
        other=row.other_id,
        merged_at=row.merged_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        undone_at=row.undone_at,
        undone_by=row.undone_by,
        held=[HeldOut(**each) for each in row.before.get("choices", {}).get("held", ())],
    )
