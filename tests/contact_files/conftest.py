"""Reading a file of given bytes, as one call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nightmail.contact_files import ContactFileSummary, ReadOptions, contact_file_summary, read_contact_file
from nightmail.lake import TableFile


@dataclass
class Read:
    """What came out of one file."""

    summary: ContactFileSummary
    rows: list[dict[str, Any]]
    rejects: list[dict[str, Any]]

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.rows]

    @property
    def reasons(self) -> dict[int, str]:
        """Reason by line, of the rejected rows."""
        return {row["line"]: row["reason"] for row in self.rejects}

    @property
    def warnings(self) -> dict[str, int]:
        """Count by reason, over all columns."""
        counts: dict[str, int] = {}
        for warning in self.summary.warnings:
            counts[warning.reason] = counts.get(warning.reason, 0) + warning.count
        return counts


Reader = Callable[..., Read]


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Read bytes (or a path) as a contact file; rows reconcile in every test that uses this."""

    def reading(content: bytes | str | Path, **options: Any) -> Read:
        if isinstance(content, Path):
            source = content
        else:
            source = tmp_path / "upload"
            source.write_bytes(content.encode() if isinstance(content, str) else content)
        contacts, rejects = (
            TableFile(str(tmp_path / "contact_file.parquet")),
            TableFile(str(tmp_path / "rejects.parquet")),
        )
        summary = read_contact_file(source, contacts, ReadOptions(rejects=rejects, **options))
        result = Read(summary, contacts.read().to_pylist(), rejects.read().to_pylist())
        assert contact_file_summary(contacts) == summary
        assert summary.rows == summary.rows_read + summary.rows_rejected
        assert summary.rows_read == len(result.rows)
        assert summary.rows_rejected == len({row["line"] for row in result.rejects})
        lines = result.column("line")
        assert lines == sorted(set(lines)), "lines ascend"
        assert not set(lines) & set(result.reasons), "a row is read or rejected, not both"
        return result

    return reading
