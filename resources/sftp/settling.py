"""When a file on a server counts as whole: nobody says so, so it is told by how long nothing has changed.

A client that writes under the final name may pause in the middle of it, and nothing in SFTP tells a pause from the end. So
the wait grows with the size, with the time that the file was seen growing, and where its end looks cut off. A rename at
the end of an upload, or a marker beside the file, says it at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from resources.sftp.folder import UNKNOWN_TIME, RemoteFile

ORDINARY_BYTES = 1_000_000
"""Files up to this size wait for the settle time as it is stated."""
UNSURE_FACTOR = 15
"""A file that was seen growing, whose end looks cut off, or whose time of change the server does not state waits this many
times longer: 30 s where 2 s is stated, which outlasts the pauses of clients and networks."""
LONGEST_WAIT_S = 600.0
_CHUNK = 1 << 20


def settle_time(stated_s: float, size: int, *, grew_for_s: float = 0.0, unsure: bool = False) -> float:
    """Seconds for which a file must not have changed until it counts as whole.

    ``stated_s`` is the feed's or the deployment's settle time; 0 takes every file at once. ``grew_for_s`` is for how
    long it was seen growing; half of that is waited for at least.
    """
    if stated_s <= 0:
        return 0.0
    wait = stated_s * math.sqrt(max(1.0, size / ORDINARY_BYTES))
    if grew_for_s > 0 or unsure:
        wait = max(wait, UNSURE_FACTOR * stated_s, grew_for_s / 2)
    return min(wait, max(LONGEST_WAIT_S, stated_s))


def ends_cut_off(path: Path) -> bool:
    """Whether a file's end looks as if more were to come: no line end, an open quote, or a container without its end.

    Zip containers (workbooks too) end with a directory, Parquet with ``PAR1``. Packed files are not looked into: their
    readers find a missing end. An odd number of quotes is an open one.
    """
    size = path.stat().st_size
    if size == 0:
        return True
    quotes = 0
    with path.open("rb") as file:
        start = file.read(4)
        if start == b"PK\x03\x04":
            file.seek(max(size - 66_000, 0))
            return b"PK\x05\x06" not in file.read()
        if start == b"PAR1":
            file.seek(-4, 2)
            return file.read() != b"PAR1"
        if start[:2] == b"\x1f\x8b" or start in (b"\x28\xb5\x2f\xfd", b"\xd0\xcf\x11\xe0"):
            return False
        file.seek(0)
        while chunk := file.read(_CHUNK):
            quotes += chunk.count(b'"')
            last = chunk
    end = last[-2:]
    line_ended = end[-1:] in (b"\n", b"\r", b"\x1a") or end in (b"\n\0", b"\r\0")
    return quotes % 2 == 1 or not line_ended


@dataclass(slots=True)
class _Seen:
    file: RemoteFile
    first_at: float
    changed_at: float
    renamed: bool = False
    """It came into being by a rename, as upload clients do at the end."""
    unsure: bool = False


class Settling:
    """What was seen of one folder's files in earlier looks. Times are of one monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._before: dict[str, RemoteFile] | None = None

    def look(self, files: Iterable[RemoteFile], now: float) -> None:
        """Take in one look: everything in the folder, unfinished names too."""
        there = {file.path: file for file in files}
        gone: set[tuple[int, object]] = set()
        for path, file in (self._before or {}).items():
            if path not in there and file.size and file.modified_at != UNKNOWN_TIME:
                gone.add((file.size, file.modified_at))
        for path, file in there.items():
            seen = self._seen.get(path)
            if seen is None:
                self._seen[path] = _Seen(file, now, now, renamed=(file.size, file.modified_at) in gone)
            elif seen.file != file:
                seen.file, seen.changed_at, seen.renamed, seen.unsure = file, now, False, False
        for path in [path for path in self._seen if path not in there]:
            del self._seen[path]
        self._before = there

    def doubt(self, file: RemoteFile) -> None:
        """Note that the file's end looks cut off: it waits longer, while it stays as it is."""
        seen = self._seen.get(file.path)
        if seen is not None and seen.file == file:
            seen.unsure = True

    def forget(self, file: RemoteFile) -> None:
        """Start over with a file, as if it had appeared just now."""
        self._seen.pop(file.path, None)

    def whole(self, file: RemoteFile, stated_s: float, now: float) -> bool:
        """Whether the file counts as whole at ``now``."""
        seen = self._seen.get(file.path)
        if seen is None or seen.file != file:
            return False
        if seen.renamed and not seen.unsure:
            return True
        unsure = seen.unsure or file.modified_at == UNKNOWN_TIME
        wait = settle_time(stated_s, file.size, grew_for_s=seen.changed_at - seen.first_at, unsure=unsure)
        return now - seen.changed_at >= wait

    def surely_whole(self, file: RemoteFile, stated_s: float, now: float) -> bool:
        """Whether the file has waited so long, or came by a rename, that even an end that looks cut off is its end."""
        seen = self._seen.get(file.path)
        if seen is None or seen.file != file:
            return False
        wait = settle_time(stated_s, file.size, grew_for_s=seen.changed_at - seen.first_at, unsure=True)
        return seen.renamed or now - seen.changed_at >= wait
