"""A forgotten password: a link by email, and the page behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection

from nightmail.access.access_links import LinkPurpose, make_link, read_link, use_link
from nightmail.access.authentication_policy import login_rules
from nightmail.access.logins import Factors, email_hash, factors_of, person_to_log_in, set_password
from nightmail.access.passwords import check_new_password
from nightmail.access.throttling import address_subject, reset_subject, take_attempt
from nightmail.audit import write_entry
from nightmail.errors import NightmailError
from portal.account_emails import PersonEmail
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.login.entering import client_address, email_origin
from portal.web.login.notices import password_link, tell_of_change
from portal.web.login.routes import Anybody
from portal.web.login.texts import words_of
from portal.web.messages import redirect
from portal.web.rendering import render
from portal.web.sent_form import FormSent
from portal.web.translating import gettext, marked

router = APIRouter(include_in_schema=False)
Token = Annotated[str, Path(max_length=200)]


@router.get("/login/forgotten")
def forgotten(request: Request, portal: PortalState, _who: Anybody) -> Response:
    """The field for one's email address."""
    with portal.engine.connect() as connection:
        works = portal.emails.work(connection)
    return _asking(request, works=works)


@router.post("/login/forgotten")
def send_link(request: Request, portal: PortalState, form: FormSent, _who: Anybody) -> Response:
    """The same answer whoever asks for whomever: what there is to do is done after it."""
    email = form.value("email", 400)
    if not email:
        return _asking(request, 422, errors={"email": gettext("Type your email address.")})
    with portal.engine.begin() as connection:
        if not portal.emails.work(connection):
            raise RequestError("not_found", what="page")
        account = email_hash(email, portal.settings.key())
        wait = take_attempt(connection, (reset_subject(account), address_subject(client_address(request))))
    if wait:
        errors = {"": words_of(NightmailError("login_wait", seconds=wait))}
        return _asking(request, 429, email=email, errors=errors, headers={"Retry-After": str(wait)})
    origin, address = email_origin(request), client_address(request)
    portal.emails.do(lambda: _link_for(portal, email, origin, address))
    return _asking(request, email=email, sent=True)


@router.get("/login/new-password/{token}")
def new_password(token: Token, request: Request, portal: PortalState, _who: Anybody) -> Response:
    """The page behind the link; it is used up by the form, not by looking."""
    with portal.engine.connect() as connection:
        person = _person(connection, token)
    return _page(request, token, person)


@router.post("/login/new-password/{token}")
async def choose_password(
    token: Token, request: Request, portal: PortalState, form: FormSent, _who: Anybody
) -> Response:
    """The new password. It logs nobody in: a second factor is asked for as ever."""
    password = form.secret("password")
    person = await run_in_threadpool(_find, portal, token)
    try:
        check_new_password(password, name=person.name, email=person.email)
        new_hash = await asyncio.wrap_future(portal.passwords.hash(password))
    except NightmailError as error:
        return _page(request, token, person, {"password": words_of(error)})
    await run_in_threadpool(_store, portal, token, new_hash)
    tell_of_change(request, person, marked("Your password was changed by a link in an email."))
    return redirect(request, "/login", gettext("The password is changed. Log in with the new one."))


def _link_for(portal: Portal, email: str, origin: str, address: str) -> PersonEmail | None:
    """The email with a link; ``None`` for who has no account, or logs in by a provider only."""
    with portal.engine.begin() as connection:
        person_id = person_to_log_in(connection, email)
        if person_id is None or login_rules(connection, person_id, portal.settings).single_sign_on_only:
            return None
        person = factors_of(connection, person_id)
        token = make_link(connection, LinkPurpose.PASSWORD, created_by="visitor", person_id=person_id)
        write_entry(
            connection,
            actor="visitor",
            action="password.link_sent",
            subject=f"person:{person_id}",
            origin=address,
        )
    return password_link(person, f"{origin}/login/new-password/{token}")


def _find(portal: Portal, token: str) -> Factors:
    with portal.engine.connect() as connection:
        return _person(connection, token)


def _person(connection: Connection, token: str) -> Factors:
    return factors_of(connection, read_link(connection, token, LinkPurpose.PASSWORD).person_id or 0)


def _store(portal: Portal, token: str, new_hash: str) -> None:
    with portal.engine.begin() as connection:
        link = read_link(connection, token, LinkPurpose.PASSWORD)
        use_link(connection, link)
        person_id = link.person_id or 0
        set_password(connection, person_id, new_hash, actor=f"person:{person_id}")


def _asking(
    request: Request,
    status: int = 200,
    *,
    works: bool = True,
    sent: bool = False,
    email: str = "",
    errors: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    return render(
        request,
        "login/forgotten.html",
        status,
        headers=headers,
        works=works,
        sent=sent,
        values={"email": email},
        errors=errors or {},
    )


def _page(request: Request, token: str, person: Factors, errors: Mapping[str, str] | None = None) -> Response:
    return render(
        request,
        "login/new_password.html",
        422 if errors else 200,
        token=token,
        email=person.email,
        errors=errors or {},
    )
