"""Proving again who one is, before what is delicate: the session goes on with a new token."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from nightmail.access.authentication_policy import PASSKEY, PASSWORD, TOTP
from nightmail.access.identity_providers import linked_providers, list_providers
from nightmail.access.logins import (
    Attempt,
    begin_password,
    check_second_factor,
    factors_of,
    finish_password,
    login_failed,
)
from nightmail.access.passwords import Verdict
from nightmail.access.sessions import proved_again
from nightmail.audit import write_entry
from nightmail.errors import NightmailError
from portal.state import Portal, PortalState
from portal.web.login.entering import client_address, next_address, passkey_site
from portal.web.login.passkey_routes import proved_by_passkey
from portal.web.login.texts import words_of
from portal.web.messages import redirect
from portal.web.rendering import render
from portal.web.sent_form import FormSent, SentForm
from portal.web.signed_in import SignedIn, anyone_signed_in
from portal.web.translating import gettext

router = APIRouter(include_in_schema=False)
Me = Annotated[SignedIn, anyone_signed_in]


@router.get("/confirm-identity")
def confirm(request: Request, portal: PortalState, me: Me) -> Response:
    """The ways to prove it."""
    return _page(request, portal, me)


@router.post("/confirm-identity")
async def confirm_by_password(request: Request, portal: PortalState, form: FormSent, me: Me) -> Response:
    """By the password, and the app's code where there is an app."""
    try:
        attempt = await run_in_threadpool(_begin, request, portal, me)
        verdict = await asyncio.wrap_future(portal.passwords.verify(attempt.stored_hash, form.secret("password")))
        return await run_in_threadpool(_finish, request, portal, me, form, attempt, verdict)
    except NightmailError as error:
        return await run_in_threadpool(_page, request, portal, me, form, {"": words_of(error)})


@router.post("/confirm-identity/passkey")
def confirm_by_passkey(request: Request, portal: PortalState, form: FormSent, me: Me) -> Response:
    """By a passkey of one's own."""
    with portal.engine.begin() as connection:
        fits = proved_by_passkey(request, connection, form.value("answer")) == me.person_id
        if fits:
            _keep(portal, me, (PASSKEY,))
        else:
            login_failed(connection, me.principal.actor, way=PASSKEY)
    if not fits:
        return _page(request, portal, me, form, {"": words_of(NightmailError("passkey_refused"))})
    return redirect(request, next_address(request, form.value("next")))


def _begin(request: Request, portal: Portal, me: SignedIn) -> Attempt:
    with portal.engine.begin() as connection:
        return begin_password(connection, me.email, client_address(request), key=portal.settings.key())


def _finish(
    request: Request, portal: Portal, me: SignedIn, form: SentForm, attempt: Attempt, verdict: Verdict
) -> Response:
    errors: dict[str, str] = {}
    with portal.engine.begin() as connection:
        factors = finish_password(connection, attempt, verdict)
        if factors is None:
            errors["password"] = gettext("This is not your password.")
        elif factors.has_second:
            fits = check_second_factor(
                connection,
                me.person_id,
                form.value("code", 40),
                TOTP,
                client_address(request),
                key=portal.settings.key(),
            )
            if not fits:
                errors["code"] = words_of(NightmailError("code_wrong"))
    if factors is None or errors:
        return _page(request, portal, me, form, errors)
    _keep(portal, me, (PASSWORD, TOTP) if factors.has_second else (PASSWORD,))
    return redirect(request, next_address(request, form.value("next")))


def _keep(portal: Portal, me: SignedIn, factors: tuple[str, ...]) -> None:
    with portal.engine.begin() as connection:
        proved_again(connection, me.session_id, factors)
        write_entry(
            connection,
            actor=me.principal.actor,
            action="person.proved_again",
            subject=me.principal.actor,
            detail={"factors": list(factors)},
        )


def _page(
    request: Request,
    portal: Portal,
    me: SignedIn,
    form: SentForm | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    with portal.engine.connect() as connection:
        factors = factors_of(connection, me.person_id)
        linked = {name for _, name in linked_providers(connection, me.person_id)}
        providers = [each.name for each in list_providers(connection) if each.name in linked]
    return render(
        request,
        "login/confirm.html",
        422 if errors else 200,
        factors=factors,
        providers=providers,
        passkeys=factors.passkeys > 0 and passkey_site(request) is not None,
        next=next_address(request, form.value("next") if form is not None else ""),
        errors=errors or {},
    )
