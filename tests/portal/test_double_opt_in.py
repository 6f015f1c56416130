"""Asking for a consent: one message, a page whose button confirms, and a word in answer where it is certain what it answers."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from nightmail.access.permissions import Permission
from nightmail.access.principals import system_principal
from nightmail.carriers.protocol import Reply, ReplyKind
from nightmail.consent.consent_requests import ConsentAsked, ask_for_consent
from nightmail.contacts.contact_changes import make_contact
from nightmail.organisation.routes import Route
from nightmail.privacy import address_hash
from nightmail.privacy.signed_links import Purpose, link_token, request_token
from nightmail.receipts.replies import take_replies
from portal.recipient_pages.consent_words import CONFIRMING
from portal.recipient_pages.preference_words import PAGE
from tests.portal.conftest import SECRET_KEY, Organisation, RunningPortal
from tests.portal.test_preference_page import mailbox as mailbox
from tests.support.loopback_mailbox import Mailbox
from tests.support.sender_parts import account, route

KEY = SECRET_KEY.encode()
ANNA, NUMBER, OURS = "anna@example.com", "+491701234567", "+15005550006"
_EVENTS = itertools.count(1)
HELD = "select captured_how, captured_at, confirmed_at, withdrawn_at, proof, recorded_by from consent"


@pytest.fixture
def category(organisation: Organisation) -> str:
    return str(organisation.rows("select name from category order by id limit 1")[0]["name"])


@pytest.fixture
def contact(organisation: Organisation) -> str:
    """A contact in the book of the team, by its id in tables."""
    with organisation.engine.begin() as connection:
        stated = {"external_id": "C-1", "email": ANNA, "phone": NUMBER, "language": "de"}
        made = make_contact(connection, by=system_principal("test"), team="acme.billing", stated=stated, key=KEY)
    organisation.change(
        "insert into preference (team_id, contact_id, channels) select team_id, contact_id, '{email}' from contact"
    )
    return made.contact_id


def _order(category: str, **more: Any) -> dict[str, Any]:
    return {"contact": "C-1", "category": category, "how": "web form", "state": "requested", "channel": "email", **more}


def _link(mailbox: Mailbox) -> str:
    to, _, body = mailbox.next()
    assert to == ANNA
    found = re.search(r"/o/\S+", body)
    assert found is not None, body
    return found[0]


def test_the_button_confirms_and_looking_does_not(
    portal: RunningPortal, organisation: Organisation, mailbox: Mailbox, contact: str, category: str
) -> None:
    """Asked by the API; looked at by scanners, agreed to twice at once; recorded once, with its proof and no address."""
    key = organisation.key(team="acme.billing")
    answer = portal.api("POST", "/v1/consents", key, json=_order(category, proof="form 4711"))
    assert answer.status_code == 201, answer.text
    assert (answer.json()["added"], answer.json()["request"]["waits"]) == (1, True)
    link = _link(mailbox)
    again = portal.api("POST", "/v1/consents", key, json=_order(category)).json()
    assert (again["already"], again["request"]["id"]) == (1, answer.json()["request"]["id"])
    for method in ("GET", "HEAD", "GET"):
        page = portal.client.request(method, link)
        assert page.status_code == 200
        assert ANNA not in page.text
    assert CONFIRMING["de"]["confirm"] in page.text
    assert organisation.rows(HELD) == []
    told = portal.api("GET", "/v1/consents?contact=C-1", key).json()
    assert [(one["channel"], one["state"]) for one in told["holds_now"]] == [("email", "requested")]

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: portal.client.post(link), range(2)))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert all(CONFIRMING["de"]["done_title"] in answer.text for answer in answers)
    (row,) = organisation.rows(HELD)
    assert (row["captured_how"], row["recorded_by"]) == ("web form, confirmed by link", "recipient")
    assert row["confirmed_at"] > row["captured_at"]
    assert "form 4711" in row["proof"] and ANNA not in row["proof"]
    assert mailbox.received.empty()
    told = portal.api("GET", "/v1/consents?contact=C-1", key)
    assert (told.json()["holds_now"][0]["state"], told.json()["requests"][0]["confirmed_how"]) == ("given", "link")
    assert ANNA not in str(organisation.rows("select detail::text, before::text, after::text from audit"))


def test_a_link_that_is_forged_over_gone_or_overtaken_changes_nothing(
    portal: RunningPortal, organisation: Organisation, mailbox: Mailbox, contact: str, category: str
) -> None:
    key = organisation.key(team="acme.billing")
    portal.api("POST", "/v1/consents", key, json=_order(category))
    link = _link(mailbox)
    campaign = organisation.message(organisation.campaign(), channel="email", address=ANNA)
    forged = [
        f"/o/{link_token(campaign, Purpose.PREFERENCES, KEY)}",
        f"/o/{request_token(1, b'another key')}",
        link[:-1],
        link.replace("/o/r1.", "/o/r2."),
        f"/p/{link.removeprefix('/o/')}",
        f"/u/{link.removeprefix('/o/')}",
    ]
    for address in forged:
        for answer in (portal.client.get(address), portal.client.post(address)):
            assert answer.status_code == 404
            assert PAGE["en"]["invalid_title"] in answer.text
    gone = f"/o/{request_token(999, KEY)}"
    assert {portal.client.get(gone).status_code, portal.client.post(gone).status_code} == {410}

    back = {"contact": "C-1", "category": category, "how": "call"}
    portal.api("POST", "/v1/consents/withdrawals", key, json=back)
    answer = portal.client.post(link)
    assert (answer.status_code, CONFIRMING["de"]["withdrawn_title"] in answer.text) == (409, True)
    organisation.change("delete from consent")
    organisation.change("update consent_request set expires_at = now() - interval '1 s'")
    for answer in (portal.client.get(link), portal.client.post(link)):
        assert CONFIRMING["de"]["over_title"] in answer.text
    assert answer.status_code == 410
    assert organisation.rows(HELD) == []


@pytest.mark.parametrize(
    ("change", "reason", "status"),
    [
        ("suppressed", "consent_ask_suppressed", 409),
        ("paused", "consent_ask_not_now", 409),
        ("not in the book", "consent_ask_no_address", 409),
        ("no way", "consent_ask_no_address", 409),
        ("withdrawn", "consent_ask_withdrawn", 409),
        ("often", "consent_ask_too_often", 429),
        ("reads", "permission_missing", 403),
    ],
)
def test_who_may_not_be_asked_gets_no_message(
    portal: RunningPortal,
    organisation: Organisation,
    mailbox: Mailbox,
    contact: str,
    category: str,
    change: str,
    reason: str,
    status: int,
) -> None:
    order, key = _order(category), organisation.key(team="acme.billing")
    if change == "suppressed":
        organisation.change(
            "insert into suppression (channel, address_hash, reason, source) values ('email', :hash, 'opted_out', 'reply')",
            hash=address_hash(ANNA, KEY),
        )
    elif change == "paused":
        portal.api(
            "POST",
            "/v1/preferences",
            key,
            json={
                "contact": "C-1",
                "changes": {"paused_until": (dt.datetime.now(dt.UTC) + dt.timedelta(1)).isoformat()},
            },
        )
    elif change == "not in the book":
        order["contact"] = "C-2"
    elif change == "no way":
        organisation.change("update carrier_account set active = false")
    elif change == "withdrawn":
        order["at"] = "2026-01-02T10:00:00Z"
        portal.api(
            "POST", "/v1/consents/withdrawals", key, json={"contact": "C-1", "category": category, "how": "call"}
        )
    elif change == "often":
        for _ in range(3):
            assert portal.api("POST", "/v1/consents", key, json=order).status_code == 201
            organisation.change("update consent_request set requested_at = now() - interval '2 hours'")
            mailbox.next()
    else:
        key = organisation.key(Permission.CONTACT_SEE, team="acme.billing")
    before = organisation.rows("select id from consent_request")
    answer = portal.api("POST", "/v1/consents", key, json=order)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert organisation.rows("select id from consent_request") == before
    assert mailbox.received.empty()


def _asked(organisation: Organisation, contact: str, category: str) -> int:
    def find(channel: str) -> Route | None:
        return route(account(1), OURS) if channel == "sms" else None

    asked = ConsentAsked(contact, category, dt.datetime.now(dt.UTC), "call", channel="sms")
    with organisation.engine.begin() as connection:
        made = ask_for_consent(
            connection,
            organisation.teams["acme.billing"],
            asked,
            find_route=find,
            shown={"en": "I agree.", "de": "Ja."},
            key=KEY,
            actor="test",
        )
    assert made.request is not None
    return made.request.id


def _answer(**more: Any) -> Reply:
    values = {"text": "Ja", "sender": NUMBER, "recipient": OURS, "event_key": f"e{next(_EVENTS)}", **more}
    return Reply("twilio", "sms", kind=ReplyKind.TEXT, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "confirms"),
    [
        ({}, True),
        ({"text": "JA!", "carrier_opt_out": "START"}, True),
        ({"accounts": frozenset({1})}, True),
        ({"accounts": frozenset({2})}, False),
        ({"text": "Ja, aber nicht sonntags"}, False),
        ({"text": "Yes"}, False),
        ({"text": "Stop"}, False),
        ({"recipient": "+15005550007"}, False),
        ({"sender": "+491701234568"}, False),
        ({"sender_is_proved": False}, False),
    ],
)
def test_a_word_in_answer_confirms_where_it_is_certain(
    portal: RunningPortal,
    organisation: Organisation,
    contact: str,
    category: str,
    answer: dict[str, Any],
    confirms: bool,
) -> None:
    request = _asked(organisation, contact, category)
    reply = _answer(**answer)
    for _ in range(2):
        take_replies(organisation.engine, [reply, replace(reply, event_key=f"{reply.event_key}b")], hash_key=KEY)
    held = organisation.rows(HELD)
    assert [row["captured_how"] for row in held] == (["call, confirmed by word"] if confirms else [])
    kept = organisation.rows(
        "select confirmed_how, reply_id is not null as by_reply from consent_request where id = :id", id=request
    )
    assert kept == [{"confirmed_how": "word" if confirms else None, "by_reply": confirms}]


def test_a_word_that_may_answer_something_else_confirms_nothing(
    portal: RunningPortal, organisation: Organisation, contact: str, category: str
) -> None:
    """Another message has gone from the same number since; or two requests wait at the address."""
    _asked(organisation, contact, category)
    organisation.change("update consent_request set requested_at = now() - interval '20 minutes'")
    organisation.change(
        "update carrier_account set settings = settings || jsonb_build_object('sender', cast(:ours as text))", ours=OURS
    )
    sms = organisation.rows("select id from carrier_account where channel = 'sms' order by id limit 1")[0]["id"]
    organisation.message(organisation.campaign(), address=NUMBER, carrier_account_id=sms)
    take_replies(organisation.engine, [_answer()], hash_key=KEY)
    assert organisation.rows(HELD) == []
    organisation.change("delete from message")
    other = str(organisation.rows("select name from category order by id desc limit 1")[0]["name"])
    if other == category:
        organisation.change("insert into category (name, kind) values ('another', 'marketing')")
        other = "another"
    _asked(organisation, contact, other)
    take_replies(organisation.engine, [_answer()], hash_key=KEY)
    assert organisation.rows(HELD) == []
