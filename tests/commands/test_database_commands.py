"""Commands on a real database: campaigns and what is done to them, sends by hand, reports, backups, the doctor."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from sqlalchemy import Engine, create_engine, text

from nightmail.campaigns.campaign_rows import get_campaign
from nightmail.campaigns.creation import create_campaign
from nightmail.campaigns.suspensions import suspend_channel
from nightmail.campaigns.transitions import move_campaign
from nightmail.settings import settings
from nightmail.store.engine import normalised_url
from nightmail.store.local_server import LocalServer
from nightmail.store.states import CampaignState
from tests.commands.conftest import CommandLine
from tests.support.database_roles import as_owner

TEMPLATE = """\
name: hello
category: service
default_language: en
languages:
  en: {sms: "Hello {{ first_name }}"}
"""
ORGANISATION: dict[str, Any] = {
    "organisation": {"name": "Acme", "path": "acme", "country": "GB", "time_zone": "Europe/London"},
    "templates": [{"team": "acme", "file": "hello.yaml"}],
    "feeds": [{"team": "acme", "name": "greetings", "template": "hello"}],
    "api_keys": [{"team": "acme", "name": "crm", "scopes": ["files:write"], "file": "keys/crm"}],
}
CONTACTS = "id,mobile,first_name\n1,+447912345678,Ann\n2,+447912345679,Bob\n3,oops,Cy\n"


@pytest.fixture
def organisation(tmp_path: Path) -> Path:
    (tmp_path / "hello.yaml").write_text(TEMPLATE)
    file = tmp_path / "organisation.yaml"
    file.write_text(yaml.safe_dump(ORGANISATION))
    return file


@pytest.fixture
def deployment(with_database: CommandLine, organisation: Path) -> CommandLine:
    with_database.json("provision", organisation)
    return with_database


@pytest.fixture
def contacts(write_csv: Callable[..., Path]) -> Path:
    return write_csv(CONTACTS)


def _campaign(engine: Engine, *states: CampaignState) -> str:
    with engine.begin() as connection:
        version = connection.scalar(text("select max(id) from template_version"))
        team, category = connection.execute(text("select team_id, category_id from template")).one()
        made = create_campaign(
            connection, team_id=team, template_version_id=version, category_id=category, source="command", actor="test"
        )
        for state in states:
            move_campaign(connection, made.id, state, actor="test")
    return made.key


def _state(engine: Engine, key: str) -> str:
    with engine.connect() as connection:
        return str(get_campaign(connection, key).state)


# --- Provisioning -----------------------------------------------------------------------------------------------------


def test_provisioning_shows_its_plan_applies_it_and_is_then_done(
    with_database: CommandLine, organisation: Path, database: Engine
) -> None:
    planned = with_database.json("provision", organisation, "--plan")
    assert planned["applied"] is False
    with database.connect() as connection:
        assert connection.scalar(text("select count(*) from team")) == 0
    done = with_database.json("provision", organisation)
    assert done["applied"] is True
    assert [change["action"] for change in done["changes"]] == [change["action"] for change in planned["changes"]]
    key = done["api_keys"][0]
    file = organisation.parent / "keys" / "crm"
    assert file.read_text().strip() == key["key"]
    assert file.stat().st_mode & 0o077 == 0
    again = with_database.json("provision", organisation)
    assert (again["applied"], again["api_keys"]) == (False, [])


def test_provisioning_asks_before_it_changes(with_database: CommandLine, organisation: Path, database: Engine) -> None:
    result = with_database.run("provision", organisation, answers="n\n")
    assert result.exit_code == 1
    assert "create" in result.stdout
    with database.connect() as connection:
        assert connection.scalar(text("select count(*) from team")) == 0


def test_a_part_that_does_not_answer_is_told_with_its_remedy(with_database: CommandLine, organisation: Path) -> None:
    content = yaml.safe_load(organisation.read_text())
    content["sftp_servers"] = [
        {
            "name": "files",
            "host": "127.0.0.1",
            "port": 1,
            "username": "x",
            "password_secret": "file:none",
            "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIhYdioh8tLJ4mk1K/2FGoBQ9A4jvgD0Ii0zxuFlgILk",
        }
    ]
    content["carrier_accounts"] = [
        {"name": "twilio", "adapter": "twilio_sms", "account": "AC1", "secret": "env:NO_SUCH"}
    ]
    organisation.write_text(yaml.safe_dump(content))
    answer = with_database.json("provision", organisation, code=5)
    ill = {check["part"]: check for check in answer["checks"] if check["state"] == "ill"}
    assert set(ill) == {"SFTP server files", "carrier account twilio (twilio, sms)"}
    assert all(check["message"] and check["remedy"] for check in ill.values())


# --- Campaigns --------------------------------------------------------------------------------------------------------


def test_campaigns_are_listed_with_their_states(deployment: CommandLine, database: Engine) -> None:
    first = _campaign(database)
    second = _campaign(database, CampaignState.CHECKING, CampaignState.SENDING)
    listed = deployment.json("campaigns")["campaigns"]
    assert [entry["campaign"] for entry in listed] == [second, first]
    assert [entry["campaign"] for entry in deployment.json("campaigns", "--state", "sending")["campaigns"]] == [second]
    with database.begin() as connection:
        connection.execute(text("insert into team (path, name) values ('other', 'Other')"))
    assert deployment.json("campaigns", "--team", "other")["campaigns"] == []
    assert deployment.json("campaigns", first)["state"] == "received"
    assert first in deployment.run("campaigns").stdout


def test_a_campaign_is_paused_resumed_and_cancelled(deployment: CommandLine, database: Engine) -> None:
    key = _campaign(database, CampaignState.CHECKING, CampaignState.SENDING)
    assert deployment.json("pause", key)["state"] == "paused" == _state(database, key)
    assert deployment.json("resume", key)["state"] == "sending" == _state(database, key)
    assert deployment.run("cancel", key, answers="n\n").exit_code == 1
    assert _state(database, key) == "sending"
    assert deployment.json("cancel", key)["state"] == "cancelled" == _state(database, key)
    with database.connect() as connection:
        actors = connection.scalars(
            text("select actor from audit where object = :key and action = 'campaign.paused'"), {"key": key}
        )
        assert [actor.startswith("user:") for actor in actors] == [True]


def test_a_campaign_is_approved(deployment: CommandLine, database: Engine) -> None:
    key = _campaign(database, CampaignState.CHECKING, CampaignState.AWAITING_APPROVAL)
    assert deployment.json("approve", key)["state"] == "sending" == _state(database, key)


@pytest.mark.parametrize("command", ["pause", "resume", "approve"])
def test_what_a_campaign_cannot_do_is_refused_with_its_state(
    deployment: CommandLine, database: Engine, command: str
) -> None:
    key = _campaign(database, CampaignState.CANCELLED)
    error = deployment.json(command, key, code=2)["error"]
    assert error["reason"] == "campaign_state"
    assert "cancelled" in error["message"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("campaigns", "nothing"), "campaign_unknown"),
        (("campaigns", "--team", "acme.biling"), "team_unknown"),
        (("doubts", "--team", "acme.biling"), "team_unknown"),
        (("pause", "nothing"), "campaign_unknown"),
        (("campaigns", "--state", "odd"), "state_unknown"),
    ],
)
def test_unknown_names_are_answered(deployment: CommandLine, arguments: tuple[str, ...], reason: str) -> None:
    assert deployment.json(*arguments, code=2)["error"]["reason"] == reason


def test_a_channel_is_suspended_and_lifted(deployment: CommandLine) -> None:
    made = deployment.json("suspend", "sms", "--team", "acme", "--reason", "The operator asked for it")
    assert made["waiting"] == 0
    (listed,) = deployment.json("campaigns", "--suspensions")["suspensions"]
    assert (listed["id"], listed["channel"], listed["team"]) == (made["suspension"], "sms", "acme")
    assert (listed["carrier_account"], listed["sender"]) == (None, None)
    assert listed["reason"] == "The operator asked for it"
    deployment.json("lift", str(made["suspension"]))
    assert deployment.json("campaigns", "--suspensions")["suspensions"] == []
    assert deployment.json("lift", str(made["suspension"]), code=2)["error"]["reason"] == "suspension_unknown"
    assert deployment.json("suspend", "pigeon", "--reason", "x", code=2)["error"]["reason"] == "channel_unknown"
    assert (
        deployment.json("suspend", "sms", "--team", "no", "--reason", "x", code=2)["error"]["reason"] == "team_unknown"
    )
    for nothing in ("", "  ", "x" * 201):
        refused = deployment.json("suspend", "sms", "--reason", nothing, code=2)["error"]
        assert refused["reason"] == "arguments_wrong" and "--reason" in refused["message"]
    assert deployment.json("campaigns", "--suspensions")["suspensions"] == []


def test_suspensions_say_what_of_a_channel_is_suspended(deployment: CommandLine, database: Engine) -> None:
    """By the names of team, account and sender: in the table and for programs."""
    with database.begin() as connection:
        team = connection.scalar(text("select id from team where path = 'acme'"))
        account = connection.scalar(
            text("insert into carrier_account (name, carrier, channel) values ('main', 'twilio', 'sms') returning id")
        )
    suspend_channel(
        database, "sms", reason="20003", by="senders", team_id=team, carrier_account_id=account, sender="+15005550006"
    )
    (listed,) = deployment.json("campaigns", "--suspensions")["suspensions"]
    assert [listed[name] for name in ("team", "carrier_account", "sender")] == ["acme", "main", "+15005550006"]
    shown = deployment.run("campaigns", "--suspensions").stdout
    assert all(name in shown for name in ("acme", "main", "+15005550006", "20003"))


# --- Sends ------------------------------------------------------------------------------------------------------------


def test_a_file_is_sent_once(deployment: CommandLine, database: Engine, contacts: Path) -> None:
    sent = deployment.json("send", contacts, "--template", "hello")
    with database.connect() as connection:
        row = connection.execute(text("select stored_path, sha256, state from received_file")).one()
        campaign = get_campaign(connection, sent["campaign"])
    assert (campaign.state, campaign.source, campaign.team) == (CampaignState.RECEIVED, "command", "acme")
    assert Path(row.stored_path).read_text() == CONTACTS
    again = deployment.json("send", contacts, "--template", "hello", code=1)
    assert (again["ok"], again["state"], again["campaign"]) == (False, "repeated", sent["campaign"])
    wanted = deployment.json("send", contacts, "--template", "hello", "--again")
    assert wanted["campaign"] != sent["campaign"]


def test_what_would_be_sent_is_shown_before_it_is_asked(
    deployment: CommandLine, database: Engine, contacts: Path
) -> None:
    result = deployment.run("send", contacts, "--template", "hello", answers="n\n")
    assert result.exit_code == 1
    assert "2 sms" in result.stdout
    with database.connect() as connection:
        assert connection.scalar(text("select count(*) from campaign")) == 0


def test_a_send_at_a_time_is_in_the_teams_zone(deployment: CommandLine, contacts: Path) -> None:
    year = dt.datetime.now(dt.UTC).year + 1
    sent = deployment.json("send", contacts, "--template", "hello", "--at", f"{year}-07-01T08:00")
    assert sent["starts_at"] == f"{year}-07-01T07:00:00+00:00"


def test_a_start_is_said_in_the_teams_zone_although_nobody_is_asked(deployment: CommandLine, contacts: Path) -> None:
    year = dt.datetime.now(dt.UTC).year + 1
    told = deployment.run("send", contacts, "--template", "hello", "--at", f"{year}-07-01T08:00", "--yes").stdout
    assert f"starts at {year}-07-01 08:00 Europe/London ({year}-07-01 07:00 UTC)" in told


@pytest.fixture
def slow_carrier(deployment: CommandLine, database: Engine) -> CommandLine:
    """The deployment with a carrier that takes one text message a minute."""
    with database.begin() as connection:
        connection.execute(
            text(
                "insert into carrier_account (name, carrier, channel, settings) values ('slow', 'twilio', 'sms', "
                "cast(:settings as jsonb))"
            ),
            {"settings": json.dumps({"rate_per_s": 1 / 60, "sandbox": True, "sender": "+15005550006"})},
        )
    return deployment


def test_a_send_at_each_recipients_own_time(slow_carrier: CommandLine, contacts: Path) -> None:
    """The same time of day wherever they are; one that is over, or has an offset, is refused before anything is stored."""
    year = dt.datetime.now(dt.UTC).year + 1
    how = ("send", contacts, "--template", "hello", "--send-in", "recipient")
    told = slow_carrier.run(*how, "--at", f"{year}-07-01T08:00", answers="n\n").stdout
    assert f"Send it at {year}-07-01 08:00 in each recipient's own time zone" in " ".join(told.split())
    sent = slow_carrier.json(*how, "--at", f"{year}-07-01T08:00")
    assert (sent["starts_at"], sent["local_start"]) == (f"{year}-06-30T18:00:00+00:00", f"{year}-07-01T08:00:00")
    assert sent["finishes_by"] == f"{year}-07-01T07:02:00+00:00"
    for wrong in (["--at", "2020-01-01T08:00"], ["--at", f"{year}-07-01T08:00+02:00"], []):
        result = slow_carrier.run(*how, *wrong, "--json")
        assert json.loads(result.stdout)["error"]["reason"] == "time_invalid"


@pytest.mark.parametrize(
    ("cut_off", "late"), [("08:01", True), ("08:03", False), ("{year}-07-01T08:01", True), (None, False)]
)
def test_a_send_says_when_it_is_scheduled_that_it_cannot_make_its_cut_off(
    slow_carrier: CommandLine, contacts: Path, cut_off: str | None, late: bool
) -> None:
    """Two good rows at one a minute from eight o'clock: to a program, to who looks it up, and to who is asked first."""
    year = dt.datetime.now(dt.UTC).year + 1
    options = ["--template", "hello", "--at", f"{year}-07-01T08:00"]
    if cut_off is not None:
        options += ["--cut-off", cut_off.format(year=year)]
    asked = slow_carrier.run("send", contacts, *options, answers="n\n")
    unasked = slow_carrier.run("send", contacts, *options, "--yes")
    sent = slow_carrier.json("send", contacts, *options, "--again")
    shown = slow_carrier.json("campaigns", sent["campaign"])
    for told in (sent, shown):
        assert told["finishes_by"] == f"{year}-07-01T07:02:00+00:00"
        assert (told["cut_off_at"] is None) is (cut_off is None)
        assert told["late"] is late
        assert (told["late_warning"] or {}).get("reason") == ("cut_off_at_risk" if late else None)
    for told in (asked, unasked, slow_carrier.run("campaigns", sent["campaign"])):
        assert f"ends about {year}-07-01 07:02 UTC" in told.stdout
        assert ("after its cut-off" in told.stdout) is late


