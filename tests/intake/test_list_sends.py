"""Campaigns from lists and segments: who is in them is kept, keeps its id, and goes the way of every file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from nightmail.access.principals import system_principal
from nightmail.campaigns.approval import approve
from nightmail.campaigns.authorship import authors_of
from nightmail.contacts.distribution_lists import Entry, change_entries, find_list, make_list
from nightmail.contacts.segments import find_segment, make_segment
from nightmail.errors import NightmailError
from nightmail.intake.list_sends import ListSend, register_list_send, take_list
from nightmail.organisation.feeds import FeedSettings
from nightmail.privacy import contact_ids
from nightmail.settings import settings
from nightmail.store.states import CampaignState
from tests.support.pipeline_rig import PHONES, PipelineRig

BY = system_principal("test")
TEAM = "acme.billing"
LONDON = {"on": "attribute", "name": "city", "test": "is_one_of", "value": ["London"]}


@pytest.fixture
def book(rig: PipelineRig) -> PipelineRig:
    """Eight contacts of the team: the even ones live in London; number 7 has a number that cannot be used."""
    key = settings().key()
    with rig.engine.begin() as connection:
        team = connection.scalar(text("select id from team where path = :path"), {"path": TEAM})
        for name, kind in (("city", "text"), ("amount", "money"), ("first_name", "text"), ("mobile", "text")):
            connection.execute(
                text(
                    "insert into contact_attribute (team_id, name, type, created_by) values (:team, :name, :kind, 'test')"
                ),
                {"team": team, "name": name, "kind": kind},
            )
        for number in range(8):
            attributes = {
                "city": "Leeds" if number % 2 else "London",
                "amount": 1000.25 + number,
                "first_name": f"Ann{number}",
                "mobile": "no number",
            }
            connection.execute(
                text(
                    "insert into contact (team_id, contact_id, external_id, phone, attributes) "
                    "values (:team, :contact, :external_id, :phone, cast(:attributes as jsonb))"
                ),
                {
                    "team": team,
                    "contact": contact_ids(TEAM, [f"C{number}"], key)[0],
                    "external_id": f"C{number}",
                    "phone": "+44" + ("12" if number == 7 else PHONES[number].replace(" ", "")[1:]),
                    "attributes": json.dumps(attributes),
                },
            )
    return rig


def contact(book: PipelineRig, number: int) -> int:
    """The number of a contact in the book."""
    return int(book.rows("select id from contact where external_id = :id", id=f"C{number}")[0]["id"])


def sent(book: PipelineRig, kind: str, name: str, **how: Any) -> ListSend:
    """The campaign of a list or segment, not prepared yet."""
    with book.engine.begin() as connection:
        version = connection.scalar(text("select max(id) from template_version"))
        file = take_list(connection, TEAM, kind, name, settings().incoming_dir)
        return register_list_send(connection, TEAM, int(version or 0), file, by=BY, **how)


def test_a_list_becomes_a_campaign_whose_rows_reconcile(book: PipelineRig) -> None:
    """Placeholders are filled from attributes, ids are the book's, a bad number is a reject, and excluding wins."""
    with book.engine.begin() as connection:
        segment = make_segment(connection, by=BY, team=TEAM, name="London", rule=LONDON)
        excluded = make_list(
            connection, by=BY, team=TEAM, name="Complained", entries=[Entry("contact", contact(book, 2))]
        )
        wanted = [
            Entry("segment", segment.id),
            *(Entry("contact", contact(book, number)) for number in (1, 2, 7)),
            Entry("list", excluded.id, excluded=True),
        ]
        make_list(connection, by=BY, team=TEAM, name="Customers", entries=wanted)
    made = sent(book, "list", "customers").campaign
    book.prepare(made)
    campaign = book.campaign(made)
    assert campaign.problem is None
    assert {name: campaign.counts[name] for name in ("rows", "rejects", "duplicates", "contacts", "planned", "held")} == {
        "rows": 5, "rejects": 1, "duplicates": 0, "contacts": 4, "planned": 4, "held": 0,
    }  # fmt: skip
    audience = book.table("audience", campaign)
    key = settings().key()
    assert audience["contact_id"].to_pylist() == contact_ids(TEAM, ["C0", "C1", "C4", "C6"], key)
    bodies = book.table("messages", campaign)["body"].to_pylist()
    assert bodies[0] == "Dear Ann0, €1,000.25 is due."
    kept = book.rows("select kind, name, contacts, definition from campaign_list")[0]
    assert (kept["kind"], kept["name"], kept["contacts"]) == ("list", "Customers", 5)
    assert [each["name"] for each in kept["definition"]["lists"]] == ["Complained", "Customers"]


