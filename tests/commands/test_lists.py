"""`nightmail segments`, `nightmail lists` and `nightmail send --list`: from a rule to a campaign."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.commands.conftest import CommandLine

TEMPLATE = """\
name: hello
category: service
languages: {en: {sms: "Hello {{ first_name }} in {{ city }}"}}
"""
RULE = {"on": "attribute", "name": "city", "test": "is_one_of", "value": ["Bath"]}


@pytest.fixture
def book(with_database: CommandLine, database: Engine) -> CommandLine:
    """A team with three contacts: two in Bath, one of whom must not be written to."""
    with database.begin() as connection:
        team = connection.scalar(
            text("insert into team (path, name, country) values ('acme', 'Acme', 'GB') returning id")
        )
        connection.execute(text("insert into category (name, kind) values ('service', 'service')"))
        for name in ("city", "first_name"):
            connection.execute(
                text(
                    "insert into contact_attribute (team_id, name, type, created_by) values (:team, :name, 'text', 'x')"
                ),
                {"team": team, "name": name},
            )
        for number, city in enumerate(("Bath", "Bath", "Leeds")):
            connection.execute(
                text(
                    "insert into contact (team_id, contact_id, external_id, phone, attributes) values "
                    "(:team, :contact, :id, :phone, cast(:attributes as jsonb))"
                ),
                {
                    "team": team,
                    "contact": f"{number + 1:032x}",
                    "id": f"C-{number}",
                    "phone": f"+44740010000{number}",
                    "attributes": json.dumps({"city": city, "first_name": f"Ann{number}"}),
                },
            )
    return with_database


def test_from_a_rule_to_a_campaign(book: CommandLine, database: Engine, tmp_path: Path) -> None:
    run = book.json
    file = tmp_path / "rule.json"
    file.write_text(json.dumps(RULE))
    assert run("segments", "make", "Bath", file)["segment"]["rule"] == RULE
    shown = run("segments", "show", "bath")
    assert (shown["contacts"], shown["sentence"]) == (2, "city is Bath")
    made = run("lists", "make", "Customers", "--include", "segment:Bath", "--exclude", "contact:C-1")["list"]
    assert made["version"] == 2
    shown = run("lists", "show", "Customers")
    assert shown["contacts"] == 1
    assert [(entry["kind"], entry["name"], entry["excluded"]) for entry in shown["entries"]] == [
        ("segment", "Bath", False),
        ("contact", "C-1", True),
    ]
    assert [row["name"] for row in run("lists", "list")["lists"]] == ["Customers"]
    (template := tmp_path / "hello.yaml").write_text(TEMPLATE)
    asked = book.run("send", "--list", "Customers", "--template", template, answers="n\n")
    assert "Messages: 1 sms" in asked.output
    assert "Nothing was sent" in asked.output
    sent = run("send", "--list", "Customers", "--template", template)
    assert (sent["ok"], sent["state"]) == (True, "taken")
    assert run("campaigns", sent["campaign"])["made_of"]["name"] == "Customers"
    assert "from the list Customers (1 contacts)" in " ".join(book.run("campaigns", sent["campaign"]).output.split())
    assert run("send", "--list", "Customers", "--template", template, code=1)["state"] == "repeated"
    assert run("send", "--segment", "Bath", "--template", template)["state"] == "taken"
    files = list((book.folder).rglob("*.parquet"))
    assert len([file for file in files if "incoming" in file.parts]) == 2, (
        "what was not sent leaves no file of contacts"
    )
    with database.connect() as connection:
        kept = connection.execute(text("select kind, name, contacts from campaign_list order by 1")).all()
        looks = connection.scalar(text("select count(*) from audit where action = 'personal.seen'"))
    assert [tuple(row) for row in kept] == [("list", "Customers", 1), ("segment", "Bath", 2)]
    assert looks == 1


def test_lists_and_segments_change_and_go(book: CommandLine) -> None:
    run = book.json
    run("segments", "make", "Bath", json.dumps(RULE))
    run("lists", "make", "Inner", "--include", "contact:C-0")
    run("lists", "make", "Outer", "--include", "list:Inner", "--description", "All of them")
    refused = run("lists", "change", "Inner", "--include", "list:Outer", code=2)["error"]
    assert (refused["reason"], "Inner > Outer > Inner" in refused["message"]) == ("list_cycle", True)
    assert run("lists", "remove", "Inner", code=2)["error"]["reason"] == "list_in_use"
    run("lists", "change", "Outer", "--include", "segment:Bath", "--drop", "list:Inner", "--rename", "Everybody")
    assert run("lists", "show", "everybody")["contacts"] == 2
    run("lists", "remove", "Inner")
    assert run("segments", "change", "Bath", "--rename", "In Bath", "--rule", '{"all": []}')["segment"]["version"] == 2
    assert run("segments", "list")["segments"][0]["name"] == "In Bath"
    assert run("segments", "remove", "In Bath", code=2)["error"]["reason"] == "list_in_use"
    run("lists", "remove", "Everybody")
    run("segments", "remove", "In Bath")
    assert "Distribution lists" in book.run("lists", "list").output


def test_groups_are_made_filled_and_go(book: CommandLine, tmp_path: Path) -> None:
    """Who means nobody is named, and nothing is guessed; what a list has stays until the list lets it go."""
    run = book.json
    (file := tmp_path / "board.txt").write_text("C-0\nC-1\n\nC-9\n")
    made = run("groups", "make", "Board", "--add-file", file)
    assert (made["group"]["members"], made["changed"], made["nobody"]) == (2, 2, ["C-9"])
    assert run("groups", "make", "board", code=2)["error"]["reason"] == "group_name_taken"
    changed = run("groups", "change", "BOARD", "--rename", "Council", "--add", "C-2", "--take-out", "C-0")
    assert (changed["group"]["name"], changed["added"], changed["taken_out"]) == ("Council", 1, 1)
    shown = run("groups", "show", "council", "--limit", "1")
    assert ([each["external_id"] for each in shown["members"]], shown["next"]) == (["C-1"], shown["members"][0]["id"])
    (last,) = run("groups", "show", str(made["group"]["id"]), "--after", str(shown["next"]))["members"]
    assert last["external_id"] == "C-2"
    run("lists", "make", "All", "--include", "group:Council")
    assert run("groups", "remove", "Council", code=2)["error"]["reason"] == "group_in_use"
    run("lists", "remove", "All")
    run("groups", "remove", "Council")
    assert run("groups", "list")["groups"] == []
    assert run("groups", "show", "Council", code=2)["error"]["reason"] == "group_unknown"
    lost = run("groups", "change", "Council", "--add-file", tmp_path / "none.txt", code=2)["error"]
    assert lost["reason"] == "group_unknown"
    assert (
        run("groups", "make", "Other", "--add-file", tmp_path / "none.txt", code=3)["error"]["reason"]
        == "file_unreadable"
    )
    assert run("groups", "list")["groups"] == []


WRONG = {
    "no source": (("send", "--template", "x"), "arguments_wrong"),
    "two sources": (("send", "--list", "a", "--segment", "b", "--template", "x"), "arguments_wrong"),
    "no such list": (("lists", "show", "Nobody"), "list_unknown"),
    "no such segment": (("segments", "show", "Nobody"), "segment_unknown"),
    "no such contact": (("lists", "make", "x", "--include", "contact:C-9"), "list_entry_unknown"),
    "no such group": (("lists", "make", "x", "--include", "group:Board"), "list_entry_unknown"),
    "no such thing": (("lists", "make", "x", "--include", "person:Ann"), "list_entry_invalid"),
    "no kind": (("lists", "make", "x", "--include", "Ann"), "list_entry_invalid"),
    "no JSON": (("segments", "make", "x", "{"), "segment_rule_invalid"),
    "no file": (("segments", "make", "x", "nothing.json"), "segment_rule_invalid"),
    "an unknown attribute": (
        ("segments", "make", "x", '{"on": "attribute", "name": "shoe", "test": "known"}'),
        "segment_name_unknown",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_done_is_said(book: CommandLine, case: str) -> None:
    arguments, reason = WRONG[case]
    error = book.json(*arguments, code=2)["error"]
    assert error["reason"] == reason
    assert error["remedy"]
