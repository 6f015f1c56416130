"""The page behind ``preferences_url``: stopping by the link alone, everything else by a code, and a clear answer to each visitor."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import text

from nightmail.consent.preferences import record_preferences
from nightmail.privacy import address_hash
from nightmail.privacy.signed_links import Purpose, link_token
from portal.recipient_pages.preference_words import PAGE
from tests.portal.conftest import SECRET_KEY, Organisation, RunningPortal
from tests.support.loopback_mailbox import Mailbox

ANNA = "anna@example.com"
SUPPRESSIONS = "select channel, category, reason, source from suppression where lifted_at is null order by id"
CHOSEN = "select channels, categories_in, categories_out, quiet_from, quiet_until, time_zone, language, paused_until from preference"
NOTHING = {"do": "save", "language": "", "quiet_from": "", "quiet_until": "", "time_zone": "", "paused_until": ""}


@pytest.fixture
def mailbox(organisation: Organisation) -> Iterator[Mailbox]:
    running = Mailbox()
    settings = json.dumps({"base_url": running.url, "sender": "care@acme.example"})
    organisation.change("update carrier_account set active = false where channel = 'email'")
    organisation.change(
        "insert into carrier_account (name, carrier, channel, settings) values ('post', 'smtp', 'email', cast(:s as jsonb))",
        s=settings,
    )
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def message_id(organisation: Organisation, mailbox: Mailbox) -> str:
    return organisation.message(organisation.campaign(), channel="email", address=ANNA)


@pytest.fixture
def link(message_id: str) -> str:
    return f"/p/{link_token(message_id, Purpose.PREFERENCES, SECRET_KEY.encode())}"


def _code(mailbox: Mailbox) -> str:
    to, subject, body = mailbox.next()
    assert to == ANNA
    found = re.search(r"\b(\d{6})\b", body)
    assert found is not None
    assert found[1] in subject
    return found[1]


def _let_in(portal: RunningPortal, mailbox: Mailbox, link: str) -> None:
    """The way in: a code is asked for, comes, and is typed; the client's cookie is then the proof."""
    assert portal.client.post(link, data={"do": "code"}).status_code == 303
    assert portal.client.post(link, data={"do": "type", "code": _code(mailbox)}).status_code == 303


def _chose(organisation: Organisation, **changes: str) -> None:
    """What the recipient chose by another way: a call, a file."""
    stated = [(f"{2:032x}", dt.datetime.now(dt.UTC), changes)]
    with organisation.engine.begin() as connection:
        record_preferences(connection, organisation.teams["acme.billing"], stated, source="telephone", actor="user:ada")


def _seen(page: httpx.Response) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def test_looking_changes_nothing_and_tells_nothing(
    portal: RunningPortal, organisation: Organisation, link: str
) -> None:
    """Whoever has the link sees the category of its message, and no topic, address or choice beyond that."""
    _chose(organisation, language="fr", quiet_from="21:15", quiet_until="07:45")
    before = organisation.rows(
        f"select (select count(*) from audit) as audit, (select count(*) from ({CHOSEN}) c) as chosen"
    )
    for method in ("GET", "HEAD"):
        answer = portal.client.request(method, link)
        assert answer.status_code == 200
        assert not {"21:15", ANNA, "anna", "Choice 1"} & set(re.findall(r"[\w@.:]+", answer.text))
    assert organisation.rows(SUPPRESSIONS) == []
    assert organisation.rows("select * from address_code") == []
    assert before == organisation.rows(
        f"select (select count(*) from audit) as audit, (select count(*) from ({CHOSEN}) c) as chosen"
    )


