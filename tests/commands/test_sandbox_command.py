"""`nightmail sandbox`, and what other commands say of it: over the sandbox's own processes and a real database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from sqlalchemy import Engine

from commands.local import CHECKOUT
from commands.sandbox_setup import Sandbox, provision_sandbox, start_sandbox, write_sftp_users
from commands.supervisor import Supervisor
from resources.sftp import SftpConnection, SftpCredentialsError, SftpSettings
from tests.commands.conftest import CommandLine

pytestmark = pytest.mark.real_parts

SAMPLE = CHECKOUT / "samples" / "organisation.yaml"


@pytest.fixture
def sandbox(with_database: CommandLine, database: Engine) -> Iterator[Sandbox]:
    """The sandbox as `up` has it, with the sample organisation."""
    folder = with_database.folder / "data" / "sandbox"
    with Supervisor(with_database.folder / "logs", CHECKOUT) as supervisor:
        (with_database.folder / "logs").mkdir(exist_ok=True)
        running = start_sandbox(supervisor, folder, "http://127.0.0.1:1")
        provision_sandbox(database, running, folder, "up")
        answer = with_database.json("provision", SAMPLE)
        assert (answer["sandbox"], answer["sandbox_channels"]) == (True, ["sms", "email", "voice"])
        yield running


def logged_in(sandbox: Sandbox, team: str) -> SftpConnection:
    login = sandbox.login(team)
    return SftpConnection(
        SftpSettings(login.host, login.username, login.port, password=login.password, host_key=login.host_key)
    )


def test_users_are_the_teams_of_the_organisation_file(
    sandbox: Sandbox, with_database: CommandLine, database: Engine, tmp_path: Path
) -> None:
    """Each sees its own folders alone; a team that the file gives a folder later logs in at once."""
    assert [login.team for login in sandbox.logins()] == [
        "acme",
        "acme.billing",
        "acme.marketing",
        "acme.operations",
    ]
    billing, above = logged_in(sandbox, "acme.billing"), logged_in(sandbox, "acme")
    assert billing.client().listdir("/") == ["invoices"]
    assert sorted(above.client().listdir("/")) == ["billing", "marketing", "operations"]
    billing.close()
    above.close()

    content = yaml.safe_load(SAMPLE.read_text())
    for kind in ("price_lists",):
        content[kind] = [str(SAMPLE.parent / name) for name in content[kind]]
    for template in content["templates"]:
        template["file"] = str(SAMPLE.parent / template["file"])
    (appointments,) = (feed for feed in content["feeds"] if feed["name"] == "appointments")
    appointments |= {"sftp_server": "sandbox", "folder": "/acme/health/appointments"}
    (with_database.folder / "organisation.yaml").write_text(yaml.safe_dump(content))
    password = sandbox.login("acme.billing").password
    with_database.json("provision", with_database.folder / "organisation.yaml")
    health = logged_in(sandbox, "acme.health")
    assert health.client().listdir("/") == ["appointments"]
    health.close()
    assert sandbox.login("acme.billing").password == password


def test_it_is_switched_off_with_its_feeds_named_first(
    sandbox: Sandbox, with_database: CommandLine, database: Engine
) -> None:
    billing = logged_in(sandbox, "acme.billing")
    with billing.client().open("/invoices/late.csv", "w") as file:
        file.write("external_id,phone\n")
    billing.close()
    status = with_database.json("sandbox", "status")
    assert {account["name"]: account["on"] for account in status["accounts"]} == {
        "sandbox-email": True,
        "sandbox-sms": True,
        "sandbox-voice": True,
    }
    assert "acme.billing/invoices (/acme/billing/invoices)" in status["feeds"]

    refused = with_database.json("sandbox", "off", code=2)["error"]
    assert refused["reason"] == "sandbox_feeds" and "acme.billing/invoices" in refused["message"]
    assert "--yes" in refused["remedy"]
    asked = with_database.run("sandbox", "off", answers="n\n")
    assert asked.exit_code == 1
    assert "acme.billing/invoices (/acme/billing/invoices): 1 file in it" in asked.stdout
    assert with_database.json("sandbox", "status") == status

    login = sandbox.login("acme.billing")
    done = with_database.json("sandbox", "off", "--yes")
    assert {change["name"] for change in done["changes"]} == {
        "sandbox-email",
        "sandbox-sms",
        "sandbox-voice",
        "sandbox",
    }
    assert (done["sandbox"], done["sandbox_channels"]) == (True, [])
    assert not any(account["on"] for account in with_database.json("sandbox", "status")["accounts"])
    assert sandbox.logins() == []
    settings = SftpSettings(login.host, login.username, login.port, password=login.password, host_key=login.host_key)
    with pytest.raises(SftpCredentialsError):
        SftpConnection(replace(settings, timeout_s=10)).check()
    assert with_database.json("sandbox", "off")["changes"] == []


def test_every_command_names_each_channel_that_goes_there(
    sandbox: Sandbox, with_database: CommandLine, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "To the sandbox go: Text message, Email, Call." in with_database.run("campaigns").stderr
    monkeypatch.setenv("TEST_TOKEN", "0" * 32)
    with database.begin() as connection:
        connection.exec_driver_sql(
            "insert into carrier_account (name, carrier, channel, secret, settings) "
            "values ('pigeon', 'twilio', 'sms', 'env:TEST_TOKEN', '{\"account\": \"AC1\"}')"
        )
    said = with_database.run("campaigns")
    assert "To the sandbox go: Email, Call." in said.stderr
    assert with_database.json("campaigns")["sandbox_channels"] == ["email", "voice"]
    plan = with_database.run("provision", SAMPLE, "--plan")
    assert "sandbox-sms" in plan.stdout and "To the sandbox go: Email, Call." in plan.stderr
    checks = {check["part"]: check for check in with_database.json("doctor", code=1)["checks"]}
    assert checks["sandbox"]["state"] == "note"
    assert "sandbox-email (email), sandbox-voice (voice)" in checks["sandbox"]["message"]
    assert "Off: sandbox-sms" in checks["sandbox"]["message"]
    with_database.json("sandbox", "off", "--channel", "email")
    with_database.json("sandbox", "off", "--channel", "voice")
    assert "S A N D B O X" not in with_database.run("campaigns").stderr
    answer = with_database.json("campaigns")
    assert (answer["sandbox"], answer["sandbox_channels"]) == (False, [])
    assert with_database.json("sandbox", "on", "--channel", "sms", code=2)["error"]["reason"] == "sandbox_beside_real"
    assert with_database.json("sandbox", "on", "--channel", "voice")["sandbox_channels"] == ["voice"]


def test_where_no_sandbox_was_no_users_are_written(
    with_database: CommandLine, database: Engine, tmp_path: Path
) -> None:
    write_sftp_users(database, tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
