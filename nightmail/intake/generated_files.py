"""Campaigns without an uploaded file: single messages and the contact book, written out as the file they stand for.

They go the way of every file from there on, so that one chain judges all rows. JSON Lines keeps each value as it was given.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.intake.arrivals import incoming_path

_FETCH = 10_000


def write_single_messages(connection: Connection, campaign: CampaignRow, folder: Path) -> Path:
    """The rows that the API or the portal took for an open campaign, in the order of their lines."""
    query = text('select "row" from single_message where campaign_id = :id order by line')
    return _write(connection, query, {"id": campaign.id}, incoming_path(folder, "messages.jsonl", campaign.key))


def write_contact_book(connection: Connection, campaign: CampaignRow, folder: Path) -> Path:
    """The contacts of the campaign's team, their attributes as further columns."""
    query = text(
        "select attributes || jsonb_strip_nulls(jsonb_build_object('external_id', external_id, 'phone', phone, "
        "'landline', landline, 'email', email, 'country', country, 'language', language, 'time_zone', time_zone, "
        "'birth_date', birth_date)) from contact where team_id = :team order by id"
    )
    return _write(connection, query, {"team": campaign.team_id}, incoming_path(folder, "contacts.jsonl", campaign.key))


def _write(connection: Connection, query: Any, values: dict[str, Any], destination: Path) -> Path:
    aside = destination.with_name(f".{destination.name}.aside")
    with aside.open("w", encoding="utf-8") as handle:
        result = connection.execution_options(yield_per=_FETCH).execute(query, values)
        for (row,) in result:
            handle.write(json.dumps(row, ensure_ascii=False))
            handle.write("\n")
    aside.replace(destination)
    return destination
