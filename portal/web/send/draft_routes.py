"""A send that is being prepared: what goes out, to whom not and why, at what cost; another time, a test to oneself, and the send."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import allowed, sees_personal
from nightmail.access.people import get_person
from nightmail.access.permissions import Permission
from nightmail.audit import record_look
from nightmail.campaigns.campaign_rows import find_campaign
from nightmail.errors import NightmailError, UsageError
from nightmail.intake.draft_previews import LANGUAGE, LONGEST, MOST_SEGMENTS
from nightmail.intake.draft_sends import send_draft
from nightmail.intake.send_drafts import DraftRow, find_draft
from nightmail.intake.trial_messages import OWN, TrialWay, send_trial, trial_ways
from nightmail.organisation.stored_templates import template_content
from nightmail.organisation.team_settings import hold_back_seconds
from nightmail.privacy.masking import shown_address
from nightmail.stated_times import SendIn, StatedStart, stated_start
from nightmail.store.clock import database_time
from nightmail.templates import stored_template
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.channel_words import channel_label
from portal.web.messages import redirect
from portal.web.refusals import at_its_field, sentence_of
from portal.web.rendering import POLICY_WITH_PREVIEW, PREVIEW_POLICY, page_headers, render
from portal.web.send.routes import Sender, look_in_turn
from portal.web.send.sent_routes import show_sent
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn
from portal.web.translating import gettext, marked

router = APIRouter(prefix="/send", include_in_schema=False)
SendNumber = Annotated[int, Path(ge=1, le=2**62)]
PreviewNumber = Annotated[int, Path(ge=0, le=100)]
_WHY = {
    LONGEST: marked("the longest"),
    MOST_SEGMENTS: marked("the most segments"),
    LANGUAGE: marked("in its language"),
}


@router.get("/{send_id}")
def show_draft(send_id: SendNumber, request: Request, portal: PortalState, me: Sender) -> Response:
    """What would be sent; of what was sent, how far it is."""
    return _page(request, portal, me, send_id)


@router.get("/{send_id}/email/{number}")
def email_frame(
    send_id: SendNumber, number: PreviewNumber, request: Request, portal: PortalState, me: Sender
) -> Response:
    """An email of the previews alone, for its frame: a text from outside, which may look but not act."""
    with portal.engine.begin() as connection:
        draft = own_draft(connection, me, send_id)
        previews = _previews(me, draft)
        if number >= len(previews) or not previews[number].get("html"):
            raise RequestError("not_found", what="preview")
        _record_look(connection, me, draft)
    headers = page_headers(request, PREVIEW_POLICY)
    return Response(previews[number]["html"], headers=headers, media_type="text/html; charset=utf-8")


@router.post("/{send_id}/time")
def another_time(send_id: SendNumber, request: Request, portal: PortalState, me: Sender, form: FormSent) -> Response:
    """Look at it again with another start; without one, at once."""
    typed = form.value("at", 40)
    with portal.engine.connect() as connection:
        draft = own_draft(connection, me, send_id)
        now = database_time(connection)
    try:
        start = _start(typed, form.value("send_in", 10), draft.time_zone, now)
        look_in_turn(portal, me, draft, start=start)
    except NightmailError as error:
        return _page(request, portal, me, send_id, at_its_field(error, {"time_invalid": "at"}), form.as_typed())
    said = gettext("This is what goes out then.") if start else gettext("This is what goes out now.")
    return redirect(request, f"/send/{send_id}", said, "info")


@router.post("/{send_id}/test")
def test_to_oneself(send_id: SendNumber, request: Request, portal: PortalState, me: Sender, form: FormSent) -> Response:
    """Send the template to the person's own address or to a phone of their team's, marked as a test."""
    try:
        with portal.engine.begin() as connection:
            draft = own_draft(connection, me, send_id)
            person = get_person(connection, me.person_id)
            _, to = send_trial(connection, draft, person, by=me.principal, way=form.value("to", 60) or OWN)
    except NightmailError as error:
        return _page(request, portal, me, send_id, {"": sentence_of(error)})
    said = gettext("A test is on its way to %(address)s.") % {"address": to.name or to.address}
    return redirect(request, f"/send/{send_id}", said)


@router.post("/{send_id}/send")
def send_it(send_id: SendNumber, request: Request, portal: PortalState, me: Sender, form: FormSent) -> Response:
    """Send what was shown, once; what is not as it was shown is shown again."""
    try:
        send_draft(
            portal.engine,
            send_id,
            by=me.principal,
            seen=form.value("seen", 64),
            incoming=portal.settings.incoming_dir,
            again=form.ticked("again"),
        )
    except NightmailError as error:
        if error.reason == "send_unknown":
            raise RequestError("not_found", what="page") from None
        return _changed(request, portal, me, send_id, error)
    return redirect(request, f"/send/{send_id}")


def _changed(request: Request, portal: Portal, me: SignedIn, send_id: int, error: NightmailError) -> Response:
    """Say what changed, beside the send as it is now: it is looked at once more first."""
    errors = at_its_field(error, {"send_repeated": "again"})
    if error.reason == "send_changed":
        with portal.engine.connect() as connection:
            draft = own_draft(connection, me, send_id)
        over = draft.start is not None and draft.start.last < draft.now
        try:
            look_in_turn(portal, me, draft, start=None if over else draft.start)
        except NightmailError as unusable:
            errors = {**errors, "": f"{errors.get('', '')} {sentence_of(unusable)}".strip()}
    return _page(request, portal, me, send_id, errors)


def own_draft(connection: Connection, me: SignedIn, number: int) -> DraftRow:
    """A draft of this person's own; for anybody else there is no such page."""
    try:
        return find_draft(connection, number, by=me.principal)
    except UsageError:
        raise RequestError("not_found", what="page") from None


