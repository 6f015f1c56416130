"""The page that decides about all messages in doubt of a campaign at once, after a look at what that does."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import allowed
from nightmail.access.permissions import Permission
from nightmail.campaigns.campaign_rows import CampaignRow, find_campaign
from nightmail.errors import NightmailError
from nightmail.sending.doubt_decisions import Decision, decide_campaign
from nightmail.sending.doubt_lists import count_in_doubt
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.doubts.routes import LONGEST_WHY
from portal.web.doubts.words import consequences_of_all, decision_of
from portal.web.messages import redirect
from portal.web.navigation import is_offered
from portal.web.refusals import sentence_of
from portal.web.rendering import render
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext, ngettext

router = APIRouter(include_in_schema=False)
AT_ONCE = 1_000
"""Messages that one form decides at the most: each is a transaction of its own."""
CampaignWord = Annotated[str, Path(max_length=250)]
Decider = Annotated[SignedIn, needs(Permission.DOUBT_DECIDE)]


@router.get("/doubts/campaign/{campaign}")
def ask_about_all(campaign: CampaignWord, request: Request, portal: PortalState, me: Decider) -> Response:
    """How many messages of a campaign are in doubt, and what each decision about all of them leads to."""
    return _page(request, portal, me, campaign, {}, {})


@router.post("/doubts/campaign/{campaign}")
def decide_all(campaign: CampaignWord, request: Request, portal: PortalState, me: Decider, form: FormSent) -> Response:
    """The same decision about every message in doubt; says how many were decided, settled meanwhile, and left."""
    with portal.engine.connect() as connection:
        found = _visible(connection, me, campaign)
    made = decision_of(form.value("decision", 20))
    if made is None:
        errors = {"decision": gettext("Choose what is to become of them.")}
        return _page(request, portal, me, campaign, form.as_typed(), errors)
    if made is Decision.RESEND and not form.ticked("certain"):
        errors = {"certain": gettext("Say that the carrier does not have them: else people may get them twice.")}
        return _page(request, portal, me, campaign, form.as_typed(), errors)
    why = form.value("why", LONGEST_WHY) or None
    try:
        decided = decide_campaign(portal.engine, found.id, made, actor=me.principal.actor, why=why, limit=AT_ONCE)
    except NightmailError as error:
        return _page(request, portal, me, campaign, form.as_typed(), {"": sentence_of(error)})
    with portal.engine.connect() as connection:
        left = count_in_doubt(connection, found.id)
    said = ngettext("%(num)d message is decided.", "%(num)d messages are decided.", decided) % {"num": decided}
    meanwhile = (form.number("seen") or 0) - decided - left
    if meanwhile > 0:
        more = ngettext("%(num)d had been settled meanwhile.", "%(num)d had been settled meanwhile.", meanwhile)
        said += " " + more % {"num": meanwhile}
    if left:
        more = ngettext("%(num)d is still in doubt.", "%(num)d are still in doubt.", left)
        return redirect(request, f"/doubts/campaign/{campaign}", said + " " + more % {"num": left}, "warn")
    return redirect(request, "/doubts", said, "warn" if meanwhile > 0 else "good")


def _visible(connection: Connection, me: SignedIn, key: str) -> CampaignRow:
    found = find_campaign(connection, key)
    wanted = (Permission.MESSAGE_SEE, Permission.DOUBT_DECIDE)
    if found is None or not all(allowed(me.principal, each, found.team).yes for each in wanted):
        raise RequestError("not_found", what="campaign")
    return found


def _page(
    request: Request,
    portal: Portal,
    me: SignedIn,
    key: str,
    values: dict[str, str],
    errors: dict[str, str],
) -> Response:
    with portal.engine.connect() as connection:
        campaign = _visible(connection, me, key)
        count = count_in_doubt(connection, campaign.id)
    return render(
        request,
        "doubts/campaign.html",
        422 if errors else 200,
        campaign=campaign,
        count=count,
        at_once=AT_ONCE,
        options=consequences_of_all(str(campaign.state)),
        campaigns=is_offered(me, "/campaigns"),
        values=values,
        errors=errors,
    )
