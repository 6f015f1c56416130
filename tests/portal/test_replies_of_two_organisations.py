"""Who is suppressed after what, where two organisations have numbers of their own and share others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from nightmail.access.permissions import Permission
from tests.support.running_portal import RunningPortal, portals
from tests.support.two_organisations import (
    ACCOUNT_OF,
    ACCOUNTS,
    BILLING,
    DEFAULT,
    GLOBEX,
    MARKETING,
    PERSON,
    SHARED,
    TOKENS,
    TwoOrganisations,
)

INBOUND, STATUS = "/webhooks/twilio/inbound-sms", "/webhooks/twilio/message-status"
EVERYBODY = ("acme.billing", "acme.care", "globex.support", "acme.field", "globex.news", "acme.marketing")


@pytest.fixture
def two(database: Engine, monkeypatch: pytest.MonkeyPatch) -> TwoOrganisations:
    return TwoOrganisations(database, monkeypatch)


@pytest.fixture
def portal(two: TwoOrganisations, tmp_path: Path) -> Iterator[RunningPortal]:
    with portals(lambda: two.engine, tmp_path) as start:
        yield start()


def post(portal: RunningPortal, path: str, form: dict[str, str], account: str, **more: str) -> httpx.Response:
    """A webhook that ``account`` signs."""
    return portal.twilio(path, form, more.get("message_id"), token=TOKENS[account], account=ACCOUNTS[account])


def write(portal: RunningPortal, two: TwoOrganisations, said: str, number: str, **more: str) -> None:
    answer = post(portal, INBOUND, two.text_form(said, number, **more), ACCOUNT_OF[number])
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("sent", "number", "suppressed", "team"),
    [
        # Everybody has written, marketing last: a STOP is for the number that it was sent to.
        (EVERYBODY, BILLING, {"acme.billing"}, "acme.billing"),
        (EVERYBODY, MARKETING, {"acme.marketing"}, "acme.marketing"),
        (EVERYBODY, SHARED, {"acme.care", "globex.support"}, "globex.support"),
        (EVERYBODY, DEFAULT, {"acme.field"}, "acme.field"),
        (EVERYBODY, GLOBEX, {"globex"}, "globex.news"),
        # Nobody has written from there: an unsolicited message to those whose number it is.
        ((), BILLING, {"acme.billing"}, "acme.billing"),
        (("acme.marketing",), BILLING, {"acme.billing"}, "acme.billing"),
        ((), SHARED, {"acme.care", "globex.support"}, None),
        (("acme.care",), SHARED, {"acme.care", "globex.support"}, "acme.care"),
        ((), DEFAULT, {"acme.field"}, "acme.field"),
        ((), GLOBEX, {"globex"}, "globex"),
    ],
)
def test_a_stop_is_for_the_teams_of_the_number_that_it_was_sent_to(
    portal: RunningPortal,
    two: TwoOrganisations,
    sent: tuple[str, ...],
    number: str,
    suppressed: set[str],
    team: str | None,
) -> None:
    """The carrier blocks the number: all teams that send from it are held back, no other is. The reply is of one team."""
    messages = {path: two.sent(path) for path in sent}
    write(portal, two, "Stop!", number)
    assert two.suppressed() == suppressed
    (reply,) = two.rows(
        "select t.path, r.sent_to, r.kind, r.campaign_id from reply r left join team t on t.id = r.team_id"
    )
    assert (reply["path"], reply["sent_to"], reply["kind"]) == (team, number, "stop")
    assert (reply["campaign_id"] is not None) == (team in messages)
    assert {row["message_id"] for row in two.rows("select message_id from suppression")} == {messages.get(team or "")}


@pytest.mark.parametrize(
    ("stops", "start", "left"),
    [
        ((BILLING, MARKETING), BILLING, {"acme.marketing"}),
        ((BILLING, SHARED), SHARED, {"acme.billing"}),
        ((SHARED,), BILLING, {"acme.care", "globex.support"}),
        ((GLOBEX, SHARED), GLOBEX, {"acme.care", "globex.support"}),
    ],
)
def test_a_start_lifts_what_its_own_number_stopped(
    portal: RunningPortal, two: TwoOrganisations, stops: tuple[str, ...], start: str, left: set[str]
) -> None:
    for path in EVERYBODY:
        two.sent(path)
    for number in stops:
        write(portal, two, "STOP", number)
    write(portal, two, "start", start)
    assert two.suppressed() == left


@pytest.mark.parametrize("number", [BILLING, SHARED, GLOBEX])
@pytest.mark.parametrize("said", ["Thanks", "HELP", "Fine"])
def test_other_texts_belong_to_the_number_and_suppress_nobody(
    portal: RunningPortal, two: TwoOrganisations, number: str, said: str
) -> None:
    for path in EVERYBODY:
        two.sent(path)
    write(portal, two, said, number)
    (reply,) = two.rows("select t.path from reply r join team t on t.id = r.team_id")
    assert reply["path"] == {BILLING: "acme.billing", SHARED: "globex.support", GLOBEX: "globex.news"}[number]
    assert two.rows("select * from suppression") == []


@pytest.mark.parametrize(
    ("language", "said", "becomes"),
    [
        ("en", "Fine", "text"),
        ("it", "Fine", "stop"),
        ("fr", "FIN.", "stop"),
        ("sv", "fin", "text"),
        ("de", "Unsubscribe", "stop"),
        ("pl", "stop stop", "stop"),
        ("en", "Can I cancel my appointment?", "text"),
        ("en", "please stop texting me", "probable_stop"),
        ("en", "arrêtez", "probable_stop"),
        ("fr", "Arrêtez de m'écrire svp", "probable_stop"),
        ("en", "Hilfe", "text"),
        ("de", "Hilfe", "help"),
    ],
)
def test_a_word_means_what_it_means_in_the_language_of_the_message(
    portal: RunningPortal, two: TwoOrganisations, language: str, said: str, becomes: str
) -> None:
    two.sent("acme.marketing", language=language)
    write(portal, two, said, MARKETING)
    assert [row["kind"] for row in two.rows("select kind from reply")] == [becomes]
    assert two.suppressed() == ({"acme.marketing"} if becomes == "stop" else set())
    held = two.rows("select category, reason from suppression where reason = 'probable_opt_out'")
    probable = becomes == "probable_stop"
    assert held == ([{"category": "news", "reason": "probable_opt_out"}] if probable else [])
    assert [row["reason"] for row in two.rows("select reason from alert")] == (["probable_opt_out"] if probable else [])


def test_what_the_carrier_acted_upon_wins_over_our_reading(portal: RunningPortal, two: TwoOrganisations) -> None:
    """The carrier has its own words for a service: "ADIOS" is a STOP when it says so, and then nothing is sent there."""
    two.sent("acme.marketing")
    write(portal, two, "adios", MARKETING, OptOutType="STOP")
    assert two.suppressed() == {"acme.marketing"}
    write(portal, two, "stop", MARKETING, OptOutType="START")
    assert two.suppressed() == set()


def test_a_number_of_a_service_is_found_by_either(portal: RunningPortal, two: TwoOrganisations) -> None:
    """The team sends from the service; the reply names the number that it went out from, and the service."""
    service = "MG" + "1" * 32
    with two.engine.begin() as connection:
        connection.exec_driver_sql(f"update sender set address = '{service}' where address = '{MARKETING}'")
    two.sent("acme.billing")
    write(portal, two, "STOP", MARKETING, MessagingServiceSid=service)
    assert two.suppressed() == {"acme.marketing"}


@pytest.mark.parametrize("signer", ["globex", "provider"])
def test_another_accounts_secret_moves_nothing(portal: RunningPortal, two: TwoOrganisations, signer: str) -> None:
    """A signed receipt of a message that went over another account, and a signed reply to another account's number."""
    message_id = two.sent("acme.billing")
    (sid,) = (row["carrier_message_id"] for row in two.rows("select carrier_message_id from message"))
    failed = {"MessageSid": sid, "MessageStatus": "undelivered", "ErrorCode": "21610", "To": PERSON, "From": BILLING}
    assert post(portal, STATUS, failed, signer, message_id=message_id).status_code == 204
    assert post(portal, STATUS, failed, signer).status_code == 204
    assert two.rows("select delivery from message") == [{"delivery": None}]
    assert two.rows("select * from receipt") == []
    assert two.rows("select * from suppression") == []
    assert [row["reason"] for row in two.rows("select reason from alert")] == ["webhook_of_another_account"]
    # The account's own receipt of the same event is no repetition.
    assert post(portal, STATUS, failed, "acme", message_id=message_id).status_code == 204
    assert two.rows("select delivery from message") == [{"delivery": "undelivered"}]
    assert two.suppressed() == {"acme.billing"}

    post(portal, INBOUND, two.text_form("START", BILLING), signer)
    assert two.suppressed() == {"acme.billing"}
    post(portal, INBOUND, two.text_form("STOP", MARKETING), signer)
    assert "acme.marketing" not in two.suppressed()
    assert {row["path"] for row in two.rows("select t.path from reply r join team t on t.id = r.team_id")} <= {
        "globex",
        "acme.field",
    }


