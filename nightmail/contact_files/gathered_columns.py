"""Several addresses of one row: in several columns, or in one cell as ``a ::: b``, the way Google Contacts writes them."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.contact_files.column_plan import Gathering

BETWEEN = ":::"
_PARTS = re.compile(r"\s*:::\s*")


def gathered(
    columns: dict[str, pa.ChunkedArray], gathering: Gathering
) -> tuple[dict[str, pa.ChunkedArray], np.ndarray | None]:
    """The fields that a gathering fills, and a mask of the rows that have more values than fields.

    Empty where nothing changes: no value moves up, and no cell holds several addresses. No mask where no row has more.
    """
    several = any(_holds_several(columns[name]) for name in gathering.columns)
    if not several and not gathering.moves_up:
        return {}, None
    rows = len(columns[gathering.columns[0]])
    found = {slot: pa.nulls(rows, pa.string()) for slot in gathering.slots}
    more = np.zeros(rows, bool)
    for name in gathering.columns:
        for values in _apart(columns[name]) if several else [columns[name].combine_chunks()]:
            open_ = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(values), ""), False)
            for slot in gathering.slots:
                fills = pc.and_(open_, pc.is_null(found[slot]))
                same = pc.fill_null(pc.equal(found[slot], values), False)
                found[slot] = pc.if_else(fills, values, found[slot])
                open_ = pc.and_(open_, pc.invert(pc.or_(fills, same)))
            more |= open_.to_numpy(zero_copy_only=False)
    return {slot: pa.chunked_array([values]) for slot, values in found.items()}, more if more.any() else None


def _holds_several(column: pa.ChunkedArray) -> bool:
    """Whether a cell may hold several addresses: a look through the bytes, which hardly any column has them in."""
    sign = BETWEEN.encode()
    return any((data := chunk.buffers()[2]) is not None and sign in data.to_pybytes() for chunk in column.chunks)


def _apart(column: pa.ChunkedArray) -> list[pa.Array]:
    """The first parts of all cells, the second ones, and so on."""
    values = column.combine_chunks()
    parts = [
        [] if value is None else [part for part in _PARTS.split(value.strip()) if part] for value in values.to_pylist()
    ]
    most = max(map(len, parts), default=0)
    return [
        pa.array([part[place] if place < len(part) else None for part in parts], pa.string()) for place in range(most)
    ]
