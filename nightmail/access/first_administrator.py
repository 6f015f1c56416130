"""The first administrator: whoever can read what ``nightmail up`` prints, by a link that is good once."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, text

from nightmail.access.access_links import LinkPurpose, make_link
from nightmail.access.administrators import has_administrator
from nightmail.access.grants import give_role
from nightmail.access.people import Invitation, PersonRow, activate, add_person, enable, get_person
from nightmail.access.people_queries import END_LINKS_OF_PURPOSE, PERSON_BY_EMAIL
from nightmail.access.person_fields import checked_email
from nightmail.access.principals import EVERYWHERE, product_principal
from nightmail.access.ready_made_roles import ADMINISTRATOR
from nightmail.access.roles import find_role
from nightmail.errors import UsageError


def offer_administration(connection: Connection, *, by: str) -> str | None:
    """The token of a new link for the first administrator, earlier ones being over; ``None`` where there is one already."""
    if has_administrator(connection):
        return None
    connection.execute(text(END_LINKS_OF_PURPOSE), {"purpose": LinkPurpose.FIRST_ADMINISTRATOR})
    return make_link(connection, LinkPurpose.FIRST_ADMINISTRATOR, created_by=by)


def begin_administration(connection: Connection, person: Invitation, *, by: str) -> PersonRow:
    """Make the first administrator, of the whole deployment; ``by`` is who made the link. Somebody invited before becomes active.

    The caller has used the link. Raises :class:`UsageError`: ``administrator_exists``, ``person_under_age``, and what
    :mod:`nightmail.access.person_fields` says of a value.
    """
    connection.execute(text("select pg_advisory_xact_lock(hashtext('nightmail.administrators'))"))
    if has_administrator(connection):
        raise UsageError("administrator_exists")
    acts = product_principal(by)
    row = connection.execute(text(PERSON_BY_EMAIL), {"email": checked_email(person.email)}).first()
    if row is None:
        made = add_person(connection, replace(person, team=EVERYWHERE), state="active", by=by)
    else:
        made = enable(connection, row.id, by=acts)
        if made.state == "invited":
            activate(connection, made.id)
    role = find_role(connection, ADMINISTRATOR, EVERYWHERE)
    give_role(connection, by=acts, person_id=made.id, role=role, team=EVERYWHERE)
    return get_person(connection, made.id)
