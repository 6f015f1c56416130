"""The command line as a whole: help, version, reasons, errors."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from commands.documentation import commands
from commands.local import CHECKOUT
from nightmail.reasons import REASONS
from tests.commands.conftest import CommandLine

PROMISED = {
    *("up", "demo", "check", "send", "campaigns", "approve", "pause", "resume", "cancel", "report", "explain"),
    *(
        "doctor",
        "provision",
        "sandbox status",
        "sandbox off",
        "sandbox on",
        "feed draft",
        "db upgrade",
        "db backup",
        "db restore",
    ),
}


def test_every_promised_command_is_there() -> None:
    assert {name for name, _ in commands()} >= PROMISED


@pytest.mark.parametrize("name", sorted(name for name, _ in commands()))
def test_every_command_explains_itself(command_line: CommandLine, name: str) -> None:
    result = command_line.run(*name.split(), "--help")
    assert result.exit_code == 0
    assert "Usage" in result.stdout


def test_help_imports_nothing_heavy() -> None:
    """What `nightmail --help` costs is what it imports."""
    code = (
        "import sys\nfrom commands.main import app\n"
        "try:\n    app(['--help'], prog_name='nightmail')\nexcept SystemExit:\n    pass\n"
        "heavy = {'pandas', 'pyarrow', 'numpy', 'dagster', 'sqlalchemy', 'pydantic', 'phonenumbers', 'twilio', 'babel'}\n"
        "sys.stderr.write(','.join(sorted(heavy & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "Contact files in" in done.stdout


def test_the_version_is_told(command_line: CommandLine) -> None:
    assert command_line.run("--version").stdout.strip() == "nightmail 0.1.0"


@pytest.mark.parametrize("code", sorted(REASONS))
def test_every_reason_is_explained(command_line: CommandLine, code: str) -> None:
    answer = command_line.json("explain", code)
    assert (answer["reason"], answer["sentence"]) == (code, REASONS[code].sentence)


def test_an_unknown_reason_leads_to_the_nearest(command_line: CommandLine) -> None:
    error = command_line.json("explain", "phone_invald", code=2)["error"]
    assert "phone_invalid" in error["remedy"]


def test_all_reasons_are_listed(command_line: CommandLine) -> None:
    assert {entry["reason"] for entry in command_line.json("explain")["reasons"]} == set(REASONS)


@pytest.mark.parametrize(
    "arguments",
    [
        ("campaigns",),
        ("pause", "x"),
        ("resume", "x"),
        ("approve", "x"),
        ("cancel", "x", "--yes"),
        ("report", "--refresh"),
    ],
)
def test_without_a_database_a_command_says_how_to_get_one(
    command_line: CommandLine, arguments: tuple[str, ...]
) -> None:
    error = command_line.json(*arguments, code=5)["error"]
    assert error["reason"] == "database_not_configured"
    assert "nightmail up" in error["remedy"]


def test_a_database_that_does_not_answer_is_told_without_its_password(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTMAIL_DATABASE_URL", "postgresql://someone:hunter2@127.0.0.1:1/nightmail")
    result = command_line.run("campaigns", "--json")
    assert result.exit_code == 6
    assert json.loads(result.stdout)["error"]["reason"] == "database_unavailable"
    assert "hunter2" not in result.output


def test_errors_for_people_go_to_standard_error(command_line: CommandLine) -> None:
    result = command_line.run("explain", "nothing")
    assert result.stdout == ""
    assert "error (reason_unknown)" in result.stderr
    assert "do" in result.stderr


@pytest.mark.parametrize(("name", "value"), [("NIGHTMAIL_PORTAL_PORT", "door"), ("NIGHTMAIL_SENDERS", "many")])
def test_a_wrong_setting_is_named(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    error = command_line.json("campaigns", code=5)["error"]
    assert error["reason"] == "settings_invalid"
    assert name.removeprefix("NIGHTMAIL_").lower() in error["message"]


def test_a_settings_file_that_is_not_toml_is_named(command_line: CommandLine) -> None:
    (command_line.folder / "nightmail.toml").write_text("portal_port = = 1")
    assert command_line.json("campaigns", code=5)["error"]["reason"] == "settings_invalid"
