"""The people who are written to: contacts, what they chose, what they consented to, what must not be used."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from nightmail.store.tables.base import NOW, Base, integer_key


class Contact(Base):
    """A person in a team's contact book. ``contact_id`` is the id that the lake uses.

    ``phone``, ``phone_2``, ``landline`` and ``email`` are the addresses that a campaign takes, :class:`ContactAddress` has the
    further ones. ``address_hashes`` are the keyed hashes of all of them. ``sources`` says of a field where its value came from, where
    that is not ``source``.
    """

    __tablename__ = "contact"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    contact_id: Mapped[str] = mapped_column(index=True)
    external_id: Mapped[str]
    name: Mapped[str | None]
    phone: Mapped[str | None]
    phone_2: Mapped[str | None]
    landline: Mapped[str | None]
    email: Mapped[str | None]
    language: Mapped[str | None]
    time_zone: Mapped[str | None]
    country: Mapped[str | None]
    birth_date: Mapped[dt.date | None]
    attributes: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    source: Mapped[str] = mapped_column(server_default="")
    sources: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    address_hashes: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary), server_default=text("'{}'::bytea[]"))
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    updated_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    removed_at: Mapped[dt.datetime | None]
    __table_args__ = (
        UniqueConstraint("team_id", "external_id"),
        Index("ix_contact_addresses", "address_hashes", postgresql_using="gin"),
        Index("ix_contact_team", "team_id", "id", postgresql_where=text("removed_at is null")),
    )


class ContactSearch(Base):
    """What a contact is found by: keyed hashes of the trigrams of name, id and addresses (:mod:`nightmail.contacts.search_hashes`)."""

    __tablename__ = "contact_search"
    contact_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    team_id: Mapped[int]
    keys: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    __table_args__ = (Index("ix_contact_search_keys", "keys", postgresql_using="gin"),)


class ContactAddress(Base):
    """A further address of a contact, beside those in its row: ``kind`` is the field that it would stand in, ``position`` the order."""

    __tablename__ = "contact_address"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"))
    kind: Mapped[str]
    position: Mapped[int]
    address: Mapped[str]
    label: Mapped[str] = mapped_column(server_default="")
    source: Mapped[str] = mapped_column(server_default="")
    __table_args__ = (UniqueConstraint("contact_id", "kind", "address"),)


class ContactAttribute(Base):
    """An attribute that a team gives its contacts, and the type of its values (:class:`nightmail.organisation.feed_choices.ValueType`)."""

    __tablename__ = "contact_attribute"
    id: Mapped[int] = integer_key()
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    name: Mapped[str]
    type: Mapped[str]
    label: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    created_by: Mapped[str]
    __table_args__ = (UniqueConstraint("team_id", "name"),)


class ContactTag(Base):
    """A word by which a team finds contacts again."""

    __tablename__ = "contact_tag"
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)
    __table_args__ = (Index("ix_contact_tag_tag", "tag", "contact_id"),)


class ContactNote(Base):
    """What somebody noted about a contact."""

    __tablename__ = "contact_note"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"), index=True)
    text: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    created_by: Mapped[str]
    removed_at: Mapped[dt.datetime | None]


class ContactChange(Base):
    """What changed about a contact: ``changes`` has, by field, the value before and the value after. Never changed, erased with it."""

    __tablename__ = "contact_change"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"))
    changed_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    changed_by: Mapped[str]
    source: Mapped[str]
    action: Mapped[str]
    changes: Mapped[dict[str, Any]]
    __table_args__ = (Index("ix_contact_change_contact", "contact_id", "id"),)


class ContactGroup(Base):
    """Contacts that somebody put together by hand."""

    __tablename__ = "contact_group"
    id: Mapped[int] = integer_key()
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    changed_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    changed_by: Mapped[str]
    removed_at: Mapped[dt.datetime | None]
    __table_args__ = (
        Index(
            "uq_contact_group_name",
            "team_id",
            text("lower(name)"),
            unique=True,
            postgresql_where=text("removed_at is null"),
        ),
    )


class ContactGroupMember(Base):
    """That a contact is in a group."""

    __tablename__ = "contact_group_member"
    group_id: Mapped[int] = mapped_column(ForeignKey("contact_group.id", ondelete="CASCADE"), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True)
    added_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    added_by: Mapped[str]
    __table_args__ = (Index("ix_contact_group_member_contact", "contact_id"),)


class ContactMerge(Base):
    """Two contacts of a team that were the same person, or that somebody said are not: ``merged_at`` null means the latter.

    ``before`` is what both were, for the way back.
    """

    __tablename__ = "contact_merge"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    kept_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"), index=True)
    other_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"), index=True)
    before: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    decided_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    decided_by: Mapped[str]
    merged_at: Mapped[dt.datetime | None]
    undone_at: Mapped[dt.datetime | None]
    undone_by: Mapped[str | None]
    __table_args__ = (Index("ix_contact_merge_team", "team_id", "id"),)


class Preference(Base):
    """What a contact chose within a team: channels in order, quiet hours in their own time, language."""

    __tablename__ = "preference"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    contact_id: Mapped[str]
    channels: Mapped[list[str] | None]
    categories_in: Mapped[list[str] | None]
    categories_out: Mapped[list[str] | None]
    quiet_from: Mapped[str | None]
    quiet_until: Mapped[str | None]
    time_zone: Mapped[str | None]
    language: Mapped[str | None]
    updated_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    paused_until: Mapped[dt.datetime | None]
    """Until then nothing is sent but what is urgent."""
    stated_at: Mapped[dt.datetime | None]
    """When the latest of its statements was made; ``source`` and ``set_by`` are of that one."""
    source: Mapped[str | None]
    set_by: Mapped[str | None]
    statement_id: Mapped[int | None] = mapped_column(BigInteger)
    """The latest recorded of its statements: what it comes to is those of the contact and team up to this one."""
    __table_args__ = (UniqueConstraint("team_id", "contact_id"),)


class PreferenceStatement(Base):
    """What a contact chose at one time; never changed. ``changes`` has the fields that it was about, of null: cleared."""

    __tablename__ = "preference_statement"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    contact_id: Mapped[str]
    stated_at: Mapped[dt.datetime]
    changes: Mapped[dict[str, Any]]
    source: Mapped[str]
    set_by: Mapped[str]
    recorded_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    of_contact: Mapped[str | None]
    """Of a copy: the id under which it was stated, of a contact that is one with this one; or the merge that held something."""
    __table_args__ = (
        Index("ix_preference_statement_contact", "contact_id", "stated_at"),
        Index("ix_preference_statement_recorded", "recorded_at"),
    )


class ConsentText(Base):
    """What people were shown when they were asked for a consent; each version stays as it is."""

    __tablename__ = "consent_text"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    name: Mapped[str]
    version: Mapped[int]
    language: Mapped[str | None]
    text: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    created_by: Mapped[str]
    __table_args__ = (UniqueConstraint("team_id", "name", "version"),)


class Consent(Base):
    """Who consented to what, when and how it was captured; ``withdrawn_at`` ends it.

    The purpose is a category; ``channel`` of null: all. Of all rows of a contact the latest time counts, be it of a consent or of a
    withdrawal. Where both times of a row are the same, it is a withdrawal of something that was not given here.
    """

    __tablename__ = "consent"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    contact_id: Mapped[str]
    category: Mapped[str]
    channel: Mapped[str | None]
    captured_at: Mapped[dt.datetime]
    captured_how: Mapped[str]
    withdrawn_at: Mapped[dt.datetime | None]
    source: Mapped[str | None]
    """From where: a file's name, a form's address, a shop."""
    proof: Mapped[str | None]
    """What shows it: a file, a recording, a reference."""
    recorded_by: Mapped[str | None]
    withdrawn_how: Mapped[str | None]
    withdrawn_by: Mapped[str | None]
    text_id: Mapped[int | None] = mapped_column(ForeignKey("consent_text.id"))
    expires_at: Mapped[dt.datetime | None]
    recorded_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    confirmed_at: Mapped[dt.datetime | None]
    """When it was confirmed, where it was asked for first; ``captured_at`` is then when it was asked for."""
    ended_at: Mapped[dt.datetime | None]
    """When the withdrawal was recorded, whenever it was stated: senders look for those of the last moments."""
    of_contact: Mapped[str | None]
    """As of a preference statement."""
    __table_args__ = (
        Index("ix_consent_team_contact", "team_id", "contact_id"),
        Index("ix_consent_contact", "contact_id", "category"),
        Index("ix_consent_ended_lately", "ended_at", postgresql_where=text("ended_at is not null")),
        Index("ix_consent_withdrawn", "team_id", "category", postgresql_where=text("withdrawn_at is not null")),
    )


class ConsentRequest(Base):
    """A consent that a contact was asked for, by one message: in force only as a row of :class:`Consent`, once it is confirmed.

    The row is written before the message is handed off, and no message is handed off for it again. ``outcome`` is what the carrier
    said; empty as long as it says nothing. ``asked_at`` is when it was stated, ``requested_at`` when it was written down here.
    """

    __tablename__ = "consent_request"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    contact_id: Mapped[str]
    category: Mapped[str]
    channel: Mapped[str | None]
    text_id: Mapped[int] = mapped_column(ForeignKey("consent_text.id"))
    asked_at: Mapped[dt.datetime]
    asked_how: Mapped[str]
    asked_by: Mapped[str]
    source: Mapped[str | None]
    proof: Mapped[str | None]
    consent_expires_at: Mapped[dt.datetime | None]
    sent_on: Mapped[str]
    sent_from: Mapped[str | None]
    carrier_account_id: Mapped[int]
    address_hash: Mapped[bytes]
    masked: Mapped[str]
    """The address that the message went to, as it may be shown to anybody."""
    language: Mapped[str]
    requested_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    expires_at: Mapped[dt.datetime]
    outcome: Mapped[str | None]
    confirmed_at: Mapped[dt.datetime | None]
    confirmed_how: Mapped[str | None]
    confirmed_from: Mapped[str | None]
    """A keyed hash of the network address that pressed the button."""
    reply_id: Mapped[int | None] = mapped_column(BigInteger)
    """The reply that confirmed it."""
    __table_args__ = (
        Index("ix_consent_request_contact", "contact_id", "category"),
        Index("ix_consent_request_address", "address_hash", "requested_at"),
        Index("ix_consent_request_team", "team_id", "requested_at"),
    )


class Suppression(Base):
    """An address that must not be used, known by its keyed hash only. Team null: for all; category null: for all.

    Each reason has a row of its own, so that a bounce that is lifted leaves what the person asked for. ``why`` and ``lifted_why``
    are what somebody said who made or lifted it by hand.
    """

    __tablename__ = "suppression"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    channel: Mapped[str]
    address_hash: Mapped[bytes]
    category: Mapped[str | None]
    reason: Mapped[str]
    source: Mapped[str]
    message_id: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    lifted_at: Mapped[dt.datetime | None]
    why: Mapped[str | None]
    lifted_by: Mapped[str | None]
    lifted_why: Mapped[str | None]
    __table_args__ = (
        Index("ix_suppression_address", "address_hash", "channel", postgresql_where=text("lifted_at is null")),
        Index("ix_suppression_created", "created_at"),
        Index("ix_suppression_history", "address_hash"),
        Index("ix_suppression_team", "team_id", "created_at", postgresql_where=text("lifted_at is null")),
        Index("ix_suppression_reason", "reason", "created_at", postgresql_where=text("lifted_at is null")),
        Index(
            "uq_suppression_active",
            "team_id",
            "channel",
            "address_hash",
            "category",
            "reason",
            unique=True,
            postgresql_where=text("lifted_at is null"),
            postgresql_nulls_not_distinct=True,
        ),
    )
