"""People, roles, grants, identity providers and keys of an organisation's file: brought in, changed, withdrawn with --prune."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from nightmail.access.api_keys import KeyRefusedError, verify_key
from nightmail.access.decisions import allowed
from nightmail.access.grants import give_role, grants_of
from nightmail.access.identity_providers import list_providers
from nightmail.access.key_changes import find_key, rotate_key
from nightmail.access.people import find_person
from nightmail.access.permissions import Permission
from nightmail.access.principals import person_principal, system_principal
from nightmail.access.roles import find_role
from nightmail.errors import ConfigurationError, NightmailError
from nightmail.provisioning import parse_organisation, provision
from resources.carriers import CARRIERS

ROOT = system_principal("root")


def _file(**more: Any) -> dict[str, Any]:
    return {
        "organisation": {
            "name": "Acme",
            "path": "acme",
            "country": "DE",
            "teams": [{"name": "Billing", "path": "billing"}],
        },
        "people": [
            {"email": "Ada@example.com", "name": "Ada", "country": "DE", "of_age": True},
            {"email": "bob@example.com", "name": "Bob", "country": "US", "of_age": True, "language": "de"},
        ],
        "roles": [{"name": "night_shift", "title": "Night shift", "permissions": ["campaign.see", "campaign.control"]}],
        "grants": [
            {"person": "ada@example.com", "role": "organisation_administrator"},
            {"person": "bob@example.com", "role": "night_shift", "team": "acme.billing"},
        ],
        "identity_providers": [
            {
                "name": "okta",
                "issuer": "https://acme.okta.example",
                "client_id": "c1",
                "client_secret": "env:OKTA",
                "mappings": [{"group": "ops", "role": "night_shift", "team": "acme.billing"}],
            }
        ],
        "api_keys": [
            {"team": "acme", "name": "crm", "permissions": ["file.upload"], "allowed_networks": ["10.0.0.0/8"]}
        ],
        **more,
    }


def _bring(
    database: Engine, folder: Path, content: dict[str, Any], *, prune: bool = False
) -> dict[tuple[str, str], str]:
    outcome = provision(
        database, parse_organisation(content, "org", CARRIERS.adapters), folder, "user:root", prune=prune
    )
    return {(change.kind, change.name): change.action for change in outcome.changes}


def _activate(database: Engine) -> None:
    with database.begin() as connection:
        connection.execute(text("update person set state = 'active'"))


def test_a_file_says_who_may_do_what(database: Engine, tmp_path: Path) -> None:
    """And said again, it changes nothing: what people changed of themselves is theirs."""
    told = _bring(database, tmp_path, _file())
    assert told["person", "ada@example.com"] == told["grant", "bob@example.com night_shift acme.billing"] == "create"
    _activate(database)
    with database.begin() as connection:
        bob = find_person(connection, "bob@example.com")
        assert (bob.language, bob.age_attested_by, bob.age_country) == ("de", "user:root", "US")
        principal = person_principal(connection, bob.id)
        assert allowed(principal, Permission.CAMPAIGN_CONTROL, "acme.billing").yes
        assert not allowed(principal, Permission.CAMPAIGN_CONTROL, "acme").yes
        assert list_providers(connection)[0].mappings[0].role == "night_shift"
        connection.execute(text("update person set name = 'Robert' where id = :id"), {"id": bob.id})
        before = connection.scalar(text("select count(*) from audit"))
    again = _bring(database, tmp_path, _file())
    assert {action for (kind, _), action in again.items() if kind not in ("team", "category")} == {"keep"}
    with database.connect() as connection:
        assert connection.scalar(text("select count(*) from audit")) == before
        assert find_person(connection, "bob@example.com").name == "Robert"


def test_what_the_file_says_otherwise_is_changed(database: Engine, tmp_path: Path) -> None:
    _bring(database, tmp_path, _file())
    changed = _file()
    changed["roles"][0]["permissions"] = ["campaign.see"]
    changed["identity_providers"][0]["active"] = False
    changed["api_keys"][0]["allowed_networks"] = ["192.168.0.0/16"]
    changed["api_keys"][0]["permissions"] = ["files:write", "report.see"]
    told = _bring(database, tmp_path, changed)
    assert told["role", "acme/night_shift"] == "change"
    assert told["identity provider", "okta"] == "change"
    assert told["api key", "acme/crm"] == "change"
    with database.connect() as connection:
        key = find_key(connection, "acme/crm", by=ROOT)
        assert (set(key.permissions), key.allowed_networks) == ({"file.upload", "report.see"}, ("192.168.0.0/16",))
        assert find_role(connection, "night_shift", "acme").permissions == {Permission.CAMPAIGN_SEE}


def test_pruning_withdraws_the_files_own_grants_alone(database: Engine, tmp_path: Path) -> None:
    """Not what a person gave, and never the last administrator's."""
    _bring(database, tmp_path, _file())
    _activate(database)
    with database.begin() as connection:
        bob = find_person(connection, "bob@example.com")
        give_role(connection, by=ROOT, person_id=bob.id, role=find_role(connection, "viewer", "acme"), team="acme")
    without = _file(grants=[])
    kept = _bring(database, tmp_path, without)
    assert not any(action == "retire" for action in kept.values())
    told = _bring(database, tmp_path, without, prune=True)
    assert told["grant", "bob@example.com night_shift acme.billing"] == "retire"
    assert told["grant", "ada@example.com organisation_administrator acme"] == "cannot"
    with database.connect() as connection:
        assert [grant.role for grant in grants_of(connection, bob.id)] == ["viewer"]
        ada = find_person(connection, "ada@example.com")
        assert [grant.role for grant in grants_of(connection, ada.id)] == ["organisation_administrator"]