def test_an_error_code_suppresses_for_the_team_of_the_message_alone(
    portal: RunningPortal, two: TwoOrganisations
) -> None:
    """And for nobody where the message is not known: what a code says is not for all."""
    message_id = two.sent("acme.care")
    gone = {"MessageSid": two.sid(), "MessageStatus": "undelivered", "ErrorCode": "30005", "To": PERSON}
    assert post(portal, STATUS, gone, "provider").status_code == 204
    assert two.rows("select * from suppression") == []
    assert post(portal, STATUS, {**gone, "MessageSid": two.sid()}, "provider", message_id=message_id).status_code == 204
    assert [row["path"] for row in two.rows("select t.path from suppression s join team t on t.id = s.team_id")] == [
        "acme.care"
    ]


def test_pictures_are_kept_as_links(portal: RunningPortal, two: TwoOrganisations) -> None:
    write(
        portal,
        two,
        "",
        BILLING,
        NumMedia="2",
        MediaUrl0="https://api.example/1",
        MediaContentType0="image/jpeg",
        MediaUrl1="javascript:1",
    )
    (reply,) = two.rows("select media from reply")
    assert reply["media"] == [{"url": "https://api.example/1", "content_type": "image/jpeg", "size": None}]


@pytest.mark.parametrize("decision", ["opt_out", "no_opt_out"])
def test_a_person_decides_about_a_probable_opt_out(portal: RunningPortal, two: TwoOrganisations, decision: str) -> None:
    """The team that it was written to reads and decides; it holds for every team of the number. Others see nothing."""
    message_id = two.sent("acme.care")
    write(portal, two, "please stop texting me", SHARED)
    write(portal, two, "take me off your list", SHARED)
    assert two.suppressed("probable_opt_out") == {"acme.care", "globex.support"}
    key, strange, reader = (
        two.key("acme"),
        two.key("globex"),
        two.key("acme.care", Permission.REPLY_SEE),
    )
    assert portal.api("GET", "/v1/replies", strange).json()["items"] == []
    second, first = portal.api("GET", "/v1/replies?undecided=true", key).json()["items"]
    assert (first["text"], first["sent_to"], first["message_id"]) == ("please stop texting me", SHARED, message_id)
    assert first["from"] != PERSON
    path, order = f"/v1/replies/{first['id']}/decision", {"decision": decision}
    refused = portal.api("POST", path, strange, json=order)
    assert (refused.status_code, refused.json()["reason"]) == (404, "reply_unknown")
    assert portal.api("POST", path, reader, json=order).status_code == 403
    decided = portal.api("POST", path, key, json=order)
    assert (decided.status_code, sorted(decided.json()["replies"])) == (200, [first["id"], second["id"]])
    assert portal.api("POST", path, key, json=order).json()["replies"] == []
    other = {"decision": "no_opt_out" if decision == "opt_out" else "opt_out"}
    assert portal.api("POST", path, key, json=other).json()["reason"] == "reply_not_undecided"
    assert two.suppressed("probable_opt_out") == set()
    assert two.suppressed() == ({"acme.care", "globex.support"} if decision == "opt_out" else set())
    assert portal.api("GET", "/v1/replies?undecided=true", key).json()["items"] == []
    assert two.rows("select id from alert where resolved_at is null") == []
    assert len(two.rows("select id from audit where action = 'reply.decided'")) == 1


