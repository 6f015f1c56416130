"""The jobs: preparing one campaign or those that wait, sending, writing ``sends`` out, the reports of a day, and retention.

Steps of a campaign run in one process: a step's own process costs seconds, the step itself tenths of one.
"""

from __future__ import annotations

from typing import Any

import dagster as dg

from assets.expired_data import delete_expired_data
from assets.preparer_runs import prepare_campaigns
from assets.sender_runs import hand_off

PREPARE_AT_MOST_S = 2 * 3600
REPORT_AT_MOST_S = 3600

prepare = dg.define_asset_job(
    "prepare",
    selection=dg.AssetSelection.assets(
        "contact_file", "contacts", "rejects", "warnings", "audience", "messages", "ledger"
    ),
    executor_def=dg.in_process_executor,
    tags={"nightmail/kind": "prepare", "dagster/max_runtime": str(PREPARE_AT_MOST_S)},
    description="One campaign from its file to the ledger. Its last step moves the campaign on.",
)


@dg.job(
    executor_def=dg.in_process_executor,
    tags={"nightmail/kind": "preparer", "dagster/max_runtime": str(PREPARE_AT_MOST_S)},
    description="A preparer: takes small campaigns that wait, in groups, from their files to the ledger.",
)
def prepare_waiting() -> None:
    """One preparer."""
    prepare_campaigns()


write_sends = dg.define_asset_job(
    "write_sends",
    selection=dg.AssetSelection.assets("sends"),
    executor_def=dg.in_process_executor,
    tags={"nightmail/kind": "report"},
    description="The ledger of one campaign written as a table, when a person asks for it; senders write it as they work.",
)

report = dg.define_asset_job(
    "report",
    selection=dg.AssetSelection.assets(
        "receipts", "replies", "opt_outs", "questions", "delivery_report", "usage_report"
    ),
    executor_def=dg.in_process_executor,
    tags={"nightmail/kind": "report", "dagster/max_runtime": str(REPORT_AT_MOST_S)},
    description="The reports of one UTC day.",
)


@dg.job(
    executor_def=dg.in_process_executor,
    tags={"nightmail/kind": "send"},
    description="A sender: hands off due messages of all campaigns until nothing is due.",
)
def send() -> None:
    """One sender."""
    hand_off()


@dg.job(
    executor_def=dg.in_process_executor,
    tags={"nightmail/kind": "report", "dagster/max_runtime": str(REPORT_AT_MOST_S)},
    description="Deletes addresses, texts, files of imports and lists, and whole months of the ledger that are older than they are kept.",
)
def retention() -> None:
    """One round."""
    delete_expired_data()


JOBS: list[Any] = [prepare, prepare_waiting, send, write_sends, report, retention]