def test_a_contact_of_another_team_keeps_its_own_id(book: PipelineRig) -> None:
    """What the id of the owner's book says goes into the audience, whatever the sending team would have made of it.

    What somebody refused to the sending team holds, whatever they chose with the team above.
    """
    foreign = contact_ids("acme", ["C0"], settings().key())[0]
    book.change("update contact set contact_id = :id where external_id = 'C0'", id=foreign)
    with book.engine.begin() as connection:
        make_segment(connection, by=BY, team=TEAM, name="London", rule=LONDON)
    made = sent(book, "segment", "London").campaign
    book.change(
        "insert into preference (team_id, contact_id, categories_out) select team_id, contact_id, '{billing}' from contact "
        "where external_id = 'C0'"
    )
    book.change(
        "insert into preference (team_id, contact_id, channels) select t.id, c.contact_id, '{sms}' from contact c, team t "
        "where c.external_id = 'C0' and t.path = 'acme'"
    )
    book.prepare(made)
    audience = book.table("audience", made).to_pylist()
    assert audience[0]["contact_id"] == foreign
    assert (audience[0]["state"], audience[0]["reason"]) == ("held", "category_opted_out")
    assert {row["state"] for row in audience[1:]} == {"planned"}


def test_the_campaign_keeps_the_list_as_it_was(book: PipelineRig) -> None:
    """Contacts that join, leave or change between the order and its preparation change nothing of what is sent."""
    with book.engine.begin() as connection:
        made = make_list(connection, by=BY, team=TEAM, name="Two", entries=[Entry("contact", contact(book, 0))])
    campaign = sent(book, "list", "Two").campaign
    with book.engine.begin() as connection:
        change_entries(connection, made, add=[Entry("contact", contact(book, 1))], by=BY)
        connection.execute(text("update contact set phone = '+447400100999' where external_id = 'C0'"))
    book.prepare(campaign)
    messages = book.table("messages", campaign).to_pylist()
    assert [row["address"] for row in messages] == ["+447400100000"]


def test_who_changed_the_list_does_not_approve_what_is_sent_to_it(book: PipelineRig) -> None:
    """Whom a campaign goes to is made by those who changed its list, the lists in it and their segments."""
    people = {name: system_principal(name) for name in ("ann", "ben", "cleo", "dan")}
    with book.engine.begin() as connection:
        segment = make_segment(connection, by=people["ann"], team=TEAM, name="London", rule=LONDON)
        inner = make_list(connection, by=people["ben"], team=TEAM, name="In", entries=[Entry("segment", segment.id)])
        make_list(connection, by=people["cleo"], team=TEAM, name="Out", entries=[Entry("list", inner.id)])
        make_list(connection, by=people["dan"], team=TEAM, name="Another")
    campaign = sent(book, "list", "Out").campaign
    with book.engine.begin() as connection:
        authors = authors_of(connection, campaign)
    assert {people[name].actor for name in ("ann", "ben", "cleo")} < authors
    assert people["dan"].actor not in authors