@pytest.mark.parametrize(
    ("form", "category"),
    [
        ({"List-Unsubscribe": "One-Click"}, "appointment"),
        ({"do": "stop", "scope": "category"}, "appointment"),
        ({"do": "stop", "scope": "everything"}, None),
        ({"do": "all"}, None),
    ],
)
def test_stopping_needs_the_link_alone(
    portal: RunningPortal, organisation: Organisation, link: str, form: dict[str, str], category: str | None
) -> None:
    """One post, no cookie, no code; sent twice it is answered alike and done once."""
    answers = [portal.client.post(link, data=form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert all(PAGE["en"]["stopped"] in answer.text for answer in answers)
    (row,) = organisation.rows(SUPPRESSIONS)
    assert (row["category"], row["reason"]) == (category, "opted_out")


def test_a_code_opens_the_page_and_what_is_chosen_is_kept(
    portal: RunningPortal, organisation: Organisation, mailbox: Mailbox, link: str
) -> None:
    """All of it in one form, written once, with who did it in the audit log and no address in it."""
    _let_in(portal, mailbox, link)
    page = portal.client.get(link)
    assert 'name="topic" value="appointment" checked' in page.text
    form = {
        **NOTHING,
        "seen": _seen(page),
        "channel": ["email", "sms", ""],
        "quiet_from": "21:00",
        "quiet_until": "7:30",
        "time_zone": "Europe/Vienna",
        "language": "en",
        "paused_until": (day := dt.datetime.now(dt.UTC).date() + dt.timedelta(days=20)).isoformat(),
    }
    for _ in range(2):  # sent twice: the second finds what it asks for already there
        assert portal.client.post(link, data=form).headers["location"] == f"{link}?done=saved"
    assert organisation.rows(CHOSEN) == [
        {
            "channels": ["email", "sms"],
            "categories_in": None,
            "categories_out": ["appointment"],
            "quiet_from": "21:00",
            "quiet_until": "07:30",
            "time_zone": "Europe/Vienna",
            "language": "en",
            "paused_until": dt.datetime.combine(day, dt.time(), ZoneInfo("Europe/Vienna")),
        }
    ]
    assert [row["category"] for row in organisation.rows(SUPPRESSIONS)] == ["appointment"]
    entries = organisation.rows(
        "select actor, detail::text, before::text, after::text from audit where action = 'recipient.chose'"
    )
    assert [entry["actor"] for entry in entries] == ["recipient"]
    assert ANNA not in str(entries)

    page = portal.client.get(f"{link}?done=saved")
    assert PAGE["en"]["saved"] in page.text
    back = {**NOTHING, "seen": _seen(page), "topic": "appointment"}
    assert portal.client.post(link, data=back).status_code == 303
    assert organisation.rows(SUPPRESSIONS) == []
    assert organisation.rows(CHOSEN)[0]["categories_out"] is None


def test_without_the_code_nothing_is_added_and_nothing_is_shown(
    portal: RunningPortal, organisation: Organisation, mailbox: Mailbox, link: str
) -> None:
    """Saving, coming back after an opt-out, a made-up cookie, another person's proof: all of them find the page locked."""
    portal.client.post(link, data={"do": "all"})
    stopped = organisation.rows(SUPPRESSIONS)
    other = organisation.message(organisation.campaign(), line=3, channel="email", address="ben@example.com")
    other_link = f"/p/{link_token(other, Purpose.PREFERENCES, SECRET_KEY.encode())}"
    for cookie in (None, "made-up", "x" * 4_000):
        client = httpx.Client(
            base_url=portal.url, trust_env=False, cookies={"nightmail_choices": cookie} if cookie else None
        )
        for form in ({**NOTHING, "topic": "appointment"}, {"do": "again"}):
            assert client.post(link, data=form).status_code == 403
    _let_in(portal, mailbox, link)
    assert portal.client.post(other_link, data={"do": "again"}).status_code == 403
    assert organisation.rows(SUPPRESSIONS) == stopped
    assert organisation.rows(CHOSEN) == []
    # The proof of one's own address takes one's own opt-out back.
    assert portal.client.post(link, data={"do": "again"}).headers["location"] == f"{link}?done=again"
    assert organisation.rows(SUPPRESSIONS) == []


def test_what_others_block_a_page_does_not_lift(
    portal: RunningPortal, organisation: Organisation, mailbox: Mailbox, link: str
) -> None:
    """An opt-out from the team above stays, the page says so, and it does not stop the code that would change one's own."""
    organisation.change(
        "insert into suppression (team_id, channel, address_hash, reason, source) values (:team, 'email', :hash, 'opted_out', 'reply')",
        team=organisation.teams["acme"],
        hash=address_hash(ANNA, SECRET_KEY.encode()),
    )
    _let_in(portal, mailbox, link)
    assert "for a larger part of the organisation" in portal.client.get(link).text
    portal.client.post(link, data={"do": "again"})
    assert [row["source"] for row in organisation.rows(SUPPRESSIONS)] == ["reply"]


def test_a_form_with_faults_keeps_what_was_typed_and_names_each(
    portal: RunningPortal, organisation: Organisation, mailbox: Mailbox, link: str
) -> None:
    _let_in(portal, mailbox, link)
    page = portal.client.get(link)
    form = {
        **NOTHING,
        "seen": _seen(page),
        "topic": ["appointment", "made_up"],
        "channel": ["email", "email"],
        "quiet_from": "25:00",
        "time_zone": "Europe/Lundon",
        "language": "tlh",
        "paused_until": "2020-01-01",
    }
    answer = portal.client.post(link, data=form)
    assert answer.status_code == 422
    for fault in ("topic", "channels", "time", "zone", "language", "past"):
        assert PAGE["en"][f"error_{fault}"] in answer.text
    assert 'value="25:00"' in answer.text
    assert organisation.rows(CHOSEN) == []
    one_time = portal.client.post(link, data={**NOTHING, "seen": _seen(page), "quiet_from": "21:00"})
    assert PAGE["en"]["error_both"] in one_time.text
    far = portal.client.post(link, data={**NOTHING, "seen": _seen(page), "paused_until": "2099-01-01"})
    assert PAGE["en"]["error_far"] in far.text


def test_a_tick_gives_consent_with_the_text_that_was_shown_and_its_end_withdraws_it(
    portal: RunningPortal, organisation: Organisation, mailbox: Mailbox, link: str
) -> None:
    """Given, withdrawn, given again: what was shown is kept once, and the latest counts."""
    organisation.change("insert into category (name, kind, needs_consent) values ('offers', 'marketing', true)")
    organisation.change("insert into template (team_id, name, category_id) select 1, 'offer', max(id) from category")
    _let_in(portal, mailbox, link)
    states = []
    for topics in (["appointment", "offers"], ["appointment"], ["appointment", "offers"]):
        page = portal.client.get(link)
        assert portal.client.post(link, data={**NOTHING, "seen": _seen(page), "topic": topics}).status_code == 303
        states.append('value="offers" checked' in portal.client.get(link).text)
    assert states == [True, False, True]
    given = organisation.rows(
        "select c.captured_how, c.recorded_by, c.withdrawn_at is not null as withdrawn, x.text from consent c "
        "join consent_text x on x.id = c.text_id order by c.id"
    )
    assert [row["withdrawn"] for row in given] == [True, False]
    assert {row["text"] for row in given} == {f"Offers. {PAGE['en']['agree'].replace('{team}', 'Billing')}"}
    assert {(row["captured_how"], row["recorded_by"]) for row in given} == {("preference page", "recipient")}
    assert len(organisation.rows("select * from consent_text")) == 1


def test_a_stale_form_is_not_saved_over_what_came_in_between(
    portal: RunningPortal, organisation: Organisation, mailbox: Mailbox, link: str
) -> None:
    _let_in(portal, mailbox, link)
    seen = _seen(portal.client.get(link))
    _chose(organisation, language="en")
    answer = portal.client.post(link, data={**NOTHING, "seen": seen, "topic": "appointment"})
    assert answer.status_code == 409
    assert PAGE["en"]["stale"] in answer.text
    assert organisation.rows(CHOSEN)[0]["language"] == "en"
    assert portal.client.post(link, data={**NOTHING, "seen": _seen(answer), "topic": "appointment"}).status_code == 303


def test_a_code_is_guessed_five_times_at_the_most(
    portal: RunningPortal, organisation: Organisation, mailbox: Mailbox, link: str
) -> None:
    """Tries at the same moment count too, and after the fifth the right code is worth nothing."""
    portal.client.post(link, data={"do": "code"})
    code = _code(mailbox)
    wrong = [f"{(int(code) + add) % 1_000_000:06d}" for add in range(1, 9)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda typed: httpx.post(f"{portal.url}{link}", data={"do": "type", "code": typed}), wrong)
        )
    assert {answer.status_code for answer in answers} == {422}
    assert organisation.rows("select tries from address_code") == [{"tries": 5}]
    late = portal.client.post(link, data={"do": "type", "code": code})
    assert late.status_code == 422
    assert "tried too often" in late.text
    assert not late.cookies


def test_an_address_is_not_bombarded(
    portal: RunningPortal, organisation: Organisation, mailbox: Mailbox, link: str
) -> None:
    """Eight requests at once send one code; with the minutes gone by an hour sends three, for any message of the team."""
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: httpx.post(f"{portal.url}{link}", data={"do": "code"}), range(8)))
    assert sorted(answer.status_code for answer in answers) == [303] + [429] * 7
    assert all(int(answer.headers["retry-after"]) <= 60 for answer in answers if answer.status_code == 429)
    again = organisation.message(organisation.campaign(), line=3, channel="email", address=ANNA)
    other_link = f"/p/{link_token(again, Purpose.PREFERENCES, SECRET_KEY.encode())}"
    for expected in (303, 303, 429):
        organisation.change("update address_code set created_at = created_at - interval '70 seconds'")
        assert portal.client.post(other_link, data={"do": "code"}).status_code == expected
    codes = [_code(mailbox) for _ in range(3)]
    assert mailbox.received.empty()
    # The last one alone opens.
    if codes[0] != codes[2]:
        assert portal.client.post(link, data={"do": "type", "code": codes[0]}).status_code == 422
    assert portal.client.post(link, data={"do": "type", "code": codes[2]}).status_code == 303


