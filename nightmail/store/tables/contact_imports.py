"""Imports into the address book, and what each found before it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from nightmail.store.tables.base import NOW, Base, integer_key


class ContactImport(Base):
    """A file of contacts and what became of it. ``counts`` are those of its preview, and of the import once it is applied.

    ``kind`` is ``contacts``, or ``preferences`` for a file of what contacts chose. ``state`` is ``received``, ``checked`` (nothing is
    changed yet; ``waits_for`` says why somebody must confirm it, where that is so), ``applying``, ``applied``, ``undoing``, ``undone``,
    ``discarded`` or ``refused`` (``problem`` says why). ``settings`` are how the file is read, ``samples`` the first rows of each kind.
    """

    __tablename__ = "contact_import"
    id: Mapped[int] = integer_key()
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    feed_id: Mapped[int | None] = mapped_column(ForeignKey("feed.id"), index=True)
    received_file_id: Mapped[int | None] = mapped_column(ForeignKey("received_file.id"), index=True)
    source: Mapped[str]
    kind: Mapped[str] = mapped_column(server_default="contacts")
    mode: Mapped[str]
    name: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    stored_path: Mapped[str | None]
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    state: Mapped[str] = mapped_column(server_default="received")
    counts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    samples: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    waits_for: Mapped[dict[str, Any] | None]
    problem: Mapped[dict[str, Any] | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    created_by: Mapped[str]
    applied_at: Mapped[dt.datetime | None]
    applied_by: Mapped[str | None]
    undone_at: Mapped[dt.datetime | None]
    undone_by: Mapped[str | None]
    undone: Mapped[dict[str, Any] | None]
    """Counts of what the way back did."""
    progress: Mapped[dict[str, Any] | None]
    """How far the work on it is: ``stage``, ``done``, ``total``."""
    ordered_by: Mapped[str | None]
    """Who asked that it be applied, or taken back, where that is done in the background."""
    although: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether who asked confirmed what it waited for."""
    forgotten_at: Mapped[dt.datetime | None]
    """When its file, its rows and what it found were deleted, after the team's days."""
    __table_args__ = (
        Index("ix_contact_import_team", "team_id", "id"),
        Index(
            "ix_contact_import_waiting",
            "id",
            postgresql_where=text("state in ('received', 'checked', 'applying', 'undoing')"),
        ),
        Index("ix_contact_import_kept", "created_at", postgresql_where=text("forgotten_at is null")),
    )


class ContactImportRow(Base):
    """What an import found of one contact that was there before it, for the way back; ``version`` is the contact's after it.

    ``change`` is that of :class:`nightmail.contacts.import_modes.Fate`; whom the import made is known by ``contact.source``.
    """

    __tablename__ = "contact_import_row"
    import_id: Mapped[int] = mapped_column(ForeignKey("contact_import.id"), primary_key=True)
    contact: Mapped[int] = mapped_column(BigInteger, ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True)
    change: Mapped[int] = mapped_column(SmallInteger)
    version: Mapped[int]
    before: Mapped[dict[str, Any]]
    __table_args__ = (Index("ix_contact_import_row_contact", "contact"),)
