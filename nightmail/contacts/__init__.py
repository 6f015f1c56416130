"""Contacts: the rows of a contact file judged, normalised and deduplicated.

:func:`prepare_contacts` is the stage ``contacts``. It reads the table that :mod:`nightmail.contact_files` wrote and
writes three: contacts, rejects (with duplicates) and warnings. :func:`write_rejects_csv` writes the file for the uploader.
"""

from __future__ import annotations

from nightmail.contacts.preparing import prepare_contacts
from nightmail.contacts.reject_files import write_rejects_csv
from nightmail.contacts.rules import (
    CHANNEL_FIELDS,
    ContactRules,
    ContactsSummary,
    EarlierCampaign,
    Keep,
    PlaceholderRule,
    ValueType,
)

__all__ = [
    "CHANNEL_FIELDS",
    "ContactRules",
    "ContactsSummary",
    "EarlierCampaign",
    "Keep",
    "PlaceholderRule",
    "ValueType",
    "prepare_contacts",
    "write_rejects_csv",
]
