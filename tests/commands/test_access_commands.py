"""`nightmail people`, `access` and `keys`: the machine's user may do everything, and is named so."""

from __future__ import annotations

import getpass
import stat

from sqlalchemy import Engine, text

from commands.documentation import commands
from commands.needed_permissions import MACHINE, NEEDED
from nightmail.access.api_keys import verify_key
from nightmail.access.permissions import Permission
from tests.commands.conftest import CommandLine


def _with_teams(database: Engine) -> None:
    with database.begin() as connection:
        acme = connection.execute(
            text("insert into team (path, name) values ('acme', 'Acme') returning id")
        ).scalar_one()
        connection.execute(
            text("insert into team (parent_id, path, name) values (:above, 'acme.billing', 'Billing')"), {"above": acme}
        )


def test_people_from_an_invitation_to_their_end(with_database: CommandLine, database: Engine) -> None:
    _with_teams(database)
    run = with_database.json
    invitation = ("people", "invite", "Ada@example.com", "--name", "Ada", "--country", "DE", "--team", "acme")
    assert run(*invitation, code=2)["error"]["reason"] == "person_under_age"
    invited = run(*invitation, "--of-age", "--role", "viewer", "--until", "90d")
    assert "/invitation/" in invited["link"]
    assert invited["person"]["age_attested_by"] == f"user:{getpass.getuser()}"
    (ada,) = run("people", "list")["people"]
    assert (ada["state"], ada["grants"][0]["role"], ada["grants"][0]["team"]) == ("invited", "viewer", "acme")
    assert run("people", "invite-again", "ada@example.com")["link"] != invited["link"]
    assert run("people", "disable", "ada@example.com")["person"]["state"] == "disabled"
    assert run("people", "invite-again", "ada@example.com", code=2)["error"]["reason"] == "person_state"
    assert run("people", "enable", str(ada["id"]))["person"]["state"] == "invited"
    assert run("people", "list", "--state", "gone", code=2)["error"]["reason"] == "arguments_wrong"
    shown = with_database.run("people", "list").output
    assert "viewer at acme" in " ".join(shown.split())
    for number in range(3):
        run("people", "invite", f"p{number}@example.com", "--name", f"P{number}", "--country", "US", "--of-age")
    page = run("people", "list", "--limit", "2")
    assert page["next"] == "p0@example.com"
    assert [each["name"] for each in run("people", "list", "--after", page["next"])["people"]] == ["P1", "P2"]


def test_roles_are_given_explained_and_withdrawn(with_database: CommandLine, database: Engine) -> None:
    _with_teams(database)
    run = with_database.json
    run("people", "invite", "ada@example.com", "--name", "Ada", "--country", "DE", "--of-age")
    with database.begin() as connection:
        connection.execute(text("update person set state = 'active'"))
    given = run("access", "grant", "ada@example.com", "operator", "acme.billing")["grant"]
    told = run("access", "explain", "ada@example.com", "campaign.control", "acme.billing")
    assert (told["allowed"], told["by"][0]["grant"]) == (True, given["id"])
    told = run("access", "explain", "ada@example.com", "campaign.control", "acme", code=1)
    assert (told["allowed"], told["reason"]) == (False, "access_elsewhere")
    assert (
        run("access", "explain", "ada@example.com", "campaign.eat", code=2)["error"]["reason"] == "permission_unknown"
    )
    assert [each["person"] for each in run("access", "who", "campaign.control", "acme.billing")["grants"]] == [
        "ada@example.com"
    ]
    assert "organisation_administrator" in [role["name"] for role in run("access", "roles")["roles"]]
    assert run("access", "grant", "ada@example.com", "king", code=2)["error"]["reason"] == "role_unknown"
    run("access", "withdraw", given["id"])
    assert run("access", "explain", "ada@example.com", "campaign.control", "acme.billing", code=1)["by"] == []
    chief = run("access", "grant", "ada@example.com", "organisation_administrator")["grant"]
    assert run("access", "withdraw", chief["id"], code=1)["error"]["reason"] == "last_administrator"


def test_keys_are_made_rotated_and_revoked(with_database: CommandLine, database: Engine) -> None:
    _with_teams(database)
    run = with_database.json
    made = run(
        *("keys", "new", "acme.billing", "crm", "-p", "file.upload", "--from", "10.0.0.0/8", "--until", "2099-12-31")
    )
    assert made["key"]["expires_at"].startswith("2100-01-01")
    with database.begin() as connection:
        assert verify_key(connection, made["secret"], "10.9.9.9").team_path == "acme.billing"
    file = with_database.folder / "keys" / "crm"
    rotated = run("keys", "rotate", "acme.billing/crm", "--overlap-hours", "0", "--file", file)
    assert rotated["secret"] is None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with database.begin() as connection:
        assert verify_key(connection, file.read_text().strip(), "10.9.9.9").key_id == rotated["key"]["id"]
    assert [key["state"] for key in run("keys", "list", "--all")["keys"]] == ["active", "expired"]
    assert run("keys", "revoke", rotated["key"]["prefix"])["key"]["state"] == "revoked"
    assert run("keys", "list")["keys"] == []
    assert run("keys", "list", "--team", "acme.care", code=2)["error"]["reason"] == "team_unknown"
    old = with_database.run("keys", "new", "acme", "old", "-p", "campaigns:read")
    assert "scopes of earlier versions" in " ".join(old.output.split())
    assert run("keys", "new", "acme", "x", "-p", "file.upload", "--from", "10.1.2.3/8", code=2)["error"]["reason"] == (
        "network_wrong"
    )


def test_a_key_whose_file_cannot_be_written_is_not_made(with_database: CommandLine, database: Engine) -> None:
    _with_teams(database)
    blocked = with_database.folder / "file"
    blocked.write_text("")
    failed = with_database.json(*("keys", "new", "acme", "crm", "-p", "file.upload", "--file"), blocked / "key", code=5)
    assert failed["error"]["reason"] == "key_file_unwritable"
    assert with_database.json("keys", "list", "--all")["keys"] == []


def test_the_first_administrators_link(with_database: CommandLine, database: Engine) -> None:
    """Shown as long as there is no administrator; each time anew, the one before being over."""
    first = with_database.json("people", "first-administrator")["link"]
    assert "/first-administrator/" in first
    assert with_database.json("people", "first-administrator")["link"] != first
    with database.connect() as connection:
        assert connection.scalar(text("select count(*) from access_link where used_at is null")) == 1
    with_database.json("people", "invite", "ada@example.com", "--name", "Ada", "--country", "DE", "--of-age")
    with_database.json("access", "grant", "ada@example.com", "organisation_administrator")
    assert with_database.json("people", "first-administrator")["ok"]  # who was invited has not accepted yet
    with database.begin() as connection:
        connection.execute(text("update person set state = 'active'"))
    told = with_database.json("people", "first-administrator", code=2)
    assert told["error"]["reason"] == "administrator_exists"


def test_each_command_names_the_permission_that_it_needs() -> None:
    """A new command is decided about; a name that is no permission is none."""
    assert {name for name, _ in commands()} == set(NEEDED)
    assert set(NEEDED.values()) - {MACHINE} <= set(Permission)
