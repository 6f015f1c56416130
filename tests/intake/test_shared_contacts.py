"""Contacts that a team shares with those below it: from the organisation file to a list's campaign and a single message there."""

from __future__ import annotations

import pytest

from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal, person_principal
from nightmail.contacts.contact_changes import define_attribute, make_contact
from nightmail.contacts.contact_listing import ContactFilter, ContactRow, list_contacts
from nightmail.contacts.distribution_lists import Entry, find_list, make_list
from nightmail.errors import NightmailError, UsageError
from nightmail.intake.list_sends import register_list_send, take_list
from nightmail.intake.messages_to_contacts import feeds_to_contact, may_write_to, message_contact
from nightmail.organisation.stored_feeds import feed_by_name
from nightmail.settings import settings
from tests.portal.web.people import MACHINE, make_person
from tests.support.pipeline_rig import ORGANISATION, PHONES, PipelineRig

TEAM = "acme.billing"
SHARED = ORGANISATION.replace("  teams: [{", "  settings: {shares_contacts: true}\n  teams: [{", 1)


def _share(rig: PipelineRig) -> None:
    assert SHARED != ORGANISATION
    rig.provision(SHARED)


@pytest.fixture
def contacts(rig: PipelineRig) -> list[ContactRow]:
    """Three contacts of the team above, in a list there."""
    key = settings().key()
    with rig.engine.begin() as connection:
        define_attribute(connection, by=MACHINE, team="acme", name="amount", type_="number", label="Amount")
        made = [
            make_contact(
                connection,
                by=MACHINE,
                team="acme",
                stated={"external_id": f"C{number}", "phone": PHONES[number], "country": "GB"},
                attributes={"amount": "12.50"},
                key=key,
            )
            for number in range(3)
        ]
        make_list(
            connection, by=MACHINE, team="acme", name="Customers", entries=[Entry("contact", each.id) for each in made]
        )
    return made


def _dispatcher(rig: PipelineRig) -> Principal:
    number = make_person(rig.engine, role="dispatcher", team=TEAM)
    with rig.engine.connect() as connection:
        return person_principal(connection, number)


def _refuses(rig: PipelineRig, contact: ContactRow) -> None:
    """The contact chooses with the team above not to get such messages."""
    rig.change(
        "insert into preference (team_id, contact_id, categories_out) values (:team, :contact, '{billing}')",
        team=contact.team_id,
        contact=contact.contact_id,
    )


def test_the_file_shares_them_with_the_team_below(rig: PipelineRig, contacts: list[ContactRow]) -> None:
    """The team below sees nothing before, and everything after; a list's campaign has whom the list has, by their own ids."""
    by = _dispatcher(rig)
    seen = ContactFilter([TEAM])
    with rig.engine.begin() as connection:
        assert list_contacts(connection, seen, limit=9) == []
        with pytest.raises(UsageError):
            find_list(connection, TEAM, "Customers")
    _share(rig)
    _refuses(rig, contacts[1])
    with rig.engine.begin() as connection:
        assert {each.contact_id for each in list_contacts(connection, seen, limit=9)} == {
            each.contact_id for each in contacts
        }
        file = take_list(connection, TEAM, "list", "Customers", settings().incoming_dir)
        version = int(rig.rows("select max(id) as id from template_version")[0]["id"])
        made = register_list_send(connection, TEAM, version, file, by=by).campaign
    rig.prepare(made)
    audience = {row["contact_id"]: row for row in rig.table("audience", rig.campaign(made)).to_pylist()}
    assert set(audience) == {each.contact_id for each in contacts}
    states = [(audience[each.contact_id]["state"], audience[each.contact_id]["reason"]) for each in contacts]
    assert states[1] == ("held", "category_opted_out"), "what was refused to the team above holds below"
    rig.provision(ORGANISATION.replace("  teams: [{", "  settings: {shares_contacts: false}\n  teams: [{", 1))
    with rig.engine.begin() as connection:
        assert list_contacts(connection, seen, limit=9) == []
        with pytest.raises(NightmailError):
            take_list(connection, TEAM, "list", "Customers", settings().incoming_dir)


@pytest.mark.parametrize("refused", [False, True])
def test_a_message_to_one_of_them_keeps_their_id(rig: PipelineRig, contacts: list[ContactRow], refused: bool) -> None:
    """By a feed of the team below, as a campaign that nobody joins; what the contact chose with the team above holds."""
    by = _dispatcher(rig)
    _share(rig)
    if refused:
        _refuses(rig, contacts[0])
    with rig.engine.begin() as connection:
        (contact,) = [
            each for each in list_contacts(connection, ContactFilter([TEAM]), limit=9) if each.external_id == "C0"
        ]
        (feed,) = feeds_to_contact(connection, contact, by=by)
        assert feed.full_name == f"{TEAM}/invoices"
        row = feed_by_name(connection, TEAM, "invoices")
        values = {"amount": "12.00", "contact_id": "ff" * 16}
        joined = message_contact(connection, row, contact, values, by=by, window_s=60)
        other = message_contact(connection, row, contact, values, by=by, window_s=60)
    assert joined.campaign.of_book and joined.campaign.key != other.campaign.key
    rig.prepare(joined.campaign)
    done = rig.campaign(joined.campaign)
    (held,) = rig.table("audience", done).to_pylist()
    assert held["contact_id"] == contact.contact_id
    assert held["reason"] == ("category_opted_out" if refused else None)
    assert rig.table("messages", done).num_rows == (0 if refused else 1)


def test_what_is_not_shared_is_not_written_to(rig: PipelineRig, contacts: list[ContactRow]) -> None:
    """Without the setting, or the right to send below, there is no feed; a call past the page is refused too."""
    by = _dispatcher(rig)
    with rig.engine.begin() as connection:
        assert feeds_to_contact(connection, contacts[0], by=by) == []
        with pytest.raises(UsageError):
            feed = feed_by_name(connection, TEAM, "invoices")
            message_contact(connection, feed, contacts[0], {"amount": "1.00"}, by=by, window_s=60)
    _share(rig)
    reader = make_person(rig.engine, Permission.CONTACT_SEE, Permission.PERSONAL_SEE, team=TEAM)
    with rig.engine.begin() as connection:
        shared = next(iter(list_contacts(connection, ContactFilter([TEAM]), limit=9)))
        assert not may_write_to(shared, person_principal(connection, reader))
        assert may_write_to(shared, by)
