"""Row checks: the rows of a contact file judged, normalised and deduplicated. The stage ``contacts``.

What belongs here: what a cell can mean (phone numbers, addresses, countries, languages, dates, amounts), which readings the
column or the feed decides, which rows are the same contact, and the tables ``contacts``, ``rejects`` and ``warnings``
(:func:`prepare_contacts`) with the reject file (:func:`write_rejects_csv`). What does not: bytes and columns of a file
(:mod:`nightmail.contact_files`), who is sent to (:mod:`nightmail.audience`), texts (:mod:`nightmail.templates`).

What has two readings is never decided silently: it is rejected or held with its reason, or decided by what the file shows elsewhere, and the
result says so (``ContactsSummary.decisions``). Babel, phonenumbers and email-validator are imported where they are first needed: their
data take up to half a second to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nightmail.row_checks.rules import ContactRules, ContactsSummary, EarlierCampaign, PlaceholderRule

if TYPE_CHECKING:
    from nightmail.row_checks.contacts_stage import prepare_contacts
    from nightmail.row_checks.reject_files import write_rejects_csv

__all__ = [
    "ContactRules",
    "ContactsSummary",
    "EarlierCampaign",
    "PlaceholderRule",
    "prepare_contacts",
    "write_rejects_csv",
]


def __getattr__(name: str) -> Any:
    # The rules are read wherever a feed's settings are; the stage behind them takes seconds to import and stays aside.
    if name == "prepare_contacts":
        from nightmail.row_checks.contacts_stage import prepare_contacts

        return prepare_contacts
    if name == "write_rejects_csv":
        from nightmail.row_checks.reject_files import write_rejects_csv

        return write_rejects_csv
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
