"""The JSON of ``nightmail check --json``: other programs rely on it, so keys may be added, never renamed or removed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.screen import current

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from nightmail.lake import TableFile
    from nightmail.preparation.preparation_settings import Preparation
    from nightmail.preparation.stage_tables import StageTables
    from nightmail.preparation.stages import Prepared

SAMPLE_REJECTS = 5
SAMPLE_MESSAGES = 3


def check_answer(
    file: Path, preparation: Preparation, prepared: Prepared, tables: StageTables, engine: Engine | None
) -> dict[str, Any]:
    """The answer, JSON-ready: ``ok``, the counts, and for each stage its reasons and a few samples."""
    template = preparation.template
    contact_file = prepared.contact_file
    return {
        "ok": not prepared.problems,
        "sandbox": engine is None or bool(current().in_sandbox),
        "file": str(file),
        "template": {
            "name": template.name,
            "category": template.category,
            "channels": list(template.channels),
            "languages": list(template.languages),
        },
        "counts": prepared.counts,
        "contact_file": contact_file.as_dict(),
        "rejects": {
            "by_reason": _rejects_only(prepared.contacts.by_reason),
            "samples": _reject_samples(tables.rejects),
        },
        "duplicates": {"by_reason": _duplicates_only(prepared.contacts.by_reason)},
        "warnings": {
            "by_reason": dict(prepared.contacts.warnings_by_reason),
            "of_the_file": [
                {"reason": w.reason, "message": w.message, "count": w.count, "column": w.column, "lines": list(w.lines)}
                for w in contact_file.warnings
            ],
            "of_the_template": [finding.as_dict() for finding in template.warnings(contact_file.columns)],
            "samples": _rows(tables.warnings, SAMPLE_REJECTS),
        },
        "decisions": [decision.as_dict() for decision in (*contact_file.decisions, *prepared.contacts.decisions)],
        "held": {"by_reason": _held_by_reason(prepared)},
        "messages": {**prepared.messages.as_dict(), "samples": message_samples(tables.messages)},
        "problems": [problem.as_dict() for problem in prepared.problems],
        "phone_metadata_version": prepared.contacts.phone_metadata_version,
        "default_country": preparation.default_country,
    }


def _rejects_only(by_reason: dict[str, int]) -> dict[str, int]:
    return {reason: count for reason, count in sorted(by_reason.items()) if not reason.startswith("duplicate_")}


def _duplicates_only(by_reason: dict[str, int]) -> dict[str, int]:
    return {reason: count for reason, count in sorted(by_reason.items()) if reason.startswith("duplicate_")}


def _held_by_reason(prepared: Prepared) -> dict[str, int]:
    return dict(sorted((prepared.audience.by_reason + prepared.messages.by_reason).items()))


def _rows(file: TableFile, limit: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = next(file.blocks(rows=limit)).to_pylist()
    return rows[:limit]


def _reject_samples(rejects: TableFile) -> list[dict[str, Any]]:
    """The first reject of each reason, then further ones, up to a few."""
    rows = [row for row in _rows(rejects, 5_000) if not row["reason"].startswith("duplicate_")]
    first: dict[str, dict[str, Any]] = {}
    for row in rows:
        first.setdefault(row["reason"], row)
    chosen = list(first.values()) + [row for row in rows if first[row["reason"]] is not row]
    return [
        {key: row[key] for key in ("line", "column", "value", "reason", "message")} for row in chosen[:SAMPLE_REJECTS]
    ]


def message_samples(messages: TableFile) -> list[dict[str, Any]]:
    """Messages of as many channels and languages as there are, up to three."""
    columns = ("line", "channel", "language", "address", "subject", "body", "segments", "cost", "currency", "state")
    rows = next(messages.blocks(columns=columns, rows=5_000)).to_pylist()
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        first.setdefault((row["channel"], row["language"]), row)
    chosen = list(first.values()) + rows
    samples: list[dict[str, Any]] = []
    for row in chosen:
        if len(samples) < SAMPLE_MESSAGES and row not in samples:
            samples.append(row)
    return samples
