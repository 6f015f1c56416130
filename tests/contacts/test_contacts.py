"""The address book: what is kept of a contact, who sees it, how it is found, and what became of it."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from nightmail.access.permissions import Permission
from nightmail.access.principals import system_principal
from nightmail.contacts.contact_changes import (
    MOST_ADDRESSES,
    MOST_TAGS,
    add_address,
    add_note,
    add_tags,
    change_contact,
    define_attribute,
    remove_note,
    remove_tag,
    set_addresses,
    set_removed,
)
from nightmail.contacts.contact_listing import (
    ContactFilter,
    addresses_of,
    changes_of,
    find_contact,
    further_of,
    list_contacts,
    notes_of,
    search_contacts,
    sees_contact_personal,
    tags_of,
)
from nightmail.contacts.distribution_lists import Entry, make_list, remove_list
from nightmail.contacts.groups import (
    add_members,
    change_group,
    find_group,
    list_groups,
    make_group,
    members_of,
    remove_group,
    remove_members,
    whom_lines_mean,
)
from nightmail.contacts.search_hashes import has_words, stored_hashes, wanted_hashes, wanted_words
from nightmail.contacts.segments import make_segment, remove_segment
from nightmail.errors import NightmailError, UsageError
from nightmail.privacy.hashes import contact_ids
from tests.contacts.conftest import KEY, Book, holder

MACHINE = system_principal("test")
PERSON = {"external_id": "C-1", "name": "Zoë Müller", "phone": "0151 2345 6789", "email": "Zoe@Example.com"}
REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "nobody": ({"name": "Nobody"}, {}, "contact_field_invalid"),
    "a birth date in the future": ({**PERSON, "birth_date": "2999-01-01"}, {}, "contact_field_invalid"),
    "a birth date that is none": ({**PERSON, "birth_date": "2001-02-29"}, {}, "contact_field_invalid"),
    "a zone that does not exist": ({**PERSON, "time_zone": "Mars/Base"}, {}, "time_zone_unknown"),
    "a country that does not exist": ({**PERSON, "country": "Atlantis"}, {}, "country_unknown"),
    "a language that is none": ({**PERSON, "language": "???"}, {}, "language_unknown"),
    "a number that is none": ({**PERSON, "phone": "0151"}, {}, "phone_invalid"),
    "an address that is none": ({**PERSON, "email": "zoe@"}, {}, "email_invalid"),
    "a field that is none": ({**PERSON, "shoe": "42"}, {}, "contact_field_invalid"),
    "a sign that nobody sees": ({**PERSON, "name": "Zoë\x00"}, {}, "contact_field_invalid"),
    "a name without end": ({**PERSON, "name": "Z" * 201}, {}, "contact_field_invalid"),
    "an attribute of nobody": (PERSON, {"shoe": "42"}, "contact_field_invalid"),
    "a number in words": (PERSON, {"balance": "ten"}, "contact_field_invalid"),
    "a number beyond all": (PERSON, {"balance": "1e999"}, "contact_field_invalid"),
    "a day that is none": (PERSON, {"since": "31.12.2026"}, "contact_field_invalid"),
    "neither yes nor no": (PERSON, {"staff": "perhaps"}, "contact_field_invalid"),
}


def _attributes(book: Book, team: str = "acme.billing") -> None:
    for name, kind in (("tariff", "text"), ("balance", "number"), ("since", "date"), ("staff", "boolean")):
        define_attribute(book.connection, by=book.ada, team=team, name=name, type_=kind)


@pytest.mark.parametrize(("stated", "attributes", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_refused_by_its_reason(
    book: Book, stated: dict[str, Any], attributes: dict[str, Any], reason: str
) -> None:
    """Nothing is made of it."""
    _attributes(book)
    with pytest.raises(NightmailError) as caught:
        book.add(attributes=attributes, **stated)
    assert caught.value.reason == reason
    assert list_contacts(book.connection, ContactFilter(("acme",)), limit=5) == []


def test_a_contact_is_kept_normalised_with_the_id_that_campaigns_use(book: Book) -> None:
    """Its id is that of the same row in a contact file of the team: preferences and consents meet both."""
    _attributes(book, "acme")
    made = book.add(
        **PERSON, birth_date="1990-05-17", attributes={"balance": "12.50", "since": "2026-01-31", "staff": "yes"}
    )
    assert made.contact_id == contact_ids("acme.billing", ["C-1"], KEY)[0]
    assert (made.phone, made.email, made.birth_date) == ("+4915123456789", "Zoe@example.com", dt.date(1990, 5, 17))
    assert made.attributes == {"balance": 12.5, "since": "2026-01-31", "staff": True}
    with pytest.raises(UsageError, match="external id already"):
        book.add(**PERSON)
    assert book.add("acme.care", **PERSON).contact_id != made.contact_id
    without = book.add(phone="0151 2345 6780")
    assert (without.external_id, without.contact_id) == (
        "+4915123456780",
        contact_ids("acme.billing", ["+4915123456780"], KEY)[0],
    )


def test_a_change_keeps_what_was_who_did_it_and_where_a_value_is_from(book: Book) -> None:
    """And one that was made in between is not overwritten."""
    made = book.add(**PERSON)
    changed = change_contact(
        book.connection, made, by=book.ada, stated={"name": "Zoë Meyer", "phone": ""}, source="import:3", key=KEY
    )
    assert (changed.name, changed.phone, changed.email) == ("Zoë Meyer", None, "Zoe@example.com")
    newest, first = changes_of(book.connection, made.id)
    assert newest.changes == {"name": ["Zoë Müller", "Zoë Meyer"], "phone": ["+4915123456789", None]}
    assert (newest.changed_by, newest.source, newest.action, first.action) == (
        "person:7",
        "import:3",
        "changed",
        "made",
    )
    kept = book.connection.execute(text("select source, sources from contact")).one()
    assert (kept.source, kept.sources) == ("person", {"name": "import:3", "phone": "import:3"})
    with pytest.raises(UsageError) as caught:
        change_contact(book.connection, made, by=book.ada, stated={"name": "Zoë Schmidt"}, key=KEY)
    assert caught.value.reason == "contact_changed_since"
    assert change_contact(book.connection, changed, by=book.ada, stated={"name": "Zoë Meyer"}, key=KEY) == changed
    with pytest.raises(UsageError) as caught:
        change_contact(book.connection, changed, by=book.ada, stated={"external_id": "C-2"}, key=KEY)
    assert caught.value.reason == "contact_field_invalid"
    entries = book.connection.scalars(text("select detail::text from audit where action like 'contact.%'")).all()
    assert len(entries) == 2
    assert not [entry for entry in entries if "Zoë" in entry or "+49" in entry or "@" in entry]


def test_a_contact_has_several_addresses_in_an_order(book: Book) -> None:
    """The first ones are those that a campaign takes; all of them find it."""
    made = book.add(**PERSON)
    for written in ("0151 2345 6780", "0151 2345 6781"):
        made = add_address(book.connection, made, "phone", written, by=book.ada, key=KEY)
    assert (made.phone, made.phone_2) == ("+4915123456789", "+4915123456780")
    further = further_of(book.connection, [made.id])[made.id]
    assert addresses_of(made, further)["phone"] == ["+4915123456789", "+4915123456780", "+4915123456781"]
    assert [found.id for found in _found(book, "6781")] == [made.id]
    made = set_addresses(book.connection, made, "phone", ["+4915123456781", "+4915123456789"], by=book.ada, key=KEY)
    assert (made.phone, made.phone_2, further_of(book.connection, [made.id])) == (
        "+4915123456781",
        "+4915123456789",
        {},
    )
    assert not _found(book, "6780")
    with pytest.raises(UsageError, match="has it already"):
        add_address(book.connection, made, "email", "ZOE@example.com", by=book.ada, key=KEY)
    many = [f"zoe{number}@example.com" for number in range(MOST_ADDRESSES)]
    with pytest.raises(UsageError) as caught:
        set_addresses(book.connection, made, "email", many, by=book.ada, key=KEY)
    assert caught.value.reason == "contact_addresses_too_many"


def test_who_is_removed_is_in_no_list_and_comes_back_as_they_were(book: Book) -> None:
    made = book.add(**PERSON)
    add_tags(book.connection, made, ["vip"], by=book.ada)
    made = find_contact(book.connection, book.ada, made.id)
    gone = set_removed(book.connection, made, by=book.ada, removed=True)
    assert list_contacts(book.connection, ContactFilter(("acme",)), limit=5) == _found(book, "Zoë") == []
    for change in (
        lambda: change_contact(book.connection, gone, by=book.ada, stated={"name": "X"}, key=KEY),
        lambda: add_tags(book.connection, gone, ["x"], by=book.ada),
        lambda: add_note(book.connection, gone, "x", by=book.ada),
    ):
        with pytest.raises(UsageError) as caught:
            change()
        assert caught.value.reason == "contact_removed"
    back = set_removed(book.connection, gone, by=book.ada, removed=False)
    assert back.fields() == made.fields()
    assert [row.id for row in _found(book, "zoe muller")] == [made.id]
    assert tags_of(book.connection, [made.id]) == {made.id: ["vip"]}


def test_tags_and_notes_come_and_go(book: Book) -> None:
    made = book.add(**PERSON)
    assert add_tags(book.connection, made, ["vip", "vip", "berlin"], by=book.ada) == ["berlin", "vip"]
    made = find_contact(book.connection, book.ada, made.id)
    assert add_tags(book.connection, made, ["vip"], by=book.ada) == []
    assert remove_tag(book.connection, made, "berlin", by=book.ada)
    made = find_contact(book.connection, book.ada, made.id)
    assert not remove_tag(book.connection, made, "berlin", by=book.ada)
    assert [row.id for row in list_contacts(book.connection, ContactFilter(("acme",), tag="vip"), limit=5)] == [made.id]
    assert list_contacts(book.connection, ContactFilter(("acme",), tag="berlin"), limit=5) == []
    for wrong in ([""], ["a,b"], ["x" * 61], [f"t{number}" for number in range(MOST_TAGS + 1)]):
        with pytest.raises(UsageError):
            add_tags(book.connection, made, wrong, by=book.ada)
    number = add_note(book.connection, made, "Rang on Monday.\nCalls back.", by=book.ada)
    assert [(note.text, note.created_by) for note in notes_of(book.connection, made.id)] == [
        ("Rang on Monday.\nCalls back.", "person:7")
    ]
    assert remove_note(book.connection, made, number, by=book.ada)
    assert notes_of(book.connection, made.id) == []


SEEN = {
    "the owner": ("acme.billing", False, True, True),
    "the team above": ("acme", False, True, True),
    "a sibling": ("acme.care", False, False, False),
    "a sibling where the team shares": ("acme.care", True, False, False),
    "the team below": ("acme.billing.north", False, False, False),
    "the team below where the team shares": ("acme.billing.north", True, True, False),
}


@pytest.mark.parametrize(("at", "shares", "seen", "changed"), SEEN.values(), ids=SEEN)
def test_a_contact_is_seen_by_its_team_those_above_and_those_it_is_shared_with(
    book: Book, at: str, shares: bool, seen: bool, changed: bool
) -> None:
    """To be shared is to be used, and not to be changed."""
    made = book.add(**PERSON)
    settings = '{"shares_contacts": true}' if shares else "{}"
    book.connection.execute(
        text("update team set settings = cast(:settings as jsonb) where path = 'acme.billing'"), {"settings": settings}
    )
    reader = holder(at)
    listed = list_contacts(book.connection, ContactFilter((at,)), limit=5)
    searched = search_contacts(book.connection, ContactFilter((at,)), "zoe", key=KEY, limit=5)
    assert [row.id for row in listed] == [row.id for row in searched] == ([made.id] if seen else [])
    if not seen:
        with pytest.raises(UsageError) as unknown:
            find_contact(book.connection, reader, made.id)
        assert unknown.value.reason == "contact_unknown"
        return
    found = find_contact(book.connection, reader, made.id)
    assert not sees_contact_personal(reader, found)
    assert sees_contact_personal(holder(at, Permission.PERSONAL_SEE), found)
    if changed:
        change_contact(book.connection, found, by=reader, stated={"name": "Zoë"}, key=KEY)
    else:
        with pytest.raises(NightmailError) as caught:
            change_contact(book.connection, found, by=reader, stated={"name": "Zoë"}, key=KEY)
        assert caught.value.reason == "not_permitted"


def _found(book: Book, words: str, **narrowed: Any) -> list[Any]:
    return search_contacts(book.connection, ContactFilter(("acme",), **narrowed), words, key=KEY, limit=20)


FOUND_BY = (
    *("zoe", "ZOË MÜLLER", "muller zoe", "üll", "ler", "zo", "C-1", "example", "zoe@exam", "ple.com"),
    *("0151 2345", "+49 151 23456789", "151/23456789", "456789", "(0)151 23456789", "müller 6789"),
)
NOT_FOUND_BY = ("", " ", "zoex", "oë m", "schmidt", "0151 99", "zoe schmidt", "l", "%", "c_1")


def test_a_contact_is_found_by_any_part_of_a_name_an_id_or_an_address(book: Book) -> None:
    made = book.add(**PERSON)
    book.add(external_id="C-9", name="Bob Jones", phone="0151 1111 1111")
    assert {words: [row.id for row in _found(book, words)] for words in FOUND_BY} == {
        words: [made.id] for words in FOUND_BY
    }
    assert [words for words in NOT_FOUND_BY if _found(book, words)] == []


NAMES = (
    "Zoë Müller",
    "王小明",
    "佐藤 花子",
    "김민준",
    "Ольга Иванова",
    "Γιώργος Παππάς",
    "O'Neil-Smith",
    "อารี",
    "नीता शर्मा",
)


@pytest.mark.parametrize("name", NAMES)
def test_every_part_of_a_name_finds_it_in_every_script(name: str) -> None:
    """Parts of three signs anywhere in a word; shorter ones where a word begins, and anywhere where two signs are a name."""
    stored = set(stored_hashes([name], KEY))
    for word in wanted_words(name):
        wide = (ord(word[0]) >= 0x2E80 and word[0] >= "\uac00") or ord(word[0]) >= 0x4E00
        parts = {word[at : at + size] for size in (1, 2, 3, 4) for at in range(len(word) - size + 1)}
        for part in parts:
            if len(part) > 2 or wide or word.startswith(part):
                wanted = wanted_words(part)
                assert stored >= set(wanted_hashes(wanted, KEY)), part
                assert has_words([name], wanted), part


@given(st.text(max_size=40), st.integers(0, 40), st.integers(3, 12))
def test_what_a_text_holds_is_found_by_its_hashes(written: str, at: int, size: int) -> None:
    """Whatever the text: a part that :func:`has_words` sees is never missed by the index."""
    wanted = wanted_words(written[at : at + size])
    if wanted and has_words([written], wanted) and all(len(word) > 2 for word in wanted):
        assert set(stored_hashes([written], KEY)) >= set(wanted_hashes(wanted, KEY))


def test_pages_of_a_list_and_of_a_search_skip_nobody(book: Book) -> None:
    """And a word that most have is found without reading them all again for every page."""
    draw = random.Random(3)
    for number in range(60):
        book.add(
            draw.choice(["acme", "acme.billing", "acme.care"]),
            external_id=f"C-{number}",
            name="Kim Lee" if number % 3 else "Bo Ek",
        )
    wanted = ContactFilter(("acme",))
    for read in (
        lambda before: list_contacts(book.connection, wanted, before=before, limit=7),
        lambda before: search_contacts(book.connection, wanted, "kim lee", key=KEY, before=before, limit=7),
    ):
        seen: list[int] = []
        while page := read(seen[-1] if seen else None):
            seen += [row.id for row in page]
        assert seen == sorted(seen, reverse=True)
        assert len(set(seen)) == len(seen) in (60, 40)


def test_a_group_has_whom_lines_mean(book: Book) -> None:
    """Ids and addresses in any form; what means nobody, or several, is said and not guessed."""
    one = book.add(**PERSON)
    other = book.add(external_id="C-2", name="Bob", phone="0151 1111 1111", email="home@example.com")
    third = book.add(external_id="C-3", name="Eve", email="home@example.com")
    away = book.add("acme.care", external_id="C-4", name="Ann")
    group = make_group(book.connection, by=book.ada, team="acme.billing", name="Board")
    lines = ["C-1", "0151 11111111", "+49 151 1111 1111", "home@example.com", "C-4", "nobody@example.com", ""]
    meant = whom_lines_mean(book.connection, group, lines, key=KEY)
    assert (meant.contacts, meant.nobody, meant.several) == (
        (one.id, other.id),
        ("C-4", "nobody@example.com"),
        ("home@example.com",),
    )
    assert add_members(book.connection, group, [*meant.contacts, third.id, away.id], by=book.ada) == 3
    assert [row.id for row in members_of(book.connection, group)] == [one.id, other.id, third.id]
    assert remove_members(book.connection, group, [third.id], by=book.ada) == 1
    assert {row.id for row in _found(book, "zoe", group=group.id)} == {one.id}
    assert [row.members for row in list_groups(book.connection, ("acme",))] == [2]
    with pytest.raises(UsageError) as caught:
        make_group(book.connection, by=book.ada, team="acme.billing", name="BOARD")
    assert caught.value.reason == "group_name_taken"
    renamed = change_group(book.connection, group, by=book.ada, name="Trustees", description="")
    with pytest.raises(UsageError) as caught:
        change_group(book.connection, group, by=book.ada, name="Others", description="")
    assert caught.value.reason == "group_changed_since"
    remove_group(book.connection, renamed, by=book.ada)
    with pytest.raises(UsageError) as caught:
        find_group(book.connection, book.ada, group.id)
    assert caught.value.reason == "group_unknown"
    assert find_contact(book.connection, book.ada, one.id).removed_at is None


def test_a_group_that_keeps_somebody_out_of_a_list_cannot_go(book: Book) -> None:
    """Without it the list, or the segment, would go to those that it left out."""
    book.add(**PERSON)
    group = make_group(book.connection, by=book.ada, team="acme.billing", name="Never")
    rule = {"not": {"all": [{"on": "group", "name": "Never", "test": "has"}]}}
    segment = make_segment(book.connection, by=MACHINE, team="acme.billing", name="All but them", rule=rule)
    entries = [Entry("segment", segment.id), Entry("group", group.id, excluded=True)]
    listed = make_list(book.connection, by=MACHINE, team="acme.billing", name="Letter", entries=entries)
    for users, then in (
        ("All but them, Letter", lambda: remove_list(book.connection, listed, by=MACHINE)),
        ("All but them", lambda: remove_segment(book.connection, segment, by=MACHINE)),
    ):
        with pytest.raises(UsageError, match=f"segments: {users}\\.") as caught:
            remove_group(book.connection, group, by=book.ada)
        assert caught.value.reason == "group_in_use"
        then()
    remove_group(book.connection, group, by=book.ada)
