"""The reject file of a damaged upload: each broken row with its text, nothing runs in a spreadsheet, and back again."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightmail.contact_files.csv_writing import escape_formula, escape_formulas, unescape_formula, unescape_formulas
from nightmail.lake import TableFile
from nightmail.row_checks import write_rejects_csv
from tests.contact_files.conftest import Reader

UPLOAD = "external_id,phone,name\n1,+447400123456,a\n2,+447400123457\n3,+447400123458,\"c\n4,=cmd|' /C calc'!A0,d,x\n"


def test_broken_rows_are_written_with_their_text_and_not_sent_when_dropped_again(read: Reader, tmp_path: Path) -> None:
    read(UPLOAD)
    path = tmp_path / "rejects.csv"
    table, rejects = TableFile(str(tmp_path / "contact_file.parquet")), TableFile(str(tmp_path / "rejects.parquet"))
    assert write_rejects_csv(table, rejects, path) == 3
    rows = list(csv.DictReader(path.open(encoding="utf-8-sig", newline="")))
    assert [row["nightmail_line"] for row in rows] == ["3", "4", "5"]
    assert [row["nightmail_row"] for row in rows] == [
        "2,+447400123457",
        '3,+447400123458,"c',
        "4,=cmd|' /C calc'!A0,d,x",
    ]
    assert [row["phone"] for row in rows] == ["", "", ""]
    again = read(path.read_bytes())
    assert again.summary.own_rejects
    assert again.column("phone") == [None, None, None]
    assert "nightmail_row" not in again.rows[0]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+447400123456", "'+447400123456"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("＝1+1", "'＝1+1"),
        ("'=1", "''=1"),
        ("a=1", "a=1"),
        ("'a", "'a"),
        ("", ""),
    ],
)
def test_formulas_are_escaped(text: str, written: str) -> None:
    assert escape_formula(text) == written
    assert escape_formulas(pa.array([text, None])).to_pylist() == [written, None]


@given(st.lists(st.one_of(st.none(), st.text(), st.text("'=+-@\t\r\n a"))))
def test_escaping_can_be_taken_back(values: list[str | None]) -> None:
    column = pa.array(values, pa.string())
    escaped = escape_formulas(column)
    assert escaped.to_pylist() == [None if value is None else escape_formula(value) for value in values]
    assert unescape_formulas(escaped).to_pylist() == values
    assert [None if value is None else unescape_formula(value) for value in escaped.to_pylist()] == values
    assert not any(value and value[0] in "=+-@\t\r" for value in escaped.to_pylist())
