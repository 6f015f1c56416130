"""Setting an organisation up from one file: planned, done once, done again without a change, refused whole when wrong."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import Engine, text

from nightmail.access.api_keys import verify_key
from nightmail.errors import ConfigurationError, NightmailError
from nightmail.organisation.failover_settings import FailoverSettings, failover_settings
from nightmail.organisation.stored_feeds import feed_by_name
from nightmail.provisioning import load_organisation, parse_organisation, plan, provision
from nightmail.provisioning.organisation import FailoverPart
from resources.carriers import CARRIERS

TEMPLATE = """\
name: invoice_due
category: billing
default_language: en
languages:
  en:
    sms: "Dear {{ first_name }}, invoice {{ invoice_no }} is due."
"""


def organisation() -> dict[str, Any]:
    return {
        "organisation": {
            "name": "Acme Utilities",
            "path": "acme",
            "country": "GB",
            "time_zone": "Europe/London",
            "currency": "GBP",
            "teams": [
                {"name": "Billing", "path": "billing", "teams": [{"name": "Arrears", "path": "arrears"}]},
                {"name": "Berlin", "path": "berlin", "country": "DE", "time_zone": "Europe/Berlin"},
            ],
        },
        "categories": [{"name": "tariff", "kind": "marketing", "team": "acme.billing"}],
        "prices": [
            {
                "carrier": "twilio",
                "channel": "sms",
                "country": "GB",
                "amount": "0.0412",
                "currency": "USD",
                "effective_from": "2026-01-01",
            }
        ],
        "sftp_servers": [
            {
                "name": "files",
                "host": "127.0.0.1",
                "port": 2222,
                "username": "nightmail",
                "password_secret": "file:secrets/sftp",
                "host_key": "ssh-ed25519 AAAA",
            }
        ],
        "carrier_accounts": [{"name": "twilio", "adapter": "twilio_sms", "account": "AC1", "secret": "env:TWILIO"}],
        "senders": [
            {"team": "acme.billing", "channel": "sms", "address": "+447700900123", "carrier_account": "twilio"}
        ],
        "templates": [{"team": "acme.billing", "file": "invoice_due.yaml"}],
        "feeds": [
            {
                "team": "acme.billing.arrears",
                "name": "invoices",
                "template": "invoice_due",
                "sftp_server": "files",
                "folder": "/acme/invoices",
                "settings": {"channels": ["sms"], "reject_limit": 0.5},
            }
        ],
        "api_keys": [{"team": "acme.billing", "name": "crm", "scopes": ["files:write", "campaigns:read"]}],
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "invoice_due.yaml").write_text(TEMPLATE)
    return tmp_path


def _snapshot(engine: Engine) -> dict[str, list[Any]]:
    tables = ("team", "category", "price", "sftp_server", "carrier_account", "sender", "template", "template_version")
    with engine.connect() as connection:
        return {
            table: [tuple(row) for row in connection.execute(text(f"select * from {table} order by id"))]
            for table in (*tables, "feed", "api_key", "audit")
        }


def test_an_organisation_is_set_up_with_all_its_parts(database: Engine, folder: Path) -> None:
    outcome = provision(database, parse_organisation(organisation(), "org", CARRIERS.adapters), folder, "tester")

    assert {change.action for change in outcome.changes} == {"create"}
    with database.connect() as connection:
        teams = {row.path: row for row in connection.execute(text("select * from team"))}
        assert set(teams) == {"acme", "acme.billing", "acme.billing.arrears", "acme.berlin"}
        assert teams["acme.billing.arrears"].parent_id == teams["acme.billing"].id
        assert (teams["acme.billing.arrears"].country, teams["acme.billing.arrears"].currency) == ("GB", "GBP")
        assert (teams["acme.berlin"].country, teams["acme.berlin"].time_zone) == ("DE", "Europe/Berlin")
        feed = connection.execute(text("select * from feed")).one()
        assert feed.settings == {"channels": ["sms"], "reject_limit": 0.5}
        assert (
            connection.scalar(text("select kind from category where name = 'billing' and team_id is null")) == "service"
        )
        assert connection.scalar(text("select needs_consent from category where name = 'tariff'")) is True
        account = connection.execute(text("select * from carrier_account")).one()
        assert (account.carrier, account.channel, account.settings["account"]) == ("twilio", "sms", "AC1")
        secret = connection.scalar(text("select password_secret from sftp_server"))
        assert secret == f"file:{(folder / 'secrets' / 'sftp').resolve()}"
        assert connection.scalar(text("select count(*) from audit where actor = 'tester'")) == len(outcome.changes)


def test_a_new_key_is_given_once_and_proves_its_team(database: Engine, folder: Path) -> None:
    parsed = parse_organisation(organisation(), "org", CARRIERS.adapters)
    (key,) = provision(database, parsed, folder, "tester").new_keys
    with database.begin() as connection:
        program = verify_key(connection, key.key)
    assert (program.team_path, program.permissions) == (
        "acme.billing",
        {"file.upload", "campaign.see", "message.see", "feed.see"},
    )
    assert provision(database, parsed, folder, "tester").new_keys == ()


def test_running_again_changes_nothing(database: Engine, folder: Path) -> None:
    parsed = parse_organisation(organisation(), "org", CARRIERS.adapters)
    provision(database, parsed, folder, "tester")
    before = _snapshot(database)

    again = provision(database, parsed, folder, "tester")

    assert not again.changed
    assert _snapshot(database) == before


def test_the_plan_says_what_is_then_done_and_changes_nothing(database: Engine, folder: Path) -> None:
    parsed = parse_organisation(organisation(), "org", CARRIERS.adapters)
    before = _snapshot(database)
    planned = plan(database, parsed, folder)
    assert _snapshot(database) == before
    assert provision(database, parsed, folder, "tester").changes == planned


def test_feeds_that_send_nothing_need_no_template(database: Engine, folder: Path) -> None:
    """The feed of the file is turned into one of the address book, and back; the plan names its template as gone."""
    provision(database, parse_organisation(organisation(), "org", CARRIERS.adapters), folder, "tester")
    changed = organisation()
    feed = changed["feeds"][0]
    del feed["template"]
    feed["settings"] = {"kind": "contacts", "import_mode": "add"}
    outcome = provision(database, parse_organisation(changed, "org", CARRIERS.adapters), folder, "tester")
    (told,) = [change for change in outcome.changes if change.kind == "feed"]
    assert any("template" in detail and "invoice_due" in detail for detail in told.details), told
    with database.connect() as connection:
        row = feed_by_name(connection, "acme.billing.arrears", "invoices")
    assert (row.template, row.category, row.settings.sends) == (None, None, False)
    back = provision(database, parse_organisation(organisation(), "org", CARRIERS.adapters), folder, "tester")
    assert [change.kind for change in back.changes if change.action == "change"] == ["feed"]


def test_a_change_is_told_by_what_was_and_what_will_be(database: Engine, folder: Path) -> None:
    provision(database, parse_organisation(organisation(), "org", CARRIERS.adapters), folder, "tester")
    changed = organisation()
    changed["organisation"]["teams"][0]["retention_days"] = 30
    changed["feeds"][0]["settings"]["reject_limit"] = 0.1
    changed["prices"][0]["amount"] = "0.05"
    changed["api_keys"][0]["scopes"] = ["files:write"]
    changed["carrier_accounts"][0]["secret"] = "env:OTHER"
    (folder / "invoice_due.yaml").write_text(TEMPLATE.replace("is due", "is now due"))

    outcome = provision(database, parse_organisation(changed, "org", CARRIERS.adapters), folder, "tester")

    told = {(change.kind, change.name): change.details for change in outcome.changes if change.action == "change"}
    assert told["team", "acme.billing"] == ("retention_days: 90 → 30",)
    assert told["team", "acme.billing.arrears"] == ("retention_days: 90 → 30",)  # taken from the team above
    assert "0.1" in told["feed", "acme.billing.arrears/invoices"][0]
    assert told["template", "acme.billing/invoice_due"] == ("version 2",)
    assert told["prices", "1 entries"] == ("1 changed",)
    assert told["carrier account", "twilio"] == ("secret changes",)
    assert ("api key", "acme.billing/crm") in told
    with database.connect() as connection:
        assert connection.scalars(text("select version from template_version order by 1")).all() == [1, 2]


def test_what_to_do_around_trouble_is_stored_as_stated(database: Engine, folder: Path) -> None:
    """What is not stated stays the product's default, also where that changes later."""
    changed = organisation()
    changed["carrier_accounts"][0]["failover"] = {"after": 3, "cool_down_s": 5}
    changed["organisation"]["settings"] = {"when_suspended": {"sms": "fall"}}
    provision(database, parse_organisation(changed, "org", CARRIERS.adapters), folder, "tester")
    with database.connect() as connection:
        stored = connection.execute(text("select name, settings from carrier_account order by id")).first()
        settings = connection.scalar(text("select settings from team where path = 'acme'"))
    assert stored is not None and stored.settings["failover"] == {"after": 3, "cool_down_s": 5}
    assert failover_settings(stored.settings) == FailoverSettings(after=3, cool_down_s=5)
    assert settings == {"when_suspended": {"sms": "fall"}}
    assert FailoverPart().model_dump() == asdict(FailoverSettings())


