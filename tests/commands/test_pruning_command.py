"""`nightmail provision FILE --prune` as people and programs run it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from sqlalchemy import Engine, text

from tests.commands.conftest import CommandLine
from tests.commands.test_database_commands import ORGANISATION, TEMPLATE


@pytest.fixture
def organisation(tmp_path: Path) -> Path:
    (tmp_path / "hello.yaml").write_text(TEMPLATE)
    file = tmp_path / "organisation.yaml"
    file.write_text(yaml.safe_dump(ORGANISATION))
    return file


def test_pruning_shows_its_plan_and_says_what_cannot_be_retired_yet(
    with_database: CommandLine, organisation: Path, database: Engine
) -> None:
    """Exit code 1 until nothing is stuck; then 0, and again without a change."""
    with_database.json("provision", organisation, "--no-checks")
    content = yaml.safe_load(organisation.read_text())
    content["feeds"] = []
    organisation.write_text(yaml.safe_dump(content))
    with database.begin() as connection:
        connection.execute(
            text(
                "insert into campaign (key, token, team_id, feed_id, template_version_id, category_id, source) "
                "select 'a.campaign', 'c0123456789', f.team_id, f.id, v.id, p.category_id, 'api' "
                "from feed f join template p on p.id = f.template_id join template_version v on v.template_id = p.id limit 1"
            )
        )
    planned = with_database.json("provision", organisation, "--prune", "--plan")
    (stuck,) = (change for change in planned["changes"] if change["action"] == "cannot")
    assert stuck["kind"] == "feed" and "a.campaign" in stuck["details"][0]
    refused = with_database.run("provision", organisation, "--prune", "--yes", "--no-checks")
    assert (refused.exit_code, "Cannot be retired yet: feed" in refused.stdout) == (1, True)
    with database.begin() as connection:
        connection.execute(text("update campaign set state = 'cancelled'"))
    done = with_database.json("provision", organisation, "--prune", "--no-checks")
    assert [change["action"] for change in done["changes"] if change["kind"] == "feed"] == ["retire"]
    assert with_database.json("provision", organisation, "--prune", "--no-checks")["applied"] is False
