"""``contact_file``: the uploaded file as one table of strings, line numbers kept."""

from pathlib import Path

import dagster as dg

from assets.campaign_runs import (
    frozen_metadata,
    is_frozen,
    record_stage,
    stage_metadata,
    stopped_by_errors,
    stored_preparation,
)
from assets.partitions import campaigns
from nightmail.campaigns.transitions import begin_preparing
from nightmail.errors import ContactFileError
from nightmail.intake.generated_files import write_contact_book, write_single_messages
from nightmail.preparation.campaign_preparation import CampaignPreparation
from nightmail.preparation.part_files import read_parts
from nightmail.preparation.stages import read_file
from nightmail.preparation.stored_inputs import source_files
from nightmail.settings import settings
from nightmail.store.states import CampaignState
from resources.database import DatabaseResource
from resources.lake import LakeResource


@dg.asset(
    partitions_def=campaigns,
    group_name="preparing",
    kinds={"parquet"},
    description="The contact file as it came: every column as text, with the line of the file that each row stands on. "
    "Encoding, delimiter, header mapping and content hash are metadata. Personal data.",
)
def contact_file(
    context: dg.AssetExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.MaterializeResult[None]:
    """Take the campaign for this run, then read its file."""
    campaign = context.partition_key
    with stopped_by_errors(database, campaign):
        stored = stored_preparation(campaign, database, lake)
        if is_frozen(stored):
            return dg.MaterializeResult(metadata=frozen_metadata(stored, "contact_file"))
        if stored.campaign.state in (CampaignState.RECEIVED, CampaignState.CHECKING):
            with database.begin() as connection:
                begin_preparing(connection, stored.campaign.id, context.run.run_id)
        sources = _sources(stored, database)
        begins = [0]
        if len(sources) > 1:
            summary, begins = read_parts(stored.preparation, sources, stored.tables)
        else:
            summary = read_file(stored.preparation, sources[0], stored.tables)
        counts = {
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
        read_as = {
            name: counts[name]
            for name in ("format", "container", "encoding", "encoding_certainty", "delimiter", "line_end", "header")
        }
        read_as["encoding_because"] = summary.encoding_evidence
        read_as["sheet"] = summary.sheet
        if len(sources) > 1:
            read_as["parts"] = [
                {"part": number, "lines_begin_after": line} for number, line in enumerate(begins, start=1)
            ]
        read_as["noticed"] = [
            {"reason": noticed.reason, "message": noticed.message, "times": noticed.count}
            for noticed in summary.warnings
        ]
        read_as["decided"] = [decision.as_dict() for decision in summary.decisions]
        record_stage(
            database,
            stored,
            "contact_file",
            counts,
            rows=summary.rows,
            corrections=summary.own_rejects,
            read_as=read_as,
            settings_used={
                "template": stored.template_name,
                "template_version": stored.template_version,
                "default_country": stored.preparation.default_country,
                "channels_used": list(stored.preparation.channels),
            },
        )
    return dg.MaterializeResult(metadata=stage_metadata(counts))


def _sources(stored: CampaignPreparation, database: DatabaseResource) -> list[Path]:
    """The campaign's file or parts; for single messages and the contact book, the file that they are written out to."""
    campaign = stored.campaign
    with database.connect() as connection:
        if campaign.source == "single":
            return [write_single_messages(connection, campaign, settings().incoming_dir)]
        if campaign.source == "contacts":
            return [write_contact_book(connection, campaign, settings().incoming_dir)]
        sources = source_files(connection, campaign)
    if not sources or not all(source.exists() for source in sources):
        raise ContactFileError(
            "file_unreadable",
            f"The stored file of the campaign {campaign.key} is not there.",
            "It may have been deleted by retention. Upload it again.",
        )
    return sources
