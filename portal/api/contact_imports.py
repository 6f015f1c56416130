"""Imports into the address book: a file is looked at, then applied, and can be taken back; all of it in the background."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection
from starlette.requests import ClientDisconnect

from nightmail.access.api_keys import Program
from nightmail.access.permissions import Permission
from nightmail.contacts.import_answers import write_refused_rows
from nightmail.contacts.import_modes import ImportMode
from nightmail.contacts.import_rows import (
    ImportRow,
    ImportSettings,
    find_import,
    list_imports,
    read_import,
    take_import,
)
from nightmail.contacts.imports import discard_import
from nightmail.intake.import_work import order_apply, order_undo
from nightmail.lake import Lake
from nightmail.organisation.feed_choices import Keep
from portal.api.authentication import ContactImporter, ContactReader, RefusedRowsReader
from portal.api.errors import errors
from portal.api.idempotency import Answer, IdempotencyKey, answer_once, request_hash
from portal.api.pages_of import Cursor, Limit, Page, cursor_of, link_to_next, position_of
from portal.api.strict_query import refuse_unknown_query
from portal.api.uploads import StoredUpload, UploadFile, one_more_upload, stated_digest
from portal.api.visibility import visible_team
from portal.csv_files import PRIVATE, csv_file_answer
from portal.problems import RequestError
from portal.state import Portal, PortalState

router = APIRouter(
    prefix="/v1/contacts/imports", tags=["contact imports"], dependencies=[Depends(refuse_unknown_query)]
)

Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="The import's number", examples=[1])]
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file as it is.",
        "content": {
            "text/csv": {
                "schema": {"type": "string", "format": "binary"},
                "examples": {
                    "people": {
                        "summary": "Two contacts",
                        "value": "external_id,name,phone,email\nC1,Ann Lee,+447400123456,ann@example.com\n"
                        "C2,Bo Berg,+491701234567,\n",
                    }
                },
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class ContactImport(BaseModel):
    """A file that came for the address book."""

    id: int
    team: str = Field(examples=["acme.billing"])
    feed: str | None
    source: str = Field(description="`api`, `sftp`, `portal` or `command`", examples=["api"])
    kind: str = Field(description="`contacts`, or `preferences`: what contacts chose", examples=["contacts"])
    mode: str = Field(description="`add`, `update`, `replace` or `remove`", examples=["update"])
    name: str = Field(examples=["people.csv"])
    size: int = Field(description="Bytes as uploaded", examples=[4711])
    sha256: str
    state: str = Field(
        description="`received` (being looked at), `checked` (nothing is changed yet), `applying`, `applied`, `undoing`, `undone`, "
        "`discarded` or `refused`",
        examples=["checked"],
    )
    progress: dict[str, Any] | None = Field(
        description="How far the work on it is: `stage`, `done` and, where it is known, `total`",
        examples=[{"stage": "rows", "done": 200000, "total": 1000000}],
    )
    counts: dict[str, Any] = Field(
        description="`rows`, `new`, `changed`, `equal`, `removed`, `unknown`, `refused`, `duplicates`, and rows by reason"
    )
    waits_for: dict[str, Any] | None = Field(description="Why it is applied only with `although`")
    problem: dict[str, Any] | None = Field(description="Why it was refused")
    created_at: dt.datetime
    created_by: str
    applied_at: dt.datetime | None
    applied_by: str | None
    undone_at: dt.datetime | None
    undone_by: str | None
    forgotten_at: dt.datetime | None = Field(
        description="When its file and what it found were deleted, after the team's days: there is no way back since"
    )
    undone: dict[str, Any] | None = Field(description="What taking it back did; `changed_since` were left as they are")


class Applying(BaseModel):
    """How an import is applied."""

    model_config = ConfigDict(extra="forbid")
    although: bool = Field(False, description="Apply it even if it removes or changes a large share of the contacts")


def as_import(row: ImportRow) -> ContactImport:
    """The import as the API shows it: without anybody's data."""
    return ContactImport.model_validate({name: getattr(row, name) for name in ContactImport.model_fields})


