"""Passkeys in a real Chromium, whose virtual authenticator stands for a device that is unlocked by a finger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from nightmail.access.people import Invitation, invite
from nightmail.access.principals import system_principal
from tests.portal.conftest import Organisation, RunningPortal
from tests.portal.web.conftest import on_localhost
from tests.support.browser import Window, window
from tests.support.people import PASSWORD, audited, make_person
from tests.support.portal_visitor import PortalVisitor

ADA = "ada@acme.example"
pytestmark = pytest.mark.needs_program("chromium")


class Device:
    """A device with passkeys, at one page."""

    def __init__(self, page: Page) -> None:
        self.session = page.context.new_cdp_session(page)
        self.session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        self.id = self.session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def credentials(self) -> list[dict[str, Any]]:
        """The passkeys on the device."""
        return list(self.session.send("WebAuthn.getCredentials", {"authenticatorId": self.id})["credentials"])

    def put(self, credential: dict[str, Any], **changes: Any) -> None:
        """Put a passkey on the device, as a copy of another's."""
        self.session.send("WebAuthn.clearCredentials", {"authenticatorId": self.id})
        self.session.send(
            "WebAuthn.addCredential", {"authenticatorId": self.id, "credential": {**credential, **changes}}
        )

    def is_not_unlocked(self) -> None:
        """From now on the finger is not the right one."""
        self.session.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": False})


@pytest.fixture
def opened(portal: RunningPortal, browser: Browser) -> Iterator[Window]:
    with window(browser, on_localhost(portal.url)) as one:
        yield one


def _log_in_by_passkey(page: Page) -> None:
    page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/")[2] + "/login?next=/keys")
    page.get_by_role("button", name="Log in with a passkey").click()


def _entries(organisation: Organisation) -> list[str]:
    """What the audit log has of the one person, with the factor it was about."""
    query = (
        "select concat_ws(' ', a.action, a.detail ->> 'factor') as entry "
        "from audit a join person p on a.actor = 'person:' || p.id order by a.id"
    )
    return [row["entry"] for row in organisation.rows(query)]


def _signed_out(page: Page, opened: Window) -> None:
    opened.context.clear_cookies()


def test_an_invitation_by_passkey_to_a_first_login_and_the_next(organisation: Organisation, opened: Window) -> None:
    organisation.change("update team set settings = '{\"login\": {\"second_factor\": true}}' where path = 'acme'")
    with organisation.engine.begin() as connection:
        invitation = Invitation(email=ADA, name="Ada", country="DE", of_age=True, team="acme.billing", roles=["viewer"])
        _, token = invite(connection, invitation, by=system_principal("root"))
    page = opened.open(f"/invitation/{token}")
    device = Device(page)
    page.get_by_label("Name").fill("Ada Meyer")
    page.get_by_role("button", name="Go on with a passkey").click()
    expect(page.get_by_role("heading", name="Hello, Ada Meyer")).to_be_visible()
    assert len(device.credentials()) == 1

    # A passkey is two factors: no code is asked for, though a second factor is demanded.
    _signed_out(page, opened)
    _log_in_by_passkey(page)
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    rows = organisation.rows("select name, sign_count, last_used_at is not null as used from passkey")
    assert [(row["used"], row["sign_count"] > 0) for row in rows] == [(True, True)]
    assert _entries(organisation) == [
        "person.activated",
        "person.changed",
        "factor.added passkey",
        "person.logged_in",
        "person.logged_in",
    ]


def test_a_passkey_is_added_used_to_prove_it_again_and_removed(organisation: Organisation, opened: Window) -> None:
    with organisation.engine.begin() as connection:
        make_person(connection, ADA)
    page = opened.open("/login?next=/me")
    page.get_by_label("Email address").fill(ADA)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    Device(page)
    page.get_by_label("Name of the new passkey").fill("Blue laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("status")).to_contain_text("The passkey is added.")
    expect(page.get_by_role("rowheader", name="Blue laptop")).to_be_visible()
    organisation.change("update person_session set authenticated_at = now() - interval '1 hour'")
    page.get_by_role("button", name="Remove Blue laptop").click()
    expect(page.get_by_role("heading", name="Is it still you?")).to_be_visible()
    page.get_by_role("button", name="Prove it with a passkey").click()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    page.get_by_role("button", name="Remove Blue laptop").click()
    expect(page.get_by_role("status")).to_contain_text("A passkey was removed.")
    assert organisation.rows("select count(*) as n from passkey") == [{"n": 0}]
    assert _entries(organisation) == [
        "person.logged_in",
        "factor.added passkey",
        "person.proved_again",
        "factor.removed passkey",
    ]
    _signed_out(page, opened)
    _log_in_by_passkey(page)
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(page.locator("main")).to_contain_text("The passkey was not taken")


def test_a_copied_key_one_that_is_not_unlocked_and_who_is_disabled_are_refused(
    organisation: Organisation, opened: Window, portal: RunningPortal
) -> None:
    with organisation.engine.begin() as connection:
        make_person(connection, ADA)
    page = opened.open("/login?next=/me")
    page.get_by_label("Email address").fill(ADA)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    device = Device(page)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("status")).to_contain_text("The passkey is added.")
    original = device.credentials()[0]

    organisation.change("update passkey set sign_count = 50")
    device.put(original, signCount=7)
    _signed_out(page, opened)
    _log_in_by_passkey(page)
    expect(page.locator("main")).to_contain_text("The passkey was not taken. Try again")
    with organisation.engine.connect() as connection:
        assert "passkey.copied" in audited(connection)

    device.put(original, signCount=90)
    organisation.change("update person set state = 'disabled'")
    _log_in_by_passkey(page)
    expect(page.locator("main")).to_contain_text("The passkey was not taken. Try again")
    organisation.change("update person set state = 'active'")

    device.is_not_unlocked()
    _log_in_by_passkey(page)
    expect(page.get_by_role("alert")).to_contain_text("The passkey was not taken, or you stopped")
    assert page.get_by_role("button", name="Log in with a passkey").is_enabled()


def test_an_answer_without_its_challenge_is_worth_nothing(portal: RunningPortal, organisation: Organisation) -> None:
    visitor = PortalVisitor(portal)
    for answer in (
        "",
        "{}",
        "[]",
        '{"rawId": "AAAA", "response": {}}',
        "x" * 20_000,
        '{"rawId": 7, "response": {"a": 1}}',
    ):
        visitor.get("/login")
        assert visitor.post("/login/passkey", csrf=visitor.csrf, answer=answer).status_code == 422
    url = on_localhost(portal.url)
    visitor.client.base_url = url
    visitor.get("/login")
    headers = {"X-CSRF-Token": visitor.csrf}
    options = visitor.client.post("/login/passkey/options", headers=headers)
    assert options.json()["userVerification"] == "required"
    assert options.json()["rpId"] == "localhost"
    assert not options.json().get("allowCredentials")
    statuses = [visitor.client.post("/login/passkey/options", headers=headers).status_code for _ in range(40)]
    assert statuses[-1] == 429
