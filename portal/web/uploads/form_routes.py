"""Giving a file in: the choice of a feed, the form, check before send, and the upload itself."""

from __future__ import annotations

import datetime as dt
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from nightmail.access.decisions import allowed
from nightmail.access.idempotency import StoredAnswer, claim_key, store_answer
from nightmail.access.permissions import Permission
from nightmail.contact_files.first_look import refuse_what_is_no_table
from nightmail.errors import NightmailError, UsageError
from nightmail.forecasts.finish_estimates import rows_in
from nightmail.intake.arrivals import Arrival
from nightmail.intake.feed_overviews import FeedOverview, feed_overview, list_feeds
from nightmail.intake.file_checks import FileCheck, check_file
from nightmail.intake.taken_uploads import take_upload
from nightmail.intake.upload_listing import Upload, find_upload
from nightmail.intake.upload_rights import may_upload
from nightmail.organisation.stored_feeds import FeedRow, feed_by_id
from nightmail.organisation.stored_templates import content_of_newest
from nightmail.preparation.feed_contracts import FeedContract, book_contract, feed_contract
from nightmail.stated_times import SendIn, StatedStart, stated_start
from nightmail.store.clock import database_time
from nightmail.templates import stored_template
from portal.api.uploads import StoredUpload
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.list_places import place_of, place_text
from portal.web.messages import redirect, tell
from portal.web.refusals import at_its_field
from portal.web.rendering import page_headers, render
from portal.web.signed_in import SignedIn, needs, streams_its_form
from portal.web.translating import gettext
from portal.web.uploads.receiving import UPLOAD_FORM, ReceivedForm, receive_form

router = APIRouter(include_in_schema=False)
PAGE = 50
CHECKED_AT_MOST = 50_000_000
"""Bytes of a file that is checked here: a larger one takes long, and its upload is checked by the pipeline anyway."""
FIELDS = {
    "time_invalid": "at",
    "request_invalid": "at",
    "feed_unknown": "",
    "file_unknown": "",
    "too_many_requests": "",
}
"""The field that a refusal is about; any other is about the file."""
Uploader = Annotated[SignedIn, needs(Permission.FILE_UPLOAD)]


@dataclass(frozen=True)
class Target:
    """The feed that a file is for, what it must be, and the file whose rejects it corrects."""

    feed: FeedOverview
    row: FeedRow
    contract: FeedContract
    corrects: Upload | None


@router.get("/uploads/new")
def upload_form(
    request: Request,
    portal: PortalState,
    me: Uploader,
    feed: Annotated[str, Query(max_length=20)] = "",
    corrects: Annotated[str, Query(max_length=20)] = "",
    search: Annotated[str, Query(max_length=400)] = "",
    after: Annotated[str, Query()] = "",
) -> Response:
    """The form of one feed; without a feed, the choice of one."""
    if feed or corrects:
        return _form(request, portal, me, _target(portal, me, feed, corrects), {})
    words = search.replace("\x00", "").strip()
    with portal.engine.connect() as connection:
        teams = me.teams(Permission.FILE_UPLOAD)
        feeds = list_feeds(
            connection, teams, search=words, uploader=me.principal, after=place_of(after), limit=PAGE + 1
        )
    if len(feeds) == 1 and not words and not after:
        return _form(request, portal, me, _target(portal, me, str(feeds[0].id), ""), {})
    return render(
        request,
        "uploads/choose.html",
        feeds=feeds[:PAGE],
        values={"search": words},
        following=place_text(*feeds[PAGE - 1].place) if feeds[PAGE:] else None,
    )


@router.post(UPLOAD_FORM)
@streams_its_form
async def give_in(request: Request, portal: PortalState, me: Uploader) -> Response:
    """Take a file, or check it alone. One form is taken once, however often it is sent."""
    received = await receive_form(request, portal, me)
    return await run_in_threadpool(_answer, request, portal, me, received)


def _answer(request: Request, portal: Portal, me: SignedIn, received: ReceivedForm) -> Response:
    stored = received.stored
    kept = False
    try:
        target = _target(portal, me, received.value("feed"), received.value("corrects"))
        values = {name: received.value(name) for name in ("at", "send_in", "again")}
        if stored is None:
            error = received.problem
            errors = {"file": gettext("Choose a file.")} if error is None else at_its_field(error, _fields(error))
            return _form(request, portal, me, target, values, errors)
        try:
            refuse_what_is_no_table(stored.path, stored.name)
            if received.value("action") == "check":
                return _checked(request, portal, me, target, stored, values)
            upload_id, kept, earlier = _taken(portal, me, target, stored, received)
        except RequestError as error:
            if error.reason == "not_found":
                raise
            return _form(request, portal, me, target, values, at_its_field(error, _fields(error)))
        except NightmailError as error:
            return _form(request, portal, me, target, values, at_its_field(error, _fields(error)))
        if earlier:
            return _form(request, portal, me, target, values, {"file": _taken_before(earlier)}, taken_before=earlier)
    finally:
        if stored is not None and not kept:
            stored.discard()
    return _led_on(request, me, target, upload_id)


def _led_on(request: Request, me: SignedIn, target: Target, upload_id: int) -> Response:
    """To the upload's page; a script, which shows how far the upload is, is told the address."""
    sees = allowed(me.principal, Permission.FILE_SEE, target.row.team).yes
    address = f"/uploads/{upload_id}" if sees else f"/uploads/new?feed={target.feed.id}"
    message = gettext("The file is taken. Its rows are being checked.")
    if request.headers.get("x-sent-by") == "script":
        answer = JSONResponse({"address": address}, headers=page_headers(request))
        tell(request, answer, message)
        return answer
    return redirect(request, address, message)


