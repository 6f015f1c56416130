"""`provision --prune`: what the file no longer names is retired where nothing needs it, and comes back when it is named again."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from nightmail.access.api_keys import KeyRefusedError, create_key, verify_key
from nightmail.campaigns.transitions import cancel
from nightmail.errors import ConfigurationError
from nightmail.events.webhooks import create_webhook
from nightmail.organisation.carrier_accounts import carrier_accounts, reporting_accounts
from nightmail.organisation.routes import routes_of_team
from nightmail.organisation.sender_users import teams_of_sender
from nightmail.organisation.stored_feeds import feeds_at_or_below
from nightmail.provisioning import Change, plan, provision
from nightmail.store.partitions import ensure_partitions, month_of
from tests.provisioning.test_provisioning import TEMPLATE, organisation
from tests.provisioning.test_sandbox import bring_in, campaign, parsed, rows

EVERYTHING = {
    ("carrier account", "twilio"),
    ("sender", "acme.billing sms default"),
    ("feed", "acme.billing.arrears/invoices"),
    ("sftp server", "files"),
    ("api key", "acme.billing/crm"),
    ("webhook", "acme https://hooks.example.com/x"),
    ("prices", "1 entries"),
}


def whole() -> dict[str, Any]:
    content = organisation()
    content["webhooks"] = [
        {
            "team": "acme",
            "url": "https://hooks.example.com/x",
            "events": ["campaign.finished"],
            "secret": "env:HOOK",
        }
    ]
    return content


def bare() -> dict[str, Any]:
    """The organisation's teams and templates, and nothing that works."""
    return {key: value for key, value in organisation().items() if key in ("organisation", "categories", "templates")}


def of(changes: tuple[Change, ...], action: str) -> dict[tuple[str, str], str]:
    return {(each.kind, each.name): "; ".join(each.details) for each in changes if each.action == action}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "invoice_due.yaml").write_text(TEMPLATE)
    return tmp_path


@pytest.fixture
def provisioned(database: Engine, folder: Path) -> Engine:
    with database.begin() as connection:
        ensure_partitions(connection, month_of(dt.datetime.now(dt.UTC)))
    provision(database, parsed(whole()), folder, "tester")
    return database


def test_without_prune_nothing_is_retired(provisioned: Engine, folder: Path) -> None:
    outcome = provision(provisioned, parsed(bare()), folder, "tester")
    assert not outcome.changed
    assert of(outcome.changes, "retire") == of(outcome.changes, "leave") == {}


def test_what_is_named_is_kept(provisioned: Engine, folder: Path) -> None:
    assert not provision(provisioned, parsed(whole()), folder, "tester", prune=True).changed


def test_what_is_not_named_gets_no_new_work_and_its_history_stays(provisioned: Engine, folder: Path) -> None:
    before = {
        table: len(rows(provisioned, f"select 1 from {table}")) for table in ("feed", "sender", "carrier_account")
    }
    planned = plan(provisioned, parsed(bare()), folder, prune=True)
    assert len(rows(provisioned, "select 1 from feed where active")) == 1

    outcome = provision(provisioned, parsed(bare()), folder, "tester", prune=True)

    assert outcome.changes == planned
    assert set(of(outcome.changes, "retire")) == EVERYTHING
    assert "0.0412 USD" in of(outcome.changes, "retire")["prices", "1 entries"]
    with provisioned.connect() as connection:
        assert carrier_accounts(connection) == []
        assert [account.name for account in reporting_accounts(connection)] == ["twilio"]
        assert routes_of_team(connection, "acme.billing", "sms") == []
        assert feeds_at_or_below(connection, "acme", after_id=0, limit=9) == []
        # A STOP to its number is still its team's.
        assert [team.path for team in teams_of_sender(connection, "sms", ["+447700900123"])] == ["acme.billing"]
    assert before == {table: len(rows(provisioned, f"select 1 from {table}")) for table in before}
    assert rows(provisioned, "select 1 from api_key where revoked_at is not null") == [(1,)]
    assert rows(provisioned, "select 1 from price") == []
    retired = rows(provisioned, "select object from audit where action = 'provision.retire'")
    assert {row.object for row in retired} == {f"{kind} {name}" for kind, name in EVERYTHING}
    assert not provision(provisioned, parsed(bare()), folder, "tester", prune=True).changed


def test_what_is_named_again_comes_back(provisioned: Engine, folder: Path) -> None:
    provision(provisioned, parsed(bare()), folder, "tester", prune=True)
    outcome = provision(provisioned, parsed(whole()), folder, "tester", prune=True)
    assert of(outcome.changes, "create").keys() == {("api key", "acme.billing/crm"), ("prices", "1 entries")}
    assert len(outcome.new_keys) == 1
    with provisioned.connect() as connection:
        (route,) = routes_of_team(connection, "acme.billing", "sms")
        assert route.sender == "+447700900123"
        assert len(feeds_at_or_below(connection, "acme", after_id=0, limit=9)) == 1
    assert rows(provisioned, "select folder, sftp_server_id is not null from feed") == [("/acme/invoices", True)]
    assert rows(provisioned, "select active from sftp_server union select active from webhook") == [(True,)]
    assert not provision(provisioned, parsed(whole()), folder, "tester", prune=True).changed


