"""A contact file read and judged for the address book: by the same reader, the same checks and the same words as for a campaign.

What differs is what is asked of a row. No template says which channels there are, so that any address will do; and a row
that only says who is meant, or what shall change, needs none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nightmail.channels import CHANNELS
from nightmail.contact_files import ContactFileSummary, ReadOptions, contact_file_summary, read_contact_file
from nightmail.contacts.import_lists import LIST_FIELDS, lists_among, lists_unread, read_lists
from nightmail.contacts.import_modes import KEY, ImportMode
from nightmail.errors import ContactFileError
from nightmail.lake import Lake, TableFile, column_of
from nightmail.lake.masks import Mask, present, truth
from nightmail.lake.schemas import CONTACTS, IDENTITY_FIELDS, STANDARD_FIELDS
from nightmail.organisation.feed_choices import Keep, ValueType
from nightmail.privacy.keyed_hashes import contact_digests, hex_column
from nightmail.progress import Progress
from nightmail.row_checks import ContactRules, ContactsSummary, PlaceholderRule, prepare_contacts

_WHOLE_NAMES = ("name", "full_name", "fullname", "display_name")
_FIRST_NAMES = ("first_name", "firstname", "given_name", "vorname", "prenom", "nombre")
_LAST_NAMES = ("last_name", "lastname", "surname", "family_name", "nachname", "nom", "apellidos", "apellido")
_DERIVED = ("country", "language", "time_zone")
"""Fields for which a campaign takes what follows from others; the book has what was said."""


@dataclass(frozen=True, kw_only=True)
class ImportRules:
    """How the file of an import is read and judged."""

    team: str
    """Its path: ids of contacts are made from it."""
    hash_key: bytes = field(repr=False)
    mode: ImportMode
    attributes: Mapping[str, str] = field(default_factory=dict)
    """The attributes that the team has, each with the type of its values: text, number, date or boolean."""
    default_country: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    keep: Keep = Keep.FIRST
    date_order: str | None = None
    file_name: str | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)

    def contact_rules(self, file_rejects: TableFile) -> ContactRules:
        """How the rows are judged."""
        return ContactRules(
            default_country=self.default_country,
            channels=tuple(CHANNELS),
            placeholders=(
                *(_attribute_rule(name, type_) for name, type_ in self.attributes.items()),
                *(_attribute_rule(name, ValueType.TEXT) for name in lists_among(LIST_FIELDS, self.attributes)),
            ),
            keep=self.keep,
            date_order=self.date_order,
            address_needed=self.mode is ImportMode.ADD,
            file_rejects=file_rejects,
        )


_BOOLEANS = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false"}


def _attribute_rule(name: str, type_: str) -> PlaceholderRule:
    if type_ == "boolean":
        words = tuple(way for word in _BOOLEANS for way in dict.fromkeys((word, word.capitalize(), word.upper())))
        return PlaceholderRule(name=name, required=False, allowed_values=words)
    known = type_ in (ValueType.NUMBER, ValueType.DATE)
    return PlaceholderRule(name=name, type=ValueType(type_) if known else ValueType.TEXT, required=False)


_TABLES = ("contact_file", "file_rejects", "contacts", "rejects", "warnings")


@dataclass(frozen=True)
class ImportTables:
    """The tables of one import, side by side in a folder that is its own."""

    contact_file: TableFile
    file_rejects: TableFile
    contacts: TableFile
    rejects: TableFile
    warnings: TableFile

    @classmethod
    def in_folder(cls, folder: Path) -> ImportTables:
        """``contacts.parquet`` and so on."""
        return cls(**{name: TableFile(f"{folder}/{name}.parquet") for name in _TABLES})

    @classmethod
    def of_import(cls, lake: Lake, number: int) -> ImportTables:
        """The import's own in the lake, beside the tables that analysts read and not among them."""
        return cls(**{name: lake.table(f"import_{name}", str(number), "import") for name in _TABLES})

    def delete(self) -> None:
        """Delete all of them."""
        for name in _TABLES:
            getattr(self, name).delete()


