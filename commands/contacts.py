"""``nightmail contacts``: the address book."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from commands.contact_import import import_file
from commands.screen import Screen, counted, screen, table
from nightmail.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from nightmail.contacts.contact_listing import ContactRow

app = typer.Typer(
    no_args_is_help=True, help="The address book: the people who are written to.", rich_markup_mode="rich"
)

app.command("import")(import_file)

JSON_HELP = "Print JSON."
NUMBER_HELP = "The contact's number, as `nightmail contacts list` shows it."
SET_HELP = "A field and its value: `name=Zoë`; an empty value takes it away. May be given several times."
VALUE_HELP = "An attribute that the team defined, and its value: `tariff=green`. May be given several times."


@app.command("list")
def list_all(
    words: str = typer.Argument(None, help="Any part of a name, an id or an address; of several words all."),
    *,
    team: str = typer.Option(None, "--team", help="Only of this team and those under it."),
    tag: str = typer.Option(None, "--tag", help="Only with this tag."),
    after: int = typer.Option(None, "--after", help="Go on after the contact with this number."),
    limit: int = typer.Option(50, "--limit", min=1, max=1000, help="At most so many, the newest first."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """List contacts, the newest first, or find some."""
    from commands.local import open_database, principal
    from nightmail.access.decisions import teams_with
    from nightmail.access.permissions import Permission
    from nightmail.contacts.contact_listing import ContactFilter, list_contacts, search_contacts
    from nightmail.organisation.teams import team_id_of
    from nightmail.settings import settings

    view = screen(json_output)
    with open_database().connect() as connection:
        if team is not None:
            team_id_of(connection, team)
        wanted = ContactFilter(teams_with(principal(), Permission.CONTACT_SEE), team=team, tag=tag)
        if words is None:
            rows = list_contacts(connection, wanted, before=after, limit=limit + 1)
        else:
            key = settings().key()
            rows = search_contacts(connection, wanted, words, key=key, before=after, limit=limit + 1)
        found = _in_full(connection, rows[:limit])
    following = rows[limit - 1].id if len(rows) > limit else None
    view.answer({"ok": True, "contacts": found, "next": following})
    if not found:
        view.say("No contact fits.")
        return
    cells = [
        (each["id"], each["name"] or "", each["external_id"], _addresses(each), ", ".join(each["tags"]), each["team"])
        for each in found
    ]
    view.show(table("Contacts", ("number", "name", "external id", "addresses", "tags", "team"), cells, numeric=[0]))
    if following:
        view.notice(f"more: --after {following}")


@app.command("show")
def show(
    number: int = typer.Argument(..., help=NUMBER_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Show all that is known of a contact, and what changed of it."""
    from commands.local import open_database, principal
    from nightmail.contacts.contact_listing import changes_of, find_contact, groups_of_contact, notes_of

    view = screen(json_output)
    with open_database().connect() as connection:
        row = find_contact(connection, principal(), number)
        (found,) = _in_full(connection, [row])
        found["groups"] = [name for _, name in groups_of_contact(connection, number)]
        found["notes"] = [note.text for note in notes_of(connection, number)]
        changes: list[dict[str, Any]] = [
            {"at": each.changed_at, "by": each.changed_by, "source": each.source, "action": each.action}
            | {"changes": each.changes}
            for each in changes_of(connection, number)
        ]
    view.answer({"ok": True, "contact": found, "changes": changes})
    view.show(table(f"Contact {number}", ("field", "value"), [(name, _cell(value)) for name, value in found.items()]))
    cells = [
        (f"{each['at']:%Y-%m-%d %H:%M}", each["by"], each["action"], ", ".join(each["changes"])) for each in changes
    ]
    view.show(table("Changes", ("at", "by", "what", "fields"), cells))


