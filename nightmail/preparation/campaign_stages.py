"""The stages of a stored campaign: each runs on the campaign's tables, and keeps its counts with the campaign.

What a stage computes is :mod:`nightmail.preparation.stages`; here it gets what the store knows, and its owners are shown
what came out. Counts of a stage stand in the campaign's ``counts`` under ``stages``; those that people are shown beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from nightmail.campaigns.approval import approval_needed
from nightmail.campaigns.budgets import over_budget
from nightmail.campaigns.campaign_rows import get_campaign
from nightmail.campaigns.counts import record_counts
from nightmail.campaigns.late_starts import late_start, record_waiting
from nightmail.campaigns.transitions import begin_preparing
from nightmail.contact_files import ContactFileSummary
from nightmail.lake import Lake
from nightmail.preparation.campaign_preparation import CampaignPreparation
from nightmail.preparation.part_files import read_parts
from nightmail.preparation.source_files import campaign_sources
from nightmail.preparation.stages import campaign_counts, make_audience, make_contacts, make_messages, read_file
from nightmail.preparation.stored_inputs import earlier_campaigns
from nightmail.preparation.stored_preferences import StoredPreferences
from nightmail.row_checks import ContactsSummary
from nightmail.store.clock import database_time
from nightmail.store.states import CampaignState

_HOW_IT_WAS_READ = ("format", "container", "encoding", "encoding_certainty", "delimiter", "line_end", "header")


def read_campaign_file(engine: Engine, stored: CampaignPreparation, folder: Path, *, run_id: str) -> dict[str, Any]:
    """Run the stage ``contact_file`` of a campaign, which the run ``run_id`` takes unless it has; return the stage's counts.

    ``folder`` is where uploads are kept. Raises :class:`nightmail.errors.ContactFileError` when the file cannot be used.
    """
    campaign = stored.campaign
    taken = campaign.state == CampaignState.CHECKING and campaign.run_id == run_id
    if campaign.state in (CampaignState.RECEIVED, CampaignState.CHECKING) and not taken:
        with engine.begin() as connection:
            begin_preparing(connection, campaign.id, run_id)
    with engine.connect() as connection:
        sources = campaign_sources(connection, campaign, folder)
    begins = [0]
    if len(sources) > 1:
        summary, begins = read_parts(stored.preparation, sources, stored.tables)
    else:
        summary = read_file(stored.preparation, sources[0], stored.tables)
    counts = _contact_file_counts(summary)
    _record_stage(
        engine,
        stored,
        "contact_file",
        counts,
        rows=summary.rows,
        corrections=summary.own_rejects,
        read_as=_read_as(summary, counts, begins),
        settings_used={
            "template": stored.template_name,
            "template_version": stored.template_version,
            "default_country": stored.preparation.default_country,
            "channels_used": list(stored.preparation.channels),
        },
    )
    return counts


def _contact_file_counts(summary: ContactFileSummary) -> dict[str, Any]:
    return {
        "rows": summary.rows,
        "rows_read": summary.rows_read,
        "rows_rejected": summary.rows_rejected,
        "format": summary.format,
        "container": summary.container,
        "encoding": summary.encoding,
        "encoding_certainty": summary.encoding_certainty,
        "delimiter": summary.delimiter,
        "line_end": summary.line_end,
        "size": summary.size,
        "sha256": summary.sha256,
        "header": dict(summary.mapping),
        "warnings": len(summary.warnings),
        "corrections": summary.own_rejects,
    }


def _read_as(summary: ContactFileSummary, counts: Mapping[str, Any], begins: Sequence[int]) -> dict[str, Any]:
    """Return how the file was understood, as the result file says it; ``begins`` are the lines before each part's first."""
    read_as: dict[str, Any] = {name: counts[name] for name in _HOW_IT_WAS_READ}
    read_as["encoding_because"] = summary.encoding_evidence
    read_as["sheet"] = summary.sheet
    if len(begins) > 1:
        read_as["parts"] = [{"part": number, "lines_begin_after": line} for number, line in enumerate(begins, start=1)]
    read_as["noticed"] = [
        {"reason": noticed.reason, "message": noticed.message, "times": noticed.count} for noticed in summary.warnings
    ]
    read_as["decided"] = [decision.as_dict() for decision in summary.decisions]
    return read_as


