"""The format of a file, recognised by its first bytes: a table that can be read, text, or something else, with its name."""

from __future__ import annotations

import codecs
import zipfile
import zlib
from pathlib import Path

import numpy as np

from nightmail.contact_files.failures import file_error
from nightmail.contact_files.unpacking import opened_zip

_SIGNATURES = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"BM\x00", "a bitmap picture"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\x00", "a program"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x04\x22\x4d\x18", "an LZ4 archive"),
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"\x00\x01\x00\x00Standard Jet DB", "an Access database"),
    (b"\x00\x01\x00\x00Standard ACE DB", "an Access database"),
    (b"Obj\x01", "an Avro file"),
    (b"ORC", "an ORC file"),
    (b"ARROW1", "an Arrow file"),
    (b"\x00\x00\x00\x18ftyp", "a video"),
    (b"\x00\x00\x00\x20ftyp", "a video"),
    (b"ID3", "an audio file"),
    (b"OggS", "an audio file"),
    (b"RIFF", "an audio or video file"),
    (b"PGDMP", "a PostgreSQL dump"),
    (b"!BDN", "an Outlook data file"),
    (b"\x9c\xcb\xcb\x8d\x13\x75\xd2\x11", "a Windows address book"),
)
_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEAD = 65536
_LF, _CR = 10, 13


def content_format(path: Path) -> str:
    """``text``, ``parquet``, ``xlsx``, ``ods`` or ``xls``. Raises ContactFileError for anything else."""
    size = path.stat().st_size
    with path.open("rb") as handle:
        head = handle.read(_HEAD)
        handle.seek(max(size - 8, 0))
        tail = handle.read()
    if head.startswith(b"PAR1"):
        if size < 12 or not tail.endswith((b"PAR1", b"PARE")):
            raise file_error("file_unreadable", detail="the Parquet file is cut short")
        return "parquet"
    if head.startswith(b"PARE"):
        raise file_error("file_protected")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _workbook(path)
    if head.startswith(_OLE2):
        return _old_workbook(path)
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            raise file_error("file_not_text", detected=name)
    if head[257:262] == b"ustar":
        raise file_error("file_not_text", detected="a tar archive")
    detected = _binary(head)
    if detected is not None:
        raise file_error("file_not_text", detected=detected)
    return "text"


def _workbook(path: Path) -> str:
    try:
        with opened_zip(path) as archive:
            names = set(archive.namelist())
            kind = _beginning(archive, "mimetype").decode("ascii", "replace") if "mimetype" in names else ""
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError, EOFError, MemoryError) as error:
        raise file_error("file_unreadable", detail="the workbook is damaged") from error
    if "xl/workbook.xml" in names:
        return "xlsx"
    if "xl/workbook.bin" in names:
        return "xlsb"
    if "opendocument.spreadsheet" in kind:
        return "ods"
    if "word/document.xml" in names:
        raise file_error("file_not_text", detected="a Word document")
    if "ppt/presentation.xml" in names:
        raise file_error("file_not_text", detected="a presentation")
    if "opendocument" in kind:
        raise file_error("file_not_text", detected="an office document")
    if any(name.startswith("xl/") for name in names):
        return "xlsx"
    raise file_error("file_not_text", detected="an office document")


def _beginning(archive: zipfile.ZipFile, name: str) -> bytes:
    """The first bytes of an entry, which may be a bomb."""
    with archive.open(name) as handle:
        return handle.read(200)


def _old_workbook(path: Path) -> str:
    with path.open("rb") as handle:
        content = handle.read(64 * 1024 * 1024)
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise file_error("file_protected")
    if "Workbook".encode("utf-16-le") in content or "Book".encode("utf-16-le") in content:
        return "xls"
    raise file_error("file_not_text", detected="an old office document or message")


def _binary(head: bytes) -> str | None:
    """The name of content that is no text in any encoding; None when it may be text."""
    data = np.frombuffer(head, np.uint8)
    if data.size == 0:
        return None
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")):
        return None
    counts = np.bincount(data, minlength=256)
    nul = int(counts[0])
    controls = int(counts[2:9].sum() + counts[14:26].sum() + counts[27] + counts[127])
    if nul > 0.1 * data.size:
        even = float((data[0::2] == 0).mean())
        odd = float((data[1::2] == 0).mean())
        wide = (odd > 0.3 and even < 0.02) or (even > 0.3 and odd < 0.02)
        leading_text = _leading_text(head)
        return None if wide or leading_text else "binary data"
    utf8 = _is_utf8(head)
    beyond = int(counts[128:].sum())
    ascii_line_ends = int(counts[_LF] + counts[_CR])
    if beyond > 0.4 * data.size and not ascii_line_ends and counts[[0x15, 0x25, 0x40]].any() and not utf8:
        return "EBCDIC text of a mainframe"
    return "binary data" if controls > 0.02 * data.size and not utf8 else None


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _leading_text(head: bytes) -> bool:
    """Whether the first two lines are text, as where the rest of a file was lost and filled with NUL."""
    lines = head.split(b"\n", 2)
    return len(lines) > 2 and all(len(line) > 2 and min(line) >= 9 for line in lines[:2])
