"""The command line in this process, with settings of its own: no environment and no settings file of the machine's."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url
from typer.testing import CliRunner, Result

from nightmail.settings import settings
from nightmail.store.local_server import OWNER_ROLE


class CommandLine:
    """Runs commands; `json` runs one with `--json` and gives what it printed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runner = CliRunner()

    def run(self, *arguments: str | Path, answers: str | None = None) -> Result:
        """The command's result. What is not an error for the user is raised here as it is."""
        from commands.main import app

        settings.cache_clear()
        result = self._runner.invoke(app, [str(argument) for argument in arguments], input=answers)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def json(self, *arguments: str | Path, code: int = 0) -> Any:
        """What the command printed with `--json`; its exit code must be `code`."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)


@pytest.fixture
def command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """The command line with an empty data folder and no database."""
    for name in [name for name in os.environ if name.startswith("NIGHTMAIL_")]:
        monkeypatch.delenv(name)
    # Which the processes of a parallel run have, and a terminal's width is no part of what is tested.
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("NIGHTMAIL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("NIGHTMAIL_SETTINGS_FILE", str(tmp_path / "nightmail.toml"))
    yield CommandLine(tmp_path)
    settings.cache_clear()


@pytest.fixture
def with_database(command_line: CommandLine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line of a deployment with a fresh, migrated database."""
    monkeypatch.setenv("NIGHTMAIL_DATABASE_URL", database_url)
    monkeypatch.setenv("NIGHTMAIL_SECRET_KEY", "a key of tests that is long enough")
    owner_url = make_url(database_url).set(username=OWNER_ROLE).render_as_string(hide_password=False)
    monkeypatch.setenv("NIGHTMAIL_DATABASE_OWNER_URL", owner_url)
    return command_line


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    """Writes a CSV file of text and gives its path."""

    def write(text: str | bytes, name: str = "contacts.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write
