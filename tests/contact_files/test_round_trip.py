"""A valid row written in any supported dialect, encoding and container comes back the same; any bytes reconcile."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from nightmail.contact_files import ReadOptions, read_contact_file
from nightmail.contact_files.cell_words import CELL_ERRORS, NULL_WORDS, is_note
from nightmail.errors import NightmailError
from nightmail.lake import TableFile
from tests.support.limited_reading import FOR_THE_FILE, little_memory

HEADER = ["external_id", "phone", "first_name", "note"]
LINE_ENDS = ["\n", "\r\n", "\r"]
QUIET = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def usable(value: str) -> bool:
    """A value without a meaning of its own: no word for nothing, no text formula, not what no encoding can write."""
    return not (
        value.strip() in {*NULL_WORDS, *CELL_ERRORS} or value.startswith('="') or "\x00" in value or "\ufdd0" in value
    )


SAFE_LETTERS = "aäéßÿŁ€œñ日本😀0123 '@.-+=\t\\"
VALUE = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
    st.text(SAFE_LETTERS + ',;|"\r\n', max_size=20),
    st.text(',;|\t"\r\n', max_size=5),
).filter(usable)
ROW = st.tuples(st.integers(1, 999).map(str), st.just("+447400123456"), VALUE, VALUE)
ROWS = st.lists(ROW, min_size=1, max_size=12)


def read_rows(tmp_path: Path, content: bytes, **options: Any) -> list[tuple[str | None, ...]]:
    source = tmp_path / "upload"
    source.write_bytes(content)
    contacts, rejects = TableFile(str(tmp_path / "rows.parquet")), TableFile(str(tmp_path / "rejects.parquet"))
    summary = read_contact_file(source, contacts, ReadOptions(rejects=rejects, **options))
    assert summary.rows == summary.rows_read + summary.rows_rejected
    assert rejects.read().to_pylist() == []
    table = contacts.read()
    return list(zip(*(table[name].to_pylist() for name in table.column_names[1:]), strict=True))


def expected(rows: list[tuple[str, ...]]) -> list[tuple[str | None, ...]]:
    return [tuple(value or None for value in row) for row in rows]


def written(rows: list[tuple[str, ...]], delimiter: str, line_end: str, everything: bool = False) -> str:
    buffer = io.StringIO()
    quoting = csv.QUOTE_ALL if everything else csv.QUOTE_MINIMAL
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerow(HEADER)
    writer.writerows(rows)
    return buffer.getvalue()


@QUIET
@given(
    rows=ROWS,
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(LINE_ENDS),
    everything=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]),
    container=st.sampled_from(["plain", "gzip", "zip", "zstd"]),
)
@example([("1", "+447400123456", "a\r\nb", '"')], ",", "\r\n", False, "utf-16", "gzip")
def test_any_row_in_any_dialect_comes_back(
    tmp_path: Path,
    rows: list[tuple[str, ...]],
    delimiter: str,
    line_end: str,
    everything: bool,
    encoding: str,
    container: str,
) -> None:
    text = written(rows, delimiter, line_end, everything)
    # The csv module leaves a lone CR unquoted where the line ends are LF: what it writes is then no longer one row.
    assume(list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)) == [HEADER, *map(list, rows)])
    content = text.encode(encoding)
    if encoding in ("utf-16-le", "utf-16-be"):
        content = (codecs.BOM_UTF16_LE if encoding.endswith("le") else codecs.BOM_UTF16_BE) + content
    content = packed(content, container)
    assert read_rows(tmp_path, content) == expected(rows)


def packed(content: bytes, container: str) -> bytes:
    if container == "gzip":
        return gzip.compress(content)
    if container == "zstd":
        return zstandard.compress(content)
    if container == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("folder/contacts.csv", content)
            archive.writestr("__MACOSX/._contacts.csv", b"x")
        return buffer.getvalue()
    return content


SYLLABLE = st.tuples(st.sampled_from("bdklmnrst"), st.sampled_from("aeiouéèäöüßñçÀÉÑÖ")).map("".join)
"""Letters beyond ASCII stand between others, as they do in western European names."""


@QUIET
@given(
    names=st.lists(st.lists(SYLLABLE, min_size=1, max_size=5).map("".join), min_size=1, max_size=8),
    encoding=st.sampled_from(["cp1252", "latin-1", "iso8859-15"]),
)
def test_western_european_text_comes_back_from_every_single_byte_encoding(
    tmp_path: Path, names: list[str], encoding: str
) -> None:
    rows = [(str(number), "+447400123456", f"Frau {name}", "") for number, name in enumerate(names, 1)]
    assert read_rows(tmp_path, written(rows, ";", "\r\n").encode(encoding)) == expected(rows)


@QUIET
@given(rows=st.lists(st.dictionaries(st.sampled_from(HEADER), VALUE, min_size=1), min_size=1, max_size=12))
def test_json_lines_come_back(tmp_path: Path, rows: list[dict[str, str]]) -> None:
    assume(any("phone" in row or "external_id" in row for row in rows))
    assume(not is_note(next(iter(rows[-1].values()))))
    content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    source = tmp_path / "upload"
    source.write_bytes(content)
    contacts, rejects = TableFile(str(tmp_path / "rows.parquet")), TableFile(str(tmp_path / "rejects.parquet"))
    try:
        summary = read_contact_file(source, contacts, ReadOptions(rejects=rejects))
    except NightmailError as error:
        assert error.reason == "file_no_rows"
        assert not any(value.strip() for row in rows for value in row.values())
        return
    read = {row.pop("line"): row for row in contacts.read().to_pylist()}
    lost = {row["line"]: row["reason"] for row in rejects.read().to_pylist()}
    assert summary.rows == len(read) + len(lost)
    for line, row in enumerate(rows, 1):
        if line in read:
            assert {name: value for name, value in read[line].items() if value} == {
                name: value for name, value in row.items() if value
            }
        else:
            assert lost.get(line) in ("row_empty", "row_total", None)


@QUIET
@given(rows=ROWS)
def test_parquet_comes_back(tmp_path: Path, rows: list[tuple[str, ...]]) -> None:
    table = pa.table([pa.array(list(column)) for column in zip(*rows, strict=True)], names=HEADER)
    pq.write_table(table, tmp_path / "made")
    assert read_rows(tmp_path, (tmp_path / "made").read_bytes()) == expected(rows)


@settings(QUIET, max_examples=40)
@given(
    rows=st.lists(
        st.tuples(
            ROW.map(lambda row: row[0]),
            st.just("+447400123456"),
            *[st.text('aé日😀 ,;"=+0.5\n', max_size=9).map(str.strip).filter(usable)] * 2,
        ),
        min_size=1,
        max_size=8,
    )
)
def test_xlsx_comes_back(tmp_path: Path, rows: list[tuple[str, ...]]) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.worksheets[0]
    sheet.append(HEADER)
    for number, row in enumerate(rows, 2):
        for place, value in enumerate(row, 1):
            cell = sheet.cell(number, place)
            cell.value = value
            cell.data_type = "s"
    buffer = io.BytesIO()
    workbook.save(buffer)
    assert read_rows(tmp_path, buffer.getvalue()) == expected(rows)


FRAGMENTS = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(
        [
            b"external_id,phone,name\n", b"phone\n", b"\xef\xbb\xbf", b"\xff\xfe", b'"', b'""', b",", b";", b"\n", b"\r", b"\r\n",
            b"1,+447400123456,Ann\n", b'2,"+447400123457","B\n"\n', b"\x00", b"\xff", b"\xc3\xa9", b"\xe9", b"{", b"[", b"PK\x03\x04",
            b"\x1f\x8b", b"PAR1", b"Total,,\n", b"(2 rows)\n", b",,\n", b"\\N", b'="1"', b"{\"phone\": 1}\n", b"\t", b"sep=;\n", b"\x1a",
        ]
    ),
)  # fmt: skip


@settings(QUIET, max_examples=200)
@given(
    prefix=st.sampled_from(
        [
            b"",
            b"external_id,phone,name\n",
            b"phone;name\r\n",
            b'{"phone": "1"}\n',
            b"\xff\xfep\x00h\x00o\x00n\x00e\x00\n\x00",
        ]
    ),
    parts=st.lists(FRAGMENTS, max_size=25),
    block=st.sampled_from([7, 64, 1 << 20]),
)
def test_any_bytes_end_in_rows_that_reconcile_or_in_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: bytes, parts: list[bytes], block: int
) -> None:
    """No exception but ours, no row lost, no row in two places, whatever the bytes and wherever a block ends."""
    monkeypatch.setattr("nightmail.contact_files.csv_reading.BLOCK_BYTES", block)
    monkeypatch.setattr("nightmail.contact_files.csv_reading._SMALL_WINDOW", block)
    monkeypatch.setattr("nightmail.contact_files.csv_reading._EXACT_RECORDS", 1)
    monkeypatch.setattr("nightmail.contact_files.text_survey._CHUNK", max(block, 16))
    source = tmp_path / "upload"
    source.write_bytes(prefix + b"".join(parts))
    contacts, rejects = TableFile(str(tmp_path / "rows.parquet")), TableFile(str(tmp_path / "rejects.parquet"))
    try:
        summary = read_contact_file(source, contacts, ReadOptions(rejects=rejects))
    except NightmailError as error:
        assert error.reason.startswith("file_")
        return
    lines = contacts.read(["line"])["line"].to_pylist()
    rejected = rejects.read()["line"].to_pylist()
    assert lines == sorted(set(lines))
    assert not set(lines) & set(rejected)
    assert summary.rows == len(lines) + len(set(rejected))
    assert sum(summary.by_reason.values()) == summary.rows_rejected == len(rejected)


@QUIET
@given(
    parts=st.lists(
        st.sampled_from(["a", "bb", '"', '""', ",", ",", "\n", "\n", "\r\n", "+4479", '"a,\nb"', " "]), max_size=60
    )
)
def test_blocks_of_any_size_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: list[str]) -> None:
    """Where a block ends, and whether Arrow or the exact reader reads a record, changes nothing."""
    source = tmp_path / "upload"
    source.write_bytes(("external_id,phone,name\n" + "".join(parts)).encode())
    answers = []
    for block in (5, 33, 1 << 20):
        monkeypatch.setattr("nightmail.contact_files.csv_reading.BLOCK_BYTES", block)
        monkeypatch.setattr("nightmail.contact_files.csv_reading._SMALL_WINDOW", block)
        contacts, rejects = TableFile(str(tmp_path / "rows.parquet")), TableFile(str(tmp_path / "rejects.parquet"))
        try:
            summary = read_contact_file(source, contacts, ReadOptions(rejects=rejects))
        except NightmailError as error:
            answers.append((error.reason, None, None))
            continue
        lost = sorted(rejects.read().to_pylist(), key=lambda row: row["line"])
        answers.append((summary.rows, contacts.read().to_pylist(), lost))
    assert answers[0] == answers[1] == answers[2]


FILES = Path(__file__).parents[1] / "files" / "contact_files"
MUTABLE = (
    "libreoffice.xlsx",
    "libreoffice.ods",
    "libreoffice.xls",
    "pandas.parquet",
    "pandas.jsonl.gz",
    "shell.csv.zst",
)


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """A file that a real program made, with bytes changed, lost or doubled; inside the container as well."""
    content = (FILES / draw(st.sampled_from(MUTABLE))).read_bytes()
    if content.startswith(b"PK") and draw(st.booleans()):
        made = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(made, "w") as target:
            names = source.namelist()
            chosen = draw(st.sampled_from([name for name in names if name.endswith((".xml", ".rels"))]))
            for name in names:
                data = source.read(name)
                target.writestr(name, draw(damage(data)) if name == chosen and data else data)
        return made.getvalue()
    return draw(damage(content))


@st.composite
def damage(draw: st.DrawFn, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        kind = draw(st.sampled_from(["change", "lose", "insert"]))
        if kind == "change" and data:
            data[place] = draw(st.integers(0, 255))
        elif kind == "lose":
            del data[place : place + draw(st.integers(1, 60))]
        else:
            data[place:place] = draw(st.sampled_from([b"999999999", b"-1", b'"', b"<", b"1e308", b"\x00\xff"]))
    return bytes(data)


@settings(QUIET, max_examples=120)
@given(content=damaged_files())
def test_damaged_workbooks_and_containers_end_in_rows_or_a_reason(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "upload"
    source.write_bytes(content)
    rejects = TableFile(str(tmp_path / "rejects.parquet"))
    options = ReadOptions(rejects=rejects, memory_limit=FOR_THE_FILE)
    try:
        with little_memory():
            summary = read_contact_file(source, TableFile(str(tmp_path / "rows.parquet")), options)
    except NightmailError as error:
        assert error.reason.startswith("file_")
        return
    assert summary.rows == summary.rows_read + rejects.num_rows()
