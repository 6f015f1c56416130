"""Files of preferences: what each cell may say, whose row it is, and that a later statement is never overturned by a file."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from nightmail.access.principals import Principal, product_principal, system_principal
from nightmail.consent.preference_imports import apply_preferences, check_preferences
from nightmail.consent.preference_rows import COLUMNS, RowRules, read_row
from nightmail.consent.preference_statements import PreferenceStatement, taken_together
from nightmail.consent.preferences import preference_of, record_preferences
from nightmail.contacts.contact_changes import make_contact
from nightmail.contacts.import_modes import ImportMode
from nightmail.contacts.import_reading import ImportTables
from nightmail.contacts.import_rows import ImportKind, ImportRow, take_import
from nightmail.contacts.imports import undo_import
from nightmail.errors import NightmailError, UsageError
from nightmail.lake import Lake
from nightmail.privacy import contact_ids
from nightmail.settings import settings as deployment

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
RULES = RowRules("Europe/Berlin", NOW, frozenset({"news", "offers"}))
TEAM = "acme.club"
BY = system_principal("tester")
DAY = ("2026-11-19T23:00:00+00:00", "2026-11-20T22:59:59+00:00")


@pytest.mark.parametrize(
    ("cells", "statements"),
    [
        ({"channels": "Email; sms"}, [{"channels": ["email", "sms"]}]),
        ({"topics_out": "offers", "topics_in": "news"}, [{"topics": {"news": True, "offers": False}}]),
        ({"quiet_hours": "21:00 – 8:00"}, [{"quiet_from": "21:00", "quiet_until": "08:00"}]),
        ({"quiet_from": "21:00:00", "quiet_until": "08:00"}, [{"quiet_from": "21:00", "quiet_until": "08:00"}]),
        ({"quiet_hours": "None"}, [{"quiet_from": None, "quiet_until": None}]),
        ({"language": "EN_us", "time_zone": "europe/paris"}, [{"time_zone": "Europe/Paris", "language": "en-US"}]),
        ({"paused_until": "2026-12-24"}, [{"paused_until": "2026-12-24T22:59:59+00:00"}]),
        ({"paused_until": "24.12.2026", "time_zone": "Asia/Tokyo"},
         [{"paused_until": "2026-12-24T14:59:59+00:00", "time_zone": "Asia/Tokyo"}]),
        ({"paused_until": "2026-12-24 18:00"}, [{"paused_until": "2026-12-24T17:00:00+00:00"}]),
        ({"paused_until": "none"}, [{"paused_until": None}]),
    ],
)  # fmt: skip
def test_what_cells_state(cells: dict[str, str], statements: list[dict[str, Any]]) -> None:
    found = read_row(cells, RULES)
    assert found.problems == [] and [changes for _, changes in found.statements] == statements
    assert {at for at, _ in found.statements} == {NOW}


@pytest.mark.parametrize(
    ("cells", "column", "reason"),
    [
        ({"channels": "pigeon"}, "channels", "preference_channel_unread"),
        ({"channels": "none"}, "channels", "preference_channel_unread"),
        ({"topics_out": "gossip"}, "topics_out", "preference_topic_unknown"),
        ({"topics_in": "none"}, "topics_in", "preference_topic_unknown"),
        ({"topics_in": "news", "topics_out": "news"}, "topics_out", "preference_topic_both"),
        ({"quiet_hours": "late"}, "quiet_hours", "preference_hours_unread"),
        ({"quiet_hours": "25:00-08:00"}, "quiet_hours", "preference_hours_unread"),
        ({"quiet_from": "21:00"}, "quiet_from", "preference_hours_unread"),
        ({"quiet_until": "08:00"}, "quiet_until", "preference_hours_unread"),
        ({"time_zone": "Mars/Base"}, "time_zone", "preference_zone_unread"),
        ({"language": "klingonese"}, "language", "preference_language_unread"),
        ({"paused_until": "soon"}, "paused_until", "preference_pause_unread"),
        ({"paused_until": "03/04/2026"}, "paused_until", "preference_pause_unread"),
        ({"paused_until": "2099-01-01"}, "paused_until", "preference_pause_unread"),
        ({"language": "de", "stated_at": "yesterday"}, "stated_at", "preference_time_unread"),
        ({"language": "de", "stated_at": "2026-11-24"}, "stated_at", "preference_time_future"),
        ({}, "", "preference_row_empty"),
        ({"stated_at": "2026-11-20"}, "", "preference_row_empty"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_column(cells: dict[str, str], column: str, reason: str) -> None:
    found = read_row(cells, RULES)
    assert [(each.column, each.reason) for each in found.problems] == [(column, reason)] and found.statements == []


def test_a_day_without_a_time_never_brings_back_what_was_restricted_on_it() -> None:
    """What is wanted counts from the day's first moment, what is not from its last: the order of one day is not known."""
    found = read_row({"topics_in": "news", "topics_out": "offers", "stated_at": "2026-11-20"}, RULES)
    assert [(at.isoformat(), changes) for at, changes in found.statements] == [
        (DAY[0], {"topics": {"news": True}}),
        (DAY[1], {"topics": {"offers": False}}),
    ]
    today = read_row({"topics_out": "offers", "stated_at": "2026-11-23"}, RULES)
    assert [at for at, _ in today.statements] == [NOW], "never in the future"


