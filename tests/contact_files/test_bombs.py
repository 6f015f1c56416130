"""Files of a few KB that would fill the memory: each ends in rows or in a reason, within the memory it may take."""

from __future__ import annotations

import io
import signal
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightmail.contact_files import ReadOptions, read_contact_file
from nightmail.contact_files.typed_file import TypedFile
from nightmail.contact_files.unpacking import _LONGEST_DIRECTORY
from nightmail.errors import ContactFileError
from nightmail.lake import TableFile
from tests.support.limited_reading import FOR_THE_FILE, MEGABYTE, read_limited

FILES = Path(__file__).parents[1] / "files" / "contact_files"
SLACK = 200 * MEGABYTE
"""What Python, Arrow and a file's own megabytes take beside."""


def xlsx(rows: str = "", before: str = "", after: str = "") -> bytes:
    """A workbook with a header and one contact, and the XML of whatever else is asked for."""
    workbook = openpyxl.Workbook()
    for row in (["external_id", "phone"], ["1", "+447400123456"]):
        workbook.worksheets[0].append(row)
    made = io.BytesIO()
    workbook.save(made)
    changed = io.BytesIO()
    with zipfile.ZipFile(made) as source, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            text = source.read(name).decode()
            if name == "xl/worksheets/sheet1.xml":
                text = text.replace("<sheetData>", f"{before}<sheetData>")
                text = text.replace("</sheetData>", f"{rows}</sheetData>{after}")
            target.writestr(name, text)
    return changed.getvalue()


def xlsx_of_countless_strings() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(FILES / "libreoffice.xlsx") as source, zipfile.ZipFile(made, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(b'uniqueCount="', b'uniqueCount="999999999'))
    return made.getvalue()


def filled(text: str, repeated: int = 1) -> str:
    return (
        f'<table:table-cell office:value-type="string" table:number-columns-repeated="{repeated}">'
        f"<text:p>{text}</text:p></table:table-cell>"
    )


def row(cells: str, repeated: int = 1) -> str:
    return f'<table:table-row table:number-rows-repeated="{repeated}">{cells}</table:table-row>'


def ods(rows: str, second_sheet: str = "", cut: bool = False) -> bytes:
    """A workbook with a header and one contact, then ``rows``; ``cut`` ends it in the middle of the sheet."""
    names = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    head = row(filled("external_id") + filled("phone")) + row(filled("1") + filled("+447400123456"))
    content = (
        f'<?xml version="1.0"?><office:document-content {names}><office:body><office:spreadsheet>'
        f'<table:table table:name="A">{head}{rows}'
    )
    if not cut:
        content += (
            f'</table:table><table:table table:name="B">{second_sheet}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>"
        )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        target.writestr("META-INF/manifest.xml", "<manifest/>")
        target.writestr("content.xml", content)
    return made.getvalue()


def xls() -> bytearray:
    return bytearray((FILES / "libreoffice.xls").read_bytes())


def xls_with_a_cell_far_away() -> bytes:
    content = xls()
    place = content.rfind(b"\xfd\x00\x0a\x00")
    struct.pack_into("<HH", content, place + 4, 65535, 65535)
    return bytes(content)


def xls_whose_directory_is_a_circle() -> bytes:
    content = xls()
    (directory,) = struct.unpack_from("<I", content, 48)
    (first_table,) = struct.unpack_from("<I", content, 76)
    struct.pack_into("<I", content, 512 + first_table * 512 + 4 * directory, directory)
    return bytes(content)


def xls_whose_list_of_tables_is_a_circle() -> bytes:
    content = xls()
    sector = (len(content) - 512) // 512
    struct.pack_into("<I", content, 68, sector)
    return bytes(content) + b"\xff" * 508 + struct.pack("<I", sector)


def parquet_of_one_long_text(size: int, rows: int) -> bytes:
    """A text that stands in the file once, and in ``rows`` rows by a few bytes that say so."""
    places = pa.array([0] * rows, pa.int32())
    table = pa.table(
        {
            "phone": pa.array(["+447400123456"]).take(places),
            "note": pa.DictionaryArray.from_arrays(places, pa.array(["x" * size])),
        }
    )
    made = io.BytesIO()
    pq.write_table(table, made, compression="zstd")
    return made.getvalue()


def zip_with_a_dictionary_of_4_gib() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.csv", b"external_id,phone\n1,+447400123456\n")
    content = bytearray(made.getvalue())
    place = 30 + len("a.csv") + 5
    content[place : place + 4] = b"\xff\xff\xff\xff"
    return bytes(content)


def zip_whose_type_is_a_bomb() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("mimetype", "w") as entry:
            for _ in range(600):
                entry.write(bytes(MEGABYTE))
        archive.writestr("content.xml", "<a/>")
    return made.getvalue()


