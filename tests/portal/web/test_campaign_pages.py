"""The pages of one campaign: its flow, the rows behind each number, what is shown of personal data and what is recorded of it."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import expect

from nightmail.access.permissions import Permission
from tests.portal.conftest import Organisation, RunningPortal
from tests.portal.web.conftest import SignedInWindow, SignIn
from tests.portal.web.sample_campaigns import attempted, campaign_in, sending, with_file, with_rows

ALL = (Permission.CAMPAIGN_SEE, Permission.MESSAGE_SEE, Permission.FILE_SEE, Permission.REPORT_SEE)


def numbers(page: str) -> dict[str, str]:
    """The steps of the flow's drawing: names and numbers, where their links lead."""
    found = re.findall(
        r'<a href="([^"]+)">\s*<rect[^>]*>\s*<text class="flow-number"[^>]*>([^<]+)</text>\s*<text class="flow-label"[^>]*>([^<]+)<',
        page,
    )
    return {name: f"{number} {address.rpartition('/')[2]}" for address, number, name in found}


def test_each_number_of_the_flow_leads_to_its_rows(organisation: Organisation, sign_in: SignIn) -> None:
    address = sending(organisation.engine)
    client = sign_in(*ALL)
    page = client.get(address).text
    assert numbers(page) == {
        "Rows of the file": "412 files",
        "Contacts": "400 contacts",
        "Duplicates": "5 rejects?kind=duplicates",
        "Rejects": "7 rejects?kind=rejects",
        "Planned": "388 contacts?state=planned",
        "Held": "12 contacts?state=held",
        "Text message": "300 messages?channel=sms",
        "Email": "88 messages?channel=email",
        "Handed off": "242 messages?outcome=handed_off",
        "Waiting": "138 messages?outcome=waiting",
        "In doubt": "1 messages?outcome=in_doubt",
        "Failed": "7 messages?outcome=failed",
        "Delivered": "153 messages?outcome=delivered",
        "Undelivered": "12 messages?outcome=undelivered",
        "No receipt yet": "77 messages?outcome=no_receipt",
    }
    for name, number in numbers(page).items():
        if "messages" in number:
            count, _, ending = number.partition(" ")
            assert len(all_lines(client, f"{address}/{ending}")) == int(count), name


def all_lines(client: httpx.Client, address: str) -> list[str]:
    """The lines of every page from an address on."""
    lines: list[str] = []
    while address:
        page = client.get(address).text
        lines += re.findall(r'<th scope="row" class="number">(?:<a [^>]*>)?([0-9,]+)<', page)
        older = re.search(r'href="([^"]+)" rel="next"', page)
        address = older[1].replace("&amp;", "&") if older else ""
    return lines


def test_links_lead_only_where_one_may_go(organisation: Organisation, sign_in: SignIn) -> None:
    address = sending(organisation.engine)
    client = sign_in(Permission.CAMPAIGN_SEE)
    page = client.get(address).text
    assert "Rejects" in page and not re.search(r'href="[^"]*/(rejects|messages|attempts|costs)', page)
    for ending in ("/rejects", "/rejects.csv", "/messages", "/attempts", "/costs", "/pause", "/cancel"):
        assert client.get(address + ending).status_code == 404, ending
    stranger = sign_in(*ALL, team="acme.care")
    for ending in ("", "/progress", "/rejects", "/contacts", "/messages", "/attempts", "/costs", "/files", "/history"):
        assert client.get("/campaigns/no-such" + ending).status_code == 404, ending
        assert stranger.get(address + ending).status_code == 404, ending


def test_a_campaign_of_a_list_says_of_which(organisation: Organisation, sign_in: SignIn) -> None:
    address = sending(organisation.engine)
    organisation.change("update campaign set source = 'list'")
    organisation.change(
        "insert into campaign_list (campaign_id, team_id, kind, source_id, name, version, definition, contacts, sha256, "
        "stored_path) select id, team_id, 'list', 1, 'Customers & <b>Co</b>', 3, '{}', 1234, 'x', 'x' from campaign"
    )
    page = sign_in(Permission.CAMPAIGN_SEE).get(f"{address}/files").text
    assert "A distribution list" in page and "Customers &amp; &lt;b&gt;Co&lt;/b&gt;" in page and "1,234" in page