def test_a_code_is_kept_as_a_hash_and_works_once(
    portal: RunningPortal, organisation: Organisation, mailbox: Mailbox, link: str
) -> None:
    portal.client.post(link, data={"do": "code"})
    code = _code(mailbox)
    (row,) = organisation.rows("select * from address_code")
    assert code not in str({name: value for name, value in row.items() if name not in ("created_at", "expires_at")})
    assert row["expires_at"] - row["created_at"] == dt.timedelta(minutes=15)
    assert portal.client.post(link, data={"do": "type", "code": f" {code[:3]} {code[3:]} "}).status_code == 303
    organisation.change("update address_code set used_at = used_at - interval '1 minute'")
    stranger = httpx.post(f"{portal.url}{link}", data={"do": "type", "code": code})
    assert (stranger.status_code, "used already" in stranger.text) == (422, True)
    assert portal.client.post(link, data={"do": "leave"}).headers["location"] == f"{link}?done=left"
    portal.client.cookies.clear()
    assert portal.client.post(link, data={**NOTHING}).status_code == 403


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ("delete from message_content", 410, "no longer keep the address"),
        ("update carrier_account set active = false", 409, "cannot send a code"),
        (
            "insert into suspension (channel, reason, by) values ('email', 'quota', 'test')",
            409,
            "cannot send a code",
        ),
        (
            "insert into suppression (channel, address_hash, reason, source) "
            "select 'email', address_hash, 'hard_bounce', 'receipt:smtp' from message",
            409,
            "cannot send a code",
        ),
    ],
)
def test_where_no_code_can_go_the_page_says_so_and_stopping_works(
    portal: RunningPortal, organisation: Organisation, mailbox: Mailbox, link: str, change: str, status: int, says: str
) -> None:
    organisation.change(change)
    answer = portal.client.post(link, data={"do": "code"})
    assert (answer.status_code, says in answer.text) == (status, True)
    assert organisation.rows("select * from address_code") == []
    assert portal.client.post(link, data={"do": "stop"}).status_code == 200
    assert mailbox.received.empty()