def test_a_send_that_comes_to_nothing_is_told_by_its_campaign(slow_carrier: CommandLine, contacts: Path) -> None:
    """A program's send of a file that breaks its contract is registered as ever; when it ends is not known."""
    contacts.write_text("mobile\n+447912345678\n")
    sent = slow_carrier.json("send", contacts, "--template", "hello", "--cut-off", "20:00")
    assert (sent["state"], sent["finishes_by"], sent["late"]) == ("taken", None, False)
    contacts.write_bytes(b"%PDF-1.7")
    assert slow_carrier.json("send", contacts, "--template", "hello")["finishes_by"] is None


def test_a_check_says_when_it_would_end(slow_carrier: CommandLine, contacts: Path, tmp_path: Path) -> None:
    """By the team's carriers and the feed's cut-off; without a team it is not known."""
    feed = tmp_path / "feed.yaml"
    options = ("check", contacts, "--template", "hello", "--feed-settings", feed)
    for seconds, late in ((90, True), (150, False)):
        feed.write_text(f"cut_off_after_s: {seconds}\nreject_limit: 1\n")
        told = slow_carrier.json(*options, "--team", "acme")
        ends, cut_off = (dt.datetime.fromisoformat(told[name]) for name in ("finishes_by", "cut_off_at"))
        assert cut_off - ends == dt.timedelta(seconds=seconds - 120)
        assert told["late"] is late
        assert ("after its cut-off" in slow_carrier.run(*options, "--team", "acme").stdout) is late
    assert slow_carrier.json(*options)["finishes_by"] is None


