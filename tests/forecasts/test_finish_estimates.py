"""How many rows an upload has, told before it is read."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from nightmail.forecasts.finish_estimates import rows_in
from nightmail.lake import TableFile


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("a.csv", b"id,phone\n1,+447400000001\n2,+447400000002\n", 2),
        ("no_end.csv", b"id,phone\n1,+447400000001\n2,+447400000002", 2),
        ("utf16.csv", "id,phone\r\n1,+447400000001\r\n".encode("utf-16"), 1),
        ("small.jsonl", b'{"phone": "+447400000001"}', 1),
        ("packed.csv.gz", gzip.compress(b"id,phone\n1,+447400000001\n", mtime=0), None),
        ("picture.csv", b"\x89PNG\r\n\x1a\n", None),
    ],
)
def test_rows_are_counted_without_reading_them(tmp_path: Path, name: str, content: bytes, rows: int | None) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert rows_in(path) == rows


def test_a_parquet_file_says_its_rows_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    TableFile(str(path)).write(pa.table({"phone": ["+447400000001"] * 7}))
    assert rows_in(path) == 7
    path.write_bytes(path.read_bytes()[:-20] + b"x" * 12 + b"PAR1")
    assert rows_in(path) is None