def _in_the_book(organisation: Organisation, **fields: str) -> None:
    names = ", ".join(fields)
    organisation.change(
        f"insert into contact (team_id, contact_id, external_id, {names}) "
        f"values (:team, :contact, 'K-1', {', '.join(f':{name}' for name in fields)})",
        team=organisation.teams["acme.billing"],
        contact=f"{2:032x}",
        **fields,
    )


def test_everything_is_stopped_at_every_address_of_the_book(
    portal: RunningPortal, organisation: Organisation, mailbox: Mailbox, link: str
) -> None:
    """On any channel, as the page says; what it stopped it takes back, and no opt-out that was made elsewhere."""
    _in_the_book(organisation, email=ANNA, phone="+491701234567")
    number = address_hash("+491701234567", SECRET_KEY.encode())
    organisation.change(
        "insert into suppression (team_id, channel, address_hash, reason, source) values (:team, 'voice', :hash, 'opted_out', 'reply')",
        team=organisation.teams["acme.billing"],
        hash=number,
    )
    organisation.change("delete from message_content")  # the book knows the address as well
    _let_in(portal, mailbox, link)
    portal.client.post(link, data={"do": "all"})
    stopped = {(row["channel"], row["source"]) for row in organisation.rows(SUPPRESSIONS)}
    assert stopped >= {("email", "preference_page"), ("sms", "preference_page"), ("voice", "reply")}
    portal.client.post(link, data={"do": "again"})
    assert [(row["channel"], row["source"]) for row in organisation.rows(SUPPRESSIONS)] == [("voice", "reply")]


