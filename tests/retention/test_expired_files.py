"""Files of the address book are deleted after the team's days; what goes with them can be taken back no longer, and says so."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from nightmail.access.principals import system_principal
from nightmail.contacts.import_modes import ImportMode
from nightmail.contacts.import_reading import ImportTables
from nightmail.contacts.import_rows import read_import, take_import
from nightmail.contacts.imports import apply_import, check_import, undo_import
from nightmail.errors import UsageError
from nightmail.lake import Lake
from nightmail.retention.expired_files import delete_files
from portal.api.uploads import ABANDONED_S, FOLDER_PREFIX, remove_abandoned

BY = system_principal("tester")
TODAY = dt.datetime.now(dt.UTC).date()
LATER = TODAY + dt.timedelta(days=32)


def _taken(engine: Engine, folder: Path, name: str, source: str = "api") -> int:
    path = folder / f"{FOLDER_PREFIX}{name}" / "people.csv"
    path.parent.mkdir(parents=True)
    path.write_text(f"external_id,phone\n{name},+447400123456\n")
    with engine.begin() as connection:
        how = {"source": source, "name": "people.csv", "size": 9, "sha256": "", "stored_path": path}
        return take_import(connection, "acme", ImportMode.UPDATE, by=BY, **how)


@pytest.fixture
def team(database: Engine) -> Engine:
    with database.begin() as connection:
        statement = "insert into team (path, name, country, retention_days) values ('acme', 'Acme', 'GB', 30)"
        connection.execute(text(statement))
    return database


def test_imports_go_after_the_teams_days_and_say_so(team: Engine, tmp_path: Path) -> None:
    lake, incoming = Lake(str(tmp_path / "lake")), tmp_path / "incoming"
    numbers = [_taken(team, incoming, name) for name in ("C1", "C2", "C3")]
    applied, waiting, _ = numbers
    _taken(team, incoming, "C4", source="command")
    check_import(team, lake, waiting)
    check_import(team, lake, applied)
    apply_import(team, lake, applied, by=BY)
    changed = _taken(team, incoming, "C1b")
    (incoming / f"{FOLDER_PREFIX}C1b" / "people.csv").write_text("external_id,email\nC1,c1@example.com\n")
    check_import(team, lake, changed)
    apply_import(team, lake, changed, by=BY)
    assert delete_files(team, lake, today=TODAY + dt.timedelta(days=29)).imports == 0

    assert delete_files(team, lake, today=LATER).imports == 4
    assert delete_files(team, lake, today=LATER).imports == 0, "once is enough"
    assert [path.name for path in incoming.iterdir()] == [f"{FOLDER_PREFIX}C3"], "what is still to be looked at stays"
    with team.connect() as connection:
        rows = {number: read_import(connection, number) for number in (*numbers, changed)}
        assert connection.scalar(text("select count(*) from contact_import_row")) == 0
        assert connection.scalar(text("select email from contact where external_id = 'C1'")) == "c1@example.com"
    assert [rows[number].state for number in numbers] == ["applied", "discarded", "received"]
    assert rows[applied].samples == [] and rows[applied].stored_path is None and rows[applied].counts["new"] == 1
    assert not ImportTables.of_import(lake, applied).contacts.exists()
    for number in (applied, changed):
        with pytest.raises(UsageError) as refused:
            undo_import(team, number, by=BY)
        assert refused.value.reason == "import_forgotten" and f"{TODAY:%Y-%m-%d}" in refused.value.message


def test_the_file_of_a_list_goes_when_its_campaign_ended_long_ago(team: Engine, tmp_path: Path) -> None:
    paths = {state: tmp_path / state / "list.parquet" for state in ("finished", "scheduled")}
    with team.begin() as connection:
        for statement in (
            "insert into category (name, kind) values ('offers', 'marketing')",
            "insert into template (team_id, name, category_id) select t.id, 'offer', g.id from team t, category g where g.name = 'offers'",
            "insert into template_version (template_id, version, content) select id, 1, '{}' from template",
        ):
            connection.execute(text(statement))
        for state, path in paths.items():
            path.parent.mkdir()
            path.write_bytes(b"x")
            connection.execute(text(_CAMPAIGN_OF_LIST), {"state": state, "path": str(path)})
    assert delete_files(team, Lake(str(tmp_path / "lake")), today=LATER).lists == 1
    assert [path.exists() for path in paths.values()] == [False, True]


_CAMPAIGN_OF_LIST = """
    with c as (
        insert into campaign (key, token, team_id, category_id, template_version_id, source, state)
        select 'k' || :state, left(md5(:state), 10), t.id, g.id, v.id, 'list', :state
        from team t, category g, template_version v where g.name = 'offers'
        returning id, team_id)
    insert into campaign_list (campaign_id, team_id, kind, source_id, name, version, definition, contacts, sha256, stored_path)
    select id, team_id, 'list', 1, 'All', 1, '{}'::jsonb, 1, '', :path from c
"""


def test_a_file_that_an_import_waits_for_is_not_taken_for_an_abandoned_one(team: Engine, tmp_path: Path) -> None:
    """A crash leaves files behind that nobody knows; those of imports are known, however old they are."""
    _taken(team, tmp_path, "C1")
    left = tmp_path / f"{FOLDER_PREFIX}left" / "people.csv"
    left.parent.mkdir()
    left.write_text("x")
    old = time.time() - ABANDONED_S - 60
    for path in tmp_path.glob("*/*"):
        os.utime(path, (old, old))
    assert remove_abandoned(team, tmp_path) == 1
    assert [path.parent.name for path in tmp_path.glob("*/*")] == [f"{FOLDER_PREFIX}C1"]
