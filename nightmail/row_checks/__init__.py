"""Contacts: the rows of a contact file judged, normalised and deduplicated.

:func:`prepare_contacts` is the stage ``contacts``. It reads the table that :mod:`nightmail.contact_files` wrote and
writes three: contacts, rejects (with duplicates) and warnings. :func:`write_rejects_csv` writes the file for the uploader.
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
