"""One organisation file for all hosting regions: each deployment takes its own teams, and names the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from nightmail.errors import ConfigurationError, UsageError
from nightmail.organisation.hosting_regions import refuse_other_region
from nightmail.provisioning import parse_organisation, plan, provision
from nightmail.settings import settings
from resources.carriers import CARRIERS
from tests.provisioning.test_provisioning import TEMPLATE, organisation

TEAMS = "select path from team order by path"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "invoice_due.yaml").write_text(TEMPLATE)
    return tmp_path


@pytest.fixture
def region(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes this the deployment of a region."""

    def be_in(name: str) -> None:
        monkeypatch.setenv("NIGHTMAIL_REGION", name)
        settings.cache_clear()

    yield be_in
    settings.cache_clear()


def of_both() -> Any:
    """`acme` and Berlin in eu; billing, which has all the rest, in us, but for its arrears, which are in eu again."""
    stated = organisation()
    billing = stated["organisation"]["teams"][0]
    billing["region"] = "us"
    billing["teams"][0]["region"] = "eu"
    american = {"name": "us", "adapter": "twilio_sms", "account": "AC2", "secret": "env:TWILIO", "region": "us"}
    stated["carrier_accounts"].append(american)
    return parse_organisation(stated, "org", CARRIERS.adapters)


def names(engine: Engine, statement: str) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(text(statement)))


def left(changes: Any) -> list[tuple[str, str]]:
    return [(change.kind, change.name) for change in changes if change.action == "leave"]


def test_each_deployment_takes_its_own_teams_and_names_the_others(database: Engine, folder: Path, region: Any) -> None:
    """Billing stays as a node above its arrears: without its key and sender, with the template that arrears use."""
    region("eu")
    changes = plan(database, of_both(), folder)
    assert left(changes) == [("team", "acme.billing"), ("carrier account", "us")]
    why = next(change.details for change in changes if change.action == "leave")
    assert why == ("hosted in us, this deployment in eu: only what is below it is here",)
    assert left(provision(database, of_both(), folder, "tester").changes) == left(changes)
    assert names(database, TEAMS) == ["acme", "acme.berlin", "acme.billing", "acme.billing.arrears"]
    assert names(database, "select name from feed") == ["invoices"]
    assert names(database, "select name from carrier_account") == ["twilio"]
    assert names(database, "select name from api_key") == names(database, "select address from sender") == []
    assert not provision(database, of_both(), folder, "tester").changed


def test_the_other_deployment_takes_the_rest(database: Engine, folder: Path, region: Any) -> None:
    region("us")
    made = provision(database, of_both(), folder, "tester")
    assert left(made.changes) == [
        ("team", "acme"),
        ("team", "acme.berlin"),
        ("team", "acme.billing.arrears"),
    ]
    assert names(database, TEAMS) == ["acme", "acme.billing"]
    assert names(database, "select name from feed") == []
    assert names(database, "select name from api_key") == ["crm"]
    with database.connect() as connection:
        refuse_other_region(connection, connection.scalar(text("select id from team where path = 'acme.billing'")))
        with pytest.raises(UsageError) as refused:
            refuse_other_region(connection, connection.scalar(text("select id from team where path = 'acme'")))
    assert refused.value.reason == "team_of_other_region"


def test_an_organisation_of_another_region_alone_is_refused(database: Engine, folder: Path, region: Any) -> None:
    """With the setting that is probably wrong."""
    region("us")
    with pytest.raises(ConfigurationError) as refused:
        provision(database, parse_organisation(organisation(), "org", CARRIERS.adapters), folder, "tester")
    assert refused.value.reason == "no_team_of_region"
    assert "NIGHTMAIL_REGION" in refused.value.remedy
    assert names(database, TEAMS) == []
