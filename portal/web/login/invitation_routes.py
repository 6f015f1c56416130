"""The pages behind links that make people: an invitation, and the first administrator.

A link is used by the form, not by looking at it. What is chosen (a password, a passkey, an identity provider) is kept in
the same transaction as the link's use.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from zoneinfo import available_timezones

from fastapi import APIRouter, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from nightmail.access.access_links import AccessLinkRow, LinkPurpose, read_link, use_link
from nightmail.access.authentication_policy import PASSKEY, PASSWORD, login_rules
from nightmail.access.first_administrator import begin_administration
from nightmail.access.identity_providers import list_providers
from nightmail.access.login_steps import StepKind, keep_step, take_step
from nightmail.access.logins import Factors, factors_of, set_password
from nightmail.access.passkeys import add_passkey, creation_options
from nightmail.access.passwords import check_new_password
from nightmail.access.people import Invitation, activate, change_oneself
from nightmail.access.person_fields import checked_email, checked_name, checked_time_zone
from nightmail.errors import NightmailError, UsageError
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.cookies import cookie_name, set_cookie
from portal.web.login.entering import STEP_S, Proof, enter, limit_starts, passkey_site
from portal.web.login.provider_routes import to_provider
from portal.web.login.routes import Anybody, refused
from portal.web.login.texts import words_of
from portal.web.rendering import render
from portal.web.sent_form import FormSent, SentForm
from portal.web.signed_in import SignedIn, Visitor
from portal.web.translating import LANGUAGES, gettext

router = APIRouter(include_in_schema=False)
Token = Annotated[str, Path(max_length=200)]
_ROOMS = {"invitation": LinkPurpose.INVITATION, "first-administrator": LinkPurpose.FIRST_ADMINISTRATOR}


@dataclass(frozen=True, slots=True)
class Opened:
    """A link that is good, and the person that it is for; the first administrator is nobody yet."""

    room: str
    token: str
    link: AccessLinkRow
    person: Factors | None
    single: bool = False
    """Whether the person may log in by an identity provider only."""
    second: bool = False
    """Whether a password alone is not enough."""

    @property
    def first(self) -> bool:
        """Whether it makes the first administrator."""
        return self.link.purpose is LinkPurpose.FIRST_ADMINISTRATOR


@router.get("/invitation/{token}")
def invitation(token: Token, request: Request, portal: PortalState, who: Anybody) -> Response:
    """Name, language and zone, and how one wants to log in."""
    return _page(request, portal, who, _open(portal, "invitation", token))


@router.post("/invitation/{token}")
async def accept(token: Token, request: Request, portal: PortalState, form: FormSent, who: Anybody) -> Response:
    """The person is active from now on, and logged in."""
    return await _accept(request, portal, who, form, await run_in_threadpool(_open, portal, "invitation", token))


@router.post("/invitation/{token}/passkey")
def invitation_passkey(token: Token, request: Request, portal: PortalState, _who: Anybody) -> Response:
    """What the browser is to make a passkey by."""
    opened = _open(portal, "invitation", token)
    return _passkey_options(request, portal, opened)


@router.get("/invitation/{token}/with/{name}")
def accept_with(
    token: Token, name: Annotated[str, Path(max_length=60)], request: Request, portal: PortalState, _who: Anybody
) -> Response:
    """To the identity provider, to accept by a login there."""
    opened = _open(portal, "invitation", token)
    try:
        return to_provider(request, portal, name, {"purpose": "invitation", "link": opened.link.id, "next": "/"})
    except NightmailError as error:
        return refused(request, portal, None, error)


@router.get("/first-administrator/{token}")
def first_administrator(token: Token, request: Request, portal: PortalState, who: Anybody) -> Response:
    """Who the first administrator is."""
    return _page(request, portal, who, _open(portal, "first-administrator", token))


@router.post("/first-administrator/{token}")
async def become_administrator(
    token: Token, request: Request, portal: PortalState, form: FormSent, who: Anybody
) -> Response:
    """The first administrator, who may do everything everywhere."""
    opened = await run_in_threadpool(_open, portal, "first-administrator", token)
    return await _accept(request, portal, who, form, opened)


@router.post("/first-administrator/{token}/passkey")
def first_passkey(token: Token, request: Request, portal: PortalState, form: FormSent, _who: Anybody) -> Response:
    """What the browser is to make a passkey by, for who typed their name and address."""
    return _passkey_options(request, portal, _open(portal, "first-administrator", token), form)


async def _accept(
    request: Request, portal: Portal, who: SignedIn | Visitor, form: SentForm, opened: Opened
) -> Response:
    try:
        if opened.single:
            raise UsageError("single_sign_on_demanded")
        errors = _wrong_fields(form, opened)
        by_passkey = bool(form.value("answer"))
        new_hash = None
        if not by_passkey and not errors:
            try:
                email = opened.person.email if opened.person else form.value("email", 320)
                check_new_password(form.secret("password"), name=form.value("name", 300), email=email)
            except NightmailError as error:
                errors["password"] = words_of(error)
        if errors:
            return await run_in_threadpool(_page, request, portal, who, opened, form, errors)
        if not by_passkey:
            new_hash = await asyncio.wrap_future(portal.passwords.hash(form.secret("password")))
        person_id = await run_in_threadpool(_make, request, portal, form, opened, new_hash)
        factor = PASSWORD if new_hash else PASSKEY
        return await run_in_threadpool(enter, request, portal, who, Proof(person_id, (factor,), "/"))
    except NightmailError as error:
        if error.reason.startswith("access_link_") or isinstance(error, RequestError):
            raise
        return await run_in_threadpool(_page, request, portal, who, opened, form, {"": words_of(error)})


def _make(request: Request, portal: Portal, form: SentForm, opened: Opened, new_hash: str | None) -> int:
    """Everything that the form does, or nothing; gives the person's id."""
    with portal.engine.begin() as connection:
        link = read_link(connection, opened.token, opened.link.purpose)
        use_link(connection, link)
        if opened.first:
            invited = Invitation(
                email=form.value("email", 320),
                name=form.value("name", 300),
                country=form.value("country", 2).upper(),
                of_age=form.ticked("of_age"),
                team="",
                language=form.value("language", 5),
                time_zone=form.value("time_zone", 60),
            )
            person_id = begin_administration(connection, invited, by=link.created_by).id
        else:
            person_id = link.person_id or 0
            activate(connection, person_id)
            change_oneself(
                connection,
                person_id,
                name=form.value("name", 300),
                language=form.value("language", 5),
                time_zone=form.value("time_zone", 60),
            )
        if new_hash is not None:
            set_password(connection, person_id, new_hash, actor=f"person:{person_id}")
        else:
            _add_passkey(request, connection, person_id, form)
    return person_id


