"""The blocking checks: each table's contract by Great Expectations, and that all rows are accounted for.

A check that fails stops the campaign with its reason before its run ends, and the run stops before the ledger is loaded.
Metadata holds counts only: unexpected values are personal data.
"""

from collections.abc import Callable
from typing import Any

import dagster as dg

from assets.campaign_runs import stored_preparation
from nightmail.preparation.attempts import stop_preparing
from nightmail.preparation.campaign_checks import (
    check_audience,
    check_contact_file,
    check_contacts,
    check_messages,
    check_rows,
)
from nightmail.preparation.campaign_preparation import CampaignPreparation
from nightmail.preparation.expectations import Validation
from nightmail.preparation.reconciliation import Reconciled
from resources.database import DatabaseResource
from resources.lake import LakeResource


def _checked(
    context: dg.AssetCheckExecutionContext,
    database: DatabaseResource,
    lake: LakeResource,
    check: Callable[[CampaignPreparation], Validation],
) -> dg.AssetCheckResult:
    campaign = _campaign(context)
    stored = stored_preparation(context.run.run_id, campaign, database, lake)
    if stored.frozen:
        return dg.AssetCheckResult(passed=True, description="Frozen: checked when it was prepared.")
    validation = check(stored)
    if (problem := validation.problem) is not None:
        stop_preparing(database.engine, campaign, problem)
    return dg.AssetCheckResult(severity=dg.AssetCheckSeverity.ERROR, **shown_of_contract(validation))


def shown_of_contract(validation: Validation) -> dict[str, Any]:
    """What a check's page shows of a table's contract: ``passed``, ``description`` and ``metadata``."""
    metadata = validation.metadata()
    return {
        "passed": validation.passed,
        "description": "; ".join(validation.broken) or f"{metadata['expectations']} expectations hold",
        "metadata": {**metadata, "unexpected": dg.MetadataValue.json(metadata["unexpected"])},
    }


def shown_of_rows(reconciled: Reconciled) -> dict[str, Any]:
    """What a check's page shows of the rows that are, or are not, accounted for."""
    return {
        "passed": reconciled.passed,
        "description": "; ".join(reconciled.differences) or "Every row is accounted for.",
        "metadata": reconciled.counts,
    }


@dg.asset_check(
    asset="contact_file",
    blocking=True,
    description="The columns that the template needs are there, and the volume is what the feed allows.",
)
def contact_file_contract_holds(
    context: dg.AssetCheckExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.AssetCheckResult:
    """Check the contract of ``contact_file``."""
    return _checked(context, database, lake, check_contact_file)


@dg.asset_check(
    asset="contacts",
    blocking=True,
    description="Keys are unique, addresses are normalised, and the share of rejected rows is under the feed's limit.",
)
def contacts_contract_holds(
    context: dg.AssetCheckExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.AssetCheckResult:
    """Check the contract of ``contacts``."""
    return _checked(context, database, lake, check_contacts)


@dg.asset_check(
    asset="audience",
    blocking=True,
    description="Every contact is planned on a channel, or held with a reason.",
)
def audience_contract_holds(
    context: dg.AssetCheckExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.AssetCheckResult:
    """Check the contract of ``audience``."""
    return _checked(context, database, lake, check_audience)


@dg.asset_check(
    asset="messages",
    blocking=True,
    description="No placeholder is unfilled, nothing is over a channel's limit, every message id stands once.",
)
def messages_contract_holds(
    context: dg.AssetCheckExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.AssetCheckResult:
    """Check the contract of ``messages``."""
    return _checked(context, database, lake, check_messages)


@dg.asset_check(
    asset="messages",
    blocking=True,
    additional_deps=["contact_file", "contacts", "audience"],
    description="Every row of the file is accounted for: rows = rejects + duplicates + contacts, contacts = planned + held, "
    "and every planned contact has its message.",
)
def rows_reconcile(
    context: dg.AssetCheckExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.AssetCheckResult:
    """Check that all rows are accounted for, counted from the tables and not from what the stages said."""
    campaign = _campaign(context)
    stored = stored_preparation(context.run.run_id, campaign, database, lake)
    reconciled = check_rows(stored)
    if not reconciled.passed and not stored.frozen:
        stop_preparing(database.engine, campaign, reconciled.problem())
    return dg.AssetCheckResult(severity=dg.AssetCheckSeverity.ERROR, **shown_of_rows(reconciled))


def _campaign(context: dg.AssetCheckExecutionContext) -> str:
    # An unpartitioned check inside a partitioned run: the partition is the run's.
    return str(context.run.tags["dagster/partition"])


CHECKS = [
    contact_file_contract_holds,
    contacts_contract_holds,
    audience_contract_holds,
    messages_contract_holds,
    rows_reconcile,
]
