"""``nightmail doubts`` and ``nightmail decide``: a person sees what is in doubt and settles it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from nightmail.campaigns.campaign_rows import CampaignRow
from tests.commands.conftest import CommandLine
from tests.support.sending_rig import Organisation


@pytest.fixture
def organisation(database: Engine, tmp_path: Path) -> Organisation:
    return Organisation(database, tmp_path, {"base_url": "http://127.0.0.1:9", "twilio": {"account_sid": "AC"}})


@pytest.fixture
def campaign(organisation: Organisation) -> CampaignRow:
    """Three messages in doubt."""
    made = organisation.campaign(3)
    for state in ("handing_over", "in_doubt"):
        organisation.execute("update message set state = :s where campaign_id = :c", s=state, c=made.id)
    return made


def test_doubts_are_listed_and_decided_one_by_one_or_all_at_once(
    with_database: CommandLine, organisation: Organisation, campaign: CampaignRow
) -> None:
    """The list shrinks with each decision; a campaign's name decides all that are left."""
    listed = with_database.json("doubts", "--campaign", campaign.key)["messages"]
    assert [row["campaign"] for row in listed] == [campaign.key] * 3
    organisation.execute("insert into team (path, name) values ('other', 'Other')")
    assert with_database.json("doubts", "--team", "other")["messages"] == []
    assert "nightmail decide" in with_database.run("doubts").stdout
    assert with_database.json("decide", listed[0]["message_id"], "accepted")["decided"] == 1
    assert with_database.json("decide", campaign.key, "failed")["decided"] == 2
    assert organisation.states(campaign) == {"accepted": 1, "failed": 2}
    assert "no message is in doubt" in with_database.run("doubts").stdout


def test_who_decides_about_many_is_asked_first(
    with_database: CommandLine, organisation: Organisation, campaign: CampaignRow
) -> None:
    """With how many they are; one message, or ``--yes``, asks nothing."""
    asked = with_database.run("decide", campaign.key, "resend", answers="n\n")
    assert asked.exit_code == 1 and "3 messages in doubt" in asked.stdout
    assert organisation.states(campaign) == {"in_doubt": 3}
    (first, *_) = with_database.json("doubts")["messages"]
    assert with_database.run("decide", first["message_id"], "failed").stdout.strip().endswith("1 message: failed")
    assert "2 messages: resend" in with_database.run("decide", campaign.key, "resend", "--yes").stdout
    assert organisation.states(campaign) == {"failed": 1, "queued": 2}


def test_what_cannot_be_decided_says_why(with_database: CommandLine, campaign: CampaignRow) -> None:
    """An unknown decision, message or campaign, and a message that is not in doubt any more."""
    (first, *_) = with_database.json("doubts")["messages"]
    wrong = [
        ((first["message_id"], "maybe"), "decision_unknown"),
        (("c0000000000-2-sms-0", "failed"), "message_unknown"),
        (("2026-01-01.acme.none.000000", "failed"), "campaign_unknown"),
    ]
    for arguments, reason in wrong:
        assert with_database.json("decide", *arguments, code=2)["error"]["reason"] == reason
    with_database.json("decide", first["message_id"], "failed")
    again = with_database.json("decide", first["message_id"], "failed", code=2)
    assert again["error"]["reason"] == "message_not_in_doubt"