def make_campaign_contacts(engine: Engine, stored: CampaignPreparation, lake: Lake) -> ContactsSummary:
    """Run the stage ``contacts`` of a campaign: ``contacts``, ``rejects`` and ``warnings`` are written."""
    with engine.connect() as connection:
        earlier = earlier_campaigns(connection, stored.campaign, lake)
    summary = make_contacts(stored.preparation, stored.tables, earlier)
    _record_stage(
        engine,
        stored,
        "contacts",
        summary.as_dict(),
        rows=summary.rows,
        rejects=summary.rejects,
        duplicates=summary.duplicates,
        contacts=summary.contacts,
        rejects_by_reason=summary.by_reason,
        warnings_by_reason=summary.warnings_by_reason,
        decided=[decision.as_dict() for decision in summary.decisions],
    )
    return summary


def make_campaign_audience(engine: Engine, stored: CampaignPreparation) -> dict[str, Any]:
    """Run the stage ``audience`` of a campaign; return the stage's counts."""
    known = StoredPreferences(engine, stored.campaign.team, stored.campaign.id)
    summary = make_audience(stored.preparation, stored.tables, known)
    counts = summary.as_dict()
    _record_stage(
        engine,
        stored,
        "audience",
        counts,
        planned=summary.planned,
        held=summary.held,
        held_by_reason=dict(summary.by_reason),
    )
    return counts


def make_campaign_messages(engine: Engine, stored: CampaignPreparation) -> dict[str, Any]:
    """Run the stage ``messages`` of a campaign; return the stage's counts.

    Contacts whose text cannot be sent turn to held in ``audience``, which is written again.
    """
    counts = make_messages(stored.preparation, stored.tables).as_dict()
    stages = stored.campaign.counts.get("stages", {})
    _record_stage(
        engine,
        stored,
        "messages",
        counts,
        **campaign_counts(stages["contacts"], stages["audience"], counts),
        held_by_reason=dict(Counter(stages["audience"]["by_reason"]) + Counter(counts["by_reason"])),
        segments=counts["segments"],
        costs=counts["costs"],
    )
    return counts


def record_approval_needed(
    connection: Connection, stored: CampaignPreparation, late_start_asks_after_s: float
) -> dict[str, str] | None:
    """Keep with the campaign why it must wait for a person, and return it; ``None`` when it may go.

    A start that is over by more than ``late_start_asks_after_s`` is one of the reasons.
    """
    campaign = stored.campaign
    now = database_time(connection)
    waits = (
        # First: whoever lets it go for another reason is to know of the money as well.
        over_budget(connection, campaign, stored.preparation.rules, campaign.counts)
        or late_start(connection, campaign, campaign.scheduled_at, now, late_start_asks_after_s)
        or approval_needed(
            connection,
            campaign,
            stored.feed,
            rows=int(campaign.counts["rows"]),
            contacts=int(campaign.counts["contacts"]),
            corrections=bool(campaign.counts.get("corrections")),
        )
    )
    if waits is not None:
        record_waiting(connection, campaign, waits)
    return waits


def _record_stage(
    engine: Engine, stored: CampaignPreparation, stage: str, counts: Mapping[str, Any], **shown: Any
) -> None:
    """Keep a stage's counts with the campaign, and beside them those that its owners are shown."""
    with engine.begin() as connection:
        campaign = get_campaign(connection, stored.campaign.id)
        stages = {**campaign.counts.get("stages", {}), stage: dict(counts)}
        record_counts(connection, campaign.id, {"stages": stages, **shown})
