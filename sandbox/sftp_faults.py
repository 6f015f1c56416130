"""Faults of the sandbox's SFTP server, for tests: any operation answers with any status, or the connection is cut.

``<state-dir>/faults.json`` is read at each operation:

``{"drop_after_bytes": 65536, "count": 1}`` cuts the connection after so many bytes were downloaded, so many times.

``{"operations": [{"operation": "rename", "status": 4, "path": "due*", "after": 0, "count": 2}]}`` answers renames of
names like ``due*`` with the status 4, twice, after letting ``after`` of them pass. ``"cut": true`` in place of a status cuts
the connection before the operation; ``"status": 0`` answers that all is well and does nothing. ``"bare": true`` lists
entries without type, size and time, as some servers do.
"""

from __future__ import annotations

import fnmatch
import json
import os
from pathlib import Path
from typing import Any

OPERATIONS = (
    *("open", "read", "write", "close", "stat", "lstat", "fstat", "setstat", "fsetstat"),
    *("opendir", "readdir", "mkdir", "remove", "rename", "posix_rename"),
)
"""The operations that can fail."""


class SftpFaults:
    """The faults file of one server."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> dict[str, Any]:
        """The faults as they stand now."""
        try:
            found: dict[str, Any] = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return {}
        return found

    def write(self, faults: dict[str, Any]) -> None:
        """Keep what is left of the faults."""
        aside = self._file.with_suffix(".aside")
        aside.write_text(json.dumps(faults))
        aside.replace(self._file)

    def of(self, operation: str, path: bytes = b"") -> dict[str, Any] | None:
        """The fault that this call of an operation meets, taken off its count; ``None``: it is done."""
        faults = self.read()
        for fault in faults.get("operations", ()):
            name = os.fsdecode(path).rsplit("/", 1)[-1]
            if fault["operation"] != operation or not fnmatch.fnmatchcase(name, fault.get("path", "*")):
                continue
            if fault.get("after", 0) > 0:
                fault["after"] -= 1
                self.write(faults)
                return None
            if fault.get("count", 1) > 0:
                fault["count"] = fault.get("count", 1) - 1
                self.write(faults)
                return dict(fault)
        return None