@pytest.mark.parametrize(
    ("state", "message"), [("sending", "queued"), ("awaiting_approval", "queued"), ("received", None)]
)
def test_what_work_under_way_needs_is_named_with_its_remedy_and_stays(
    provisioned: Engine, folder: Path, state: str, message: str | None
) -> None:
    """And all else is retired; when the work has ended, the same command retires the rest."""
    key = campaign(provisioned, state, message, account="twilio")
    outcome = provision(provisioned, parsed(bare()), folder, "tester", prune=True)
    stuck = of(outcome.changes, "cannot")
    needed = {each for each in EVERYTHING if each[0] in ("carrier account", "sender", "feed", "sftp server")}
    assert set(stuck) == needed
    assert set(of(outcome.changes, "retire")) == EVERYTHING - needed
    for kind in ("carrier account", "sender", "feed"):
        (problem,) = (problem for (of_kind, _), problem in stuck.items() if of_kind == kind)
        assert key in problem and "nightmail cancel" in problem
    assert "acme.billing.arrears/invoices" in stuck["sftp server", "files"]
    with provisioned.connect() as connection:
        assert len(routes_of_team(connection, "acme.billing", "sms")) == 1
    cancel(provisioned, key, actor="tester")
    assert set(of(provision(provisioned, parsed(bare()), folder, "t", prune=True).changes, "retire")) == needed


def test_an_ended_campaign_holds_nothing(provisioned: Engine, folder: Path) -> None:
    key = campaign(provisioned, "sending", "accepted", account="twilio")
    cancel(provisioned, key, actor="tester")
    assert set(of(provision(provisioned, parsed(bare()), folder, "t", prune=True).changes, "retire")) == EVERYTHING


def test_an_account_that_a_sender_of_another_file_uses_stays(provisioned: Engine, folder: Path) -> None:
    other = {
        "organisation": {"name": "Globex", "path": "globex"},
        "senders": [{"team": "globex", "channel": "sms", "address": "+447700900999", "carrier_account": "twilio"}],
    }
    provision(provisioned, parsed(other), folder, "tester", prune=True)
    outcome = provision(provisioned, parsed(bare()), folder, "tester", prune=True)
    assert "globex sms default" in of(outcome.changes, "cannot")["carrier account", "twilio"]


def test_another_organisations_file_retires_nothing_here(provisioned: Engine, folder: Path) -> None:
    other = {"organisation": {"name": "Acme 2", "path": "acme2"}}
    outcome = provision(provisioned, parsed(other), folder, "tester", prune=True)
    assert of(outcome.changes, "retire") == of(outcome.changes, "leave") == of(outcome.changes, "cannot") == {}
    assert not provision(provisioned, parsed(whole()), folder, "tester", prune=True).changed


def test_what_was_made_by_other_means_stays_and_is_listed(provisioned: Engine, folder: Path) -> None:
    bring_in(provisioned, folder)
    with provisioned.begin() as connection:
        team = connection.scalar(text("select id from team where path = 'acme.berlin'"))
        key = create_key(connection, team_id=team, name="by hand", permissions=["campaign.see"])
        create_webhook(
            connection, team_id=team, url="https://hooks.example.com/y", events=["campaign.finished"], key=b"0" * 32
        )
    content = bare()
    content["organisation"]["teams"] = content["organisation"]["teams"][:1]
    content["categories"], content["templates"] = [], []
    left = of(provision(provisioned, parsed(content), folder, "tester", prune=True).changes, "leave")
    assert {
        ("api key", "acme.berlin/by hand"),
        ("webhook", "acme.berlin https://hooks.example.com/y"),
        ("carrier account", "sandbox-email"),
        ("team", "acme.berlin"),
        ("category", "acme.billing/tariff"),
        ("template", "acme.billing/invoice_due"),
    } <= set(left)
    assert all(left.values())
    with provisioned.begin() as connection:
        assert verify_key(connection, key).team_path == "acme.berlin"


def test_a_retired_key_is_refused_and_another_is_made(provisioned: Engine, folder: Path) -> None:
    content = whole()
    content["api_keys"][0]["name"] = "crm2"
    (made,) = provision(provisioned, parsed(content), folder, "tester", prune=True).new_keys
    provision(provisioned, parsed(bare()), folder, "tester", prune=True)
    with provisioned.begin() as connection, pytest.raises(KeyRefusedError):
        verify_key(connection, made.key)


def test_feeds_without_a_folder_take_none_from_each_other(provisioned: Engine, folder: Path) -> None:
    """Any number of them come by the API alone."""
    content = whole()
    for name in ("one", "two"):
        content["feeds"].append({"team": "acme.billing", "name": name, "template": "invoice_due"})
    outcome = provision(provisioned, parsed(content), folder, "tester", prune=True)
    assert {name for kind, name in of(outcome.changes, "create") if kind == "feed"} == {
        "acme.billing/one",
        "acme.billing/two",
    }


def test_a_feed_takes_over_the_folder_of_one_that_is_retired(provisioned: Engine, folder: Path) -> None:
    """Without --prune the earlier feed still has it, and the file is refused with a sentence."""
    content = whole()
    content["feeds"][0]["name"] = "bills"
    with pytest.raises(ConfigurationError) as caught:
        provision(provisioned, parsed(content), folder, "tester")
    assert "acme.billing.arrears/invoices" in caught.value.message and "--prune" in caught.value.message
    provision(provisioned, parsed(content), folder, "tester", prune=True)
    assert rows(provisioned, "select name, folder from feed where active") == [("bills", "/acme/invoices")]
