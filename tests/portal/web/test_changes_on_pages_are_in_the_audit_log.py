"""Every form of people's pages that changes something leaves an entry of who sent it.

The forms are read from the application: one that nobody says here how to send fails here.
"""

from __future__ import annotations

import datetime as dt
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pyotp
from fastapi.routing import APIRoute
from sqlalchemy import text

from nightmail.access.access_links import LinkPurpose, make_link
from nightmail.access.deputies import name_deputy
from nightmail.access.first_administrator import offer_administration
from nightmail.access.identity_providers import link_person, list_providers, save_provider
from nightmail.access.login_steps import StepKind, keep_step
from nightmail.access.one_time_codes import new_secret, set_secret
from nightmail.access.people import Invitation, disable, invite
from nightmail.access.permissions import Permission
from nightmail.access.recovery_codes import make_codes
from nightmail.campaigns.approval_records import ask_for_approval
from nightmail.campaigns.campaign_rows import get_campaign
from nightmail.store.clock import database_time
from portal.web import ROUTERS
from tests.portal.conftest import SECRET_KEY, Organisation, PortalStarter, RunningPortal
from tests.portal.web import test_passkeys
from tests.portal.web.people import MACHINE, make_person, session_of
from tests.portal.web.sample_campaigns import campaign_in
from tests.portal.web.sample_templates import template_of_versions
from tests.portal.web.test_account_emails import Mailbox, mailbox
from tests.portal.web.test_invitations import DETAILS, OTHER, _code, _secret
from tests.portal.web.test_people_and_rights import INVITATION
from tests.portal.web.test_rights_of_pages import OWN, Things
from tests.support.people import PASSWORD, hashed
from tests.support.portal_visitor import PortalVisitor
from tests.support.sandbox_process import eventually

__all__ = ["mailbox"]

KEY = SECRET_KEY.encode()
WITHOUT_AN_ENTRY: Mapping[str, str] = {
    "/opt-outs/find": "leads to the suppressions of an address, and changes nothing",
    "/recipients": "leads to the page of an address, and changes nothing",
    "/search": "leads to what was looked for, and changes nothing",
    "/parts": "shows what a form answers, and keeps nothing",
    "/me/passkeys/options": "gives the browser a challenge; the passkey that comes of it is in the log",
    "/login/passkey/options": "gives the browser a challenge; the login that comes of it is in the log",
    "/invitation/{token}/passkey": "gives the browser a challenge; the link's use is in the log",
    "/first-administrator/{token}/passkey": "gives the browser a challenge; the link's use is in the log",
}
"""The forms that change nothing, each with the reason."""
IN_A_BROWSER: Mapping[str, tuple[str, str]] = {
    "/login/passkey": ("person.logged_in", "test_an_invitation_by_passkey_to_a_first_login_and_the_next"),
    "/me/passkeys": ("factor.added", "test_a_passkey_is_added_used_to_prove_it_again_and_removed"),
    "/confirm-identity/passkey": ("person.proved_again", "test_a_passkey_is_added_used_to_prove_it_again_and_removed"),
}
"""The forms that only a device with passkeys can fill in: the entry, and the test of `test_passkeys.py` that looks at it."""
LATER = frozenset({"/login/forgotten"})
"""What is done after the answer, so that the answer tells nothing."""


@dataclass(frozen=True)
class Sent:
    """A form that is to be taken: who sends it from which open page, with what, and the actor it is kept for."""

    visitor: PortalVisitor
    actor: str
    """As the audit log names it; or the email address of who is a person only afterwards."""
    form: Mapping[str, object] = field(default_factory=dict)
    path: Mapping[str, object] = field(default_factory=dict)


@dataclass
class Walk:
    """Makes people and what their forms are about."""

    organisation: Organisation
    portal: RunningPortal
    things: Things

    def person(self, *permissions: Permission, role: str | None = None) -> tuple[int, str]:
        """Somebody with a password: number and email address."""
        number = make_person(self.organisation.engine, *permissions, role=role)
        self.organisation.change("update person set password_hash = :h where id = :id", h=hashed(PASSWORD), id=number)
        return number, str(self.organisation.rows("select email from person where id = :id", id=number)[0]["email"])

    def visitor(self, page: str) -> PortalVisitor:
        """Somebody without a session, at a page."""
        visitor = PortalVisitor(self.portal)
        visitor.get(page)
        return visitor

    def signed_in(self, number: int, page: str = "/me") -> PortalVisitor:
        """A person with a session, at a page."""
        visitor = PortalVisitor(self.portal)
        visitor.carry(session_of(self.organisation.engine, number))
        visitor.get(page)
        return visitor

    def oneself(self, page: str = "/me", **form: object) -> Sent:
        """A form of somebody's own account."""
        number, _email = self.person()
        return Sent(self.signed_in(number, page), f"person:{number}", form)

    def administrator(self, path: Mapping[str, object] | None = None, **form: object) -> Sent:
        """A form about somebody or something of the administrator's team."""
        number, _email = self.person(role="team_administrator")
        return Sent(self.signed_in(number), f"person:{number}", form, path or {})

    def app_of(self, number: int) -> str:
        """A new authenticator app of a person; its secret."""
        secret = new_secret("x@acme.example").key
        with self.organisation.engine.begin() as connection:
            code = pyotp.TOTP(secret).at(database_time(connection))
            set_secret(connection, number, secret, code, key=KEY)
        return secret

    def invited(self, email: str) -> tuple[int, str]:
        """Somebody who was invited: number and the link's token."""
        invitation = Invitation(email=email, name="Bo Example", country="DE", of_age=True, team=OWN, roles=["viewer"])
        with self.organisation.engine.begin() as connection:
            person, token = invite(connection, invitation, by=MACHINE)
        return person.id, token


