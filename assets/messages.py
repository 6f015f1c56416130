"""``messages``: the rendered text of every message, with its segments and estimated cost."""

import logging

import dagster as dg

from assets.campaign_runs import frozen_metadata, stage_metadata, stopped_by_errors, stored_preparation
from assets.partitions import campaigns
from nightmail.channels import CHANNELS, BodyKind
from nightmail.preparation.campaign_preparation import CampaignPreparation
from nightmail.preparation.campaign_stages import make_campaign_messages
from resources.audio_files import audio_addresses, look_at_audio
from resources.database import DatabaseResource
from resources.lake import LakeResource


@dg.asset(
    partitions_def=campaigns,
    deps=["contacts", "audience"],
    group_name="preparing",
    kinds={"parquet", "jinja"},
    description="One rendered message per planned contact and channel: text, segments, estimated cost. Fallbacks are "
    "rendered too and stand by. Personal data.",
)
def messages(
    context: dg.AssetExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.MaterializeResult[None]:
    """Render every message. A contact whose text cannot be sent turns to held in ``audience``."""
    campaign = context.partition_key
    with stopped_by_errors(database, campaign):
        stored = stored_preparation(context.run.run_id, campaign, database, lake)
        if stored.frozen:
            return dg.MaterializeResult(metadata=frozen_metadata(stored, "messages"))
        look_at_recordings(stored, context.log)
        counts = make_campaign_messages(database.engine, stored)
    return dg.MaterializeResult(metadata=stage_metadata(counts))


def look_at_recordings(stored: CampaignPreparation, log: logging.Logger) -> None:
    """Look at the audio files that the campaign's calls play. Raises when one is no audio."""
    if any(CHANNELS[name].body is BodyKind.SPEECH for name in stored.preparation.channels):
        for address in audio_addresses(stored.preparation.template):
            if look_at_audio(address) is None:
                log.warning("the server of %s did not answer; the carrier will fetch it", address)
