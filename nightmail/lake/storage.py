"""The lake: Parquet files (zstd), one per asset and partition, at any fsspec URL.

A file is written aside and renamed, so that a reader never sees half of one. Readers go by blocks of rows, so that
memory does not grow with the file. What a table holds is fixed in :mod:`nightmail.lake.schemas`.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def _choose_memory_pool() -> None:
    """Let Arrow use the system's allocator, so that Arrow and numpy reuse each other's freed memory.

    With a pool of its own, page faults took a twentieth of the CPU of the stages up to ``contacts``, and a seventh with
    the pool that returns memory at once. ``ARROW_DEFAULT_MEMORY_POOL`` decides if it is set.
    """
    if "ARROW_DEFAULT_MEMORY_POOL" not in os.environ:
        pa.set_memory_pool(pa.system_memory_pool())


_choose_memory_pool()

BLOCK_ROWS = 250_000
"""Rows per block: Arrow recompiles a regular expression at each kernel call, so smaller blocks cost more."""


_SAMPLE_ROWS = 5_000
"""Rows by which :func:`_recurring` decides."""


class TableWriter:
    """Appends Arrow tables to one Parquet file that is still aside; made by :meth:`TableFile.writer`."""

    def __init__(self, handle: Any, schema: pa.Schema) -> None:
        self._handle = handle
        self._schema = schema
        self._parquet: pq.ParquetWriter | None = None
        self._metadata: dict[str, str] = {}
        self.rows = 0

    def write(self, table: pa.Table) -> None:
        """Append ``table``, whose columns are cast to the writer's schema by name."""
        if table.schema != self._schema:
            table = table.select(self._schema.names).cast(self._schema)
        if self._parquet is None:
            self._parquet = self._opened(_recurring(table.slice(0, _SAMPLE_ROWS)))
        self._parquet.write_table(table, row_group_size=BLOCK_ROWS)
        self.rows += table.num_rows

    def set_metadata(self, key: str, value: str) -> None:
        """Keep ``value`` in the file's metadata, where :meth:`TableFile.schema` shows it; may come after the rows."""
        self._metadata[key] = value

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        parquet = self._parquet or self._opened([])
        if self._metadata:
            parquet.add_key_value_metadata(self._metadata)
        parquet.close()

    def _opened(self, recurring: list[str]) -> pq.ParquetWriter:
        """The writer. Only ``recurring`` columns get a dictionary: where most values differ it costs time and space."""
        return pq.ParquetWriter(
            self._handle,
            self._schema,
            compression="zstd",
            use_dictionary=recurring,
            column_encoding={
                name: "DELTA_BINARY_PACKED" for name in _whole_numbers(self._schema) if name not in recurring
            },
            write_statistics=_with_statistics(self._schema),
            max_rows_per_page=BLOCK_ROWS,  # pages end by their bytes: many small ones take a tenth more time
            store_schema=not any(pa.types.is_dictionary(field.type) for field in self._schema),
        )


def _recurring(sample: pa.Table) -> list[str]:
    """The columns in which each value occurs twice on average in the first rows. Lists of texts always count: they hold few values."""
    found = []
    for field in sample.schema:
        if pa.types.is_list(field.type):
            if not pa.types.is_int64(field.type.value_type):
                found.append(f"{field.name}.list.element")
        elif pa.types.is_dictionary(field.type) or _distinct(sample.column(field.name)) * 2 <= sample.num_rows:
            found.append(field.name)
    return found


def _whole_numbers(schema: pa.Schema) -> list[str]:
    """Columns of lines, times and counts: neighbouring values are close, so their differences are stored."""
    lists = [
        f"{f.name}.list.element" for f in schema if pa.types.is_list(f.type) and pa.types.is_int64(f.type.value_type)
    ]
    return [*(field.name for field in schema if pa.types.is_int64(field.type)), *lists]


def _distinct(column: pa.ChunkedArray) -> int:
    return int(pc.count_distinct(column).as_py())