def _without(change: Any) -> dict[str, Any]:
    content = organisation()
    change(content)
    return content


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda c: c["feeds"][0].update(team="acme.nobody"), "acme.nobody"),
        (lambda c: c["feeds"][0].update(folder=None), "sftp_server and folder"),
        (lambda c: c["feeds"][0].update(folder="/acme/../other"), "folder"),
        (lambda c: c["feeds"].append(dict(c["feeds"][0])), "stands twice"),
        (lambda c: c["feeds"][0].pop("template"), "template is missing"),
        (lambda c: c["feeds"][0].update(settings={"kind": "contacts"}, schedule="0 7 * * *"), "schedule is for feeds"),
        (lambda c: c["organisation"].update(time_zone="Europe/Lundon"), "Europe/Lundon"),
        (lambda c: c["organisation"].update(path="Acme Ltd"), "organisation.path"),
        (lambda c: c["sftp_servers"][0].update(password_secret="hunter2"), "password_secret"),
        (lambda c: c["sftp_servers"][0].pop("password_secret"), "password_secret or private_key_secret"),
        (lambda c: c["api_keys"][0].update(scopes=["everything"]), "everything"),
        (lambda c: c["carrier_accounts"][0].update(adapter="pigeon"), "pigeon"),
        (lambda c: c["carrier_accounts"][0].update(failover={"step_percent": 0}), "step_percent"),
        (lambda c: c["carrier_accounts"][0].update(failover={"afterwards": 3}), "afterwards"),
        (lambda c: c["organisation"].update(settings={"when_suspended": "fal"}), "when_suspended"),
        (lambda c: c["organisation"].update(settings={"when_suspended": {"smoke": "fall"}}), "when_suspended"),
        (lambda c: _pages(c, colour="#ffcc00"), "the nearest colour that is readable is #"),
        (lambda c: _pages(c, colour="#1d4ed8", colour_dark="#1d4ed8"), "colour_dark #1d4ed8 cannot be read"),
        (lambda c: _pages(c, colour="blue"), "colour"),
        (lambda c: _pages(c, privacy_notice="javascript:alert(1)"), "privacy_notice"),
        (lambda c: _pages(c, name="A\nB"), "name"),
        (lambda c: c["prices"][0].update(amount="-1"), "amount"),
        (lambda c: c.update(colour="blue"), "colour"),
        (lambda c: c.pop("organisation"), "organisation"),
    ],
)
def test_a_file_that_is_wrong_in_itself_is_refused_by_name(change: Any, names: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_organisation(_without(change), "org.yaml", CARRIERS.adapters)
    assert caught.value.reason == "organisation_invalid"
    assert names in caught.value.message
    assert caught.value.remedy
    assert "hunter2" not in f"{caught.value} {caught.value.detail}"


def _pages(content: dict[str, Any], **stated: str) -> None:
    """How pages for recipients are to look."""
    content["organisation"]["settings"] = {"recipient_pages": stated}


def _long_mailbox(content: dict[str, Any]) -> None:
    """A name without room for the token that the team asks for."""
    content["organisation"]["teams"][0]["settings"] = {"reply_addresses": "plus"}
    content["carrier_accounts"].append(
        {
            "name": "post",
            "adapter": "smtp_email",
            "base_url": "smtps://mail.acme.example",
            "mailbox": {"url": "imaps://mail.acme.example", "user": "care", "secret": "file:secrets/imap"},
        }
    )
    content["senders"].append(
        {"team": "acme.billing", "channel": "email", "address": f"{'n' * 24}@acme.example", "carrier_account": "post"}
    )


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda c: c["feeds"][0].update(template="no_such"), "no_such"),
        (lambda c: c["feeds"][0].update(sftp_server="elsewhere"), "elsewhere"),
        (lambda c: c["feeds"][0]["settings"].update(reject_limt=0.5), "reject_limt"),
        (lambda c: c["feeds"][0]["settings"].update(category="tipps"), "tipps"),
        (lambda c: c["senders"][0].update(carrier_account="other"), "other"),
        (lambda c: c["senders"][0].update(channel="voice"), "voice"),
        (lambda c: c["templates"][0].update(file="missing.yaml"), "missing.yaml"),
        (_long_mailbox, "more than 23 characters"),
    ],
)
def test_what_does_not_fit_together_changes_nothing_at_all(
    database: Engine, folder: Path, change: Any, names: str
) -> None:
    before = _snapshot(database)
    with pytest.raises(NightmailError) as caught:
        provision(database, parse_organisation(_without(change), "org.yaml", CARRIERS.adapters), folder, "tester")
    assert names in caught.value.message
    assert _snapshot(database) == before


@pytest.mark.parametrize(
    "content", ["", "- a\n- b\n", "organisation: [", "organisation: 7\n", b"\xff\xfe\x00"], ids=str
)
def test_a_file_that_is_no_organisation_has_a_clear_answer(tmp_path: Path, content: str | bytes) -> None:
    file = tmp_path / "org.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(NightmailError) as caught:
        load_organisation(file, CARRIERS.adapters)
    assert caught.value.reason == "organisation_invalid"


def test_a_file_that_is_not_there_has_a_clear_answer(tmp_path: Path) -> None:
    with pytest.raises(NightmailError) as caught:
        load_organisation(tmp_path / "none.yaml", CARRIERS.adapters)
    assert caught.value.exit_code == 2


def test_norway_is_a_country_in_yaml_too(folder: Path) -> None:
    """YAML 1.1 reads an unquoted NO as false; an organisation file does not."""
    content = organisation()
    content["organisation"]["country"] = "NO"
    file = folder / "org.yaml"
    file.write_text(yaml.safe_dump(content).replace("'NO'", "NO"))
    assert load_organisation(file, CARRIERS.adapters).organisation.country == "NO"
