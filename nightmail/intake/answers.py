"""The answer to an upload: its result file and its reject file, which lie beside it.

``<name>.result.json`` says what became of the file: counts, reasons, settings used, the campaign and its state. It is
written when the rows are judged, and again when the campaign leaves ``checking``. ``<name>.rejects.csv`` holds the rows
that were not taken, to be corrected and dropped again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.contact_files.openpgp import is_encrypted, plain_name
from nightmail.contacts.import_reading import ImportTables
from nightmail.contacts.import_rows import ImportRow, ImportState
from nightmail.forecasts.recorded_forecasts import recorded_forecast
from nightmail.intake.answer_names import ENCRYPTED_SUFFIX, REJECTS_SUFFIX, RESULT_SUFFIX
from nightmail.intake.contact_feeds import import_of_file
from nightmail.intake.due_answers import FileRow
from nightmail.lake import Lake
from nightmail.organisation.feeds import feed_settings
from nightmail.organisation.stored_feeds import feed_by_id
from nightmail.preparation.stage_tables import StageTables
from nightmail.reasons import REASONS, Surface
from nightmail.row_checks import write_rejects_csv
from nightmail.store.states import CampaignState

DUPLICATES_LISTED = 1000
"""Collapsed rows that a result file names at the most."""
UNDER_WAY = (CampaignState.RECEIVED, CampaignState.CHECKING)


@dataclass(frozen=True)
class Answer:
    """The answer to one file. ``final`` is false while the campaign is still being prepared."""

    file: FileRow
    campaign: CampaignRow | None
    document: dict[str, Any] = field(repr=False)
    has_rejects: bool
    final: bool
    imported: ImportRow | None = None
    """The import that the file became, of a feed of kind ``contacts``."""
    beside_upload: bool = True
    """Whether result and reject files are written beside the upload, as the feed says."""

    @property
    def result_name(self) -> str:
        """``due.csv.result.json``; an encrypted file's ends in ``.pgp``."""
        return f"{self.file.name}{RESULT_SUFFIX}{self._suffix}"

    @property
    def rejects_name(self) -> str:
        """``due.csv.rejects.csv``; a corrected reject file is answered under a name of its own."""
        name = plain_name(self.file.name) if self.encrypted else self.file.name
        return f"{name.removesuffix(REJECTS_SUFFIX)}{REJECTS_SUFFIX}{self._suffix}"

    @property
    def encrypted(self) -> bool:
        """Whether the file came encrypted: its answers go back as it came."""
        return is_encrypted(self.file.name)

    @property
    def _suffix(self) -> str:
        return ENCRYPTED_SUFFIX if self.encrypted else ""

    def result(self) -> bytes:
        """The content of the result file: JSON in UTF-8."""
        return (json.dumps(self.document, indent=2, ensure_ascii=False, default=str) + "\n").encode()


def answer_of(connection: Connection, file: FileRow, lake: Lake | None = None) -> Answer:
    """The answer to a file as its campaign stands now; with the lake, it lists the rows that were collapsed into others."""
    campaign = None if file.campaign_id is None else get_campaign(connection, file.campaign_id)
    document: dict[str, Any] = {
        "file": file.name,
        "received_at": file.received_at.isoformat(),
        "size": file.size,
        "sha256": file.sha256,
        "campaign": None if campaign is None else campaign.key,
    }
    imported = import_of_file(connection, file.id) if campaign is None and file.state in ("taken", "judged") else None
    if imported is not None:
        return _of_import(connection, file, imported, document)
    if file.state in ("repeated", "refused") or campaign is None:
        document |= {"state": file.state, "problem": file.problem, "sent_again": False}
        return Answer(file, campaign, document, False, True)
    counts = dict(campaign.counts)
    document |= {
        "team": campaign.team,
        "feed": campaign.feed,
        "state": str(campaign.state),
        "problem": campaign.problem,
        "counts": {
            name: counts[name]
            for name in (
                "rows",
                "rejects",
                "duplicates",
                "contacts",
                "planned",
                "held",
                "messages",
                "queued",
                "standby",
            )
            if name in counts
        },
        "rejects": _explained(counts.get("rejects_by_reason")),
        "warnings": _explained(counts.get("warnings_by_reason")),
        "held": _explained(counts.get("held_by_reason")),
        "estimated_cost": counts.get("costs"),
        "starts_at": campaign.scheduled_at and campaign.scheduled_at.isoformat(),
        "local_start": campaign.local_start and campaign.local_start.isoformat(),
        **_ending(campaign),
        "waits_for_approval_because": counts.get("approval"),
        "read_as": counts.get("read_as"),
        "decisions": [*(counts.get("read_as") or {}).get("decided", []), *counts.get("decided", [])],
        "settings": settings_used(campaign, counts),
    }
    document["duplicates"] = _duplicates(lake, campaign) if lake is not None and counts.get("duplicates") else []
    # Of a file in parts, the first one's answer has the rejects of all.
    first = connection.scalar(
        text("select min(id) from received_file where campaign_id = :id and state in ('taken', 'judged')"),
        {"id": campaign.id},
    )
    has_rejects = int(counts.get("rejects", 0)) > 0 and first == file.id
    document["rejects_file"] = f"{file.name.removesuffix(REJECTS_SUFFIX)}{REJECTS_SUFFIX}" if has_rejects else None
    beside_upload = feed_settings(campaign.settings).answer
    final = campaign.state not in UNDER_WAY
    return Answer(file, campaign, document, has_rejects, final, beside_upload=beside_upload)