CELLS, MEMORY = "64000000 cells", "512.0 MiB of memory"
BOMBS: list[tuple[str, Callable[[], bytes], str]] = [
    ("xlsx: a cell in the last corner", lambda: xlsx('<row r="3"><c r="XFD1048576"><v>1</v></c></row>'), CELLS),
    ("xlsx: a row beyond any", lambda: xlsx('<row r="3"><c r="A999999999"><v>1</v></c></row>'), CELLS),
    ("xlsx: cells without a place in a far row", lambda: xlsx('<row r="999999999"><c><v>1</v></c></row>'), CELLS),
    ("xlsx: small letters", lambda: xlsx('<row r="3"><c r="xfd1048576"><v>1</v></c></row>'), MEMORY),
    ("xlsx: spaces around =", lambda: xlsx('<row r="3"><c r = "XFD1048576"><v>1</v></c></row>'), MEMORY),
    ("xlsx: a wide far row", lambda: xlsx(f'<row r="1048576">{"<c><v>1</v></c>" * 16384}</row>'), MEMORY),
    ("xlsx: strings without number", xlsx_of_countless_strings, MEMORY),
    ("ods: spaces", lambda: ods(row(filled('<text:s text:c="9999999992"/>'))), "64000000 spaces written as their number"),
    ("ods: repeated rows", lambda: ods(row(filled("a", 2), 999999999)), CELLS),
    ("ods: repeated columns", lambda: ods(row(filled("a", 999999999))), CELLS),
    ("ods: empty rows between", lambda: ods(row(filled("a", 9000)) + row("", 9000) + row(filled("b"))), CELLS),
    ("ods: a sheet that is not read", lambda: ods("", row(filled("a", 16384), 6000)), CELLS),
    ("ods: a long text in every column", lambda: ods(row(filled("x" * 90_000, 9000))), MEMORY),
    ("xls: a cell in the last corner", xls_with_a_cell_far_away, MEMORY),
    ("xls: a circle of sectors", xls_whose_directory_is_a_circle, MEMORY),
    ("xls: a circle of tables", xls_whose_list_of_tables_is_a_circle, MEMORY),
    ("parquet: a long text in every row", lambda: parquet_of_one_long_text(1_000_000, 20_000), MEMORY),
    ("zip: LZMA's dictionary", zip_with_a_dictionary_of_4_gib, "256.0 MiB of memory"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "limit"), [pytest.param(*bomb[1:], id=bomb[0]) for bomb in BOMBS])
def test_a_bomb_ends_in_a_reason_that_names_the_limit(tmp_path: Path, content: Callable[[], bytes], limit: str) -> None:
    (tmp_path / "upload").write_bytes(content())
    outcome = read_limited(tmp_path / "upload")
    assert (outcome.reason, limit in outcome.message) == ("file_expands_too_far", True), outcome
    assert outcome.own_peak < SLACK
    assert outcome.other_peak < FOR_THE_FILE + SLACK


HARMLESS: list[tuple[str, Callable[[], bytes], int]] = [
    ("xlsx: dimension", lambda: xlsx(before='<dimension ref="A1:ZZZZZ4294967295"/>'), 1),
    ("xlsx: spans", lambda: xlsx('<row r="3" spans="1:4294967295"><c r="A3"><v>2</v></c></row>'), 2),
    ("xlsx: merged cells", lambda: xlsx(after='<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'), 1),
    ("ods: empty rows at the end", lambda: ods(row('<table:table-cell table:number-columns-repeated="16384"/>', 1048574)), 1),
    ("parquet: many rows", lambda: parquet_of_one_long_text(10, 300_000), 300_000),
]  # fmt: skip


@pytest.mark.parametrize(("content", "rows"), [pytest.param(*file[1:], id=file[0]) for file in HARMLESS])
def test_what_only_looks_large_is_read(tmp_path: Path, content: Callable[[], bytes], rows: int) -> None:
    (tmp_path / "upload").write_bytes(content())
    outcome = read_limited(tmp_path / "upload")
    assert (outcome.reason, outcome.rows) == (None, rows)
    assert outcome.own_peak < SLACK


def test_a_sheet_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(ods("", cut=True))
    assert read_limited(tmp_path / "upload").reason == "file_unreadable"


def test_the_type_of_a_document_is_not_unpacked_whole(tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(zip_whose_type_is_a_bomb())
    outcome = read_limited(tmp_path / "upload")
    assert outcome.reason == "file_not_text"
    assert outcome.own_peak < SLACK


def test_a_zip_of_too_many_names_is_not_listed(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.csv", b"phone\n1\n")
    content = made.getvalue()
    directory, size = content.rfind(b"PK\x01\x02"), _LONGEST_DIRECTORY + 1
    longer = content[:directory] + bytes(size) + content[directory:]
    (tmp_path / "upload").write_bytes(longer[:-10] + struct.pack("<II", size + 46 + 5, directory) + longer[-2:])
    outcome = read_limited(tmp_path / "upload")
    assert (outcome.reason, "16.0 MiB of file names" in outcome.message) == ("file_expands_too_far", True)


def test_what_a_library_says_of_a_damaged_file_does_not_reach_the_screen(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content = xls()
    content[30:32] = b"\x0c\x00"
    content[600:] = bytes(len(content) - 600)
    content[1200:1216] = "Workbook".encode("utf-16-le")
    (tmp_path / "upload").write_bytes(content)
    rejects = TableFile(str(tmp_path / "rejects.parquet"))
    with pytest.raises(ContactFileError):
        read_contact_file(tmp_path / "upload", TableFile(str(tmp_path / "rows.parquet")), ReadOptions(rejects=rejects))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("number", "reason"),
    [(signal.SIGXCPU, "file_unreadable"), (signal.SIGSEGV, "file_unreadable"), (signal.SIGKILL, None)],
)
def test_a_reading_process_that_is_killed_from_outside_says_nothing_about_the_file(
    tmp_path: Path, number: signal.Signals, reason: str | None
) -> None:
    """A file that is judged is not read again; one whose machine was shut down is."""
    options = ReadOptions(rejects=TableFile(str(tmp_path / "rejects.parquet")))
    with TypedFile(FILES / "pandas.parquet", "parquet", options) as file:
        file._process.send_signal(number)
        with pytest.raises(ContactFileError if reason else RuntimeError) as caught:
            list(file._blocks({}))
    assert getattr(caught.value, "reason", None) == reason
