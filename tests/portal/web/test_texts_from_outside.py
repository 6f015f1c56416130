"""Every text that comes from outside, shown in a real browser: nothing runs, nothing is taken for markup, no page breaks."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from jinja2 import nodes
from playwright.sync_api import Page
from sqlalchemy import Engine

from nightmail.access.grants import give_role
from nightmail.access.key_changes import new_key
from nightmail.access.roles import find_role, make_role
from nightmail.access.sessions import start_session
from nightmail.audit import write_entry
from portal.web.rendering import _environment
from tests.portal.conftest import Organisation, RunningPortal
from tests.portal.web.conftest import on_localhost
from tests.portal.web.people import MACHINE, make_person, session_of
from tests.support.browser import Window, assert_fits, window

TEMPLATES = Path(__file__).resolve().parents[3] / "portal" / "web"
PAYLOADS = {
    "element": "<script>window.hit=1</script><img src=x onerror=window.hit=1><b id=planted>",
    "attribute": "\"'><svg onload=window.hit=1 id=planted>",
    "format": "100% %s %(x)s {0} {{7*7}} {% raw %} &lt;b id=planted&gt;",
}
LONG = "Ώع山Пz" * 40


@pytest.mark.needs_program("chromium")
@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_texts_from_outside_are_texts(
    payload: str, organisation: Organisation, portal: RunningPortal, browser: object
) -> None:
    engine = organisation.engine
    addresses = _planted(engine, payload)
    admin = make_person(engine, role="organisation_administrator", team="", name=f"Admin {payload}"[:200])
    with window(browser, on_localhost(portal.url), session_of(engine, admin)) as opened:  # type: ignore[arg-type]
        page = opened.open("/")
        for address, shown in addresses.items():
            answer = page.goto(opened.base_url + address)
            assert answer is not None
            assert answer.status < 500, address
            _assert_harmless(page, address)
            assert (payload if shown else "") in page.locator("main").inner_text(), address
        _typed(opened, payload)


def _planted(engine: Engine, payload: str) -> dict[str, bool]:
    """The payload wherever a text from outside is kept; the pages that show it, and whether they show it as words."""
    with engine.begin() as connection:
        person = make_person(engine, name=f"Mallory {payload}"[:200])
        role = make_role(
            connection,
            by=MACHINE,
            team="acme",
            name="planted",
            title=payload[:100],
            description=payload,
            permissions=["campaign.see"],
        )
        grant = give_role(connection, by=MACHINE, person_id=person, role=role, team="acme")
        key, _ = new_key(
            connection, by=MACHINE, team="acme", name=payload.replace("/", "|")[:100], permissions=["campaign.see"]
        )
        start_session(connection, person, factors=["passkey"], address=payload, user_agent=payload)
        write_entry(
            connection,
            actor=payload,
            action=payload,
            subject=payload,
            detail={payload: payload, "list": [payload]},
            before={"x": payload},
            after={"x": payload + "!"},
            origin=payload,
        )
        assert find_role(connection, "planted", "acme").id == role.id
    with engine.begin() as connection:
        connection.exec_driver_sql("update team set name = %(name)s where path = 'acme'", {"name": payload})
    typed = quote(payload)
    return {
        "/people": True,
        f"/people?search={typed}&team={typed}&state={typed}": False,
        f"/people/{person}": True,
        f"/people/{person}/disable": True,
        f"/people/{person}/withdraw/{grant.id}": False,
        "/roles": False,
        f"/roles/{role.id}": False,
        f"/roles/{role.id}/change": False,
        f"/roles/{role.id}/remove": False,
        f"/rights?permission=campaign.see&team=acme&person={typed}": False,
        f"/rights?permission={typed}&team={typed}&after={typed}": False,
        "/api-keys": False,
        f"/api-keys?team={typed}": False,
        f"/api-keys/{key.id}": False,
        f"/api-keys/{key.id}/revoke": False,
        "/teams": True,
        "/teams/acme": False,
        "/audit": True,
        f"/audit?who={typed}&action={typed}&subject={typed}&origin={typed}&team={typed}&since={typed}&until={typed}": False,
        f"/search?q={typed}": False,
        f"/no-such/{typed}": False,
        "/me": False,
        f"/login/with/{typed}": False,
    }


def _typed(opened: Window, payload: str) -> None:
    """The payload typed into the fields of forms, which come back with what was typed and with what is wrong."""
    for address, button in (
        ("/people/invite", "Make the invitation"),
        ("/roles/new", "Make the role"),
        ("/api-keys/new", "Make the key"),
        ("/parts", "Send"),
        ("/me", None),
    ):
        page = opened.open(address)
        form = page.locator("main form").filter(has=page.locator("input[type=text], input[type=email]")).first
        for each in form.locator("input[type=text], input[type=email], textarea").all():
            each.evaluate("(field, text) => { field.maxLength = 5000; field.value = text; }", payload)
        name = {"name": button, "exact": True} if button else {}
        form.get_by_role("button", **name).first.click()  # type: ignore[arg-type]
        page.wait_for_load_state()
        _assert_harmless(page, f"form of {address}")
        page.close()


def _assert_harmless(page: Page, address: str) -> None:
    assert page.locator("h1").count() == 1, address
    assert page.evaluate("'hit' in window") is False, address
    assert page.locator("#planted, main script, main img, main svg[onload]").count() == 0, address
    assert "made a mistake" not in page.locator("main").inner_text(), address


@pytest.mark.needs_program("chromium")
def test_long_names_of_five_scripts_fit(organisation: Organisation, portal: RunningPortal, browser: object) -> None:
    """Roles, keys, teams and people as long as they may be, on a phone: nothing reaches out of the page."""
    engine = organisation.engine
    addresses = [address for address, _ in _planted(engine, LONG).items() if "quote" not in address]
    admin = make_person(engine, role="organisation_administrator", team="", name=LONG[:200])
    with window(browser, on_localhost(portal.url), session_of(engine, admin)) as opened:  # type: ignore[arg-type]
        page = opened.open("/")
        page.set_viewport_size({"width": 360, "height": 800})
        for address in addresses:
            page.goto(opened.base_url + address)
            assert_fits(page, 360)


def test_no_text_from_outside_is_taken_for_a_translation() -> None:
    """What ``_()`` gives is markup and a format: in a template it takes a stated text and nothing that was stored."""
    environment = _environment()
    wrong = []
    for file in sorted(TEMPLATES.rglob("*.html")):
        tree = environment.parse(file.read_text("utf-8"))
        for call in tree.find_all(nodes.Call):
            translates = isinstance(call.node, nodes.Name) and call.node.name in (
                "_",
                "gettext",
                "ngettext",
                "pgettext",
            )
            if translates and not isinstance(call.args[0], nodes.Const):
                wrong.append(f"{file.relative_to(TEMPLATES)}:{call.lineno}")
    assert not wrong
