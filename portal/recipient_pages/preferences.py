"""The page behind ``preferences_url``: stopping messages by the link alone, and all else after a code to the address.

A GET changes nothing. What the link alone may do only ever stops messages. Whoever types the code that was sent to the
message's address gets a cookie for half an hour, and with it the page that shows and changes what is chosen.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection

from nightmail.consent.address_codes import (
    PROOF_LASTS,
    AddressOfTeam,
    Typed,
    end_proof,
    is_proved,
    judge_code,
    make_code,
)
from nightmail.consent.own_addresses import own_addresses
from nightmail.consent.own_choices import choose, standing, start_again, stop_everything
from nightmail.consent.unsubscribing import unsubscribe
from nightmail.organisation.sandbox_accounts import sandbox_use
from nightmail.privacy import AddressHash
from nightmail.privacy.signed_links import Purpose, link_path
from portal.recipient_pages.choice_forms import agreements, read_form, typed_fields
from portal.recipient_pages.code_messages import OwnMessage, Sent, code_route, may_be_written_to
from portal.recipient_pages.code_words import waiting_time
from portal.recipient_pages.links import subscription_of
from portal.recipient_pages.look import look_of
from portal.recipient_pages.preference_pages import Notice, Visit, locked_page, open_page
from portal.recipient_pages.preference_words import Words, filled
from portal.recipient_pages.topic_words import topic_label
from portal.state import Portal, PortalState
from portal.web.cookies import is_secure

router = APIRouter(include_in_schema=False)

_PATH = f"{link_path(Purpose.PREFERENCES)}{{token}}"
_COOKIE = "nightmail_choices"
_SEND_WAIT_S = 8.0
"""For how long a page waits to hear what became of a code."""
Token = Annotated[str, Path(max_length=200)]
Form = Mapping[str, Sequence[str]]


Action = Callable[[Connection, Visit], Response]


@router.get(_PATH)
@router.head(_PATH)
def show(token: Token, request: Request, portal: PortalState) -> Response:
    """The page, open for who has typed the code and locked for everybody else."""
    with portal.engine.connect() as connection:
        visit = _visit(connection, portal, token, request)
        if isinstance(visit, Response):
            return visit
        done = request.query_params.get("done")
        if visit.proved:
            known = {"saved": "saved", "again": "again_done"}.get(done or "")
            return open_page(connection, visit, Notice(visit.words[known], good=True) if known else None)
        return locked_page(connection, visit, Notice(visit.words["left"], good=True) if done == "left" else None)


@router.post(_PATH)
async def act(token: Token, request: Request, portal: PortalState) -> Response:
    """Do what a button says; one click from a mail program (RFC 8058) stops the message's category."""
    body = (await request.body()).decode("utf-8", "replace")
    form: Form = parse_qs(body, keep_blank_values=True, max_num_fields=400)
    action = next(iter(form.get("do", ())), "stop")
    if action == "code":
        return await _send_code(token, request, portal)
    do = _ACTIONS.get(action, _stop)
    return await run_in_threadpool(_do, do, token, form, request, portal)


def _do(do: Action, token: str, form: Form, request: Request, portal: Portal) -> Response:
    with portal.engine.begin() as connection:
        visit = _visit(connection, portal, token, request, form)
        return visit if isinstance(visit, Response) else do(connection, visit)


def _visit(
    connection: Connection, portal: Portal, token: str, request: Request, form: Form | None = None
) -> Visit | Response:
    found = subscription_of(connection, portal, token, Purpose.PREFERENCES, request)
    if isinstance(found, Response):
        return found
    look = look_of(connection, found.path, found.team)
    words = Words(found.language, team=look.name)
    words = Words(found.language, team=look.name, topic=topic_label(words.language, found.category))
    address = AddressOfTeam(found.team_id, found.channel, found.address_hash)
    proof = request.cookies.get(_COOKIE, "")[:100]
    proved = bool(proof) and is_proved(connection, address, proof)
    own = own_addresses(connection, found, key=portal.settings.key())
    visit = Visit(
        subscription=found,
        own=own,
        look=look,
        words=words,
        address=address,
        proof=proof,
        proved=proved,
        sandbox=sandbox_use(connection).labels,
        token=token,
        form=form or {},
        secure=is_secure(request),
        key=portal.settings.key(),
    )
    return replace(visit, proved=False) if visit.has_moved else visit


async def _send_code(token: str, request: Request, portal: Portal) -> Response:
    made = await run_in_threadpool(_make_code, token, request, portal)
    if isinstance(made, Response):
        return made
    sending = portal.codes.send(made)
    sent = Sent.NO
    if sending is not None:
        try:
            sent = await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(sending)), _SEND_WAIT_S)
        except TimeoutError:
            sent = Sent.NOBODY_KNOWS
    return await run_in_threadpool(_answer_to_code, sent, token, request, portal)


