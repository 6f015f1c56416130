"""What a preparer tells Dagster of each campaign: its materializations and check results, as a run of its own would.

They are stored for all campaigns of a group together: an event alone costs Dagster's database more than its contents are worth.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation
from dagster._core.events import DagsterEvent, DagsterEventType, StepMaterializationData
from dagster._core.events.log import EventLogEntry

from assets.campaign_runs import stage_metadata
from assets.partitions import campaigns
from assets.table_contracts import shown_of_contract, shown_of_rows
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.preparation.expectations import Validation
from nightmail.preparation.group_preparation import ByTable
from nightmail.preparation.reconciliation import Reconciled

TAKEN_TAG = "nightmail.campaign/"
"""Before a campaign's key: the tag of a preparer's run that took it. Its value is the attempt."""


class CampaignEvents:
    """Tells of the campaigns that a preparer's run works on."""

    def __init__(self, context: dg.OpExecutionContext) -> None:
        self._instance, self._run, self._log = context.instance, context.run, context.log
        self._step = context.get_step_execution_context().step

    def taken(self, group: Iterable[CampaignRow]) -> None:
        """The run has taken these campaigns: it can be found by each, and their partitions are there."""
        attempts = {f"{TAKEN_TAG}{campaign.key}": str(campaign.prepare_attempts) for campaign in group}
        self._instance.add_run_tags(self._run.run_id, attempts)
        self._instance.add_dynamic_partitions(str(campaigns.name), [name.removeprefix(TAKEN_TAG) for name in attempts])

    def made(self, of_campaigns: Mapping[str, ByTable]) -> None:
        """A stage has made its tables."""
        tables = dict.fromkeys(table for by_table in of_campaigns.values() for table in by_table)
        for table in tables:
            events = []
            for campaign, by_table in of_campaigns.items():
                made = dg.AssetMaterialization(table, partition=campaign, metadata=stage_metadata(by_table[table]))
                data = StepMaterializationData(made, [])
                told = f"{table} of {campaign}"
                events.append(self._entry(DagsterEventType.ASSET_MATERIALIZATION, data, told))
            self._instance.event_log_storage.store_event_batch(events)

    def checked(self, table: str, of_campaigns: Mapping[str, Validation]) -> None:
        """A table was judged."""
        shown = {campaign: shown_of_contract(validation) for campaign, validation in of_campaigns.items()}
        self._evaluations(table, f"{table}_contract_holds", shown)

    def reconciled(self, of_campaigns: Mapping[str, Reconciled]) -> None:
        """All rows were counted."""
        shown = {campaign: shown_of_rows(reconciled) for campaign, reconciled in of_campaigns.items()}
        self._evaluations("messages", "rows_reconcile", shown)

    def stopped(self, campaign: str, problem: Mapping[str, str]) -> None:
        """A campaign was stopped for what its owner can mend."""
        remedy = problem.get("remedy", "")
        self._log.error(f"{campaign} was stopped. {problem['reason']}: {problem['message']} {remedy}".strip())

    def failed(self, campaign: str, error: Exception, followed: str) -> None:
        """A campaign failed for another reason."""
        self._log.error(f"{campaign} failed and was {followed}", exc_info=error)

    def _evaluations(self, table: str, check: str, of_campaigns: Mapping[str, Mapping[str, Any]]) -> None:
        for campaign, shown in of_campaigns.items():
            evaluation = AssetCheckEvaluation(dg.AssetKey(table), check, blocking=True, partition=campaign, **shown)
            told = f"{check} of {campaign}: {'passed' if shown['passed'] else 'failed'}"
            self._instance.event_log_storage.store_event(
                self._entry(DagsterEventType.ASSET_CHECK_EVALUATION, evaluation, told)
            )

    def _entry(self, kind: DagsterEventType, data: Any, told: str) -> EventLogEntry:
        event = DagsterEvent(
            event_type_value=kind.value,
            job_name=self._run.job_name,
            step_handle=self._step.handle,
            node_handle=self._step.node_handle,
            event_specific_data=data,
            message=told,
        )
        return EventLogEntry(  # type: ignore[no-untyped-call]
            error_info=None,
            level=logging.INFO,
            user_message=told,
            run_id=self._run.run_id,
            timestamp=time.time(),
            step_key=self._step.key,
            job_name=self._run.job_name,
            dagster_event=event,
        )
