"""The stage ``contacts``: a table of strings in; contacts, rejects and warnings out, in two passes by blocks.

The first pass judges every row on its own and puts what remains aside; only the keys of the rows stay in memory. Then the
duplicates are known, and the second pass writes the tables. Every row of the file ends as a contact, a reject or a
duplicate.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa

from nightmail.errors import ContractError
from nightmail.lake import BLOCK_ROWS, TableFile
from nightmail.organisation.feed_choices import Keep
from nightmail.progress import Progress
from nightmail.row_checks.contact_tables import ContactTables
from nightmail.row_checks.judged_rows import JudgedRows
from nightmail.row_checks.judging import RowJudge
from nightmail.row_checks.rules import ContactRules, ContactsSummary
from nightmail.row_checks.same_contacts import SameContacts, row_keys

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
    with JudgedRows(judge.contact_schema) as judged:
        done = 0
        for block in contact_file.blocks(rows=block_rows, recurring=judge.recurring):
            one = judge.block(block)
            judged.append(one, row_keys(one.contacts, rules))
            done += block.num_rows
            if progress is not None:
                progress("contacts", done, total)
        same = SameContacts.of(judged, rules)
        tables = ContactTables(contacts, rejects, warnings)
        return tables.write(judged, same, rules, judge.column_warnings(), judge.decisions())


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
    return ContractError("file_missing_column", column=name, facts={"column": name})
