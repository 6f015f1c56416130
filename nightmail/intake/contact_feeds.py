"""Feeds whose files change the address book: each becomes an import, which is carried out unless somebody must confirm it."""

from __future__ import annotations

from sqlalchemy import Connection, text

from nightmail.access.principals import product_principal
from nightmail.contacts.import_modes import ImportMode
from nightmail.contacts.import_rows import ImportKind, ImportRow, ImportSettings, read_import, take_import
from nightmail.intake.arrival import Arrival
from nightmail.organisation.stored_feeds import FeedRow


def register_import(connection: Connection, feed: FeedRow, arrival: Arrival, file_id: int, actor: str) -> int:
    """Make the import of a whole file that is recorded; return its number."""
    settings = feed.settings
    kind = ImportKind(settings.kind)
    how = ImportSettings(
        mapping=settings.mapping,
        keep=settings.keep,
        date_order=settings.date_order,
        default_country=feed.default_country,
    )
    return take_import(
        connection,
        feed.team,
        ImportMode(settings.import_mode) if kind is ImportKind.CONTACTS else ImportMode.UPDATE,
        kind=kind,
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


def import_of_file(connection: Connection, file_id: int) -> ImportRow | None:
    """The import that a received file became."""
    number = connection.scalar(text("select id from contact_import where received_file_id = :file"), {"file": file_id})
    return None if number is None else read_import(connection, int(number))
