"""Replies that probably ask for an end: what they say, what they answer, and the decision of who has read them."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from nightmail.access.decisions import allowed
from nightmail.access.permissions import Permission
from nightmail.channels import CHANNELS
from nightmail.conversations.reply_lists import ReplyFilter, undecided_replies
from nightmail.conversations.team_replies import decide_reply
from nightmail.errors import NightmailError
from nightmail.receipts.undecided import ReplyDecision
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.actors import actor_names
from portal.web.channel_words import channel_choices
from portal.web.messages import redirect
from portal.web.refusals import sentence_of
from portal.web.rendering import render
from portal.web.replies.routes import ReplyNumber, links_for, visible_reply
from portal.web.replies.shown import shown_replies
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext, ngettext

router = APIRouter(prefix="/opt-outs/probable", include_in_schema=False)
PAGE = 25
Typed = Annotated[str, Query(max_length=250)]
Place = Annotated[str, Query(pattern=r"^[0-9]{0,18}$")]
Reader = Annotated[SignedIn, needs(Permission.REPLY_SEE)]
Decider = Annotated[SignedIn, needs(Permission.SUPPRESSION_EDIT)]


@router.get("")
def list_of_probable(
    request: Request, portal: PortalState, me: Reader, team: Typed = "", channel: Typed = "", after: Place = ""
) -> Response:
    """Those that wait for a decision, the oldest first."""
    given = {"team": team.replace("\x00", "").strip(), "channel": channel if channel in CHANNELS else ""}
    chosen = {name: value for name, value in given.items() if value}
    wanted = ReplyFilter(
        teams=me.teams(Permission.REPLY_SEE),
        and_of_all=me.may_for_all(Permission.REPLY_SEE),
        team=chosen.get("team"),
        channel=chosen.get("channel"),
    )
    with portal.engine.begin() as connection:
        rows = undecided_replies(connection, wanted, after_id=int(after) if after else None, limit=PAGE + 1)
        shown = shown_replies(connection, me, rows[:PAGE])
    following = {**chosen, "after": str(rows[PAGE - 1].id)} if rows[PAGE:] else None
    return render(
        request,
        "opt_outs/probable.html",
        replies=shown,
        values=given,
        filtered=bool(chosen),
        channels=channel_choices(),
        opt_outs=me.may(Permission.SUPPRESSION_SEE),
        newer=f"/opt-outs/probable?{urlencode(chosen)}" if after else None,
        older=f"/opt-outs/probable?{urlencode(following)}" if following else None,
    )


@router.get("/{reply_id}")
def show_probable(reply_id: ReplyNumber, request: Request, portal: PortalState, me: Reader) -> Response:
    """One of them, with what each decision leads to."""
    return _page(request, portal, me, reply_id)


@router.post("/{reply_id}")
def decide(reply_id: ReplyNumber, request: Request, portal: PortalState, me: Decider, form: FormSent) -> Response:
    """Make it an opt-out, or say that it is none; says when another was quicker."""
    with portal.engine.connect() as connection:
        row = visible_reply(connection, me, reply_id) if me.may(Permission.REPLY_SEE) else None
    if row is None or not allowed(me.principal, Permission.SUPPRESSION_EDIT, row.team or "").yes:
        raise RequestError("not_found", what="reply")
    word = form.value("decision", 20)
    if word not in set(ReplyDecision):
        return _page(request, portal, me, reply_id, gettext("Choose one of the two."))
    meanwhile = gettext("It was decided meanwhile: see here by whom. Nothing was changed.")
    try:
        with portal.engine.begin() as connection:
            settled = decide_reply(connection, reply_id, ReplyDecision(word), actor=me.principal.actor)
    except NightmailError as error:
        if error.reason != "reply_not_undecided":
            return _page(request, portal, me, reply_id, sentence_of(error))
        settled = ()
    if not settled:
        return redirect(request, f"/opt-outs/probable/{reply_id}", meanwhile, "warn")
    if word == ReplyDecision.OPT_OUT:
        said = gettext("It is an opt-out: nothing more is sent to them.")
    else:
        said = gettext("It is no opt-out: they get marketing again.")
    if len(settled) > 1:
        others = ngettext(
            "%(num)d other reply of theirs is settled with it.",
            "%(num)d other replies of theirs are settled with it.",
            len(settled) - 1,
        )
        said += " " + others % {"num": len(settled) - 1}
    return redirect(request, "/opt-outs/probable", said)


def _page(request: Request, portal: Portal, me: SignedIn, reply_id: int, problem: str = "") -> Response:
    with portal.engine.begin() as connection:
        row = visible_reply(connection, me, reply_id)
        (shown,) = shown_replies(connection, me, [row])
        names = actor_names(connection, [row.decided_by] if row.decided_by else [])
    return render(
        request,
        "opt_outs/decide.html",
        422 if problem else 200,
        reply=shown,
        names=names,
        offered=links_for(me),
        may_decide=row.waits and allowed(me.principal, Permission.SUPPRESSION_EDIT, row.team or "").yes,
        problem=problem,
    )