CELLS = st.sampled_from(
    ["", "none", "news", "offers", "news, offers", "21:00-08:00", "2026-11-20", "de", "email", "x", "\x00"]
)


@given(rows=st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, CELLS)), min_size=1, max_size=4))
def test_any_cells_have_an_answer_and_a_file_never_lifts_a_later_opt_out(rows: list[dict[str, str]]) -> None:
    """Whatever a file says, what somebody put out after it came stays out."""
    later = PreferenceStatement("c", NOW + dt.timedelta(seconds=1), {"topics": {"offers": False}})
    statements = [later]
    for row in rows:
        read = read_row(row, RULES)
        assert bool(read.statements) != bool(read.problems)
        statements += [PreferenceStatement("c", at, changes) for at, changes in read.statements]
        assert all(at <= NOW for at, _ in read.statements)
    assert "offers" in taken_together(statements).topics_out


class Club:
    """A team with two contacts and two categories."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder, self.lake = engine, folder, Lake(str(folder / "lake"))
        self.key = deployment().key()
        with engine.begin() as connection:
            connection.execute(text("insert into team (path, name) values ('acme', 'Acme')"))
            connection.execute(text("insert into team (path, name, country) values ('acme.club', 'Club', 'GB')"))
            connection.execute(
                text("insert into category (name, kind) values ('offers', 'marketing'), ('news', 'marketing')")
            )
            for number, email in (("C1", "ann@example.com"), ("C2", "both@example.com"), ("C3", "both@example.com")):
                stated = {"external_id": number, "email": email, "phone": f"+4474001234{number[1]}0"}
                make_contact(connection, by=BY, team=TEAM, stated=stated, key=self.key)

    def seen(self, content: str) -> ImportRow:
        path = self.folder / "choices.csv"
        path.write_text(content, encoding="utf-8")
        with self.engine.begin() as connection:
            number = take_import(
                connection, TEAM, ImportMode.UPDATE, kind=ImportKind.PREFERENCES, by=BY, source="command",
                name="choices.csv", size=len(content), sha256="", stored_path=path,
            )  # fmt: skip
        return check_preferences(self.engine, self.lake, number)

    def applied(self, number: int, by: Principal = BY) -> ImportRow:
        return apply_preferences(self.engine, self.lake, number, by=by)

    def chosen(self, external_id: str) -> dict[str, Any]:
        with self.engine.connect() as connection:
            return preference_of(connection, TEAM, contact_ids(TEAM, [external_id], self.key)[0]).as_dict()

    def rejects(self, number: int) -> list[tuple[int, str | None, str]]:
        rows = ImportTables.of_import(self.lake, number).rejects.read().to_pylist()
        assert all(row["message"] for row in rows)
        return [(row["line"], row["column"], row["reason"]) for row in rows]


@pytest.fixture
def club(database: Engine, tmp_path: Path) -> Club:
    return Club(database, tmp_path)


def test_a_file_is_looked_at_then_recorded_and_what_is_wrong_costs_its_row_alone(club: Club) -> None:
    seen = club.seen(
        "External ID,E-Mail,Channels,Topics out,Quiet hours,Favourite colour\n"
        "C1,,\"email, sms\",offers,21:00-08:00,red\n"
        "C9,,email,,,\n"
        ",ANN@example.com,,news,,\n"
        ",both@example.com,email,,,\n"
        "C2,,email,gossip,nightly,\n"
    )  # fmt: skip
    counts = {name: seen.counts[name] for name in ("rows", "refused", "stated", "contacts", "changed", "equal")}
    assert counts == {"rows": 5, "refused": 3, "stated": 2, "contacts": 1, "changed": 1, "equal": 0}
    assert seen.counts["ignored_columns"] == ["Favourite colour"]
    assert club.rejects(seen.id) == [
        (3, "external_id", "preference_contact_unknown"),
        (5, "email", "preference_address_shared"),
        (6, "topics_out", "preference_topic_unknown"),
        (6, "quiet_hours", "preference_hours_unread"),
    ]
    assert seen.samples[0]["external_id"] == "C1" and ["channels", None, "email, sms"] in seen.samples[0]["changes"]
    assert club.chosen("C1")["channels"] is None
    done = club.applied(seen.id)
    assert (done.state, done.counts["recorded"]) == ("applied", 2)
    found = club.chosen("C1")
    assert (found["channels"], found["topics_out"], found["quiet_from"]) == (
        ["email", "sms"],
        ["news", "offers"],
        "21:00",
    )
    assert found["source"] == f"import:{done.id}"
    assert club.applied(seen.id).counts == done.counts, "once is enough"
    with pytest.raises(UsageError) as refused:
        undo_import(club.engine, seen.id, by=BY)
    assert refused.value.reason == "preference_no_way_back"


def test_an_older_statement_does_not_overturn_a_later_one(club: Club) -> None:
    now = dt.datetime.now(dt.UTC)
    (contact,) = contact_ids(TEAM, ["C1"], club.key)
    with club.engine.begin() as connection:
        team = connection.scalar(text("select id from team where path = :path"), {"path": TEAM})
        stated = [(contact, now - dt.timedelta(days=1), {"topics": {"offers": False}})]
        record_preferences(connection, team, stated, source="recipient", actor="recipient")
    old = (now - dt.timedelta(days=9)).isoformat()
    seen = club.seen(f"external_id,topics_in,stated_at\nC1,offers,{old}\n")
    assert (seen.counts["changed"], seen.counts["equal"]) == (0, 1), "the preview says it"
    club.applied(seen.id)
    assert club.chosen("C1")["topics_out"] == ["offers"]


def test_files_that_are_none_and_people_who_may_not(club: Club) -> None:
    for content, reason in (
        ("external_id,colour\nC1,red\n", "preference_columns_missing"),
        ("channels,language\nemail,de\n", "file_no_known_column"),
    ):
        seen = club.seen(content)
        assert seen.state == "refused" and seen.problem is not None and seen.problem["reason"] == reason, content
        assert seen.problem["remedy"]
    nobody = Principal("person", 1, "person:1", ())
    with pytest.raises(NightmailError) as refused, club.engine.begin() as connection:
        take_import(
            connection, TEAM, ImportMode.UPDATE, kind=ImportKind.PREFERENCES, by=nobody, source="api", name="x", size=1,
            sha256="", stored_path=club.folder,
        )  # fmt: skip
    assert refused.value.reason == "not_permitted"
    fine = club.seen("external_id,language\nC1,de\n")
    assert club.applied(fine.id, product_principal("feed:acme.club/choices")).applied_by == "feed:acme.club/choices"
    with club.engine.connect() as connection:
        entries = connection.execute(
            text("select action, detail from audit where object = :s"), {"s": f"import:{fine.id}"}
        )
        assert {row.action: json.dumps(row.detail) for row in entries}["import.applied"] == '{"recorded": 1}'
