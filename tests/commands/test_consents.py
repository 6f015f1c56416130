"""`nightmail consents` and `nightmail preferences`: what is recorded, shown and proved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.commands.conftest import CommandLine
from tests.support.loopback_mailbox import Mailbox


@pytest.fixture
def team(with_database: CommandLine, database: Engine) -> CommandLine:
    """One team, with a category that needs consent."""
    with database.begin() as connection:
        connection.execute(text("insert into team (path, name, country) values ('acme', 'Acme', 'GB')"))
        connection.execute(
            text("insert into category (name, kind, needs_consent) values ('offers', 'marketing', true)")
        )
    return with_database


def test_from_a_consent_to_its_evidence(team: CommandLine, database: Engine, tmp_path: Path) -> None:
    """Given with the text that was shown, taken back, and both told in a document whose words cannot become markup."""
    run = team.json
    words = tmp_path / "text.txt"
    words.write_text("Yes, send me offers <b>& news</b>", encoding="utf-8")
    assert run("consents", "text", "join", str(words), "--language", "en")["version"] == 1
    given = ("consents", "give", "C-1", "offers", "--how", "web form", "--at", "2026-01-02T10:00", "--text", "join")
    assert run(*given, "--proof", "form 4711", "--source", "shop.example")["added"] == 1
    assert run(*given)["already"] == 1
    shown = run("consents", "show", "C-1")
    assert {row["state"] for row in shown["holds_now"]} == {"given"}
    run("consents", "withdraw", "C-1", "offers", "--how", "call", "--channel", "sms", "--at", "2026-02-03T10:00")
    run("preferences", "set", "C-1", "--wants-no", "offers", "--quiet", "21:00-08:00", "--pause-until", "2026-12-24")
    states = {row["channel"]: row["state"] for row in run("consents", "show", "C-1")["holds_now"]}
    assert states.pop("sms") == "withdrawn"
    assert set(states.values()) == {"given"}
    page, document = tmp_path / "evidence.html", tmp_path / "evidence.json"
    run("consents", "evidence", "C-1", str(page))
    run("consents", "evidence", "C-1", str(document))
    written = page.read_text(encoding="utf-8")
    assert "&lt;b&gt;&amp; news&lt;/b&gt;" in written
    assert "<script" not in written
    assert "form 4711" in written
    assert "no consent is recorded that it took back" in written
    told = json.loads(document.read_text(encoding="utf-8"))
    assert [row["text"] for row in told["consents"] if not row["never_given"]] == ["Yes, send me offers <b>& news</b>"]
    assert told["preferences"][0]["changes"]["topics"] == {"offers": False}
    with database.connect() as connection:
        actions = set(connection.scalars(text("select action from audit")))
    assert {
        "consent.recorded",
        "consent.withdrawn",
        "consent_text.added",
        "preference.recorded",
        "personal.seen",
    } <= actions


def test_a_contact_is_asked_once_and_told_of(
    team: CommandLine, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an email with a link, which nothing repeats; without a public address there would be no link."""
    mailbox, run = Mailbox(), team.json
    settings = json.dumps({"base_url": mailbox.url, "sender": "care@acme.example"})
    with database.begin() as connection:
        connection.execute(
            text(
                "insert into carrier_account (name, carrier, channel, settings) values ('p', 'smtp', 'email', cast(:s as jsonb))"
            ),
            {"s": settings},
        )
    run("contacts", "add", "--team", "acme", "--set", "external_id=C-1", "--set", "email=anna@example.com")
    order = ("consents", "ask", "C-1", "offers", "--how", "call")
    assert run(*order, code=2)["error"]["reason"] == "consent_ask_no_link"
    monkeypatch.setenv("NIGHTMAIL_PUBLIC_URL", "https://post.example")
    asked = run(*order, "--proof", "call 17")
    assert (asked["new"], asked["sent"], asked["request"]["masked"]) == (True, "accepted", "a•••@example.com")
    to, subject, body = mailbox.next()
    assert (to, subject) == ("anna@example.com", "Please confirm: Offers")
    assert "https://post.example/o/r1.o.0." in body
    assert run(*order)["new"] is False
    assert mailbox.received.empty()
    shown = run("consents", "show", "C-1")
    assert {row["state"] for row in shown["holds_now"]} == {"requested"}
    assert [row["outcome"] for row in shown["requests"]] == ["accepted"]
    mailbox.server.shutdown()
    mailbox.server.server_close()


def test_preferences_are_set_and_shown(team: CommandLine) -> None:
    """What is not named stays; an earlier statement that comes in late changes nothing that was chosen since."""
    run = team.json
    run("preferences", "set", "C-1", "--channels", "email,sms", "--language", "EN_gb", "--at", "2026-02-01T10:00")
    run("preferences", "set", "C-1", "--wants-no", "offers", "--at", "2026-03-01T10:00", "--source", "call")
    run("preferences", "set", "C-1", "--wants", "offers", "--channels", "voice", "--at", "2026-01-01T10:00")
    shown = run("preferences", "show", "C-1")
    chosen = shown["chosen"]
    assert (chosen["channels"], chosen["language"], chosen["topics_out"]) == (["email", "sms"], "en-GB", ["offers"])
    assert [one["source"] for one in shown["history"]] == ["command", "command", "call"]
    run("preferences", "set", "C-1", "--clear", "language")
    assert run("preferences", "show", "C-1")["chosen"]["language"] is None


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("consents", "give", "C-1", "nothing", "--how", "call"), "category_unknown"),
        (("consents", "give", "C-1", "offers", "--how", "call", "--at", "2036-01-01T00:00"), "consent_time_future"),
        (("consents", "give", "C-1", "offers", "--how", "call", "--text", "none"), "consent_text_unknown"),
        (
            (
                "consents",
                "give",
                "C-1",
                "offers",
                "--how",
                "x",
                "--at",
                "2026-01-02T00:00",
                "--until",
                "2026-01-01T00:00",
            ),
            "consent_expires_before",
        ),
        (("preferences", "set", "C-1"), "preference_empty"),
        (("preferences", "set", "C-1", "--time-zone", "Mars/Olympus"), "preference_time_zone_unknown"),
        (("preferences", "set", "C-1", "--quiet", "late"), "quiet_hours_invalid"),
    ],
)
def test_what_cannot_be_recorded_is_refused(team: CommandLine, words: tuple[str, ...], reason: str) -> None:
    """With its code, and nothing is kept."""
    assert team.json(*words, code=2)["error"]["reason"] == reason
