"""Cells of imports that hold several values: tags, and further addresses beside those that stand in a contact's row.

In the plan each is one text in one way of writing, with :data:`BETWEEN` between its values: tags sorted, addresses in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from nightmail.channels import ADDRESS_FIELDS
from nightmail.contacts.contact_changes import LONGEST_TAG, MOST_ADDRESSES, MOST_TAGS
from nightmail.contacts.contact_fields import plain_text, read_contact_address
from nightmail.errors import UsageError
from nightmail.lake import TableFile, column_of
from nightmail.lake.masks import present
from nightmail.lake.schemas import WARNINGS
from nightmail.privacy.keyed_hashes import address_digests, hex_column

BETWEEN = ", "
TAGS = "tags"
FURTHER: Mapping[str, str] = {"further_phones": "phone", "further_landlines": "landline", "further_emails": "email"}
"""The columns of further addresses, each with the kind of its addresses."""
LIST_FIELDS = (TAGS, *FURTHER)
"""The columns whose cells hold several values, with commas between."""


def lists_among(columns: Iterable[str], attributes: Iterable[str]) -> tuple[str, ...]:
    """Those of ``columns`` that hold several values: an attribute of the team by such a name stays what it is."""
    known = set(attributes)
    return tuple(name for name in LIST_FIELDS if name in set(columns) and name not in known)


def read_lists(rows: pa.Table, names: Sequence[str], country: str | None) -> pa.Table:
    """``rows`` with the cells of ``names`` in their one way of writing; null where one is empty or cannot be read."""
    for name, cells in _read(rows, names, country).items():
        column = pa.array([cell if isinstance(cell, str) and cell else None for cell in cells], pa.string())
        rows = rows.set_column(rows.schema.get_field_index(name), name, column)
    return rows


def lists_unread(contacts: TableFile, names: Sequence[str], country: str | None) -> pa.Table:
    """The cells of ``names`` that cannot be read, as warnings: such a cell says nothing."""
    found = []
    wanted = [name for name in ("line", *ADDRESS_FIELDS, "country", *names) if name in contacts.schema().names]
    for block in contacts.blocks(wanted):
        lines = block.column("line").to_pylist()
        for name, cells in _read(block, names, country).items():
            values = column_of(block, name).to_pylist()
            for line, value, cell in zip(lines, values, cells, strict=True):
                if isinstance(cell, UsageError):
                    message = f"{cell.message} {cell.remedy}"
                    row = {"line": line, "column": name, "value": value, "reason": cell.reason, "message": message}
                    found.append(row)
    return pa.Table.from_pylist(found, schema=WARNINGS)


def united(given: pa.ChunkedArray, before: pa.ChunkedArray, name: str) -> pa.Array:
    """What is there and what is given, each once: tags sorted, addresses in the order in which they came."""
    known: dict[tuple[str | None, str | None], str | None] = {}

    def both(new: str | None, old: str | None) -> str | None:
        if new is None or old is None:
            return old if new is None else new
        values = dict.fromkeys([*old.split(BETWEEN), *new.split(BETWEEN)])
        return BETWEEN.join(sorted(values) if name == TAGS else values)

    pairs = list(zip(given.to_pylist(), before.to_pylist(), strict=True))
    for pair in pairs:
        if pair not in known:
            known[pair] = both(*pair)
    return pa.array([known[pair] for pair in pairs], pa.string())


def too_long(values: pa.Array, name: str) -> pa.Array:
    """Where a contact would have more values than it may."""
    most = MOST_TAGS if name == TAGS else MOST_ADDRESSES
    return pc.greater_equal(pc.fill_null(pc.count_substring(values, BETWEEN), 0), most)


def quoted_hashes(values: pa.Array, key: bytes) -> pa.Array:
    """The keyed hashes of the addresses of each cell, as parts of an array of bytes: ``,"\\\\x…"`` for each."""
    apart = pc.split_pattern(pc.fill_null(values, ""), BETWEEN)
    addresses = apart.flatten()
    filled = pc.if_else(pc.equal(addresses, ""), pa.scalar(None, pa.string()), addresses)
    digits = hex_column(address_digests(filled.to_pylist(), key))
    quoted = pc.fill_null(pc.binary_join_element_wise(',"\\\\x', digits, '"', ""), "")
    return pc.binary_join(pa.ListArray.from_arrays(apart.offsets, quoted), "")


def _read(rows: pa.Table, names: Sequence[str], country: str | None) -> dict[str, list[str | UsageError | None]]:
    """By column, each cell in its one way of writing, or what is wrong with it."""
    countries = column_of(rows, "country").to_pylist() if "country" in rows.column_names else [None] * rows.num_rows
    own = [set[str]() for _ in range(rows.num_rows)]
    for name in ADDRESS_FIELDS:
        if name in rows.column_names and any(each in FURTHER for each in names):
            for known, address in zip(own, column_of(rows, name).to_pylist(), strict=True):
                known.add(str(address or "").casefold())
    found: dict[str, list[str | UsageError | None]] = {}
    for name in names:
        column = column_of(rows, name)
        if not present(column).any():
            found[name] = [None] * rows.num_rows
            continue
        values = column.to_pylist()
        if name == TAGS:
            read = _remembered(_tags)
            found[name] = [None if value is None else read(str(value), "") for value in values]
        else:
            read = _remembered(lambda text, of, kind=FURTHER[name]: _addresses(kind, text, of or country))  # type: ignore[misc]
            cells = [
                None if value is None else read(str(value), of or "")
                for value, of in zip(values, countries, strict=True)
            ]
            found[name] = [_without(cell, known) for cell, known in zip(cells, own, strict=True)]
    return found


def _remembered(read: Callable[[str, str], str]) -> Callable[[str, str], str | UsageError]:
    """``read``, once for each cell that is another; what it raises is its value."""
    known: dict[tuple[str, str], str | UsageError] = {}

    def remembered(text: str, country: str) -> str | UsageError:
        if (text, country) not in known:
            try:
                known[text, country] = read(text, country)
            except UsageError as error:
                known[text, country] = error
        return known[text, country]

    return remembered


def _tags(text: str, _: str) -> str:
    tags = sorted(dict.fromkeys(plain_text("tag", tag, LONGEST_TAG) for tag in _parts(text)))
    _refuse_many(len(tags), MOST_TAGS)
    return BETWEEN.join(tags)


def _addresses(kind: str, text: str, country: str | None) -> str:
    found = dict.fromkeys(read_contact_address(kind, part, country) for part in _parts(text))
    _refuse_many(len(found), MOST_ADDRESSES)
    return BETWEEN.join(found)


def _without(cell: str | UsageError | None, known: set[str]) -> str | UsageError | None:
    """A cell without the addresses that the row has elsewhere, which are in ``known`` from then on with its own."""
    if not isinstance(cell, str):
        return cell
    kept = [each for each in cell.split(BETWEEN) if each and each.casefold() not in known]
    known.update(map(str.casefold, kept))
    return BETWEEN.join(kept)


def _parts(text: str) -> list[str]:
    return [part for part in (each.strip() for each in text.replace(";", ",").split(",")) if part]


def _refuse_many(count: int, most: int) -> None:
    if count > most:
        raise UsageError("import_list_too_long")
