"""The reject file: what the uploader corrects and drops again."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow as pa

from nightmail.contact_files import ReadOptions, read_contact_file
from nightmail.lake import TableFile
from nightmail.row_checks import ContactRules, PlaceholderRule, prepare_contacts, write_rejects_csv

CSV = """Kunden-Nr.;Telefon;E-Mail;Vorname;Betrag
1;+49 151 23456789;;Anna;5
2;+49 12;;"Bo ""B"" Müller";5
3;0151 23456789;a@;=cmd|' /C calc'!A0;5
4;+49 151 23456780;;Eve
1;+49 151 23456789;;Anna;5
6;+49 151 23456781;;;
"""


def prepared(folder: Path, text: str) -> dict[str, TableFile]:
    """The tables of a CSV file's way to contacts."""
    folder.mkdir()
    source = folder / "due.csv"
    source.write_text(text, encoding="utf-8")
    table = {
        name: TableFile(str(folder / f"{name}.parquet"))
        for name in ("file", "broken", "contacts", "rejects", "warnings")
    }
    read_contact_file(source, table["file"], ReadOptions(rejects=table["broken"]))
    rules = ContactRules(
        channels=("sms", "email"), placeholders=(PlaceholderRule(name="betrag"),), file_rejects=table["broken"]
    )
    summary = prepare_contacts(table["file"], table["contacts"], table["rejects"], table["warnings"], rules)
    assert summary.rows == summary.rejects + summary.duplicates + summary.contacts == len(text.splitlines()) - 1
    return table


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, by header."""
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def test_rejected_rows_come_back_under_their_own_headers(tmp_path: Path) -> None:
    """The original columns and values, the line, reason and sentence; no duplicates, and nothing that a spreadsheet runs."""
    table = prepared(tmp_path / "first", CSV)
    path = tmp_path / "rejects.csv"
    count = write_rejects_csv(table["file"], table["rejects"], path)
    rows = rows_of(path)
    assert count == len(rows) == 4
    assert list(rows[0])[:5] == ["Kunden-Nr.", "Telefon", "E-Mail", "Vorname", "Betrag"]
    assert [row["nightmail_line"] for row in rows] == ["3", "4", "5", "7"]
    assert rows[0]["Vorname"] == 'Bo "B" Müller'
    assert rows[1]["nightmail_reason"].split("; ") == ["phone_country_needed", "email_invalid"]
    assert rows[1]["Vorname"].startswith("'=")
    assert rows[2]["nightmail_reason"].startswith("row_")
    assert rows[3]["nightmail_reason"] == "placeholder_missing"
    assert rows[3]["nightmail_message"].startswith("The placeholder betrag is empty")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")


def test_the_corrected_file_can_be_dropped_again(tmp_path: Path) -> None:
    """Our columns are ignored, the escapes taken off, and what was corrected is a contact."""
    table = prepared(tmp_path / "first", CSV)
    path = tmp_path / "rejects.csv"
    write_rejects_csv(table["file"], table["rejects"], path)
    corrected = (
        path.read_text(encoding="utf-8-sig")
        .replace("'+49 12", "'+49 151 23456783")
        .replace("0151 2345", "+49 151 2345")
    )
    again = prepared(tmp_path / "again", corrected)
    contacts = again["contacts"].read()
    assert contacts.column("external_id").to_pylist() == ["2", "3"]
    assert contacts.column("phone").to_pylist() == ["+4915123456783", "+4915123456789"]
    assert contacts.column("vorname").to_pylist() == ['Bo "B" Müller', "=cmd|' /C calc'!A0"]
    assert not set(contacts.column_names) & {"nightmail_line", "nightmail_reason", "nightmail_message"}


def test_duplicates_have_a_file_of_their_own(tmp_path: Path) -> None:
    """For information: dropped again they would be sent to again."""
    table = prepared(tmp_path / "first", CSV)
    path = tmp_path / "duplicates.csv"
    assert write_rejects_csv(table["file"], table["rejects"], path, duplicates=True) == 1
    (row,) = rows_of(path)
    assert (row["nightmail_line"], row["nightmail_reason"]) == ("6", "duplicate_row")
    assert "line 2" in row["nightmail_message"]


def test_a_clean_file_gives_a_header_only(tmp_path: Path) -> None:
    """And a table that was not made by reading a file keeps its columns' names."""
    table = {name: TableFile(str(tmp_path / f"{name}.parquet")) for name in ("file", "contacts", "rejects", "warnings")}
    table["file"].write(pa.table({"line": pa.array([2], pa.int64()), "phone": ["+49 151 23456789"]}))
    prepare_contacts(table["file"], table["contacts"], table["rejects"], table["warnings"], ContactRules())
    target = io.BytesIO()
    assert write_rejects_csv(table["file"], table["rejects"], target) == 0
    assert target.getvalue().decode("utf-8-sig").splitlines() == [
        "phone,nightmail_line,nightmail_reason,nightmail_message"
    ]
