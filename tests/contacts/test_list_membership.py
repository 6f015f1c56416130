"""Lists of lists: who is in one, the same whatever the order of anything; what excludes never adds; circles are refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from nightmail.access.principals import Principal, system_principal
from nightmail.contacts.distribution_lists import (
    Entry,
    ListRow,
    change_entries,
    find_list,
    make_list,
    remove_list,
    rename_list,
    set_entries,
)
from nightmail.contacts.list_membership import DEEPEST, list_membership, sample_members
from nightmail.contacts.segments import change_segment, make_segment, remove_segment, segments
from nightmail.errors import NightmailError

BY = system_principal("test")
CONTACTS = 8
LISTS = 5


@dataclass
class Book:
    """A team with eight contacts, numbered from 1, two groups, two segments and five empty lists."""

    connection: Connection
    groups: list[int]
    segments: list[int]
    lists: list[ListRow]

    def members(self, which: int) -> set[int]:
        """Whom a list has, as the database finds them."""
        found = sample_members(
            self.connection, list_membership(self.connection, self.lists[which].id, "acme"), CONTACTS
        )
        assert [row.id for row in found] == sorted(row.id for row in found)
        return {row.id for row in found}


GROUPS = ({1, 2, 3}, {3, 4})
SEGMENTS = ({2, 4, 6, 8}, {5, 6, 7, 8})


@pytest.fixture
def book(database: Engine) -> Iterator[Book]:
    with database.begin() as connection:
        team = connection.scalar(text("insert into team (path, name) values ('acme', 'Acme') returning id"))
        connection.execute(text("insert into team (path, name) values ('acme.care', 'Care'), ('brick', 'Brick')"))
        for number in range(1, CONTACTS + 1):
            connection.execute(
                text(
                    "insert into contact (id, team_id, contact_id, external_id) overriding system value "
                    "values (:number, :team, :contact, :contact)"
                ),
                {"number": number, "team": team, "contact": f"{number:032x}"},
            )
            for tag, having in zip(("even", "late"), SEGMENTS, strict=True):
                if number in having:
                    connection.execute(text("insert into contact_tag values (:n, :tag)"), {"n": number, "tag": tag})
        groups = []
        for name, having in zip("gh", GROUPS, strict=True):
            group = connection.scalar(
                text("insert into contact_group (team_id, name, changed_by) values (:team, :name, 'x') returning id"),
                {"team": team, "name": name},
            )
            groups.append(int(group or 0))
            for number in having:
                statement = "insert into contact_group_member (group_id, contact_id, added_by) values (:group, :n, 'x')"
                connection.execute(text(statement), {"group": group, "n": number})
        made = [
            make_segment(connection, by=BY, team="acme", name=tag, rule={"on": "tag", "name": tag, "test": "has"}).id
            for tag in ("even", "late")
        ]
        lists = [make_list(connection, by=BY, team="acme", name=f"L{number}") for number in range(LISTS)]
    with database.connect() as connection:
        yield Book(connection, groups, made, lists)


# An entry as a test states it: kind, number of the thing counted from 0, excluded. A list holds later lists only.
Stated = tuple[str, int, bool]


def _stated(list_number: int) -> st.SearchStrategy[list[Stated]]:
    things = [("contact", number) for number in range(CONTACTS)]
    things += [("group", 0), ("group", 1), ("segment", 0), ("segment", 1)]
    things += [("list", number) for number in range(list_number + 1, LISTS)] * 2
    one = st.tuples(st.sampled_from(things), st.booleans()).map(lambda pair: (*pair[0], pair[1]))
    return st.lists(one, max_size=6, unique=True)


GRAPHS = st.tuples(*(_stated(number) for number in range(LISTS)))


def store(book: Book, graph: tuple[list[Stated], ...]) -> None:
    """Give the lists these entries; the innermost first, though the order is all the same."""
    targets = {
        "contact": list(range(1, CONTACTS + 1)),
        "group": book.groups,
        "segment": book.segments,
        "list": [row.id for row in book.lists],
    }
    book.connection.execute(text("delete from list_entry"))
    for number in reversed(range(LISTS)):
        row = find_list(book.connection, "acme", book.lists[number].id)
        set_entries(book.connection, row, [Entry(k, targets[k][t], x) for k, t, x in graph[number]], by=BY)


def _included_lists(graph: tuple[list[Stated], ...], which: int) -> set[int]:
    inner = {target for kind, target, excluded in graph[which] if kind == "list" and not excluded}
    return {which}.union(*(_included_lists(graph, each) for each in inner))


def expected(graph: tuple[list[Stated], ...], which: int) -> set[int]:
    """Whom a list has, in plain Python: all that it includes at whatever depth, but for all that is excluded on the way."""
    found: set[int] = set()
    out: set[int] = set()
    for each in _included_lists(graph, which):
        for kind, target, excluded in graph[each]:
            if kind == "list" and not excluded:
                continue
            whom = {
                "contact": lambda target=target: {target + 1},
                "group": lambda target=target: GROUPS[target],
                "segment": lambda target=target: SEGMENTS[target],
                "list": lambda target=target: expected(graph, target),
            }[kind]()
            (out if excluded else found).update(whom)
    return found - out


def test_a_list_has_whom_it_includes_but_for_whom_it_excludes(book: Book) -> None:
    """For any lists in lists: what the database finds is what plain Python finds, and excluding never adds anybody."""

    @settings(max_examples=40, suppress_health_check=list(HealthCheck))
    @given(GRAPHS, st.data())
    def compare(graph: tuple[list[Stated], ...], data: st.DataObject) -> None:
        store(book, graph)
        members = book.members(0)
        assert members == expected(graph, 0)
        # Something more is excluded, in the list or in one that it includes.
        where = data.draw(st.sampled_from(sorted(_included_lists(graph, 0))))
        kind, target, _ = data.draw(_stated(where).filter(bool))[0]
        more = tuple([*entries, (kind, target, True)] if n == where else entries for n, entries in enumerate(graph))
        store(book, tuple(list(dict.fromkeys(entries)) for entries in more))
        assert book.members(0) <= members
        # The order in which entries are made tells nothing.
        store(book, tuple(entries[::-1] for entries in graph))
        assert book.members(0) == members

    compare()


def test_a_circle_is_refused_with_its_path(book: Book) -> None:
    first, second, third = book.lists[:3]
    connection = book.connection
    set_entries(connection, first, [Entry("list", second.id)], by=BY)
    set_entries(connection, second, [Entry("list", third.id, excluded=True)], by=BY)
    for target in (first, second, third):
        with pytest.raises(NightmailError) as refused:
            set_entries(connection, find_list(connection, "acme", third.id), [Entry("list", target.id)], by=BY)
        assert refused.value.reason == "list_cycle"
        names = refused.value.fields["path"].split(" > ")
        assert names[0] == names[-1]
        assert "L2" in names
        connection.rollback()
        set_entries(connection, find_list(connection, "acme", first.id), [Entry("list", second.id)], by=BY)
        set_entries(connection, find_list(connection, "acme", second.id), [Entry("list", third.id, True)], by=BY)
    assert book.members(0) == set()


def test_lists_are_not_nested_without_end(book: Book) -> None:
    inner = book.lists[0]
    for number in range(DEEPEST - 1):
        inner = make_list(book.connection, by=BY, team="acme", name=f"D{number}", entries=[Entry("list", inner.id)])
    with pytest.raises(NightmailError) as refused:
        make_list(book.connection, by=BY, team="acme", name="Too deep", entries=[Entry("list", inner.id)])
    assert refused.value.reason == "list_too_deep"


FOREIGN = {
    "a contact of another team": Entry("contact", 99),
    "a contact that is none": Entry("contact", 2**62),
    "a group that is none": Entry("group", 99),
    "a segment that is none": Entry("segment", -1),
    "a list that is none": Entry("list", 99),
    "a thing that is none": Entry("person", 1),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_an_entry_names_what_the_team_sees(book: Book, case: str) -> None:
    statement = (
        "insert into contact (id, team_id, contact_id, external_id) overriding system value "
        "select 99, id, 'x', 'x' from team where path = 'acme.care'"
    )
    book.connection.execute(text(statement))
    with pytest.raises(NightmailError) as refused:
        change_entries(book.connection, book.lists[0], add=[Entry("contact", 1), FOREIGN[case]], by=BY)
    assert (refused.value.reason, refused.value.fields["number"]) == ("list_entry_invalid", 2)


def test_who_was_removed_is_in_no_list(book: Book) -> None:
    set_entries(book.connection, book.lists[0], [Entry("contact", 1), Entry("contact", 2)], by=BY)
    book.connection.execute(text("update contact set removed_at = now() where id = 1"))
    assert book.members(0) == {2}


def test_who_was_kept_out_stays_out_under_another_name(book: Book) -> None:
    """A contact that was excluded and turned out to be somebody else, twice: that one is excluded; after the way back not."""
    entries = [Entry("group", book.groups[0]), Entry("contact", 1, excluded=True)]
    set_entries(book.connection, book.lists[0], entries, by=BY)
    assert book.members(0) == {2, 3}
    for other, kept in ((1, 4), (4, 2)):
        book.connection.execute(
            text(
                "insert into contact_merge (team_id, kept_id, other_id, decided_by, merged_at) "
                "select team_id, :kept, :other, 'x', now() from contact where id = :other"
            ),
            {"kept": kept, "other": other},
        )
        book.connection.execute(text("update contact set removed_at = now() where id = :other"), {"other": other})
    assert book.members(0) == {3}
    book.connection.execute(text("update contact_merge set undone_at = now()"))
    book.connection.execute(text("update contact set removed_at = null"))
    assert book.members(0) == {2, 3}


def test_a_team_uses_what_those_above_share(book: Book) -> None:
    """The team below has the lists and contacts of the one above once it shares them, the one beside never."""
    connection = book.connection
    set_entries(connection, book.lists[0], [Entry("contact", 1)], by=BY)
    with pytest.raises(NightmailError):
        find_list(connection, "acme.care", "L0")
    connection.execute(text("update team set settings = settings || '{\"shares_contacts\": true}' where path = 'acme'"))
    found = find_list(connection, "acme.care", "L0")
    assert [row.id for row in sample_members(connection, list_membership(connection, found.id, "acme.care"))] == [1]
    own = make_list(connection, by=BY, team="acme.care", name="Own", entries=[Entry("list", found.id)])
    assert sample_members(connection, list_membership(connection, own.id, "acme.care"))
    connection.execute(text("update team set settings = '{}' where path = 'acme'"))
    assert not sample_members(connection, list_membership(connection, own.id, "acme.care")), "they are shared no more"
    with pytest.raises(NightmailError):
        find_list(connection, "brick", "L0")


def test_what_a_list_holds_is_not_removed_and_a_name_is_given_once(book: Book) -> None:
    connection, (outer, inner, *_) = book.connection, book.lists
    set_entries(connection, outer, [Entry("list", inner.id), Entry("segment", book.segments[0])], by=BY)
    held = next(row for row in segments(connection, "acme") if row.id == book.segments[0])
    for remove in (lambda: remove_list(connection, inner, by=BY), lambda: remove_segment(connection, held, by=BY)):
        with pytest.raises(NightmailError) as refused:
            remove()
        assert (refused.value.reason, refused.value.fields["lists"]) == ("list_in_use", "L0")
    for name, reason in (("l1", "list_name_taken"), (" ", "list_name_invalid"), ("12", "list_name_invalid")):
        with pytest.raises(NightmailError) as refused:
            make_list(connection, by=BY, team="acme", name=name)
        assert refused.value.reason == reason
    with pytest.raises(NightmailError) as refused:
        rename_list(connection, inner, by=BY, name="L0")
    assert refused.value.reason == "list_name_taken"
    renamed = rename_list(connection, inner, by=BY, name="Inner")
    with pytest.raises(NightmailError) as refused:
        rename_list(connection, inner, by=BY, name="Of an old look")
    assert refused.value.reason == "list_changed_since"
    set_entries(connection, find_list(connection, "acme", outer.id), [], by=BY)
    remove_list(connection, renamed, by=BY)
    with pytest.raises(NightmailError) as refused:
        find_list(connection, "acme", "Inner")
    assert refused.value.reason == "list_unknown"
    changed = change_segment(connection, held, by=BY, name="Even ones")
    with pytest.raises(NightmailError) as refused:
        change_segment(connection, held, by=BY, name="Of an old look")
    assert refused.value.reason == "list_changed_since"
    remove_segment(connection, changed, by=BY)
    actions = connection.scalars(text("select distinct action from audit where object like any('{list %,segment %}')"))
    assert {"list.made", "list.changed", "list.entries_changed", "list.removed", "segment.removed"} <= set(actions)


def test_who_may_not_edit_lists_changes_none(book: Book) -> None:
    nobody = Principal("person", 1, "Nobody", ())
    for change in (
        lambda: make_list(book.connection, by=nobody, team="acme", name="x"),
        lambda: set_entries(book.connection, book.lists[0], [], by=nobody),
        lambda: remove_list(book.connection, book.lists[0], by=nobody),
        lambda: make_segment(book.connection, by=nobody, team="acme", name="x", rule={"all": []}),
    ):
        with pytest.raises(NightmailError) as refused:
            change()
        assert refused.value.reason == "not_permitted"
