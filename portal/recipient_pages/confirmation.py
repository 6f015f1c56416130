"""The page behind the link of a request for a consent: the text that is agreed to, and a button.

A GET shows it and never changes anything: mail programs, scanners and previews follow links on their own.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy import Connection

from nightmail.channels import CHANNELS
from nightmail.consent.confirming import Confirmed, confirm, standing_of
from nightmail.consent.consent_requests import RequestRow, find_request
from nightmail.organisation.sandbox_accounts import sandbox_use
from nightmail.privacy.sealing import keyed_digest
from nightmail.privacy.signed_links import LinkError, Purpose, link_path, read_request_token
from portal.pages import page
from portal.recipient_pages.consent_words import confirming_words
from portal.recipient_pages.links import no_page
from portal.recipient_pages.look import look_of
from portal.recipient_pages.preference_words import language_of
from portal.recipient_pages.topic_words import channel_label, topic_label
from portal.state import Portal, PortalState

router = APIRouter(include_in_schema=False)

_PATH = f"{link_path(Purpose.CONFIRM)}{{token}}"
_STATUS = {Confirmed.OVER: 410, Confirmed.WITHDRAWN: 409}
Token = Annotated[str, Path(max_length=200)]


@router.get(_PATH)
@router.head(_PATH)
def show(token: Token, request: Request, portal: PortalState) -> Response:
    """The page with the button; nothing changes."""
    with portal.engine.connect() as connection:
        found = _request(connection, portal, token, request)
        return found if isinstance(found, Response) else _page(connection, found, standing_of(connection, found), 200)


@router.post(_PATH)
def agree(token: Token, request: Request, portal: PortalState) -> Response:
    """Confirm. Pressed twice, it is done once."""
    with portal.engine.begin() as connection:
        found = _request(connection, portal, token, request)
        if isinstance(found, Response):
            return found
        host = request.client.host if request.client else ""
        came_from = keyed_digest(host, portal.settings.key(), "confirmations of consents").hex()
        done = confirm(connection, found.id, by="link", came_from=came_from)
        return _page(connection, found, done, _STATUS.get(done, 200))


def _request(connection: Connection, portal: Portal, token: str, request: Request) -> RequestRow | Response:
    try:
        number = read_request_token(token, [portal.settings.key()])
    except LinkError:
        return no_page(request, "invalid")
    return find_request(connection, number) or no_page(request, "gone")


def _page(connection: Connection, found: RequestRow, standing: Confirmed | None, status: int) -> Response:
    look = look_of(connection, found.team, found.team_name)
    language = language_of(found.language)
    words = confirming_words(language, team=look.name, topic=topic_label(language, found.category))
    labels = "" if found.channel is None else channel_label(language, CHANNELS[found.channel].label)
    return page(
        "consent",
        status,
        language=language,
        words=words,
        sheet=look.sheet,
        wordmark=look.wordmark,
        privacy_notice=look.privacy_notice,
        standing="done" if standing in (Confirmed.NOW, Confirmed.BEFORE) else standing,
        text=found.text,
        text_language=found.text_language or language,
        about=words["by"].replace("{channels}", labels) if labels else words["by_all"],
        until=words["until"].replace("{until}", f"{found.expires_at:%Y-%m-%d %H:%M} UTC"),
        sandbox=sandbox_use(connection).labels,
    )
