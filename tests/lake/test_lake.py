"""A reader never sees half a file, and names never leave the lake."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from nightmail.lake import Lake, TableFile


def test_a_writer_that_fails_leaves_the_earlier_file_whole(tmp_path: Path) -> None:
    """The old table stays readable and nothing is left aside."""
    file = TableFile(str(tmp_path / "t" / "contacts.parquet"))
    file.write(pa.table({"line": [1, 2]}))
    with pytest.raises(RuntimeError, match="half way"), file.writer(pa.schema([("line", pa.int64())])) as writer:
        writer.write(pa.table({"line": [3]}))
        raise RuntimeError("half way")
    assert file.read()["line"].to_pylist() == [1, 2]
    assert [path.name for path in (tmp_path / "t").iterdir()] == ["contacts.parquet"]


@pytest.mark.parametrize("name", ["a::b", "memory:", "a b#c?d", "a%20b", "[y]*", "~x"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    """What stands for something in a URL is a letter like others in a path."""
    file = TableFile(str(tmp_path / name / "t.parquet"))
    file.write(pa.table({"line": [1]}))
    assert file.read()["line"].to_pylist() == [1]
    assert [path.name for path in (tmp_path / name).iterdir()] == ["t.parquet"]


def test_blocks_are_bounded_and_keep_the_order(tmp_path: Path) -> None:
    """Every row comes once, in order, in blocks no larger than asked."""
    file = TableFile(str(tmp_path / "t.parquet"))
    with file.writer(pa.schema([("line", pa.int64()), ("a", pa.string())])) as writer:
        for start in range(0, 1000, 300):
            lines = list(range(start, min(start + 300, 1000)))
            writer.write(pa.table({"a": [str(n) for n in lines], "line": lines}))
    blocks = list(file.blocks(["line"], rows=128))
    assert max(block.num_rows for block in blocks) <= 128
    assert [n for block in blocks for n in block["line"].to_pylist()] == list(range(1000))


def test_an_empty_table_keeps_its_columns(tmp_path: Path) -> None:
    """Stages downstream of an empty table still see its schema."""
    file = TableFile(str(tmp_path / "t.parquet"))
    file.write(pa.schema([("line", pa.int64()), ("a", pa.string())]).empty_table())
    (block,) = file.blocks(["a"])
    assert block.num_rows == 0
    assert block.column_names == ["a"]


def test_partitions_are_listed_as_they_were_written(tmp_path: Path) -> None:
    """Keys with dots and dates come back unchanged, sorted."""
    lake = Lake(str(tmp_path))
    for key in ("2026-11-23.acme.billing.7f3a9c", "2026-11-22.acme.1"):
        lake.table("sends", key).write(pa.table({"line": [1]}))
    assert lake.partitions("sends") == ["2026-11-22.acme.1", "2026-11-23.acme.billing.7f3a9c"]
    assert lake.partitions("audience") == []


@pytest.mark.parametrize("name", ["..", "a/b", "", "a\\b", "nul\x00"])
def test_a_name_that_would_leave_the_lake_is_refused(tmp_path: Path, name: str) -> None:
    """A partition key from outside can never become a path elsewhere."""
    with pytest.raises(ValueError, match="not a name"):
        Lake(str(tmp_path)).table("sends", name)


def test_the_lake_works_on_another_filesystem() -> None:
    """Any fsspec URL will do: here memory instead of a folder."""
    lake = Lake("memory://lake")
    lake.table("sends", "2026-11-23.x.1").write(pa.table({"line": [7]}))
    assert lake.partitions("sends") == ["2026-11-23.x.1"]
    assert lake.table("sends", "2026-11-23.x.1").read()["line"].to_pylist() == [7]


def test_recurring_columns_come_by_distinct_values_in_whole_blocks(tmp_path: Path) -> None:
    """Groups of rows have distinct values of their own; a block over several of them has one set."""
    file = TableFile(str(tmp_path / "table.parquet"))
    cities = ["Oslo", "Rome", None, "Bern", "Rome"]
    table = pa.table({"line": range(50), "city": [cities[line // 10] for line in range(50)]})
    with file.writer(table.schema) as writer:
        for start in range(0, 50, 10):
            writer.write(table.slice(start, 10))
    assert file.recurring_columns() == ("city",)
    blocks = list(file.blocks(["city", "line"], rows=22, recurring=file.recurring_columns()))
    assert [block.num_rows for block in blocks] == [22, 22, 6]
    assert all(pa.types.is_dictionary(block.schema.field("city").type) for block in blocks)
    assert [row["city"] for block in blocks for row in block.to_pylist()] == table["city"].to_pylist()
    assert [row["line"] for block in blocks for row in block.to_pylist()] == table["line"].to_pylist()


def test_readers_get_plain_columns_of_what_was_written_by_distinct_values(tmp_path: Path) -> None:
    """How a column was in the writer's memory is nobody else's business."""
    file = TableFile(str(tmp_path / "table.parquet"))
    column = pa.array(["a", None, "b", "a"]).dictionary_encode()
    file.write(pa.table({"line": [1, 2, 3, 4], "letter": column}))
    assert file.schema() == pa.schema({"line": pa.int64(), "letter": pa.string()})
    assert file.read().to_pydict() == {"line": [1, 2, 3, 4], "letter": ["a", None, "b", "a"]}