def test_a_stop_after_a_probable_one_settles_it(portal: RunningPortal, two: TwoOrganisations) -> None:
    two.sent("acme.billing")
    write(portal, two, "take me off your list", BILLING)
    write(portal, two, "STOP", BILLING)
    assert (two.suppressed("probable_opt_out"), two.suppressed()) == (set(), {"acme.billing"})
    assert two.rows("select decision from reply where kind = 'probable_stop'") == [{"decision": "opt_out"}]
    assert two.rows("select id from alert where resolved_at is null") == []


def test_help_is_answered_and_start_confirmed_once_a_day(portal: RunningPortal, two: TwoOrganisations) -> None:
    """By the feed that the team of the number states, in the language of the message; not where the carrier did it."""
    two.answer_with("acme", help="acme/helping", start="acme/helping")
    two.sent("acme.billing", language="de")
    two.sent("acme.marketing")
    write(portal, two, "Hilfe", BILLING, OptOutType="HELP")
    write(portal, two, "START", BILLING)
    assert two.rows("select * from single_message") == []
    write(portal, two, "Hilfe", MARKETING)
    assert two.rows("select * from single_message") == [], "no word in English"
    two.execute("delete from reply")
    for _ in range(3):
        write(portal, two, "Hilfe!", BILLING)
    (answer,) = two.rows(
        "select s.row, c.source, f.name from single_message s join campaign c on c.id = s.campaign_id join feed f on f.id = c.feed_id"
    )
    assert (answer["source"], answer["name"]) == ("single", "helping")
    assert (answer["row"]["phone"], answer["row"]["language"]) == (PERSON, "de")
    write(portal, two, "STOP", BILLING)
    write(portal, two, "START", BILLING)
    write(portal, two, "START", BILLING)
    assert len(two.rows("select 1 from single_message")) == 2


def test_an_answer_without_its_feed_is_an_alert(portal: RunningPortal, two: TwoOrganisations) -> None:
    two.answer_with("globex", help="misspelt")
    two.sent("globex.news")
    write(portal, two, "HELP", GLOBEX)
    assert [row["kind"] for row in two.rows("select kind from reply")] == ["help"]
    assert [row["reason"] for row in two.rows("select reason from alert")] == ["feed_unknown"]
