"""Imports into a real book: what the preview says is what comes, the way back gives back what was, and nothing is done twice."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from nightmail.access.principals import system_principal
from nightmail.channels import ADDRESS_FIELDS
from nightmail.contacts.contact_changes import change_contact, define_attribute, make_contact
from nightmail.contacts.contact_export import export_contacts
from nightmail.contacts.contact_listing import find_contact
from nightmail.contacts.import_modes import ImportMode
from nightmail.contacts.import_rows import ImportRow, list_imports, take_import
from nightmail.contacts.imports import apply_import, check_import, discard_import, undo_import
from nightmail.contacts.search_hashes import stored_hashes, team_key
from nightmail.errors import NightmailError, UsageError
from nightmail.lake import Lake
from nightmail.privacy import address_hash
from nightmail.settings import Settings
from nightmail.settings import settings as deployment

TEAM = "acme.club"
BY = system_principal("tester")
VALUES = """
    select id, external_id, contact_id, name, phone, phone_2, landline, email, language, country, attributes, address_hashes,
        removed_at is not null as removed,
        array(select tag from contact_tag g where g.contact_id = c.id order by tag collate "C") as tags,
        array(select kind || ' ' || address || ' ' || label from contact_address a where a.contact_id = c.id
            order by kind, position, id) as further
    from contact c order by id
"""
SEARCH = "select c.id, s.keys, c.name, c.external_id, c.phone, c.phone_2, c.landline, c.email from contact c left join contact_search s on s.contact_id = c.id"


class Book:
    """A team's address book, with imports into it."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        self.configured: Settings = deployment()
        self.lake = Lake(str(folder / "lake"))
        with engine.begin() as connection:
            above = connection.scalar(text("insert into team (path, name) values ('acme', 'Acme') returning id"))
            connection.execute(
                text("insert into team (parent_id, path, name, country) values (:above, :path, 'Club', 'GB')"),
                {"above": above, "path": TEAM},
            )
            for name, type_ in (("city", "text"), ("points", "number"), ("member", "boolean"), ("since", "date")):
                define_attribute(connection, by=BY, team=TEAM, name=name, type_=type_)

    def contacts(self, *, removed: bool = False) -> dict[str, dict[str, Any]]:
        """The contacts by their external id."""
        with self.engine.connect() as connection:
            rows = [dict(row._mapping) for row in connection.execute(text(VALUES))]
        for row in rows:
            row["address_hashes"] = sorted(map(bytes, row["address_hashes"]))
        return {row["external_id"]: row for row in rows if removed or not row["removed"]}

    def taken(self, content: str, mode: ImportMode = ImportMode.UPDATE, name: str = "people.csv", **how: Any) -> int:
        """The number of an import of a file."""
        path = self.folder / f"{hashlib.sha256(content.encode()).hexdigest()[:12]}-{name}"
        path.write_text(content, encoding="utf-8")
        digest = hashlib.sha256(content.encode()).hexdigest()
        with self.engine.begin() as connection:
            return take_import(
                connection,
                TEAM,
                mode,
                by=BY,
                source="command",
                name=name,
                size=len(content),
                sha256=digest,
                stored_path=path,
                **how,
            )

    def checked(self, content: str, mode: ImportMode = ImportMode.UPDATE) -> ImportRow:
        """A file that was looked at."""
        return check_import(self.engine, self.lake, self.taken(content, mode), configured=self.configured)

    def applied(self, content: str, mode: ImportMode = ImportMode.UPDATE, *, although: bool = False) -> ImportRow:
        """A file that was looked at and applied."""
        return self.apply(self.checked(content, mode).id, although=although)

    def apply(self, number: int, *, although: bool = False) -> ImportRow:
        """Apply an import."""
        return apply_import(self.engine, self.lake, number, by=BY, although=although, configured=self.configured)

    def undo(self, number: int) -> ImportRow:
        """Take an import back."""
        return undo_import(self.engine, number, by=BY)


@pytest.fixture
def book(database: Engine, tmp_path: Path) -> Book:
    return Book(database, tmp_path)


def table(rows: list[Mapping[str, Any]], *columns: str) -> str:
    """Rows as CSV."""
    written = io.StringIO()
    writer = csv.DictWriter(written, columns or ("external_id", "phone", "email", "name", "city", "points"), restval="")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


def people(count: int, start: int = 1, **values: Any) -> str:
    """A file of so many people."""
    rows = [
        {"external_id": f"C{n}", "phone": f"+44740012{n:04}", "name": f"Person {n}", **values}
        for n in range(start, start + count)
    ]
    return table(rows)


