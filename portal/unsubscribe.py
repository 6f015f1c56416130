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

from nightmail.consent.unsubscribing import Subscription, find_subscription, subscribe_again, unsubscribe
from nightmail.lake import Lake
from nightmail.organisation.sandbox_accounts import sandbox_use
from nightmail.privacy.signed_links import LinkError, Purpose, link_path, read_token
from portal.pages import page
from portal.pages.words import unsubscribe_words
from portal.state import Portal, PortalState

router = APIRouter(tags=["unsubscribe"], include_in_schema=False)

_PATH = f"{link_path(Purpose.UNSUBSCRIBE)}{{token}}"
Token = Annotated[str, Path(max_length=200)]


@router.get(_PATH)
@router.head(_PATH)
def show(token: Token, request: Request, portal: PortalState) -> Response:
    """The page with the button; nothing changes."""
    with portal.engine.connect() as connection:
        subscription = _subscription(connection, portal, token)
        if subscription is None:
            return _invalid(request)
        language, words = _words(subscription)
        return page("unsubscribe", language=language, words=words, sandbox=sandbox_use(connection).labels)


@router.post(_PATH)
async def opt_out(token: Token, request: Request, portal: PortalState) -> Response:
    """Opt out, for the message's category or for everything, or take it back."""
    form = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20)
    scope = (form.get("scope") or ["category"])[0]
    return await run_in_threadpool(_opt_out, token, scope, request, portal)


def _opt_out(token: str, scope: str, request: Request, portal: Portal) -> Response:
    with portal.engine.begin() as connection:
        subscription = _subscription(connection, portal, token)
        if subscription is None:
            return _invalid(request)
        language, words = _words(subscription)
        sandbox = sandbox_use(connection).labels
        if scope == "again":
            subscribe_again(connection, subscription)
            return page(
                "notice",
                language=language,
                title=words["again_title"],
                sentence=words["again_done"],
                remedy="",
                sandbox=sandbox,
            )
        unsubscribe(connection, subscription, everything=scope == "everything")
        return page("unsubscribed", language=language, words=words, sandbox=sandbox)


def _subscription(connection: Connection, portal: Portal, token: str) -> Subscription | None:
    try:
        link = read_token(token, Purpose.UNSUBSCRIBE, [portal.settings.key()])
    except LinkError:
        return None
    return find_subscription(connection, link.message_id, Lake(portal.settings.lake))


def _words(subscription: Subscription) -> tuple[str, dict[str, str]]:
    return unsubscribe_words(subscription.language, team=subscription.team, category=subscription.category)


def _invalid(request: Request) -> Response:
    accepted = request.headers.get("accept-language", "en").partition(",")[0].partition(";")[0].strip()
    language, words = unsubscribe_words(accepted)
    return page("notice", 404, language=language, title=words["invalid_title"], sentence=words["invalid"], remedy="")
