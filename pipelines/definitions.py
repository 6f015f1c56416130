"""The one ``Definitions`` object. Explicit lists and no logic.

``build_defs(resource_overrides=...)`` is for tests, which swap the outside and nothing else:

>>> defs = build_defs(resource_overrides={"lake": LakeResource(url=str(tmp_path))})
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.audience import audience
from assets.contact_file import contact_file
from assets.contacts import contacts
from assets.delivery_report import delivery_report, usage_report
from assets.loading import ledger
from assets.messages import messages
from assets.opt_outs import opt_outs
from assets.questions import questions
from assets.receipts import receipts
from assets.replies import replies
from assets.sends import sends
from assets.table_contracts import CHECKS
from pipelines.jobs import JOBS
from pipelines.schedules import SCHEDULES
from resources.carrier_accounts import CarriersResource
from resources.database import DatabaseResource
from resources.lake import LakeResource
from resources.sftp.servers import SftpServersResource
from sensors.api_files import api_files
from sensors.campaigns import campaigns_due
from sensors.contact_imports import contact_imports
from sensors.failures import failed_runs
from sensors.messages_due import messages_due
from sensors.receipts import mailboxes_read, receipts_polled, reports_due
from sensors.sftp_files import sftp_files

ASSETS = [
    contact_file,
    contacts,
    audience,
    messages,
    ledger,
    sends,
    receipts,
    replies,
    opt_outs,
    questions,
    delivery_report,
    usage_report,
]

SENSORS = [
    sftp_files,
    api_files,
    contact_imports,
    campaigns_due,
    messages_due,
    receipts_polled,
    mailboxes_read,
    reports_due,
    failed_runs,
]

RESOURCES = {
    "lake": LakeResource(),
    "database": DatabaseResource(),
    "carriers": CarriersResource(),
    "sftp_servers": SftpServersResource(),
}


def build_defs(*, resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Build everything that Dagster loads; ``resource_overrides`` take the place of resources of the same name."""
    return dg.Definitions(
        assets=ASSETS,
        asset_checks=CHECKS,
        jobs=JOBS,
        schedules=SCHEDULES,
        sensors=SENSORS,
        resources={**RESOURCES, **(resource_overrides or {})},
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Build what ``workspace.yaml`` and ``dg`` load."""
    return build_defs()