def test_a_preview_changes_nothing_and_is_what_is_applied(book: Book) -> None:
    """New, changed, equal and refused rows; typed attributes; everybody can be found; each change is in the history."""
    content = table(
        [
            {
                "external_id": "C1",
                "phone": "07400 123451",
                "email": "ann@example.com",
                "name": "Ann Lee",
                "points": "12.50",
            },
            {"external_id": "C2", "phone": "07400 123452", "city": 'Bath, "old" town'},
            {"external_id": "C3", "phone": "nonsense"},
        ]
    )
    seen = book.checked(content)
    assert (seen.state, book.contacts()) == ("checked", {})
    assert {name: seen.counts[name] for name in ("rows", "new", "changed", "equal", "removed", "refused")} == {
        "rows": 3, "new": 2, "changed": 0, "equal": 0, "removed": 0, "refused": 1,
    }  # fmt: skip
    assert seen.counts["rejects_by_reason"] == {"phone_invalid": 1}
    assert [sample["external_id"] for sample in seen.samples] == ["C1", "C2"]
    done = book.apply(seen.id)
    assert (done.state, done.counts["new"]) == ("applied", 2)
    found = book.contacts()
    assert found["C1"]["phone"] == "+447400123451" and found["C1"]["attributes"] == {"points": 12.5}
    assert found["C2"]["attributes"] == {"city": 'Bath, "old" town'}

    again = book.applied(
        table([{"external_id": "C1", "points": "12.5", "city": "Ulm"}, {"external_id": "C2", "city": ""}])
    )
    assert (again.counts["changed"], again.counts["equal"]) == (1, 1)
    after = book.contacts()
    assert after["C1"]["attributes"] == {"points": 12.5, "city": "Ulm"} and after["C1"]["email"] == "ann@example.com"
    assert after["C2"] == found["C2"]
    with book.engine.connect() as connection:
        history = connection.execute(text("select source, action, changes from contact_change")).all()
        key = team_key(book.configured.key(), connection.scalar(text("select team_id from contact limit 1")))
        for row in connection.execute(text(SEARCH)):
            assert sorted(set(row.keys)) == stored_hashes(row[2:], key)
    assert [(row.source, row.action, row.changes) for row in history] == [
        (f"import:{again.id}", "changed", {"city": [None, "Ulm"]})
    ]


def test_what_is_made_by_hand_and_by_file_is_one_contact(book: Book) -> None:
    """A contact of the pages is the one that the file means, in every column that both write."""
    with book.engine.begin() as connection:
        stated = {"external_id": "C1", "phone": "+447400123451", "email": "ann@example.com", "name": "Ann"}
        values = {"points": "3", "member": "yes", "since": "2026-01-31"}
        make_contact(connection, by=BY, team=TEAM, stated=stated, attributes=values, key=book.configured.key())
    by_hand = book.contacts()["C1"]
    rows = [{**stated, "points": "3.0", "member": "Yes", "since": "31/01/2026"}]
    file = table(rows, "external_id", "phone", "email", "name", "points", "member", "since")
    assert book.applied(file).counts["equal"] == 1
    with book.engine.begin() as connection:
        connection.execute(text("delete from contact_change"))
        connection.execute(text("delete from contact"))
    book.applied(file)
    by_file = book.contacts()["C1"]
    assert by_file | {"id": 0} == by_hand | {"id": 0}


def test_applying_again_changes_nothing(book: Book) -> None:
    """The same import, and the same file under another number."""
    done = book.applied(people(3))
    before = book.contacts()
    assert book.apply(done.id).counts == done.counts
    assert book.applied(people(3)).counts["equal"] == 3
    assert book.contacts() == before


def test_many_removals_wait_for_somebody(book: Book) -> None:
    """A file that is cut off would empty the book: it is looked at, and applied only by who says so; then it can be taken back."""
    book.applied(people(30))
    everybody = book.contacts()
    cut = book.checked(people(3), ImportMode.REPLACE)
    assert cut.waits_for is not None and cut.waits_for["reason"] == "import_removes_many"
    assert "27 of 30" in cut.waits_for["message"]
    with pytest.raises(NightmailError) as refused:
        book.apply(cut.id)
    assert refused.value.reason == "import_removes_many"
    assert book.contacts() == everybody
    done = book.apply(cut.id, although=True)
    assert (done.counts["removed"], sorted(book.contacts())) == (27, ["C1", "C2", "C3"])
    assert book.undo(done.id).undone == {"removed": 0, "restored": 27, "changed_since": 0}
    assert book.contacts() == everybody


