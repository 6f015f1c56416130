"""A send under way: how far it is, the seconds in which it can be undone, and the stop of it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import allowed
from nightmail.access.permissions import Permission
from nightmail.campaigns.approval import waits_for_approval
from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.campaigns.taking_back import take_back
from nightmail.errors import NightmailError, UsageError
from nightmail.forecasts.recorded_forecasts import recorded_forecast
from nightmail.intake.send_drafts import DraftRow, find_draft
from nightmail.reasons import Surface
from nightmail.reports.progress import campaign_progress
from nightmail.store.states import CampaignState
from portal.problems import RequestError
from portal.state import PortalState
from portal.web.campaigns.words import OVER
from portal.web.messages import redirect
from portal.web.refusals import sentence_of
from portal.web.rendering import render
from portal.web.send.routes import Sender
from portal.web.signed_in import SignedIn
from portal.web.translating import gettext, ngettext

router = APIRouter(prefix="/send", include_in_schema=False)
SendNumber = Annotated[int, Path(ge=1, le=2**62)]
_S = CampaignState
_BEFORE = (_S.RECEIVED, _S.CHECKING, _S.AWAITING_APPROVAL, _S.READY, _S.SCHEDULED)
"""States in which nothing was handed off: an undo leaves no trace at any recipient."""


@router.get("/{send_id}/progress")
def progress_of_send(send_id: SendNumber, request: Request, portal: PortalState, me: Sender) -> Response:
    """What changes by itself on the page of a send."""
    with portal.engine.connect() as connection:
        draft, campaign = _sent(connection, me, send_id)
        values = _values(connection, me, draft, campaign)
    return render(request, "send/progress.html", etag=True, **values)


@router.post("/{send_id}/undo")
def undo(send_id: SendNumber, request: Request, portal: PortalState, me: Sender) -> Response:
    """Take it back at once: before the first hand-off nobody got anything, afterwards the rest is not sent."""
    with portal.engine.connect() as connection:
        _draft, campaign = _sent(connection, me, send_id)
    try:
        done = take_back(portal.engine, campaign.id, by=me.principal)
    except NightmailError as error:
        return redirect(request, f"/send/{send_id}", sentence_of(error), "warn")
    with portal.engine.connect() as connection:
        handed = campaign_progress(connection, campaign.id).states.get("accepted", 0) + done.under_way
    if not handed:
        return redirect(request, f"/send/{send_id}", gettext("Undone. Nobody got anything."))
    said = ngettext(
        "Stopped. %(count)s message had been handed off.", "Stopped. %(count)s messages had been handed off.", handed
    )
    return redirect(request, f"/send/{send_id}", said % {"count": handed}, "warn")


def show_sent(
    request: Request, connection: Connection, me: SignedIn, draft: DraftRow, campaign: CampaignRow
) -> Response:
    """The page of a send that has become a campaign."""
    return render(request, "send/sent.html", **_values(connection, me, draft, campaign))


def _sent(connection: Connection, me: SignedIn, number: int) -> tuple[DraftRow, CampaignRow]:
    try:
        draft = find_draft(connection, number, by=me.principal)
    except UsageError:
        raise RequestError("not_found", what="page") from None
    if draft.campaign_id is None:
        raise RequestError("not_found", what="page")
    return draft, get_campaign(connection, draft.campaign_id)


def _values(connection: Connection, me: SignedIn, draft: DraftRow, campaign: CampaignRow) -> dict[str, Any]:
    """What both templates of a send under way take."""
    held_s = 0
    if campaign.state is _S.SCHEDULED and campaign.held_until is not None:
        held_s = max(0, -int(-(campaign.held_until - draft.now).total_seconds() // 1))
    return {
        "draft": draft,
        "row": campaign,
        "far": campaign_progress(connection, campaign.id),
        "ending": recorded_forecast(campaign),
        "waits": waits_for_approval(campaign, Surface.PAGE),
        "held_s": held_s,
        "before": campaign.state in _BEFORE,
        "over": campaign.state in OVER,
        "may_see_campaign": allowed(me.principal, Permission.CAMPAIGN_SEE, campaign.team).yes,
    }
