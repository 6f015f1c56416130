"""The pages of messages in doubt: by campaign, one by one, and what is decided about one of them."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import allowed, sees_personal
from nightmail.access.permissions import Permission
from nightmail.audit import record_look
from nightmail.channels import CHANNELS
from nightmail.errors import NightmailError, UsageError
from nightmail.privacy.masking import shown_address, shown_body
from nightmail.sending.doubt_decisions import Decision, decide
from nightmail.sending.doubt_lists import (
    CAMPAIGNS,
    COUNTED,
    DoubtfulMessage,
    DoubtRow,
    campaigns_in_doubt,
    doubtful_message,
    list_in_doubt,
)
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.channel_words import channel_choices, channel_label
from portal.web.doubts.words import consequences, decision_of, said_of
from portal.web.messages import redirect
from portal.web.navigation import is_offered
from portal.web.refusals import sentence_of
from portal.web.rendering import render
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, needs
from portal.web.taken_lists import Rows, taken_list
from portal.web.translating import gettext

router = APIRouter(include_in_schema=False)
PAGE = 50
LONGEST_WHY = 500
Place = Annotated[str, Query(pattern=r"^[0-9]{0,19}$")]
Typed = Annotated[str, Query(max_length=250)]
MessageWord = Annotated[str, Path(max_length=100)]
Reader = Annotated[SignedIn, needs(Permission.MESSAGE_SEE)]
Decider = Annotated[SignedIn, needs(Permission.DOUBT_DECIDE)]


@router.get("/doubts")
def list_of_doubts(
    request: Request,
    portal: PortalState,
    me: Reader,
    campaign: Typed = "",
    team: Typed = "",
    channel: Typed = "",
    after: Place = "",
) -> Response:
    """Campaigns with messages in doubt, and the messages; the oldest campaign first."""
    chosen = _chosen(campaign, team, channel)
    place = min(int(after), 2**63 - 1) if after else None
    with portal.engine.connect() as connection:
        groups = (
            campaigns_in_doubt(connection, teams=me.teams(Permission.MESSAGE_SEE)) if not after and not chosen else []
        )
        rows = _rows(connection, me, chosen, place, PAGE + 1)
    shown = rows[:PAGE]
    following = {**chosen, "after": str(shown[-1].key)} if rows[PAGE:] else None
    return render(
        request,
        "doubts/list.html",
        groups=groups,
        more_groups=len(groups) == CAMPAIGNS,
        counted=COUNTED,
        rows=[(row, channel_label(row.channel)) for row in shown],
        values={"campaign": "", "team": "", "channel": ""} | chosen,
        channels=channel_choices(),
        filtered=bool(chosen),
        campaigns=is_offered(me, "/campaigns"),
        may_decide=me.may(Permission.DOUBT_DECIDE),
        newer=f"/doubts?{urlencode(chosen)}" if after else None,
        older=f"/doubts?{urlencode(following)}" if following else None,
        export=f"/doubts.csv?{urlencode(chosen)}",
    )


@router.get("/doubts.csv")
def export(
    request: Request, portal: PortalState, me: Reader, campaign: Typed = "", team: Typed = "", channel: Typed = ""
) -> Response:
    """The list with these filters as CSV. It names no person."""
    chosen = _chosen(campaign, team, channel)
    header = ("Message", "Campaign", "Team", "Channel", "Account", "Since", "Error code", "Reason")

    def read(connection: Connection) -> Rows:
        place = None
        while rows := _rows(connection, me, chosen, place, 1000):
            for row in rows:
                what = (row.message_id, row.campaign, row.team, row.channel, row.carrier_account)
                yield (*what, row.since, row.error_code, row.reason)
            place = rows[-1].key

    return taken_list(request, portal, me, Permission.MESSAGE_SEE, "doubts", header, read, chosen)


@router.get("/doubts/{message_id}")
def show_doubt(message_id: MessageWord, request: Request, portal: PortalState, me: Reader) -> Response:
    """One message in doubt: what is known, what each decision leads to, and deciding."""
    return _page(request, portal, me, message_id, {}, {})


@router.post("/doubts/{message_id}")
def decide_one(message_id: MessageWord, request: Request, portal: PortalState, me: Decider, form: FormSent) -> Response:
    """Decide about one message; says when it was settled meanwhile."""
    with portal.engine.connect() as connection:
        message = _visible(connection, me, message_id)
    if not allowed(me.principal, Permission.DOUBT_DECIDE, message.team).yes:
        raise RequestError("not_found", what="message")
    made = decision_of(form.value("decision", 20))
    if made is None:
        errors = {"decision": gettext("Choose what is to become of it.")}
        return _page(request, portal, me, message_id, form.as_typed(), errors)
    if made is Decision.RESEND and not form.ticked("certain"):
        errors = {"certain": gettext("Say that the carrier does not have it: else the person may get it twice.")}
        return _page(request, portal, me, message_id, form.as_typed(), errors)
    try:
        decide(portal.engine, message_id, made, actor=me.principal.actor, why=form.value("why", LONGEST_WHY) or None)
    except NightmailError as error:
        if error.reason == "message_not_in_doubt":
            said = gettext("It was settled meanwhile: see here what became of it. Nothing was changed.")
            return redirect(request, f"/doubts/{message_id}", said, "warn")
        return _page(request, portal, me, message_id, form.as_typed(), {"": sentence_of(error)})
    return redirect(request, f"/doubts/{message_id}", said_of(made))


def _chosen(campaign: str, team: str, channel: str) -> dict[str, str]:
    chosen = {
        "campaign": campaign.replace("\x00", "").strip(),
        "team": team.replace("\x00", "").strip(),
        "channel": channel if channel in CHANNELS else "",
    }
    return {name: value for name, value in chosen.items() if value}


def _rows(
    connection: Connection, me: SignedIn, chosen: dict[str, str], place: int | None, limit: int
) -> list[DoubtRow]:
    return list_in_doubt(
        connection,
        teams=me.teams(Permission.MESSAGE_SEE),
        team_path=chosen.get("team"),
        campaign=chosen.get("campaign"),
        channel=chosen.get("channel"),
        after_key=place,
        limit=limit,
    )


def _visible(connection: Connection, me: SignedIn, message_id: str) -> DoubtfulMessage:
    try:
        message = doubtful_message(connection, message_id)
    except UsageError:
        raise RequestError("not_found", what="message") from None
    if not allowed(me.principal, Permission.MESSAGE_SEE, message.team).yes:
        raise RequestError("not_found", what="message")
    return message


def _page(
    request: Request,
    portal: Portal,
    me: SignedIn,
    message_id: str,
    values: dict[str, str],
    errors: dict[str, str],
) -> Response:
    with portal.engine.begin() as connection:
        message = _visible(connection, me, message_id)
        personal = sees_personal(me.principal, message.team)
        if personal:
            record_look(
                connection,
                actor=me.principal.actor,
                subject=f"message:{message_id}",
                team_id=message.team_id,
                shown=[kind for kind, there in (("address", message.address), ("body", message.body)) if there],
            )
    open_doubt = message.state == "in_doubt"
    return render(
        request,
        "doubts/doubt.html",
        422 if errors else 200,
        message=message,
        label=channel_label(message.channel),
        address=shown_address(message.address, personal=personal),
        body=shown_body(message.body, personal=personal),
        subject=shown_body(message.subject, personal=personal),
        personal=personal,
        in_doubt=open_doubt,
        options=consequences(message),
        may_decide=open_doubt and allowed(me.principal, Permission.DOUBT_DECIDE, message.team).yes,
        campaigns=is_offered(me, "/campaigns"),
        recipients=is_offered(me, "/recipients"),
        values=values,
        errors=errors,
    )
