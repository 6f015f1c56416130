"""Every form of people's pages that changes something leaves an entry of who sent it.

The forms are read from the application: one that nobody says here how to send fails here.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from fastapi.routing import APIRoute

from nightmail.access.people import disable
from portal.web import ROUTERS
from tests.portal.conftest import Organisation, PortalStarter
from tests.portal.web import test_passkeys
from tests.portal.web.account_forms import ACCOUNT_FORMS
from tests.portal.web.form_walk import Case, Sent, Walk
from tests.portal.web.people import MACHINE
from tests.portal.web.test_account_emails import Mailbox, mailbox
from tests.portal.web.test_people_and_rights import INVITATION
from tests.portal.web.test_rights_of_pages import OWN, Things
from tests.portal.web.work_forms import WORK_FORMS
from tests.support.sandbox_process import eventually

__all__ = ["mailbox"]

WITHOUT_AN_ENTRY: Mapping[str, str] = {
    "/contacts/find": "leads to the contacts that some words find, and changes nothing",
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


PEOPLE_FORMS: Mapping[str, Case] = {
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
}
FORMS: Mapping[str, Case] = {**ACCOUNT_FORMS, **WORK_FORMS, **PEOPLE_FORMS}
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
