"""Opting out by a link: one click from a mail program (RFC 8058), or a page with a button for people.

A GET shows a page and never changes anything: mail programs, scanners and previews follow links on their own. A POST
with ``List-Unsubscribe=One-Click`` opts out at once, without cookies, login or redirects.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection

from nightmail.consent.unsubscribing import Subscription, subscribe_again, unsubscribe
from nightmail.organisation.sandbox_accounts import sandbox_use
from nightmail.privacy.signed_links import Purpose, link_path, link_token
from portal.pages import page
from portal.recipient_pages.links import subscription_of
from portal.recipient_pages.look import look_of
from portal.recipient_pages.topic_words import topic_label
from portal.recipient_pages.words import unsubscribe_words
from portal.state import Portal, PortalState

router = APIRouter(tags=["unsubscribe"], include_in_schema=False)

_PATH = f"{link_path(Purpose.UNSUBSCRIBE)}{{token}}"
Token = Annotated[str, Path(max_length=200)]


@router.get(_PATH)
@router.head(_PATH)
def show(token: Token, request: Request, portal: PortalState) -> Response:
    """The page with the button; nothing changes."""
    with portal.engine.connect() as connection:
        found = subscription_of(connection, portal, token, Purpose.UNSUBSCRIBE, request)
        if isinstance(found, Response):
            return found
        return _page(connection, portal, found, "unsubscribe")


@router.post(_PATH)
async def opt_out(token: Token, request: Request, portal: PortalState) -> Response:
    """Opt out, for the message's category or for everything, or take it back."""
    form = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20)
    scope = (form.get("scope") or ["category"])[0]
    return await run_in_threadpool(_opt_out, token, scope, request, portal)


def _opt_out(token: str, scope: str, request: Request, portal: Portal) -> Response:
    with portal.engine.begin() as connection:
        found = subscription_of(connection, portal, token, Purpose.UNSUBSCRIBE, request)
        if isinstance(found, Response):
            return found
        if scope == "again":
            again = subscribe_again(connection, found)
            return _page(connection, portal, found, "subscribed_again" if again else "too_late_to_take_back")
        unsubscribe(connection, found, everything=scope == "everything")
        return _page(connection, portal, found, "unsubscribed")


def _page(connection: Connection, portal: Portal, found: Subscription, layout: str) -> Response:
    look = look_of(connection, found.path, found.team)
    language = unsubscribe_words(found.language)[0]
    topic = topic_label(language, found.category)
    language, words = unsubscribe_words(language, team=look.name, category=topic)
    return page(
        layout,
        language=language,
        words=words,
        sheet=look.sheet,
        wordmark=look.wordmark,
        more=link_path(Purpose.PREFERENCES) + link_token(found.message_id, Purpose.PREFERENCES, portal.settings.key()),
        sandbox=sandbox_use(connection).labels,
    )
