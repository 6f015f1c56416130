"""The login page, the login by password, and logging out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from nightmail.access.authentication_policy import PASSWORD
from nightmail.access.identity_providers import list_providers
from nightmail.access.login_steps import StepKind, keep_step
from nightmail.access.logins import Attempt, begin_password, finish_password
from nightmail.access.passwords import Verdict
from nightmail.access.sessions import end_session
from nightmail.errors import NightmailError
from portal.state import Portal, PortalState
from portal.web.cookies import end_cookie
from portal.web.login.entering import Proof, client_address, enter, next_address, passkey_site, step_on
from portal.web.login.texts import words_of, words_of_end
from portal.web.messages import redirect
from portal.web.rendering import render
from portal.web.sent_form import FormSent, SentForm
from portal.web.signed_in import SignedIn, Visitor, anyone_signed_in, public
from portal.web.translating import gettext

router = APIRouter(include_in_schema=False)
Anybody = Annotated[SignedIn | Visitor, public]


@router.get("/login")
def login_page(request: Request, portal: PortalState, who: Anybody) -> Response:
    """The ways to log in."""
    if isinstance(who, SignedIn):
        return redirect(request, next_address(request))
    return show_login(request, portal, note=words_of_end(getattr(request.state, "session_ended", None)))


@router.post("/login")
async def log_in(request: Request, portal: PortalState, form: FormSent, who: Anybody) -> Response:
    """By email address and password. The hashing waits for its turn without a connection of the database."""
    errors = {}
    if not form.value("email"):
        errors["email"] = gettext("Type your email address.")
    if not form.secret("password"):
        errors["password"] = gettext("Type your password.")
    if errors:
        return await run_in_threadpool(show_login, request, portal, form, errors)
    try:
        attempt = await run_in_threadpool(_begin, request, portal, form)
        verdict = await asyncio.wrap_future(portal.passwords.verify(attempt.stored_hash, form.secret("password")))
    except NightmailError as error:
        return await run_in_threadpool(refused, request, portal, form, error)
    return await run_in_threadpool(_finish, request, portal, who, form, attempt, verdict)


@router.post("/logout")
def log_out(request: Request, portal: PortalState, me: Annotated[SignedIn, anyone_signed_in]) -> Response:
    """The session is over, on the server and in the browser."""
    with portal.engine.begin() as connection:
        end_session(connection, me.session_id, ended_by=me.principal.actor, action="person.logged_out")
    response = redirect(request, "/login")
    end_cookie(request, response, "session")
    return response


def show_login(
    request: Request,
    portal: Portal,
    form: SentForm | None = None,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
    *,
    note: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The page with all ways; what was typed stays, but for the password."""
    with portal.engine.connect() as connection:
        providers = [provider.name for provider in list_providers(connection)]
        forgotten = portal.emails.work(connection)
    return render(
        request,
        "login/login.html",
        422 if errors and status == 200 else status,
        headers=headers,
        values={} if form is None else {"email": form.value("email", 400)},
        errors=errors or {},
        providers=providers,
        forgotten=forgotten,
        passkeys=passkey_site(request) is not None,
        next=next_address(request, form.value("next") if form is not None else ""),
        note=note,
    )


def refused(request: Request, portal: Portal, form: SentForm | None, error: NightmailError) -> Response:
    """The login page with what went wrong."""
    status, headers = 422, {}
    if error.reason == "login_wait":
        status, headers = 429, {"Retry-After": str(error.detail["seconds"])}
    elif error.reason in ("logins_busy", "provider_away", "provider_wrong"):
        status, headers = 503, {"Retry-After": "10"}
    return show_login(request, portal, form, {"": words_of(error)}, status, headers=headers)


def _begin(request: Request, portal: Portal, form: SentForm) -> Attempt:
    with portal.engine.begin() as connection:
        return begin_password(connection, form.value("email", 400), client_address(request), key=portal.settings.key())


def _finish(
    request: Request, portal: Portal, who: SignedIn | Visitor, form: SentForm, attempt: Attempt, verdict: Verdict
) -> Response:
    next_ = next_address(request, form.value("next"))
    with portal.engine.begin() as connection:
        factors = finish_password(connection, attempt, verdict)
        if factors is not None and factors.has_second:
            payload = {"factors": [PASSWORD], "next": next_}
            token = keep_step(connection, StepKind.SECOND_FACTOR, payload, person_id=factors.person_id)
            return step_on(request, "/login/second-factor", token)
    if factors is None:
        return show_login(request, portal, form, {"": gettext("Email address and password do not fit together.")})
    try:
        return enter(request, portal, who, Proof(factors.person_id, (PASSWORD,), next_))
    except NightmailError as error:
        return refused(request, portal, form, error)
