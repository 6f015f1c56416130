"""The ways by which one logs in: password, app, recovery codes, passkeys, identity providers. Each change is told by email."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from nightmail.access.authentication_policy import login_rules
from nightmail.access.identity_providers import linked_providers, unlink_person
from nightmail.access.login_steps import StepKind, keep_step, take_step
from nightmail.access.logins import Factors, factors_of, set_password
from nightmail.access.one_time_codes import remove_secret
from nightmail.access.passkeys import add_passkey, creation_options, remove_passkey
from nightmail.access.passwords import check_new_password
from nightmail.access.recovery_codes import make_codes
from nightmail.audit import write_entry
from nightmail.errors import NightmailError, UsageError
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.cookies import cookie_name, set_cookie
from portal.web.login.app_set_up import NewApp, app_of_step, set_app_up, shown_app
from portal.web.login.entering import STEP_S, passkey_site
from portal.web.login.notices import tell_of_change
from portal.web.login.texts import words_of
from portal.web.messages import redirect
from portal.web.rendering import render
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, recently_authenticated
from portal.web.translating import gettext, marked

router = APIRouter(include_in_schema=False)
Me = Annotated[SignedIn, recently_authenticated]


@router.get("/me/password")
def password(request: Request, me: Me) -> Response:
    """The field for a new password."""
    return render(request, "oneself/password.html", me=me, errors={})


@router.post("/me/password")
async def change_password(request: Request, portal: PortalState, form: FormSent, me: Me) -> Response:
    """A new password; all other sessions end."""
    try:
        check_new_password(form.secret("password"), name=me.name, email=me.email)
        new_hash = await asyncio.wrap_future(portal.passwords.hash(form.secret("password")))
    except NightmailError as error:
        return render(request, "oneself/password.html", 422, me=me, errors={"password": words_of(error)})
    await run_in_threadpool(_store_password, portal, me, new_hash)
    await run_in_threadpool(_tell, request, portal, me, marked("Your password was changed."))
    return redirect(request, "/me", gettext("Your password is changed. All other sessions have ended."))


@router.get("/me/app")
def app(request: Request, portal: PortalState, me: Me) -> Response:
    """A new secret for an authenticator app, which is not in use yet."""
    with portal.engine.begin() as connection:
        made, token = shown_app(request, connection, me.person_id, me.email, key=portal.settings.key())
    response = _app_page(request, made)
    set_cookie(request, response, "challenge", token, STEP_S)
    return response


@router.post("/me/app")
def set_up_app(request: Request, portal: PortalState, form: FormSent, me: Me) -> Response:
    """Take the app into use; with the first one come recovery codes."""
    key = portal.settings.key()
    with portal.engine.begin() as connection:
        made = app_of_step(request, connection, me.person_id, me.email, key=key)
        try:
            set_app_up(connection, me.person_id, made, form.value("code", 40), key=key)
        except NightmailError as error:
            return _app_page(request, made, {"code": words_of(error)})
        take_step(connection, StepKind.TOTP_NEW, request.cookies.get(cookie_name(request, "challenge"), ""))
        factors = factors_of(connection, me.person_id)
        codes = [] if factors.recovery_codes else make_codes(connection, me.person_id, key=key)
    _tell(request, portal, me, marked("An authenticator app was set up."))
    if not codes:
        return redirect(request, "/me", gettext("The app is set up."))
    return render(request, "oneself/codes.html", me=me, codes=codes)


@router.post("/me/app/remove")
def remove_app(request: Request, portal: PortalState, me: Me) -> Response:
    """Log in without the app, where that is allowed. Recovery codes are void with it."""

    def remove(connection: Connection) -> None:
        remove_secret(connection, me.person_id)

    return _removed(request, portal, me, {"factor": "totp"}, remove, marked("The authenticator app was removed."))


@router.post("/me/recovery-codes")
def new_codes(request: Request, portal: PortalState, me: Me) -> Response:
    """Ten new codes; those from before are void."""
    with portal.engine.begin() as connection:
        codes = make_codes(connection, me.person_id, key=portal.settings.key())
        _write(connection, me, "factor.added", {"factor": "recovery_code"})
    _tell(request, portal, me, marked("New recovery codes were made."))
    return render(request, "oneself/codes.html", me=me, codes=codes)


@router.post("/me/passkeys/options")
def passkey_options(request: Request, portal: PortalState, me: Me) -> Response:
    """What the browser is to make a passkey by."""
    site = passkey_site(request)
    if site is None:
        raise RequestError("not_found", what="page")
    with portal.engine.begin() as connection:
        options, challenge = creation_options(
            connection, me.person_id, me.email, me.name, site, key=portal.settings.key()
        )
        token = keep_step(connection, StepKind.PASSKEY_NEW, {"challenge": challenge}, person_id=me.person_id)
    response = JSONResponse(json.loads(options), headers={"Cache-Control": "no-store"})
    set_cookie(request, response, "challenge", token, STEP_S)
    return response


@router.post("/me/passkeys")
def new_passkey(request: Request, portal: PortalState, form: FormSent, me: Me) -> Response:
    """Keep the passkey that the browser has made."""
    site = passkey_site(request)
    try:
        with portal.engine.begin() as connection:
            token = request.cookies.get(cookie_name(request, "challenge"), "")
            step = take_step(connection, StepKind.PASSKEY_NEW, token)
            if step is None or site is None or step.person_id != me.person_id:
                raise UsageError("passkey_refused")
            name = form.value("name", 100) or gettext("Passkey")
            add_passkey(connection, me.person_id, form.value("answer"), step.payload["challenge"], site, name=name)
    except NightmailError as error:
        return redirect(request, "/me", words_of(error), "bad")
    _tell(request, portal, me, marked("A passkey was added."))
    return redirect(request, "/me", gettext("The passkey is added."))


@router.post("/me/passkeys/{passkey}/remove")
def remove_one(passkey: int, request: Request, portal: PortalState, me: Me) -> Response:
    """Take a passkey away, unless it is the last way in."""

    def remove(connection: Connection) -> None:
        if not remove_passkey(connection, me.person_id, passkey):
            raise RequestError("not_found", what="page")

    detail = {"factor": "passkey", "passkey": passkey}
    return _removed(request, portal, me, detail, remove, marked("A passkey was removed."))


@router.post("/me/providers/{provider}/unlink")
def unlink(provider: int, request: Request, portal: PortalState, me: Me) -> Response:
    """End the link with an identity provider, unless it is the last way in."""

    def remove(connection: Connection) -> None:
        if not unlink_person(connection, provider, me.person_id):
            raise RequestError("not_found", what="page")

    detail = {"factor": "provider", "provider": provider}
    return _removed(request, portal, me, detail, remove, marked("The link with an identity provider was ended."))


def _removed(
    request: Request,
    portal: Portal,
    me: SignedIn,
    detail: Mapping[str, object],
    remove: Callable[[Connection], None],
    sentence: str,
) -> Response:
    """Take a way in away, if what is left is enough for a login by all that is demanded."""
    try:
        with portal.engine.begin() as connection:
            remove(connection)
            if not enough_is_left(connection, portal, me.person_id):
                raise UsageError("factor_last")
            _write(connection, me, "factor.removed", detail)
    except UsageError as error:
        return redirect(request, "/me", words_of(error), "bad")
    _tell(request, portal, me, sentence)
    return redirect(request, "/me", gettext(sentence))


def enough_is_left(connection: Connection, portal: Portal, person_id: int) -> bool:
    """Whether a person can still log in, by everything that their organisation demands."""
    rules = login_rules(connection, person_id, portal.settings)
    factors = factors_of(connection, person_id)
    ways = [["provider"]] if linked_providers(connection, person_id) else []
    if factors.passkeys:
        ways.append(["passkey"])
    if factors.has_password:
        ways.append(["password", "totp"] if factors.has_second else ["password"])
    return any(rules.satisfied_by(way) for way in ways)


def _store_password(portal: Portal, me: SignedIn, new_hash: str) -> None:
    with portal.engine.begin() as connection:
        set_password(connection, me.person_id, new_hash, actor=me.principal.actor, keep_session=me.session_id)


def _write(connection: Connection, me: SignedIn, action: str, detail: Mapping[str, object]) -> None:
    write_entry(connection, actor=me.principal.actor, action=action, subject=me.principal.actor, detail=detail)


def _tell(request: Request, portal: Portal, me: SignedIn, what: str) -> None:
    with portal.engine.connect() as connection:
        factors: Factors = factors_of(connection, me.person_id)
    tell_of_change(request, factors, what)


def _app_page(request: Request, made: NewApp, errors: Mapping[str, str] | None = None) -> Response:
    return render(request, "oneself/app.html", 422 if errors else 200, app=made, errors=errors or {})
