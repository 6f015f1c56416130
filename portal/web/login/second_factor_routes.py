"""After the password: the app's code, a recovery code, and the setting up of an app where a second factor is demanded."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from nightmail.access.authentication_policy import RECOVERY_CODE, TOTP
from nightmail.access.login_steps import Step, StepKind
from nightmail.access.logins import Factors, check_second_factor, factors_of
from nightmail.access.recovery_codes import make_codes
from nightmail.errors import NightmailError
from portal.state import Portal, PortalState
from portal.web.cookies import set_cookie
from portal.web.login.app_set_up import NewApp, app_of_step, set_app_up, shown_app
from portal.web.login.entering import (
    STEP_S,
    Proof,
    client_address,
    enter,
    next_address,
    passkey_site,
    taken_step,
    waiting_step,
)
from portal.web.login.notices import tell_of_change
from portal.web.login.routes import Anybody
from portal.web.login.texts import words_of
from portal.web.rendering import render
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, Visitor
from portal.web.translating import marked

router = APIRouter(include_in_schema=False)


@router.get("/login/second-factor")
def second_factor(request: Request, portal: PortalState, _who: Anybody) -> Response:
    """The field for the app's code."""
    return _page(request, portal, TOTP)


@router.post("/login/second-factor")
def check_code(request: Request, portal: PortalState, form: FormSent, who: Anybody) -> Response:
    """The app's code."""
    return _check(request, portal, who, form.value("code", 40), TOTP)


@router.get("/login/recovery-code")
def recovery_code(request: Request, portal: PortalState, _who: Anybody) -> Response:
    """The field for a recovery code."""
    return _page(request, portal, RECOVERY_CODE)


@router.post("/login/recovery-code")
def check_recovery_code(request: Request, portal: PortalState, form: FormSent, who: Anybody) -> Response:
    """A recovery code."""
    return _check(request, portal, who, form.value("code", 100), RECOVERY_CODE)


@router.get("/login/set-up")
def set_up(request: Request, portal: PortalState, _who: Anybody) -> Response:
    """The app's QR code, for who has only a password where more is demanded."""
    with portal.engine.begin() as connection:
        step = waiting_step(request, connection, StepKind.SECOND_FACTOR)
        factors = _person(connection, step)
        if factors.has_second:
            return _page(request, portal, TOTP)
        app, token = shown_app(request, connection, factors.person_id, factors.email, key=portal.settings.key())
    response = _set_up_page(request, app, factors)
    set_cookie(request, response, "challenge", token, STEP_S)
    return response


@router.post("/login/set-up")
def finish_set_up(request: Request, portal: PortalState, form: FormSent, who: Anybody) -> Response:
    """The first code of the app; then the recovery codes, once, and on to where the person wanted to go."""
    key = portal.settings.key()
    with portal.engine.begin() as connection:
        step = waiting_step(request, connection, StepKind.SECOND_FACTOR)
        factors = _person(connection, step)
        app = app_of_step(request, connection, factors.person_id, factors.email, key=key)
        if factors.has_second:
            return _page(request, portal, TOTP)
        try:
            set_app_up(connection, factors.person_id, app, form.value("code", 40), key=key)
        except NightmailError as error:
            return _set_up_page(request, app, factors, {"code": words_of(error)})
        codes = make_codes(connection, factors.person_id, key=key)
        taken_step(request, connection, StepKind.SECOND_FACTOR)
    tell_of_change(request, factors, marked("An authenticator app was set up."))
    proof = Proof(factors.person_id, (*step.payload["factors"], TOTP), next_address(request, step.payload["next"]))
    entered = enter(request, portal, who, proof)
    page = render(request, "login/codes.html", codes=codes, next=proof.next)
    page.headers.raw.extend(header for header in entered.headers.raw if header[0] == b"set-cookie")
    return page


def _check(request: Request, portal: Portal, who: SignedIn | Visitor, code: str, way: str) -> Response:
    """Judge a code and go on. A wrong one is kept, whatever the page says."""
    with portal.engine.begin() as connection:
        step = waiting_step(request, connection, StepKind.SECOND_FACTOR)
        person_id = _person(connection, step).person_id
        try:
            fits = check_second_factor(
                connection, person_id, code, way, client_address(request), key=portal.settings.key()
            )
        except NightmailError as error:
            status = 429 if error.reason == "login_wait" else 422
            return _page(request, portal, way, {"code": words_of(error)}, status)
        if fits:
            taken_step(request, connection, StepKind.SECOND_FACTOR)
    if not fits:
        wrong = {TOTP: "code_wrong", RECOVERY_CODE: "recovery_code_wrong"}[way]
        return _page(request, portal, way, {"code": words_of(NightmailError(wrong))})
    if way == RECOVERY_CODE:
        with portal.engine.connect() as connection:
            factors = factors_of(connection, person_id)
        tell_of_change(request, factors, marked("A recovery code was used to log in."))
    proof = Proof(person_id, (*step.payload["factors"], way), next_address(request, step.payload["next"]))
    return enter(request, portal, who, proof)


def _person(connection: Connection, step: Step) -> Factors:
    return factors_of(connection, step.person_id or 0)


def _page(
    request: Request, portal: Portal, way: str, errors: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    with portal.engine.connect() as connection:
        step = waiting_step(request, connection, StepKind.SECOND_FACTOR)
        factors = _person(connection, step)
    return render(
        request,
        "login/second_factor.html",
        422 if errors and status == 200 else status,
        way=way,
        errors=errors or {},
        factors=factors,
        passkeys=factors.passkeys > 0 and passkey_site(request) is not None,
        next=step.payload["next"],
    )


def _set_up_page(request: Request, app: NewApp, factors: Factors, errors: Mapping[str, str] | None = None) -> Response:
    return render(
        request,
        "login/set_up.html",
        422 if errors else 200,
        app=app,
        errors=errors or {},
        passkeys=factors.passkeys > 0 and passkey_site(request) is not None,
        next="/",
    )
