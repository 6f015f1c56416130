"""``nightmail suppressions``, ``suppress`` and ``unsuppress``: a person sees why, adds, and takes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.commands.conftest import CommandLine
from tests.support.sending_rig import Organisation

NUMBER, MASKED = "+491701234567", "+49••••••••67"
ROWS = "select channel, team_id, category, reason from suppression where lifted_at is null order by channel"


@pytest.fixture
def organisation(database: Engine, tmp_path: Path) -> Organisation:
    return Organisation(database, tmp_path, {"base_url": "http://127.0.0.1:9", "twilio": {"account_sid": "AC"}})


def test_an_address_is_suppressed_shown_and_used_again(with_database: CommandLine, organisation: Organisation) -> None:
    """However it is written; for a team or all; masked in all that is printed; told what the carriers keep."""
    organisation.execute("update team set country = 'DE' where path = 'acme.billing'")
    written = ("0170 1234567", "--team", "acme.billing")
    assert with_database.json("suppressions", *written)["suppressions"] == []
    made = with_database.json("suppress", *written, "--channel", "sms", "--category", "billing")
    assert (made["address"], made["added"], made["already"]) == (MASKED, 1, 0)
    assert with_database.json("suppress", *written, "--channel", "sms", "--category", "billing")["already"] == 1
    (row,) = with_database.json("suppressions", NUMBER)["suppressions"]
    assert (row["team"], row["category"], row["reason"]) == ("acme.billing", "billing", "by_hand")
    assert row["source"].startswith("user:")

    assert with_database.json("suppress", NUMBER)["added"] == 3, "sms, voice and chat, for all"
    shown = with_database.run("suppressions", NUMBER).stdout
    assert MASKED in shown and "4567" not in shown
    asked = with_database.run("unsuppress", NUMBER, answers="n\n")
    assert asked.exit_code == 1 and "Nothing was changed" in asked.stdout
    lifted = with_database.json("unsuppress", NUMBER, "--id", str(row["id"]))
    assert [each["id"] for each in lifted["lifted"]] == [row["id"]]
    assert len(lifted["in_force"]) == 3
    assert "START" in lifted["carriers_own_lists"][0]
    told = with_database.run("unsuppress", NUMBER, "--yes")
    assert "3 suppressions lifted, 0 still" in told.stdout and "START" in told.stdout
    assert organisation.query(ROWS) == []
    assert "is not suppressed" in with_database.run("unsuppress", NUMBER).stdout
    actors = {row.actor for row in organisation.query("select actor from audit where action like 'suppression.%'")}
    assert len(actors) == 1 and actors.pop().startswith("user:")


def test_what_a_person_asked_for_is_not_lifted_by_the_way(
    with_database: CommandLine, organisation: Organisation
) -> None:
    """Refused with the reason, before anything is asked; lifted only where the option says that they agreed again."""
    with_database.json("suppress", "Anna@Example.com", "--asked-for")
    refused = with_database.json("unsuppress", "anna@example.com", code=1)["error"]
    assert refused["reason"] == "suppression_asked_for" and "--although-asked-for" in refused["remedy"]
    assert {row.reason for row in organisation.query(ROWS)} == {"opted_out"}
    with_database.json("unsuppress", "anna@example.com", "--although-asked-for")
    assert organisation.query(ROWS) == []


def test_a_team_lifts_no_more_than_its_own(with_database: CommandLine, organisation: Organisation) -> None:
    """What the team above made stays beside it, and is refused where there is nothing else."""
    for team in ("acme", "acme.billing"):
        with_database.json("suppress", NUMBER, "--team", team, "--channel", "sms")
    done = with_database.json("unsuppress", NUMBER, "--team", "acme.billing")
    assert [row["team"] for row in done["lifted"]] == ["acme.billing"]
    assert [row["team"] for row in done["in_force"]] == ["acme"]
    refused = with_database.json("unsuppress", NUMBER, "--team", "acme.billing", code=1)["error"]
    assert refused["reason"] == "suppression_above_team"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("suppress",), "arguments_wrong"),
        (("suppress", NUMBER, "--file", "list.csv"), "arguments_wrong"),
        (("suppress", NUMBER, "--column", "mail"), "arguments_wrong"),
        (("suppress", "--file", "nowhere.csv"), "file_missing"),
        (("suppress", NUMBER, "--channel", "post"), "channel_unknown"),
        (("suppress", NUMBER, "--channel", "email"), "address_not_of_channel"),
        (("suppress", NUMBER, "--team", "nobody"), "team_unknown"),
        (("suppress", NUMBER, "--category", "billling"), "category_unknown"),
        (("suppress", "0170 1234567"), "phone_country_needed"),
        (("suppressions", "anna@"), "email_invalid"),
        (("suppressions", "12"), "phone_country_needed"),
        (("unsuppress", NUMBER, "--id", "7"), "suppression_unknown"),
    ],
)
def test_what_cannot_be_done_says_why(
    with_database: CommandLine, organisation: Organisation, arguments: tuple[str, ...], reason: str
) -> None:
    assert with_database.json(*arguments, code=2)["error"]["reason"] == reason
    assert organisation.query(ROWS) == []


def test_a_list_is_suppressed_as_a_whole(
    with_database: CommandLine, organisation: Organisation, write_csv: Callable[..., Path]
) -> None:
    """A column of a table: each address once, asked about first, each with an audit row."""
    path = write_csv(f"name;contact\nA;{NUMBER}\nB;b@example.com\nC;\nD;+49 170 1234567\n", "list.csv")
    asked = with_database.run("suppress", "--file", path, "--column", "contact", answers="n\n")
    assert asked.exit_code == 1 and "2 addresses for all teams" in asked.output
    assert organisation.query(ROWS) == []
    done = with_database.json("suppress", "--file", path, "--column", "contact", "--team", "acme")
    assert (done["addresses"], done["empty"], done["added"], done["already"]) == (2, 1, 5, 0)
    assert {row.team_id for row in organisation.query(ROWS)} == {organisation.parent_id}
    assert len(organisation.query("select 1 from audit where action = 'suppression.added'")) == 5
    assert with_database.json("suppress", "--file", path, "--column", "contact", "--team", "acme")["already"] == 5


def test_a_list_with_bad_lines_changes_nothing(
    with_database: CommandLine, organisation: Organisation, write_csv: Callable[..., Path]
) -> None:
    """All of them are named, by line and reason, and no address is told."""
    path = write_csv(f"{NUMBER}\nsecret name@\n\n+49 170\nb@example.com\n", "list.txt")
    refused = with_database.json("suppress", "--file", path, code=3)
    assert refused["error"]["reason"] == "addresses_unusable"
    told = [(each["line"], each["reason"]) for each in refused["error"]["detail"]["lines"]]
    assert told == [(2, "email_invalid"), (4, "phone_invalid")]
    assert "secret" not in json.dumps(refused)
    shown = with_database.run("suppress", "--file", path)
    assert shown.exit_code == 3 and "phone_invalid" in shown.stdout
    only_phones = with_database.json("suppress", "--file", path, "--channel", "sms", code=3)["error"]["detail"]["lines"]
    assert [each["line"] for each in only_phones] == [2, 4, 5]
    assert organisation.query(ROWS) == []
    assert organisation.query("select 1 from audit where action = 'suppression.added'") == []