def test_an_address_that_is_somebody_elses_now_opens_nothing(
    portal: RunningPortal, organisation: Organisation, mailbox: Mailbox, link: str
) -> None:
    """Numbers and mailboxes change hands: with the book's new address the old one neither gets a code nor keeps a proof."""
    _let_in(portal, mailbox, link)
    _in_the_book(organisation, email="anna.new@example.com")
    assert "Choice 1" not in portal.client.get(link).text
    answer = portal.client.post(link, data={"do": "code"})
    assert (answer.status_code, "no longer the one" in answer.text) == (409, True)
    assert portal.client.post(link, data={**NOTHING}).status_code == 403
    assert portal.client.post(link, data={"do": "stop"}).status_code == 200
    assert mailbox.received.empty()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_links_that_lead_to_nobody(
    portal: RunningPortal, organisation: Organisation, message_id: str, method: str
) -> None:
    """Forged, of another purpose, over, and of somebody who was erased: each has its answer, in the browser's language."""
    key = SECRET_KEY.encode()
    good = link_token(message_id, Purpose.PREFERENCES, key)
    over = link_token(message_id, Purpose.PREFERENCES, key, expires=dt.date(2020, 1, 1))
    with organisation.engine.begin() as connection:
        connection.execute(text("delete from message_content"))
        connection.execute(text("delete from message"))
    cases = {
        f"{good[:-2]}AA": (404, "invalid"),
        link_token(message_id, Purpose.UNSUBSCRIBE, key): (404, "invalid"),
        link_token("cdeadbeef00-2-email-0", Purpose.PREFERENCES, key): (404, "invalid"),
        over: (410, "expired"),
        good: (410, "gone"),
    }
    for token, (status, why) in cases.items():
        answer = portal.client.request(method, f"/p/{token}", headers={"Accept-Language": "de-AT,de;q=0.9"})
        assert answer.status_code == status, why
        assert PAGE["de"][f"{why}_title"] in answer.text
    assert organisation.rows(SUPPRESSIONS) == []


def test_every_language_has_every_word_and_every_place() -> None:
    """No text is missing in a language, and each has the same names to fill in."""
    from portal.recipient_pages.code_words import CODES
    from portal.recipient_pages.topic_words import TOPICS
    from portal.recipient_pages.words import CONVERSATION, UNSUBSCRIBE

    for words in (PAGE, CODES, TOPICS, UNSUBSCRIBE, CONVERSATION):
        assert words.keys() == PAGE.keys()
        for language in words:
            assert words[language].keys() == words["en"].keys(), language
            for name, written in words[language].items():
                assert sorted(re.findall(r"\{\w+\}", written)) == sorted(re.findall(r"\{\w+\}", words["en"][name])), (
                    name
                )
