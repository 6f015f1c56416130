"""What a demo that stays up has to look at: an organisation with people in it, and the links that lead to its portal."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from commands.local import CHECKOUT
from commands.screen import Screen

if TYPE_CHECKING:
    from commands.deployment import Deployment
    from nightmail.demonstration.reservations import Reserved
    from nightmail.provisioning import Organisation

ORGANISATION = CHECKOUT / "samples" / "demonstration" / "organisation.yaml"
"""What is added to the sample organisation."""
ADMINISTRATOR = "ada.lindqvist@acme.example"
OTHERS = {
    "olga.brandt@acme.example": "operator of everything",
    "noa.cohen@acme.example": "dispatcher of Billing",
    "li.wei@acme.example": "analyst, without personal data",
    "maelys.benoit@acme.example": "viewer of the Health Centre, in French",
}
"""Some of the people, and what the portal is to each."""
LOOK_AT = (
    "Home: what is sent at this moment, what waits for a person, what went wrong, and the last seven days.",
    "Campaigns: one in each state. Those marked as seeded were made up with the demo; the others the pipeline sent just now.",
    "Find a recipient: {stopped}, who wrote STOP while a message to them was already rendered.",
    "People: contacts, groups, segments and lists; the list {route} was sent to just now.",
    "Send: a template, then whom; five clicks to a send, and 20 seconds in which it can be undone.",
    "Approvals, Doubts, Alerts and Replies: what waits for somebody to decide.",
)
"""What to look at first."""


WATCHED_ROWS = 2_400
"""Rows of the file that is being sent while somebody looks: some minutes at the pace of its sender."""


@dataclass
class Tour:
    """Prepares the portal of a running demo, and shows the way there; ``files`` is where its files are kept."""

    view: Screen
    running: Deployment
    files: Path
    reserved: Reserved
    password: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    people: dict[str, int] = field(default_factory=dict)

    def set_up(self) -> None:
        """Bring in the further teams, feeds, templates and people."""
        from nightmail.access.passwords import PasswordWork
        from nightmail.demonstration import ACTOR
        from nightmail.demonstration.people import let_people_in
        from nightmail.provisioning import provision

        organisation = self._organisation()
        self._store_earlier_texts()
        provision(self.running.engine, organisation, ORGANISATION.parent, ACTOR)
        self._let_data_teams_in()
        work = PasswordWork(threads=1)
        hashed = work.hash(self.password).result()
        work.close()
        with self.running.engine.begin() as connection:
            self.people = let_people_in(connection, [person.email for person in organisation.people], hashed)

    def fill(self, own: Sequence[str]) -> None:
        """Send a file that takes minutes, and make up two weeks before; ``own`` are the campaigns that the demo has sent."""
        from commands.demonstration.doors import WARNINGS, Doors
        from commands.demonstration.sample_orders import write_sample_warnings
        from commands.demonstration.seeding import Seeding
        from nightmail.lake import Lake

        file = self.files / "storm.csv"
        write_sample_warnings(file, WATCHED_ROWS)
        doors = Doors(self.running, self.view, lambda line: self.view.say(f"   {line}"))
        watched = doors.send_by_api(WARNINGS, file)
        running = self.running
        seeding = Seeding(
            running.engine,
            Lake(running.settings.lake),
            running.settings.model_copy(update={"public_url": running.portal_url}),
            self.files / "seeded",
            self.reserved,
            self.people,
        )
        with self.view.progress(lines=True) as progress:
            made = seeding.run([*own, watched], progress)
        self.view.say(f"   {len(made)} campaigns of the last two weeks are made up, and marked as seeded")
        self._fill_books()

    def _fill_books(self) -> None:
        """Fill the address books, and send to one of their lists."""
        from commands.demonstration.address_book import ROUTE, AddressBooks
        from commands.demonstration.customers import Customers
        from nightmail.access.principals import product_principal
        from nightmail.demonstration import ACTOR
        from nightmail.store.clock import database_time

        settings = self.running.settings
        with self.running.engine.connect() as connection:
            today = database_time(connection).date()
        books = AddressBooks(
            self.running.engine,
            product_principal(ACTOR),
            settings.model_copy(update={"public_url": self.running.portal_url}),
            Customers(self.files / "seeded").everybody,
        )
        with self.view.progress(lines=True) as progress:
            contacts = books.fill(today, progress)
        key = books.send()
        self.view.say(f"   {contacts} contacts are in the address books, and {key} goes to the list {ROUTE}")

    def _organisation(self) -> Organisation:
        from nightmail.provisioning import load_organisation
        from resources.carriers import CARRIERS

        return load_organisation(ORGANISATION, CARRIERS.adapters)

    def _store_earlier_texts(self) -> None:
        """The first version of a template, so that there are two to compare."""
        from nightmail.demonstration import ACTOR
        from nightmail.templates import load_template
        from nightmail.templates.template_storage import store_template

        for file in sorted((ORGANISATION.parent / "earlier").glob("*.yaml")):
            with self.running.engine.begin() as connection:
                store_template(connection, "acme.operations", load_template(file), actor=ACTOR)

    def _let_data_teams_in(self) -> None:
        """The new feeds' folders, and the logins of their teams."""
        from commands.part_checks import check_sftp_servers
        from commands.sandbox_setup import write_sftp_users

        write_sftp_users(self.running.engine, self.running.settings.data_dir.resolve() / "sandbox")
        for check in check_sftp_servers(self.running.engine, make_folders=True):
            if check.ill:
                self.view.say(f"{check.part}: {check.message} {check.remedy}")

    def show(self, stopped: str) -> None:
        """The link that logs in, the other people, and what to look at; ``stopped`` is the number of who wrote STOP."""
        from commands.demonstration.address_book import ROUTE
        from commands.local import link_address
        from nightmail.access.demonstration import offer_demonstration
        from nightmail.demonstration import ACTOR

        with self.running.engine.begin() as connection:
            token = offer_demonstration(connection, self.people[ADMINISTRATOR], by=ACTOR)
        self.view.say()
        self.view.say("What to look at in the portal:", style="bold")
        for line in LOOK_AT:
            self.view.say(f"  {line.format(stopped=stopped, route=ROUTE)}")
        self.view.say(f"As somebody else, with the password {self.password} at {self.running.portal_url}/login:")
        for email, role in OTHERS.items():
            self.view.say(f"  {email}  {role}")
        self.view.say("This link logs in as Ada Lindqvist, who may do everything. It is good once, for 12 hours:")
        self.view.say(f"portal: {link_address(token, 'demonstration')}")
