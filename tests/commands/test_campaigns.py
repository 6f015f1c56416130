"""``nightmail campaigns``: what became of all messages is in the list."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import Engine

from nightmail.campaigns.late_starts import record_waiting
from nightmail.campaigns.transitions import begin_preparing
from nightmail.reasons.problems import stated_problem
from nightmail.sending.ledger_loading import load_ledger
from tests.commands.conftest import CommandLine
from tests.support.sending_rig import Organisation


def test_the_list_counts_what_was_given_up(with_database: CommandLine, database: Engine, tmp_path: Path) -> None:
    """What expired, was cancelled, or was held at its hand-off is one number beside what failed."""
    organisation = Organisation(database, tmp_path, {"base_url": "http://127.0.0.1:9", "twilio": {"account_sid": "AC"}})
    campaign = organisation.campaign(10)
    for lines, *states in (
        ((2, 3), "expired"),
        ((4, 5), "cancelled"),
        ((6,), "held"),
        ((7,), "handing_over", "failed"),
        ((8, 9, 10), "handing_over", "accepted"),
    ):
        for state in states:
            organisation.execute(
                "update message set state = :s where campaign_id = :c and line = any(:lines)",
                s=state, c=campaign.id, lines=list(lines),
            )  # fmt: skip
    shown = with_database.run("campaigns").stdout.splitlines()
    columns = next(line for line in shown if "accepted" in line)
    assert columns.split()[-7:] == ["accepted", "failed", "not", "sent", "in", "doubt", "queued"]
    row = next(line for line in shown if campaign.key in line)
    assert row.split()[-5:] == ["3", "1", "5", "0", "1"]


KEY = "2026-11-23.acme_power_and_water.billing_of_private_customers.invoices_and_reminders.7f3a9c"


@pytest.mark.parametrize("columns", ["40", "80", "240"])
def test_a_key_is_never_folded(
    with_database: CommandLine, database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """Whatever the terminal's width: a key is copied from a list as one word, with all that belongs to it in its line."""
    organisation = Organisation(database, tmp_path, {"base_url": "http://127.0.0.1:9", "twilio": {"account_sid": "AC"}})
    campaign = organisation.campaign(2)
    organisation.execute("update campaign set key = :key", key=KEY)
    organisation.execute(
        "insert into alert (reason, subject, message, campaign_id) values ('in_doubt', 's', :message, :id)",
        message="Of some messages it is not known whether the carrier took them, which a person has to look into.",
        id=campaign.id,
    )
    organisation.execute("update message set state = 'handing_over', carrier_account_id = 1")
    organisation.execute("update message set state = 'in_doubt'")
    monkeypatch.setenv("COLUMNS", columns)
    for command in ("campaigns", "alerts", "doubts"):
        shown = [line for line in with_database.run(command).stdout.splitlines() if "7f3a9c" in line]
        assert shown and all(KEY in line for line in shown), command
    shown = with_database.run("campaigns").stdout.splitlines()
    (at,) = (number for number, line in enumerate(shown) if KEY in line)
    if columns == "240":
        assert shown[at].split()[1:] == ["sending", "0", "0", "0", "2", "0"]
    else:
        assert (shown[at].split()[1:], shown[at + 1].split()) == (["sending"], ["in", "doubt", "2"])


