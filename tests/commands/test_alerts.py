"""``nightmail alerts`` and ``nightmail doctor``: what a person must look at is named, and can be closed."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from nightmail.campaigns.alerts import raise_alert
from nightmail.campaigns.suspensions import suspend_channel
from tests.commands.conftest import CommandLine
from tests.support.sending_rig import Organisation


@pytest.fixture
def organisation(database: Engine, tmp_path: Path) -> Organisation:
    return Organisation(database, tmp_path, {"base_url": "http://127.0.0.1:9", "twilio": {"account_sid": "AC"}})


@pytest.fixture
def alerted(organisation: Organisation) -> Organisation:
    """An alert of the team's campaign, and one that is no team's."""
    campaign = organisation.campaign(1)
    with organisation.engine.begin() as connection:
        raise_alert(connection, reason="run_failed", subject="job:report", message="2 runs of the job report failed.")
        raise_alert(
            connection,
            reason="in_doubt",
            subject=f"campaign:{campaign.key}",
            message="1 message is in doubt.",
            team_id=organisation.team_id,
            campaign_id=campaign.id,
        )
    return organisation


def test_alerts_are_listed_and_closed(with_database: CommandLine, alerted: Organisation) -> None:
    listed = with_database.json("alerts")["alerts"]
    assert [row["reason"] for row in listed] == ["in_doubt", "run_failed"]
    assert [row["id"] for row in with_database.json("alerts", "--team", "acme")["alerts"]] == [listed[0]["id"]]
    shown = with_database.run("alerts").stdout
    assert all(str(part) in shown for part in (listed[0]["id"], listed[0]["campaign"], "acme.billing", "run_failed"))
    numbers = [part for row in listed for part in ("--close", str(row["id"]))]
    assert "is closed" in with_database.run("alerts", *numbers).stdout
    assert with_database.json("alerts")["alerts"] == []
    assert "no alert is open" in with_database.run("alerts").stdout
    assert [row["id"] for row in with_database.json("alerts", "--all")["alerts"]] == [row["id"] for row in listed]
    assert with_database.json("alerts", "--close", "999", code=2)["error"]["reason"] == "alert_unknown"
    assert with_database.json("alerts", "--team", "acme.biling", code=2)["error"]["reason"] == "team_unknown"


def test_doctor_names_alerts_and_suspensions(with_database: CommandLine, alerted: Organisation) -> None:
    """With what to type to end each."""
    made = suspend_channel(
        alerted.engine, "sms", reason="20003", by="senders", carrier_account_id=alerted.account_ids["sms"]
    )
    checks = {check["part"]: check for check in with_database.json("doctor", code=1)["checks"]}
    assert "sandbox-sms" in checks["channel sms"]["message"]
    assert f"nightmail lift {made.id}" in checks["channel sms"]["remedy"]
    (listed, _) = with_database.json("alerts")["alerts"]
    told = checks[f"alert {listed['id']}"]
    assert (told["state"], listed["campaign"] in told["message"]) == ("note", True)
    assert f"--close {listed['id']}" in told["remedy"]


def test_doctor_names_a_carrier_that_has_failed_over(with_database: CommandLine, alerted: Organisation) -> None:
    """With how much goes another way, for as long as it does; nothing is to be typed."""
    account = alerted.account_ids["sms"]
    alerted.execute(
        "insert into failover (carrier_account_id, moved_percent, since, stepped_at) values (:a, 75, now(), now())",
        a=account,
    )
    checks = {check["part"]: check for check in with_database.json("doctor", code=1)["checks"]}
    assert checks["carrier sandbox-sms"]["state"] == "note" and "75 %" in checks["carrier sandbox-sms"]["message"]
    alerted.execute("update failover set moved_percent = 0, since = null")
    assert "carrier sandbox-sms" not in {check["part"] for check in with_database.json("doctor", code=1)["checks"]}
