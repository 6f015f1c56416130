"""A file on its way from a request to the disk: streamed, counted, hashed, aside, then whole under its name.

Memory stays flat whatever the file's size: pieces are gathered to a megabyte and written by a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import time
import uuid
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from sqlalchemy import Engine

from nightmail.contact_files.kept_files import incoming_path
from nightmail.intake.received_files import registered_paths
from portal.problems import RequestError

BLOCK = 1024 * 1024
MAXIMUM_FORM_FIELD = 1_000
FOLDER_PREFIX = "api-"
ABANDONED_S = 24 * 3600


UPLOADS_AT_ONCE = 8
"""Uploads of one key or person at a time."""


@contextlib.contextmanager
def one_more_upload(running: dict[str, int], actor: str) -> Iterator[None]:
    """Count an upload of ``actor`` while it lasts. Raises :class:`RequestError` (``too_many_requests``) for one too many."""
    running[actor] = running.get(actor, 0) + 1
    try:
        if running[actor] > UPLOADS_AT_ONCE:
            whose = "this API key" if actor.startswith("key:") else "yours"
            what = f"uploads of {whose} at once (at most {UPLOADS_AT_ONCE})"
            raise RequestError("too_many_requests", what=what, headers={"Retry-After": "5"})
        yield
    finally:
        running[actor] -= 1


@dataclass(frozen=True)
class StoredUpload:
    """A file that came whole. ``name`` is what the client calls it."""

    path: Path
    name: str
    size: int
    sha256: str

    def discard(self) -> None:
        """Remove it."""
        self.path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.path.parent.rmdir()


class UploadFile:
    """The file while it comes. ``write`` what comes, then ``keep`` it under its name, or ``discard`` it."""

    def __init__(self, folder: Path, maximum_bytes: int) -> None:
        self._folder = folder / f"{FOLDER_PREFIX}{uuid.uuid4().hex}"
        self._maximum = maximum_bytes
        self._folder.mkdir(parents=True, mode=0o700)
        self._aside = self._folder / ".upload.part"
        self._descriptor = os.open(self._aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._digest = sha256()
        self._gathered: list[bytes] = []
        self._gathered_size = 0
        self.size = 0

    async def write(self, piece: bytes) -> None:
        """Take one piece. Raises :class:`RequestError` over the limit or when the disk is full."""
        self.take(piece)
        await self.flush(BLOCK)

    def take(self, piece: bytes) -> None:
        """Take one piece without writing yet."""
        self.size += len(piece)
        if self.size > self._maximum:
            limit = self._maximum
            raise RequestError("file_too_large", size=f"more than {limit}", limit=limit, facts={"limit": limit})
        self._gathered.append(piece)
        self._gathered_size += len(piece)

    async def flush(self, over: int = 0) -> None:
        """Write what was gathered, when it is more than ``over`` bytes."""
        if self._gathered_size <= over:
            return
        block, self._gathered, self._gathered_size = b"".join(self._gathered), [], 0
        try:
            await asyncio.to_thread(self._store, block)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise RequestError("storage_full", headers={"Retry-After": "60"}) from error
            raise

    def _store(self, block: bytes) -> None:
        self._digest.update(block)
        view = memoryview(block)
        while view:
            view = view[os.write(self._descriptor, view) :]

    async def keep(self, name: str, digest: bytes | None = None) -> StoredUpload:
        """Make the file appear under its name. ``digest`` is the SHA-256 that it must have."""
        await self.flush()
        if digest is not None and digest != self._digest.digest():
            problem = "its digest is not the one that the header Content-Digest states"
            raise RequestError("upload_truncated", problem=problem)
        return await asyncio.to_thread(self._keep, name)

    def _keep(self, name: str) -> StoredUpload:
        os.fsync(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1
        destination = incoming_path(self._folder.parent, name, self._folder.name)
        self._aside.rename(destination)
        return StoredUpload(destination, destination.name, self.size, self._digest.hexdigest())

    def discard(self) -> None:
        """Leave nothing behind, unless the file was kept."""
        if self._descriptor < 0:
            return
        os.close(self._descriptor)
        self._descriptor = -1
        self._aside.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._folder.rmdir()


class FormUpload:
    """A ``multipart/form-data`` body as it comes: the part ``file`` goes to the disk, the others are short texts."""

    def __init__(self, boundary: bytes, file: UploadFile) -> None:
        self._file = file
        self._field: str | None = None
        self._header = [b"", b""]
        self._headers: dict[bytes, bytes] = {}
        self._text = b""
        self.fields: dict[str, str] = {}
        self.file_name: str | None = None
        self._ended = False
        callbacks: dict[str, Callable[..., Any]] = {
            "on_part_begin": self._part_begins,
            "on_header_field": lambda data, start, end: self._header_grows(0, data[start:end]),
            "on_header_value": lambda data, start, end: self._header_grows(1, data[start:end]),
            "on_header_end": self._header_ends,
            "on_headers_finished": self._headers_end,
            "on_part_data": lambda data, start, end: self._part_grows(data[start:end]),
            "on_part_end": self._part_ends,
            "on_end": self._ends,
        }
        self._parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]

    async def read(self, pieces: AsyncIterator[bytes]) -> None:
        """Read the whole form. Raises :class:`RequestError` for one that is malformed or ends too early."""
        try:
            async for piece in pieces:
                if piece:
                    self._parser.write(piece)
                    await self._file.flush(BLOCK)
            self._parser.finalize()
        except FormParserError as error:
            raise RequestError("request_malformed", problem="the form is damaged", status=400) from error
        if not self._ended:
            raise RequestError("upload_truncated", problem="the form ends before its last boundary")

    def _part_begins(self) -> None:
        self._headers, self._header, self._text, self._field = {}, [b"", b""], b"", None

    def _header_grows(self, which: int, data: bytes) -> None:
        self._header[which] += data
        if len(self._header[which]) > MAXIMUM_FORM_FIELD:
            raise RequestError("request_malformed", problem="the form has a header that is too long", status=400)

    def _header_ends(self) -> None:
        self._headers[self._header[0].lower()] = self._header[1]
        self._header = [b"", b""]

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._field = options.get(b"name", b"").decode("utf-8", "replace")
        if self._field == "file":
            if self.file_name is not None:
                raise RequestError("request_malformed", problem="the form has more than one part `file`", status=400)
            self.file_name = options.get(b"filename", b"").decode("utf-8", "replace")

    def _part_grows(self, data: bytes) -> None:
        if self._field == "file":
            self._file.take(data)
            return
        self._text += data
        if len(self._text) > MAXIMUM_FORM_FIELD or len(self.fields) > 20:
            raise RequestError("request_malformed", problem="the form has a field that is too long", status=400)

    def _part_ends(self) -> None:
        if self._field and self._field != "file":
            self.fields[self._field] = self._text.decode("utf-8", "replace")

    def _ends(self) -> None:
        self._ended = True


def remove_abandoned(engine: Engine, folder: Path) -> int:
    """Remove uploads that a crash left behind, neither whole nor registered, after a day; how many there were."""
    old = [
        path
        for path in folder.glob(f"{FOLDER_PREFIX}*/*")
        if path.is_file() and time.time() - path.stat().st_mtime > ABANDONED_S
    ]
    with engine.connect() as connection:
        registered = registered_paths(connection, old)
    abandoned = [path for path in old if path not in registered]
    for path in abandoned:
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            path.parent.rmdir()
    return len(abandoned)


def form_boundary(content_type: str) -> bytes:
    """The boundary of a form. Raises :class:`RequestError` when the content type states none."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:
        raise RequestError("request_malformed", problem="the form's content type states no boundary", status=400)
    return boundary


def stated_digest(headers: Mapping[str, str]) -> bytes | None:
    """The SHA-256 that the header Content-Digest (RFC 9530) states, if it states one."""
    for part in headers.get("content-digest", "").split(","):
        algorithm, _, value = part.strip().partition("=")
        if algorithm.lower() == "sha-256":
            try:
                return b64decode(value.strip().strip(":"), validate=True)
            except ValueError:
                problem = "the header Content-Digest is not base64"
                raise RequestError("request_malformed", problem=problem, status=400) from None
    return None
