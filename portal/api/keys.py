"""API keys over the API: listed, made, rotated and revoked by programs that may, never beyond what they hold themselves."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from nightmail.access.key_changes import (
    LONGEST_NAME,
    LONGEST_OVERLAP,
    KeyRow,
    find_key,
    list_keys,
    new_key,
    revoke_key,
    rotate_key,
)
from nightmail.access.networks import MOST_NETWORKS
from nightmail.access.permissions import Permission
from portal.api.authentication import KeyEditor, KeyReader
from portal.api.errors import errors
from portal.api.pages_of import Cursor, Limit, Page, cursor_of, link_to_next, position_of
from portal.api.strict_query import refuse_unknown_query
from portal.api.visibility import visible_team
from portal.state import PortalState

router = APIRouter(prefix="/v1/keys", tags=["keys"], dependencies=[Depends(refuse_unknown_query)])

KeyNumber = Annotated[int, Path(ge=1, le=2**31 - 1, description="The key's number", examples=[1])]
_OVERLAP_HOURS = int(LONGEST_OVERLAP.total_seconds()) // 3_600


class KeyOut(BaseModel):
    """An API key, without its secret."""

    id: int
    team: str = Field(examples=["acme.billing"])
    name: str = Field(examples=["crm"])
    prefix: str = Field(description="How the key begins", examples=["nm_0a1b2c3d"])
    state: str = Field(
        description="`active`; `replaced`: taken until `expires_at`; `expired`; `revoked`", examples=["active"]
    )
    permissions: list[str] = Field(examples=[["file.upload", "campaign.see"]])
    created_at: dt.datetime
    created_by: str | None = Field(description="Who made it: a person, a key, or a user of the machine")
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None = Field(description="Right to within five minutes")
    revoked_at: dt.datetime | None
    allowed_networks: list[str] = Field(
        description="Where it may come from; empty: anywhere", examples=[["10.1.0.0/16"]]
    )
    replaced_by: str | None = Field(description="How the key begins that a rotation made in its place")


class NewKeyOut(KeyOut):
    """A key that was just made."""

    key: str = Field(description="The key itself. It is shown once.", examples=["nm_0a1b2c3d_..."])


class KeyOrder(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "crm", "permissions": ["file.upload"]}]}
    )

    name: str = Field(
        min_length=1, max_length=LONGEST_NAME, pattern=r"^[^/\x00-\x1f\x7f]+$", description="The program that uses it"
    )
    permissions: list[str] = Field(
        min_length=1, max_length=2 * len(Permission), description="Some of those that your own key has"
    )
    team: str | None = Field(
        None,
        max_length=200,
        pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$",
        description="Your team or one below; your own by default",
        examples=["acme.billing"],
    )
    expires_at: AwareDatetime | None = Field(None, description="When it ends; null: never")
    allowed_networks: list[Annotated[str, Field(max_length=60)]] = Field(
        [], max_length=MOST_NETWORKS, description="Networks (CIDR) that it may come from; empty: anywhere"
    )


class Rotation(BaseModel):
    """How a key is replaced."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"overlap_hours": 24}]})

    overlap_hours: int = Field(
        24, ge=0, le=_OVERLAP_HOURS, description="Hours for which the old key is taken beside the new one"
    )


def _out(row: KeyRow) -> KeyOut:
    return KeyOut(**row.as_dict())


def _new(row: KeyRow, secret: str, response: Response) -> NewKeyOut:
    response.headers["Cache-Control"] = "no-store"
    return NewKeyOut(**row.as_dict(), key=secret)


@router.get("", summary="API keys, newest first", responses=errors())
def list_all(
    *,
    request: Request,
    response: Response,
    program: KeyReader,
    portal: PortalState,
    over: Annotated[bool, Query(description="Also those that are revoked or expired")] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[KeyOut]:
    """Of your team and of the teams below."""
    position = position_of(cursor)
    before = None if position is None else min(position, 2**31 - 1)
    with portal.engine.connect() as connection:
        rows = list_keys(connection, program.principal, over=over, before=before, limit=limit + 1)
    following = cursor_of(rows[limit - 1].id) if len(rows) > limit else None
    link_to_next(request, response, following)
    return Page(items=[_out(row) for row in rows[:limit]], next=following)


@router.post(
    "",
    status_code=201,
    summary="Make an API key",
    responses=errors(
        *("team_unknown", "grant_exceeds_yours", "key_exists", "key_name", "key_over"),
        *("network_wrong", "permission_unknown"),
    ),
)
def make(order: Annotated[KeyOrder, Body()], program: KeyEditor, portal: PortalState, response: Response) -> NewKeyOut:
    """It gets no more than your own key holds. The answer has the key itself, this once."""
    team = order.team or program.team_path
    with portal.engine.begin() as connection:
        visible_team(connection, program, team)
        row, secret = new_key(
            connection,
            by=program.principal,
            team=team,
            name=order.name,
            permissions=order.permissions,
            expires_at=order.expires_at,
            allowed_networks=order.allowed_networks,
        )
    return _new(row, secret, response)


@router.post(
    "/{key_id}/rotate",
    status_code=201,
    summary="Make a key in the place of another",
    responses=errors("key_unknown", "grant_exceeds_yours", "key_state"),
)
def rotate(
    key_id: KeyNumber,
    rotation: Annotated[Rotation, Body()],
    program: KeyEditor,
    portal: PortalState,
    response: Response,
) -> NewKeyOut:
    """The new key has the same rights, and lasts as long; the old one is taken until the overlap is over."""
    with portal.engine.begin() as connection:
        found = find_key(connection, str(key_id), by=program.principal)
        row, secret = rotate_key(
            connection, found, by=program.principal, overlap=dt.timedelta(hours=rotation.overlap_hours)
        )
    return _new(row, secret, response)


@router.delete("/{key_id}", summary="Revoke an API key", responses=errors("key_unknown"))
def revoke(key_id: KeyNumber, program: KeyEditor, portal: PortalState) -> KeyOut:
    """The next request with it is refused. To revoke it again changes nothing."""
    with portal.engine.begin() as connection:
        return _out(
            revoke_key(connection, find_key(connection, str(key_id), by=program.principal), by=program.principal)
        )