Case = Callable[[Walk], Sent]


def _order(state: str) -> Case:
    """An order to a campaign in a state, with what its page carries."""

    def case(walk: Walk) -> Sent:
        starts = dt.datetime.now(dt.UTC) + dt.timedelta(hours=9)
        key = campaign_in(walk.organisation.engine, state, done=1, starts=starts if state == "scheduled" else None)
        with walk.organisation.engine.connect() as connection:
            seen = get_campaign(connection, key).version
        later = (starts + dt.timedelta(days=1)).isoformat(timespec="minutes")
        return walk.administrator({"campaign": key}, seen=seen, start=later, reason="asked by the customer")

    return case


def _approval(walk: Walk) -> Sent:
    campaign = walk.organisation.campaign()
    walk.organisation.move(campaign, "checking", "awaiting_approval")
    with walk.organisation.engine.begin() as connection:
        found = get_campaign(connection, campaign.id)
        ask_for_approval(connection, found, {"reason": "x", "message": "Look at it."}, actor="test")
    number, _email = walk.person(Permission.CAMPAIGN_APPROVE)
    visitor = walk.signed_in(number, "/approvals")
    return Sent(visitor, f"person:{number}", dict(re.findall(r'name="(campaign|seen)" value="([^"]*)"', visitor.page)))


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


def _granted(walk: Walk) -> Sent:
    path = {"person_id": walk.things.person(OWN)["person_id"]}
    return walk.administrator(path, role="auditor", team=OWN, until="")


def _enabled(walk: Walk) -> Sent:
    person = walk.things.person(OWN)["person_id"]
    with walk.organisation.engine.begin() as connection:
        disable(connection, person, by=MACHINE)
    return walk.administrator({"person_id": person})


def _of_person(walk: Walk) -> Sent:
    return walk.administrator(walk.things.person(OWN))


def _of_role(walk: Walk) -> Sent:
    return walk.administrator(walk.things.role(OWN), title="Night shift", permissions=["campaign.see", "alert.see"])


def _of_key(walk: Walk) -> Sent:
    return walk.administrator(walk.things.key(OWN), hours="0")


def _of_campaign_in_doubt(walk: Walk) -> Sent:
    message = str(walk.things.doubt(OWN)["message_id"])
    statement = "select key as campaign from campaign where token = :token"
    (path,) = walk.organisation.rows(statement, token=message.partition("-")[0])
    return walk.administrator(path, decision="accepted")


def _of_webhook(walk: Walk) -> Sent:
    return walk.administrator(walk.things.webhook(OWN))


def _new_webhook(walk: Walk) -> Sent:
    return walk.administrator(url="https://hooks.example.com/x", team=OWN, events=["campaign.finished"])


def _opt_out_by_hand(walk: Walk) -> Sent:
    typed = {"address": "+49 170 7654321", "kind": "asked", "why": "By telephone.", "team": OWN, "channels": "sms"}
    sent = walk.administrator(**typed)
    looked = sent.visitor.post("/opt-outs/new", csrf=sent.visitor.csrf, **typed)
    (seen,) = re.findall(r'name="seen" value="([^"]*)"', looked.text)
    return Sent(sent.visitor, sent.actor, {**typed, "seen": seen})


def _upload(walk: Walk) -> Sent:
    file = ("visits.csv", b"external_id,phone,time\n1,+491701234567,09:30\n")
    return walk.administrator(feed=walk.organisation.feeds[OWN], key="x", action="upload", file=file)


def _earlier_version(walk: Walk) -> Sent:
    number = template_of_versions(walk.organisation.engine, restored=False)
    return walk.administrator({"template_id": number, "version": 1}, seen=2)


