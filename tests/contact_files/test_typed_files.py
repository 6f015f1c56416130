"""Workbooks, Parquet and JSON Lines: values of any type become exact text, and what a sheet hides is said."""

from __future__ import annotations

import datetime as dt
import io
import json
import zipfile
from decimal import Decimal
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightmail.contact_files.cell_text import cell_text
from nightmail.contact_files.number_formats import padded_format
from nightmail.errors import ContactFileError
from tests.contact_files.conftest import Reader

moment = dt.datetime
"""Naive on purpose: files state no time zone."""


def saved(workbook: openpyxl.Workbook) -> bytes:
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (447723456789, "447723456789"),
        (447723456789.0, "447723456789"),
        (4.47723456789e11, "447723456789"),
        (123456789012345678, "123456789012345678"),
        (0.1, "0.1"),
        (1234.5, "1234.5"),
        (1e-7, "0.0000001"),
        (1e22, "10000000000000000000000"),
        (True, "true"),
        (dt.date(2026, 2, 28), "2026-02-28"),
        (moment(2026, 2, 28), "2026-02-28"),
        (moment(2026, 2, 28, 14, 5), "2026-02-28T14:05:00"),
        (dt.time(9, 5), "09:05:00"),
        (b"caf\xc3\xa9", "café"),
        (b"\xff\x00", "ff00"),
        (Decimal("12.50"), "12.50"),
        (Decimal("1E+3"), "1000"),
        (float("nan"), None),
        ("", None),
        (" a ", " a "),
        ([1, "a"], '[1, "a"]'),
    ],
)
def test_values_become_exact_text(value: object, text: str | None) -> None:
    assert cell_text(value) == text


def test_a_workbook_is_read_as_people_see_it(read: Reader) -> None:
    workbook = openpyxl.Workbook()
    hidden = workbook.worksheets[0]
    hidden.title, hidden.sheet_state = "Notes", "hidden"
    sheet = workbook.create_sheet("Contacts")
    sheet.append(["Export", None, None, None, None, None])
    sheet.append([])
    sheet.append(["Customer No", "Phone", "Due", "Amount", "Paid", "Zip"])
    sheet.append([123456789012345678, 447723456789, dt.date(2026, 12, 1), 12.5, True, 1234])
    sheet.append(["C2", "+447723456780", moment(2026, 12, 1, 8), "=1+1", False, 99])
    sheet.append(["C3", 7723456789, None, "#N/A", None, None])
    for row in (4, 5):
        sheet.cell(row, 6).number_format = "00000"
    sheet.cell(6, 2).number_format = '0#" "##" "##" "##" "##" "#'
    sheet.cell(6, 4).data_type = "e"
    sheet.row_dimensions[5].hidden = True
    sheet.column_dimensions["E"].hidden = True
    sheet.merge_cells("A1:F1")
    workbook.create_sheet("Old")
    result = read(saved(workbook))
    assert result.summary.format == "xlsx"
    assert (result.summary.sheet, result.summary.header_line) == ("Contacts", 3)
    assert result.rows == [
        {"line": 4, "external_id": "123456789012345700", "phone": "447723456789", "due": "2026-12-01", "amount": "12.5", "paid": "true", "zip": "01234"},
        {"line": 5, "external_id": "C2", "phone": "+447723456780", "due": "2026-12-01T08:00:00", "amount": None, "paid": "false", "zip": "00099"},
        {"line": 6, "external_id": "C3", "phone": "07723456789", "due": None, "amount": None, "paid": None, "zip": None},
    ]  # fmt: skip
    assert result.warnings == {
        "file_hidden_rows": 1,
        "file_hidden_columns": 1,
        "file_merged_cells": 1,
        "file_formula_without_value": 1,
        "value_cell_error": 1,
        "file_other_sheets": 1,
        "file_lines_before_header": 1,
    }


def test_a_sheet_may_be_named(read: Reader) -> None:
    workbook = openpyxl.Workbook()
    workbook.worksheets[0].append(["nothing"])
    sheet = workbook.create_sheet("Contacts")
    sheet.append(["phone"])
    sheet.append(["+4479"])
    assert read(saved(workbook), sheet="Contacts").column("phone") == ["+4479"]
    with pytest.raises(ContactFileError) as caught:
        read(saved(workbook), sheet="Other")
    assert caught.value.reason == "file_no_sheet"


@pytest.mark.parametrize(
    ("rows", "reason"),
    [([], "file_empty"), ([["phone", "name"]], "file_no_rows"), ([[447723456789, "Ann"]], "file_no_header")],
)
def test_workbooks_that_cannot_be_used(read: Reader, rows: list[list[object]], reason: str) -> None:
    workbook = openpyxl.Workbook()
    for row in rows:
        workbook.worksheets[0].append(row)
    with pytest.raises(ContactFileError) as caught:
        read(saved(workbook))
    assert caught.value.reason == reason


def test_a_workbook_that_would_fill_the_memory_is_refused(read: Reader) -> None:
    workbook = openpyxl.Workbook()
    workbook.worksheets[0].append(["phone"])
    workbook.worksheets[0]["XFD1048576"] = "far away"
    with pytest.raises(ContactFileError) as caught:
        read(saved(workbook))
    assert caught.value.reason == "file_expands_too_far"


