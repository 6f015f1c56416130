"""Grants: given up to what one holds, withdrawn at once, never the last administrator's."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from nightmail.access.administrators import administered, keep_administrators
from nightmail.access.decisions import allowed
from nightmail.access.grants import (
    explain_access,
    give_role,
    grants_of,
    keep_provider_grants,
    who_can,
    withdraw_role,
)
from nightmail.access.permissions import Permission
from nightmail.access.principals import product_principal
from nightmail.access.roles import find_role, list_roles, make_role, remove_role
from nightmail.errors import NightmailError
from tests.access.conftest import ROOT, Rights

SEE = Permission.CAMPAIGN_SEE


def _reason(call: object) -> str:
    assert callable(call)
    with pytest.raises(NightmailError) as caught:
        call()
    return caught.value.reason


def test_a_role_is_given_up_to_what_one_holds_and_where_one_holds_it(rights: Rights) -> None:
    """A team administrator gives viewers at their team and below, no administrator of the organisation, nothing elsewhere."""
    ada = rights.person("Ada", "team_administrator@acme.billing")
    bob = rights.person("Bob", invited_by=ada)
    connection = rights.connection

    def give(role: str, team: str) -> object:
        return give_role(connection, by=ada, person_id=bob.id, role=find_role(connection, role, team), team=team)

    give("viewer", "acme.billing.north")
    assert allowed(rights.again("Bob"), SEE, "acme.billing.north").yes
    assert not allowed(rights.again("Bob"), SEE, "acme.billing").yes
    assert _reason(lambda: give("organisation_administrator", "acme.billing")) == "grant_exceeds_yours"
    for team in ("acme", "acme.care", "brick", ""):
        assert _reason(lambda team=team: give("viewer", team)) == "not_permitted"
    assert rights.audit()[-1] == f"person:{ada.id} grant.given person:{bob.id}"
    stranger = rights.person("Sam")
    role = find_role(connection, "viewer", "acme.billing")
    unseen = _reason(lambda: give_role(connection, by=ada, person_id=stranger.id, role=role, team="acme.billing"))
    assert unseen == "person_unknown"
    viewer = rights.person("Vic", "viewer@acme")
    assert _reason(
        lambda: give_role(
            connection, by=viewer, person_id=bob.id, role=find_role(connection, "viewer", "acme"), team="acme"
        )
    ) == ("not_permitted")


def test_a_grant_that_is_withdrawn_holds_no_more(rights: Rights) -> None:
    ada = rights.person("Ada", "team_administrator@acme.billing")
    bob = rights.person("Bob", "viewer@acme.billing")
    grant = grants_of(rights.connection, bob.id)[0]
    withdraw_role(rights.connection, grant.id, by=ada)
    assert not allowed(rights.again("Bob"), SEE, "acme.billing").yes
    assert _reason(lambda: withdraw_role(rights.connection, grant.id, by=ada)) == "grant_unknown"


def test_nobody_withdraws_what_holds_more_than_they_do(rights: Rights) -> None:
    """Nor learns of grants at teams where they see no people."""
    ada = rights.person("Ada", "team_administrator@acme")
    rights.person("Root", "organisation_administrator@acme", "organisation_administrator@brick")
    above, foreign = grants_of(rights.connection, rights.people["Root"])
    assert _reason(lambda: withdraw_role(rights.connection, above.id, by=ada)) == "grant_exceeds_yours"
    assert _reason(lambda: withdraw_role(rights.connection, foreign.id, by=ada)) == "grant_unknown"


def test_a_grant_ends_by_itself(rights: Rights) -> None:
    bob = rights.person("Bob")
    role = find_role(rights.connection, "viewer", "acme")
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    give_role(rights.connection, by=ROOT, person_id=bob.id, role=role, team="acme", expires_at=soon)
    assert allowed(rights.again("Bob"), SEE, "acme").yes
    rights.connection.execute(text("update role_grant set expires_at = now()"))
    assert not allowed(rights.again("Bob"), SEE, "acme").yes
    over = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    assert (
        _reason(
            lambda: give_role(rights.connection, by=ROOT, person_id=bob.id, role=role, team="acme", expires_at=over)
        )
        == "grant_over"
    )


@pytest.mark.parametrize("team", ["acme", ""])
def test_the_last_administrator_stays(rights: Rights, team: str) -> None:
    """Withdrawn, ended by a date, or disabled: somebody is left who may give rights, for good."""
    connection = rights.connection
    ada = rights.person("Ada", f"organisation_administrator@{team}")
    (grant,) = grants_of(connection, ada.id)
    assert administered(connection) == {team}
    assert _reason(lambda: withdraw_role(connection, grant.id, by=ada)) == "last_administrator"


def test_an_administrator_may_go_when_another_is_there(rights: Rights) -> None:
    connection = rights.connection
    ada = rights.person("Ada", "organisation_administrator@acme")
    (grant,) = grants_of(connection, ada.id)
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    bob = rights.person("Bob", invited_by=ada)
    role = find_role(connection, "organisation_administrator", "acme")
    give_role(connection, by=ada, person_id=bob.id, role=role, team="acme", expires_at=soon)
    with connection.begin_nested() as savepoint:
        assert _reason(lambda: withdraw_role(connection, grant.id, by=ada)) == "last_administrator"  # Bob's ends
        savepoint.rollback()
    rights.person("Cid", "organisation_administrator@")
    withdraw_role(connection, grant.id, by=ada)


def test_two_administrators_cannot_withdraw_each_other_at_one_moment(rights: Rights, database: Engine) -> None:
    """The second waits for the first, and then sees that nobody would be left."""
    with rights.connection.begin_nested():
        pass
    rights.connection.commit()
    with database.connect() as first, database.connect() as second, keep_administrators(first):
        second.execute(text("set lock_timeout = '50ms'"))
        with pytest.raises(DBAPIError, match="lock timeout"), keep_administrators(second):
            pass


def test_own_roles_are_for_their_team_and_below(rights: Rights) -> None:
    connection = rights.connection
    ada = rights.person("Ada", "team_administrator@acme.billing")
    make_role(
        connection, by=ada, team="acme.billing", name="night_shift", title="Nacht", permissions=["campaign.control"]
    )
    assert find_role(connection, "night_shift", "acme.billing.north").team == "acme.billing"
    assert _reason(lambda: find_role(connection, "night_shift", "acme.care")) == "role_unknown"
    assert "night_shift" in [role.name for role in list_roles(connection, "acme.billing.north")]
    assert "night_shift" not in [role.name for role in list_roles(connection, "acme")]
    role = find_role(connection, "night_shift", "acme.billing")
    assert (
        _reason(lambda: give_role(connection, by=ROOT, person_id=ada.id, role=role, team="acme.care"))
        == "role_of_another_team"
    )
    for name, permissions, reason in (
        ("more", ["carrier.edit"], "grant_exceeds_yours"),
        ("night_shift", ["campaign.see"], "role_exists"),
        ("viewer", ["campaign.see"], "role_exists"),
        ("Night shift", ["campaign.see"], "role_name"),
        ("none", ["campaign.dance"], "permission_unknown"),
    ):
        assert reason == _reason(
            lambda name=name, permissions=permissions: make_role(
                connection, by=ada, team="acme.billing", name=name, title="x", permissions=permissions
            )
        )
    rights.person("Bob", "night_shift@acme.billing.north")
    assert _reason(lambda: remove_role(connection, role, by=ada)) == "role_in_use"


def test_who_can_and_why(rights: Rights) -> None:
    """The list for a team is what the decision says of each person, and nobody sees it without the right to see people."""
    connection = rights.connection
    ada = rights.person("Ada", "team_administrator@acme")
    rights.person("Bob", "viewer@acme.billing")
    rights.person("Cid", "viewer@acme.care", "operator@acme.billing")
    rights.person("Dan", "viewer@")
    found = who_can(connection, Permission.CAMPAIGN_CONTROL, "acme.billing.north", asks=ada)
    assert [(grant.name, grant.role, grant.team) for grant in found] == [
        ("Ada", "team_administrator", "acme"),
        ("Cid", "operator", "acme.billing"),
    ]
    page = who_can(connection, SEE, "acme.billing", asks=ada, limit=2)
    rest = who_can(connection, SEE, "acme.billing", asks=ada, after=(page[-1].name.lower(), page[-1].id))
    assert [grant.name for grant in (*page, *rest)] == ["Ada", "Bob", "Cid", "Dan"]
    decision = explain_access(connection, rights.people["Cid"], SEE, "acme.care")
    assert (decision.yes, [held.role for held in decision.by]) == (True, ["viewer"])
    assert explain_access(connection, rights.people["Bob"], SEE, "acme").why == "access_elsewhere"
    assert _reason(lambda: who_can(connection, SEE, "acme", asks=rights.again("Bob"))) == "not_permitted"


def test_a_providers_groups_give_and_take_only_what_they_gave(rights: Rights) -> None:
    connection = rights.connection
    provider = connection.execute(
        text("insert into identity_provider (name, issuer, client_id) values ('okta', 'https://x', 'c') returning id")
    ).scalar_one()
    by = product_principal("provider:okta")
    bob = rights.person("Bob", "viewer@acme")

    def keep(*wanted: tuple[str, str]) -> tuple[list[str], list[str]]:
        given, withdrawn = keep_provider_grants(connection, bob.id, provider, wanted, by=by)
        return [grant.role for grant in given], [grant.role for grant in withdrawn]

    assert keep(("viewer", "acme"), ("operator", "acme.care")) == (["operator"], [])
    assert keep(("viewer", "acme"), ("operator", "acme.care")) == ([], [])
    assert keep(("analyst", "")) == (["analyst"], ["operator"])
    assert [(grant.role, grant.origin) for grant in grants_of(connection, bob.id)] == [
        ("analyst", "provider"),
        ("viewer", "person"),
    ]
    assert f"provider:okta grant.withdrawn person:{bob.id}" in rights.audit()


def test_a_providers_groups_do_not_take_the_last_administrator(rights: Rights) -> None:
    connection = rights.connection
    provider = connection.execute(
        text("insert into identity_provider (name, issuer, client_id) values ('okta', 'https://x', 'c') returning id")
    ).scalar_one()
    by, bob = product_principal("provider:okta"), rights.person("Bob")
    keep_provider_grants(connection, bob.id, provider, [("organisation_administrator", "")], by=by)
    assert keep_provider_grants(connection, bob.id, provider, [], by=by) == ([], [])
    assert administered(connection) == {""}
    assert rights.audit()[-1] == f"provider:okta grant.kept person:{bob.id}"
