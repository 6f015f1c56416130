"""People, roles, grants and identity providers of an organisation's file, brought into the database."""

from __future__ import annotations

from typing import Any

from nightmail.access.grants import GrantRow, give_role, grants_at, grants_of, withdraw_role
from nightmail.access.identity_providers import list_providers, save_provider
from nightmail.access.people import Invitation, add_person, person_with_address
from nightmail.access.principals import product_principal
from nightmail.access.roles import change_role, find_role, make_role, own_role
from nightmail.errors import NightmailError
from nightmail.provisioning.organisation import Organisation
from nightmail.provisioning.rights_parts import GrantPart, IdentityProviderPart, PersonPart, RolePart
from nightmail.provisioning.setup import CANNOT, CHANGE, CREATE, KEEP, RETIRE, Change, Setup, organisation_invalid


def set_up_rights(work: Setup, organisation: Organisation, *, prune: bool) -> None:
    """Bring in who may log in and who may do what; with ``prune`` the file's grants that it no longer names are withdrawn."""
    top = organisation.organisation.path
    for role in organisation.roles:
        _set_up_role(work, role, top)
    for person in organisation.people:
        _set_up_person(work, person, top)
    wanted = {_set_up_grant(work, grant, top) for grant in organisation.grants}
    for provider in organisation.identity_providers:
        _set_up_provider(work, provider, top)
    if prune:
        _withdraw_others(work, top, wanted)


def _set_up_role(work: Setup, part: RolePart, top: str) -> None:
    team = part.team or top
    by = product_principal(work.actor)
    found = own_role(work.connection, part.name, team)
    name = f"{team}/{part.name}"
    if found is None:
        make_role(
            work.connection,
            by=by,
            team=team,
            name=part.name,
            title=part.title,
            description=part.description,
            permissions=part.permissions,
        )
        work.changes.append(Change(CREATE, "role", name, (", ".join(part.permissions),)))
        return
    before, after = ", ".join(sorted(found.permissions)), ", ".join(part.permissions)
    same = (before, found.title, found.description) == (after, part.title, part.description)
    if not same:
        change_role(
            work.connection,
            found,
            by=by,
            permissions=part.permissions,
            title=part.title,
            description=part.description,
        )
    details = () if before == after else (f"permissions: {before} → {after}",)
    work.changes.append(Change(KEEP if same else CHANGE, "role", name, details))


def _set_up_person(work: Setup, part: PersonPart, top: str) -> None:
    """A person is made once; afterwards their name, language and zone are their own matter."""
    found = person_with_address(work.connection, part.email)
    if found is not None:
        work.changes.append(Change(KEEP, "person", part.email, (found.state,)))
        return
    invitation = Invitation(
        email=part.email,
        name=part.name,
        country=part.country,
        of_age=part.of_age,
        team=top,
        language=part.language,
        time_zone=part.time_zone,
    )
    add_person(work.connection, invitation, state="invited", by=work.actor, team_id=work.team_id(top))
    link = f"`nightmail people invite-again {part.email}` gives a link"
    work.changes.append(Change(CREATE, "person", part.email, (link,)))


def _set_up_grant(work: Setup, part: GrantPart, top: str) -> int:
    """Bring in a grant; gives its number. One that a person gave stays that person's."""
    team = part.team or top
    name = f"{part.person} {part.role} {team}"
    person = person_with_address(work.connection, part.person)
    if person is None:
        raise organisation_invalid(f"grants: there is no person {part.person}: name them under people")
    role = find_role(work.connection, part.role, team)
    for held in grants_of(work.connection, person.id):
        if (held.role_id, held.team) == (role.id, team) and (
            held.origin != "file" or held.expires_at == part.expires_at
        ):
            work.changes.append(Change(KEEP, "grant", name))
            return held.id
    given = give_role(
        work.connection,
        by=product_principal(work.actor),
        person_id=person.id,
        role=role,
        team=team,
        expires_at=part.expires_at,
        origin="file",
    )
    work.changes.append(Change(CREATE, "grant", name))
    return given.id


def _set_up_provider(work: Setup, part: IdentityProviderPart, top: str) -> None:
    mappings = [{"group": each.group, "role": each.role, "team": each.team or top} for each in part.mappings]
    for mapping in mappings:
        find_role(work.connection, mapping["role"], mapping["team"])
    values: dict[str, Any] = {
        "name": part.name,
        "issuer": part.issuer,
        "client_id": part.client_id,
        "client_secret": work.secret(part.client_secret),
        "group_claim": part.group_claim,
        "scopes": part.scopes,
        "link_by_email": part.link_by_email,
        "active": part.active,
    }
    for found in list_providers(work.connection, active=False):
        if found.name == part.name:
            stored = {name: getattr(found, name) for name in values}
            kept = [{"group": each.group, "role": each.role, "team": each.team} for each in found.mappings]
            if (stored, kept) == (values, mappings):
                work.changes.append(Change(KEEP, "identity provider", part.name))
                return
            action = CHANGE
            break
    else:
        action = CREATE
    save_provider(work.connection, **values, mappings=mappings, actor=work.actor)
    work.changes.append(Change(action, "identity provider", part.name))


def _withdraw_others(work: Setup, top: str, wanted: set[int]) -> None:
    """Withdraw the grants of the file at the organisation's teams that it no longer names; others gave theirs otherwise."""
    by = product_principal(work.actor)
    for grant in grants_at(work.connection, top, origin="file"):
        if grant.id in wanted:
            continue
        try:
            with work.connection.begin_nested():
                withdraw_role(work.connection, grant.id, by=by)
            work.changes.append(Change(RETIRE, "grant", _named(grant), ("it is withdrawn",)))
        except NightmailError as error:
            work.changes.append(Change(CANNOT, "grant", _named(grant), (error.message,)))


def _named(grant: GrantRow) -> str:
    return f"{grant.email} {grant.role} {grant.team}"
