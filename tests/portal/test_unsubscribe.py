"""Opting out by link: a GET changes nothing, one click does, and a forged link does neither."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

import pytest

from nightmail.privacy import address_hash
from nightmail.privacy.signed_links import Purpose, link_token
from tests.portal.conftest import SECRET_KEY, Organisation, RunningPortal

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
SUPPRESSIONS = "select team_id, channel, address_hash, category, reason from suppression where lifted_at is null"


@pytest.fixture
def link(organisation: Organisation) -> str:
    message_id = organisation.message(
        organisation.campaign(), channel="email", address="anna@example.com", language="de"
    )
    return f"/u/{link_token(message_id, Purpose.UNSUBSCRIBE, SECRET_KEY.encode())}"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_changes_nothing(portal: RunningPortal, organisation: Organisation, link: str, method: str) -> None:
    """Mail scanners follow links: what they see is a page with a button."""
    answer = portal.client.request(method, link)
    assert answer.status_code == 200
    assert organisation.rows(SUPPRESSIONS) == []
    assert organisation.rows("select * from audit where action like 'recipient%'") == []


def test_one_click_opts_out_of_the_category_at_once(
    portal: RunningPortal, organisation: Organisation, link: str
) -> None:
    """RFC 8058: a form post without cookies, login or redirect; a second click changes nothing."""
    answers = [portal.client.post(link, data=ONE_CLICK) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert organisation.rows(SUPPRESSIONS) == [
        {
            "team_id": organisation.teams["acme.billing"],
            "channel": "email",
            "address_hash": address_hash("anna@example.com", SECRET_KEY.encode()),
            "category": "appointment",
            "reason": "opted_out",
        }
    ]
    assert len(organisation.rows("select * from audit where action = 'recipient.unsubscribed'")) == 1


def test_a_person_may_choose_everything_and_take_it_back(
    portal: RunningPortal, organisation: Organisation, link: str
) -> None:
    """The page's form: all messages of the team; then again, as if nothing had been."""
    assert portal.client.post(link, data={"scope": "everything"}).status_code == 200
    assert [row["category"] for row in organisation.rows(SUPPRESSIONS)] == [None]
    assert portal.client.post(link, data={"scope": "again"}).status_code == 200
    assert organisation.rows(SUPPRESSIONS) == []


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("damage", ["signature", "message", "purpose", "unknown"])
def test_a_link_that_was_not_ours_does_nothing(
    portal: RunningPortal, organisation: Organisation, link: str, method: str, damage: str
) -> None:
    """Changed, for another message, for another purpose, for a message we do not know: one answer for all."""
    token = link.removeprefix("/u/")
    if damage == "signature":
        token = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    elif damage == "message":
        token = token.replace("-2-email", "-3-email")
    elif damage == "purpose":
        token = link_token(token.partition(".")[0], Purpose.CHAT, SECRET_KEY.encode())
    else:
        token = link_token("cdeadbeef00-2-email-0", Purpose.UNSUBSCRIBE, SECRET_KEY.encode())
    answer = portal.client.request(method, f"/u/{token}")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert organisation.rows(SUPPRESSIONS) == []


def test_the_page_is_whole_in_the_recipients_language_and_fetches_nothing(portal: RunningPortal, link: str) -> None:
    """One document: labelled controls, a language, a style that its policy allows by hash, no address outside."""
    answer = portal.client.get(link)
    page = answer.text
    assert '<html lang="de">' in page
    assert "Abmelden" in page
    assert "Billing" in page
    assert not re.search(r"(src|href)=(?!\"/p/)|https?://|<script|url\(", page)
    style = re.search(r"<style>(.*?)</style>", page, re.S)
    assert style is not None
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "SANDBOX" not in page


def test_the_sandbox_says_so(portal: RunningPortal, organisation: Organisation, link: str) -> None:
    """Where the carrier is a stand-in, the page says so in large letters."""
    from sqlalchemy import text

    with organisation.engine.begin() as connection:
        connection.execute(text("""update carrier_account set settings = settings || '{"sandbox": true}'"""))
    page = portal.client.get(link).text
    assert "SANDBOX: Text message, Email, Call. NOTHING OF THIS IS REALLY SENT" in page


def test_an_opt_out_works_after_the_ledger_is_gone(
    portal: RunningPortal, organisation: Organisation, link: str
) -> None:
    """Retention deletes the ledger first: the lake's sends still say to which address, by its hash."""
    import pyarrow as pa
    from sqlalchemy import text

    from nightmail.lake import Lake
    from nightmail.lake.schemas import SENDS

    (campaign,) = organisation.rows("select key, token from campaign")
    hashed = address_hash("anna@example.com", SECRET_KEY.encode())
    row = {"message_id": f"{campaign['token']}-2-email-0", "line": 2, "contact_id": "c", "channel": "email", "step": 0}
    row |= {"address_hash": hashed.hex(), "state": "accepted", "attempts": 1}
    Lake(portal.settings.lake).table("sends", campaign["key"]).write(pa.Table.from_pylist([row], SENDS))
    with organisation.engine.begin() as connection:
        connection.execute(text("delete from message"))
    assert portal.client.post(link, data=ONE_CLICK).status_code == 200
    assert [row["address_hash"] for row in organisation.rows(SUPPRESSIONS)] == [hashed]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("language", "says"), [("en", "This is a preview"), ("de", "Das ist eine Vorschau")])
def test_a_link_of_a_preview_says_so_and_does_nothing(
    portal: RunningPortal, organisation: Organisation, link: str, method: str, language: str, says: str
) -> None:
    """Who clicks in what they look at before they send opts nobody out, though the message exists."""
    shown = f"{link.rpartition('.')[0]}.preview-preview-preview-"
    answer = portal.client.request(method, shown, data=ONE_CLICK, headers={"Accept-Language": language})
    assert answer.status_code == 404 and says in answer.text
    assert organisation.rows(SUPPRESSIONS) == []