@dataclass(frozen=True)
class JudgedFile:
    """What a file says about contacts."""

    incoming: pa.Table = field(repr=False)
    """One row per contact: ``line``, :data:`~nightmail.contacts.import_modes.KEY`, ``external_id`` and :attr:`fields`."""
    fields: tuple[str, ...]
    """The columns that the file states: fields of a contact, and attributes by their names."""
    ignored: tuple[str, ...]
    """Columns, as the file has them, that are no field and no attribute of the team."""
    spared: pa.Array = field(repr=False)
    """The ids of the contacts that rejected rows are of, as far as their ``external_id`` says."""
    unclear: int
    """Rejected rows of which nobody can say whose they are."""
    lists: tuple[str, ...]
    """Those of :attr:`fields` whose cells hold several values: :mod:`nightmail.contacts.import_lists`."""
    unread: Mapping[str, Mask] = field(repr=False)
    """By field, the rows of ``incoming`` whose cell holds something that cannot be read: it says nothing, not even that it is empty."""


def judge_file(
    source: Path, tables: ImportTables, rules: ImportRules, progress: Progress | None = None
) -> tuple[ContactFileSummary, ContactsSummary]:
    """Read ``source`` and judge its rows. Raises :class:`ContactFileError` when the file cannot be used at all."""
    options = ReadOptions(
        rejects=tables.file_rejects,
        mapping=dict(rules.mapping),
        known_placeholders=(*rules.attributes, *lists_among(LIST_FIELDS, rules.attributes)),
        file_name=rules.file_name or source.name,
        **rules.limits,
    )
    file = read_contact_file(source, tables.contact_file, options, progress)
    judged = prepare_contacts(
        tables.contact_file,
        tables.contacts,
        tables.rejects,
        tables.warnings,
        rules.contact_rules(tables.file_rejects),
        progress,
    )
    lists = lists_among(tables.contact_file.schema().names, rules.attributes)
    if lists:
        unread = lists_unread(tables.contacts, lists, rules.default_country)
        if unread.num_rows:
            tables.warnings.write(pa.concat_tables([tables.warnings.read(), unread]))
            counted = Counter(judged.warnings_by_reason) + Counter(unread.column("reason").to_pylist())
            judged = replace(judged, warnings_by_reason=counted)
    return file, judged


def stated_rows(tables: ImportTables, rules: ImportRules) -> JudgedFile:
    """What a judged file says about contacts. Raises :class:`ContactFileError` (``file_no_known_column``)."""
    columns = tables.contact_file.schema().names
    stated = tuple(name for name in STANDARD_FIELDS if name in columns)
    if not stated:
        raise ContactFileError("file_no_known_column", columns=", ".join(columns[:10]))
    names = name_columns(columns)
    lists = lists_among(columns, rules.attributes)
    attributes = tuple(name for name in columns if name in rules.attributes and name not in (*CONTACTS.names, "name"))
    meant = {target: header for header, target in contact_file_summary(tables.contact_file).mapping.items()}
    ignored = tuple(
        meant.get(name, name) for name in columns if name not in ("line", *STANDARD_FIELDS, *attributes, *names, *lists)
    )
    fields = (*stated, *(("name",) if names else ()), *attributes, *lists)
    incoming = _incoming(tables, rules, stated, (*attributes, *lists), names)
    if lists:
        incoming = read_lists(incoming, lists, rules.default_country)
    return JudgedFile(
        incoming, fields, ignored, *_rejected_keys(tables, rules), lists, _unread(tables, incoming, fields)
    )


def name_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """The columns of a file that a contact's name is made of: the one with the whole name, or those with its parts."""
    for name in _WHOLE_NAMES:
        if name in columns:
            return (name,)
    first = next((name for name in _FIRST_NAMES if name in columns), None)
    last = next((name for name in _LAST_NAMES if name in columns), None)
    return tuple(name for name in (first, last) if name is not None)


def contact_keys(rows: pa.Table, team: str, hash_key: bytes) -> pa.Array:
    """The ids of contacts, as text: made from the number of the team's own, or else from the first address."""
    parts = [column_of(rows, name) for name in IDENTITY_FIELDS if name in rows.column_names]
    identity = pc.coalesce(*parts, pa.scalar(""))
    return hex_column(contact_digests(team, identity.to_pylist(), hash_key))


