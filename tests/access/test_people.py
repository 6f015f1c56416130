"""People: invited with an attested age, disabled at once, seen by those who may, thousands of them."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from nightmail.access.access_links import LinkPurpose, read_link, use_link
from nightmail.access.first_administrator import begin_administration, offer_administration
from nightmail.access.people import (
    Invitation,
    activate,
    change_oneself,
    disable,
    enable,
    find_person,
    invite,
    invite_again,
    list_people,
    visible_person,
)
from nightmail.access.person_fields import LONGEST_NAME, checked_email, checked_name
from nightmail.errors import NightmailError
from tests.access.conftest import ROOT, Rights

SCRIPTS = ("Łukasz Ångström ", "Елена Ёлкина ", "محمد عبد الله ", "山田太郎 ", "ครรชิต ")


def _reason(call: object) -> str:
    assert callable(call)
    with pytest.raises(NightmailError) as caught:
        call()
    return caught.value.reason


def _invitation(**more: object) -> Invitation:
    values = {"email": "bob@example.com", "name": "Bob", "country": "DE", "of_age": True, "team": "acme.billing"}
    return Invitation(**(values | more))  # type: ignore[arg-type]


def test_from_an_invitation_to_a_person_who_may_do_something(rights: Rights) -> None:
    connection = rights.connection
    ada = rights.person("Ada", "team_administrator@acme.billing")
    person, token = invite(connection, _invitation(email="Bob@Example.COM", roles=("viewer", "analyst")), by=ada)
    assert (person.email, person.state, person.age_country) == ("bob@example.com", "invited", "DE")
    assert person.age_attested_by == ada.actor
    link = read_link(connection, token, LinkPurpose.INVITATION)
    assert link.person_id == person.id
    use_link(connection, link)
    activate(connection, person.id)
    assert _reason(lambda: activate(connection, person.id)) == "person_state"
    rights.people["Bob"] = person.id
    assert {held.role for held in rights.again("Bob").held} == {"viewer", "analyst"}
    assert f"{ada.actor} person.invited person:{person.id}" in rights.audit()
    assert _reason(lambda: invite(connection, _invitation(), by=ada)) == "person_exists"


def test_what_an_inviter_may_not(rights: Rights) -> None:
    """Invite to another team, give more than they hold, invite whom nobody attests to be of age."""
    ada = rights.person("Ada", "team_administrator@acme.billing")
    vic = rights.person("Vic", "viewer@acme.billing")

    def told(by: object, **more: object) -> str:
        return _reason(lambda: invite(rights.connection, _invitation(**more), by=by))  # type: ignore[arg-type]

    assert told(vic) == "not_permitted"
    assert told(ada, team="acme") == "not_permitted"
    assert told(ada, of_age=False) == "person_under_age"
    assert told(ada, country="Germany") == "person_country"
    assert told(ada, name=" ") == "person_name"
    assert told(ada, email="bob") == "person_email"
    assert told(ada, language="tlh") == "person_language"
    assert told(ada, time_zone="Mars/Olympus") == "person_time_zone"
    with rights.connection.begin_nested() as savepoint:
        assert told(ada, roles=("organisation_administrator",)) == "grant_exceeds_yours"
        savepoint.rollback()


def test_an_invitation_is_no_way_to_become_somebody_with_more_rights(rights: Rights) -> None:
    """A new link for a person who was invited with more than one holds would be their account."""
    connection = rights.connection
    ada = rights.person("Ada", "team_administrator@acme")
    chief, first = invite(connection, _invitation(team="acme", roles=("organisation_administrator",)), by=ROOT)
    assert _reason(lambda: invite_again(connection, chief.id, by=ada)) == "grant_exceeds_yours"
    assert _reason(lambda: disable(connection, chief.id, by=ada)) == "grant_exceeds_yours"
    second = invite_again(connection, chief.id, by=ROOT)
    assert read_link(connection, second, LinkPurpose.INVITATION).person_id == chief.id
    assert _reason(lambda: read_link(connection, first, LinkPurpose.INVITATION)) == "access_link_used"


def test_who_is_disabled_holds_nothing_and_their_links_are_void(rights: Rights) -> None:
    connection = rights.connection
    ada = rights.person("Ada", "team_administrator@acme")
    person, token = invite(connection, _invitation(roles=("viewer",)), by=ada)
    assert disable(connection, person.id, by=ada).state == "disabled"
    assert _reason(lambda: read_link(connection, token, LinkPurpose.INVITATION)) == "access_link_wrong"
    assert enable(connection, person.id, by=ada).state == "invited"
    bob = rights.person("Cid", "viewer@acme.care")
    connection.execute(text("update person set password_hash = 'x' where id = :id"), {"id": bob.id})
    disable(connection, bob.id, by=ada)
    assert rights.again("Cid").held == ()
    assert enable(connection, bob.id, by=ada).state == "active"
    assert len(rights.again("Cid").held) == 1


def test_the_last_administrator_is_not_disabled(rights: Rights) -> None:
    ada = rights.person("Ada", "organisation_administrator@")
    assert _reason(lambda: disable(rights.connection, ada.id, by=ada)) == "person_is_you"
    assert _reason(lambda: disable(rights.connection, ada.id, by=ROOT)) == "last_administrator"


def test_people_are_seen_where_they_have_a_role(rights: Rights) -> None:
    """One's own team and below, whom one invited, and oneself; another organisation's do not exist."""
    connection = rights.connection
    ada = rights.person("Ada", "team_administrator@acme.billing")
    rights.person("Bob", "viewer@acme.billing.north")
    rights.person("Cid", "viewer@brick.shop", "viewer@acme")
    rights.person("Dan", "viewer@acme.billing")
    new, _ = invite(connection, _invitation(email="eve@example.com", name="Eve"), by=ada)
    assert [person.name for person in list_people(connection, ada)] == ["Ada", "Bob", "Dan", "Eve"]
    assert [person.name for person in list_people(connection, ada, search="DA")] == ["Ada", "Dan"]
    assert [person.name for person in list_people(connection, ada, state="invited")] == ["Eve"]
    assert [person.name for person in list_people(connection, ada, team="acme.billing.north")] == ["Bob"]
    assert [person.name for person in list_people(connection, rights.again("Dan"))] == ["Dan"]
    assert len(list_people(connection, ROOT)) == 5
    assert visible_person(connection, new.id, by=ada).name == "Eve"
    for change in (disable, enable, invite_again, visible_person):
        assert _reason(lambda change=change: change(connection, rights.people["Cid"], by=ada)) == "person_unknown"


def test_names_of_any_script_up_to_a_stated_length() -> None:
    for script in SCRIPTS:
        name = (script * 100)[:500]
        with pytest.raises(NightmailError) as caught:
            checked_name(name)
        assert caught.value.reason == "person_name_long"
        assert f"{LONGEST_NAME} are taken" in caught.value.message
        taken = (script * 100)[:LONGEST_NAME].strip()
        assert len(checked_name(taken)) <= LONGEST_NAME
    assert checked_name("  Jose\u0301   Nu\u0301n\u0303ez ") == "José Núñez"
    for name in ("", "a\u0000b", "Bob\u202egnp.exe", "\ud800"):
        with pytest.raises(NightmailError) as caught:
            checked_name(name)
        assert caught.value.reason == "person_name"


@pytest.mark.parametrize(
    ("written", "kept"),
    [("Ada@EXAMPLE.com ", "ada@example.com"), ("ada@bücher.example", "ada@xn--bcher-kva.example")],
)
def test_addresses_are_kept_in_one_form(written: str, kept: str) -> None:
    assert checked_email(written) == kept


@pytest.mark.parametrize(
    "written",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "a da@example.com",
        "ada@example",
        "ada@a..b",
        "ada\n@b.de",
        "é@b.de",
        "a" * 65 + "@b.de",
        "a..b@c.de",
    ],
)
def test_what_is_no_address_is_refused(written: str) -> None:
    assert _reason(lambda: checked_email(written)) == "person_email"


def test_oneself(rights: Rights) -> None:
    ada = rights.person("Ada")
    changed = change_oneself(rights.connection, ada.id, name="Ada L.", language="de", time_zone="Europe/Berlin")
    assert (changed.name, changed.language, changed.time_zone) == ("Ada L.", "de", "Europe/Berlin")
    assert find_person(rights.connection, "ADA@example.com").id == ada.id
    assert find_person(rights.connection, str(ada.id)).email == "ada@example.com"
    assert _reason(lambda: find_person(rights.connection, "nobody@example.com")) == "person_unknown"


def test_the_first_administrator(rights: Rights) -> None:
    """A link as long as there is none; printed anew, the earlier one is void; who was invited before becomes it."""
    connection = rights.connection
    first = offer_administration(connection, by="user:root")
    second = offer_administration(connection, by="user:root")
    assert first and second
    purpose = LinkPurpose.FIRST_ADMINISTRATOR
    assert _reason(lambda: read_link(connection, first, purpose)) == "access_link_used"
    use_link(connection, read_link(connection, second, purpose))
    invite(connection, _invitation(email="ada@example.com", team="acme", roles=("viewer",)), by=ROOT)
    ada = begin_administration(connection, _invitation(email="Ada@example.com", name="Ada"), by="user:root")
    assert ada.state == "active"
    rights.people["Ada"] = ada.id
    assert {held.team for held in rights.again("Ada").held if held.role == "organisation_administrator"} == {""}
    assert offer_administration(connection, by="user:root") is None
    assert (
        _reason(lambda: begin_administration(connection, _invitation(email="eve@example.com"), by="user:root"))
        == "administrator_exists"
    )


def test_thousands_of_people_and_teams(rights: Rights) -> None:
    """5,000 people with 20,000 grants at 10,000 teams: each page in a bounded number of steps, all of them seen once."""
    connection = rights.connection
    ada = rights.person("Ada", "organisation_administrator@acme")
    connection.execute(
        text(
            "insert into team (parent_id, path, name) select :above, 'acme.t' || n, 't' || n from generate_series(1, 10000) n"
        ),
        {"above": rights.teams["acme"]},
    )
    connection.execute(
        text(
            "insert into person (email, name, state, created_by) "
            "select 'p' || n || '@example.com', 'Person ' || n % 100, 'active', 'user:root' from generate_series(1, 5000) n"
        )
    )
    connection.execute(
        text(
            "insert into role_grant (person_id, role_id, team_id, granted_by) "
            "select p.id, r.id, t.id, 'user:root' from generate_series(0, 19999) n "
            "join person p on p.email = 'p' || (n / 4 + 1) || '@example.com' "
            "join team t on t.path = 'acme.t' || (n % 10000 + 1) join role r on r.name = 'viewer'"
        )
    )
    connection.execute(text("analyze person, team, role_grant"))
    seen: list[int] = []
    after = None
    while page := list_people(connection, rights.again("Ada"), after=after, limit=500):
        seen += [person.id for person in page]
        after = page[-1].position
    assert len(seen) == len(set(seen)) == 5001
    assert ada.id in seen
    found = list_people(connection, ada, team="acme.t7", search="p2@")
    assert [person.email for person in found] == ["p2@example.com"]