@app.command("add")
def add(
    *,
    team: str = typer.Option(..., "--team", help="The team whose contact it is."),
    value: list[str] = typer.Option([], "--set", help=SET_HELP),
    attribute: list[str] = typer.Option([], "--attribute", help=VALUE_HELP),
    tag: list[str] = typer.Option([], "--tag", help="A tag; may be given several times."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Make a contact. Without `external_id` the first address stands for it; for many contacts there is an import."""
    from commands.local import open_database, principal
    from nightmail.contacts.contact_changes import make_contact, set_tags
    from nightmail.settings import settings

    view = screen(json_output)
    by = principal()
    with open_database().begin() as connection:
        made = make_contact(
            connection, by=by, team=team, stated=_pairs(value), attributes=_pairs(attribute), key=settings().key()
        )
        made = set_tags(connection, made, tag, by=by)
        (found,) = _in_full(connection, [made])
    _say(view, found, "made")


@app.command("change")
def change(
    number: int = typer.Argument(..., help=NUMBER_HELP),
    *,
    value: list[str] = typer.Option([], "--set", help=SET_HELP),
    attribute: list[str] = typer.Option([], "--attribute", help=VALUE_HELP),
    tag: list[str] = typer.Option([], "--tag", help="A further tag; may be given several times."),
    without_tag: list[str] = typer.Option([], "--without-tag", help="A tag that goes."),
    add_address: list[str] = typer.Option(
        [], "--add-address", help="A further address, with its kind: `phone=...`, `landline=...`, `email=...`."
    ),
    note: str = typer.Option(None, "--note", help="What colleagues should know."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Change a contact. What was stays in its history."""
    from commands.local import open_database, principal
    from nightmail.access.permissions import Permission
    from nightmail.contacts import contact_changes as changes
    from nightmail.contacts.contact_listing import find_contact, tags_of
    from nightmail.settings import settings

    view = screen(json_output)
    by, key = principal(), settings().key()
    with open_database().begin() as connection:
        row = find_contact(connection, by, number, Permission.CONTACT_EDIT)
        row = changes.change_contact(
            connection, row, by=by, stated=_pairs(value), attributes=_pairs(attribute), key=key
        )
        for kind, written in _pairs(add_address).items():
            row = changes.add_address(connection, row, kind, written, by=by, key=key)
        if tag or without_tag:
            tags = [each for each in (*tags_of(connection, [number]).get(number, []), *tag) if each not in without_tag]
            row = changes.set_tags(connection, row, dict.fromkeys(tags), by=by)
        if note is not None:
            changes.add_note(connection, row, note, by=by)
        (found,) = _in_full(connection, [row])
    _say(view, found, "changed")


@app.command("remove")
def remove(
    number: int = typer.Argument(..., help=NUMBER_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Remove a contact: it is in no list and gets nothing more. `nightmail contacts restore` brings it back."""
    _set_removed(number, screen(json_output), removed=True)


@app.command("restore")
def restore(
    number: int = typer.Argument(..., help=NUMBER_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Bring a removed contact back as it was."""
    _set_removed(number, screen(json_output), removed=False)


@app.command("attribute")
def attribute(
    name: str = typer.Argument(None, help="A new attribute; without one, those that there are."),
    *,
    team: str = typer.Option(..., "--team", help="The team whose contacts, and whose below it, have it."),
    type_: str = typer.Option("text", "--type", help="text, number, date or boolean."),
    label: str = typer.Option("", "--label", help="How people read it."),
    remove: bool = typer.Option(False, "--remove", help="Remove it."),
    with_values: bool = typer.Option(False, "--with-values", help="With --remove: the values of contacts go too."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Define an attribute that a team keeps of its contacts, remove one, or list them."""
    from commands.local import open_database, principal
    from nightmail.contacts.attributes import list_attributes, remove_attribute
    from nightmail.contacts.contact_changes import define_attribute
    from nightmail.organisation.teams import team_id_of

    view = screen(json_output)
    with open_database().begin() as connection:
        team_id_of(connection, team)
        if remove:
            own = [each for each in list_attributes(connection, team) if (each.team, each.name) == (team, name)]
            if not own:
                raise UsageError("contact_attribute_unknown", attribute=name or "without a name")
            remove_attribute(connection, own[0], by=principal(), with_values=with_values)
        elif name is not None:
            define_attribute(connection, by=principal(), team=team, name=name, type_=type_, label=label)
        found = list_attributes(connection, team)
    rows = [(each.name, each.type, each.label) for each in found]
    named = [dict(zip(("name", "type", "label"), row, strict=True)) for row in rows]
    view.answer({"ok": True, "team": team, "attributes": named})
    view.show(table(f"Attributes of {team}", ("name", "type", "label"), rows))


@app.command("export")
def export(
    file: Path = typer.Argument(..., help="The file to write: .csv, .xlsx or .parquet."),
    *,
    team: str = typer.Option(..., "--team", help="The team; contacts of those under it too."),
    tag: str = typer.Option(None, "--tag", help="Only with this tag."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Take contacts out as a file, with the columns that an import takes again. That it was taken is in the audit log."""
    from commands.local import open_database, principal
    from nightmail.contacts.contact_export import FORMATS, export_contacts

    view = screen(json_output)
    format_ = file.suffix.removeprefix(".").lower()
    if format_ not in FORMATS:
        raise UsageError(
            "arguments_wrong", problem=f"{file.name} ends in none of {', '.join(f'.{f}' for f in FORMATS)}"
        )
    if file.exists():
        raise UsageError("arguments_wrong", problem=f"{file} is there already")
    with open_database().begin() as connection:
        rows = export_contacts(connection, file, format_, by=principal(), team=team, tag=tag)
    view.answer({"ok": True, "file": str(file), "contacts": rows})
    view.say(f"{counted(rows, 'contact')} written to {file}")


@app.command("duplicates")
def duplicates(
    team: str = typer.Argument(..., help="The team whose contacts are compared."),
    *,
    all_: bool = typer.Option(False, "--all", help="Compare the names of all contacts, not only of the newest 50,000."),
    limit: int = typer.Option(50, "--limit", min=1, max=200, help="At most so many pairs, the likeliest first."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Show contacts that are probably one person: with the same address, or nearly the same name."""
    from commands.local import open_database
    from nightmail.contacts.duplicates import NEWEST, proposals
    from nightmail.organisation.teams import team_id_of

    view = screen(json_output)
    with open_database().connect() as connection:
        newest = None if all_ else NEWEST
        found = proposals(connection, team_id_of(connection, team), limit=limit, newest=newest)
    rows = [
        (each.first_id, each.second_id, ", ".join((each.why, *each.also)).replace("_", " "), each.likeness)
        for each in found
    ]
    pairs = [
        {"contacts": [one, other], "why": each.why, "likeness": each.likeness, "also": each.also}
        for (one, other, *_), each in zip(rows, found, strict=True)
    ]
    view.answer({"ok": True, "team": team, "proposals": pairs})
    if rows:
        view.show(table("Probably one person", ("contact", "contact", "why", "likeness"), rows, numeric=[0, 1, 3]))
        view.notice("nightmail contacts merge KEEP OTHER joins two; with --apart they are two people")
    else:
        view.say("No duplicates are known.")


@app.command("merge")
def merge(
    keep: int = typer.Argument(..., help="The number of the contact that stays."),
    other: int = typer.Argument(..., help="The number of the contact that goes."),
    *,
    apart: bool = typer.Option(False, "--apart", help="They are two people: do not propose them again."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Make one contact of two of a team. What either asked to end holds for it. `nightmail contacts unmerge` takes it back."""
    from commands.local import open_database, principal
    from nightmail.access.permissions import Permission
    from nightmail.consent.merges import merge as merge_contacts
    from nightmail.contacts.contact_listing import find_contact
    from nightmail.contacts.merges import find_merge, keep_apart
    from nightmail.settings import settings

    view = screen(json_output)
    by = principal()
    with open_database().begin() as connection:
        first = find_contact(connection, by, keep, Permission.CONTACT_EDIT)
        second = find_contact(connection, by, other, Permission.CONTACT_EDIT)
        if apart:
            number = keep_apart(connection, first, second, by=by)
        else:
            _, number = merge_contacts(connection, first, second, by=by, key=settings().key())
        choices = find_merge(connection, by, number).before.get("choices", {})
    held, opted_out = choices.get("held", []), len(choices.get("opted_out", []))
    view.answer({"ok": True, "merge": number, "kept": keep, "other": other, "apart": apart, "held": held})
    view.say(f"They are kept apart (decision {number})" if apart else f"{other} went into {keep} (merge {number})")
    for each in held:
        facts = " ".join(str(each[name]) for name in ("category", "channel", "until", "value") if each.get(name))
        view.notice(f"held, for the two had stated different things: {each['what'].replace('_', ' ')} {facts}".rstrip())
    if opted_out:
        view.notice("held, for one of them had opted out: the addresses of the other one too")


@app.command("unmerge")
def unmerge(
    number: int = typer.Argument(..., help="The merge's number, as `nightmail contacts merge` said it."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Take a merge back: both contacts are as they were. What was asked to end since holds for both."""
    from commands.local import open_database, principal
    from nightmail.consent.merges import undo_merge
    from nightmail.contacts.merges import find_merge
    from nightmail.settings import settings

    view = screen(json_output)
    by = principal()
    with open_database().begin() as connection:
        found = find_merge(connection, by, number)
        undo_merge(connection, found, by=by, key=settings().key())
    view.answer({"ok": True, "merge": number, "contacts": [found.kept_id, found.other_id]})
    view.say(f"Contacts {found.kept_id} and {found.other_id} are as they were")


def _set_removed(number: int, view: Screen, *, removed: bool) -> None:
    from commands.local import open_database, principal
    from nightmail.access.permissions import Permission
    from nightmail.contacts.contact_changes import set_removed
    from nightmail.contacts.contact_listing import find_contact

    by = principal()
    with open_database().begin() as connection:
        row = find_contact(connection, by, number, Permission.CONTACT_EDIT)
        row = set_removed(connection, row, by=by, removed=removed)
        (found,) = _in_full(connection, [row])
    _say(view, found, "removed" if removed else "restored")


def _pairs(stated: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for each in stated:
        name, equals, value = each.partition("=")
        if not equals or not name or name in pairs:
            raise UsageError("arguments_wrong", problem=f"{each[:60]!r} is no name=value, or the name came before")
        pairs[name] = value
    return pairs


def _in_full(connection: Connection, rows: Sequence[ContactRow]) -> list[dict[str, Any]]:
    from nightmail.contacts.contact_listing import addresses_of, further_of, tags_of

    numbers = [row.id for row in rows]
    tags, further = tags_of(connection, numbers), further_of(connection, numbers)
    return [
        {
            "id": row.id,
            "team": row.team,
            "contact_id": row.contact_id,
            "external_id": row.external_id,
            "name": row.name,
            "addresses": {kind: each for kind, each in addresses_of(row, further.get(row.id, {})).items() if each},
            "language": row.language,
            "time_zone": row.time_zone,
            "country": row.country,
            "birth_date": row.birth_date,
            "attributes": row.attributes,
            "tags": tags.get(row.id, []),
            "source": row.source,
            "version": row.version,
            "removed_at": row.removed_at,
        }
        for row in rows
    ]


def _addresses(found: Mapping[str, Any]) -> str:
    return ", ".join(address for listed in found["addresses"].values() for address in listed)


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_cell(each)}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def _say(view: Screen, found: Mapping[str, Any], done: str) -> None:
    view.answer({"ok": True, "contact": found})
    view.say(f"Contact {found['id']} ({found['external_id']}) of {found['team']}: {done}")
