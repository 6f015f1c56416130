"""Orders to a campaign: pause, resume, cancel, another start. Each asks once more, and says what it leaves unsent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from nightmail.access.permissions import Permission
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.counts import message_counts
from nightmail.campaigns.rescheduling import reschedule
from nightmail.campaigns.transitions import cancel, pause, resume
from nightmail.errors import NightmailError
from nightmail.forecasts.recorded_forecasts import renew_forecast
from nightmail.store.states import CampaignState
from portal.state import Portal, PortalState
from portal.web.campaigns.one_campaign import CampaignKey, around, seen_campaign
from portal.web.messages import redirect
from portal.web.refusals import at_its_field
from portal.web.rendering import render
from portal.web.sent_form import FormSent, SentForm
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext, ngettext

router = APIRouter(include_in_schema=False)
Controller = Annotated[SignedIn, needs(Permission.CAMPAIGN_CONTROL)]
LONGEST_REASON = 500
FIELDS = {"time_invalid": "start", "start_after_cut_off": "start"}
"""The field that a refusal of the domain is about."""


@dataclass(frozen=True)
class Unsent:
    """What an order is about: messages by where they stand."""

    waiting: int
    under_way: int
    handed_off: int


@router.get("/campaigns/{campaign}/pause")
def ask_to_pause(campaign: CampaignKey, request: Request, portal: PortalState, me: Controller) -> Response:
    """The question before a campaign is paused."""
    return _ask(request, portal, me, campaign, "pause")


@router.post("/campaigns/{campaign}/pause")
def pause_it(campaign: CampaignKey, request: Request, portal: PortalState, form: FormSent, me: Controller) -> Response:
    """Pause it; senders stop within a second."""

    def order(row: CampaignRow, reason: str, seen: str) -> str:
        done = pause(portal.engine, row.id, actor=me.principal.actor, reason=reason, seen=seen)
        return ngettext("Paused. %(count)s message waits.", "Paused. %(count)s messages wait.", done.not_sent) % {
            "count": done.not_sent
        }

    return _give(request, portal, me, campaign, form, "pause", order)


@router.get("/campaigns/{campaign}/resume")
def ask_to_resume(campaign: CampaignKey, request: Request, portal: PortalState, me: Controller) -> Response:
    """The question before a paused campaign goes on."""
    return _ask(request, portal, me, campaign, "resume")


@router.post("/campaigns/{campaign}/resume")
def resume_it(campaign: CampaignKey, request: Request, portal: PortalState, form: FormSent, me: Controller) -> Response:
    """Let it go on: back to its schedule, or to sending."""

    def order(row: CampaignRow, reason: str, seen: str) -> str:
        renew_forecast(portal.engine, resume(portal.engine, row.id, actor=me.principal.actor, reason=reason, seen=seen))
        return gettext("The campaign goes on.")

    return _give(request, portal, me, campaign, form, "resume", order)


@router.get("/campaigns/{campaign}/cancel")
def ask_to_cancel(campaign: CampaignKey, request: Request, portal: PortalState, me: Controller) -> Response:
    """The question before a campaign is cancelled for good."""
    return _ask(request, portal, me, campaign, "cancel")


@router.post("/campaigns/{campaign}/cancel")
def cancel_it(campaign: CampaignKey, request: Request, portal: PortalState, form: FormSent, me: Controller) -> Response:
    """Cancel it for good."""

    def order(row: CampaignRow, reason: str, seen: str) -> str:
        done = cancel(portal.engine, row.id, actor=me.principal.actor, reason=reason, seen=seen)
        return ngettext(
            "Cancelled. %(count)s message is not sent.", "Cancelled. %(count)s messages are not sent.", done.not_sent
        ) % {"count": done.not_sent}

    return _give(request, portal, me, campaign, form, "cancel", order)


@router.get("/campaigns/{campaign}/schedule")
def ask_for_start(campaign: CampaignKey, request: Request, portal: PortalState, me: Controller) -> Response:
    """The form with another start."""
    return _ask(request, portal, me, campaign, "schedule")


@router.post("/campaigns/{campaign}/schedule")
def schedule_it(
    campaign: CampaignKey, request: Request, portal: PortalState, form: FormSent, me: Controller
) -> Response:
    """Give it another start, in the person's own time."""
    typed = form.value("start", 40)
    try:
        start = datetime.fromisoformat(typed)
    except ValueError:
        errors = {"start": gettext("Give a day and a time such as 2027-01-31T08:00.")}
        return _ask(request, portal, me, campaign, "schedule", form.as_typed(), errors)
    if start.tzinfo is None:
        start = start.replace(tzinfo=me.zone)

    def order(row: CampaignRow, reason: str, seen: str) -> str:
        row = reschedule(portal.engine, row.id, start, actor=me.principal.actor, reason=reason, seen=seen)
        renew_forecast(portal.engine, row)
        if row.state is CampaignState.AWAITING_APPROVAL:
            return gettext(
                "The start is changed. It was approved with the earlier one, so that it waits for approval again."
            )
        return gettext("The start is changed.")

    return _give(request, portal, me, campaign, form, "schedule", order)


def _give(
    request: Request,
    portal: Portal,
    me: SignedIn,
    campaign: str,
    form: SentForm,
    which: str,
    order: Callable[[CampaignRow, str, str], str],
) -> Response:
    """Give an order to the campaign as it was looked at; what is refused is said on the page, with what was typed."""
    with portal.engine.connect() as connection:
        row = seen_campaign(connection, me, campaign, Permission.CAMPAIGN_CONTROL)
    try:
        done = order(row, form.value("reason", LONGEST_REASON), form.value("seen", 64))
    except NightmailError as error:
        return _ask(request, portal, me, campaign, which, form.as_typed(), at_its_field(error, FIELDS))
    return redirect(request, f"/campaigns/{row.key}", done)


def _ask(
    request: Request,
    portal: Portal,
    me: SignedIn,
    campaign: str,
    which: str,
    values: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    with portal.engine.connect() as connection:
        row = seen_campaign(connection, me, campaign, Permission.CAMPAIGN_CONTROL)
        unsent = _unsent(connection, row)
    shown: dict[str, Any] = {**around(me, row)}
    start = row.scheduled_at.astimezone(me.zone).strftime("%Y-%m-%dT%H:%M") if row.scheduled_at else ""
    return render(
        request,
        f"campaigns/order_{which}.html",
        422 if errors else 200,
        **shown,
        possible=which in shown["orders"],
        unsent=unsent,
        values={"start": start, **(values or {}), "seen": row.version},
        errors=errors or {},
    )


def _unsent(connection: Connection, row: CampaignRow) -> Unsent:
    states = message_counts(connection, row.id)
    return Unsent(
        states.get("queued", 0) + states.get("standby", 0), states.get("handing_over", 0), states.get("accepted", 0)
    )
