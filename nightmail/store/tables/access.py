"""People and programs: who they are, what they may do, how they prove it, and what stands between two steps of a login."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Integer,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from nightmail.store.tables.base import NOW, Base, integer_key


class Person(Base):
    """Who logs in. ``email`` is in lower case. ``totp_secret`` is sealed; ``totp_last_step`` is the last code's, used once.

    ``age_attested_by`` is who attested that the person is of age in ``age_country``. ``deputy_id`` acts for the person until
    ``deputy_until``.
    """

    __tablename__ = "person"
    id: Mapped[int] = integer_key()
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    language: Mapped[str] = mapped_column(server_default="en")
    time_zone: Mapped[str] = mapped_column(server_default="UTC")
    state: Mapped[str] = mapped_column(server_default="invited")
    age_attested_by: Mapped[str | None]
    age_attested_at: Mapped[dt.datetime | None]
    age_country: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    created_by: Mapped[str]
    password_hash: Mapped[str | None]
    password_changed_at: Mapped[dt.datetime | None]
    totp_secret: Mapped[bytes | None]
    totp_confirmed_at: Mapped[dt.datetime | None]
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    last_login_at: Mapped[dt.datetime | None]
    deputy_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    deputy_until: Mapped[dt.datetime | None]
    __table_args__ = (
        CheckConstraint("state in ('invited', 'active', 'disabled')", name="state"),
        CheckConstraint("email = lower(email)", name="email_lower"),
    )


class Role(Base):
    """A named set of permissions; a team of null is one for all teams. Ready-made ones are the product's own."""

    __tablename__ = "role"
    id: Mapped[int] = integer_key()
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"), index=True)
    name: Mapped[str]
    title: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    permissions: Mapped[list[str]]
    ready_made: Mapped[bool] = mapped_column(server_default=text("false"))
    __table_args__ = (UniqueConstraint("team_id", "name", postgresql_nulls_not_distinct=True),)


class RoleGrant(Base):
    """A person has a role at a team and below; a team of null is the deployment as a whole.

    ``origin`` says what keeps it: a person, the organisation file, or the identity provider ``provider_id``.
    """

    __tablename__ = "role_grant"
    id: Mapped[int] = integer_key()
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    role_id: Mapped[int] = mapped_column(ForeignKey("role.id"), index=True)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"), index=True)
    granted_by: Mapped[str]
    granted_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    expires_at: Mapped[dt.datetime | None]
    origin: Mapped[str] = mapped_column(server_default="person")
    provider_id: Mapped[int | None] = mapped_column(ForeignKey("identity_provider.id"))
    __table_args__ = (
        UniqueConstraint("person_id", "role_id", "team_id", postgresql_nulls_not_distinct=True),
        CheckConstraint("origin in ('person', 'file', 'provider')", name="origin"),
    )


class PersonSession(Base):
    """A login. ``family_hash`` (SHA-256) finds it, ``token_hash`` proves it; the hash before it holds for a moment after a
    rotation, until ``token_seen_at`` shows that the new token has arrived.

    ``authenticated_at`` is when the person last proved who they are, by ``factors``; that is fresh for ``recent_s`` seconds.
    """

    __tablename__ = "person_session"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    family_hash: Mapped[bytes] = mapped_column(unique=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    last_seen_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    rotated_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    previous_token_hash: Mapped[bytes | None] = mapped_column(unique=True)
    rotation_due: Mapped[bool] = mapped_column(server_default=text("false"))
    token_seen_at: Mapped[dt.datetime | None]
    recent_s: Mapped[int] = mapped_column(Integer, server_default="600")
    idle_until: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]
    authenticated_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    factors: Mapped[list[str]]
    address: Mapped[str | None]
    user_agent: Mapped[str | None]
    ended_at: Mapped[dt.datetime | None]
    ended_by: Mapped[str | None]
    csrf_secret: Mapped[bytes]


class Passkey(Base):
    """A person's WebAuthn credential."""

    __tablename__ = "passkey"
    id: Mapped[int] = integer_key()
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    credential_id: Mapped[bytes] = mapped_column(unique=True)
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(BigInteger, server_default="0")
    name: Mapped[str]
    transports: Mapped[list[str]] = mapped_column(server_default=text("'{}'::text[]"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    last_used_at: Mapped[dt.datetime | None]


class RecoveryCode(Base):
    """A code that stands in for the second factor, once."""

    __tablename__ = "recovery_code"
    id: Mapped[int] = integer_key()
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    code_hash: Mapped[bytes]
    used_at: Mapped[dt.datetime | None]


class AccessLink(Base):
    """A link that is good once. ``purpose``: ``invitation``, ``password``, ``first_administrator`` or ``demonstration``."""

    __tablename__ = "access_link"
    id: Mapped[int] = integer_key()
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    purpose: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    created_by: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    expires_at: Mapped[dt.datetime]
    used_at: Mapped[dt.datetime | None]
    __table_args__ = (
        CheckConstraint(
            "purpose in ('invitation', 'password', 'first_administrator', 'demonstration')", name="purpose"
        ),
    )


class LoginThrottle(Base):
    """Failed logins of ``account:<hash>`` or ``address:<ip>``."""

    __tablename__ = "login_throttle"
    subject: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    window_started_at: Mapped[dt.datetime] = mapped_column(server_default=NOW, index=True)
    blocked_until: Mapped[dt.datetime | None]


class PendingLogin(Base):
    """What stands between two steps of a login: a second factor that is missing, a provider's answer, a challenge.

    ``kind`` says which step waits; ``payload`` holds what it needs (state, nonce, verifier, challenge).
    """

    __tablename__ = "pending_login"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    kind: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    payload: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)


class IdentityProvider(Base):
    """An OpenID Connect provider. ``client_secret`` is a reference; ``mappings`` a list of ``{group, role, team}``."""

    __tablename__ = "identity_provider"
    id: Mapped[int] = integer_key()
    name: Mapped[str] = mapped_column(unique=True)
    issuer: Mapped[str]
    client_id: Mapped[str]
    client_secret: Mapped[str | None]
    group_claim: Mapped[str] = mapped_column(server_default="groups")
    scopes: Mapped[list[str]] = mapped_column(server_default=text("'{openid,email,profile}'::text[]"))
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    mappings: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    link_by_email: Mapped[bool] = mapped_column(server_default=text("false"))


class PersonIdentity(Base):
    """Who a person is at an identity provider."""

    __tablename__ = "person_identity"
    provider_id: Mapped[int] = mapped_column(ForeignKey("identity_provider.id"), primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