def _incoming(
    tables: ImportTables,
    rules: ImportRules,
    stated: tuple[str, ...],
    attributes: tuple[str, ...],
    names: tuple[str, ...],
) -> pa.Table:
    wanted = list(dict.fromkeys(("line", "external_id", *stated, *attributes)))
    read = list(dict.fromkeys((*wanted, *names)))
    blocks = []
    derived = [name for name in _DERIVED if name in stated]
    for block in tables.contacts.blocks(read):
        columns = {name: _plain(column_of(block, name)) for name in read}
        for name in attributes:
            if rules.attributes.get(name) == "boolean":
                columns[name] = _booleans(columns[name])
        rows = pa.table({name: columns[name] for name in wanted})
        if names:
            rows = rows.append_column("name", _whole_name([columns[name] for name in names]))
        blocks.append(rows.append_column(KEY, contact_keys(rows, rules.team, rules.hash_key)))
    if not blocks:
        empty = {name: pa.array([], pa.string()) for name in (*wanted[1:], *(["name"] if names else []), KEY)}
        return pa.table({"line": pa.array([], pa.int64()), **empty})
    rows = pa.concat_tables(blocks)
    return _as_stated(rows, tables, derived) if derived else rows


def _whole_name(parts: list[pa.Array]) -> pa.Array:
    joined = parts[0]
    if len(parts) > 1:
        joined = pc.binary_join_element_wise(*(pc.fill_null(part, "") for part in parts), " ")
    joined = pc.utf8_trim_whitespace(joined)
    return pc.if_else(pc.equal(joined, ""), pa.scalar(None, pa.string()), joined)


def _rejected_keys(tables: ImportTables, rules: ImportRules) -> tuple[pa.Array, int]:
    """The ids of the contacts that rejected rows are of, and how many of the rows state none."""
    lines = tables.rejects.read(["line", "reason"])
    lines = pc.unique(lines.filter(pc.invert(pc.starts_with(lines.column("reason"), "duplicate_"))).column("line"))
    if not len(lines) or "external_id" not in tables.contact_file.schema().names:
        return pa.array([], pa.string()), len(lines)
    cells = tables.contact_file.read(["line", "external_id"])
    cells = cells.filter(pc.is_in(cells.column("line"), value_set=lines))
    numbers = pc.utf8_trim_whitespace(column_of(cells, "external_id"))
    numbers = numbers.filter(pa.array(present(numbers)))
    return contact_keys(pa.table({"external_id": numbers}), rules.team, rules.hash_key), len(lines) - len(numbers)


def _unread(tables: ImportTables, incoming: pa.Table, fields: Sequence[str]) -> dict[str, Mask]:
    if not tables.warnings.num_rows():
        return {}
    noticed = tables.warnings.read(["line", "column"])
    found = {}
    for name in fields:
        lines = noticed.filter(pc.equal(noticed.column("column"), name)).column("line")
        if len(lines):
            found[name] = truth(pc.is_in(incoming.column("line"), value_set=lines))
    return found


def _as_stated(rows: pa.Table, tables: ImportTables, derived: list[str]) -> pa.Table:
    """The rows with what follows from other fields taken off where the file itself says nothing."""
    cells = tables.contact_file.read(["line", *derived])
    cells = cells.take(pc.index_in(rows.column("line"), value_set=cells.column("line").combine_chunks()))
    for name in derived:
        said = pa.array(present(column_of(cells, name)))
        kept = pc.if_else(said, column_of(rows, name), pa.scalar(None, pa.string()))
        rows = rows.set_column(rows.schema.get_field_index(name), name, kept)
    return rows


def _plain(column: pa.Array) -> pa.Array:
    """A column as text, each value written in one way only: the book is compared with it."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_decimal(column.type):
        return short_numbers(column.cast(pa.string()))
    return column if column.type == pa.int64() else column.cast(pa.string())


def _booleans(column: pa.Array) -> pa.Array:
    words = pc.utf8_lower(column)
    return pa.array(list(_BOOLEANS.values())).take(pc.index_in(words, value_set=pa.array(list(_BOOLEANS))))


def short_numbers(numbers: pa.Array) -> pa.Array:
    """Numbers as text without the zeros at their ends: ``12.50`` and ``12.5`` are one value."""
    shorter = pc.replace_substring_regex(numbers, r"^([^.]*\.\d*?)0+$", r"\1")
    return pc.replace_substring_regex(shorter, r"\.$", "")
