"""An address book for the pages that show one: people of several scripts, a group, tags, notes, a history."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from nightmail.access.principals import system_principal
from nightmail.consent.merges import merge
from nightmail.contacts.contact_changes import (
    add_address,
    add_note,
    add_tags,
    change_contact,
    define_attribute,
    make_contact,
    set_removed,
)
from nightmail.contacts.contact_listing import ContactRow, find_contact
from nightmail.contacts.distribution_lists import Entry, make_list
from nightmail.contacts.groups import add_members, make_group
from nightmail.contacts.import_modes import ImportMode
from nightmail.contacts.import_rows import take_import
from nightmail.contacts.segments import make_segment
from tests.portal.conftest import SECRET_KEY

KEY = SECRET_KEY.encode()
BY = system_principal("user:anna")
TEAM = "acme.billing"
PEOPLE = (
    ("C-1001", "Åsa Öberg", "+491701234567", "asa@example.org", "sv", "SE"),
    ("C-1002", "Jürgen Müller-Lüdenscheidt", "+491701234568", "juergen@example.org", "de", "DE"),
    ("C-1003", "Елена Петрова", None, "elena@example.org", "ru", "DE"),
    ("C-1004", "山田 太郎", "+491701234570", None, "ja", "JP"),
    ("C-1005", "نور الحسن", "+491701234571", "noor@example.org", "ar", "DE"),
    ("C-1006", "Jurgen Mueller-Luedenscheidt", "+491701234572", "juergen@example.org", "de", "DE"),
)


def contact_of(engine: Engine, team: str = TEAM, external_id: str = "C-1", **stated: str) -> ContactRow:
    """A new contact of a team."""
    with engine.begin() as connection:
        values = {"external_id": external_id, "name": "Ann Example", "phone": "+491701234567", **stated}
        return make_contact(connection, by=BY, team=team, stated=values, key=KEY)


def book(engine: Engine) -> list[ContactRow]:
    """The people of :data:`PEOPLE` with all that may stand around a contact; a group has three of them."""
    with engine.begin() as connection:
        for name, type_, label in (
            ("balance", "number", "Balance"),
            ("insured", "boolean", "Insured"),
            ("since", "date", ""),
        ):
            define_attribute(connection, by=BY, team="acme", name=name, type_=type_, label=label)
        made = []
        for external_id, name, phone, email, language, country in PEOPLE:
            stated = {"external_id": external_id, "name": name, "phone": phone, "email": email}
            stated |= {"language": language, "country": country}
            attributes = {"balance": "120.5"} if external_id == "C-1001" else {}
            contact = make_contact(connection, by=BY, team=TEAM, stated=stated, attributes=attributes, key=KEY)
            made.append(contact)
        first = add_address(connection, made[0], "phone", "+46 70 174 06 05", by=BY, key=KEY)
        first = change_contact(connection, first, by=BY, stated={"time_zone": "Europe/Stockholm"}, key=KEY)
        add_tags(connection, first, ["vip", "Autumn fair, guest".replace(",", "")], by=BY)
        add_note(connection, first, "Likes to be called before noon.\nSpeaks some German.", by=BY)
        group = make_group(
            connection, by=BY, team=TEAM, name="Guests of the autumn fair", description="Invited by hand."
        )
        add_members(connection, group, [each.id for each in made[:3]], by=BY)
        return [find_contact(connection, BY, each.id) for each in made]


def contacts_address(address: str, engine: Engine) -> str:
    """A page with the book in it."""
    book(engine)
    return address


def contact_address(ending: str, engine: Engine) -> str:
    """A page of the contact with the most to show."""
    return f"/contacts/{book(engine)[0].id}{ending}"


def removed_address(engine: Engine) -> str:
    """The page of a contact that was removed."""
    contact = book(engine)[1]
    with engine.begin() as connection:
        set_removed(connection, contact, by=BY, removed=True)
    return f"/contacts/{contact.id}"


def _import_taken(connection: Connection, team: str) -> int:
    return take_import(
        connection,
        team,
        ImportMode.UPDATE,
        by=BY,
        source="portal",
        name="people-november.csv",
        size=23_456,
        sha256="0a" * 32,
        stored_path=Path("gone") / "people-november.csv",
    )


def import_in(engine: Engine, team: str = TEAM) -> int:
    """An import that was looked at and is not applied; its number."""
    with engine.begin() as connection:
        number = _import_taken(connection, team)
        counts = {"rows": 812, "new": 40, "changed": 712, "equal": 20, "removed": 0, "refused": 40, "duplicates": 0}
        counts |= {"rejects_by_reason": {"phone_invalid": 31, "email_invalid": 9}, "ignored_columns": ["Shoe size"]}
        samples = [
            {"what": "new", "external_id": "C-2001", "line": 3, "changes": [["name", None, "Noor Example"]]},
            {
                "what": "changed",
                "external_id": "C-1001",
                "line": 4,
                "changes": [["phone", "+491701234567", "+491701234599"], ["language", "de", "sv"]],
            },
        ]
        waits = {
            "reason": "import_changes_many",
            "message": "The import would change 712 of 760 contacts.",
            "remedy": "Look.",
        }
        statement = (
            "update contact_import set state = 'checked', counts = cast(:counts as jsonb), "
            "samples = cast(:samples as jsonb), waits_for = cast(:waits as jsonb) where id = :id"
        )
        values = {"counts": json.dumps(counts), "samples": json.dumps(samples), "waits": json.dumps(waits)}
        connection.execute(text(statement), {**values, "id": number})
        return number


def imports_address(address: str, engine: Engine) -> str:
    """A page with imports in it."""
    import_in(engine)
    return address


def import_address(engine: Engine) -> str:
    """The page of an import that waits."""
    return f"/contact-imports/{import_in(engine)}"


def moving_import_address(engine: Engine) -> str:
    """The page of an import whose rows are being looked at."""
    progress = json.dumps({"stage": "rows", "done": 412_000, "total": 1_000_000})
    with engine.begin() as connection:
        number = _import_taken(connection, TEAM)
        statement = "update contact_import set progress = cast(:progress as jsonb) where id = :id"
        connection.execute(text(statement), {"id": number, "progress": progress})
    return f"/contact-imports/{number}"


def preferences_import_address(engine: Engine) -> str:
    """The page of a file of what contacts chose."""
    counts = {"rows": 214, "stated": 211, "refused": 3, "contacts": 209, "changed": 57, "equal": 152}
    counts |= {"rejects_by_reason": {"preference_contact_unknown": 2, "preference_topic_unknown": 1}}
    changes = [["channels", None, "email, sms"], ["topics_out", "offers", "news, offers"]]
    samples = [{"what": "changed", "external_id": "C-1001", "line": 2, "changes": changes}]
    with engine.begin() as connection:
        number = _import_taken(connection, TEAM)
        statement = (
            "update contact_import set kind = 'preferences', name = 'choices.csv', state = 'applied', applied_at = now(), "
            "counts = cast(:counts as jsonb), samples = cast(:samples as jsonb) where id = :id"
        )
        values = {"id": number, "counts": json.dumps(counts), "samples": json.dumps(samples)}
        connection.execute(text(statement), values)
    return f"/contact-imports/{number}"


def pair_in(engine: Engine, team: str = TEAM) -> tuple[int, int]:
    """Two contacts of a team with one address; their numbers."""
    first = contact_of(engine, team, f"pair-{team}-1", name="Jürgen Müller")
    second = contact_of(engine, team, f"pair-{team}-2", name="Juergen Mueller", email="juergen@example.org")
    return first.id, second.id


def pair_address(engine: Engine) -> str:
    """Two contacts beside one another."""
    first, second = pair_in(engine)
    return f"/duplicates/{first}/{second}"


def merge_in(engine: Engine, team: str = TEAM) -> int:
    """A merge; its number."""
    pair = pair_in(engine, team)
    with engine.begin() as connection:
        one, other = (find_contact(connection, BY, number) for number in pair)
        return merge(connection, one, other, by=BY, key=KEY)[1]


def merge_address(engine: Engine) -> str:
    """The page of a merge that can be taken back."""
    return f"/merges/{merge_in(engine)}"


def group_address(ending: str, engine: Engine) -> str:
    """A page of the group."""
    book(engine)
    with engine.connect() as connection:
        return f"/groups/{connection.scalar(text('select min(id) from contact_group'))}{ending}"


RULE = {
    "all": [
        {
            "any": [
                {"on": "field", "name": "country", "test": "is_one_of", "value": ["DE", "AT"]},
                {"on": "tag", "name": "vip", "test": "has"},
            ]
        },
        {"on": "field", "name": "email", "test": "known"},
    ]
}
"""Who lives near or matters, and can be written to."""


def segment_in(engine: Engine) -> int:
    """A segment of the book; its number."""
    book(engine)
    with engine.begin() as connection:
        made = make_segment(
            connection, by=BY, team=TEAM, name="Near or important", rule=RULE, description="For invitations."
        )
        make_segment(connection, by=BY, team=TEAM, name="Everybody", rule={"all": []})
        return made.id


def segment_address(ending: str, engine: Engine) -> str:
    """A page of the segment."""
    return f"/segments/{segment_in(engine)}{ending}"


def segments_address(address: str, engine: Engine) -> str:
    """A page with segments in it."""
    segment_in(engine)
    return address


def list_in(engine: Engine) -> int:
    """A list that includes a segment, a group and a contact, and excludes another contact; its number."""
    segment = segment_in(engine)
    with engine.begin() as connection:
        (group,) = connection.scalars(text("select id from contact_group"))
        first, *_, last = connection.scalars(text("select id from contact order by id")).all()
        make_list(connection, by=BY, team=TEAM, name="Staff")
        entries = [Entry("segment", segment), Entry("group", group), Entry("contact", last)]
        entries.append(Entry("contact", first, excluded=True))
        made = make_list(connection, by=BY, team=TEAM, name="Invitations", description="Autumn fair.", entries=entries)
        return made.id


def list_address(ending: str, engine: Engine) -> str:
    """A page of the list."""
    return f"/lists/{list_in(engine)}{ending}"


def lists_address(address: str, engine: Engine) -> str:
    """A page with lists in it."""
    list_in(engine)
    return address
