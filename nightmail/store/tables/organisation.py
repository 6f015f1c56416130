"""Teams and what they own: keys of programs, SFTP servers, channels, accounts at carriers, senders.

``provisioned_by`` is the top team of the organisation file that names a part; empty for one that was made by other means.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Integer,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from nightmail.store.tables.base import NOW, Base, integer_key


class Team(Base):
    """A node of the organisation's tree. ``path`` reads like ``acme.billing``; a team sees what is under its path."""

    __tablename__ = "team"
    id: Mapped[int] = integer_key()
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"), index=True)
    path: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    region: Mapped[str] = mapped_column(server_default="eu")
    country: Mapped[str | None]
    time_zone: Mapped[str] = mapped_column(server_default="UTC")
    currency: Mapped[str] = mapped_column(server_default="EUR")
    retention_days: Mapped[int] = mapped_column(Integer, server_default="90")
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    __table_args__ = (CheckConstraint("path ~ '^[a-z0-9_]+(\\.[a-z0-9_]+)*$'", name="path_form"),)


class ApiKey(Base):
    """A program's key: ``prefix`` finds it, ``key_hash`` (SHA-256 of the whole key) proves it.

    ``allowed_networks`` are CIDR blocks from which it may come, none for all; ``replaced_by`` is the key that a rotation made.
    """

    __tablename__ = "api_key"
    id: Mapped[int] = integer_key()
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), index=True)
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True)
    key_hash: Mapped[bytes]
    permissions: Mapped[list[str]]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    created_by: Mapped[str] = mapped_column(server_default="")
    expires_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]
    last_used_at: Mapped[dt.datetime | None]
    allowed_networks: Mapped[list[str]] = mapped_column(server_default=text("'{}'::text[]"))
    replaced_by: Mapped[int | None] = mapped_column(ForeignKey("api_key.id"))
    provisioned_by: Mapped[str | None]


class SftpServer(Base):
    """A server on which teams drop files. ``secret`` is a reference (``env:NAME`` or ``file:PATH``).

    ``looked_at`` is when a look last went through, to within a minute; ``failed_at`` and ``failure`` are of the last that did not.
    """

    __tablename__ = "sftp_server"
    id: Mapped[int] = integer_key()
    name: Mapped[str] = mapped_column(unique=True)
    host: Mapped[str]
    port: Mapped[int] = mapped_column(Integer, server_default="22")
    username: Mapped[str]
    password_secret: Mapped[str | None]
    private_key_secret: Mapped[str | None]
    host_key: Mapped[str]
    root: Mapped[str] = mapped_column(server_default="/")
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    provisioned_by: Mapped[str | None]
    looked_at: Mapped[dt.datetime | None]
    failed_at: Mapped[dt.datetime | None]
    failure: Mapped[str | None]


class ChannelRow(Base):
    """A channel, for statements that join all of them. Each upgrade adds those of :data:`nightmail.channels.CHANNELS`.

    Small tables refer to it. The ledger, receipts and suppressions do not: each of their many rows would pay for it.
    """

    __tablename__ = "channel"
    code: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(unique=True)


class CarrierAccount(Base):
    """An account at a carrier. ``settings`` holds base URL, account id and rates; secrets are references.

    One that is not active gets no message. What it reports is believed for a while after ``retired_at``.
    """

    __tablename__ = "carrier_account"
    id: Mapped[int] = integer_key()
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"), index=True)
    name: Mapped[str] = mapped_column(unique=True)
    carrier: Mapped[str]
    channel: Mapped[str] = mapped_column(ForeignKey("channel.name"))
    region: Mapped[str] = mapped_column(server_default="eu")
    priority: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    secret: Mapped[str | None]
    webhook_secret: Mapped[str | None]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    retired_at: Mapped[dt.datetime | None]
    provisioned_by: Mapped[str | None]


class Sender(Base):
    """What a message comes from: a phone number, sender id or mailbox, on one carrier account.

    Nothing is sent from a retired one; replies to it still belong to its team.
    """

    __tablename__ = "sender"
    id: Mapped[int] = integer_key()
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), index=True)
    channel: Mapped[str] = mapped_column(ForeignKey("channel.name"))
    name: Mapped[str]
    address: Mapped[str]
    display_name: Mapped[str | None]
    reply_to: Mapped[str | None]
    carrier_account_id: Mapped[int] = mapped_column(ForeignKey("carrier_account.id"))
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    retired_at: Mapped[dt.datetime | None]
    provisioned_by: Mapped[str | None]
    __table_args__ = (UniqueConstraint("team_id", "channel", "name"),)


class SentFrom(Base):
    """What messages came from: an account with the address and reply address of the moment. Rows never change.

    ``address`` is empty where the account states none. The ledger refers to it, so that a message keeps what it came
    from whatever becomes of the sender.
    """

    __tablename__ = "sent_from"
    id: Mapped[int] = integer_key()
    carrier_account_id: Mapped[int] = mapped_column(ForeignKey("carrier_account.id"))
    address: Mapped[str] = mapped_column(server_default="")
    reply_to: Mapped[str] = mapped_column(server_default="")
    __table_args__ = (UniqueConstraint("carrier_account_id", "address", "reply_to"),)
