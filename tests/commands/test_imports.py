"""``nightmail imports``: shown first, applied when asked to, taken back."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.commands.conftest import CommandLine


@pytest.fixture
def team(database: Engine) -> Engine:
    with database.begin() as connection:
        connection.execute(text("insert into team (path, name, country) values ('acme', 'Acme', 'GB')"))
    return database


def _contacts(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        query = text("select external_id from contact where removed_at is null order by external_id")
        return list(connection.scalars(query))


def test_a_file_is_shown_applied_and_taken_back(with_database: CommandLine, team: Engine, tmp_path: Path) -> None:
    """A dry run changes nothing; a file that would empty the book needs to be told twice; rejects come back as a file."""
    file = tmp_path / "people.csv"
    rows = [f"C{n},+44740012{n:04}" for n in range(1, 31)]
    file.write_text("\n".join(["external_id,phone,Shoe Size", *[f"{row},9" for row in rows], "C99,nonsense,9"]) + "\n")
    dry = with_database.json("imports", "new", str(file), "--mode", "update", "--dry-run")["import"]
    assert (dry["state"], dry["counts"]["new"], dry["counts"]["refused"], _contacts(team)) == ("discarded", 30, 1, [])
    assert dry["counts"]["ignored_columns"] == ["Shoe Size"]
    asked = with_database.run("imports", "new", str(file), "--mode", "update", answers="n\n")
    assert asked.exit_code == 1 and "Nothing was changed" in asked.stdout
    done = with_database.json("imports", "new", str(file), "--mode", "update")["import"]
    assert (done["state"], len(_contacts(team))) == ("applied", 30)
    refused = tmp_path / "refused.csv"
    with_database.json("imports", "show", str(done["id"]), "--rejects", str(refused))
    assert "phone_invalid" in refused.read_text(encoding="utf-8-sig") and "C99" in refused.read_text(
        encoding="utf-8-sig"
    )

    file.write_text(f"external_id,phone\n{rows[0]}\n")
    guarded = with_database.json("imports", "new", str(file), "--mode", "replace", code=1)["error"]
    assert guarded["reason"] == "import_removes_many" and "--although" in guarded["remedy"]
    (waiting, *_) = with_database.json("imports", "list")["imports"]
    assert (waiting["state"], waiting["waits_for"]["reason"]) == ("checked", "import_removes_many")
    with_database.json("imports", "apply", str(waiting["id"]), "--although")
    assert _contacts(team) == ["C1"]
    back = with_database.json("imports", "undo", str(waiting["id"]))["import"]
    assert (back["undone"]["restored"], len(_contacts(team))) == (29, 30)


def test_what_cannot_be_done_says_why(with_database: CommandLine, team: Engine, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("external_id,phone\nC1,+447400123456\n")
    assert (
        with_database.json("imports", "new", str(file), "--mode", "merge", code=2)["error"]["reason"]
        == "import_mode_unknown"
    )
    assert with_database.json("imports", "undo", "7", code=2)["error"]["reason"] == "import_unknown"
    file.write_text("colour\nred\n")
    assert (
        with_database.json("imports", "new", str(file), "--mode", "add", code=3)["error"]["reason"] == "import_refused"
    )


def test_what_contacts_chose_comes_by_file(with_database: CommandLine, team: Engine, tmp_path: Path) -> None:
    """A dry run changes nothing; a row that cannot be used costs itself alone; there is no way back."""
    people = tmp_path / "people.csv"
    people.write_text("external_id,phone\nC1,+447400123456\n")
    with_database.json("imports", "new", str(people), "--mode", "add")
    file = tmp_path / "choices.csv"
    file.write_text("external_id,channels,quiet_hours\nC1,email,21:00-08:00\nC1,fax,\nC7,sms,\n")
    dry = with_database.json("preferences", "import", str(file), "--dry-run")["import"]
    assert (dry["kind"], dry["state"]) == ("preferences", "discarded")
    assert (dry["counts"]["changed"], dry["counts"]["refused"]) == (1, 2)
    done = with_database.json("preferences", "import", str(file))["import"]
    assert (done["state"], done["counts"]["recorded"]) == ("applied", 1)
    assert with_database.json("preferences", "show", "C1")["chosen"]["channels"] == ["email"]
    refused = with_database.json("imports", "undo", str(done["id"]), code=2)["error"]
    assert refused["reason"] == "preference_no_way_back" and refused["remedy"]
    file.write_text("external_id,colour\nC1,red\n")
    assert with_database.json("preferences", "import", str(file), code=3)["error"]["reason"] == "import_refused"
