"""Every page of the portal with an address to look at it: a new page is inspected once it is listed here.

``route`` is the route's path as it is declared; ``address`` an address of it in the tests' organisation, or what makes one
from that organisation's engine. ``NOT_PAGES`` are GET routes that answer with something else, each with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine

from tests.portal.web import sample_people as people


@dataclass(frozen=True)
class SamplePage:
    """A page, who opens it (a ready-made role; ``None``: nobody who is signed in) and its name in pictures."""

    route: str
    address: str | Callable[[Engine], str] = ""
    role: str | None = "organisation_administrator"
    name: str = ""

    def address_in(self, engine: Engine) -> str:
        """The address to open, after what it shows was made."""
        return self.address(engine) if callable(self.address) else self.address or self.route

    @property
    def picture(self) -> str:
        """The page's name in file names."""
        return self.name or self.route.strip("/").replace("/", "-").replace("{", "").replace("}", "") or "home"


PAGES: tuple[SamplePage, ...] = (
    SamplePage("/"),
    SamplePage("/keys"),
    SamplePage("/parts"),
    SamplePage("/search", "/search?q=home", name="search"),
    SamplePage("/search", "/search?q=nothing-fits-this", name="search-nothing"),
    SamplePage("/no-such-page", name="not-found"),
    SamplePage("/people", partial(people.filled, "/people"), name="people"),
    SamplePage("/people", "/people?search=nobody-of-this-name", name="people-nobody"),
    SamplePage("/people/invite", name="people-invite"),
    SamplePage("/people/{person_id}", people.person_address, name="person"),
    SamplePage("/people/{person_id}/disable", people.disable_address, name="person-disable"),
    SamplePage("/people/{person_id}/withdraw/{grant_id}", people.withdraw_address, name="person-withdraw"),
    SamplePage("/roles", partial(people.filled, "/roles"), name="roles"),
    SamplePage("/roles/new", name="role-new"),
    SamplePage("/roles/{role_id}", people.role_address, name="role"),
    SamplePage("/roles/{role_id}/change", people.change_role_address, name="role-change"),
    SamplePage("/roles/{role_id}/remove", people.remove_role_address, name="role-remove"),
    SamplePage("/rights", people.rights_address, name="rights"),
    SamplePage("/api-keys", partial(people.filled, "/api-keys"), name="api-keys"),
    SamplePage("/api-keys/new", name="api-key-new"),
    SamplePage("/api-keys/{key_id}", people.key_address, name="api-key"),
    SamplePage("/api-keys/{key_id}/revoke", people.revoke_address, name="api-key-revoke"),
    SamplePage("/teams", name="teams"),
    SamplePage("/teams/{path}", "/teams/acme", name="team"),
    SamplePage("/audit", partial(people.filled, "/audit"), name="audit"),
)

NOT_PAGES: dict[str, str] = {"/audit/entries.jsonl": "a file to take along"}
"""GET routes of people's pages that answer with no page: by their paths, with the reason."""
