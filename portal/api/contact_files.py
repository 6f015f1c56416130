"""Uploads of contact files: streamed to the disk, then registered as one that came by SFTP is."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field
from sqlalchemy import Connection
from starlette.requests import ClientDisconnect

from nightmail.access.api_keys import Program
from nightmail.campaigns.campaign_rows import get_campaign
from nightmail.forecasts.finish_estimates import rows_in
from nightmail.forecasts.finish_forecast import FinishForecast
from nightmail.forecasts.recorded_forecasts import recorded_forecast
from nightmail.intake.arrivals import Arrival
from nightmail.intake.received_files import find_received_file
from nightmail.intake.taken_uploads import take_upload
from nightmail.intake.upload_rights import require_upload
from nightmail.reasons import Surface, remedy, sentence
from nightmail.stated_times import SendIn
from portal.api.authentication import CampaignReader, Uploader
from portal.api.campaigns import Ending
from portal.api.errors import errors
from portal.api.idempotency import Answer, IdempotencyKey, answer_once, request_hash
from portal.api.strict_query import refuse_unknown_query
from portal.api.upload_orders import SEND_IN_DESCRIPTION, UploadOrder, missing, start_asked_for
from portal.api.uploads import FormUpload, StoredUpload, UploadFile, form_boundary, one_more_upload, stated_digest
from portal.api.visibility import FEED_DESCRIPTION, FEED_PATTERN, sees, visible_feed
from portal.problems import CONTENT_TYPE, RequestError, problem_document
from portal.state import Portal, PortalState

router = APIRouter(prefix="/v1/contact-files", tags=["contact files"], dependencies=[Depends(refuse_unknown_query)])

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file as it is, with its name in `name`; or a form with the parts `feed` and `file`.",
        "content": {
            "text/csv": {
                "schema": {"type": "string", "format": "binary"},
                "examples": {
                    "bills": {
                        "summary": "Three bills",
                        "value": "external_id,phone,first_name,amount\n"
                        "1001,+491701234567,Anna,12.50\n1002,+33612345678,Benoît,8.00\n1003,+447400123456,Carol,31.20\n",
                    }
                },
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["feed", "file"],
                    "properties": {
                        "feed": {"type": "string", "description": FEED_DESCRIPTION},
                        "file": {"type": "string", "format": "binary"},
                        "again": {"type": "boolean", "default": False},
                        "at": {"type": "string", "format": "date-time"},
                        "send_in": {"type": "string", "enum": ["team", "recipient"]},
                    },
                }
            },
        },
    }
}


class ContactFile(Ending):
    """A contact file that was uploaded."""

    id: int
    name: str = Field(examples=["bills.csv"])
    feed: str | None = Field(examples=["invoices"])
    team: str = Field(examples=["acme.billing"])
    source: str = Field(description="`api`, `sftp`, `portal` or `command`", examples=["api"])
    size: int = Field(description="Bytes as uploaded", examples=[4711])
    sha256: str | None
    state: str = Field(
        description="`taken`, `judged`, `repeated` (the same content came before) or `refused`", examples=["taken"]
    )
    campaign: str | None = Field(
        description="The key of the campaign that it became", examples=["2026-11-23.acme.billing.7f3a9c"]
    )
    received_at: dt.datetime
    problem: dict[str, Any] | None = Field(description="Why it became no campaign")


@router.post(
    "",
    status_code=202,
    summary="Upload a contact file",
    response_model=ContactFile,
    openapi_extra=_BODY,
    responses={
        202: {
            "description": "The file is whole and stored. `Location` is its campaign, where all that follows can be seen.",
            "headers": {
                "Location": {"description": "The campaign's address", "schema": {"type": "string"}},
                "Idempotency-Replayed": {
                    "description": "`true` when this is the answer to an earlier request with the same key",
                    "schema": {"type": "string"},
                },
            },
        },
        **errors(
            "time_invalid",
            "feed_unknown",
            "file_already_taken",
            "idempotency_in_progress",
            "file_too_large",
            "upload_truncated",
            "request_too_slow",
            "idempotency_key_reused",
            "file_empty",
            "storage_full",
        ),
    },
)
async def upload(
    *,
    request: Request,
    program: Uploader,
    portal: PortalState,
    feed: Annotated[
        str | None, Query(description=FEED_DESCRIPTION, pattern=FEED_PATTERN, max_length=300, examples=["invoices"])
    ] = None,
    name: Annotated[
        str | None,
        Query(
            description="The file's name; its ending says what it is (`.csv`, `.xlsx`, `.csv.gz`, ...)",
            max_length=200,
            min_length=1,
            pattern=r"^[^\x00-\x1f/\\]+$",
            examples=["bills.csv"],
        ),
    ] = None,
    again: Annotated[bool, Query(description="Send the same content once more, on purpose")] = False,
    at: Annotated[
        dt.datetime | None,
        Query(
            description="When to start sending (RFC 3339); by default as the feed says. Without an offset it is in the "
            "time zone of the feed's team, or with `send_in=recipient` a time by each recipient's own clock. A time that is "
            "over by more than five minutes is refused"
        ),
    ] = None,
    send_in: Annotated[SendIn | None, Query(description=SEND_IN_DESCRIPTION)] = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Stream a file of any size up to the limit. It is stored whole or not at all, and becomes a campaign of the feed.

    The answer comes when the file is on the disk and registered. The rows are judged after that: follow `Location`.
    `late` says that by the number of its rows it ends after its cut-off; it is taken all the same.
    The header `Content-Digest: sha-256=:...:` (RFC 9530), if sent, is checked.
    """
    order = UploadOrder(feed, name, again, at, send_in)
    content_type = request.headers.get("content-type", "")
    is_form = content_type.partition(";")[0].strip().lower() == "multipart/form-data"
    digest = stated_digest(request.headers)
    if not is_form:
        if feed is None or name is None:
            raise missing("query", {"feed": feed, "name": name})
        # Before a byte of the file is read: a wrong feed must not cost an upload.
        await run_in_threadpool(_feed_is_there, portal, program, feed)
    boundary = form_boundary(content_type) if is_form else b""
    with one_more_upload(portal.uploads, program.actor):
        order, stored = await _received(request, portal, order, boundary, digest)
    return await run_in_threadpool(_register, portal, program, stored, order, idempotency_key)


