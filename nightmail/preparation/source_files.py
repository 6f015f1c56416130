"""The file that a campaign is prepared from: its upload, its parts in order, or the file that its rows are written out to.

Campaigns without an upload, of single messages or of the contact book, are written out as JSON Lines, which keeps each
value as it was given. They go the way of every file from there on, so that one chain judges all rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, TextClause, text

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.contact_files.kept_files import incoming_path
from nightmail.contact_files.part_names import part_name
from nightmail.contacts.list_files import BOOK_SOURCES
from nightmail.errors import ContactFileError
from nightmail.preparation import queries

_FETCHED_AT_ONCE = 10_000


def campaign_sources(connection: Connection, campaign: CampaignRow, folder: Path) -> list[Path]:
    """Return the file that a campaign is prepared from, or its parts in order; ``folder`` is where uploads are kept.

    Raises :class:`ContactFileError`: ``file_unreadable`` when the upload is no longer there, ``contact_book_empty``.
    """
    if campaign.source == "single":
        return [write_single_messages(connection, campaign, folder)]
    if campaign.source in BOOK_SOURCES:
        return [_list_file(connection, campaign)]
    if campaign.source == "contacts":
        return [write_contact_book(connection, campaign, folder)]
    sources = stored_files(connection, campaign)
    if not sources or not all(source.exists() for source in sources):
        raise ContactFileError("file_unreadable", detail="the stored upload is not there any more")
    return sources


def _list_file(connection: Connection, campaign: CampaignRow) -> Path:
    """The contacts of the list or segment that a campaign was made of, as they were then."""
    statement = text("select stored_path from campaign_list where campaign_id = :campaign")
    kept = connection.execute(statement, {"campaign": campaign.id}).scalar_one()
    source = Path(kept or "")
    if kept is None or not source.exists():
        raise ContactFileError("file_unreadable", detail="the file of the list's contacts is not there any more")
    return source


def stored_files(connection: Connection, campaign: CampaignRow) -> list[Path]:
    """Return the uploads of a campaign that are kept: one, several parts in their order, or none."""
    rows = connection.execute(text(queries.STORED_FILES), {"campaign": campaign.id}).all()
    numbered = [(part_name(row.name) if len(rows) > 1 else None, Path(row.stored_path)) for row in rows]
    numbered.sort(key=lambda entry: entry[0].number if entry[0] is not None else 0)
    return [path for _, path in numbered]


def write_single_messages(connection: Connection, campaign: CampaignRow, folder: Path) -> Path:
    """Write the rows that the API or the portal took for an open campaign, in the order of their lines."""
    destination = incoming_path(folder, "messages.jsonl", campaign.key)
    return _write(connection, text(queries.SINGLE_MESSAGES), {"campaign": campaign.id}, destination)


def write_contact_book(connection: Connection, campaign: CampaignRow, folder: Path) -> Path:
    """Write the contacts of the campaign's team, their attributes as further columns.

    Raises :class:`ContactFileError` (``contact_book_empty``).
    """
    if not connection.scalar(
        text("select exists (select from contact where team_id = :team)"), {"team": campaign.team_id}
    ):
        raise ContactFileError("contact_book_empty", team=campaign.team)
    destination = incoming_path(folder, "contacts.jsonl", campaign.key)
    return _write(connection, text(queries.CONTACT_BOOK), {"team": campaign.team_id}, destination)


def _write(connection: Connection, query: TextClause, values: Mapping[str, Any], destination: Path) -> Path:
    aside = destination.with_name(f".{destination.name}.aside")
    with aside.open("w", encoding="utf-8") as handle:
        for content in connection.execution_options(yield_per=_FETCHED_AT_ONCE).scalars(query, dict(values)):
            handle.write(json.dumps(content, ensure_ascii=False))
            handle.write("\n")
    aside.replace(destination)
    return destination
