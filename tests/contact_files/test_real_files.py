"""Files that real programs made (tests/files/make_contact_files.py) give the contacts that were put into them."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightmail.errors import ContactFileError
from tests.contact_files.conftest import Reader

FOLDER = Path(__file__).parents[1] / "files" / "contact_files"
IDS = ["00017", "00018", "00019", "00020", "00021", "00022"]
PHONES = ["+447400123456", "+4915112345678", "+33612345678", "+34612345678", "+48601234567", "+351912345678"]
NAMES = ["Ann O'Neill", "Jürgen Groß", "Zoë Lefèvre", "José Muñoz", "Lukasz", "João"]
NOTES = ["plain", "a, b; c", 'say "hi"', "two\nlines", None, "=1+1"]
AMOUNTS = ["12.50", "1000.00", "0.05", "7.00", None, "3.10"]
DATES = ["2026-12-01", "2026-12-02", "2026-12-03", "2026-12-04", None, "2026-02-28"]


@pytest.mark.parametrize(
    ("name", "encoding", "delimiter", "container"),
    [
        ("postgresql-copy.csv", "utf-8", ",", None),
        ("postgresql-copy-quoted.csv", "utf-8", ";", None),
        ("postgresql-copy.txt", "utf-8", "\t", None),
        ("pandas-index.csv", "utf-8", ",", None),
        ("pandas-utf16.tsv", "utf-16", "\t", None),
        ("pandas.jsonl.gz", "utf-8", None, "gzip"),
        ("pandas.parquet", None, None, None),
        ("shell-iconv-latin1.csv", "iso-8859-1", ",", None),
        ("shell-utf16.csv.gz", "utf-16", ",", "gzip"),
        ("shell.zip", "utf-8", ",", "zip"),
        ("shell.csv.zst", "utf-8", ",", "zstd"),
    ],
)
def test_exact_formats_bring_every_value_back(
    read: Reader, name: str, encoding: str | None, delimiter: str | None, container: str | None
) -> None:
    result = read(FOLDER / name)
    summary = result.summary
    assert (summary.encoding, summary.delimiter, summary.container) == (encoding, delimiter, container)
    assert result.column("external_id") == IDS
    assert result.column("phone") == PHONES
    assert result.column("name") == NAMES
    assert result.column("note") == NOTES
    assert [value if value != "None" else None for value in result.column("amount")] == AMOUNTS
    assert [value if value != "None" else None for value in result.column("due_date")] == DATES
    assert result.rejects == []


@pytest.mark.parametrize("name", ["libreoffice.xlsx", "libreoffice.ods", "libreoffice.xls", "pandas.xlsx"])
def test_workbooks(read: Reader, name: str) -> None:
    result = read(FOLDER / name)
    assert result.column("external_id") == IDS
    assert [value.lstrip("+") for value in result.column("phone")] == [phone[1:] for phone in PHONES]
    assert result.column("name") == NAMES
    assert result.column("note")[:5] == NOTES[:5]
    assert [value and float(value) for value in result.column("amount")] == [12.5, 1000, 0.05, 7, None, 3.1]
    assert result.column("due_date") == DATES
    if name.startswith("libreoffice"):
        assert result.summary.sheet == "Contacts"
        assert result.reasons == {8: "row_total"}
        assert "file_other_sheets" in result.warnings
        assert result.warnings["file_merged_cells"] == 1


@pytest.mark.parametrize("name", ["libreoffice.xlsx", "libreoffice.ods"])
def test_what_a_workbook_hides_is_said(read: Reader, name: str) -> None:
    warnings = read(FOLDER / name).warnings
    assert warnings["file_hidden_rows"] == 1
    assert warnings["file_formula_cells"] == 7


@pytest.mark.parametrize("name", ["libreoffice.xlsx", "libreoffice.ods"])
def test_number_formats_of_a_workbook_are_read_as_people_see_them(read: Reader, name: str) -> None:
    result = read(FOLDER / name)
    assert result.column("phone") == PHONES
    assert result.column("short_no") == [f"00{4200 + row}" for row in range(2, 8)]


@pytest.mark.parametrize(
    ("name", "encoding", "delimiter"),
    [
        ("libreoffice-utf8.csv", "utf-8", ","),
        ("libreoffice-semicolon-cp1252.csv", "iso-8859-1", ";"),
        ("libreoffice-tab-utf16.csv", "utf-16", "\t"),
    ],
)
def test_csv_of_a_spreadsheet(read: Reader, name: str, encoding: str, delimiter: str) -> None:
    result = read(FOLDER / name)
    assert (result.summary.encoding, result.summary.delimiter) == (encoding, delimiter)
    assert result.column("external_id") == IDS
    assert result.column("name") == NAMES
    assert result.column("note")[3] == "two\nlines"
    assert result.column("line") == [2, 3, 4, 5, 7, 8]
    assert result.reasons == {9: "row_total"}


def test_psql_output(read: Reader) -> None:
    result = read(FOLDER / "psql-unaligned.txt")
    assert result.column("phone") == PHONES
    assert result.reasons == {8: "row_total"}


def test_files_joined_by_a_shell(read: Reader) -> None:
    result = read(FOLDER / "shell-joined.csv")
    assert result.column("name") == ["Ann", "Jürgen"]
    assert result.reasons == {3: "row_header_again"}
    assert result.summary.line_end == "mixed"


def test_a_trailer_of_a_mainframe(read: Reader) -> None:
    result = read(FOLDER / "shell-awk-trailer.txt")
    assert result.column("external_id") == ["00017", "00018"]
    assert list(result.reasons.values()) == ["row_total"]


def test_an_upload_that_was_cut_short(read: Reader) -> None:
    result = read(FOLDER / "shell-cut-short.csv")
    assert result.column("external_id") == IDS[:4]
    assert list(result.reasons.values()) == ["row_ragged"]
    assert read(FOLDER / "pandas-float-phones.csv").column("phone") == ["447400123456.0", None, "33612345678.0"]
    with pytest.raises(ContactFileError) as caught:
        read((FOLDER / "shell.zip").read_bytes()[:300])
    assert caught.value.reason == "file_unreadable"