def test_a_rotated_key_is_the_files_own_still(database: Engine, tmp_path: Path) -> None:
    """The file goes on with the new one, and with --prune both are revoked."""
    content = _file()
    parsed = parse_organisation(content, "org", CARRIERS.adapters)
    (first,) = provision(database, parsed, tmp_path, "user:root").new_keys
    with database.begin() as connection:
        _, second = rotate_key(connection, find_key(connection, "acme/crm", by=ROOT), by=ROOT)
    assert _bring(database, tmp_path, content)["api key", "acme/crm"] == "keep"
    told = _bring(database, tmp_path, _file(api_keys=[]), prune=True)
    assert told["api key", "acme/crm"] == "retire"
    for secret in (first.key, second):
        with database.begin() as connection, pytest.raises(KeyRefusedError):
            verify_key(connection, secret, "10.0.0.1")


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda c: c["people"][0].update(email="ada"), "people.0.email"),
        (lambda c: c["people"][0].update(name="x" * 500), "500 characters long"),
        (lambda c: c["roles"][0].update(permissions=["moon.visit"]), "moon.visit"),
        (lambda c: c["grants"][1].update(team="acme.nobody"), "acme.nobody"),
        (lambda c: c["identity_providers"][0].update(client_secret="hunter2"), "client_secret"),
        (lambda c: c["api_keys"][0].update(allowed_networks=["10.1.2.3/8"]), "10.1.2.3/8"),
        (lambda c: c["people"].append(dict(c["people"][1])), "stands twice"),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_name(change: Any, names: str) -> None:
    content = _file()
    change(content)
    with pytest.raises(ConfigurationError, match=names.replace(".", r"\.")):
        parse_organisation(content, "org", CARRIERS.adapters)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c: c["people"][0].update(of_age=False), "person_under_age"),
        (lambda c: c["grants"][0].update(role="king"), "role_unknown"),
        (lambda c: c["grants"][0].update(person="eve@example.com"), "organisation_invalid"),
        (lambda c: c["identity_providers"][0]["mappings"][0].update(role="king"), "role_unknown"),
    ],
)
def test_what_does_not_fit_changes_nothing(database: Engine, tmp_path: Path, change: Any, reason: str) -> None:
    content = _file()
    change(content)
    with pytest.raises(NightmailError) as caught:
        _bring(database, tmp_path, content)
    assert caught.value.reason == reason
    with database.connect() as connection:
        assert connection.scalar(text("select count(*) from person")) == 0
