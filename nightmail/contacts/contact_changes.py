"""Contacts made, changed, removed and brought back; their addresses, tags and notes. Each change is kept with who made it and from where.

Whoever changes a contact holds it as it was read last: a change by somebody else in between is refused, not overwritten.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from nightmail.access.decisions import require
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.audit import write_entry
from nightmail.contacts import contact_queries as queries
from nightmail.contacts.contact_fields import (
    FIELDS,
    KINDS,
    Attribute,
    Judged,
    attribute_name,
    invalid,
    judge_fields,
    plain_text,
    read_contact_address,
)
from nightmail.contacts.contact_listing import (
    ContactRow,
    addresses_of,
    attributes_known,
    find_contact,
    further_of,
    tags_of,
)
from nightmail.contacts.search_hashes import stored_hashes, team_key
from nightmail.errors import UsageError
from nightmail.lake.schemas import IDENTITY_FIELDS
from nightmail.organisation.teams import get_team
from nightmail.privacy.hashes import address_hash, contact_ids

MOST_ADDRESSES = 20
MOST_TAGS = 50
LONGEST_TAG = 60
LONGEST_NOTE = 2_000
ATTRIBUTE_TYPES = ("text", "number", "date", "boolean")


def make_contact(
    connection: Connection,
    *,
    by: Principal,
    team: str,
    stated: Mapping[str, Any],
    attributes: Mapping[str, Any] | None = None,
    source: str = "person",
    key: bytes,
) -> ContactRow:
    """Make a contact of a team, in the caller's transaction.

    Without an external id the first address stands for it, as in a contact file.
    Raises :class:`UsageError` (``team_unknown``, ``contact_exists``, what :func:`judge_fields` finds) and
    :class:`~nightmail.errors.NightmailError` (``not_permitted``).
    """
    require(by, Permission.CONTACT_EDIT, team)
    owner = get_team(connection, team)
    known = attributes_known(connection, owner.id)
    judged = judge_fields(stated, attributes=attributes, known=known, country=owner.country)
    judged.raise_first()
    fields = dict.fromkeys(FIELDS) | judged.values
    fields["external_id"] = next((value for name in IDENTITY_FIELDS if (value := fields[name])), None)
    if fields["external_id"] is None:
        raise invalid("external_id", "it is missing, and so is every address that could stand for it")
    kept = {name: value for name, value in judged.attributes.items() if value is not None}
    (contact_id,) = contact_ids(owner.path, [str(fields["external_id"])], key)
    values = fields | {
        "team_id": owner.id,
        "contact_id": contact_id,
        "attributes": json.dumps(kept),
        "source": source,
        "address_hashes": [address_hash(each, key) for each in _addresses(fields)],
    }
    number = connection.scalar(text(queries.INSERT_CONTACT), values)
    if number is None:
        raise UsageError("contact_exists", team=team)
    _set_keys(connection, int(number), owner.id, [fields["name"], fields["external_id"], *_addresses(fields)], key)
    changes = {name: [None, _plain(value)] for name, value in {**fields, **kept}.items() if value is not None}
    keep_change(connection, by, int(number), owner.id, source, "made", changes)
    return find_contact(connection, by, int(number), Permission.CONTACT_EDIT)


def change_contact(
    connection: Connection,
    contact: ContactRow,
    *,
    by: Principal,
    stated: Mapping[str, Any],
    attributes: Mapping[str, Any] | None = None,
    source: str = "person",
    key: bytes,
) -> ContactRow:
    """Change fields and attributes of a contact as it was read: what is not stated stays. The external id stays too.

    Raises :class:`UsageError` (``contact_changed_since``, ``contact_removed``, what :func:`judge_fields` finds).
    """
    _refuse_removed(by, contact)
    team = get_team(connection, contact.team)
    known = attributes_known(connection, team.id)
    judged = judge_fields(stated, attributes=attributes, known=known, country=contact.country or team.country)
    if judged.values.get("external_id", contact.external_id) != contact.external_id:
        raise invalid("external_id", "it stays what it is, for messages and consents are kept by it")
    judged.raise_first()
    return _write(connection, contact, by, judged, source, key)


def set_addresses(
    connection: Connection, contact: ContactRow, kind: str, addresses: Sequence[str], *, by: Principal, key: bytes
) -> ContactRow:
    """Give a contact these addresses of a kind, in this order; they are normalised already.

    Raises what :func:`change_contact` does, and :class:`UsageError` (``contact_addresses_too_many``).
    """
    _refuse_removed(by, contact)
    further = further_of(connection, [contact.id]).get(contact.id, {})
    before = addresses_of(contact, further)
    wanted = without_repeats(addresses)
    if sum(map(len, before.values())) - len(before[kind]) + len(wanted) > MOST_ADDRESSES:
        raise UsageError("contact_addresses_too_many", most=MOST_ADDRESSES)
    main = KINDS[kind]
    rest = wanted[len(main) :]
    connection.execute(
        text("delete from contact_address where contact_id = :id and kind = :kind"), {"id": contact.id, "kind": kind}
    )
    for position, address in enumerate(rest):
        values = {"id": contact.id, "kind": kind, "position": position, "address": address}
        statement = (
            "insert into contact_address (contact_id, kind, position, address) values (:id, :kind, :position, :address)"
        )
        connection.execute(text(statement), values)
    fields = dict(zip(main, [*wanted[: len(main)], *[None] * len(main)], strict=False))
    judged = Judged(values=dict(fields))
    return _write(connection, contact, by, judged, "person", key, {f"{kind}s": [before[kind], wanted]})


def set_addresses_written(
    connection: Connection, contact: ContactRow, kind: str, written: Iterable[str], *, by: Principal, key: bytes
) -> ContactRow:
    """:func:`set_addresses` of addresses in any form. Raises what that raises, and what is wrong with one of them."""
    country = contact.country or get_team(connection, contact.team).country
    addresses = [read_contact_address(kind, each, country) for each in written]
    return set_addresses(connection, contact, kind, addresses, by=by, key=key)


def add_address(
    connection: Connection, contact: ContactRow, kind: str, written: str, *, by: Principal, key: bytes
) -> ContactRow:
    """Add an address, in any form, after those of its kind. Raises what :func:`set_addresses` does, and what is wrong with it."""
    _refuse_removed(by, contact)
    country = contact.country or get_team(connection, contact.team).country
    address = read_contact_address(kind, written, country)
    there = addresses_of(contact, further_of(connection, [contact.id]).get(contact.id, {}))[kind]
    if address.casefold() in map(str.casefold, there):
        raise invalid("address", "the contact has it already")
    return set_addresses(connection, contact, kind, [*there, address], by=by, key=key)


def set_removed(connection: Connection, contact: ContactRow, *, by: Principal, removed: bool) -> ContactRow:
    """Remove a contact, or bring it back. It keeps what is known of it, for the way back.

    Raises :class:`UsageError` (``contact_changed_since``) where somebody did so before, or changed it.
    """
    require(by, Permission.CONTACT_EDIT, contact.team)
    values = {"id": contact.id, "version": contact.version, "removed": removed}
    if connection.scalar(text(queries.SET_REMOVED), values) is None:
        raise UsageError("contact_changed_since")
    action = "removed" if removed else "restored"
    keep_change(connection, by, contact.id, contact.team_id, "person", action, {})
    return find_contact(connection, by, contact.id, Permission.CONTACT_EDIT)


def without_repeats(addresses: Iterable[str]) -> list[str]:
    """Addresses in their order, each once: capitals make none another, and the first spelling stays."""
    spelled: dict[str, str] = {}
    for address in addresses:
        spelled.setdefault(address.casefold(), address)
    return list(spelled.values())


def add_tags(connection: Connection, contact: ContactRow, tags: Iterable[str], *, by: Principal) -> list[str]:
    """Add tags; those that were not there before. Raises :class:`UsageError` (``contact_field_invalid``)."""
    _refuse_removed(by, contact)
    plain = [plain_text("tag", tag, LONGEST_TAG) for tag in tags]
    if not all(plain) or any("," in tag for tag in plain):
        raise invalid("tag", "a tag is a word or two, without a comma")
    statement = (
        "insert into contact_tag (contact_id, tag) select :id, unnest(cast(:tags as text[])) "
        "on conflict do nothing returning tag"
    )
    added = sorted(connection.scalars(text(statement), {"id": contact.id, "tags": list(dict.fromkeys(plain))}))
    count = connection.scalar(text("select count(*) from contact_tag where contact_id = :id"), {"id": contact.id})
    if int(count or 0) > MOST_TAGS:
        raise invalid("tag", f"a contact has {MOST_TAGS} tags at the most")
    if added:
        _touch(connection, contact, by, "tagged", {"tags": [None, added]})
    return added


def set_tags(connection: Connection, contact: ContactRow, tags: Iterable[str], *, by: Principal) -> ContactRow:
    """Give a contact these tags in the place of all that it has. Raises what :func:`add_tags` does."""
    wanted = list(tags)
    there = tags_of(connection, [contact.id]).get(contact.id, [])
    for tag in there:
        if tag not in wanted and remove_tag(connection, contact, tag, by=by):
            contact = find_contact(connection, by, contact.id, Permission.CONTACT_EDIT)
    if set(wanted) - set(there):
        add_tags(connection, contact, wanted, by=by)
    return find_contact(connection, by, contact.id, Permission.CONTACT_EDIT)


def remove_tag(connection: Connection, contact: ContactRow, tag: str, *, by: Principal) -> bool:
    """Take a tag away; whether it was there."""
    _refuse_removed(by, contact)
    statement = text("delete from contact_tag where contact_id = :id and tag = :tag returning tag")
    gone = connection.scalar(statement, {"id": contact.id, "tag": tag}) is not None
    if gone:
        _touch(connection, contact, by, "untagged", {"tags": [[tag], None]})
    return gone


def add_note(connection: Connection, contact: ContactRow, written: str, *, by: Principal) -> int:
    """Add a note; its number. Raises :class:`UsageError` (``contact_field_invalid``)."""
    _refuse_removed(by, contact)
    plain = plain_text("note", written, LONGEST_NOTE, lines=True)
    if not plain:
        raise invalid("note", "it is empty")
    statement = text("insert into contact_note (contact_id, text, created_by) values (:id, :text, :by) returning id")
    number = int(connection.execute(statement, {"id": contact.id, "text": plain, "by": by.actor}).scalar_one())
    keep_change(connection, by, contact.id, contact.team_id, "person", "noted", {})
    return number


def remove_note(connection: Connection, contact: ContactRow, number: int, *, by: Principal) -> bool:
    """Take a note away; whether it was there."""
    _refuse_removed(by, contact)
    statement = (
        "update contact_note set removed_at = now() where id = :id and contact_id = :contact and removed_at is null "
        "returning id"
    )
    gone = connection.scalar(text(statement), {"id": number, "contact": contact.id}) is not None
    if gone:
        keep_change(connection, by, contact.id, contact.team_id, "person", "note_removed", {})
    return gone


def define_attribute(
    connection: Connection, *, by: Principal, team: str, name: str, type_: str, label: str = ""
) -> Attribute:
    """Give the contacts of a team, and of the teams below it, a further value. One that is there gets the label; its type stays."""
    require(by, Permission.CONTACT_EDIT, team)
    owner = get_team(connection, team)
    if type_ not in ATTRIBUTE_TYPES:
        raise invalid("type", f"it is one of {', '.join(ATTRIBUTE_TYPES)}")
    there = attributes_known(connection, owner.id).get(attribute_name(name))
    if there is not None and there.type != type_:
        raise invalid("type", f"the attribute is there, and holds {there.type}")
    called = plain_text("label", label)
    values = {"team": owner.id, "name": name, "type": type_, "label": called, "by": by.actor}
    statement = (
        "insert into contact_attribute (team_id, name, type, label, created_by) values (:team, :name, :type, :label, :by) "
        "on conflict (team_id, name) do update set label = excluded.label"
    )
    connection.execute(text(statement), values)
    write_entry(
        connection,
        actor=by.actor,
        action="contact_attribute.defined",
        subject=f"contact_attribute:{name}",
        team_id=owner.id,
        detail={"type": type_},
    )
    return Attribute(name, type_, called)


def _write(
    connection: Connection,
    contact: ContactRow,
    by: Principal,
    judged: Judged,
    source: str,
    key: bytes,
    further_changes: Mapping[str, Any] | None = None,
) -> ContactRow:
    fields = contact.fields() | judged.values
    kept = {**contact.attributes, **judged.attributes}
    kept = {name: value for name, value in kept.items() if value is not None}
    further = further_of(connection, [contact.id]).get(contact.id, {})
    addresses = [*_addresses(fields), *(each for listed in further.values() for each in listed)]
    before = {**contact.fields(), **contact.attributes}
    changes = {
        name: [_plain(before.get(name)), _plain(value)]
        for name, value in {**judged.values, **judged.attributes}.items()
        if before.get(name) != value
    }
    if not changes and not further_changes:
        return contact
    values = fields | {
        "id": contact.id,
        "version": contact.version,
        "attributes": json.dumps(kept),
        "sources": json.dumps(dict.fromkeys(changes, source)),
        "address_hashes": [address_hash(each, key) for each in dict.fromkeys(addresses)],
    }
    values.pop("external_id")
    if connection.scalar(text(queries.UPDATE_CONTACT), values) is None:
        raise UsageError("contact_changed_since")
    _set_keys(connection, contact.id, contact.team_id, [fields["name"], fields["external_id"], *addresses], key)
    if further_changes:
        changes = dict(further_changes)
    keep_change(connection, by, contact.id, contact.team_id, source, "changed", changes)
    return find_contact(connection, by, contact.id, Permission.CONTACT_EDIT)


def _refuse_removed(by: Principal, contact: ContactRow) -> None:
    require(by, Permission.CONTACT_EDIT, contact.team)
    if contact.removed_at is not None:
        raise UsageError("contact_removed")


def _touch(connection: Connection, contact: ContactRow, by: Principal, action: str, changes: Mapping[str, Any]) -> None:
    if connection.scalar(text(queries.TOUCH), {"id": contact.id, "version": contact.version}) is None:
        raise UsageError("contact_changed_since")
    keep_change(connection, by, contact.id, contact.team_id, "person", action, changes)


def _set_keys(connection: Connection, number: int, team_id: int, texts: Iterable[str | None], key: bytes) -> None:
    keys = stored_hashes(texts, team_key(key, team_id))
    connection.execute(text(queries.SET_KEYS), {"id": number, "team_id": team_id, "keys": keys})


def keep_change(
    connection: Connection,
    by: Principal,
    number: int,
    team_id: int,
    source: str,
    action: str,
    changes: Mapping[str, Any],
) -> None:
    """Keep a change with its values in the contact's own history, and with the names of its fields alone in the audit log."""
    values = {"id": number, "by": by.actor, "source": source, "action": action, "changes": json.dumps(dict(changes))}
    connection.execute(text(queries.INSERT_CHANGE), values)
    write_entry(
        connection,
        actor=by.actor,
        action=f"contact.{action}",
        subject=f"contact:{number}",
        team_id=team_id,
        detail={"fields": sorted(changes), "source": source},
    )


def _addresses(fields: Mapping[str, Any]) -> list[str]:
    return [address for names in KINDS.values() for name in names if (address := fields.get(name))]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value