def _add_passkey(request: Request, connection: Connection, person_id: int, form: SentForm) -> None:
    site = passkey_site(request)
    step = take_step(connection, StepKind.PASSKEY_NEW, request.cookies.get(cookie_name(request, "challenge"), ""))
    if site is None or step is None:
        raise UsageError("passkey_refused")
    add_passkey(connection, person_id, form.value("answer"), step.payload["challenge"], site, name=gettext("Passkey"))


def _passkey_options(request: Request, portal: Portal, opened: Opened, form: SentForm | None = None) -> Response:
    limit_starts(request, portal)
    site = passkey_site(request)
    if site is None:
        raise RequestError("not_found", what="page")
    person = opened.person
    email = person.email if person else form.value("email", 320) if form else ""
    with portal.engine.begin() as connection:
        number, name = (person.person_id, person.name) if person else (None, email)
        options, challenge = creation_options(connection, number, email, name, site, key=portal.settings.key())
        token = keep_step(connection, StepKind.PASSKEY_NEW, {"challenge": challenge})
    response = JSONResponse(json.loads(options), headers={"Cache-Control": "no-store"})
    set_cookie(request, response, "challenge", token, STEP_S)
    return response


def _open(portal: Portal, room: str, token: str) -> Opened:
    with portal.engine.connect() as connection:
        link = read_link(connection, token, _ROOMS[room])
        if link.person_id is None:
            return Opened(room, token, link, None)
        rules = login_rules(connection, link.person_id, portal.settings)
        person = factors_of(connection, link.person_id)
    return Opened(room, token, link, person, rules.single_sign_on_only, rules.second_factor)


def _wrong_fields(form: SentForm, opened: Opened) -> dict[str, str]:
    errors: dict[str, str] = {}
    try:
        checked_name(form.value("name", 600))
    except NightmailError as error:
        errors["name"] = words_of(error)
    if form.value("language") not in LANGUAGES:
        errors["language"] = gettext("Choose one of the languages.")
    try:
        checked_time_zone(form.value("time_zone", 60))
    except NightmailError:
        errors["time_zone"] = gettext("Choose one of the time zones.")
    if opened.first:
        try:
            checked_email(form.value("email", 400))
        except NightmailError as error:
            errors["email"] = words_of(error)
        country = form.value("country", 10)
        if len(country) != 2 or not country.isascii() or not country.isalpha():
            errors["country"] = gettext("Type the two letters of the country, such as DE.")
        if not form.ticked("of_age"):
            errors["of_age"] = gettext("Nobody who is not of age can have an account.")
    return errors


def _page(
    request: Request,
    portal: Portal,
    who: SignedIn | Visitor,
    opened: Opened,
    form: SentForm | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    values: dict[str, Any] = {"language": who.language, "time_zone": "UTC"}
    providers: list[str] = []
    if opened.person is not None:
        person = opened.person
        values |= {"name": person.name, "language": person.language, "time_zone": person.time_zone}
        with portal.engine.connect() as connection:
            providers = [provider.name for provider in list_providers(connection)]
    if form is not None:
        values |= {**form.as_typed(), "of_age": form.ticked("of_age")}
    return render(
        request,
        "login/invitation.html",
        422 if errors else 200,
        opened=opened,
        values=values,
        errors=errors or {},
        zones=[(zone, zone.replace("_", " ")) for zone in sorted(available_timezones())],
        providers=providers,
        passkeys=passkey_site(request) is not None and not opened.single,
        signed_in=isinstance(who, SignedIn),
    )
