"""The forms of a login, of an invitation and of one's own account, each as it is taken."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import text

from nightmail.access.access_links import LinkPurpose, make_link
from nightmail.access.deputies import name_deputy
from nightmail.access.first_administrator import offer_administration
from nightmail.access.identity_providers import link_person, list_providers, save_provider
from nightmail.access.login_steps import StepKind, keep_step
from nightmail.access.recovery_codes import make_codes
from nightmail.store.clock import database_time
from tests.portal.web.form_walk import KEY, Case, Sent, Walk
from tests.portal.web.people import session_of
from tests.portal.web.test_invitations import DETAILS, OTHER, _code, _secret
from tests.support.people import PASSWORD
from tests.support.portal_visitor import PortalVisitor


def _second_factor(walk: Walk) -> Sent:
    number, email = walk.person()
    secret = walk.app_of(number)
    visitor = PortalVisitor(walk.portal)
    visitor.follow(visitor.log_in(email, PASSWORD))
    return Sent(visitor, f"person:{number}", {"code": _code(secret, walk.organisation)})


def _recovery_code(walk: Walk) -> Sent:
    number, email = walk.person()
    walk.app_of(number)
    with walk.organisation.engine.begin() as connection:
        codes = make_codes(connection, number, key=KEY)
    visitor = PortalVisitor(walk.portal)
    visitor.follow(visitor.log_in(email, PASSWORD))
    return Sent(visitor, f"person:{number}", {"code": codes[0]})


def _first_app(walk: Walk) -> Sent:
    number, _email = walk.person()
    payload = {"factors": ["password"], "next": "/"}
    with walk.organisation.engine.begin() as connection:
        step = keep_step(connection, StepKind.SECOND_FACTOR, payload, person_id=number)
    visitor = PortalVisitor(walk.portal)
    visitor.client.cookies.set("nightmail_step", step, domain="127.0.0.1", path="/")
    visitor.get("/login/set-up")
    return Sent(visitor, f"person:{number}", {"code": _code(_secret(visitor), walk.organisation)})


def _login(walk: Walk) -> Sent:
    number, email = walk.person()
    return Sent(walk.visitor("/login"), f"person:{number}", {"email": email, "password": PASSWORD})


def _forgotten(walk: Walk) -> Sent:
    _number, email = walk.person()
    return Sent(walk.visitor("/login/forgotten"), "visitor", {"email": email})


def _new_password(walk: Walk) -> Sent:
    number, _email = walk.person()
    with walk.organisation.engine.begin() as connection:
        token = make_link(connection, LinkPurpose.PASSWORD, created_by="visitor", person_id=number)
    visitor = walk.visitor(f"/login/new-password/{token}")
    return Sent(visitor, f"person:{number}", {"password": OTHER}, {"token": token})


def _acceptance(walk: Walk) -> Sent:
    number, token = walk.invited("invited@acme.example")
    form = {**DETAILS, "password": OTHER}
    return Sent(walk.visitor(f"/invitation/{token}"), f"person:{number}", form, {"token": token})


def _first_administrator(walk: Walk) -> Sent:
    with walk.organisation.engine.begin() as connection:
        token = offer_administration(connection, by="user:root")
    email = "root@acme.example"
    form = {**DETAILS, "email": email, "country": "DE", "of_age": "yes", "password": OTHER}
    return Sent(walk.visitor(f"/first-administrator/{token}"), email, form, {"token": token})


def _one_session(walk: Walk) -> Sent:
    sent = walk.oneself()
    number = int(sent.actor.partition(":")[2])
    session_of(walk.organisation.engine, number)
    newest = "select max(id) as id from person_session where person_id = :id"
    return Sent(sent.visitor, sent.actor, {}, {"session": walk.organisation.rows(newest, id=number)[0]["id"]})


def _other_sessions(walk: Walk) -> Sent:
    sent = _one_session(walk)
    return Sent(sent.visitor, sent.actor)


def _deputy(walk: Walk) -> Sent:
    _number, email = walk.person()
    with walk.organisation.engine.connect() as connection:
        until = (database_time(connection) + timedelta(days=5)).date().isoformat()
    return walk.oneself(deputy=email, deputy_until=until)


def _end_of_deputy(walk: Walk) -> Sent:
    sent = walk.oneself()
    _number, email = walk.person()
    with walk.organisation.engine.begin() as connection:
        until = database_time(connection) + timedelta(days=5)
        name_deputy(connection, int(sent.actor.partition(":")[2]), email, until)
    return sent


def _app(walk: Walk) -> Sent:
    sent = walk.oneself("/me/app")
    return Sent(sent.visitor, sent.actor, {"code": _code(_secret(sent.visitor), walk.organisation)})


def _app_removed(walk: Walk) -> Sent:
    sent = walk.oneself()
    walk.app_of(int(sent.actor.partition(":")[2]))
    return sent


def _passkey_removed(walk: Walk) -> Sent:
    sent = walk.oneself()
    statement = text(
        "insert into passkey (person_id, credential_id, public_key, name) values (:id, 'x', 'x', 'Laptop') returning id"
    )
    with walk.organisation.engine.begin() as connection:
        passkey = connection.scalar(statement, {"id": int(sent.actor.partition(":")[2])})
    return Sent(sent.visitor, sent.actor, {}, {"passkey": passkey})


def _unlinked(walk: Walk) -> Sent:
    sent = walk.oneself()
    with walk.organisation.engine.begin() as connection:
        number = save_provider(connection, name="okta", issuer="https://acme.example", client_id="x", actor="test")
        (provider,) = list_providers(connection)
        link_person(connection, provider, "subject", int(sent.actor.partition(":")[2]), actor="test")
    return Sent(sent.visitor, sent.actor, {}, {"provider": number})


ACCOUNT_FORMS: Mapping[str, Case] = {
    # There is no first administrator any more once anybody administers: this form is sent before all others.
    "/first-administrator/{token}": _first_administrator,
    "/appearance": lambda walk: walk.oneself(language="de", next="/"),
    "/login": _login,
    "/logout": lambda walk: walk.oneself(),
    "/login/second-factor": _second_factor,
    "/login/recovery-code": _recovery_code,
    "/login/set-up": _first_app,
    "/login/forgotten": _forgotten,
    "/login/new-password/{token}": _new_password,
    "/confirm-identity": lambda walk: walk.oneself(password=PASSWORD),
    "/invitation/{token}": _acceptance,
    "/me": lambda walk: walk.oneself(name="Ada Lovelace", language="fr", time_zone="America/Lima"),
    "/me/sessions/{session}/end": _one_session,
    "/me/sessions/end-others": _other_sessions,
    "/me/deputy": _deputy,
    "/me/deputy/end": _end_of_deputy,
    "/me/password": lambda walk: walk.oneself(password=OTHER),
    "/me/app": _app,
    "/me/app/remove": _app_removed,
    "/me/recovery-codes": lambda walk: walk.oneself(),
    "/me/passkeys/{passkey}/remove": _passkey_removed,
    "/me/providers/{provider}/unlink": _unlinked,
}
"""A form that is taken, by the path of its route; in the order in which they can be sent."""