def _make_code(token: str, request: Request, portal: Portal) -> OwnMessage | Response:
    """The message with a new code, or the page that says why there is none."""
    with portal.engine.begin() as connection:
        visit = _visit(connection, portal, token, request)
        if isinstance(visit, Response):
            return visit
        subscription, words = visit.subscription, visit.words
        address = visit.reached_at
        if visit.has_moved:
            return locked_page(connection, visit, Notice(words["code_moved"]), status=409)
        if address is None:
            return locked_page(connection, visit, Notice(words["code_address_gone"]), status=410)
        route = code_route(connection, subscription, address)
        if route is None or not may_be_written_to(connection, subscription):
            return locked_page(connection, visit, Notice(words["code_no_way"]), status=409)
        wait_s = portal.code_requests.take(request.client.host if request.client else "")
        made = None if wait_s else make_code(connection, visit.address, key=portal.settings.key())
        if made is None or made.code is None or made.id is None:
            wait_s = wait_s or (made.wait_s if made else 60)
            notice = Notice(filled(words["code_wait"], wait=waiting_time(wait_s)))
            answer = locked_page(connection, visit, notice, status=429)
            answer.headers["Retry-After"] = str(wait_s)
            return answer
    return OwnMessage(
        made.id,
        route,
        address,
        filled(words["code_message_subject"], code=made.code),
        filled(words["code_message"], code=made.code),
        words.language,
    )


def _answer_to_code(sent: Sent, token: str, request: Request, portal: Portal) -> Response:
    if sent is Sent.YES:
        return _back(token, "")
    with portal.engine.connect() as connection:
        visit = _visit(connection, portal, token, request)
        if isinstance(visit, Response):
            return visit
        in_doubt = sent is Sent.NOBODY_KNOWS
        notice = Notice(visit.words["code_in_doubt" if in_doubt else "code_not_sent"])
        return locked_page(connection, visit, notice, status=202 if in_doubt else 503)


def _stop(connection: Connection, visit: Visit) -> Response:
    everything = "everything" in visit.form.get("scope", ()) or "all" in visit.form.get("do", ())
    unsubscribe(connection, visit.subscription, everything=everything)
    return locked_page(connection, visit, Notice(visit.words["stopped"], good=True), stopped=True)


def _type(connection: Connection, visit: Visit) -> Response:
    typed = next(iter(visit.form.get("code", ())), "")[:40]
    message_id = visit.subscription.message_id
    judged = judge_code(connection, visit.address, typed, key=visit.key, message_id=message_id)
    if judged.proof is None:
        if visit.proved:
            return _back(visit.token, "")
        return locked_page(connection, visit, fault=visit.words[_FAULTS[judged.verdict]], status=422)
    answer = _back(visit.token, "")
    answer.set_cookie(
        _COOKIE,
        judged.proof,
        max_age=int(PROOF_LASTS.total_seconds()),
        path=link_path(Purpose.PREFERENCES),
        secure=visit.secure,
        httponly=True,
        samesite="lax",
    )
    return answer


def _save(connection: Connection, visit: Visit) -> Response:
    if not visit.proved:
        return locked_page(connection, visit, Notice(visit.words["code_locked_again"]), status=403)
    offered = standing(connection, visit.subscription)
    read = read_form(visit.form, offered, visit.words, dt.datetime.now(dt.UTC).date())
    if read.faults:
        return open_page(connection, visit, faults=read.faults, fields=typed_fields(visit.form), status=422)
    seen, agreed = next(iter(visit.form.get("seen", ())), ""), agreements(offered, visit.words)
    if not choose(connection, visit.subscription, read.choices, seen=seen, agreed=agreed):
        return open_page(connection, visit, Notice(visit.words["stale"]), status=409)
    return _back(visit.token, "saved")


def _stop_all(connection: Connection, visit: Visit) -> Response:
    # To stop needs no code; without one the link stops its own channel.
    if not visit.proved:
        return _stop(connection, visit)
    stop_everything(connection, visit.subscription, _also(visit))
    return _back(visit.token, "")


def _again(connection: Connection, visit: Visit) -> Response:
    if not visit.proved:
        return locked_page(connection, visit, Notice(visit.words["code_locked_again"]), status=403)
    start_again(connection, visit.subscription, _also(visit))
    return _back(visit.token, "again")


def _also(visit: Visit) -> set[tuple[str, AddressHash]]:
    """The recipient's other addresses, on the channels that use them."""
    return visit.own.on_channels() if visit.own is not None else set()


def _leave(connection: Connection, visit: Visit) -> Response:
    end_proof(connection, visit.address, visit.proof)
    answer = _back(visit.token, "left")
    answer.delete_cookie(
        _COOKIE, path=link_path(Purpose.PREFERENCES), secure=visit.secure, httponly=True, samesite="lax"
    )
    return answer


def _back(token: str, done: str) -> Response:
    """On to the page itself, so that a reload sends nothing again."""
    address = f"{link_path(Purpose.PREFERENCES)}{token}" + (f"?done={done}" if done else "")
    return Response(status_code=303, headers={"Location": address, "Cache-Control": "no-store"})


_ACTIONS: dict[str, Action] = {
    "stop": _stop,
    "type": _type,
    "save": _save,
    "all": _stop_all,
    "again": _again,
    "leave": _leave,
}
_FAULTS = {
    Typed.WRONG: "code_wrong",
    Typed.TOO_OFTEN: "code_too_often",
    Typed.OVER: "code_over",
    Typed.USED: "code_used",
}
