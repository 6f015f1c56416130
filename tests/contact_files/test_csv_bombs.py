"""Damaged and hostile CSV of some megabytes, or few KB unpacked: read in time and memory that follow its bytes."""

from __future__ import annotations

import gzip
import resource
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from nightmail.contact_files import ReadOptions, read_contact_file
from nightmail.errors import ContactFileError
from nightmail.lake import TableFile
from tests.support.limited_reading import in_a_process

MEGABYTE = 1024 * 1024
HEADER = b"phone,name\n"
CPU_SECONDS = 20
"""Many times what each takes on a slow machine, and far less than one that reads text again for every line or field."""


def _read(source: Path, there: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    spent = int(resource.getrusage(resource.RUSAGE_SELF).ru_utime)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + CPU_SECONDS,) * 2)
    rejects = TableFile(str(source.parent / "rejects.parquet"))
    try:
        summary = read_contact_file(
            source, TableFile(str(source.parent / "rows.parquet")), ReadOptions(rejects=rejects)
        )
        outcome: dict[str, int] | str = {**summary.by_reason, "read": summary.rows_read}
    except ContactFileError as error:
        outcome = error.reason
    there.send((outcome, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024))


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        pytest.param(HEADER + b"," * 15 * MEGABYTE, {"row_field_too_large": 1, "read": 0}, id="a_line_of_commas"),
        pytest.param(b"phone" + b"," * 15 * MEGABYTE, "file_too_many_columns", id="a_header_of_commas"),
        pytest.param(b"," * 15 * MEGABYTE, "file_no_header", id="nothing_but_commas"),
        pytest.param(b"phone\n" + b"\n" * 30 * MEGABYTE, "file_no_rows", id="blank_lines"),
        pytest.param(HEADER + b",\n" * 8 * MEGABYTE, "file_no_rows", id="blank_rows_at_the_end"),
        pytest.param(
            HEADER + b",\n" * 5 * MEGABYTE + b"1,2\n",
            {"row_empty": 5 * MEGABYTE, "read": 1},
            id="blank_rows_before_one",
        ),
        pytest.param(
            HEADER + b'"' + b"x\n" * 5 * MEGABYTE,
            {"row_unterminated_quote": 1, "row_ragged": 5 * MEGABYTE - 1, "read": 0},
            id="an_open_quote_before_short_lines",
        ),
        pytest.param(
            HEADER + b'"' + b"x" * 30 * MEGABYTE, {"row_field_too_large": 1, "read": 0}, id="an_open_quote_in_one_line"
        ),
        pytest.param(
            HEADER + b'a","\n' * 100_000,
            {"row_unterminated_quote": 100_000, "read": 0},
            id="a_quote_open_at_every_line",
        ),
        pytest.param(HEADER + b"\xef\xbb\xbf" * MEGABYTE, "file_no_rows", id="byte_order_marks"),
        pytest.param(HEADER * MEGABYTE, {"row_header_again": MEGABYTE - 1, "read": 0}, id="header_again"),
        pytest.param(
            HEADER + b'1,"' + b"x" * 9 * MEGABYTE + b"\n1," + b'y"' * 9 * MEGABYTE + b"\n+447400123456,Ada\n",
            {"row_field_too_large": 2, "read": 1},
            id="two_long_lines",
        ),
    ],
)
def test_takes_time_and_memory_by_its_bytes(tmp_path: Path, content: bytes, outcome: dict[str, int] | str) -> None:
    source = tmp_path / "upload"
    source.write_bytes(gzip.compress(content, 1))
    found, megabytes = in_a_process(_read, source)
    assert found == outcome
    assert megabytes < 800
