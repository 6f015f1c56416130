"""From the uploaded file to its plain content: gzip, zip and zstd are unpacked, with limits, into a temporary file.

The format is recognised by the first bytes, never by the name. A container holds one file; what unpacks to far more
than its own size is a bomb.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from nightmail.contact_files.failures import file_error, readable_size
from nightmail.contact_files.summary import ReadOptions

_CHUNK = 1024 * 1024
_RATIO_FLOOR = 64 * 1024 * 1024
"""Below this, a high ratio is only a file that repeats itself."""
_LONGEST_DIRECTORY = 16 * 1024 * 1024
_LARGEST_DICTIONARY = 256 * 1024 * 1024
_NOT_DATA = (".ds_store", "thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class Content:
    """A contact file's plain content."""

    path: Path
    """Where it can be read: the uploaded file itself, or what it unpacked to."""
    size: int
    """Bytes of the plain content."""
    container: str | None
    inner_name: str | None
    uploaded_size: int
    sha256: str
    """Of the file as uploaded."""


@contextmanager
def unpacked(source: Path, options: ReadOptions) -> Iterator[Content]:
    """The plain content of ``source``, there for as long as the block lasts. Raises ContactFileError."""
    try:
        size = source.stat().st_size
        if not source.is_file():
            raise file_error("file_unreadable", detail="it is not a file")
        if size > options.size_limit:
            raise file_error("file_too_large", size=size, limit=options.size_limit)
        if size == 0:
            raise file_error("file_empty")
        digest = _sha256(source)
        with source.open("rb") as handle:
            container = _container(source, handle.read(4))
    except OSError as error:
        raise file_error("file_unreadable", detail=error.strerror or type(error).__name__) from error
    if container is None:
        yield Content(source, size, None, None, size, digest)
        return
    with tempfile.TemporaryDirectory(prefix="nightmail-", dir=options.work_folder) as folder:
        target = Path(folder) / "content"
        limit = _ExpansionLimit(size, options)
        inner_name = _UNPACK[container](source, target, limit)
        with target.open("rb") as handle:
            if _container(target, handle.read(4)) is not None:
                raise file_error("file_unreadable", detail="it is a container inside a container")
        if limit.done == 0:
            raise file_error("file_empty")
        yield Content(target, limit.done, container, inner_name, size, digest)


class _ExpansionLimit:
    """Counts what was unpacked and stops at the limits."""

    def __init__(self, size: int, options: ReadOptions) -> None:
        by_ratio = max(size * options.expansion_limit, _RATIO_FLOOR)
        self._limit = min(options.expanded_limit, by_ratio)
        self.done = 0

    def add(self, size: int) -> None:
        self.done += size
        if self.done > self._limit:
            raise file_error("file_expands_too_far", limit=readable_size(self._limit))


def _sha256(source: Path) -> str:
    with source.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _container(path: Path, magic: bytes) -> str | None:
    if magic[:2] == b"\x1f\x8b":
        return "gzip"
    if magic == b"\x28\xb5\x2f\xfd" or (magic[1:] == b"\x2a\x4d\x18" and 0x50 <= magic[0] <= 0x5F):
        return "zstd"
    if magic in (b"PK\x03\x04", b"PK\x05\x06") and not is_workbook(path):
        return "zip"
    return None


def is_container(path: Path) -> bool:
    """Whether a file is compressed, or an archive, around the content."""
    with path.open("rb") as handle:
        return _container(path, handle.read(4)) is not None


class _ShortReads(io.BufferedReader):
    """A file that gives no more at once than a zip's directory may have."""

    def read(self, size: int | None = -1, /) -> bytes:
        """The next ``size`` bytes; a zip asks for its directory, as long as it says that is, by one call."""
        if size is not None and size > _LONGEST_DIRECTORY:
            raise file_error("file_expands_too_far", limit=f"{readable_size(_LONGEST_DIRECTORY)} of file names")
        return super().read(size)


@contextmanager
def opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip, whose directory takes memory for as many entries as it says it has."""
    with _ShortReads(io.FileIO(path)) as handle, zipfile.ZipFile(handle) as archive:
        yield archive


def is_workbook(path: Path) -> bool:
    """Whether a zip is itself a document of a spreadsheet or another office program, rather than a container."""
    try:
        with opened_zip(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeDecodeError):
        return False
    return bool(names & {"[Content_Types].xml", "mimetype", "content.xml", "xl/workbook.xml"})


def _copy(reader: Callable[[int], bytes], target: Path, limit: _ExpansionLimit) -> None:
    with target.open("wb") as out:
        while chunk := reader(_CHUNK):
            limit.add(len(chunk))
            out.write(chunk)


def _unpack_gzip(source: Path, target: Path, limit: _ExpansionLimit) -> str | None:
    try:
        with gzip.open(source, "rb") as handle:
            _copy(handle.read, target, limit)
    except EOFError as error:
        raise file_error("file_unreadable", detail="the gzip container is cut short") from error
    except (OSError, zlib.error) as error:
        raise file_error("file_unreadable", detail="the gzip container is damaged") from error
    return None


def _unpack_zstd(source: Path, target: Path, limit: _ExpansionLimit) -> str | None:
    try:
        with pa.input_stream(str(source), compression="zstd") as stream:
            _copy(stream.read, target, limit)
    except (OSError, pa.ArrowException) as error:
        raise file_error("file_unreadable", detail="the zstd container is damaged or cut short") from error
    return None


def _unpack_zip(source: Path, target: Path, limit: _ExpansionLimit) -> str | None:
    try:
        with opened_zip(source) as archive:
            entries = [entry for entry in archive.infolist() if _is_data(entry)]
            names = [entry.filename.rsplit("/", 1)[-1] for entry in entries]
            if not entries:
                raise file_error("file_unreadable", detail="the zip container holds no file")
            if len(entries) > 1:
                shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
                raise file_error("file_several_inside", names=shown)
            if entries[0].flag_bits & 1:
                raise file_error("file_protected")
            if _lzma_dictionary(archive, entries[0]) > _LARGEST_DICTIONARY:
                raise file_error("file_expands_too_far", limit=f"{readable_size(_LARGEST_DICTIONARY)} of memory")
            with archive.open(entries[0]) as handle:
                _copy(handle.read, target, limit)
            return names[0]
    except NotImplementedError as error:
        raise file_error("file_unreadable", detail="the zip container uses an unknown compression") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, LookupError) as error:
        raise file_error("file_unreadable", detail="the zip container is damaged or cut short") from error


def _lzma_dictionary(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """Bytes of memory that an entry says its LZMA needs, which the library takes without a limit; 0 for other methods."""
    if entry.compress_type != zipfile.ZIP_LZMA:
        return 0
    as_stored = copy(entry)
    as_stored.compress_type, as_stored.file_size = zipfile.ZIP_STORED, entry.compress_size
    # The checksum is that of the content.
    del as_stored.CRC
    with archive.open(as_stored) as handle:
        # Two bytes of version, two of size, one of properties, four of the dictionary's size.
        return int.from_bytes(handle.read(9)[5:], "little")


def _is_data(entry: zipfile.ZipInfo) -> bool:
    parts = entry.filename.lower().split("/")
    return not (entry.is_dir() or "__macosx" in parts or parts[-1].startswith("._") or parts[-1] in _NOT_DATA)


_UNPACK = {"gzip": _unpack_gzip, "zstd": _unpack_zstd, "zip": _unpack_zip}
