"""A form of people's pages that is to be taken, and the people who send it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyotp

from nightmail.access.one_time_codes import new_secret, set_secret
from nightmail.access.people import Invitation, invite
from nightmail.access.permissions import Permission
from nightmail.store.clock import database_time
from tests.portal.conftest import SECRET_KEY, Organisation, RunningPortal
from tests.portal.web.people import MACHINE, make_person, session_of
from tests.portal.web.test_rights_of_pages import OWN, Things
from tests.support.people import PASSWORD, hashed
from tests.support.portal_visitor import PortalVisitor

KEY = SECRET_KEY.encode()


@dataclass(frozen=True)
class Sent:
    """A form that is to be taken: who sends it from which open page, with what, and the actor it is kept for."""

    visitor: PortalVisitor
    actor: str
    """As the audit log names it; or the email address of who is a person only afterwards."""
    form: Mapping[str, object] = field(default_factory=dict)
    path: Mapping[str, object] = field(default_factory=dict)


@dataclass
class Walk:
    """Makes people and what their forms are about."""

    organisation: Organisation
    portal: RunningPortal
    things: Things

    def person(self, *permissions: Permission, role: str | None = None) -> tuple[int, str]:
        """Somebody with a password: number and email address."""
        number = make_person(self.organisation.engine, *permissions, role=role)
        self.organisation.change("update person set password_hash = :h where id = :id", h=hashed(PASSWORD), id=number)
        return number, str(self.organisation.rows("select email from person where id = :id", id=number)[0]["email"])

    def visitor(self, page: str) -> PortalVisitor:
        """Somebody without a session, at a page."""
        visitor = PortalVisitor(self.portal)
        visitor.get(page)
        return visitor

    def signed_in(self, number: int, page: str = "/me") -> PortalVisitor:
        """A person with a session, at a page."""
        visitor = PortalVisitor(self.portal)
        visitor.carry(session_of(self.organisation.engine, number))
        visitor.get(page)
        return visitor

    def oneself(self, page: str = "/me", **form: object) -> Sent:
        """A form of somebody's own account."""
        number, _email = self.person()
        return Sent(self.signed_in(number, page), f"person:{number}", form)

    def administrator(self, path: Mapping[str, object] | None = None, **form: object) -> Sent:
        """A form about somebody or something of the administrator's team."""
        number, _email = self.person(role="team_administrator")
        return Sent(self.signed_in(number), f"person:{number}", form, path or {})

    def app_of(self, number: int) -> str:
        """A new authenticator app of a person; its secret."""
        secret = new_secret("x@acme.example").key
        with self.organisation.engine.begin() as connection:
            code = pyotp.TOTP(secret).at(database_time(connection))
            set_secret(connection, number, secret, code, key=KEY)
        return secret

    def invited(self, email: str) -> tuple[int, str]:
        """Somebody who was invited: number and the link's token."""
        invitation = Invitation(email=email, name="Bo Example", country="DE", of_age=True, team=OWN, roles=["viewer"])
        with self.organisation.engine.begin() as connection:
            person, token = invite(connection, invitation, by=MACHINE)
        return person.id, token


Case = Callable[[Walk], Sent]
"""Makes what a form is about; the form."""
