"""`nightmail contacts`: the address book from the command line."""

from __future__ import annotations

from sqlalchemy import Engine, text

from tests.commands.conftest import CommandLine


def test_contacts_from_their_making_to_a_file(with_database: CommandLine, database: Engine) -> None:
    with database.begin() as connection:
        connection.execute(text("insert into team (path, name, country) values ('acme', 'Acme', 'DE')"))
    run = with_database.json
    add = ("contacts", "add", "--team", "acme")
    assert run(*add, "--set", "birth_date=2999-01-01", code=2)["error"]["reason"] == "contact_field_invalid"
    assert run("contacts", "attribute", "tariff", "--team", "acme")["attributes"][0]["name"] == "tariff"
    made = run(*add, "--set", "external_id=C-1", "--set", "name=Zoë", "--set", "phone=0151 23456789", "--tag", "vip")
    other = run(*add, "--set", "phone=+49 151 2345 6789", "--attribute", "tariff=green")["contact"]
    number = str(made["contact"]["id"])
    assert [row["id"] for row in run("contacts", "list", "zoë")["contacts"]] == [int(number)]
    changed = run(
        *("contacts", "change", number, "--set", "name=Zoë Müller", "--add-address", "email=zoe@example.com"),
        *("--tag", "berlin", "--without-tag", "vip", "--note", "Rang."),
    )["contact"]
    assert (changed["name"], changed["tags"], changed["addresses"]["email"]) == (
        "Zoë Müller",
        ["berlin"],
        ["zoe@example.com"],
    )
    assert run("contacts", "show", number)["contact"]["notes"] == ["Rang."]
    (pair,) = run("contacts", "duplicates", "acme")["proposals"]
    assert (pair["contacts"], pair["why"]) == ([int(number), other["id"]], "same_address")
    merged = run("contacts", "merge", number, str(other["id"]))
    assert [row["attributes"] for row in run("contacts", "list")["contacts"]] == [{"tariff": "green"}]
    run("contacts", "unmerge", str(merged["merge"]))
    assert len(run("contacts", "list")["contacts"]) == 2
    run("contacts", "remove", str(other["id"]))
    file = with_database.folder / "out.csv"
    assert run("contacts", "export", str(file), "--team", "acme")["contacts"] == 1
    assert "Zoë Müller" in file.read_text("utf-8-sig")
    run("contacts", "restore", str(other["id"]))
    assert run("contacts", "export", str(file), "--team", "acme", code=2)["error"]["reason"] == "arguments_wrong"
    assert "Zoë Müller" in " ".join(with_database.run("contacts", "list").output.split())