@dataclass(frozen=True)
class TableFile:
    """One Parquet file at an fsspec URL or local path."""

    url: str

    def _filesystem(self) -> tuple[Any, str]:
        if self.url.startswith(os.sep):  # a folder may be called ``a::b``, which would be two file systems in a URL
            return fsspec.filesystem("file"), self.url
        filesystem, path = fsspec.core.url_to_fs(self.url)
        return filesystem, path

    def exists(self) -> bool:
        """Whether the file exists. One that exists is whole, since it is renamed into its place."""
        filesystem, path = self._filesystem()
        return bool(filesystem.exists(path))

    def delete(self) -> None:
        """Remove the file; nothing happens when it is not there."""
        filesystem, path = self._filesystem()
        if filesystem.exists(path):
            filesystem.rm(path)

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The whole table, or some of its columns. Raises ``FileNotFoundError``."""
        filesystem, path = self._filesystem()
        with filesystem.open(path, "rb") as handle:
            return pq.read_table(handle, columns=list(columns) if columns is not None else None)

    def blocks(
        self, columns: Sequence[str] | None = None, rows: int = BLOCK_ROWS, recurring: Sequence[str] = ()
    ) -> Iterator[pa.Table]:
        """The table in blocks of at most ``rows`` rows, in order; an empty table gives one empty block.

        The columns named in ``recurring`` come as their distinct values and a number per row (Arrow's dictionaries), as
        the file has them: their values are neither copied for each row nor looked up again.
        """
        filesystem, path = self._filesystem()
        names = list(columns) if columns is not None else None
        with ExitStack() as stack:

            def opened(recurring: Sequence[str] = ()) -> pq.ParquetFile:
                handle = stack.enter_context(filesystem.open(path, "rb"))
                return pq.ParquetFile(handle, read_dictionary=list(recurring))

            file = opened()
            wanted = names if names is not None else file.schema_arrow.names
            kept = [name for name in wanted if name in recurring]
            plain = file.iter_batches(batch_size=rows, columns=[name for name in wanted if name not in kept])
            # Read through a second handle: its batches end where a row group does, and so differ from the others.
            apart = opened(kept).iter_batches(batch_size=rows, columns=kept) if kept else iter(())
            empty = True
            for batch in plain:
                empty = False
                block = pa.Table.from_batches([batch])
                if kept:
                    block = _beside(block, apart, wanted)
                yield block
            if empty:
                schema = file.schema_arrow
                if names is not None:
                    schema = pa.schema([schema.field(name) for name in names])
                yield schema.empty_table()

    def recurring_columns(self) -> tuple[str, ...]:
        """The columns that the file holds as distinct values, as far as its footer says."""
        filesystem, path = self._filesystem()
        with filesystem.open(path, "rb") as handle:
            metadata = pq.read_metadata(handle)
            if not metadata.num_row_groups:
                return ()
            group = metadata.row_group(0)
            found = [group.column(index) for index in range(group.num_columns)]
            return tuple(column.path_in_schema for column in found if column.has_dictionary_page)

    def schema(self) -> pa.Schema:
        """Columns and key-value metadata, without reading rows."""
        filesystem, path = self._filesystem()
        with filesystem.open(path, "rb") as handle:
            file = pq.ParquetFile(handle)
            schema = file.schema_arrow
            kept = {**(file.metadata.metadata or {}), **(schema.metadata or {})}
        kept.pop(b"ARROW:schema", None)
        return schema.with_metadata(kept or None)

    def num_rows(self) -> int:
        """Rows, from the file's footer."""
        filesystem, path = self._filesystem()
        with filesystem.open(path, "rb") as handle:
            return int(pq.read_metadata(handle).num_rows)

    def uncompressed_bytes(self) -> int:
        """Bytes of all columns before compression, from the file's footer: how wide its rows are."""
        filesystem, path = self._filesystem()
        with filesystem.open(path, "rb") as handle:
            metadata = pq.read_metadata(handle)
            return sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))

    def write(self, table: pa.Table) -> None:
        """Write ``table`` as the whole file."""
        with self.writer(table.schema) as writer:
            writer.write(table)

    @contextmanager
    def writer(self, schema: pa.Schema) -> Iterator[TableWriter]:
        """Write by blocks; the file appears under its name only when the block ends without an error.

        Readers get plain columns, also of those that ``schema`` has as dictionaries.
        """
        filesystem, path = self._filesystem()
        parent = path.rsplit("/", 1)[0] if "/" in path else "."
        filesystem.makedirs(parent, exist_ok=True)
        aside = f"{parent}/.{uuid.uuid4().hex}.aside"
        try:
            with filesystem.open(aside, "wb") as handle, TableWriter(handle, schema) as writer:
                yield writer
            filesystem.mv(aside, path)
        except BaseException:
            if filesystem.exists(aside):
                filesystem.rm(aside)
            raise


def _with_statistics(schema: pa.Schema) -> list[str]:
    """The columns whose least and greatest value go into the footer. Not texts: there they cost a fifth of the time of
    writing, help no reader, and would repeat somebody's address."""
    return [field.name for field in schema if not _is_text(field.type) and not pa.types.is_nested(field.type)]


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_dictionary(type_))


def column_of(table: pa.Table, name: str) -> pa.Array:
    """A column in one piece."""
    column = table[name]
    # Arrow copies even a single chunk when it combines chunks.
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _beside(block: pa.Table, apart: Iterator[pa.RecordBatch], names: Sequence[str]) -> pa.Table:
    """``block`` with its remaining columns from ``apart``, whose batches never reach beyond the block's end."""
    parts: list[pa.RecordBatch] = []
    missing = block.num_rows
    while missing:
        parts.append(next(apart))
        missing -= parts[-1].num_rows
    for position, name in enumerate(parts[0].schema.names):
        column = pa.concat_arrays([part.column(position) for part in parts]) if parts[1:] else parts[0].column(position)
        block = block.append_column(name, column)
    return block.select(list(names))


@dataclass(frozen=True)
class Lake:
    """The folder of all tables: ``{url}/{asset}/{kind}={partition}/{asset}.parquet`` (``kind`` is campaign or day)."""

    url: str

    def table(self, asset: str, partition: str, kind: str = "campaign") -> TableFile:
        """The file of one asset's partition. Raises ``ValueError`` for a name that would leave the folder."""
        for part in (asset, partition, kind):
            if not part or "/" in part or "\\" in part or part in (".", "..") or "\x00" in part:
                raise ValueError(f"not a name of a lake table: {part!r}")
        return TableFile(f"{self.url.rstrip('/')}/{asset}/{kind}={partition}/{asset}.parquet")

    def partitions(self, asset: str, kind: str = "campaign") -> list[str]:
        """The partitions of an asset that are written, sorted."""
        filesystem, root = fsspec.core.url_to_fs(self.url)
        found = filesystem.glob(f"{root.rstrip('/')}/{asset}/{kind}=*/{asset}.parquet")
        return sorted(path.rsplit("/", 2)[1].split("=", 1)[1] for path in found)
