"""The frame in a browser: menus, keys, theme and language, messages, and what it is without scripts."""

from __future__ import annotations

import json
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from playwright.sync_api import Page, expect

from nightmail.access.permissions import Permission
from nightmail.campaigns.alerts import raise_alert
from tests.portal.conftest import Organisation
from tests.portal.web.conftest import SignedInWindow, SignIn

pytestmark = pytest.mark.needs_program("chromium")


def _open_menu(page: Page) -> None:
    page.locator("details.menu > summary.who").click()


def test_theme_and_language_are_chosen_without_scripts(signed_in_window: SignedInWindow) -> None:
    window = signed_in_window(Permission.PEOPLE_SEE, options={"java_script_enabled": False})
    page = window.open("/keys")
    expect(page.locator("html")).to_have_attribute("data-theme", "system")
    _open_menu(page)
    page.get_by_role("button", name="Dark").click()
    expect(page).to_have_url(re.compile(r"/keys$"))
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    _open_menu(page)
    page.get_by_role("button", name="Deutsch").click()
    expect(page.locator("h1")).to_have_text("Tastenkürzel")
    expect(page.locator("html")).to_have_attribute("lang", "de")


def test_the_language_stays_with_the_person(signed_in_window: SignedInWindow, organisation: Organisation) -> None:
    page = signed_in_window(Permission.PEOPLE_SEE, name="Zoë Example").open("/")
    _open_menu(page)
    page.get_by_role("button", name="Français").click()
    expect(page.locator("h1")).to_have_text("Bonjour, Zoë Example")
    assert organisation.rows("select language from person where name = 'Zoë Example'") == [{"language": "fr"}]


def test_keys_lead_to_search_and_pages(signed_in_window: SignedInWindow) -> None:
    page = signed_in_window(Permission.PEOPLE_SEE).open("/search")
    page.locator("main").press("/")
    field = page.get_by_role("searchbox")
    expect(field).to_be_focused()
    page.keyboard.type("g h?/")
    expect(field).to_have_value("g h?/")
    page.locator("main").press("?")
    expect(page).to_have_url(re.compile(r"/keys$"))
    page.locator("main").press("g")
    page.keyboard.press("h")
    expect(page).to_have_url(re.compile(r":\d+/$"))


def test_a_phone_has_the_pages_behind_a_menu(signed_in_window: SignedInWindow) -> None:
    options = {"java_script_enabled": False, "viewport": {"width": 360, "height": 740}}
    page = signed_in_window(Permission.PEOPLE_SEE, options=options).open("/keys")
    home = page.get_by_role("navigation").get_by_role("link", name="Home")
    expect(home).to_be_hidden()
    page.locator("details.menu-of-pages > summary").click()
    expect(home).to_be_visible()
    home.click()
    expect(page.locator("h1")).to_contain_text("Hello")


def test_a_menu_closes_by_escape_and_keeps_the_focus(signed_in_window: SignedInWindow) -> None:
    page = signed_in_window(Permission.PEOPLE_SEE).open("/")
    _open_menu(page)
    dark = page.get_by_role("button", name="Dark")
    dark.focus()
    page.keyboard.press("Escape")
    expect(dark).to_be_hidden()
    expect(page.locator("summary.who")).to_be_focused()


def test_errors_of_a_form_lead_to_the_fields_which_keep_what_was_typed(signed_in_window: SignedInWindow) -> None:
    page = signed_in_window(Permission.PEOPLE_SEE).open("/parts")
    page.get_by_label("Note").fill("<b>kept</b>")
    page.get_by_role("button", name="Send", exact=True).click()
    summary = page.get_by_role("alert").filter(has_text="There are 2 problems")
    expect(summary).to_be_focused()
    expect(page.get_by_label("Note")).to_have_value("<b>kept</b>")
    summary.get_by_role("link", name="Enter an email address").click()
    email = page.get_by_label("Email address")
    expect(email).to_be_focused()
    expect(email).to_have_accessible_description(re.compile("We send the invitation there.*Enter an email address"))


def test_a_message_is_said_once(signed_in_window: SignedInWindow) -> None:
    page = signed_in_window(Permission.PEOPLE_SEE).open("/parts")
    page.get_by_label("Email address").fill("ada@example.org")
    page.get_by_role("button", name="Send", exact=True).click()
    said = page.get_by_text("The form was fine; nothing was kept of it.")
    expect(said).to_be_visible()
    page.reload()
    expect(said).to_have_count(0)


def test_a_message_that_is_forged_old_or_of_another_session_is_not_said(sign_in: SignIn) -> None:
    client = sign_in()
    token = re.search(r'name="csrf" value="([0-9a-f]+)"', client.get("/").text)
    assert token
    client.post("/parts", data={"csrf": token[1], "email": "x"})
    genuine = client.cookies["nightmail_message"].strip('"')
    packed, _, signature = genuine.partition(".")
    told_at, tone, _said = json.loads(urlsafe_b64decode(packed))
    assert abs(time.time() - told_at) < 60
    forged = urlsafe_b64encode(json.dumps([told_at, tone, "Forged"]).encode()).decode()
    for value in (f"{forged}.{signature}", f"{forged}.", "x", ".", f"{packed}.{signature[:-1]}"):
        cookies = f"nightmail_session={client.cookies['nightmail_session']}; nightmail_message={value}"
        answer = client.get("/keys", headers={"Cookie": cookies})
        assert answer.status_code == 200
        assert "Forged" not in answer.text
    other = sign_in(name="Bob Example").get("/keys", headers={"Cookie": f"nightmail_message={genuine}"})
    assert "nothing was kept" not in other.text


def test_what_waits_stands_beside_its_entry(sign_in: SignIn, organisation: Organisation) -> None:
    """Counted for who may see it, and for nobody else."""
    with organisation.engine.begin() as connection:
        for number in range(3):
            raise_alert(
                connection,
                reason="in_doubt",
                subject=f"campaign:{number}",
                message="Look.",
                team_id=organisation.teams["acme.billing"],
            )
    seen = sign_in(Permission.ALERT_SEE).get("/").text
    assert re.search(r"3\s*<[^>]*>\s*alerts are open", seen) or re.search(r">3<.*alerts are open", seen, re.DOTALL)
    without = sign_in(Permission.CAMPAIGN_SEE, name="Bob Example").get("/").text
    assert "alerts are open" not in without
    assert 'href="/alerts"' not in without


def test_pages_work_without_the_fetched_files(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    """`make setup` was not run, or could not fetch: no icons and no own font, but every page."""
    from portal.web import static_files

    monkeypatch.setattr(static_files, "BUILT", tmp_path)
    static_files.static_files.cache_clear()
    try:
        answer = sign_in().get("/parts")
        assert answer.status_code == 200
        assert "htmx" not in answer.text
        style = re.search(r'href="(/static/portal\.[0-9a-f]+\.css)"', answer.text)
        assert style
        sheet = sign_in(name="Bob Example").get(style[1])
        assert sheet.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert "@font-face" not in sheet.text
        assert "icons" in static_files.static_files().missing
    finally:
        static_files.static_files.cache_clear()
