"""Findings: what is wrong with a row or was noticed about it, gathered by columns and written as lines of two tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake.masks import truth
from nightmail.lake.schemas import REJECTS, WARNINGS
from nightmail.reasons import REASONS, Kind, Surface
from nightmail.row_checks.recurring import plain

VALUE_LENGTH = 200
"""Characters of a value that a line shows; a field may have a million."""


def sentences(code: str, rows: int, fields: Mapping[str, pa.Array | str]) -> pa.Array:
    """Sentence and remedy of ``code`` for each of ``rows`` rows, with its fields filled in from columns or constants."""
    reason = REASONS[code]
    pieces: list[pa.Array | pa.Scalar] = []
    for literal, name, _, _ in Formatter().parse(f"{reason.sentence} {reason.remedy_on(Surface.FILE)}"):
        if literal:
            pieces.append(pa.scalar(literal))
        if name is not None:
            value = fields[name]
            pieces.append(pa.scalar(value) if isinstance(value, str) else pc.fill_null(value.cast(pa.string()), ""))
    if not any(isinstance(piece, pa.Array) for piece in pieces):
        return pa.repeat("".join(piece.as_py() for piece in pieces), rows)
    return pc.binary_join_element_wise(*pieces, "")


@dataclass
class _Finding:
    rows: np.ndarray
    column: str | None
    values: pa.Array
    reason: str
    rejects_row: bool
    fields: Mapping[str, pa.Array | str]


@dataclass
class Findings:
    """The findings on one block of rows, by position in the block."""

    block_rows: int
    _found: list[_Finding] = field(default_factory=list)

    def add(
        self,
        where: pa.Array | np.ndarray,
        column: str | None,
        values: pa.Array | None,
        reason: str,
        *,
        rejects_row: bool = False,
        fields: Mapping[str, str | pa.Array] | None = None,
    ) -> None:
        """Note ``reason`` about ``column`` for the rows where the mask ``where`` is true.

        ``values`` and array-valued ``fields`` are as long as the block. A finding that does not reject its row becomes a
        warning, or one more line of rejects on a row that is rejected anyway.
        """
        mask = where if isinstance(where, np.ndarray) else truth(where)
        rows = np.flatnonzero(mask)
        if not len(rows):
            return
        at = pa.array(rows)
        taken = pa.nulls(len(rows), pa.string()) if values is None else values.take(at)
        taken = pc.utf8_slice_codeunits(plain(taken), 0, VALUE_LENGTH)
        known = {name: value if isinstance(value, str) else value.take(at) for name, value in (fields or {}).items()}
        self._found.append(_Finding(rows, column, taken, reason, rejects_row, known))

    def rows_with(self, columns: frozenset[str]) -> np.ndarray:
        """A mask of the rows with a finding of a reject's kind about one of ``columns``."""
        mask = np.zeros(self.block_rows, dtype=bool)
        for found in self._found:
            if found.column in columns and REASONS[found.reason].kind is Kind.REJECT:
                mask[found.rows] = True
        return mask

    def rejected(self) -> np.ndarray:
        """A mask of the rows that a finding rejects."""
        mask = np.zeros(self.block_rows, dtype=bool)
        for found in self._found:
            if found.rejects_row:
                mask[found.rows] = True
        return mask

    def lines(self, line: pa.Array, rejected: np.ndarray) -> tuple[pa.Table, pa.Table]:
        """The lines of rejects and of warnings, each sorted by line; ``rejected`` masks the rows that are no contacts."""
        rejects, warnings = [REJECTS.empty_table()], [WARNINGS.empty_table()]
        for found in self._found:
            of_rejected = rejected[found.rows]
            fields = {"value": found.values, "column": found.column or "", **found.fields}
            table = pa.table(
                {
                    "line": line.take(pa.array(found.rows)),
                    "column": pa.repeat(pa.scalar(found.column, pa.string()), len(found.rows)),
                    "value": found.values,
                    "reason": pa.repeat(found.reason, len(found.rows)),
                    "message": sentences(found.reason, len(found.rows), fields),
                }
            )
            if REASONS[found.reason].kind is Kind.REJECT:
                lines = table.filter(pa.array(of_rejected))
                rejects.append(lines.append_column("duplicate_of", pa.nulls(lines.num_rows, pa.int64())).cast(REJECTS))
            warnings.append(table.filter(pa.array(~of_rejected)).cast(WARNINGS))
        return (
            pa.concat_tables(rejects).combine_chunks().sort_by("line"),
            pa.concat_tables(warnings).combine_chunks().sort_by("line"),
        )