def test_a_template_file_is_kept_as_the_teams(
    deployment: CommandLine, database: Engine, contacts: Path, tmp_path: Path
) -> None:
    body = tmp_path / "reminder.txt"
    body.write_text("Do not forget, {{ first_name }}")
    deployment.json("send", contacts, "--template", body)
    with database.connect() as connection:
        names = connection.scalars(text("select name from template order by name")).all()
    assert names == ["hello", "reminder"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--at", "tomorrow"), "time_invalid"),
        (("--at", "2020-01-01T08:00"), "time_invalid"),
        (("--at", "9999-12-31T23:59:59-12:00"), "time_invalid"),
        (("--at", "0001-01-01T00:00:00+14:00"), "time_invalid"),
        (("--at", "9999-12-31T23:59:59Z"), "time_invalid"),
        (("--cut-off", "9999-12-31T23:59:59-12:00"), "time_invalid"),
        (("--cut-off", "soon"), "time_invalid"),
        (("--cut-off", "2020-01-01T08:00"), "time_invalid"),
        (("--at", "2999-01-01T08:00", "--cut-off", "2999-01-01T08:00"), "time_invalid"),
        (("--team", "nobody"), "team_unknown"),
    ],
)
def test_a_send_that_is_not_understood_changes_nothing(
    deployment: CommandLine, database: Engine, contacts: Path, options: tuple[str, ...], reason: str
) -> None:
    assert deployment.json("send", contacts, "--template", "hello", *options, code=2)["error"]["reason"] == reason
    with database.connect() as connection:
        assert connection.scalar(text("select count(*) from campaign")) == 0


