"""Reading on in a table whose rows are in the order of a column, from after one of its values.

Row groups that end before it are passed over by what the file's footer says of them, so that the last page of a large table
costs no more than the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nightmail.lake.storage import TableFile

ROWS_AT_ONCE = 20_000


def blocks_after(
    table: TableFile, column: str, after: int, columns: Sequence[str], rows: int = ROWS_AT_ONCE
) -> Iterator[pa.Table]:
    """The rows whose ``column`` is greater than ``after``, in blocks of at most ``rows``; ``columns`` must hold ``column``.

    Raises ``FileNotFoundError`` for a table that is not there.
    """
    filesystem, path = fsspec.core.url_to_fs(table.url)
    with filesystem.open(path, "rb") as handle:
        file = pq.ParquetFile(handle)
        place = file.schema_arrow.names.index(column)
        groups = [
            number
            for number in range(file.metadata.num_row_groups)
            if _greatest(file.metadata.row_group(number).column(place), after) > after
        ]
        for batch in file.iter_batches(batch_size=rows, row_groups=groups, columns=list(columns)):
            block = pa.Table.from_batches([batch]).select(list(columns))
            block = block.filter(pc.greater(block.column(column), after))
            if block.num_rows:
                yield block


def _greatest(chunk: pq.ColumnChunkMetaData, otherwise: int) -> int:
    """The greatest value of a row group as its footer has it; more than ``otherwise`` where it does not say."""
    statistics = chunk.statistics
    if statistics is None or not statistics.has_min_max:
        return otherwise + 1
    return int(statistics.max)