@router.post(
    "",
    status_code=202,
    response_model=ContactImport,
    summary="Bring a contact file, to see what it would change",
    openapi_extra=_BODY,
    responses=errors(
        *("team_unknown", "file_too_large", "file_empty", "upload_truncated", "request_too_slow", "storage_full"),
        *("idempotency_in_progress", "idempotency_key_reused"),
    ),
)
async def bring(
    *,
    request: Request,
    program: ContactImporter,
    portal: PortalState,
    mode: Annotated[ImportMode, Query(description="What it does to contacts that are there, or are not")],
    name: Annotated[
        str,
        Query(
            description="The file's name; its ending says what it is",
            max_length=200,
            min_length=1,
            pattern=r"^[^\x00-\x1f/\\]+$",
            examples=["people.csv"],
        ),
    ],
    team: Annotated[
        str | None,
        Query(description="Whose contacts; by default the key's team", max_length=250, pattern=r"^[a-z0-9_.]+$"),
    ] = None,
    keep: Annotated[
        Literal["first", "last", "most_complete"], Query(description="Which of several rows of one contact is taken")
    ] = "first",
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The file is stored whole or not at all, and looked at in the background: follow `Location` until its state is `checked`.

    Nothing is changed then: it says what would be. `POST .../apply` carries it out, and one that is not wanted is discarded.
    The columns are known by name, as in contact files that are sent; the attributes of the team are columns by their names.
    """
    wanted = team or program.team_path
    await run_in_threadpool(_team_is_there, portal, program, wanted)
    with one_more_upload(portal.uploads, program.actor):
        stored = await _received(request, portal, name)
    how = ImportSettings(keep=Keep(keep))
    return await run_in_threadpool(_taken, portal, program, stored, wanted, mode, how, idempotency_key)


async def _received(request: Request, portal: Portal, name: str) -> StoredUpload:
    file = UploadFile(portal.settings.incoming_dir, portal.settings.maximum_file_bytes)
    try:
        async for piece in request.stream():
            await file.write(piece)
        if file.size == 0:
            raise RequestError("file_empty")
        return await file.keep(name, stated_digest(request.headers))
    except ClientDisconnect:
        raise RequestError("upload_truncated", problem="the connection ended before its end") from None
    finally:
        file.discard()


def _team_is_there(portal: Portal, program: Program, team: str) -> None:
    with portal.engine.connect() as connection:
        visible_team(connection, program, team)


def _taken(
    portal: Portal,
    program: Program,
    stored: StoredUpload,
    team: str,
    mode: ImportMode,
    how: ImportSettings,
    idempotency_key: str | None,
) -> Response:
    kept = False

    def take(connection: Connection) -> Answer:
        nonlocal kept
        number = take_import(
            connection,
            team,
            mode,
            by=program.principal,
            source="api",
            name=stored.name,
            size=stored.size,
            sha256=stored.sha256,
            stored_path=stored.path,
            settings=how,
        )
        kept = True
        found = as_import(read_import(connection, number))
        return Answer(202, found.model_dump(mode="json"), {"Location": f"/v1/contacts/imports/{number}"})

    fingerprint = request_hash("imports", team, str(mode), str(how.keep), stored.name, stored.sha256)
    try:
        answer, repeated = answer_once(portal.engine, program, idempotency_key, fingerprint, take)
    except BaseException:
        stored.discard()
        raise
    if repeated or not kept:
        stored.discard()
    return answer.response(repeated=repeated)


@router.get(
    "", summary="The imports of a team and of those below it, the newest first", responses=errors("team_unknown")
)
def list_all(
    *,
    request: Request,
    response: Response,
    program: ContactReader,
    portal: PortalState,
    team: Annotated[
        str | None, Query(description="By default the key's team", max_length=250, pattern=r"^[a-z0-9_.]+$")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[ContactImport]:
    """Each with what it changed."""
    wanted = team or program.team_path
    with portal.engine.connect() as connection:
        visible_team(connection, program, wanted)
        rows = list_imports(connection, [wanted], before=position_of(cursor), limit=limit + 1)
    following = cursor_of(rows[limit - 1].id) if len(rows) > limit else None
    link_to_next(request, response, following)
    return Page(items=[as_import(row) for row in rows[:limit]], next=following)


@router.get("/{number}", summary="An import", responses=errors("import_unknown"))
def show(number: Number, program: ContactReader, portal: PortalState) -> ContactImport:
    """What it would change, or changed."""
    with portal.engine.connect() as connection:
        return as_import(find_import(connection, program.principal, number))


@router.post(
    "/{number}/apply",
    status_code=202,
    summary="Have an import applied",
    responses=errors(
        "import_unknown",
        "import_not_in_state",
        "import_removes_many",
        "import_changes_many",
        "import_rows_unclear",
        "import_file_gone",
    ),
)
def apply(
    number: Number, program: ContactImporter, portal: PortalState, order: Annotated[Applying, Body()]
) -> ContactImport:
    """It is applied in the background: `GET` it until its state is `applied`. To ask again changes nothing.

    One that removes or changes a large share of the contacts needs `although`. Where that comes up only while it is applied,
    it is `checked` again, with `waits_for`.
    """
    with portal.engine.begin() as connection:
        return as_import(order_apply(connection, number, by=program.principal, although=order.although))


@router.post("/{number}/discard", summary="Drop an import", responses=errors("import_unknown", "import_not_in_state"))
def discard(number: Number, program: ContactImporter, portal: PortalState) -> ContactImport:
    """Of one that is not applied: nothing is changed."""
    return as_import(discard_import(portal.engine, Lake(portal.settings.lake), number, by=program.principal))


@router.post(
    "/{number}/undo",
    status_code=202,
    summary="Have an import taken back",
    responses=errors("import_unknown", "import_not_in_state", "preference_no_way_back", "import_forgotten"),
)
def undo(number: Number, program: ContactImporter, portal: PortalState) -> ContactImport:
    """In the background: `GET` it until its state is `undone`. To ask again changes nothing.

    Everybody has the values from before then, and whom it made is removed. Who was changed since is left as they are.
    """
    with portal.engine.begin() as connection:
        return as_import(order_undo(connection, number, by=program.principal))


@router.get(
    "/{number}/rejects.csv",
    summary="The rows that were refused",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The original columns, then line, reason and message. Correct it and bring it again.",
            "content": {
                "text/csv": {
                    "schema": {"type": "string"},
                    "example": "external_id,phone,nightmail_line,nightmail_reason,nightmail_message\n"
                    "C2,12345,3,phone_invalid,12345 is not a valid phone number.\n",
                }
            },
        },
        **errors("import_unknown", "import_file_gone"),
    },
)
def rejects(number: Number, program: RefusedRowsReader, portal: PortalState) -> Response:
    """It holds personal data: `contact.see` does not suffice, `personal.see` is needed too."""
    with tempfile.TemporaryDirectory(prefix="nightmail-rejects-") as folder:
        written = FilePath(folder) / "rejects.csv"
        with portal.engine.begin() as connection:
            row = find_import(connection, program.principal, number, Permission.CONTACT_SEE)
            write_refused_rows(connection, Lake(portal.settings.lake), row, written, by=program.principal)
        return csv_file_answer(written, f"import-{number}.rejects", PRIVATE)
