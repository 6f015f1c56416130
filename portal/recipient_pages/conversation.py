"""The conversation page behind ``chat_url``: the message, what was answered, and a box to answer in.

A GET changes nothing. A POST stores one reply, once: the form has a token of its own, so that a second press of the button or
a reload stores nothing twice.
"""

from __future__ import annotations

import re
import secrets
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection

from nightmail.conversations.chat import LONGEST_TEXT, Conversation, find_conversation, say
from nightmail.organisation.sandbox_accounts import sandbox_use
from nightmail.privacy.signed_links import LinkError, Purpose, link_path, read_token
from portal.pages import page
from portal.recipient_pages.words import conversation_words
from portal.state import Portal, PortalState

router = APIRouter(include_in_schema=False)

_PATH = f"{link_path(Purpose.CHAT)}{{token}}"
_ONCE = re.compile(r"[A-Za-z0-9_-]{22}")
Token = Annotated[str, Path(max_length=200)]


@router.get(_PATH)
@router.head(_PATH)
def show(token: Token, request: Request, portal: PortalState) -> Response:
    """The page."""
    with portal.engine.connect() as connection:
        found = _conversation(connection, portal, token)
        return _invalid(request) if found is None else _page(connection, found)


@router.post(_PATH)
async def answer(token: Token, request: Request, portal: PortalState) -> Response:
    """Store what was written, and show the page with it."""
    form = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20)
    written = (form.get("text") or [""])[0].replace("\r\n", "\n").strip()[:LONGEST_TEXT]
    once = (form.get("once") or [""])[0]
    return await run_in_threadpool(_answer, token, written, once, request, portal)


def _answer(token: str, written: str, once: str, request: Request, portal: Portal) -> Response:
    with portal.engine.connect() as connection:
        found = _conversation(connection, portal, token)
    if found is None:
        return _invalid(request)
    _, words = conversation_words(found.language)
    notice = words["empty"]
    if written and not found.full:
        key = once if _ONCE.fullmatch(once) else secrets.token_urlsafe(16)
        say(portal.engine, found, written, key, hash_key=portal.settings.key())
        notice = words["taken"]
    with portal.engine.connect() as connection:
        return _page(connection, _conversation(connection, portal, token) or found, notice)


def _conversation(connection: Connection, portal: Portal, token: str) -> Conversation | None:
    try:
        link = read_token(token, Purpose.CHAT, [portal.settings.key()])
    except LinkError:
        return None
    return find_conversation(connection, link.message_id)


def _page(connection: Connection, conversation: Conversation, notice: str = "") -> Response:
    language, words = conversation_words(conversation.language)
    return page(
        "conversation",
        language=language,
        words=words,
        conversation=conversation,
        notice=notice,
        once=secrets.token_urlsafe(16),
        longest=LONGEST_TEXT,
        sandbox=sandbox_use(connection).labels,
    )


def _invalid(request: Request) -> Response:
    language, words = conversation_words(request.headers.get("accept-language", "en").partition(",")[0])
    return page("notice", 404, language=language, title=words["invalid_title"], sentence=words["invalid"], remedy="")
