"""Signed links as pages take them: the message that a link came in, or the page that says why there is none."""

from __future__ import annotations

from fastapi import Request, Response
from sqlalchemy import Connection

from nightmail.consent.unsubscribing import Subscription, find_subscription, is_known_campaign
from nightmail.lake import Lake
from nightmail.privacy.signed_links import LinkError, Purpose, read_token
from portal.pages import page
from portal.recipient_pages.preference_words import Words
from portal.state import Portal

_WHY = {"link_expired": "expired", "link_of_preview": "preview"}


def subscription_of(
    connection: Connection, portal: Portal, token: str, purpose: Purpose, request: Request
) -> Subscription | Response:
    """What the recipient behind a link is subscribed to, or the answer to a link that leads to nobody."""
    try:
        link = read_token(token, purpose, [portal.settings.key()])
    except LinkError as error:
        return no_page(request, _WHY.get(error.reason, "invalid"))
    found = find_subscription(connection, link.message_id, Lake(portal.settings.lake))
    if found is not None:
        return found
    return no_page(request, "gone" if is_known_campaign(connection, link.message_id) else "invalid")


def no_page(request: Request, why: str) -> Response:
    """The answer to a link that is ``invalid``, of a ``preview``, ``expired``, or whose recipient is ``gone``; in the browser's language."""
    words = Words(request.headers.get("accept-language", "en").partition(",")[0].partition(";")[0])
    status = 404 if why in ("invalid", "preview") else 410
    return page("notice", status, language=words.language, title=words[f"{why}_title"], sentence=words[why], remedy="")
