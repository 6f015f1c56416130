"""Check before send: everything that a feed would make of a file, and nothing of it is kept or sent.

It runs the pipeline's own stages on the file, as ``nightmail check --feed`` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from nightmail.forecasts.finish_forecast import FinishForecast, work_of_messages
from nightmail.intake.feed_checks import feed_check
from nightmail.intake.verdicts import Verdict, verdict_of_tables
from nightmail.preparation.file_contract import ContractProblem
from nightmail.preparation.prepared_finish import prepared_finish
from nightmail.preparation.stage_tables import StageTables
from nightmail.preparation.stages import prepare
from nightmail.settings import Settings


@dataclass(frozen=True)
class FileCheck:
    """What would become of a file."""

    counts: Mapping[str, int]
    verdict: Verdict
    problems: tuple[ContractProblem, ...]
    """Why nothing of it would be sent."""
    approval: str | None
    """Why it would wait for a person, as a sentence."""
    costs: Mapping[str, str]
    """By currency."""
    segments: int
    by_channel: Mapping[str, int]
    ending: FinishForecast


def check_file(engine: Engine, feed: str, file: Path, settings: Settings, folder: Path) -> FileCheck:
    """Check a file for the feed ``team.path/name``; ``folder`` takes the stages' tables and is the caller's to remove.

    Raises :class:`nightmail.errors.NightmailError`: a ContactFileError for a file that cannot be used at all.
    """
    checked = feed_check(engine, feed, file, settings, folder)
    tables = StageTables.in_folder(folder)
    prepared = prepare(replace(checked.preparation, preview=True), file, tables, checked.known, None, checked.earlier)
    problems = (*checked.problems, *prepared.problems)
    ending = FinishForecast(None, None)
    with engine.connect() as connection:
        approval = checked.approval(connection, prepared)
        if not problems:
            ending = prepared_finish(connection, checked.preparation, work_of_messages(tables.messages))
    messages = prepared.messages.as_dict()
    counts: dict[str, Any] = {
        "rejects_by_reason": dict(prepared.contacts.by_reason),
        "warnings_by_reason": dict(prepared.contacts.warnings_by_reason),
        "held_by_reason": dict(prepared.audience.by_reason + prepared.messages.by_reason),
    }
    return FileCheck(
        prepared.counts,
        verdict_of_tables(counts, tables),
        problems,
        approval,
        messages["costs"],
        int(messages["segments"]),
        messages["by_channel"],
        ending,
    )