def _of_import(connection: Connection, file: FileRow, row: ImportRow, document: dict[str, Any]) -> Answer:
    """The answer to a file that went into the address book."""
    counts = row.counts
    has_rejects = int(counts.get("refused", 0)) > 0
    document |= {
        "team": row.team,
        "feed": row.feed,
        "import": row.id,
        "kind": row.kind,
        "mode": row.mode,
        "state": row.state,
        "problem": row.problem,
        "counts": {name: number for name, number in counts.items() if isinstance(number, int)},
        "rejects": _explained(counts.get("rejects_by_reason")),
        "warnings": _explained(counts.get("warnings_by_reason")),
        "ignored_columns": counts.get("ignored_columns", []),
        "decisions": counts.get("decided", []),
        "waits_for_approval_because": row.waits_for,
        "rejects_file": f"{file.name.removesuffix(REJECTS_SUFFIX)}{REJECTS_SUFFIX}" if has_rejects else None,
    }
    final = row.state != ImportState.CHECKED and not row.is_moving
    feed = None if row.feed_id is None else feed_by_id(connection, row.feed_id)
    beside = feed is None or feed.settings.answer
    return Answer(file, None, document, has_rejects, final, row, beside_upload=beside)


def _ending(campaign: CampaignRow) -> dict[str, Any]:
    """When the campaign ends, as it was forecast last."""
    ending = recorded_forecast(campaign).as_dict()
    for name in ("finishes_by", "cut_off_at"):
        ending[name] = ending[name] and ending[name].isoformat()
    return ending


def _duplicates(lake: Lake, campaign: CampaignRow) -> list[dict[str, Any]]:
    """The first collapsed rows, each with the line that it collapsed into."""
    table = lake.table("rejects", campaign.key)
    if not table.exists():
        return []
    rows = table.read(["line", "reason", "duplicate_of"])
    rows = rows.filter(pc.starts_with(rows["reason"], "duplicate_")).slice(0, DUPLICATES_LISTED)
    return [
        {"line": row["line"], "same_as_line": row["duplicate_of"], "reason": row["reason"]} for row in rows.to_pylist()
    ]


def settings_used(campaign: CampaignRow, counts: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that decided how the file was taken, with the defaults filled in."""
    settings = feed_settings(campaign.settings).model_dump(
        mode="json",
        include={
            "version",
            "mapping",
            "unique_by",
            "keep",
            "keep_by",
            "require_external_id",
            "window_days",
            "channels",
            "delivery",
            "quiet_hours",
            "reject_limit",
            "send_at",
            "send_in",
        },
    )
    return {**counts.get("settings_used", {}), **settings, "category": campaign.category}


def _explained(by_reason: Mapping[str, int] | None) -> list[dict[str, Any]]:
    explained = []
    for code, rows in sorted((by_reason or {}).items(), key=lambda item: (-item[1], item[0])):
        known = REASONS.get(code)
        advice = "" if known is None else known.remedy_on(Surface.FILE)
        explained.append({"reason": code, "rows": rows, "remedy": "" if "{" in advice else advice})
    return explained


def write_answer_rejects(lake: Lake, answer: Answer, destination: Path) -> Path:
    """Write the reject file of an answer at ``destination``, which is returned."""
    if answer.imported is None:
        assert answer.campaign is not None
        return write_rejects(lake, answer.campaign, destination)
    tables = ImportTables.of_import(lake, answer.imported.id)
    destination.parent.mkdir(parents=True, exist_ok=True)
    write_rejects_csv(tables.contact_file, tables.rejects, destination)
    return destination


def write_rejects(lake: Lake, campaign: CampaignRow, destination: Path) -> Path:
    """Write the campaign's reject file at ``destination``, which is returned."""
    tables = StageTables.of_campaign(lake, campaign.key)
    destination.parent.mkdir(parents=True, exist_ok=True)
    write_rejects_csv(tables.contact_file, tables.rejects, destination)
    return destination
