"""What was judged of a file's rows, for people: by reason, with the first rows of each and what to do about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nightmail.lake import Lake, TableFile
from nightmail.preparation.stage_tables import StageTables
from nightmail.reasons import REASONS, Surface

SAMPLES = 5
"""Rows that are shown of a reason."""
_LOOKED_AT = 20_000
_DUPLICATE = "duplicate_"


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """A row's line in the file, and what is wrong with which column. ``value`` and ``message`` may be personal data."""

    line: int
    column: str | None
    value: str | None = field(repr=False)
    message: str = field(repr=False)
    duplicate_of: int | None = None


@dataclass(frozen=True, slots=True)
class ReasonGroup:
    """The rows of one reason: how many, what to do, and the first of them."""

    reason: str
    sentence: str
    """What it means, without any row's own values."""
    remedy: str
    rows: int
    samples: tuple[JudgedRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything that was found out about a file's rows."""

    rejects: tuple[ReasonGroup, ...]
    duplicates: tuple[ReasonGroup, ...]
    warnings: tuple[ReasonGroup, ...]
    held: tuple[ReasonGroup, ...]


def verdict_of(counts: Mapping[str, Any], lake: Lake, campaign: str, *, rows_too: bool = True) -> Verdict:
    """The verdict on the file of a campaign by its ``counts``; ``rows_too`` reads the first rows of each reason.

    A campaign whose tables retention has deleted has its counts alone.
    """
    tables = StageTables.of_campaign(lake, campaign)
    return verdict_of_tables(counts, tables if rows_too else None)


def verdict_of_tables(counts: Mapping[str, Any], tables: StageTables | None) -> Verdict:
    """The same for a file that is checked alone; ``counts`` have ``rejects_by_reason``, ``warnings_by_reason``, ``held_by_reason``."""
    judged = counts.get("rejects_by_reason") or {}
    samples = {} if tables is None or not judged else _samples(tables.rejects)
    noticed = counts.get("warnings_by_reason") or {}
    warned = {} if tables is None or not noticed else _samples(tables.warnings)
    return Verdict(
        rejects=_groups({code: rows for code, rows in judged.items() if not code.startswith(_DUPLICATE)}, samples),
        duplicates=_groups({code: rows for code, rows in judged.items() if code.startswith(_DUPLICATE)}, samples),
        warnings=_groups(noticed, warned),
        held=_groups(counts.get("held_by_reason") or {}, {}),
    )


def _groups(by_reason: Mapping[str, int], samples: Mapping[str, list[JudgedRow]]) -> tuple[ReasonGroup, ...]:
    ordered = sorted(by_reason.items(), key=lambda item: (-item[1], item[0]))
    return tuple(_group(code, rows, tuple(samples.get(code, ()))) for code, rows in ordered)


def _group(code: str, rows: int, samples: tuple[JudgedRow, ...]) -> ReasonGroup:
    known = REASONS.get(code)
    if known is None:
        return ReasonGroup(code, code, "", rows, samples)
    remedy = known.remedy_on(Surface.FILE)
    sentence = known.title or ("" if known.fields else known.sentence)
    return ReasonGroup(
        code, sentence or _without_fields(known.sentence), "" if "{" in remedy else remedy, rows, samples
    )


def _without_fields(sentence: str) -> str:
    """A sentence with three dots where a row's own values stand."""
    parts, depth = [], 0
    for sign in sentence:
        if sign == "{":
            depth += 1
            if depth == 1:
                parts.append("…")
        elif sign == "}":
            depth -= 1
        elif not depth:
            parts.append(sign)
    return "".join(parts).replace("….", "…")


def _samples(file: TableFile) -> dict[str, list[JudgedRow]]:
    """The first rows of each reason, of those at a table's beginning."""
    if not file.exists():
        return {}
    there = set(file.schema().names)
    names = [name for name in ("line", "column", "value", "reason", "message", "duplicate_of") if name in there]
    found: dict[str, list[JudgedRow]] = {}
    for block in file.blocks(names, rows=_LOOKED_AT):
        for row in block.to_pylist():
            rows = found.setdefault(row["reason"], [])
            if len(rows) < SAMPLES and row["line"] is not None:
                rows.append(
                    JudgedRow(row["line"], row["column"], row["value"], row["message"], row.get("duplicate_of"))
                )
        break
    return found
