"""The rows behind a campaign's counts, as its preparation kept them in the lake: rejected, duplicate, planned and held ones.

Pages go by the line of the file. What a row is looked for among is bounded, so that no page takes longer because a file is larger.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from nightmail.lake import TableFile
from nightmail.preparation.stage_tables import StageTables

if TYPE_CHECKING:
    import pyarrow as pa

SEARCHED_AT_ONCE = 500_000
"""Rows that a page is searched for among."""
_MOST_FAULTS = 2_000
"""More faults than a row of the widest file has: each column may have one."""
Row = TypeVar("Row")
DUPLICATE = "duplicate_"
"""How the reasons of duplicates begin."""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One fault of a row. ``value`` is personal data. A duplicate names the line that it is the same as."""

    line: int
    column: str | None
    value: str | None
    reason: str
    message: str
    duplicate_of: int | None


@dataclass(frozen=True, slots=True)
class AudienceRow:
    """One contact: planned on a channel, or held for a reason."""

    line: int
    state: str
    channel: str | None
    fallbacks: tuple[str, ...]
    reason: str | None
    country: str | None
    language: str | None


@dataclass(frozen=True, slots=True)
class RowPage(Generic[Row]):
    """Rows that fit, and the line after which to go on: ``None`` at the end of the table."""

    rows: list[Row]
    next: int | None


def rejected_rows(
    tables: StageTables,
    *,
    duplicates: bool | None = None,
    reason: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> RowPage[RejectedRow]:
    """The faults of rows after a line: of rejected ones, of duplicates, or of both.

    All faults of a line are on one page, which may therefore be a little longer than ``limit``. A campaign whose file is not
    judged yet has none.
    """
    import pyarrow.compute as pc

    def fits(block: pa.Table) -> Any:
        codes = block.column("reason")
        if reason is not None:
            return pc.equal(codes, reason)
        is_duplicate = pc.starts_with(codes, DUPLICATE)
        if duplicates is None:
            return None
        return is_duplicate if duplicates else pc.invert(is_duplicate)

    columns = ("line", "column", "value", "reason", "message", "duplicate_of")
    found = _page(tables.rejects, columns, fits, after, limit)
    return RowPage([RejectedRow(**row) for row in found.rows], found.next)


def audience_rows(
    tables: StageTables,
    *,
    state: str | None = None,
    reason: str | None = None,
    channel: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> RowPage[AudienceRow]:
    """The contacts after a line, ``planned`` or ``held`` or both. A campaign that is not planned yet has none."""
    import pyarrow.compute as pc

    wanted = {"state": state, "reason": reason, "channel": channel}

    def fits(block: pa.Table) -> Any:
        mask = None
        for column, value in wanted.items():
            if value is not None:
                same = pc.fill_null(pc.equal(block.column(column), value), False)
                mask = same if mask is None else pc.and_(mask, same)
        return mask

    columns = ("line", "state", "channel", "fallbacks", "reason", "country", "language")
    found = _page(tables.audience, columns, fits, after, limit)
    rows = [AudienceRow(**{**row, "fallbacks": tuple(row["fallbacks"] or ())}) for row in found.rows]
    return RowPage(rows, found.next)


def _page(
    table: TableFile, columns: Sequence[str], fits: Callable[[pa.Table], Any], after: int, limit: int
) -> RowPage[dict[str, Any]]:
    from nightmail.lake.ordered_reading import blocks_after

    if not table.exists():
        return RowPage([], None)
    rows: list[dict[str, Any]] = []
    searched = 0
    for block in blocks_after(table, "line", after, columns):
        mask = fits(block)
        kept = block if mask is None else block.filter(mask)
        rows += kept.slice(0, limit + _MOST_FAULTS - len(rows)).to_pylist()
        if len(rows) > limit:
            return _whole_lines(rows, limit)
        searched += block.num_rows
        if searched >= SEARCHED_AT_ONCE:
            return RowPage(rows, int(block.column("line")[-1].as_py()))
    return RowPage(rows, None)


def _whole_lines(rows: list[dict[str, Any]], limit: int) -> RowPage[dict[str, Any]]:
    """The rows up to ``limit``, and the others of the last line among them."""
    last = rows[limit - 1]["line"]
    return RowPage([row for row in rows if row["line"] <= last], int(last))