def test_a_damaged_workbook_is_unreadable(read: Reader) -> None:
    workbook = openpyxl.Workbook()
    workbook.worksheets[0].append(["phone"])
    content = saved(workbook)
    broken = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(broken, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, data[: len(data) // 2] if "sheet1" in name else data)
    for damaged in (broken.getvalue(), content[: len(content) // 2]):
        with pytest.raises(ContactFileError) as caught:
            read(damaged)
        assert caught.value.reason in ("file_unreadable", "file_empty")


def test_an_entity_in_a_workbook_is_not_followed(read: Reader) -> None:
    workbook = openpyxl.Workbook()
    workbook.worksheets[0].append(["phone", "name"])
    workbook.worksheets[0].append(["+4479", "=1"])
    evil = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(workbook))) as source, zipfile.ZipFile(evil, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if "sheet1" in name:
                data = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>' + data
            target.writestr(name, data)
    try:
        assert Path("/etc/hostname").read_text(encoding="utf-8").strip() not in str(read(evil.getvalue()).rows)
    except ContactFileError as error:
        assert error.reason == "file_unreadable"


@pytest.mark.parametrize(
    ("code", "number", "text"),
    [
        ("00000", "123", "00123"),
        ('0#" "##" "##" "##" "##', "612345678", "0612345678"),
        ('"+"0', "4479", "+4479"),
        ("+0", "4479", "+4479"),
        ("\\+00 000", "49", "+00049"),
        ("000-00-0000", "12345678", "012345678"),
    ],
)
def test_formats_that_show_zeros_are_honoured(code: str, number: str, text: str) -> None:
    found = padded_format(code)
    assert found is not None
    assert found.text(number) == text


@pytest.mark.parametrize("code", ["0", "General", "#,##0", "0.00", "0%", "dd/mm/yyyy", '#,##0 "EUR"', "@", "[h]:mm"])
def test_other_formats_change_nothing(code: str) -> None:
    assert padded_format(code) is None


def test_parquet_of_many_types(read: Reader, tmp_path: Path) -> None:
    table = pa.table(
        {
            "external_id": pa.array([1, 2], pa.int64()),
            "phone": pa.array([447723456789.0, None], pa.float64()),
            "due": pa.array([dt.date(2026, 1, 2), None], pa.date32()),
            "at": pa.array([moment(2026, 1, 2), moment(2026, 1, 2, 3, 4, 5)], pa.timestamp("ns")),
            "amount": pa.array([Decimal("12.50"), Decimal("-0.05")], pa.decimal128(10, 2)),
            "rate": pa.array([0.1, 2.5], pa.float32()),
            "paid": pa.array([True, None]),
            "kind": pa.array(["a", "a"]).dictionary_encode(),
            "tags": pa.array([["x", "y"], None]),
            "raw": pa.array([b"abc", None]),
        }
    )
    path = tmp_path / "x.parquet"
    pq.write_table(table, path)
    assert read(path).rows == [
        {"line": 2, "external_id": "1", "phone": "447723456789", "due": "2026-01-02", "at": "2026-01-02", "amount": "12.50", "rate": "0.1", "paid": "true", "kind": "a", "tags": '["x", "y"]', "raw": "abc"},
        {"line": 3, "external_id": "2", "phone": None, "due": None, "at": "2026-01-02T03:04:05", "amount": "-0.05", "rate": "2.5", "paid": None, "kind": "a", "tags": None, "raw": None},
    ]  # fmt: skip


def test_pandas_index_is_not_a_column(read: Reader, tmp_path: Path) -> None:
    frame = pd.DataFrame({"phone": ["+4479", "+4478"], "name": ["a", None]}, index=[5, 9])
    frame.to_parquet(tmp_path / "x.parquet")
    assert read(tmp_path / "x.parquet").rows == [
        {"line": 2, "phone": "+4479", "name": "a"},
        {"line": 3, "phone": "+4478", "name": None},
    ]
    frame.to_csv(tmp_path / "x.csv")
    result = read(tmp_path / "x.csv")
    assert result.column("phone") == ["+4479", "+4478"]
    assert result.warnings == {"file_column_without_name": 2}


def test_json_lines_keep_numbers_and_name_what_is_broken(read: Reader) -> None:
    content = "\n".join(
        [
            '{"phone": "+4479", "amount": 12.50, "big": 12345678901234567890, "paid": true, "none": null}',
            "",
            '{"phone": "+4478", "First Name": "Zoë\\n", "tags": [1, {"a": 2.0}]}',
            '{"phone": "+4477"',
            '["+4476"]',
            '{"phone": "1", "phone": "2"}',
            "[" * 100_000,
            '{"phone": NaN, "amount": 1e3}',
            "",
        ]
    )
    result = read(content)
    assert result.summary.format == "json_lines"
    assert result.reasons == dict.fromkeys((4, 5, 6, 7), "row_not_json")
    assert result.rows[0] == {"line": 1, "phone": "+4479", "amount": "12.50", "big": "12345678901234567890", "paid": "true", "none": None, "first_name": None, "tags": None}  # fmt: skip
    assert (result.rows[1]["first_name"], result.rows[1]["tags"]) == ("Zoë\n", '[1, {"a": 2.0}]')
    assert (result.rows[2]["phone"], result.rows[2]["amount"]) == (None, "1e3")


@pytest.mark.parametrize("lines", [1, 2])
def test_json_lines_of_which_none_is_right_say_what_is_wrong(read: Reader, lines: int) -> None:
    """One line that has a key twice is no document in another form, and a file of such lines is not without rows."""
    with pytest.raises(ContactFileError, match="line 1: it has a key twice"):
        read('{"phone": "+447400123456", "phone": "1"}\n' * lines)


def test_a_csv_that_begins_with_a_brace_is_no_json(read: Reader) -> None:
    assert read("{phone},name\n+4479,a\n").summary.format == "csv"
    assert json.loads("1") == 1
