"""Files that cannot be used as a whole: each has its reason, and nothing is written."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest

from nightmail.contact_files import ReadOptions, read_contact_file
from nightmail.errors import ContactFileError
from nightmail.lake import TableFile
from tests.contact_files.conftest import Reader

GOOD = b"external_id,phone\n1,+447900900123\n"


OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def protected(content: bytes) -> bytes:
    """A zip whose one entry says that it is encrypted."""
    data = bytearray(content)
    data[6] |= 1
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


BAD = [
    pytest.param(b"", "file_empty", id="empty"),
    pytest.param(b"\n\r\n  \n", "file_empty", id="blank lines"),
    pytest.param(b"\xef\xbb\xbf", "file_empty", id="a byte order mark alone"),
    pytest.param(b"external_id,phone\n", "file_no_rows", id="header only"),
    pytest.param(b"external_id,phone", "file_no_rows", id="header without a line end"),
    pytest.param(b"external_id,phone\n\n\r\n", "file_no_rows", id="header and blank lines"),
    pytest.param(b"external_id,phone\n,\n,\n", "file_no_rows", id="header and delimiters"),
    pytest.param(b"1,+447900900123\n2,+447900900124\n", "file_no_header", id="no header"),
    pytest.param(b"Ann,ann@example.com\nphone,email\n", "file_no_header", id="a row before the header"),
    pytest.param(b"+447900900123\n+447900900124\n", "file_no_header", id="numbers alone"),
    pytest.param(b"hello world\nthis is a letter\n", "file_no_known_column", id="a letter"),
    pytest.param(b'phone,"name\n+447400123456,a\n', "file_unreadable", id="a quote open in the header"),
    pytest.param(b"phone" + b" " * 300_000 + b"x\n1\n", "file_no_header", id="a header that goes on and on"),
    pytest.param(b"phone,Mobile\n1,2\n", "file_column_twice", id="two columns for the phone"),
    pytest.param(b"phone,name,Name\n1,2,3\n", "file_column_twice", id="two columns for a placeholder"),
    pytest.param(b"%PDF-1.7\n%\xe2\xe3", "file_not_text", id="PDF"),
    pytest.param(b"\x89PNG\r\n\x1a\n\x00\x00", "file_not_text", id="PNG"),
    pytest.param(bytes(range(256)) * 40, "file_not_text", id="binary"),
    pytest.param(b"\x00" * 5000, "file_not_text", id="NUL only"),
    pytest.param(b"<!DOCTYPE html><html><table>", "file_not_text", id="HTML"),
    pytest.param(b"<?xml version='1.0'?><rows/>", "file_not_text", id="XML"),
    pytest.param("external_id,phone\n1,0790\n".encode("cp037") * 50, "file_not_text", id="EBCDIC"),
    pytest.param(b'[{"phone": "1"}]', "file_unreadable", id="a JSON list"),
    pytest.param(b'{\n "phone": "1"\n}', "file_unreadable", id="a JSON document"),
    pytest.param(gzip.compress(GOOD)[:-9], "file_unreadable", id="gzip cut short"),
    pytest.param(gzip.compress(b""), "file_empty", id="gzip of nothing"),
    pytest.param(gzip.compress(gzip.compress(GOOD)), "file_unreadable", id="gzip in gzip"),
    pytest.param(b"\x1f\x8b" + b"x" * 40, "file_unreadable", id="gzip damaged"),
    pytest.param(b"\x28\xb5\x2f\xfd" + b"x" * 40, "file_unreadable", id="zstd damaged"),
    pytest.param(b"PK\x03\x04" + b"x" * 40, "file_unreadable", id="zip damaged"),
    pytest.param(zipped({"a.csv": GOOD, "b.csv": GOOD}), "file_several_inside", id="zip of two"),
    pytest.param(zipped({}), "file_unreadable", id="zip of nothing"),
    pytest.param(zipped({"[Content_Types].xml": b"", "word/document.xml": b""}), "file_not_text", id="Word"),
    pytest.param(protected(zipped({"a.csv": GOOD})), "file_protected", id="zip with a password"),
    pytest.param(OLE2 + "EncryptedPackage".encode("utf-16-le"), "file_protected", id="workbook with a password"),
    pytest.param(OLE2 + bytes(600), "file_not_text", id="old office document"),
    pytest.param(b"PAR1" + b"x" * 40 + b"PAR1", "file_unreadable", id="Parquet damaged"),
    pytest.param(b"PAR1 is no file\n", "file_unreadable", id="Parquet cut short"),
]


@pytest.mark.parametrize(("content", "reason"), BAD)
def test_a_file_that_cannot_be_used_says_why_and_leaves_nothing(tmp_path: Path, content: bytes, reason: str) -> None:
    source = tmp_path / "contacts.csv"
    source.write_bytes(content)
    out = tmp_path / "out"
    rows, rejects = TableFile(str(out / "contact_file.parquet")), TableFile(str(out / "rejects.parquet"))
    with pytest.raises(ContactFileError) as caught:
        read_contact_file(source, rows, ReadOptions(rejects=rejects))
    assert caught.value.reason == reason
    assert caught.value.message and caught.value.remedy
    assert list(out.glob("*")) == []


def test_limits_of_size_rows_and_columns(read: Reader) -> None:
    for options, reason in (
        ({"size_limit": 10}, "file_too_large"),
        ({"row_limit": 1}, "file_too_many_rows"),
        ({"column_limit": 1}, "file_too_many_columns"),
    ):
        with pytest.raises(ContactFileError) as caught:
            read(GOOD + b"2,+447900900124\n", **options)
        assert caught.value.reason == reason


def test_both_columns_of_a_field_are_named(read: Reader) -> None:
    with pytest.raises(ContactFileError, match=r"Téléphone and Handy both mean phone"):
        read("Téléphone;Handy\n1;2\n")


def test_a_bomb_is_stopped_before_it_fills_the_disk(read: Reader) -> None:
    bomb = GOOD + b"2,+44\n" * 20_000_000
    for content in (gzip.compress(bomb, 1), zipped({"a.csv": bomb})):
        with pytest.raises(ContactFileError) as caught:
            read(content, expansion_limit=50)
        assert caught.value.reason == "file_expands_too_far"


def test_a_stated_encoding_that_is_wrong_is_said(read: Reader) -> None:
    for encoding in ("no such", "utf-16", "base64"):
        with pytest.raises(ContactFileError) as caught:
            read("external_id,phone\nÄ,+4479\n", encoding=encoding)
        assert caught.value.reason in ("file_wrong_encoding", "file_no_header", "file_no_known_column")


def test_names_of_files_do_not_matter(tmp_path: Path) -> None:
    source = tmp_path / "contacts.xlsx"
    source.write_bytes(GOOD)
    rejects = TableFile(str(tmp_path / "rejects.parquet"))
    summary = read_contact_file(source, TableFile(str(tmp_path / "rows.parquet")), ReadOptions(rejects=rejects))
    assert (summary.format, summary.rows) == ("csv", 1)