def test_rows_that_nobody_can_read_stop_a_replacement(book: Book) -> None:
    """Whose they are is not known: one of those who would be removed, perhaps."""
    book.applied(people(5))
    rows = [{"external_id": f"C{n}", "phone": f"+44740012{n:04}"} for n in range(1, 5)] + [{"phone": "nonsense"}]
    assert book.checked(table(rows), ImportMode.REPLACE).waits_for["reason"] == "import_rows_unclear"
    known = [*rows[:4], {"external_id": "C5", "phone": "nonsense"}]
    seen = book.checked(table(known), ImportMode.REPLACE)
    assert (seen.counts["removed"], seen.waits_for) == (0, None), (
        "a rejected row with its number costs nobody their place"
    )


def test_who_was_changed_since_is_left_as_they_are(book: Book) -> None:
    """The way back undoes the import's work, not that of a colleague."""
    first = book.applied(people(3))
    with book.engine.begin() as connection:
        number = book.contacts()["C2"]["id"]
        contact = find_contact(connection, BY, number)
        change_contact(connection, contact, by=BY, stated={"language": "de"}, key=book.configured.key())
    assert book.undo(first.id).undone == {"removed": 2, "restored": 0, "changed_since": 1}
    assert list(book.contacts()) == ["C2"]
    assert book.undo(first.id).undone == {"removed": 2, "restored": 0, "changed_since": 1}, "once is enough"


def test_who_was_removed_comes_back_as_the_file_has_them(book: Book) -> None:
    book.applied(people(2, city="Bath"))
    before = book.contacts(removed=True)
    book.applied(table([{"external_id": "C1"}, {"external_id": "C9"}]), ImportMode.REMOVE)
    assert list(book.contacts()) == ["C2"]
    back = book.applied(table([{"external_id": "C1", "phone": "+447400120777"}]), ImportMode.ADD)
    assert back.counts["new"] == 1
    again = book.contacts()["C1"]
    assert (again["id"], again["phone"], again["attributes"], again["name"]) == (
        before["C1"]["id"],
        "+447400120777",
        {},
        None,
    )
    book.undo(back.id)
    assert list(book.contacts()) == ["C2"]


def test_a_file_that_is_none_is_refused_and_one_that_is_dropped_does_nothing(book: Book) -> None:
    refused = book.checked("just a word\n")
    assert refused.state == "refused" and refused.problem is not None and refused.problem["remedy"]
    with pytest.raises(UsageError, match="refused"):
        book.apply(refused.id)
    dropped = book.checked(people(2))
    assert discard_import(book.engine, book.lake, dropped.id, by=BY).state == "discarded"
    with pytest.raises(UsageError, match="discarded"):
        book.apply(dropped.id)
    assert book.contacts() == {}
    with book.engine.connect() as connection:
        assert [row.state for row in list_imports(connection, ["acme"])] == ["discarded", "refused"]
        actions = connection.scalars(text("select action from audit where action like 'import.%'")).all()
    assert {"import.taken", "import.discarded"} == set(actions)


def test_tags_and_further_addresses_come_by_file_and_go_back(book: Book) -> None:
    """They come to what is there, take its place in a replacement, and the way back gives back labels too."""
    columns = ("external_id", "phone", "tags", "further_phones", "further_emails")
    first = [
        {"external_id": "C1", "phone": "+447400123451", "tags": "vip; Müller & Co, vip", "further_phones": "07400 123452, +447400123451"},
        {"external_id": "C2", "phone": "+447400123459", "further_emails": "not an address", "tags": "x" * 61},
    ]  # fmt: skip
    seen = book.checked(table(first, *columns))
    assert seen.counts["warnings_by_reason"] == {"email_invalid": 1, "contact_field_invalid": 1}
    assert ["tags", None, "Müller & Co, vip"] in seen.samples[0]["changes"]
    book.apply(seen.id)
    found = book.contacts()
    assert (found["C1"]["tags"], found["C1"]["further"]) == (["Müller & Co", "vip"], ["phone +447400123452 "])
    assert (found["C2"]["tags"], found["C2"]["further"]) == ([], []), "a cell that cannot be read says nothing"
    with book.engine.begin() as connection:
        connection.execute(text("update contact_address set label = 'work', source = 'person'"))
    before = book.contacts()

    more = book.applied(table([{"external_id": "C1", "tags": "new", "further_phones": "+447400123453"}], *columns))
    assert more.counts["changed"] == 1
    assert (after := book.contacts()["C1"])["tags"] == ["Müller & Co", "new", "vip"]
    assert after["further"] == ["phone +447400123452 work", "phone +447400123453 "]
    again = book.checked(table([{"external_id": "C1", "tags": "vip", "further_phones": "07400123453"}], *columns))
    assert again.counts["equal"] == 1, "what is there already changes nothing"
    with book.engine.connect() as connection:
        changes = connection.scalar(text("select changes from contact_change where action = 'changed'"))
    assert changes["tags"] == [["Müller & Co", "vip"], ["Müller & Co", "new", "vip"]]

    whole = table([{"external_id": "C1", "phone": "+447400123451", "tags": "only"}, first[1]], *columns)
    replaced = book.applied(whole, ImportMode.REPLACE)
    assert (found := book.contacts()["C1"])["tags"] == ["only"] and found["further"] == []
    assert found["address_hashes"] == [address_hash("+447400123451", deployment().key())]
    gone = book.applied(table([{"external_id": "C1"}], "external_id"), ImportMode.REMOVE)
    back = book.applied(
        table([{"external_id": "C1", "email": "c1@example.com"}], "external_id", "email"), ImportMode.ADD
    )
    assert (found := book.contacts()["C1"])["tags"] == [] and found["phone"] is None, "nothing from before"
    for each in (back, gone, replaced, more):
        book.undo(each.id)
    assert book.contacts() == before


