"""The checks of a stored campaign's tables: the contract of each, and that all rows are accounted for."""

from __future__ import annotations

from dataclasses import replace

from nightmail.preparation.campaign_preparation import CampaignPreparation
from nightmail.preparation.expectations import ExpectationResult, Validation
from nightmail.preparation.file_contract import (
    ContractProblem,
    address_problem,
    file_problems,
    reject_problems,
    shared_key_problems,
    template_problems,
)
from nightmail.preparation.reconciliation import Reconciled, reconcile_preparation
from nightmail.preparation.table_contracts import (
    audience_contract,
    contact_file_contract,
    contacts_contract,
    messages_contract,
)
from nightmail.preparation.table_validation import validate


def check_contact_file(stored: CampaignPreparation) -> Validation:
    """Check the columns that the template and the feed need, and the volume that the feed allows."""
    table = stored.tables.contact_file
    corrections = bool(stored.campaign.counts.get("corrections"))
    validation = validate("contact_file", table, contact_file_contract(stored.preparation, corrections))
    columns = tuple(table.schema().names)
    lacking = address_problem(stored.preparation, columns)
    addresses = ExpectationResult("no column holds an address", "addresses", lacking is None, int(lacking is not None))
    foreign = len(template_problems(stored.preparation, columns))
    text = ExpectationResult("the template names a column as another tool does", "notation", not foreign, foreign)
    problems = file_problems(stored.preparation, columns, int(stored.campaign.counts["rows"]))
    return _with(validation, problems, addresses, text)


def check_contacts(stored: CampaignPreparation) -> Validation:
    """Check that keys are unique, addresses normalised, and the share of rejected rows under the feed's limit."""
    table, counts = stored.tables.contacts, stored.campaign.counts
    validation = validate("contacts", table, contacts_contract(stored.preparation, table.schema().names))
    rejects = int(counts["rejects"])
    problems = reject_problems(stored.preparation, int(counts["rows"]), rejects, bool(counts.get("corrections")))
    says = "the share of rejected rows is over the feed's limit"
    share = ExpectationResult(says, "reject_share", not problems, rejects if problems else 0)
    shared = int(counts.get("stages", {}).get("contacts", {}).get("shared_keys", 0))
    sharing = shared_key_problems(stored.preparation, int(counts["rows"]), shared)
    says = "too many rows share a key with rows of other addresses"
    keys = ExpectationResult(says, "shared_keys", not sharing, shared if sharing else 0)
    return _with(validation, (*problems, *sharing), share, keys)


def check_audience(stored: CampaignPreparation) -> Validation:
    """Check that every contact is planned on a channel, or held with a reason."""
    return validate("audience", stored.tables.audience, audience_contract())


def check_messages(stored: CampaignPreparation) -> Validation:
    """Check that no placeholder is unfilled, nothing over a channel's limit, and every message id there once."""
    return validate("messages", stored.tables.messages, messages_contract(stored.preparation, stored.tables.contacts))


def check_rows(stored: CampaignPreparation) -> Reconciled:
    """Check that every row of the file is accounted for, counted from the tables themselves."""
    return reconcile_preparation(stored.tables, int(stored.campaign.counts["rows"]))


def _with(validation: Validation, problems: tuple[ContractProblem, ...], *results: ExpectationResult) -> Validation:
    """Return the validation with further results; the first problem with the feed's contract says what is wrong."""
    stated = problems[0].as_dict() if problems else None
    return replace(validation, results=(*validation.results, *results), stated_problem=stated)