def test_a_campaign_says_what_it_waits_for(with_database: CommandLine, database: Engine, tmp_path: Path) -> None:
    """Its approval and why, its start, the suspension that holds it and what ends that; its end is not known until then."""
    organisation = Organisation(database, tmp_path, {"base_url": "http://127.0.0.1:9", "twilio": {"account_sid": "AC"}})
    campaign = organisation.campaign(3, ("sms",))
    key = campaign.key
    before = with_database.json("campaigns", key)
    assert (before["suspensions"], before["waits_for_approval"]) == ([], None)
    suspended = with_database.json("suspend", "sms", "--reason", "wrong price in the texts")
    assert f"(nightmail lift {suspended['suspension']})" in with_database.run("campaigns").stdout
    told = " ".join(with_database.run("campaigns", key).stdout.split())
    assert "sms is suspended for all since" in told and "by user:" in told and "wrong price in the texts" in told
    assert f"Its messages wait. It ends with: nightmail lift {suspended['suspension']}" in told
    assert "When it ends is not known while sms is suspended" in told
    answer = with_database.json("campaigns", key)
    (held,) = answer["suspensions"]
    assert (held["suspension"], held["channel"], held["usable"]) == (suspended["suspension"], "sms", False)
    assert (answer["finishes_by"], held["remedy"]) == (None, f"nightmail lift {suspended['suspension']}")
    organisation.execute("""update team set settings = '{"when_suspended": {"sms": "fall"}}' where path = 'acme'""")
    assert "fall to the contact's next channel" in " ".join(with_database.run("campaigns", key).stdout.split())
    with_database.json("lift", str(suspended["suspension"]))
    after = with_database.json("campaigns", key)
    assert after["suspensions"] == [] and after["finishes_by"] is not None


def test_a_suspended_account_is_told_while_another_takes_over(
    with_database: CommandLine, database: Engine, tmp_path: Path
) -> None:
    """The forecast is reckoned at the other one's rate."""
    organisation = Organisation(database, tmp_path, {"base_url": "http://127.0.0.1:9", "twilio": {"account_sid": "AC"}})
    key = organisation.campaign(3, ("sms",)).key
    organisation.execute(
        "insert into carrier_account (name, carrier, channel, settings, priority) select 'spare', carrier, channel, "
        "settings || '{\"rate_per_s\": 0.05}', 90 from carrier_account where channel = 'sms'"
    )
    organisation.execute(
        "insert into suspension (channel, carrier_account_id, reason, by) select channel, id, 'credentials', 'senders' "
        "from carrier_account where channel = 'sms' and name <> 'spare'"
    )
    told = " ".join(with_database.run("campaigns", key).stdout.split())
    assert "sms is suspended for sandbox-sms since" in told
    assert "Its messages go over another account or sender meanwhile." in told
    ends = dt.datetime.fromisoformat(with_database.json("campaigns", key)["finishes_by"])
    assert ends - dt.datetime.now(dt.UTC) > dt.timedelta(seconds=40)


def test_a_campaign_that_awaits_approval_says_why(with_database: CommandLine, database: Engine, tmp_path: Path) -> None:
    """And what lets it go, by its own key."""
    organisation = Organisation(database, tmp_path, {"base_url": "http://127.0.0.1:9", "twilio": {"account_sid": "AC"}})
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    campaign = organisation.received(scheduled_at=soon)
    with database.begin() as connection:
        campaign = begin_preparing(connection, campaign.id, "run")
        record_waiting(connection, campaign, stated_problem("approval_first_file", campaign=campaign.key))
    load_ledger(
        database, campaign.id, *organisation.tables(campaign, ["+447700900001"]), actor="run", needs_approval=True
    )
    told = " ".join(with_database.run("campaigns", campaign.key).stdout.split())
    assert "awaiting approval since" in told and "It waits for approval: It is the feed's first file." in told
    assert f"`nightmail approve {campaign.key}` or `nightmail cancel {campaign.key}`" in told
    assert f"It starts at {soon:%Y-%m-%d %H:%M} UTC." in told
    answer = with_database.json("campaigns", campaign.key)
    assert answer["waits_for_approval"]["reason"] == "approval_first_file"
    assert with_database.json("campaigns")["campaigns"][0]["waits_for_approval"] == answer["waits_for_approval"]
    assert f"{campaign.key} waits for approval: It is the feed's first file." in with_database.run("campaigns").stdout
    with_database.json("approve", campaign.key)
    after = with_database.json("campaigns", campaign.key)
    assert (after["state"], after["waits_for_approval"]) == ("scheduled", None)