# --- Reports ----------------------------------------------------------------------------------------------------------


def test_a_report_that_is_not_there_is_told(deployment: CommandLine) -> None:
    assert deployment.json("report", code=2)["error"]["reason"] == "report_missing"
    assert deployment.json("report", "--day", "yesterday", code=2)["error"]["reason"] == "day_invalid"
    assert (
        deployment.json("report", "--day", "2026-01-01", "--campaign", "x", code=2)["error"]["reason"]
        == "options_contradict"
    )


def test_a_report_is_written_again_from_the_ledger(deployment: CommandLine) -> None:
    answer = deployment.json("report", "--refresh")
    assert (answer["messages"], answer["costs"]) == (0, {})
    assert all(Path(name).is_file() for name in answer["files"])


# --- The database itself ----------------------------------------------------------------------------------------------


def test_an_empty_database_is_upgraded_once(
    command_line: CommandLine, postgres: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    administration = create_engine(normalised_url(postgres.superuser_url()), isolation_level="AUTOCOMMIT")
    with administration.connect() as connection:
        connection.execute(text("create database upgrade_test"))
    try:
        monkeypatch.setenv("NIGHTMAIL_DATABASE_URL", postgres.superuser_url("upgrade_test"))
        monkeypatch.setenv("NIGHTMAIL_SECRET_KEY", "a key of tests that is long enough")
        assert command_line.json("campaigns", code=5)["error"]["reason"] == "database_not_upgraded"
        first = command_line.json("db", "upgrade")
        assert (first["before"], first["changed"]) == (None, True)
        assert command_line.json("db", "upgrade")["changed"] is False
    finally:
        from nightmail.store import engine as engines

        engines._engine.cache_clear()
        with administration.connect() as connection:
            connection.execute(text("drop database upgrade_test with (force)"))
        administration.dispose()


@pytest.mark.parametrize(
    ("happens", "reason", "code"),
    [
        (
            "raise exception 'could not extend file: No space left on device' using errcode = 'disk_full'",
            "disk_full",
            1,
        ),
        ("raise exception 'permission denied' using errcode = 'insufficient_privilege'", "database_rights", 5),
        ("perform pg_terminate_backend(pg_backend_pid())", "database_unavailable", 6),
    ],
)
def test_what_the_database_says_to_a_command_that_writes_is_told_with_its_remedy(
    deployment: CommandLine, database: Engine, contacts: Path, happens: str, reason: str, code: int
) -> None:
    """A full disk, a user without rights, a server that goes down: no defect, and no traceback."""
    with as_owner(database).begin() as connection:
        connection.execute(
            text(
                f"create function happens() returns trigger language plpgsql as $$ begin {happens}; return new; end $$"
            )
        )
        for table in ("state_transition", "campaign"):
            connection.execute(
                text(f"create trigger happens before insert on {table} for each row execute function happens()")
            )
    for command in (("db", "upgrade"), ("send", contacts, "--template", "hello")):
        error = deployment.json(*command, code=code)["error"]
        assert (error["reason"], bool(error["remedy"])) == (reason, True)


@pytest.mark.parametrize("command", [("db", "upgrade"), ("campaigns",), ("provision", "organisation.yaml")])
def test_a_newer_database_is_refused_as_newer(
    deployment: CommandLine, database: Engine, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """An earlier version that was started by mistake says so, and does not ask for an upgrade."""
    monkeypatch.chdir(deployment.folder)
    with as_owner(database).begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    error = deployment.json(*command, code=5)["error"]
    assert error["reason"] == "database_newer"
    assert "9999" in error["message"] and "upgrade" not in error["remedy"]
    (check,) = (c for c in deployment.json("doctor", code=1)["checks"] if c["part"] == "database")
    assert check["state"] == "ill" and "newer" in check["message"]


@pytest.mark.parametrize("command", ["upgrade", "backup"])
def test_a_data_folder_of_another_major_is_refused_with_the_way_to_move(
    command_line: CommandLine, command: str
) -> None:
    folder = command_line.folder / "data" / "postgres"
    folder.mkdir(parents=True)
    (folder / "PG_VERSION").write_text("12\n")
    error = command_line.json("db", command, code=5)["error"]
    assert error["reason"] == "database_major_version"
    assert "PostgreSQL 12" in error["message"] and "nightmail db restore" in error["remedy"]
    assert [path.name for path in folder.iterdir()] == ["PG_VERSION"]


def test_a_backup_comes_back_with_nothing_sent_by_it(deployment: CommandLine, database: Engine, tmp_path: Path) -> None:
    sending = _campaign(database, CampaignState.CHECKING, CampaignState.SENDING)
    finished = _campaign(database, CampaignState.CHECKING, CampaignState.SENDING, CampaignState.FINISHED)
    file = tmp_path / "backups" / "one.dump"
    assert deployment.json("db", "backup", file)["bytes"] > 1000
    assert file.stat().st_mode & 0o077 == 0
    lost = _campaign(database)
    database.dispose()

    assert deployment.json("db", "restore", file, code=5)["error"]["reason"] == "database_not_empty"
    restored = deployment.json("db", "restore", file, "--replace")

    assert (restored["paused"], restored["epoch"]) == ([sending], 2)
    assert (_state(database, sending), _state(database, finished)) == ("paused", "finished")
    with database.connect() as connection:
        assert connection.scalar(text("select count(*) from campaign where key = :key"), {"key": lost}) == 0
        with pytest.raises(Exception, match="state"):
            connection.execute(text("update campaign set state = 'received' where key = :key"), {"key": finished})


@pytest.mark.parametrize(("content", "code"), [(None, 2), (b"", 2), (b"select 1;", 2)])
def test_what_is_no_backup_is_not_restored(
    deployment: CommandLine, tmp_path: Path, content: bytes | None, code: int
) -> None:
    file = tmp_path / "x.dump"
    if content is not None:
        file.write_bytes(content)
    assert deployment.json("db", "restore", file, "--replace", code=code)["error"]["reason"] == "backup_unusable"
    assert deployment.json("campaigns")["campaigns"] == []


def test_a_restore_looks_at_the_file_before_it_asks_to_replace(deployment: CommandLine, tmp_path: Path) -> None:
    """Who gave the wrong file is not told to add what would destroy the database."""
    (tmp_path / "x.dump").write_bytes(b"PGDMP!")
    assert deployment.json("db", "restore", tmp_path / "x.dump", code=2)["error"]["reason"] == "backup_unusable"


def test_a_database_of_others_is_not_replaced_without_a_word(
    deployment: CommandLine, postgres: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is it backed up as if it were Nightmail's."""
    deployment.json("db", "backup", tmp_path / "x.dump")
    url = postgres.superuser_url("of_others")
    administration = create_engine(normalised_url(postgres.superuser_url()), isolation_level="AUTOCOMMIT")
    with administration.connect() as connection:
        connection.execute(text("create database of_others"))
    try:
        with psycopg.connect(url) as others:
            others.execute("create table theirs (value integer)")
        monkeypatch.setenv("NIGHTMAIL_DATABASE_URL", url)
        monkeypatch.delenv("NIGHTMAIL_DATABASE_OWNER_URL")
        error = deployment.json("db", "restore", tmp_path / "x.dump", code=5)["error"]
        assert error["reason"] == "database_not_empty"
        assert deployment.json("db", "backup", tmp_path / "y.dump", code=5)["error"]["reason"] == "database_missing"
        with psycopg.connect(url) as others:
            others.execute("select from theirs")
    finally:
        with administration.connect() as connection:
            connection.execute(text("drop database of_others with (force)"))
        administration.dispose()


def test_a_backup_of_a_folder_without_a_database_makes_none(command_line: CommandLine) -> None:
    assert command_line.json("db", "backup", code=5)["error"]["reason"] == "database_missing"
    assert not (command_line.folder / "data").exists()


def test_a_backup_replaces_a_file_only_on_demand_and_nothing_else_ever(deployment: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "one.dump"
    file.write_text("precious")
    assert deployment.json("db", "backup", file, code=2)["error"]["reason"] == "backup_exists"
    assert file.read_text() == "precious"
    assert deployment.json("db", "backup", file, "--force")["bytes"] > 1000
    os.mkfifo(tmp_path / "pipe")
    for place in ("/proc/nope/x.dump", tmp_path, "", tmp_path / "pipe", file / "x", "/dev/null"):
        for force in ((), ("--force",)):
            error = deployment.json("db", "backup", place, *force, code=2)["error"]
            assert (error["reason"], bool(error["remedy"])) == ("backup_unwritable", True)
    assert (tmp_path / "pipe").is_fifo() and Path("/dev/null").is_char_device()
    assert not list(tmp_path.glob(".*"))


# --- The doctor -------------------------------------------------------------------------------------------------------


def test_the_doctor_asks_each_part(deployment: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    from commands.supervisor import free_port

    monkeypatch.setenv("NIGHTMAIL_PORTAL_PORT", str(free_port()))
    (deployment.folder / "data").mkdir()
    answer = deployment.json("doctor", code=1)
    parts = {check["part"]: check for check in answer["checks"]}
    assert {"Python", "packages", "settings", "data folder", "lake", "database", "portal", "Dagster"} <= set(parts)
    assert parts["database"]["state"] == "well"
    assert parts["lake"]["state"] == "well"
    assert parts["portal"]["state"] == "ill"
    assert "nightmail up" in parts["portal"]["remedy"]


def test_a_command_with_another_secret_key_does_nothing(
    deployment: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The doctor says so too, of a key that is another one and of none at all."""
    deployment.json("campaigns")
    monkeypatch.setenv("NIGHTMAIL_SECRET_KEY", "the key of another machine, long enough")
    settings.cache_clear()
    error = deployment.json("doubts", code=5)["error"]
    assert error["reason"] == "secret_key_other"
    part = next(check for check in deployment.json("doctor", code=1)["checks"] if check["part"] == "secret key")
    assert (part["state"], part["message"]) == ("ill", error["message"])
    monkeypatch.delenv("NIGHTMAIL_SECRET_KEY")
    settings.cache_clear()
    assert deployment.json("doubts", code=5)["error"]["reason"] == "secret_key_missing"
    part = next(check for check in deployment.json("doctor", code=1)["checks"] if check["part"] == "secret key")
    assert part["state"] == "ill" and "NIGHTMAIL_SECRET_KEY" in part["remedy"]


def test_the_doctor_names_a_wrong_setting(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTMAIL_PORTAL_PORT", "door")
    answer = command_line.json("doctor", code=1)
    wrong = next(check for check in answer["checks"] if check["part"] == "settings")
    assert wrong["state"] == "ill"
    assert "portal_port" in wrong["message"]


def test_the_doctor_looks_at_audio_files(deployment: CommandLine, organisation: Path) -> None:
    """A template that plays a file: where its server does not answer us, that is told, and nothing is called wrong."""
    from commands.supervisor import free_port

    url = f"http://127.0.0.1:{free_port()}/x.wav"
    (organisation.parent / "hello.yaml").write_text(TEMPLATE + f"  de: {{voice: {{play: '{url}'}}}}\n")
    provisioned = deployment.json("provision", organisation)
    asked = deployment.json("doctor", code=1)
    for answer in (provisioned, asked):
        (check,) = [check for check in answer["checks"] if check["part"] == f"audio file {url}"]
        assert check["state"] == "note"
