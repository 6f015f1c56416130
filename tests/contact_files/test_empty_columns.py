"""Thousands of empty columns and rows, as spreadsheets leave them behind: they are no columns, in whatever format."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import pandas as pd
import pytest
from openpyxl.styles import Font

from nightmail.errors import ContactFileError
from tests.contact_files.conftest import Reader

ROWS = [("phone", "name"), ("+447723456789", "Ann"), ("+447723456790", "Bo")]
LAST_COLUMN = 16_384
READ = [("+447723456789", "Ann"), ("+447723456790", "Bo")]


def workbook(formatted: tuple[str, ...] = (), further: dict[str, str] | None = None) -> bytes:
    """A workbook of the rows, with cells that have a format and nothing in them, and with further values."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in ROWS:
        sheet.append(row)
    for place in formatted:
        sheet[place].font = Font(bold=True)
    for place, value in (further or {}).items():
        sheet[place].value = value
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def rows(read: Reader, content: bytes | str) -> list[tuple[str | None, ...]]:
    result = read(content)
    assert result.summary.columns == ("phone", "name")
    return [(row["phone"], row["name"]) for row in result.rows]


@pytest.mark.parametrize("formatted", [("XFD1",), ("XFD1", "XFD3"), ("A1048576",), ("XFD1048576",)])
def test_formatted_cells_far_out_are_no_columns(read: Reader, formatted: tuple[str, ...]) -> None:
    """https://github.com/SheetJS/sheetjs/issues/182: Excel writes a dimension of A1:XFD132 for some twenty columns."""
    assert rows(read, workbook(formatted)) == READ


def test_cells_of_spaces_after_the_header_are_no_columns(read: Reader) -> None:
    spaces = {openpyxl.utils.get_column_letter(column) + "1": " " for column in range(3, 3000)}
    assert rows(read, workbook(further=spaces)) == READ


def test_values_after_the_last_name_are_said(read: Reader) -> None:
    result = read(workbook(("XFD1",), {"E3": "a note", "AB3": "another"}))
    assert [row["name"] for row in result.rows] == ["Ann", "Bo"]
    assert result.warnings["file_column_without_name"] == 1


def test_values_that_lie_too_far_out_are_refused_still(read: Reader) -> None:
    with pytest.raises(ContactFileError) as caught:
        read(workbook(further={"XFD1048576": "far away"}))
    assert caught.value.reason == "file_expands_too_far"


def ods(cells: str, repeated_rows: int = 1_048_574) -> bytes:
    """An OpenDocument whose rows end in ``cells``, and whose sheet ends in rows of nothing."""

    def cell(text: str) -> str:
        return f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>'

    body = "".join(f"<table:table-row>{''.join(map(cell, row))}{cells}</table:table-row>" for row in ROWS)
    content = (
        '<?xml version="1.0"?><office:document-content '
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">'
        f'<office:body><office:spreadsheet><table:table table:name="A">{body}'
        f'<table:table-row table:number-rows-repeated="{repeated_rows}">{cells}</table:table-row>'
        "</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr(
            "META-INF/manifest.xml",
            '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
        )
    return buffer.getvalue()


@pytest.mark.parametrize(
    "cells", ["", f'<table:table-cell table:style-name="b" table:number-columns-repeated="{LAST_COLUMN - 2}"/>']
)
def test_repeated_cells_of_an_opendocument_are_no_columns(read: Reader, cells: str) -> None:
    assert rows(read, ods(cells)) == READ


def test_columns_that_pandas_called_unnamed_are_no_columns(read: Reader) -> None:
    """`pandas.read_excel` names the empty columns of a spreadsheet so, and `to_csv` writes the names out."""
    names = [*ROWS[0], *(f"Unnamed: {number}" for number in range(2, 1500))]
    frame = pd.DataFrame([[*row, *[None] * 1498] for row in ROWS[1:]], columns=names)
    assert rows(read, frame.to_csv(index=False)) == READ
    text = "phone,name,Unnamed: 2\n+447723456789,Ann,x\n+447723456790,Bo,y\n"
    assert rows(read, text) == READ
    assert read(text).warnings["file_column_without_name"] == 2
    assert read(text, mapping={"Unnamed: 2": "note"}).column("note") == ["x", "y"]