def test_more_tags_than_a_contact_may_have_refuse_the_row(book: Book) -> None:
    def tagged(*numbers: int) -> str:
        tags = ", ".join(f"t{n}" for n in numbers)
        return table([{"external_id": "C1", "phone": "+447400123451", "tags": tags}], "external_id", "phone", "tags")

    book.applied(tagged(*range(30)))
    seen = book.checked(tagged(*range(29, 51)))
    assert seen.counts["rejects_by_reason"] == {"import_list_too_long": 1} and seen.counts["changed"] == 0
    assert book.checked(tagged(*range(29, 50))).counts["changed"] == 1


def test_what_is_taken_out_comes_in_again_as_it_is(book: Book, tmp_path: Path) -> None:
    """The file of an export is equal to the book that it is of."""
    columns = ("external_id", "phone", "email", "tags", "further_phones", "further_landlines", "further_emails", "city")
    row = dict(
        zip(
            columns,
            ("C1", "+447400123451", "a@example.com", "a, Z", "+447400123452", "+442079460123", "b@example.com", "Ulm"),
            strict=True,
        )
    )
    book.applied(table([row], *columns))
    file = tmp_path / "out.csv"
    with book.engine.begin() as connection:
        export_contacts(connection, file, "csv", by=BY, team=TEAM)
    again = book.checked(file.read_text(encoding="utf-8-sig"))
    assert again.problem is None, again.problem
    assert {name: again.counts[name] for name in ("equal", "changed", "new", "refused")} == {
        "equal": 1, "changed": 0, "new": 0, "refused": 0,
    }  # fmt: skip


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "external_id": st.sampled_from(["C1", "C2", "C3", "C4", ""]),
            "phone": st.sampled_from(["", "+447400123451", "+447400123452", "07400 123453", "nonsense"]),
            "email": st.sampled_from(["", "ann@example.com", "not an address"]),
            "name": st.sampled_from(["", "Ann", "Bo"]),
            "city": st.sampled_from(["", "Bath", "Ulm"]),
            "tags": st.sampled_from(["", "vip", "vip, new", "old"]),
            "further_phones": st.sampled_from(["", "+447400123451", "+447400123459; 07400 123458", "nonsense"]),
            "further_emails": st.sampled_from(["", "ann@work.example.com"]),
        }
    ),
    min_size=1,
    max_size=5,
)


@given(steps=st.lists(st.tuples(st.sampled_from(ImportMode), ROWS), min_size=1, max_size=4))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_way_back_gives_back_what_was(book: Book, steps: list[tuple[ImportMode, list[dict[str, str]]]]) -> None:
    """Whatever came in whatever order: undone one after the other, the book is again what it was before each."""
    done = []
    for mode, rows in steps:
        before = book.contacts()
        columns = [name for name in rows[0] if any(row[name] for row in rows)] or ["external_id"]
        seen = book.checked(table([{name: row[name] for name in columns} for row in rows], *columns), mode)
        assert book.contacts() == before
        if seen.state != "checked":
            continue
        after = book.apply(seen.id, although=True)
        names = ("new", "changed", "equal", "removed", "unknown", "refused")
        assert {name: after.counts[name] for name in names} == {name: seen.counts[name] for name in names}
        for contact in book.contacts().values():
            # Exactly the addresses that it has: a file that replaces may leave somebody with none.
            own = {contact[name] for name in ADDRESS_FIELDS} - {None}
            own |= {each.split(" ")[1] for each in contact["further"]}
            assert contact["address_hashes"] == sorted(address_hash(each, deployment().key()) for each in own)
        done.append((after.id, before))
    for number, before in reversed(done):
        book.undo(number)
        assert book.contacts() == before