def _page(
    request: Request,
    portal: Portal,
    me: SignedIn,
    send_id: int,
    errors: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
) -> Response:
    with portal.engine.begin() as connection:
        draft = own_draft(connection, me, send_id)
        campaign = None if draft.campaign_id is None else find_campaign(connection, draft.campaign_id)
        if campaign is not None:
            return show_sent(request, connection, me, draft, campaign)
        if draft.shown is None:
            raise RequestError("not_found", what="page")
        previews = _previews(me, draft)
        if previews:
            _record_look(connection, me, draft)
        template = stored_template(dict(template_content(connection, draft.template_version_id) or {}))
        seconds = hold_back_seconds(connection, draft.team)
        person = get_person(connection, me.person_id)
        ways = trial_ways(connection, draft.team, template, person)
    return render(
        request,
        "send/review.html",
        422 if errors else 200,
        policy=POLICY_WITH_PREVIEW,
        draft=draft,
        shown=draft.shown,
        not_getting=_not_getting(draft.shown),
        # Short messages first: an email takes a column of its own.
        previews=sorted(enumerate(previews), key=lambda each: bool(each[1].get("html"))),
        why={name: gettext(label) for name, label in _WHY.items()},
        personal=sees_personal(me.principal, draft.team) and draft.shown["personal"],
        finishes_by=_moment(draft.shown["finishes_by"]),
        may_see_campaign=allowed(me.principal, Permission.CAMPAIGN_SEE, draft.team).yes,
        may_test=any(each.word == OWN for each in ways),
        phones=[(each.word, _phone(me, draft, each)) for each in ways if each.word != OWN],
        hold_back=seconds,
        values={"at": _typed_start(draft), "send_in": "recipient" if draft.local_start else "team", **(values or {})},
        errors=dict(errors or {}),
        email=me.email,
    )


def _phone(me: SignedIn, draft: DraftRow, way: TrialWay) -> str:
    """A phone for tests, as the choice of one shows it."""
    number = shown_address(way.address, personal=sees_personal(me.principal, draft.team))
    return f"{channel_label(way.channels[0])}: {way.name}, {number}"


def _not_getting(shown: Mapping[str, Any]) -> int:
    counts = shown["counts"]
    return int(counts["rejects"]) + int(counts["duplicates"]) + int(counts["held"])


def _previews(me: SignedIn, draft: DraftRow) -> list[dict[str, Any]]:
    """The messages that were chosen to be shown, for who may see personal data now."""
    if draft.shown is None or not sees_personal(me.principal, draft.team):
        return []
    return [dict(each) for each in draft.shown.get("previews", ())]


def _record_look(connection: Connection, me: SignedIn, draft: DraftRow) -> None:
    record_look(
        connection,
        actor=me.principal.actor,
        subject=f"send:{draft.id}",
        team_id=draft.team_id,
        shown=("address", "body"),
    )


def _start(typed: str, whose: str, zone: str, now: dt.datetime) -> StatedStart | None:
    """The start that was typed, by the team's clocks or each recipient's. Raises an error (``time_invalid``)."""
    if not typed:
        return None
    try:
        moment = dt.datetime.fromisoformat(typed)
    except ValueError:
        raise UsageError("time_invalid", value=typed, problem=gettext("it is not a time")) from None
    send_in: SendIn = "recipient" if whose == "recipient" else "team"
    return stated_start(moment.replace(tzinfo=None), zone, now, send_in)


def _typed_start(draft: DraftRow) -> str:
    start = draft.start
    if start is None:
        return ""
    from zoneinfo import ZoneInfo

    local = start.local or start.moment.astimezone(ZoneInfo(draft.time_zone))
    return local.strftime("%Y-%m-%dT%H:%M")


def _moment(written: str | None) -> dt.datetime | None:
    return None if written is None else dt.datetime.fromisoformat(written)
