"""The page of one message, and the frame in which an email stands as it was sent."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from nightmail.access.permissions import Permission
from nightmail.errors import NightmailError
from nightmail.recipients.message_details import message_details, message_html
from portal.problems import RequestError
from portal.state import PortalState
from portal.web.recipients.event_words import by_day, with_names
from portal.web.recipients.words import status_of
from portal.web.rendering import POLICY_WITH_PREVIEW, PREVIEW_POLICY, page_headers, render
from portal.web.signed_in import SignedIn, needs
from resources.carriers import CARRIERS

router = APIRouter(prefix="/messages", include_in_schema=False)
Reader = Annotated[SignedIn, needs(Permission.MESSAGE_SEE)]
MessageNumber = Annotated[str, Path(pattern=r"^c[0-9a-f]{10}-[0-9]{1,10}-[a-z][a-z0-9_]{0,30}-[0-9]{1,2}$")]


@router.get("/{message}")
def show_message(message: MessageNumber, request: Request, portal: PortalState, me: Reader) -> Response:
    """What was sent, what happened, and what it cost."""
    try:
        with portal.engine.begin() as connection:
            found = message_details(connection, me.principal, message, meaning_of=CARRIERS.meaning_of)
            events = with_names(connection, found.events)
    except NightmailError:
        raise RequestError("not_found", what="message") from None
    label, tone = status_of(found.message)
    return render(
        request,
        "sent_messages/message.html",
        policy=POLICY_WITH_PREVIEW,
        found=found,
        message=found.message,
        how=label,
        tone=tone,
        days=by_day(events, me.zone),
        meaning_of=CARRIERS.meaning_of,
        may_see_campaigns=me.may(Permission.CAMPAIGN_SEE),
    )


@router.get("/{message}/preview")
def preview(
    message: MessageNumber,
    request: Request,
    portal: PortalState,
    me: Annotated[SignedIn, needs(Permission.PERSONAL_SEE)],
) -> Response:
    """The HTML of an email as it was sent: it may look, and do nothing."""
    try:
        with portal.engine.begin() as connection:
            text = message_html(connection, me.principal, message)
    except NightmailError:
        raise RequestError("not_found", what="message") from None
    return Response(text, headers=page_headers(request, PREVIEW_POLICY), media_type="text/html; charset=utf-8")
