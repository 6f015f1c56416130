"""A preparer: the one op of the ``prepare_waiting`` job. It prepares small campaigns in groups as they come, then ends.

It lingers for what comes next, which then waits for no process to start. A campaign that fails is given back for a run of its
own, and so are all that a preparer has taken when it dies (:mod:`sensors.failures`).
"""

import time

import dagster as dg

from assets.campaign_events import CampaignEvents
from assets.contacts import counts_by_table
from assets.loading import load_prepared
from assets.messages import look_at_recordings
from nightmail.preparation.campaign_checks import (
    check_audience,
    check_contact_file,
    check_contacts,
    check_messages,
)
from nightmail.preparation.campaign_preparation import CampaignPreparation
from nightmail.preparation.campaign_stages import (
    make_campaign_audience,
    make_campaign_contacts,
    make_campaign_messages,
    read_campaign_file,
)
from nightmail.preparation.group_preparation import ByTable, GroupPreparation, GroupStage
from nightmail.preparation.waiting_campaigns import take_group
from nightmail.settings import settings
from resources.database import DatabaseResource
from resources.lake import LakeResource

LINGER_S = 60.0
"""Seconds that a preparer waits for a campaign before it ends."""
CAMPAIGNS_AT_MOST = 400
"""A preparer takes no more: its page is to be read."""
SECONDS_AT_MOST = 900.0
"""A preparer takes nothing after so long, so that no process grows old."""
_LOOK_S = 0.25


@dg.op(
    description="Prepares small campaigns in groups, stage by stage, with the checks of each, until none has come for a "
    "while. What it made of a campaign is in the campaign's partitions."
)
def prepare_campaigns(context: dg.OpExecutionContext, database: DatabaseResource, lake: LakeResource) -> None:
    """Take, prepare, linger."""
    told = CampaignEvents(context)
    stages = group_stages(context, database, lake)
    preparation = GroupPreparation(database.engine, lake.lake, settings(), stages, context.run_id, told)
    taken = 0
    began = quiet_since = time.monotonic()
    while taken < CAMPAIGNS_AT_MOST and time.monotonic() < began + SECONDS_AT_MOST:
        if group := take_group(database.engine, context.run_id):
            told.taken(group)
            preparation.prepare(group)
            taken += len(group)
            quiet_since = time.monotonic()
        elif time.monotonic() >= quiet_since + LINGER_S:
            break
        else:
            time.sleep(_LOOK_S)
    context.add_output_metadata({"campaigns": taken, "seconds": round(time.monotonic() - began, 1)})


def group_stages(
    context: dg.OpExecutionContext, database: DatabaseResource, lake: LakeResource
) -> tuple[GroupStage, ...]:
    """The stages of a campaign in order, as its assets and checks have them."""

    def contact_file(stored: CampaignPreparation) -> ByTable:
        counts = read_campaign_file(database.engine, stored, settings().incoming_dir, run_id=context.run_id)
        return {"contact_file": counts}

    def contacts(stored: CampaignPreparation) -> ByTable:
        return counts_by_table(make_campaign_contacts(database.engine, stored, lake.lake))

    def audience(stored: CampaignPreparation) -> ByTable:
        return {"audience": make_campaign_audience(database.engine, stored)}

    def messages(stored: CampaignPreparation) -> ByTable:
        look_at_recordings(stored, context.log)
        return {"messages": make_campaign_messages(database.engine, stored)}

    def ledger(stored: CampaignPreparation) -> ByTable:
        return {"ledger": load_prepared(database, stored, context.run_id)}

    return (
        GroupStage(contact_file, check_contact_file),
        GroupStage(contacts, check_contacts),
        GroupStage(audience, check_audience),
        GroupStage(messages, check_messages, reconciled=True),
        GroupStage(ledger),
    )
