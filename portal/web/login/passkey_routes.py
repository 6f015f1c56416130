"""Login by passkey: a challenge for the browser, and the answer that a form brings back."""

from __future__ import annotations

import json

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from nightmail.access.authentication_policy import PASSKEY
from nightmail.access.login_steps import StepKind, keep_step, take_step
from nightmail.access.logins import login_failed
from nightmail.access.passkeys import login_options, proved_person
from nightmail.errors import NightmailError
from portal.problems import RequestError
from portal.state import PortalState
from portal.web.cookies import cookie_name, set_cookie
from portal.web.login.entering import STEP_S, Proof, enter, limit_starts, next_address, passkey_site
from portal.web.login.routes import Anybody, refused
from portal.web.sent_form import FormSent

router = APIRouter(include_in_schema=False)


@router.post("/login/passkey/options")
def passkey_options(request: Request, portal: PortalState, _who: Anybody) -> Response:
    """A challenge, good once, for this browser."""
    limit_starts(request, portal)
    site = passkey_site(request)
    if site is None:
        raise RequestError("not_found", what="page")
    options, challenge = login_options(site)
    with portal.engine.begin() as connection:
        token = keep_step(connection, StepKind.PASSKEY_LOGIN, {"challenge": challenge})
    response = JSONResponse(json.loads(options), headers={"Cache-Control": "no-store"})
    set_cookie(request, response, "challenge", token, STEP_S)
    return response


@router.post("/login/passkey")
def log_in_by_passkey(request: Request, portal: PortalState, form: FormSent, who: Anybody) -> Response:
    """The browser's answer. What was unlocked by face, finger or PIN is two factors."""
    with portal.engine.begin() as connection:
        person_id = proved_by_passkey(request, connection, form.value("answer"))
        if person_id is None:
            login_failed(connection, "passkey", way=PASSKEY)
    try:
        if person_id is None:
            raise NightmailError("passkey_refused")
        return enter(request, portal, who, Proof(person_id, (PASSKEY,), next_address(request, form.value("next"))))
    except NightmailError as error:
        return refused(request, portal, form, error)


def proved_by_passkey(request: Request, connection: Connection, answer: str) -> int | None:
    """Whose passkey answered this browser's challenge, which is used up; ``None`` where it is nobody's. To be committed."""
    site = passkey_site(request)
    token = request.cookies.get(cookie_name(request, "challenge"), "")
    step = take_step(connection, StepKind.PASSKEY_LOGIN, token)
    if step is None or site is None:
        return None
    return proved_person(connection, answer, step.payload["challenge"], site)
