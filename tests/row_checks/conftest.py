"""Contact files as small tables, and what preparing makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nightmail.lake import TableFile
from nightmail.lake.schemas import CONTACTS, REJECTS, WARNINGS
from nightmail.row_checks import ContactRules, ContactsSummary, prepare_contacts


@dataclass(frozen=True)
class Outcome:
    """The tables of one preparation."""

    summary: ContactsSummary
    contact_file: TableFile
    contacts: pa.Table
    rejects_file: TableFile
    rejects: pa.Table
    warnings: pa.Table

    def reasons(self) -> dict[int, list[str]]:
        """The reasons of rejects and duplicates by line."""
        found: dict[int, list[str]] = {}
        for line, reason in zip(*(self.rejects.column(name).to_pylist() for name in ("line", "reason")), strict=True):
            found.setdefault(line, []).append(reason)
        return found

    def warned(self) -> dict[int | None, list[str]]:
        """The reasons of warnings by line."""
        found: dict[int | None, list[str]] = {}
        for line, reason in zip(*(self.warnings.column(name).to_pylist() for name in ("line", "reason")), strict=True):
            found.setdefault(line, []).append(reason)
        return found

    def lines(self) -> list[int]:
        """The lines of the contacts."""
        return self.contacts.column("line").to_pylist()

    def of(self, name: str) -> list[Any]:
        """One column of the contacts."""
        return self.contacts.column(name).to_pylist()


Prepare = Callable[..., Outcome]


@pytest.fixture
def prepare(tmp_path: Path) -> Prepare:
    """Prepare columns of strings, lines counted from 2; keyword arguments are rules."""
    calls = iter(range(1_000_000))

    def run(columns: Mapping[str, Sequence[str | None]], **rules: Any) -> Outcome:
        folder = tmp_path / str(next(calls))
        table = {
            name: TableFile(str(folder / f"{name}.parquet")) for name in ("file", "contacts", "rejects", "warnings")
        }
        rows = len(next(iter(columns.values())))
        file = {name: pa.array(values, pa.string()) for name, values in columns.items()}
        table["file"].write(pa.table({"line": pa.array(range(2, rows + 2), pa.int64()), **file}))
        summary = prepare_contacts(
            table["file"], table["contacts"], table["rejects"], table["warnings"], ContactRules(**rules)
        )
        contacts, rejects, warnings = (table[name].read() for name in ("contacts", "rejects", "warnings"))
        assert contacts.schema.names[: len(CONTACTS)] == CONTACTS.names
        assert rejects.schema.equals(REJECTS)
        assert warnings.schema.equals(WARNINGS)
        assert summary.rows == summary.rejects + summary.duplicates + summary.contacts
        return Outcome(summary, table["file"], contacts, table["rejects"], rejects, warnings)

    return run