async def _received(
    request: Request, portal: Portal, order: UploadOrder, boundary: bytes, digest: bytes | None
) -> tuple[UploadOrder, StoredUpload]:
    """Stream the body to the disk, as a form where there is a ``boundary``; gives the order with what the form states.

    Raises :class:`RequestError` for an upload that is not whole, too large, empty, or that lacks its feed or name.
    """
    file = UploadFile(portal.settings.incoming_dir, portal.settings.maximum_file_bytes)
    try:
        if boundary:
            form = FormUpload(boundary, file)
            await form.read(request.stream())
            order = order.completed_by(form)
        else:
            async for piece in request.stream():
                await file.write(piece)
        if order.feed is None or order.name is None:
            raise missing("body", {"feed": order.feed, "file": order.name})
        if file.size == 0:
            raise RequestError("file_empty")
        return order, await file.keep(order.name, None if boundary else digest)
    except ClientDisconnect:
        raise RequestError("upload_truncated", problem="the connection ended before its end") from None
    finally:
        file.discard()


def _feed_is_there(portal: Portal, program: Program, feed: str) -> None:
    with portal.engine.connect() as connection:
        require_upload(program.principal, visible_feed(connection, program, feed))


def _register(
    portal: Portal, program: Program, stored: StoredUpload, order: UploadOrder, idempotency_key: str | None
) -> Response:
    fingerprint = request_hash(
        "contact-files",
        order.feed or "",
        order.name or "",
        str(order.again),
        str(order.at),
        order.send_in or "",
        stored.sha256,
    )
    kept = False
    # Before the transaction: a file may be large, and others of the feed would wait.
    rows = rows_in(stored.path)

    def register(connection: Connection) -> Answer:
        nonlocal kept
        feed = visible_feed(connection, program, order.feed or "")
        arrival = Arrival(
            source="api",
            path=order.name or stored.name,
            name=stored.name,
            size=stored.size,
            sha256=stored.sha256,
            stored_path=stored.path,
        )
        start = start_asked_for(connection, feed, order.at, order.send_in, where="query")
        done = take_upload(connection, feed, arrival, by=program.principal, again=order.again, start=start, rows=rows)
        if done.state == "repeated" and done.campaign is not None:
            body = problem_document(
                409,
                "file_already_taken",
                sentence("file_already_taken", campaign=done.campaign.key),
                remedy("file_already_taken", Surface.API, campaign=done.campaign.key),
                campaign=done.campaign.key,
            )
            return Answer(409, body, {"Link": f'</v1/campaigns/{done.campaign.key}>; rel="related"'}, CONTENT_TYPE)
        kept = True
        found = _find(connection, program, done.file_id)
        address = f"/v1/campaigns/{found.campaign}" if found.campaign else f"/v1/contact-files/{found.id}"
        return Answer(202, found.model_dump(mode="json"), {"Location": address})

    try:
        answer, repeated = answer_once(portal.engine, program, idempotency_key, fingerprint, register)
    except BaseException:
        stored.discard()
        raise
    if repeated or not kept:
        stored.discard()
    return answer.response(repeated=repeated)


def _find(connection: Connection, program: Program, file_id: int) -> ContactFile:
    row = find_received_file(connection, file_id)
    if row is None or not sees(program, row.team):
        raise RequestError("file_unknown", file=file_id)
    campaign = None if row.campaign_id is None else get_campaign(connection, row.campaign_id)
    ending = FinishForecast(None, None) if campaign is None else recorded_forecast(campaign)
    return ContactFile(
        id=row.id,
        name=row.name,
        feed=row.feed,
        team=row.team,
        source=row.source,
        size=row.size,
        sha256=row.sha256,
        state=row.state,
        campaign=campaign and campaign.key,
        received_at=row.received_at,
        problem=row.problem,
        **ending.as_dict(),
    )


@router.get("/{file_id}", summary="An uploaded file", responses=errors("file_unknown"))
def show(
    program: CampaignReader,
    portal: PortalState,
    file_id: Annotated[int, Path(ge=1, le=2**31 - 1, description="The file's number", examples=[1])],
) -> ContactFile:
    """What became of one uploaded file."""
    with portal.engine.connect() as connection:
        return _find(connection, program, file_id)
