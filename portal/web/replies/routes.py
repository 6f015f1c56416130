"""The pages of replies: list and one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import sees_personal
from nightmail.access.permissions import Permission
from nightmail.audit import record_look
from nightmail.channels import CHANNELS
from nightmail.conversations.reply_lists import KINDS, Place, ReadReply, ReplyFilter, find_replies, seen_reply
from nightmail.errors import UsageError
from nightmail.privacy.masking import shown_address, shown_body
from portal.problems import RequestError
from portal.state import PortalState
from portal.web.actors import actor_names
from portal.web.channel_words import channel_choices
from portal.web.list_places import moment_of, moment_text
from portal.web.navigation import is_offered
from portal.web.rendering import render
from portal.web.replies.shown import shown_replies
from portal.web.replies.words import kind_choices
from portal.web.signed_in import SignedIn, needs
from portal.web.stated_days import beginning_of_day, end_of_day
from portal.web.taken_lists import Rows, taken_list
from portal.web.translating import gettext

router = APIRouter(include_in_schema=False)
PAGE = 50
Typed = Annotated[str, Query(max_length=250)]
After = Annotated[str, Query(max_length=200)]
ReplyNumber = Annotated[int, Path(ge=1, le=2**63 - 1)]
Reader = Annotated[SignedIn, needs(Permission.REPLY_SEE)]


@router.get("/replies")
def list_of_replies(
    request: Request,
    portal: PortalState,
    me: Reader,
    team: Typed = "",
    campaign: Typed = "",
    channel: Typed = "",
    kind: Typed = "",
    since: Typed = "",
    until: Typed = "",
    after: After = "",
) -> Response:
    """What recipients said, the newest first."""
    chosen = _chosen(team, campaign, channel, kind, since, until)
    wanted, errors = _wanted(me, chosen)
    with portal.engine.begin() as connection:
        rows = [] if errors else find_replies(connection, wanted, after=moment_of(after), limit=PAGE + 1)
        shown = shown_replies(connection, me, rows[:PAGE])
    following = {**chosen, "after": moment_text(rows[PAGE - 1].received_at, rows[PAGE - 1].id)} if rows[PAGE:] else None
    return render(
        request,
        "replies/list.html",
        422 if errors else 200,
        replies=shown,
        values=dict.fromkeys(("team", "campaign", "channel", "kind", "since", "until"), "") | chosen,
        errors=errors,
        filtered=bool(chosen),
        channels=channel_choices(),
        kinds=kind_choices(),
        newer=f"/replies?{urlencode(chosen)}" if after else None,
        older=f"/replies?{urlencode(following)}" if following else None,
        export=f"/replies.csv?{urlencode(chosen)}",
    )


@router.get("/replies.csv")
def export(
    request: Request,
    portal: PortalState,
    me: Reader,
    team: Typed = "",
    campaign: Typed = "",
    channel: Typed = "",
    kind: Typed = "",
    since: Typed = "",
    until: Typed = "",
) -> Response:
    """The list with these filters as CSV: addresses masked and texts left out where ``personal.see`` is not held."""
    chosen = _chosen(team, campaign, channel, kind, since, until)
    wanted, _errors = _wanted(me, chosen)
    header = (
        *("Id", "Received", "Team", "Channel", "Kind", "From", "Sent to", "Text", "Campaign", "Message"),
        *("Decision", "Decided by", "Decided at"),
    )
    if me.may(Permission.PERSONAL_SEE):
        with portal.engine.begin() as connection:
            record_look(
                connection, actor=me.principal.actor, subject="replies.csv", team_id=None, shown=("address", "body")
            )

    def read(connection: Connection) -> Rows:
        place: Place | None = None
        while rows := find_replies(connection, wanted, after=place, limit=1000):
            for row in rows:
                personal = sees_personal(me.principal, row.team or "")
                what = (row.id, row.received_at, row.team, row.channel, row.kind)
                said = (
                    shown_address(row.address, personal=personal),
                    row.sent_to,
                    shown_body(row.text, personal=personal),
                )
                yield (*what, *said, row.campaign, row.message_id, row.decision, row.decided_by, row.decided_at)
            place = (rows[-1].received_at, rows[-1].id)

    return taken_list(request, portal, me, Permission.REPLY_SEE, "replies", header, read, chosen)


@router.get("/replies/{reply_id}")
def show_reply(reply_id: ReplyNumber, request: Request, portal: PortalState, me: Reader) -> Response:
    """One reply, what it answers, and what it led to."""
    with portal.engine.begin() as connection:
        row = visible_reply(connection, me, reply_id)
        (shown,) = shown_replies(connection, me, [row])
        names = actor_names(connection, [row.decided_by] if row.decided_by else [])
    return render(request, "replies/reply.html", reply=shown, names=names, offered=links_for(me))


def visible_reply(connection: Connection, me: SignedIn, reply_id: int) -> ReadReply:
    """A reply to a team whose replies this person sees; else a page that is not there."""
    teams, for_all = me.teams(Permission.REPLY_SEE), me.may_for_all(Permission.REPLY_SEE)
    try:
        return seen_reply(connection, reply_id, teams=teams, and_of_all=for_all)
    except UsageError:
        raise RequestError("not_found", what="reply") from None


def links_for(me: SignedIn) -> Mapping[str, bool]:
    """Which other subjects a reply's page leads to."""
    return {name: is_offered(me, f"/{name}") for name in ("campaigns", "messages", "recipients", "opt-outs")}


def _chosen(team: str, campaign: str, channel: str, kind: str, since: str, until: str) -> dict[str, str]:
    chosen = {
        "team": team.replace("\x00", "").strip(),
        "campaign": campaign.replace("\x00", "").strip(),
        "channel": channel if channel in CHANNELS else "",
        "kind": kind if kind in KINDS else "",
        "since": since.strip(),
        "until": until.strip(),
    }
    return {name: value for name, value in chosen.items() if value}


def _wanted(me: SignedIn, chosen: dict[str, str]) -> tuple[ReplyFilter, dict[str, str]]:
    wanted = ReplyFilter(
        teams=me.teams(Permission.REPLY_SEE),
        and_of_all=me.may_for_all(Permission.REPLY_SEE),
        team=chosen.get("team"),
        campaign=chosen.get("campaign"),
        channel=chosen.get("channel"),
        kind=chosen.get("kind"),
    )
    errors = {}
    for name, reading in (("since", beginning_of_day), ("until", end_of_day)):
        try:
            moment = reading(chosen.get(name, ""), me.zone)
        except ValueError:
            errors[name] = gettext("Give a date such as 2027-01-31, or leave it empty.")
        else:
            wanted = replace(wanted, since=moment) if name == "since" else replace(wanted, until=moment)
    return wanted, errors
