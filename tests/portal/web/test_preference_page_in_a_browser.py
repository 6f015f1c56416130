"""The preference page in a real browser: for everybody, in every width and theme, and from link to saved without scripts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from nightmail.privacy.signed_links import Purpose, link_token
from tests.portal.conftest import SECRET_KEY, Organisation, RunningPortal
from tests.portal.web.conftest import on_localhost
from tests.support.browser import inspect_page, reopened, window
from tests.support.loopback_mailbox import Mailbox

pytestmark = pytest.mark.needs_program("chromium")
LOOK = {
    "recipient_pages": {
        "name": "شركة الطاقة",
        "logo_text": "أكمي",
        "colour": "#7a1fa2",
        "privacy_notice": "https://acme.example/privacy",
    }
}


@pytest.fixture
def mailbox(organisation: Organisation) -> Iterator[Mailbox]:
    running = Mailbox()
    organisation.change("update carrier_account set active = false where channel = 'email'")
    organisation.change(
        "insert into carrier_account (name, carrier, channel, settings) values ('post', 'smtp', 'email', cast(:s as jsonb))",
        s=json.dumps({"base_url": running.url, "sender": "care@acme.example"}),
    )
    organisation.change("update team set settings = cast(:s as jsonb) where path = 'acme'", s=json.dumps(LOOK))
    organisation.change(
        "insert into template (team_id, name, category_id) select 1, g, category.id from category, "
        "unnest(array['spring', 'news']) g where category.name = 'appointment'"
    )
    organisation.change("insert into category (name, kind, needs_consent) values ('offers', 'marketing', true)")
    organisation.change(
        "insert into template (team_id, name, category_id) select 1, 'offer', id from category where name = 'offers'"
    )
    organisation.change(
        "insert into template_version (template_id, version, content) select id, 1, cast(:c as jsonb) from template where name = 'offer'",
        c=json.dumps({"languages": {"en": {}, "de": {}, "ar": {}}}),
    )
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def link(organisation: Organisation, mailbox: Mailbox) -> str:
    message_id = organisation.message(organisation.campaign(), channel="email", address="anna@example.com")
    return f"/p/{link_token(message_id, Purpose.PREFERENCES, SECRET_KEY.encode())}"


def _type_the_code(page: Page, mailbox: Mailbox) -> None:
    page.get_by_role("button", name="Send me a code").click()
    expect(page.get_by_label("The code")).to_be_visible()
    found = re.search(r"\d{6}", mailbox.next()[1])
    assert found is not None
    page.get_by_label("The code").fill(found[0])
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Topics")).to_be_visible()


def test_both_states_are_what_every_page_must_be(
    pages_portal: RunningPortal, context: BrowserContext, mailbox: Mailbox, link: str
) -> None:
    """axe, light and dark, four widths, the keyboard; with a name from right to left and a colour of the team's own."""
    with reopened(context, on_localhost(pages_portal.url)) as opened:
        page = opened.open(link)
        assert page.locator("h1").count() == 1
        inspect_page(opened, page, without_scripts=False)
        _type_the_code(page, mailbox)
        inspect_page(opened, page, without_scripts=False)


def test_from_the_link_to_saved_without_scripts_and_with_the_keyboard(
    pages_portal: RunningPortal, browser: Browser, organisation: Organisation, mailbox: Mailbox, link: str
) -> None:
    """On a phone: a code, a fault that is mended where the page leads, and what was chosen stands when the page is opened again."""
    options = {"java_script_enabled": False, "viewport": {"width": 360, "height": 740}}
    with window(browser, on_localhost(pages_portal.url), **options) as opened:
        page = opened.open(link)
        _type_the_code(page, mailbox)
        page.get_by_label("Appointments").uncheck()
        page.get_by_label(re.compile("Offers")).check()
        page.get_by_label("From", exact=True).fill("21:00")
        page.get_by_role("button", name="Save").click()
        fault = page.get_by_role("alert").get_by_role("link", name="Give both times, or leave both empty.")
        fault.click()
        assert page.url.endswith("#quiet_until")
        page.get_by_label("Until", exact=True).fill("07:30")
        page.get_by_label("Time zone").select_option("Europe/Vienna")
        page.get_by_label("Language").select_option("de")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_have_text("Saved. What you chose holds from now on.")
        page.goto(on_localhost(pages_portal.url) + link)
        expect(page.get_by_label("Appointments")).not_to_be_checked()
        expect(page.get_by_label(re.compile("Offers"))).to_be_checked()
        expect(page.get_by_label("Until", exact=True)).to_have_value("07:30")
        page.get_by_role("button", name="Stop all messages").click()
        expect(page.get_by_role("button", name="Get messages again")).to_be_visible()
    assert organisation.rows("select category from consent where withdrawn_at is null") == [{"category": "offers"}]
    (chosen,) = organisation.rows("select time_zone, language, categories_in, categories_out from preference")
    assert chosen == {
        "time_zone": "Europe/Vienna",
        "language": "de",
        "categories_in": None,
        "categories_out": ["appointment"],
    }
