"""Identity providers: which there are, who is who at them, and which roles their groups stand for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from nightmail.access.login_queries import FORGET_IDENTITIES, IDENTITY, LINK_IDENTITY, PROVIDERS, SAVE_PROVIDER
from nightmail.audit import write_entry
from nightmail.errors import UsageError


@dataclass(frozen=True, slots=True)
class Mapped:
    """A group of the provider's and the role that it stands for at a team (``""``: the deployment as a whole)."""

    group: str
    role: str
    team: str


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider. ``client_secret`` is a reference. With ``link_by_email`` a verified email address finds its person."""

    id: int
    name: str
    issuer: str
    client_id: str
    client_secret: str | None
    group_claim: str
    scopes: tuple[str, ...]
    link_by_email: bool
    active: bool = True
    mappings: tuple[Mapped, ...] = field(default=())


def list_providers(connection: Connection, *, active: bool = True) -> list[Provider]:
    """The providers by name; those in use, or all."""
    return [_provider(row) for row in connection.execute(text(PROVIDERS)) if row.active or not active]


def get_provider(connection: Connection, name: str) -> Provider:
    """The active provider of a name. Raises :class:`UsageError` (``provider_unknown``)."""
    for provider in list_providers(connection):
        if provider.name == name:
            return provider
    raise UsageError("provider_unknown", value=name[:60])


def save_provider(
    connection: Connection,
    *,
    name: str,
    issuer: str,
    client_id: str,
    actor: str,
    client_secret: str | None = None,
    group_claim: str = "groups",
    scopes: Sequence[str] = ("openid", "email", "profile"),
    mappings: Sequence[Mapping[str, str]] = (),
    link_by_email: bool = False,
    active: bool = True,
) -> int:
    """Make a provider or change it, with an audit entry; gives its id."""
    values = {
        "name": name,
        "issuer": issuer,
        "client_id": client_id,
        "client_secret": client_secret,
        "group_claim": group_claim,
        "scopes": list(scopes),
        "mappings": json.dumps([dict(each) for each in mappings]),
        "link_by_email": link_by_email,
        "active": active,
    }
    # A subject is known within its issuer alone: another issuer's could be anybody.
    forgotten = connection.execute(text(FORGET_IDENTITIES), {"name": name, "issuer": issuer}).rowcount
    provider_id = int(connection.execute(text(SAVE_PROVIDER), values).scalar_one())
    detail = {"issuer": issuer, "active": active, "links_ended": forgotten}
    write_entry(connection, actor=actor, action="identity_provider.saved", subject=name, detail=detail)
    return provider_id


def person_at(connection: Connection, provider: Provider, subject: str) -> int | None:
    """The person that a provider's subject is; ``None`` where nobody is linked."""
    found = connection.scalar(text(IDENTITY), {"provider": provider.id, "subject": subject})
    return None if found is None else int(found)


def link_person(connection: Connection, provider: Provider, subject: str, person_id: int, *, actor: str) -> None:
    """Link a person with a provider's subject. Raises :class:`UsageError` (``identity_taken``) where it is another's."""
    values = {"provider": provider.id, "subject": subject, "person": person_id}
    if connection.scalar(text(LINK_IDENTITY), values) != person_id:
        raise UsageError("identity_taken", provider=provider.name)
    write_entry(
        connection,
        actor=actor,
        action="factor.added",
        subject=f"person:{person_id}",
        detail={"factor": "provider", "provider": provider.name},
    )


def unlink_person(connection: Connection, provider_id: int, person_id: int) -> bool:
    """End the link of a person with a provider; false where there was none."""
    return bool(
        connection.execute(
            text("delete from person_identity where provider_id = :provider and person_id = :person"),
            {"provider": provider_id, "person": person_id},
        ).rowcount
    )


def linked_providers(connection: Connection, person_id: int) -> list[tuple[int, str]]:
    """The providers that a person is linked with: id and name."""
    rows = connection.execute(
        text(
            "select distinct p.id, p.name from person_identity i join identity_provider p on p.id = i.provider_id "
            "where i.person_id = :person order by p.name"
        ),
        {"person": person_id},
    )
    return [(row.id, row.name) for row in rows]


def _provider(row: Any) -> Provider:
    return Provider(
        id=row.id,
        name=row.name,
        issuer=row.issuer,
        client_id=row.client_id,
        client_secret=row.client_secret,
        group_claim=row.group_claim,
        scopes=tuple(row.scopes),
        link_by_email=row.link_by_email,
        active=row.active,
        mappings=tuple(Mapped(each["group"], each["role"], each.get("team") or "") for each in row.mappings),
    )
