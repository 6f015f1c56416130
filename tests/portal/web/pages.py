"""Every page of the portal with an address to look at it: a new page is inspected once it is listed here.

``route`` is the route's path as it is declared; ``address`` an address of it in the tests' organisation, or what makes one
from that organisation's engine. ``NOT_PAGES`` are GET routes that answer with something else, each with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine


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
)

NOT_PAGES: dict[str, str] = {}
"""GET routes of people's pages that answer with no page: by their paths, with the reason."""
