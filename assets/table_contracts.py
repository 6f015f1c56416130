"""The blocking checks: each table's contract by Great Expectations, and that rows reconcile.

A check that fails stops the campaign with its reason before its run ends, and the run stops before the ledger is loaded.
Metadata holds counts only: unexpected values are personal data.
"""

from typing import Any

import dagster as dg

from assets.campaign_runs import is_frozen, stop_campaign, stored_preparation
from nightmail.preparation.campaign_preparation import CampaignPreparation
from nightmail.preparation.expectations import ExpectationResult, Validation
from nightmail.preparation.file_contract import file_problems
from nightmail.preparation.reconciliation import reconcile_preparation
from nightmail.preparation.table_contracts import (
    audience_contract,
    contact_file_contract,
    contacts_contract,
    messages_contract,
    reject_share_result,
)
from nightmail.preparation.table_validation import validate
from resources.database import DatabaseResource
from resources.lake import LakeResource


def _outcome(
    database: DatabaseResource, campaign: str, validation: Validation, problem: dict[str, Any] | None
) -> dg.AssetCheckResult:
    if not validation.passed:
        stop_campaign(database, campaign, problem or validation.problem or {})
    metadata = validation.metadata()
    return dg.AssetCheckResult(
        passed=validation.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(metadata["failed"]) or f"{metadata['expectations']} expectations hold",
        metadata={
            "rows": metadata["rows"],
            "expectations": metadata["expectations"],
            "failed": metadata["failed"],
            "unexpected": dg.MetadataValue.json(metadata["unexpected"]),
        },
    )


def _kept(stored: CampaignPreparation) -> dg.AssetCheckResult | None:
    if is_frozen(stored):
        return dg.AssetCheckResult(passed=True, description="Frozen: checked when it was prepared.")
    return None


@dg.asset_check(
    asset="contact_file",
    blocking=True,
    description="The columns that the template needs are there, and the volume is what the feed allows.",
)
def contact_file_contract_holds(
    context: dg.AssetCheckExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.AssetCheckResult:
    """The contract of ``contact_file``."""
    campaign = _campaign(context)
    stored = stored_preparation(campaign, database, lake)
    if (kept := _kept(stored)) is not None:
        return kept
    corrections = bool(stored.campaign.counts.get("corrections"))
    validation = validate(
        "contact_file", stored.tables.contact_file, contact_file_contract(stored.preparation, corrections)
    )
    columns = tuple(stored.tables.contact_file.schema().names)
    problems = file_problems(stored.preparation, columns, int(stored.campaign.counts["rows"]))
    addresses = [problem for problem in problems if " / " in problem.message]
    results = (
        *validation.results,
        ExpectationResult("no column holds an address", "addresses", not addresses, len(addresses)),
    )
    return _outcome(
        database,
        campaign,
        Validation("contact_file", validation.rows, results),
        problems[0].as_dict() if problems else None,
    )


@dg.asset_check(
    asset="contacts",
    blocking=True,
    description="Keys are unique, addresses are normalised, and the share of rejected rows is under the feed's limit.",
)
def contacts_contract_holds(
    context: dg.AssetCheckExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.AssetCheckResult:
    """The contract of ``contacts``."""
    campaign = _campaign(context)
    stored = stored_preparation(campaign, database, lake)
    if (kept := _kept(stored)) is not None:
        return kept
    table = stored.tables.contacts
    validation = validate("contacts", table, contacts_contract(stored.preparation, table.schema().names))
    counts = stored.campaign.counts
    share, problem = reject_share_result(
        stored.preparation, int(counts["rows"]), int(counts["rejects"]), bool(counts.get("corrections"))
    )
    return _outcome(database, campaign, Validation("contacts", validation.rows, (*validation.results, share)), problem)


@dg.asset_check(
    asset="audience",
    blocking=True,
    description="Every contact is planned on a channel, or held with a reason.",
)
def audience_contract_holds(
    context: dg.AssetCheckExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.AssetCheckResult:
    """The contract of ``audience``."""
    campaign = _campaign(context)
    stored = stored_preparation(campaign, database, lake)
    if (kept := _kept(stored)) is not None:
        return kept
    return _outcome(database, campaign, validate("audience", stored.tables.audience, audience_contract()), None)


@dg.asset_check(
    asset="messages",
    blocking=True,
    description="No placeholder is unfilled, nothing is over a channel's limit, every message id stands once.",
)
def messages_contract_holds(
    context: dg.AssetCheckExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.AssetCheckResult:
    """The contract of ``messages``."""
    campaign = _campaign(context)
    stored = stored_preparation(campaign, database, lake)
    if (kept := _kept(stored)) is not None:
        return kept
    return _outcome(database, campaign, validate("messages", stored.tables.messages, messages_contract()), None)


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
    """Counted from the tables themselves, not from what the stages said."""
    campaign = _campaign(context)
    stored = stored_preparation(campaign, database, lake)
    reconciled = reconcile_preparation(stored.tables, int(stored.campaign.counts["rows"]))
    if not reconciled.passed and not is_frozen(stored):
        stop_campaign(database, campaign, reconciled.problem())
    return dg.AssetCheckResult(
        passed=reconciled.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(reconciled.differences) or "Every row is accounted for.",
        metadata=reconciled.counts,
    )


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
