"""What an uploader is told: the result file and the reject file, which lie beside the upload.

``<name>.result.json`` says what became of the file: counts, reasons, settings used, the campaign and its state. It is
written when the rows are judged, and again when the campaign leaves ``checking``. ``<name>.rejects.csv`` holds the rows
that were not taken, to be corrected and dropped again.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.forecasts.recorded_forecasts import recorded_forecast
from nightmail.lake import Lake
from nightmail.organisation.feeds import feed_settings
from nightmail.preparation.stage_tables import StageTables
from nightmail.reasons import REASONS
from nightmail.store.states import CampaignState

RESULT_SUFFIX = ".result.json"
REJECTS_SUFFIX = ".rejects.csv"
DUPLICATES_TOLD = 1000
UNDER_WAY = (CampaignState.RECEIVED, CampaignState.CHECKING)

_QUERY = """
    select r.id, r.source, r.sftp_server_id, r.path, r.name, r.size, r.sha256, r.state, r.problem, r.received_at,
        r.modified_at, r.campaign_id, r.feed_id, r.team_id
    from received_file r
"""


@dataclass(frozen=True, slots=True)
class FileRow:
    """A received file that is to be answered."""

    id: int
    source: str
    sftp_server_id: int | None
    path: str
    name: str
    size: int
    sha256: str | None
    state: str
    problem: dict[str, Any] | None
    received_at: dt.datetime
    modified_at: dt.datetime | None
    campaign_id: int | None
    feed_id: int | None
    team_id: int


@dataclass(frozen=True)
class Answer:
    """The answer to one file. ``final`` is false while the campaign is still being prepared."""

    file: FileRow
    campaign: CampaignRow | None
    document: dict[str, Any] = field(repr=False)
    has_rejects: bool
    final: bool
    wanted: bool = True
    """Whether the feed wants result and reject files beside the upload."""

    @property
    def result_name(self) -> str:
        """``due.csv.result.json``."""
        return f"{self.file.name}{RESULT_SUFFIX}"

    @property
    def rejects_name(self) -> str:
        """``due.csv.rejects.csv``; a corrected reject file is answered under a name of its own."""
        return f"{self.file.name.removesuffix(REJECTS_SUFFIX)}{REJECTS_SUFFIX}"

    def result(self) -> bytes:
        """The result file's content."""
        return (json.dumps(self.document, indent=2, ensure_ascii=False, default=str) + "\n").encode()


def files_to_answer(
    connection: Connection,
    source: str,
    sftp_server_id: int | None = None,
    limit: int = 50,
    but: Collection[int] = (),
) -> list[FileRow]:
    """Files whose answer is due: those that became no campaign, and those whose campaign's rows are judged.

    ``but`` are ids of files to leave out: their answers failed just now, and must not take the places of others.
    """
    # Written out, not bound: the planner can then see that the index of unanswered files on SFTP answers the question.
    of_source = "r.source = 'sftp' and r.sftp_server_id = :server" if source == "sftp" else "r.source = :source"
    rows = connection.execute(
        text(
            f"{_QUERY} left join campaign c on c.id = r.campaign_id where {of_source} and r.answered_at is null "
            "and r.state in ('taken', 'judged', 'repeated', 'refused') "
            "and (r.state in ('repeated', 'refused') or c.state not in ('received', 'checking') "
            "  or (r.state = 'taken' and c.counts ? 'rejects')) "
            "and r.id <> all(cast(:but as bigint[])) order by r.id limit :limit"
        ),
        {"source": source, "server": sftp_server_id, "limit": limit, "but": sorted(but)},
    )
    return [FileRow(**row._mapping) for row in rows]


def answer_of(connection: Connection, file: FileRow, lake: Lake | None = None) -> Answer:
    """The answer to a file as things stand; with the lake, it lists the rows that were collapsed into others."""
    campaign = None if file.campaign_id is None else get_campaign(connection, file.campaign_id)
    document: dict[str, Any] = {
        "file": file.name,
        "received_at": file.received_at.isoformat(),
        "size": file.size,
        "sha256": file.sha256,
        "campaign": None if campaign is None else campaign.key,
    }
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
    wanted = feed_settings(campaign.settings).answer
    return Answer(file, campaign, document, has_rejects, campaign.state not in UNDER_WAY, wanted)


def _ending(campaign: CampaignRow) -> dict[str, Any]:
    """When the campaign ends; not known before its messages are counted, but for an estimate where one was made."""
    told = recorded_forecast(campaign).as_dict()
    for name in ("finishes_by", "cut_off_at"):
        told[name] = told[name] and told[name].isoformat()
    return told


def _duplicates(lake: Lake, campaign: CampaignRow) -> list[dict[str, Any]]:
    """The first collapsed rows, each with the line that it collapsed into."""
    import pyarrow.compute as pc

    table = lake.table("rejects", campaign.key)
    if not table.exists():
        return []
    rows = table.read(["line", "reason", "duplicate_of"])
    rows = rows.filter(pc.starts_with(rows["reason"], "duplicate_")).slice(0, DUPLICATES_TOLD)
    return [
        {"line": row["line"], "same_as_line": row["duplicate_of"], "reason": row["reason"]} for row in rows.to_pylist()
    ]


def settings_used(campaign: CampaignRow, counts: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that decided, the defaults filled in, for the result file."""
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
        advice = known.remedy if known is not None and "{" not in known.remedy else ""
        explained.append({"reason": code, "rows": rows, "remedy": advice})
    return explained


def write_rejects(lake: Lake, campaign: CampaignRow, destination: Path) -> Path:
    """The campaign's reject file at ``destination``."""
    from nightmail.row_checks import write_rejects_csv

    tables = StageTables.of_campaign(lake, campaign.key)
    destination.parent.mkdir(parents=True, exist_ok=True)
    write_rejects_csv(tables.contact_file, tables.rejects, destination)
    return destination


def record_own_file(
    connection: Connection,
    file: FileRow,
    name: str,
    *,
    path: str,
    size: int,
    sha256: str,
    modified_at: dt.datetime | None,
) -> int:
    """Make an answer of ours known as what it is, so that a look at the folder does not take it for an upload."""
    found = connection.scalar(
        text(
            "insert into received_file (team_id, feed_id, campaign_id, source, sftp_server_id, path, name, size,"
            " modified_at, sha256, state, answered_at) values (:team, :feed, :campaign, :source, :server, :path, :name,"
            " :size, :modified, :sha256, 'answer', now()) on conflict do nothing returning id"
        ),
        {
            "team": file.team_id,
            "feed": file.feed_id,
            "campaign": file.campaign_id,
            "source": file.source,
            "server": file.sftp_server_id,
            "path": path,
            "name": name,
            "size": size,
            "modified": modified_at,
            "sha256": sha256,
        },
    )
    return int(found or 0)


def record_answered(connection: Connection, answer: Answer) -> None:
    """Remember that an answer was written: for good, or as the first of two."""
    if answer.final:
        query = "update received_file set answered_at = now() where id = :id"
    else:
        query = "update received_file set state = 'judged' where id = :id and state = 'taken'"
    connection.execute(text(query), {"id": answer.file.id})
