"""The stage ``contacts``: a table of strings in; contacts, rejects and warnings out, in two passes by blocks.

The first pass judges every row on its own and puts what remains aside; only the keys of the rows stay in memory. Then the
duplicates are known, and the second pass writes the tables. Every row of the file ends as a contact, a reject or a
duplicate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.channels import ADDRESS_FIELDS
from nightmail.contact_files.summary import FileDecision
from nightmail.errors import ContractError
from nightmail.lake import BLOCK_ROWS, TableFile
from nightmail.lake.schemas import REJECTS, WARNINGS
from nightmail.organisation.feed_choices import Keep
from nightmail.progress import Progress
from nightmail.reasons import remedy, sentence
from nightmail.row_checks.aside import AsideTable
from nightmail.row_checks.duplicates import Collapsed, collapse, contact_keys, row_fingerprints, row_hashes
from nightmail.row_checks.findings import sentences
from nightmail.row_checks.judging import RowJudge
from nightmail.row_checks.phones import metadata_version
from nightmail.row_checks.rules import ContactRules, ContactsSummary

_BLOCK_BYTES = 128 * 1024**2
_LEAST_BLOCK_ROWS = 500


def prepare_contacts(
    contact_file: TableFile,
    contacts: TableFile,
    rejects: TableFile,
    warnings: TableFile,
    rules: ContactRules,
    progress: Progress | None = None,
) -> ContactsSummary:
    """Judge, normalise and deduplicate the rows of ``contact_file``.

    ``contact_file`` is what :func:`nightmail.contact_files.read_contact_file` wrote: ``line`` and columns of strings. ``contacts`` has
    the schema :data:`~nightmail.lake.schemas.CONTACTS` with one typed column per placeholder after it, ``rejects``
    :data:`~nightmail.lake.schemas.REJECTS`, ``warnings`` :data:`~nightmail.lake.schemas.WARNINGS`; each is sorted by line and
    appears whole or not at all. The same input gives the same output.

    Raises :class:`~nightmail.errors.ContractError` if a column of ``unique_by`` or ``keep_by`` is missing.
    """
    schema = contact_file.schema()
    check_columns(schema, rules)
    total = contact_file.num_rows()
    # Rows that hold whole texts go in smaller blocks: memory does not grow with their width.
    width = contact_file.uncompressed_bytes() // max(total, 1)
    block_rows = max(_LEAST_BLOCK_ROWS, min(BLOCK_ROWS, _BLOCK_BYTES // max(width, 1)))
    day = rules.reference_date or datetime.now(UTC).date()
    judge = RowJudge.of(contact_file, rules, day)
    column_warnings = judge.column_warnings()
    with ExitStack() as stack:
        aside = stack.enter_context(AsideTable(judge.contact_schema))
        rejects_aside = stack.enter_context(AsideTable(REJECTS))
        warnings_aside = stack.enter_context(AsideTable(WARNINGS))
        keys: list[pa.Array] = []
        rejected: list[np.ndarray] = []
        preferences: list[np.ndarray] = []
        lines: list[np.ndarray] = []
        done = 0
        for block in contact_file.blocks(rows=block_rows, recurring=judge.recurring):
            judged = judge.block(block)
            aside.append(judged.contacts)
            rejected.append(judged.rejected)
            rejects_aside.append(judged.rejects)
            warnings_aside.append(judged.warnings)
            key = _keys(judged.contacts, rules).combine_chunks()
            if judged.rejected.any():
                key = pc.if_else(pa.array(judged.rejected), pa.scalar(None, key.type), key)
            keys.append(key)
            lines.append(judged.contacts.column("line").to_numpy())
            if judged.preference is not None:
                preferences.append(judged.preference)
            done += block.num_rows
            if progress is not None:
                progress("contacts", done, total)
        all_lines = np.concatenate(lines)
        all_keys = pa.chunked_array(keys, pa.large_string())
        keys.clear()
        collapsed = collapse(
            all_keys, np.concatenate(preferences) if preferences else None, keep_last=rules.keep == Keep.LAST
        )
        earlier = _earlier_campaigns(all_keys, rules)
        del all_keys
        return _write(
            aside=aside,
            rejects_aside=rejects_aside,
            warnings_aside=warnings_aside,
            contacts=contacts,
            rejects=rejects,
            warnings=warnings,
            rules=rules,
            collapsed=collapsed,
            lines=all_lines,
            rejected=np.concatenate(rejected),
            earlier=earlier,
            column_warnings=column_warnings,
            decisions=judge.decisions(),
        )


def check_columns(schema: pa.Schema, rules: ContactRules) -> None:
    """Raise :class:`~nightmail.errors.ContractError` if a column is missing that tells duplicates.

    Columns of addresses and placeholders may be missing: then the rows that need them are rejected, each with its reason.
    """
    names = set(schema.names)
    for name in rules.unique_by:
        if name not in names and rules.unique_by != ("external_id",):
            raise _missing_column(name)
    if rules.keep == Keep.MOST_RECENT and rules.keep_by not in names:
        raise _missing_column(rules.keep_by or "keep_by")


def _missing_column(name: str) -> ContractError:
    return ContractError(
        "file_missing_column",
        sentence("file_missing_column", column=name),
        remedy("file_missing_column", column=name),
        column=name,
    )


def _keys(contacts: pa.Table, rules: ContactRules) -> pa.ChunkedArray:
    """The keys of judged rows; where nothing else makes a contact unique, equal rows are equal keys."""
    if rules.unique_by:
        return contact_keys(contacts, rules.unique_by, _address_order(rules))
    return pa.chunked_array([pa.array([print_.hex() for print_ in row_fingerprints(contacts)], pa.large_string())])


def _address_order(rules: ContactRules) -> tuple[str, ...]:
    """The address fields, those first that the template can use."""
    return tuple(dict.fromkeys((*rules.usable_fields, *ADDRESS_FIELDS)))


def _earlier_campaigns(keys: pa.ChunkedArray, rules: ContactRules) -> list[str | None] | None:
    """For each row the earlier campaign that had its contact; the first one that :attr:`ContactRules.earlier_campaigns` names."""
    if not rules.earlier_campaigns or not rules.unique_by:
        return None
    found: list[str | None] = [None] * len(keys)
    for earlier in rules.earlier_campaigns:
        available = set(earlier.contacts.schema().names)
        wanted = [name for name in dict.fromkeys((*rules.unique_by, *ADDRESS_FIELDS)) if name in available]
        parts = [_keys(block, rules) for block in earlier.contacts.blocks(wanted)]
        known = pa.chunked_array([chunk for part in parts for chunk in part.chunks], pa.large_string())
        for position in np.flatnonzero(pc.is_in(keys, value_set=known, skip_nulls=True).to_numpy()):
            found[position] = found[position] or earlier.campaign
    return found


def _write(
    *,
    aside: AsideTable,
    rejects_aside: AsideTable,
    warnings_aside: AsideTable,
    contacts: TableFile,
    rejects: TableFile,
    warnings: TableFile,
    rules: ContactRules,
    collapsed: Collapsed,
    lines: np.ndarray,
    rejected: np.ndarray,
    earlier: list[str | None] | None,
    column_warnings: pa.Table,
    decisions: tuple[FileDecision, ...],
) -> ContactsSummary:
    """The second pass."""
    duplicate = collapsed.duplicates
    same = _equal_rows(aside, collapsed)
    already = np.zeros(len(lines), dtype=bool)
    if earlier is not None:
        already = np.array([campaign is not None for campaign in earlier], dtype=bool) & ~duplicate & ~rejected
    by_reason: Counter[str] = Counter()
    warnings_by_reason: Counter[str] = Counter()
    kept_rows = rejected_rows = 0
    broken = _FileRejects(rules.file_rejects)
    with ExitStack() as stack:
        contacts_writer = stack.enter_context(contacts.writer(aside.schema))
        rejects_writer = stack.enter_context(rejects.writer(REJECTS))
        warnings_writer = stack.enter_context(warnings.writer(WARNINGS))
        warnings_writer.write(column_warnings)
        warnings_by_reason.update(column_warnings.column("reason").to_pylist())
        start = 0
        for index in range(aside.blocks):
            block = aside.block(index)
            stop = start + block.num_rows
            gone = duplicate[start:stop] | already[start:stop] | rejected[start:stop]
            contacts_writer.write(_rows_of(block, ~gone) if gone.any() else block)
            kept_rows += int((~gone).sum())
            collapsed_lines = _duplicate_lines(
                block,
                np.flatnonzero(duplicate[start:stop]),
                start=start,
                collapsed=collapsed,
                lines=lines,
                same=same,
                rules=rules,
            )
            earlier_lines = _earlier_lines(block, np.flatnonzero(already[start:stop]), start, earlier)
            own = rejects_aside.block(index)
            rejected_rows += pc.count_distinct(own.column("line")).as_py()
            last = index == aside.blocks - 1
            tables = [own, collapsed_lines, earlier_lines]
            highest = max(
                (pc.max(table.column("line")).as_py() for table in (block, own) if table.num_rows), default=None
            )
            tables.append(broken.up_to(None if last else highest))
            merged = pa.concat_tables(tables).sort_by("line")
            rejects_writer.write(merged)
            _count(by_reason, merged)
            noticed = warnings_aside.block(index)
            if noticed.num_rows and gone.any():
                gone_lines = pa.array(lines[start:stop][gone])
                noticed = noticed.filter(pc.invert(pc.is_in(noticed.column("line"), value_set=gone_lines)))
            warnings_writer.write(noticed)
            _count(warnings_by_reason, noticed)
            start = stop
        duplicates = int((duplicate | already).sum())
        rejected_rows += broken.rows
        return ContactsSummary(
            rows=kept_rows + duplicates + rejected_rows,
            rejects=rejected_rows,
            duplicates=duplicates,
            contacts=contacts_writer.rows,
            warnings=warnings_writer.rows,
            by_reason=dict(sorted(by_reason.items())),
            warnings_by_reason=dict(sorted(warnings_by_reason.items())),
            phone_metadata_version=metadata_version(),
            default_country=rules.default_country,
            decisions=decisions,
        )


def _rows_of(block: pa.Table, mask: np.ndarray) -> pa.Table:
    """The rows of a block that ``mask`` marks; Arrow filters a batch in less time than a table."""
    batches = block.to_batches()
    if len(batches) != 1:
        return block.filter(pa.array(mask))
    return pa.Table.from_batches([batches[0].filter(pa.array(mask))])


def _count(counter: Counter[str], lines: pa.Table) -> None:
    """Add distinct rows by reason."""
    if not lines.num_rows:
        return
    grouped = lines.group_by("reason").aggregate([("line", "count_distinct")])
    for reason, rows in zip(
        grouped.column("reason").to_pylist(), grouped.column("line_count_distinct").to_pylist(), strict=True
    ):
        counter[reason] += rows


def _equal_rows(aside: AsideTable, collapsed: Collapsed) -> np.ndarray:
    """A mask of the duplicates that equal, in address and all values, the row that they collapse into."""
    rows = len(collapsed.into)
    concerned = collapsed.duplicates
    concerned[collapsed.into[concerned]] = True
    prints = np.zeros(rows, dtype=np.uint64)
    start = 0
    for index in range(aside.blocks):
        block = aside.block(index)
        stop = start + block.num_rows
        wanted = np.flatnonzero(concerned[start:stop])
        if len(wanted):
            prints[start + wanted] = row_hashes(block, wanted)
        start = stop
    return np.asarray((prints == prints[collapsed.into]) & collapsed.duplicates)


def _duplicate_lines(
    block: pa.Table,
    at: np.ndarray,
    *,
    start: int,
    collapsed: Collapsed,
    lines: np.ndarray,
    same: np.ndarray,
    rules: ContactRules,
) -> pa.Table:
    """The lines of rejects for the duplicates at the positions ``at`` of ``block``."""
    tables = [REJECTS.empty_table()]
    equal = same[start + at]
    tables.append(_lines(block, at[equal], "duplicate_row", None, lines[collapsed.into[start + at[equal]]]))
    at = at[~equal]
    if len(at):
        by_address = np.ones(len(at), dtype=bool)
        for name in rules.unique_by:
            if name in block.column_names:
                by_address &= ~pc.is_valid(block.column(name).take(pa.array(at))).to_numpy()
        of = lines[collapsed.into[start + at]]
        address = tuple(name for name in _address_order(rules) if name in block.column_names)
        tables.append(_lines(block, at[by_address], "duplicate_address", address, of[by_address]))
        reason = "duplicate_external_id" if rules.unique_by == ("external_id",) else "duplicate_key"
        tables.append(_lines(block, at[~by_address], reason, rules.unique_by, of[~by_address]))
    return pa.concat_tables(tables)


def _earlier_lines(block: pa.Table, at: np.ndarray, start: int, earlier: list[str | None] | None) -> pa.Table:
    """The lines of rejects for the rows at the positions ``at`` of ``block`` whom an earlier campaign had."""
    if earlier is None or not len(at):
        return REJECTS.empty_table()
    campaigns = pa.array([earlier[start + position] for position in at], pa.string())
    return _lines(block, at, "duplicate_earlier_campaign", None, None, campaign=campaigns)


def _lines(
    block: pa.Table,
    at: np.ndarray,
    reason: str,
    columns: tuple[str, ...] | None,
    of: np.ndarray | None,
    **fields: pa.Array,
) -> pa.Table:
    """Lines of rejects with one reason. ``columns``: the value is the first filled one's, or all of them for a key."""
    if not len(at):
        return REJECTS.empty_table()
    rows = len(at)
    taken = block.take(pa.array(at))
    name: str | None = None
    value = pa.nulls(rows, pa.string())
    if columns is not None and reason == "duplicate_key":
        name = ", ".join(columns)
        parts = [pc.fill_null(taken.column(column).cast(pa.string()), "") for column in columns]
        value = pc.binary_join_element_wise(*parts, ", ").combine_chunks()
    elif columns is not None:
        name = columns[0] if reason == "duplicate_external_id" else None
        value = pc.coalesce(*(taken.column(column) for column in columns)).combine_chunks()
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


class _FileRejects:
    """The rows that were broken as rows, handed out in the order of lines."""

    def __init__(self, table: TableFile | None) -> None:
        self._blocks: Iterator[pa.Table] = iter(()) if table is None else table.blocks()
        self._left = REJECTS.empty_table()
        self._lines_seen = -1
        self.rows = 0
        """Distinct lines handed out."""

    def up_to(self, line: int | None) -> pa.Table:
        """What is left up to ``line``, or all of it."""
        parts = [self._left]
        while line is None or not parts[-1].num_rows or pc.max(parts[-1].column("line")).as_py() <= line:
            block = next(self._blocks, None)
            if block is None:
                break
            parts.append(block.select(REJECTS.names).cast(REJECTS))
        table = pa.concat_tables(parts)
        due = table if line is None else table.filter(pc.less_equal(table.column("line"), line))
        self._left = REJECTS.empty_table() if line is None else table.filter(pc.greater(table.column("line"), line))
        self.rows += pc.count_distinct(due.column("line")).as_py()
        return due
