"""Login by an identity provider: the browser is led there by a link, and comes back with a code.

The same way leads to four ends, which the step that waits knows: a login, an invitation that is accepted, a link that a person makes
with their own account, and the proof that it is still them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy import Connection

from nightmail.access.access_links import LinkPurpose, link_by_id, use_link
from nightmail.access.authentication_policy import PROVIDER
from nightmail.access.identity_providers import Provider, get_provider, link_person, person_at
from nightmail.access.login_steps import Step, StepKind, keep_step
from nightmail.access.logins import factors_of, login_failed
from nightmail.access.people import activate
from nightmail.access.provider_logins import find_by_claims, follow_groups
from nightmail.access.sessions import proved_again
from nightmail.access.single_sign_on import Claims, begin, finish
from nightmail.errors import NightmailError, UsageError
from nightmail.store.clock import database_time
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.login.entering import (
    Proof,
    enter,
    limit_starts,
    next_address,
    own_origin,
    step_on,
    taken_step,
)
from portal.web.login.notices import tell_of_change
from portal.web.login.routes import Anybody, refused
from portal.web.login.texts import words_of
from portal.web.messages import redirect
from portal.web.signed_in import SignedIn, Visitor, recently_authenticated
from portal.web.translating import gettext, marked

router = APIRouter(include_in_schema=False)
Name = Annotated[str, Path(max_length=60)]


@router.get("/login/with/{name}")
def log_in_with(name: Name, request: Request, portal: PortalState, who: Anybody) -> Response:
    """To the provider, to log in there; for who is logged in, to prove that it is still them."""
    purpose: dict[str, Any] = {"purpose": "login", "next": next_address(request)}
    if isinstance(who, SignedIn):
        purpose |= {"purpose": "again", "session": who.session_id}
    try:
        return to_provider(request, portal, name, purpose, again=isinstance(who, SignedIn))
    except NightmailError as error:
        return _refused(request, portal, who, error)


@router.get("/me/providers/{name}/link")
def link_oneself(
    name: Name, request: Request, portal: PortalState, me: Annotated[SignedIn, recently_authenticated]
) -> Response:
    """To the provider, to link one's account here with the one there."""
    try:
        return to_provider(request, portal, name, {"purpose": "link", "session": me.session_id, "next": "/me"})
    except NightmailError as error:
        return redirect(request, "/me", words_of(error), "bad")


@router.get("/login/returned")
def returned(request: Request, portal: PortalState, who: Anybody) -> Response:
    """Back from the provider."""
    with portal.engine.begin() as connection:
        step = taken_step(request, connection, StepKind.PROVIDER)
        now = database_time(connection)
    given = {name: value[:4_000] for name, value in request.query_params.items()}
    try:
        with portal.engine.connect() as connection:
            provider = get_provider(connection, step.payload["provider"])
        claims = finish(provider, portal.providers, step.payload, given, now=now)
        return _ENDS[step.payload["purpose"]](request, portal, who, provider, claims, step)
    except NightmailError as error:
        with portal.engine.begin() as connection:
            subject = f"provider:{step.payload['provider']}"
            login_failed(connection, subject, way=PROVIDER, reason=error.reason)
        return _refused(request, portal, who, error)


def to_provider(
    request: Request, portal: Portal, name: str, purpose: Mapping[str, Any], *, again: bool = False
) -> Response:
    """Lead the browser to a provider. Raises what :func:`nightmail.access.single_sign_on.begin` does."""
    limit_starts(request, portal)
    with portal.engine.connect() as connection:
        provider = get_provider(connection, name)
    address, kept = begin(provider, portal.providers, redirect_uri=f"{own_origin(request)}/login/returned", again=again)
    with portal.engine.begin() as connection:
        token = keep_step(connection, StepKind.PROVIDER, {**kept, **purpose})
    response = step_on(request, "/login", token)
    response.headers["location"] = address
    return response


def _logged_in(
    request: Request, portal: Portal, who: SignedIn | Visitor, provider: Provider, claims: Claims, step: Step
) -> Response:
    with portal.engine.begin() as connection:
        found = find_by_claims(connection, provider, claims)
        follow_groups(connection, found.person_id, provider, claims)
        person = factors_of(connection, found.person_id)
    if found.linked_now:
        tell_of_change(request, person, marked("Your account was linked with an identity provider."))
    return enter(request, portal, who, Proof(found.person_id, (PROVIDER,), next_address(request, step.payload["next"])))


def _accepted(
    request: Request, portal: Portal, who: SignedIn | Visitor, provider: Provider, claims: Claims, step: Step
) -> Response:
    with portal.engine.begin() as connection:
        link = link_by_id(connection, step.payload["link"], LinkPurpose.INVITATION)
        use_link(connection, link)
        person_id = link.person_id or 0
        activate(connection, person_id)
        link_person(connection, provider, claims.subject, person_id, actor=f"person:{person_id}")
        follow_groups(connection, person_id, provider, claims)
    return enter(request, portal, who, Proof(person_id, (PROVIDER,), "/"))


def _linked(
    request: Request, portal: Portal, who: SignedIn | Visitor, provider: Provider, claims: Claims, step: Step
) -> Response:
    me = _same_session(who, step)
    with portal.engine.begin() as connection:
        link_person(connection, provider, claims.subject, me.person_id, actor=me.principal.actor)
        follow_groups(connection, me.person_id, provider, claims)
        person = factors_of(connection, me.person_id)
    tell_of_change(request, person, marked("Your account was linked with an identity provider."))
    return redirect(request, "/me", gettext("Your account is linked."))


def _proved(
    request: Request, portal: Portal, who: SignedIn | Visitor, provider: Provider, claims: Claims, step: Step
) -> Response:
    me = _same_session(who, step)
    with portal.engine.begin() as connection:
        _require_same_person(connection, provider, claims, me)
        follow_groups(connection, me.person_id, provider, claims)
        proved_again(connection, me.session_id, [PROVIDER])
    return redirect(request, next_address(request, step.payload["next"]))


def _same_session(who: SignedIn | Visitor, step: Step) -> SignedIn:
    if not isinstance(who, SignedIn) or who.session_id != step.payload["session"]:
        raise RequestError("login_step_over", status=410)
    return who


def _require_same_person(connection: Connection, provider: Provider, claims: Claims, me: SignedIn) -> None:
    if person_at(connection, provider, claims.subject) != me.person_id:
        raise UsageError("identity_taken", provider=provider.name)


def _refused(request: Request, portal: Portal, who: SignedIn | Visitor, error: NightmailError) -> Response:
    if isinstance(who, SignedIn):
        return redirect(request, "/me", words_of(error), "bad")
    return refused(request, portal, None, error)


_ENDS = {"login": _logged_in, "invitation": _accepted, "link": _linked, "again": _proved}