def test_rejected_rows_without_and_with_personal_data(
    organisation: Organisation, portal: RunningPortal, sign_in: SignIn
) -> None:
    address = with_rows("/rejects", organisation.engine, portal.settings.lake)
    without = sign_in(*ALL, name="Ann").get(address).text
    assert "Write it in international form" in without and "12345" not in without and "ada.example.org" not in without
    assert "The same as line 2" in without and "rejects.csv" not in without
    look = "select detail from audit where action = 'personal.seen'"
    assert organisation.rows(look) == []
    client = sign_in(*ALL, Permission.PERSONAL_SEE, name="Ben")
    assert "12345 is not a valid phone number." in client.get(address).text
    assert organisation.rows(look) == [{"detail": {"people": 5, "shown": ["address", "name"]}}]
    assert all_lines(client, f"{address}?kind=duplicates") == ["396"]
    assert all_lines(client, f"{address}?kind=rejects&reason=email_invalid") == ["392"]
    file = client.get(f"{address}.csv")
    assert (
        "nightmail_reason" in file.text
        and "phone_invalid" in file.text
        and "attachment" in file.headers["content-disposition"]
    )
    assert organisation.rows("select count(*) as n from audit where action = 'rejects.downloaded'") == [{"n": 1}]


def test_a_reject_file_that_is_not_there_says_so(organisation: Organisation, sign_in: SignIn) -> None:
    address = f"/campaigns/{campaign_in(organisation.engine, 'checking')}/rejects"
    client = sign_in(*ALL, Permission.PERSONAL_SEE)
    answer = client.get(f"{address}.csv")
    assert (answer.status_code, answer.headers["location"]) == (303, address)
    assert "There is no reject file" in client.get(address).text


def test_contacts_by_state_and_reason(organisation: Organisation, portal: RunningPortal, sign_in: SignIn) -> None:
    address = with_rows("/contacts", organisation.engine, portal.settings.lake)
    client = sign_in(Permission.CAMPAIGN_SEE)
    assert len(all_lines(client, address)) == 388
    held = all_lines(client, f"{address}?state=held&reason=opted_out")
    assert held == [str(line) for line in range(3, 390, 40)]
    assert all_lines(client, f"{address}?state=held&reason=minor") == []


def test_attempts_files_costs_and_history(organisation: Organisation, sign_in: SignIn) -> None:
    client = sign_in(*ALL)
    address = attempted(organisation.engine)
    assert len(all_lines(client, address)) > 5 and "20429" in client.get(address).text
    page = client.get(with_file(organisation.engine)).text
    assert "visits-2026-11-30-part-2.csv" in page and "48 kB" in page and "every byte fits" in page
    campaign = campaign_in(organisation.engine, "finished", done=400)
    page = client.get(f"/campaigns/{campaign}/costs").text
    assert "€29.10" in page and "€16.92" in page
    page = client.get(f"/campaigns/{campaign}/history").text
    assert "campaign.created" in page and "user:tests" in page and "/audit?" not in page


def test_the_page_follows_its_campaign(organisation: Organisation, sign_in: SignIn) -> None:
    address = sending(organisation.engine)
    client = sign_in(*ALL)
    first = client.get(f"{address}/progress")
    assert 'hx-trigger="every 4s"' in first.text and "249 of 388" in first.text
    again = {"If-None-Match": first.headers["etag"]}
    assert client.get(f"{address}/progress", headers=again).status_code in (200, 304)
    organisation.change("update message set state = 'cancelled' where state = 'queued'")
    organisation.change("update campaign set state = 'cancelled' where key = :key", key=address.rpartition("/")[2])
    last = client.get(f"{address}/progress", headers=again)
    assert "387 of 388" in last.text and "hx-get" not in last.text


def test_a_campaigns_page_asks_the_database_a_few_times(
    organisation: Organisation, sign_in: SignIn, asked_by: Callable[[httpx.Client, str], int]
) -> None:
    address = sending(organisation.engine)
    client = sign_in(*ALL)
    assert asked_by(client, address) <= 6
    for ending in ("/contacts", "/messages?outcome=failed", "/attempts", "/costs", "/files", "/history"):
        assert asked_by(client, address + ending) <= 4, ending


@pytest.mark.needs_program("chromium")
def test_an_open_page_follows_and_keeps_the_focus(organisation: Organisation, signed_in_window: SignedInWindow) -> None:
    """A link that has the focus keeps it while figures change around it; when the campaign is over the page asks no more."""
    address = sending(organisation.engine)
    window = signed_in_window(*ALL)
    page = window.open(address)
    expect(page.locator("#progress")).to_contain_text("249 of 388")
    link = page.locator(".flow-drawing a", has_text="Rejects")
    link.focus()
    organisation.change("update message set state = 'cancelled' where state = 'queued'")
    expect(page.locator("#progress")).to_contain_text("387 of 388", timeout=15_000)
    expect(link).to_be_focused()
    organisation.change("update campaign set state = 'cancelled' where key = :key", key=address.rpartition("/")[2])
    expect(page.locator("#progress")).not_to_have_attribute("hx-get", re.compile("."), timeout=15_000)
    assert window.said == []
