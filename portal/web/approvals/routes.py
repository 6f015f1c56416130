"""Campaigns that wait for approval: what exactly is approved, and approving it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from nightmail.campaigns.approval import approve, approving_teams, waiting_approvals
from nightmail.errors import NightmailError
from nightmail.forecasts.recorded_forecasts import renew_forecast
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.messages import redirect
from portal.web.refusals import sentence_of
from portal.web.rendering import render
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, anyone_signed_in
from portal.web.translating import gettext

router = APIRouter(include_in_schema=False)
Me = Annotated[SignedIn, anyone_signed_in]
"""Not only who has the permission: a deputy uses that of who is away."""


@router.get("/approvals")
def waiting(request: Request, portal: PortalState, me: Me) -> Response:
    """What waits for this person, or for those whose deputy they are."""
    return _show(request, portal, me)


@router.post("/approvals")
def approve_one(request: Request, portal: PortalState, form: FormSent, me: Me) -> Response:
    """Approve a campaign as it was shown; one that changed since is shown again."""
    campaign, seen = form.value("campaign", 250), form.value("seen", 64)
    with portal.engine.connect() as connection:
        shown = {each.campaign for each in waiting_approvals(connection, me.principal)}
    if campaign not in shown:
        raise RequestError("not_found", what="page")
    try:
        row = approve(portal.engine, campaign, actor=me.principal.actor, principal=me.principal, seen=seen)
    except NightmailError as error:
        return _show(request, portal, me, sentence_of(error))
    renew_forecast(portal.engine, row)
    return redirect(request, "/approvals", gettext("The campaign is approved."))


def _show(request: Request, portal: Portal, me: SignedIn, problem: str = "") -> Response:
    with portal.engine.connect() as connection:
        if not approving_teams(connection, me.principal):
            raise RequestError("not_found", what="page")
        found = waiting_approvals(connection, me.principal)
    return render(request, "approvals/list.html", 422 if problem else 200, waiting=found, problem=problem)
