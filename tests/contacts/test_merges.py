"""Duplicates: which are proposed, what a merge leaves, the way back, and what it never does."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from nightmail.consent.merges import merge, undo_merge
from nightmail.contacts.contact_changes import add_note, add_tags, change_contact, define_attribute, set_addresses
from nightmail.contacts.contact_listing import (
    ContactRow,
    addresses_of,
    find_contact,
    further_of,
    notes_of,
    tags_of,
)
from nightmail.contacts.duplicates import Proposal, proposals
from nightmail.contacts.groups import add_members, make_group, members_of
from nightmail.contacts.merges import find_merge, keep_apart, list_merges
from nightmail.errors import NightmailError, UsageError
from tests.contacts.conftest import KEY, Book, holder


def _pair(book: Book) -> tuple[ContactRow, ContactRow]:
    define_attribute(book.connection, by=book.ada, team="acme.billing", name="tariff", type_="text")
    one = book.add(external_id="C-1", name="Anna Schmidt", phone="0151 2345 6789", language="de")
    other = book.add(
        external_id="C-2",
        name="Anna Schmitt",
        phone="0151 2345 6780",
        email="anna@example.com",
        country="DE",
        attributes={"tariff": "green"},
    )
    return one, other


def _state(book: Book, number: int) -> dict[str, Any]:
    row = find_contact(book.connection, book.ada, number)
    further = further_of(book.connection, [number]).get(number, {})
    return {
        **row.fields(),
        "attributes": row.attributes,
        "addresses": addresses_of(row, further),
        "tags": tags_of(book.connection, [number]),
        "notes": [note.text for note in notes_of(book.connection, number)],
        "groups": book.connection.scalars(
            text("select group_id from contact_group_member where contact_id = :id"), {"id": number}
        ).all(),
        "removed": row.removed_at is not None,
        "hashes": book.connection.scalar(text("select address_hashes from contact where id = :id"), {"id": number}),
        "keys": book.connection.scalar(text("select keys from contact_search where contact_id = :id"), {"id": number}),
    }


def test_the_same_address_and_near_names_are_proposed_once_and_until_somebody_decides(book: Book) -> None:
    one, other = _pair(book)
    spouse = book.add(external_id="C-3", name="Ben Schmidt", phone="0151 2345 6789")
    book.add("acme.care", external_id="C-4", name="Anna Schmidt", phone="0151 2345 6789")
    turned = book.add(external_id="C-5", name="SCHMIDT Anna", birth_date="1990-05-17")
    book.add(external_id="C-6", name="Hanna Schwarz", birth_date="1990-05-17")
    found = proposals(book.connection, one.team_id)
    assert found[0] == Proposal(one.id, spouse.id, "same_address", 100)
    pairs = {(each.first_id, each.second_id) for each in found[1:]}
    assert pairs == {(one.id, other.id), (one.id, turned.id), (other.id, turned.id)}
    keep_apart(book.connection, one, spouse, by=book.ada)
    assert (one.id, spouse.id) not in {
        (each.first_id, each.second_id) for each in proposals(book.connection, one.team_id)
    }


def test_a_merge_loses_nothing_and_its_way_back_restores_both(book: Book) -> None:
    """Values, addresses, tags, notes, groups and what the search finds them by."""
    one, other = _pair(book)
    group = make_group(book.connection, by=book.ada, team="acme.billing", name="Board")
    add_members(book.connection, group, [other.id], by=book.ada)
    add_tags(book.connection, one, ["vip"], by=book.ada)
    add_tags(book.connection, other, ["vip", "berlin"], by=book.ada)
    add_note(book.connection, other, "Rang on Monday", by=book.ada)
    one, other = (find_contact(book.connection, book.ada, each.id) for each in (one, other))
    before = {each.id: _state(book, each.id) for each in (one, other)}
    after, number = merge(book.connection, one, other, by=book.ada, key=KEY)
    joined = _state(book, after.id)
    assert (after.name, after.country, after.language, after.attributes) == (
        "Anna Schmidt",
        "DE",
        "de",
        {"tariff": "green"},
    )
    assert joined["addresses"] == {
        "phone": ["+4915123456789", "+4915123456780"],
        "landline": [],
        "email": ["anna@example.com"],
    }
    assert (joined["tags"][one.id], joined["notes"], joined["groups"]) == (
        ["berlin", "vip"],
        ["Rang on Monday"],
        [group.id],
    )
    assert find_contact(book.connection, book.ada, other.id).removed_at is not None
    assert [row.id for row in members_of(book.connection, group)] == [one.id]
    undo_merge(book.connection, find_merge(book.connection, book.ada, number), by=book.ada, key=KEY)
    assert {each.id: _state(book, each.id) for each in (one, other)} == before
    (row,) = list_merges(book.connection, ("acme",))
    assert (row.undone_by, row.id) == ("person:7", number)
    with pytest.raises(UsageError) as caught:
        undo_merge(book.connection, row, by=book.ada, key=KEY)
    assert caught.value.reason == "merge_not_undone"


def test_what_was_changed_since_a_merge_is_not_undone(book: Book) -> None:
    """The change would be lost."""
    one, other = _pair(book)
    after, number = merge(book.connection, one, other, by=book.ada, key=KEY)
    change_contact(book.connection, after, by=book.ada, stated={"name": "Anna Meyer"}, key=KEY)
    with pytest.raises(UsageError) as caught:
        undo_merge(book.connection, find_merge(book.connection, book.ada, number), by=book.ada, key=KEY)
    assert caught.value.reason == "merge_not_undone"


def test_two_of_two_teams_are_never_one(book: Book) -> None:
    one, _ = _pair(book)
    away = book.add("acme.care", external_id="C-1", name="Anna Schmidt")
    for pair, by, reason in (
        ((one, away), book.ada, "merge_of_two_teams"),
        ((one, one), book.ada, "merge_of_one"),
        ((one, away), holder("acme.care"), "not_permitted"),
    ):
        with pytest.raises(NightmailError) as caught:
            merge(book.connection, *pair, by=by, key=KEY)
        assert caught.value.reason == reason
    assert list_merges(book.connection, ("acme",)) == []


def test_what_somebody_chose_before_statements_were_kept_is_not_lost_in_a_merge(book: Book) -> None:
    """A topic they left."""
    one, other = _pair(book)
    book.connection.execute(
        text("insert into preference (team_id, contact_id, categories_out) values (:team, :contact, '{news}')"),
        {"team": other.team_id, "contact": other.contact_id},
    )
    _, number = merge(book.connection, one, other, by=book.ada, key=KEY)
    out = "select contact_id from preference where categories_out = '{news}'"
    assert set(book.connection.scalars(text(out))) == {one.contact_id, other.contact_id}
    undo_merge(book.connection, find_merge(book.connection, book.ada, number), by=book.ada, key=KEY)
    assert book.connection.scalars(text(out)).all() == [other.contact_id]


def test_a_merge_of_what_changed_since_it_was_looked_at_is_refused(book: Book) -> None:
    one, other = _pair(book)
    set_addresses(book.connection, other, "email", ["a@example.com"], by=book.ada, key=KEY)
    with pytest.raises(UsageError) as caught:
        merge(book.connection, one, other, by=book.ada, key=KEY)
    assert caught.value.reason == "contact_changed_since"
