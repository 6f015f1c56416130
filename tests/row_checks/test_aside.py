"""Tables put aside come back as they were, from memory or from a file."""

from __future__ import annotations

import pyarrow as pa
import pytest

from nightmail.row_checks.aside import MEMORY, AsideTable
from nightmail.row_checks.recurring import RECURRING

SCHEMA = pa.schema([("line", pa.int64()), ("country", RECURRING)])


@pytest.mark.parametrize("memory", [0, 60, MEMORY])
def test_blocks_come_back_though_each_has_other_distinct_values(memory: int) -> None:
    """A file of Arrow's knows one set of distinct values for a column."""
    blocks = [
        pa.table([[1, 2], pa.array(["DE", None]).dictionary_encode()], schema=SCHEMA),
        pa.table([[3, 4], pa.array(["FR", "DE"]).dictionary_encode()], schema=SCHEMA),
        SCHEMA.empty_table(),
    ]
    with AsideTable(SCHEMA, memory) as aside:
        for block in blocks:
            aside.append(block)
        assert aside.blocks == len(blocks)
        for index, block in enumerate(blocks):
            assert aside.block(index).schema == SCHEMA
            assert aside.block(index).to_pylist() == block.to_pylist()