def _fields(error: NightmailError) -> dict[str, str]:
    return FIELDS if error.reason in FIELDS else {error.reason: "file"}


def _taken_before(campaign: str) -> str:
    return gettext(
        "The same content was taken before, as campaign %(campaign)s. Nothing was sent again. To send it again on purpose, tick that below."
    ) % {"campaign": campaign}


def _target(portal: Portal, me: SignedIn, feed: str, corrects: str) -> Target:
    """The feed of a number, or of the file that is corrected. What one may not see or upload to is not there."""
    with portal.engine.connect() as connection:
        corrected = None
        if corrects:
            corrected = find_upload(connection, me.teams(Permission.FILE_SEE), _number(corrects))
            if corrected is None or corrected.feed_id is None:
                raise RequestError("not_found", what="page")
        number = corrected.feed_id if corrected else _number(feed)
        found = feed_overview(connection, me.teams(Permission.FILE_UPLOAD), number or 0)
        if found is None or not may_upload(me.principal, found.team, found.kind):
            raise RequestError("not_found", what="page")
        row = feed_by_id(connection, found.id)
        if not row.settings.sends:
            return Target(found, row, book_contract(row.settings), corrected)
        template = stored_template(content_of_newest(connection, row.sent_template))
    return Target(found, row, feed_contract(template, row.settings), corrected)


def _number(written: str) -> int:
    if not written.isascii() or not written.isdigit() or len(written) > 9:
        raise RequestError("not_found", what="page")
    return int(written)


def _taken(
    portal: Portal, me: SignedIn, target: Target, stored: StoredUpload, received: ReceivedForm
) -> tuple[int, bool, str | None]:
    """Register a file: its number, whether its content is kept, and the campaign of the same content from before."""
    again, at = bool(received.value("again")), received.value("at")
    rows = rows_in(stored.path)
    said = (received.value("key", 80), str(target.feed.id), stored.sha256, at, str(again))
    fingerprint = sha256("\n".join((*said, received.value("send_in"), received.value("corrects"))).encode())
    with portal.engine.begin() as connection:
        key = f"page-{fingerprint.hexdigest()}"
        before = claim_key(connection, target.row.team_id, key, fingerprint.digest())
        if before is not None:
            return int(before.response["file"]), False, None
        start = _start(connection, target.row, at, received.value("send_in"))
        arrival = Arrival(
            source="portal",
            path=stored.name,
            name=stored.name,
            size=stored.size,
            sha256=stored.sha256,
            stored_path=stored.path,
            corrects_id=target.corrects.id if target.corrects else None,
        )
        done = take_upload(connection, target.row, arrival, by=me.principal, again=again, start=start, rows=rows)
        store_answer(connection, target.row.team_id, key, StoredAnswer(303, {"file": done.file_id}))
    earlier = done.campaign.key if done.state == "repeated" and done.campaign else None
    return done.file_id, done.state != "repeated", earlier


def _start(connection: Connection, feed: FeedRow, at: str, send_in: str) -> StatedStart | None:
    """The start that was typed, by the clocks of the feed's team or each recipient's. Raises an error (``time_invalid``)."""
    if not at:
        return None
    try:
        moment = dt.datetime.fromisoformat(at)
    except ValueError:
        raise UsageError("time_invalid", value=at[:40], problem=gettext("it is not a time")) from None
    whose: SendIn = "recipient" if send_in == "recipient" else "team"
    return stated_start(moment.replace(tzinfo=None), feed.time_zone, database_time(connection), whose)


def _checked(
    request: Request, portal: Portal, me: SignedIn, target: Target, stored: StoredUpload, values: dict[str, str]
) -> Response:
    """What would become of a file: nothing of it is kept, and nothing is sent."""
    if stored.size > CHECKED_AT_MOST:
        error = {
            "file": gettext("It is too large to be checked here. Uploaded, it is checked before anything is sent.")
        }
        return _form(request, portal, me, target, values, error)
    if not portal.checks.acquire(timeout=30):
        return _form(
            request, portal, me, target, values, {"": gettext("Other files are being checked. Try again in a minute.")}
        )
    folder = Path(tempfile.mkdtemp(prefix="nightmail-check-"))
    try:
        check: FileCheck = check_file(portal.engine, target.feed.full_name, stored.path, portal.settings, folder)
    finally:
        portal.checks.release()
        shutil.rmtree(folder, ignore_errors=True)
    return render(
        request,
        "uploads/checked.html",
        target=target,
        name=stored.name,
        check=check,
        verdict=check.verdict,
        problems=[problem.as_dict() for problem in check.problems],
        personal=allowed(me.principal, Permission.PERSONAL_SEE, target.row.team).yes,
    )


def _form(
    request: Request,
    portal: Portal,
    me: SignedIn,
    target: Target,
    values: dict[str, Any],
    errors: dict[str, str] | None = None,
    *,
    taken_before: str | None = None,
) -> Response:
    return render(
        request,
        "uploads/new.html",
        422 if errors else 200,
        target=target,
        contract=target.contract,
        values=values,
        errors=errors or {},
        key=secrets.token_urlsafe(24),
        most=portal.settings.maximum_file_bytes,
        taken_before=taken_before,
        may_see_feed=allowed(me.principal, Permission.FEED_SEE, target.row.team).yes,
        may_see_campaign=allowed(me.principal, Permission.CAMPAIGN_SEE, target.row.team).yes,
        zone=target.row.time_zone,
    )
