"""The second pass over a file's rows: the tables ``contacts``, ``rejects`` and ``warnings`` are written, block by block."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.contact_files.summary import FileDecision
from nightmail.lake import TableFile
from nightmail.lake.schemas import REJECTS, WARNINGS
from nightmail.row_checks.duplicate_lines import duplicate_lines, shared_key_lines
from nightmail.row_checks.file_rejects import FileRejects
from nightmail.row_checks.judged_rows import JudgedRows
from nightmail.row_checks.phones import metadata_version
from nightmail.row_checks.rules import ContactRules, ContactsSummary
from nightmail.row_checks.same_contacts import SameContacts


@dataclass(frozen=True)
class ContactTables:
    """The three tables of the stage ``contacts``."""

    contacts: TableFile
    rejects: TableFile
    warnings: TableFile

    def write(
        self,
        judged: JudgedRows,
        same: SameContacts,
        rules: ContactRules,
        column_warnings: pa.Table,
        decisions: tuple[FileDecision, ...],
    ) -> ContactsSummary:
        """Write all three, each sorted by line, and count what became of the rows."""
        by_reason: Counter[str] = Counter()
        warnings_by_reason = Counter(column_warnings.column("reason").to_pylist())
        broken = FileRejects(rules.file_rejects)
        lines, rejected = judged.lines, judged.rejected
        dropped = same.duplicates | same.already
        kept_rows = rejected_rows = start = 0
        with ExitStack() as stack:
            contacts = stack.enter_context(self.contacts.writer(judged.contacts.schema))
            rejects = stack.enter_context(self.rejects.writer(REJECTS))
            warnings = stack.enter_context(self.warnings.writer(WARNINGS))
            warnings.write(column_warnings)
            for index in range(judged.contacts.blocks):
                block, own = judged.contacts.block(index), judged.rejects.block(index)
                stop = start + block.num_rows
                gone = dropped[start:stop] | rejected[start:stop]
                contacts.write(_rows_of(block, ~gone) if gone.any() else block)
                kept_rows += int((~gone).sum())
                rejected_rows += pc.count_distinct(own.column("line")).as_py()
                last = index == judged.contacts.blocks - 1
                merged = pa.concat_tables(
                    [
                        own,
                        duplicate_lines(block, start, lines, same, rules),
                        broken.up_to(None if last else _highest_line(block, own)),
                    ]
                ).sort_by("line")
                rejects.write(merged)
                _count(by_reason, merged)
                noticed = judged.warnings.block(index)
                shared = shared_key_lines(block, start, same, rules)
                if shared.num_rows:
                    noticed = pa.concat_tables([noticed, shared]).sort_by("line")
                if noticed.num_rows and gone.any():
                    gone_lines = pa.array(lines[start:stop][gone])
                    noticed = noticed.filter(pc.invert(pc.is_in(noticed.column("line"), value_set=gone_lines)))
                warnings.write(noticed)
                _count(warnings_by_reason, noticed)
                start = stop
            rejected_rows += broken.rows
            return ContactsSummary(
                rows=kept_rows + int(dropped.sum()) + rejected_rows,
                rejects=rejected_rows,
                duplicates=int(dropped.sum()),
                contacts=contacts.rows,
                warnings=warnings.rows,
                by_reason=dict(sorted(by_reason.items())),
                warnings_by_reason=dict(sorted(warnings_by_reason.items())),
                phone_metadata_version=metadata_version(),
                default_country=rules.default_country,
                shared_keys=same.sharing,
                decisions=decisions,
            )


def _highest_line(*tables: pa.Table) -> int | None:
    return max((pc.max(table.column("line")).as_py() for table in tables if table.num_rows), default=None)


def _rows_of(block: pa.Table, mask: npt.NDArray[np.bool_]) -> pa.Table:
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