def test_an_approval_is_bound_to_whom_the_list_had(book: PipelineRig) -> None:
    """What waits for approval is the audience that was resolved: the list may change, what is approved does not."""
    with book.engine.begin() as connection:
        made = make_list(connection, by=BY, team=TEAM, name="Two", entries=[Entry("contact", contact(book, 0))])
    four_eyes = FeedSettings.model_validate({"approval": {"four_eyes": {"always": True}}})
    campaign = sent(book, "list", "Two", settings=four_eyes).campaign
    book.prepare(campaign)
    assert book.campaign(campaign).state == CampaignState.AWAITING_APPROVAL
    bound = book.rows("select bound -> 'audience' as audience, hash from approval")[0]
    assert bound["audience"]["contacts"] == 1
    with book.engine.begin() as connection:
        change_entries(connection, made, add=[Entry("contact", contact(book, 1))], by=BY)
    with pytest.raises(NightmailError) as refused:
        approve(book.engine, campaign.key, actor=BY.actor, principal=BY)
    assert refused.value.reason == "approval_by_another"
    approved = approve(
        book.engine, campaign.key, actor="user:another", principal=system_principal("another"), seen=bound["hash"]
    )
    assert approved.state in (CampaignState.SENDING, CampaignState.READY)
    assert book.table("audience", campaign).num_rows == 1


def test_the_same_contacts_are_not_sent_to_twice_by_mistake(book: PipelineRig) -> None:
    with book.engine.begin() as connection:
        make_segment(connection, by=BY, team=TEAM, name="London", rule=LONDON)
    first = sent(book, "segment", "London")
    assert sent(book, "segment", "London") == ListSend("repeated", first.campaign)
    assert sent(book, "segment", "London", again=True).state == "taken"
    book.change("update contact set attributes = attributes || '{\"amount\": 5}' where external_id = 'C0'")
    assert sent(book, "segment", "London").state == "taken"


def test_another_audience_than_was_looked_at_is_not_sent_to(book: PipelineRig) -> None:
    with book.engine.begin() as connection:
        make_segment(connection, by=BY, team=TEAM, name="London", rule=LONDON)
        looked_at = take_list(connection, TEAM, "segment", "London", settings().incoming_dir)
    book.change("update contact set attributes = attributes || '{\"city\": \"London\"}' where external_id = 'C1'")
    seen = (looked_at.sha256, looked_at.contacts)
    with pytest.raises(NightmailError) as refused:
        sent(book, "segment", "London", seen=seen)
    assert refused.value.reason == "list_audience_changed"
    assert (refused.value.fields["then"], refused.value.fields["now"]) == (4, 5)
    assert book.rows("select * from campaign") == []


def test_a_file_cannot_say_whose_contact_a_row_is(book: PipelineRig) -> None:
    """A column like the book's in an uploaded file is a column like any other: nobody's opt-out is passed by."""
    victim = contact_ids(TEAM, ["C1"], settings().key())[0]
    content = f"external_id,phone,first_name,amount,contact_id\nX9,{PHONES[3]},Ann,5.00,{victim}\n"
    campaign = book.prepared(content, mapping={"contact_id": "contact_id", "external_id": "external_id"})
    assert campaign.counts["contacts"] == 1
    assert book.table("audience", campaign)["contact_id"].to_pylist() == contact_ids(TEAM, ["X9"], settings().key())


def test_nobody_is_no_audience(book: PipelineRig) -> None:
    with book.engine.begin() as connection:
        make_list(connection, by=BY, team=TEAM, name="Empty")
    with pytest.raises(NightmailError) as refused:
        sent(book, "list", "Empty")
    assert refused.value.reason == "list_nobody"
    assert not list(Path(settings().incoming_dir).rglob("*.parquet"))


def test_what_is_unknown_names_what_there_is(book: PipelineRig) -> None:
    with book.engine.begin() as connection:
        make_segment(connection, by=BY, team=TEAM, name="London", rule=LONDON)
        make_list(connection, by=BY, team=TEAM, name="Customers")
        for find in (find_list, find_segment):
            with pytest.raises(NightmailError) as refused:
                find(connection, TEAM, "Nobody")
            assert refused.value.fields["known"] in ("Customers", "London")
