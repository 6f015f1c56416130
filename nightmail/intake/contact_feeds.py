"""Feeds whose files go into the address book: each file becomes an import, which is carried out unless somebody must confirm it."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, text

from nightmail.access.principals import product_principal
from nightmail.contacts.import_modes import ImportMode
from nightmail.contacts.import_rows import ImportRow, ImportSettings, ImportState, read_import, take_import
from nightmail.contacts.imports import apply_import, check_import
from nightmail.errors import NightmailError
from nightmail.intake import queries
from nightmail.intake.arrival import Arrival
from nightmail.lake import Lake
from nightmail.organisation.stored_feeds import FeedRow


def register_import(connection: Connection, feed: FeedRow, arrival: Arrival, file_id: int, actor: str) -> int:
    """Make the import of a whole file that is recorded; return its number."""
    settings = feed.settings
    how = ImportSettings(
        mapping=settings.mapping,
        keep=settings.keep,
        date_order=settings.date_order,
        default_country=feed.default_country,
    )
    return take_import(
        connection,
        feed.team,
        ImportMode(settings.import_mode),
        by=product_principal(actor),
        source=arrival.source,
        name=arrival.name,
        size=arrival.size,
        sha256=arrival.sha256,
        stored_path=arrival.stored_path,
        settings=how,
        feed_id=feed.id,
        received_file_id=file_id,
    )


def imports_to_carry_out(connection: Connection, limit: int = 20) -> list[int]:
    """The imports of feeds that nobody has looked at yet, the oldest first."""
    return list(connection.scalars(text(queries.IMPORTS_TO_CARRY_OUT), {"limit": limit}))


def carry_out(engine: Engine, lake: Lake, number: int) -> ImportRow:
    """Look at an import of a feed, and apply it unless it waits for somebody. Safe to call again after a crash."""
    row = check_import(engine, lake, number)
    if row.state != ImportState.CHECKED or row.waits_for is not None:
        return row
    by = product_principal(f"feed:{row.team}/{row.feed}")
    try:
        return apply_import(engine, lake, number, by=by)
    except NightmailError:
        # What has come up since waits for somebody, with the preview that is there.
        with engine.connect() as connection:
            return read_import(connection, number)


def import_of_file(connection: Connection, file_id: int) -> ImportRow | None:
    """The import that a received file became."""
    number = connection.scalar(text("select id from contact_import where received_file_id = :file"), {"file": file_id})
    return None if number is None else read_import(connection, int(number))
