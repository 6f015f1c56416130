"""Who somebody is that an identity provider vouches for, and what its groups of today give them.

A provider's word never takes a person's account over by itself: an unknown subject finds its person by an invitation, by the
person's own wish while logged in, or by a verified email address where the provider's setting allows that.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.access.grants import GrantRow, keep_provider_grants
from nightmail.access.identity_providers import Provider, link_person, person_at
from nightmail.access.logins import typed_email
from nightmail.access.principals import product_principal
from nightmail.access.roles import find_role
from nightmail.access.single_sign_on import Claims
from nightmail.audit import write_entry
from nightmail.errors import UsageError
from nightmail.organisation.teams import team_id_of


@dataclass(frozen=True, slots=True)
class Found:
    """The person that a provider's subject is; ``linked_now`` where this login has found them by their email address."""

    person_id: int
    linked_now: bool = False


def find_by_claims(connection: Connection, provider: Provider, claims: Claims) -> Found:
    """The active person that ``claims`` speak of. Raises :class:`UsageError` (``provider_nobody``)."""
    person_id = person_at(connection, provider, claims.subject)
    linked = False
    if person_id is None and provider.link_by_email and claims.email_verified and claims.email:
        person_id = connection.scalar(
            text("select id from person where email = :email and state = 'active'"),
            {"email": typed_email(claims.email)},
        )
        if person_id is not None:
            link_person(connection, provider, claims.subject, person_id, actor=f"provider:{provider.name}")
            linked = True
    state = connection.scalar(text("select state from person where id = :id"), {"id": person_id})
    if person_id is None or state != "active":
        raise UsageError("provider_nobody", provider=provider.name)
    return Found(int(person_id), linked)


def follow_groups(
    connection: Connection, person_id: int, provider: Provider, claims: Claims
) -> tuple[list[GrantRow], list[GrantRow]]:
    """Have a person hold what the provider's groups of today stand for, and no more; what was given and withdrawn.

    A provider that says nothing of groups gives none: what it gave before is withdrawn. A mapping that names a role or team
    that is gone gives nothing, and is seen in the audit log.
    """
    groups = claims.groups or frozenset()
    wanted: set[tuple[str, str]] = set()
    for mapped in provider.mappings:
        if mapped.group not in groups:
            continue
        try:
            find_role(connection, mapped.role, mapped.team)
            if mapped.team:
                team_id_of(connection, mapped.team)
        except UsageError as error:
            detail = {"role": mapped.role, "team": mapped.team or None, "reason": error.reason}
            write_entry(
                connection,
                actor=f"provider:{provider.name}",
                action="grant.not_given",
                subject=f"person:{person_id}",
                detail=detail,
            )
            continue
        wanted.add((mapped.role, mapped.team))
    by = product_principal(f"provider:{provider.name}")
    given, withdrawn = keep_provider_grants(connection, person_id, provider.id, wanted, by=by)
    return list(given), list(withdrawn)