FORMS: Mapping[str, Case] = {
    "/appearance": lambda walk: walk.oneself(language="de", next="/"),
    "/approvals": _approval,
    "/campaigns/{campaign}/pause": _order("sending"),
    "/campaigns/{campaign}/resume": _order("paused"),
    "/campaigns/{campaign}/cancel": _order("paused"),
    "/campaigns/{campaign}/schedule": _order("scheduled"),
    "/uploads/new": _upload,
    "/templates/{template_id}/versions/{version}/restore": _earlier_version,
    "/alerts/close": lambda walk: walk.administrator(alert=walk.things.alert(OWN)["alert_id"]),
    "/suspensions/new": lambda walk: walk.administrator(channel="voice", team=OWN, reason="test", seen=f"voice:{OWN}"),
    "/suspensions/{suspension_id}/lift": lambda walk: walk.administrator(
        walk.things.suspension(OWN), why="It is mended."
    ),
    "/doubts/{message_id}": lambda walk: walk.administrator(walk.things.doubt(OWN), decision="failed"),
    "/doubts/campaign/{campaign}": _of_campaign_in_doubt,
    "/opt-outs/new": _opt_out_by_hand,
    "/opt-outs/{suppression_id}/lift": lambda walk: walk.administrator(
        walk.things.suppression(OWN), why="It is theirs again.", agreed="yes"
    ),
    "/opt-outs/probable/{reply_id}": lambda walk: walk.administrator(walk.things.reply(OWN), decision="opt_out"),
    "/login": _login,
    "/logout": lambda walk: walk.oneself(),
    "/login/second-factor": _second_factor,
    "/login/recovery-code": _recovery_code,
    "/login/set-up": _first_app,
    "/login/forgotten": _forgotten,
    "/login/new-password/{token}": _new_password,
    "/confirm-identity": lambda walk: walk.oneself(password=PASSWORD),
    "/invitation/{token}": _acceptance,
    "/first-administrator/{token}": _first_administrator,
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
    "/people/invite": lambda walk: walk.administrator(**INVITATION),
    "/people/{person_id}/invite-again": lambda walk: walk.administrator(
        {"person_id": walk.invited("again@acme.example")[0]}
    ),
    "/people/{person_id}/disable": _of_person,
    "/people/{person_id}/reset": _of_person,
    "/people/{person_id}/enable": _enabled,
    "/people/{person_id}/sessions/{session_id}/end": _of_person,
    "/people/{person_id}/give": _granted,
    "/people/{person_id}/withdraw/{grant_id}": _of_person,
    "/roles/new": lambda walk: walk.administrator(title="Own", name="own", team=OWN, permissions=["campaign.see"]),
    "/roles/{role_id}/change": _of_role,
    "/roles/{role_id}/remove": _of_role,
    "/api-keys/new": lambda walk: walk.administrator(name="export", team=OWN, permissions=["campaign.see"]),
    "/api-keys/{key_id}/rotate": _of_key,
    "/api-keys/{key_id}/revoke": _of_key,
    "/settings/webhooks/new": _new_webhook,
    "/settings/webhooks/{webhook_id}/test": _of_webhook,
    "/settings/webhooks/{webhook_id}/rotate": _of_webhook,
    "/settings/webhooks/{webhook_id}/end": _of_webhook,
}
"""A form that is taken, by the path of its route."""
WRITTEN = (
    "select action from audit where id > :newest "
    "and actor = coalesce((select 'person:' || id from person where email = :actor), :actor) order by id"
)


def _routes() -> list[str]:
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    changing = [route for route in routes if (route.methods or set()) - {"GET", "HEAD"}]
    assert {method for route in changing for method in route.methods or ()} == {"POST"}
    return [route.path for route in changing]


def test_each_form_of_the_pages_is_sent_here_or_said_why_not() -> None:
    said = [*FORMS, *WITHOUT_AN_ENTRY, *IN_A_BROWSER]
    assert sorted(said) == sorted(_routes())
    for entry, name in IN_A_BROWSER.values():
        assert f'"{entry}' in inspect.getsource(getattr(test_passkeys, name)), f"{name} does not look at {entry}"


def test_each_form_that_is_taken_leaves_an_entry_of_who_sent_it(
    start_portal: PortalStarter,
    organisation: Organisation,
    mailbox: Mailbox,
) -> None:
    walk = Walk(organisation, start_portal(), Things(organisation))
    wrong: list[str] = []
    for route, case in FORMS.items():
        sent = case(walk)
        newest = organisation.rows("select coalesce(max(id), 0) as id from audit")[0]["id"]
        answer = sent.visitor.post(route.format(**sent.path), csrf=sent.visitor.csrf, **sent.form)
        led = answer.headers.get("location", "")
        if answer.status_code not in (200, 303) or led.startswith(("/confirm-identity", "/login?")):
            wrong.append(f"{route}: {answer.status_code} {led} {sent.visitor.text[:300]}")
            continue

        def written(newest: int = newest, actor: str = sent.actor) -> list[str]:
            return [row["action"] for row in organisation.rows(WRITTEN, newest=newest, actor=actor)]

        if not (eventually(written) if route in LATER else written()):
            wrong.append(f"{route}: no entry of {sent.actor}")
    assert not wrong, "\n".join(wrong)
