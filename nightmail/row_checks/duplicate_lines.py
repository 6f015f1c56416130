"""Lines about duplicates for the uploader: lines of rejects, and warnings about keys that stand with many addresses."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake.schemas import REJECTS, WARNINGS
from nightmail.row_checks.duplicates import trusted
from nightmail.row_checks.findings import sentences
from nightmail.row_checks.rules import ContactRules
from nightmail.row_checks.same_contacts import SameContacts, address_order


def duplicate_lines(
    block: pa.Table, start: int, lines: npt.NDArray[np.int64], same: SameContacts, rules: ContactRules
) -> pa.Table:
    """The lines of rejects for the duplicates of ``block``, whose first row is at the position ``start`` of all rows.

    ``lines`` are those of all rows.
    """
    stop = start + block.num_rows
    duplicate = np.flatnonzero(same.duplicates[start:stop])
    earlier = np.flatnonzero(same.already[start:stop])
    return pa.concat_tables(
        [
            REJECTS.empty_table(),
            *_collapsed_lines(block, duplicate, start, lines, same, rules),
            _earlier_lines(block, earlier, start, same.earlier),
        ]
    )


def _collapsed_lines(
    block: pa.Table,
    at: npt.NDArray[np.int64],
    start: int,
    lines: npt.NDArray[np.int64],
    same: SameContacts,
    rules: ContactRules,
) -> list[pa.Table]:
    into = lines[same.collapsed.into[start + at]]
    equal = same.equal[start + at]
    found = [_lines(block, at[equal], "duplicate_row", None, into[equal])]
    at, into = at[~equal], into[~equal]
    if len(at):
        by_address = np.ones(len(at), dtype=bool)
        for name in rules.unique_by:
            if name in block.column_names:
                by_address &= ~pc.is_valid(trusted(name, block.column(name).take(pa.array(at)))).to_numpy()
        address = tuple(name for name in address_order(rules) if name in block.column_names)
        found.append(_lines(block, at[by_address], "duplicate_address", address, into[by_address]))
        reason = "duplicate_external_id" if rules.unique_by == ("external_id",) else "duplicate_key"
        found.append(_lines(block, at[~by_address], reason, rules.unique_by, into[~by_address]))
    return found


def _earlier_lines(
    block: pa.Table, at: npt.NDArray[np.int64], start: int, earlier: list[str | None] | None
) -> pa.Table:
    """The lines of rejects for the rows at the positions ``at`` of ``block`` whom an earlier campaign had."""
    if earlier is None or not len(at):
        return REJECTS.empty_table()
    campaigns = pa.array([earlier[start + position] for position in at], pa.string())
    return _lines(block, at, "duplicate_earlier_campaign", None, None, campaign=campaigns)


def shared_key_lines(block: pa.Table, start: int, same: SameContacts, rules: ContactRules) -> pa.Table:
    """The warnings about kept rows of ``block`` whose key stands with many addresses."""
    at = np.flatnonzero(same.addresses[start : start + block.num_rows])
    if not len(at):
        return WARNINGS.empty_table()
    rows, addresses = (pa.array(counts[start + at]) for counts in (same.rows_of, same.addresses))
    lines = _lines(block, at, "key_shared", rules.unique_by, None, rows=rows, addresses=addresses)
    return lines.select(WARNINGS.names).cast(WARNINGS)


def _lines(
    block: pa.Table,
    at: npt.NDArray[np.int64],
    reason: str,
    columns: tuple[str, ...] | None,
    of: npt.NDArray[np.int64] | None,
    **fields: pa.Array,
) -> pa.Table:
    """Lines of rejects with one reason. The value is that of the key's ``columns``, or of the first filled one for an address."""
    if not len(at):
        return REJECTS.empty_table()
    rows = len(at)
    taken = block.take(pa.array(at))
    name: str | None = None
    value = pa.nulls(rows, pa.string())
    if columns is not None and reason == "duplicate_address":
        value = pc.coalesce(*(taken.column(column) for column in columns)).combine_chunks()
    elif columns is not None:
        name = ", ".join(columns)
        parts = [pc.fill_null(taken.column(column).cast(pa.string()), "") for column in columns]
        value = pc.binary_join_element_wise(*parts, ", ").combine_chunks()
    duplicate_of = pa.nulls(rows, pa.int64()) if of is None else pa.array(of, pa.int64())
    known = {"value": pc.fill_null(value, ""), "column": name or "", "of": duplicate_of, **fields}
    return pa.table(
        {
            "line": taken.column("line"),
            "column": pa.array([name] * rows, pa.string()),
            "value": value,
            "reason": pa.repeat(reason, rows),
            "message": sentences(reason, rows, known),
            "duplicate_of": duplicate_of,
        }
    ).cast(REJECTS)
