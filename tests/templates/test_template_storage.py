"""Versions of templates in the store: what is in force, the way back, and what a file does after it."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from nightmail.access.permissions import Permission
from nightmail.access.principals import Held, Principal, system_principal
from nightmail.errors import NightmailError
from nightmail.organisation.stored_templates import newest_template_version, template_content
from nightmail.templates import Template, load_template
from nightmail.templates.template_listing import list_templates, template_versions
from nightmail.templates.template_storage import restore_version, store_template, store_template_file

BY = system_principal("tests")


def _template(words: str, category: str = "billing") -> Template:
    return load_template(f"name: due\ncategory: {category}\nlanguages: {{en: {{sms: '{words}'}}}}")


def _in_force(engine: Engine, template_id: int) -> str:
    with engine.connect() as connection:
        content = template_content(connection, newest_template_version(connection, template_id))
    assert content is not None
    return str(content["languages"]["en"]["sms"])


@pytest.fixture
def template_id(database: Engine) -> int:
    """A template of three versions, which came from a file."""
    with database.begin() as connection:
        connection.execute(text("insert into team (path, name) values ('acme', 'Acme')"))
        for name in ("billing", "appointment"):
            connection.execute(text("insert into category (name, kind) values (:name, 'service')"), {"name": name})
        for words in ("first", "second", "third"):
            store_template_file(connection, "acme", _template(words), actor="file")
        return int(connection.scalar(text("select id from template")) or 0)


def test_an_earlier_version_comes_back_as_the_newest_and_an_unchanged_file_leaves_it(
    database: Engine, template_id: int
) -> None:
    with database.begin() as connection:
        restored = restore_version(connection, template_id, 1, seen=3, by=BY)
    assert (restored.version, restored.restores, _in_force(database, template_id)) == (4, 1, "first")
    for _ in range(2):
        with database.begin() as connection:
            stored = store_template_file(connection, "acme", _template("third"), actor="file")
        assert (stored.version, stored.restores, stored.kept_against_file) == (4, 1, True)
    assert _in_force(database, template_id) == "first"
    with database.begin() as connection:
        # A changed file is meant.
        changed = store_template_file(connection, "acme", _template("fourth"), actor="file")
    assert (changed.version, changed.kept_against_file, _in_force(database, template_id)) == (5, False, "fourth")
    with database.begin() as connection:
        # And so is a file that is changed back to what it was.
        back = store_template_file(connection, "acme", _template("third"), actor="file")
    assert (back.version, _in_force(database, template_id)) == (6, "third")


def test_a_person_who_sends_a_file_sends_what_the_file_says(database: Engine, template_id: int) -> None:
    with database.begin() as connection:
        restore_version(connection, template_id, 1, seen=3, by=BY)
        store_template(connection, "acme", _template("third"), actor="user:ann")
    assert _in_force(database, template_id) == "third"


def test_templates_from_before_their_files_were_remembered_stay_restored(database: Engine, template_id: int) -> None:
    with database.begin() as connection:
        connection.execute(text("update template set file_hash = null"))
        restore_version(connection, template_id, 2, seen=3, by=BY)
        stored = store_template_file(connection, "acme", _template("third"), actor="file")
    assert stored.kept_against_file
    assert _in_force(database, template_id) == "second"


def test_what_cannot_come_back_is_refused(database: Engine, template_id: int) -> None:
    def refused(version: int, seen: int = 3, by: Principal = BY) -> str:
        with pytest.raises(NightmailError) as error, database.begin() as connection:
            restore_version(connection, template_id, version, seen=seen, by=by)
        return error.value.reason

    assert refused(9) == "template_version_unknown"
    assert refused(3) == "template_version_current"
    assert refused(1, seen=2) == "template_changed"
    author = Principal("person", 7, "Ann", (Held(1, "viewer", "acme", frozenset({Permission.TEMPLATE_SEE})),))
    assert refused(1, by=author) == "not_permitted"
    with database.connect() as connection:
        assert [row.version for row in template_versions(connection, template_id)] == [3, 2, 1]


def test_the_way_back_is_in_the_audit_log_and_takes_the_category_along(database: Engine, template_id: int) -> None:
    with database.begin() as connection:
        store_template_file(connection, "acme", _template("fourth", "appointment"), actor="file")
        restore_version(connection, template_id, 1, seen=4, by=BY)
        (overview,) = list_templates(connection, [""])
        entry = connection.execute(
            text("select actor, object, detail from audit where action = 'template.restored'")
        ).one()
    assert (overview.category, overview.version, overview.restores, overview.created_by) == ("billing", 5, 1, BY.actor)
    assert (entry.actor, entry.object, entry.detail) == (BY.actor, "acme/due", {"restores": 1})
