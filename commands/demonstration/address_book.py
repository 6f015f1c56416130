"""The address books of the demo's organisation: contacts, groups, a segment, lists, and a send to one of these lists."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from commands.demonstration.customers import Customer
from commands.demonstration.two_weeks import MARKETING, OPERATIONS
from commands.local import CHECKOUT

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from nightmail.access.principals import Principal
    from nightmail.settings import Settings

READERS, FRIENDS = 120, 160
"""Contacts of the operations, whose meters are read, and of marketing."""
TEMPLATE = CHECKOUT / "samples" / "demonstration" / "templates" / "meter_reading.yaml"
ROUTE = "Meters of route 12"
NEWSLETTER = "Spring newsletter"
CATEGORY = "marketing"
TEXT_SHOWN = "I want to hear of offers by email and text message. I can take this back at any time."


@dataclass(frozen=True)
class AddressBooks:
    """Writes them; ``everybody`` are the customers, ``by`` is who does it."""

    engine: Engine
    by: Principal
    settings: Settings
    everybody: Sequence[Customer]

    def fill(self, today: dt.date, progress: Callable[[str, int, int], None] = lambda *_: None) -> int:
        """Make contacts, groups, a segment and lists; returns how many contacts there are."""
        with self.engine.begin() as connection:
            self._attributes(connection)
        made: dict[str, list[int]] = {OPERATIONS: [], MARKETING: []}
        for number, (team, customer, attributes, tags) in enumerate(self._people(today), start=1):
            with self.engine.begin() as connection:
                made[team].append(self._contact(connection, team, customer, attributes, tags))
            progress("contacts", number, READERS + FRIENDS)
        with self.engine.begin() as connection:
            self._lists(connection, made)
            self._said(connection, today)
        return READERS + FRIENDS

    def send(self) -> str:
        """Send the template of meter readings to the list of a route, as somebody at the desk does; the campaign's key."""
        from commands.demonstration.desk import Desk
        from nightmail.templates import load_template
        from nightmail.templates.template_storage import store_template

        template = load_template(TEMPLATE)
        with self.engine.begin() as connection:
            store_template(connection, OPERATIONS, template, actor=self.by.actor)
        return Desk(self.engine, self.settings, self.by).send(OPERATIONS, template.name, ROUTE)

    def _attributes(self, connection: Connection) -> None:
        from nightmail.contacts.contact_changes import define_attribute

        for team, name, kind, label in (
            (OPERATIONS, "first_name", "text", "First name"),
            (OPERATIONS, "meter", "text", "Meter"),
            (OPERATIONS, "until", "date", "To be read until"),
            (MARKETING, "customer_since", "date", "Customer since"),
            (MARKETING, "points", "number", "Points"),
        ):
            define_attribute(connection, by=self.by, team=team, name=name, type_=kind, label=label)

    def _people(self, today: dt.date) -> Iterator[tuple[str, Customer, dict[str, Any], tuple[str, ...]]]:
        until = (today + dt.timedelta(days=9)).isoformat()
        for number, customer in enumerate(self.everybody[:READERS]):
            meter = {"first_name": customer.first_name, "meter": f"M-{40_000 + 7 * number}", "until": until}
            yield OPERATIONS, customer, meter, ("route 12",) if number % 2 else ("route 14", "cellar")
        for number, customer in enumerate(self.everybody[READERS : READERS + FRIENDS]):
            since = dt.date(2016 + number % 10, 1 + number % 12, 1 + number % 27).isoformat()
            tags = ("newsletter",) if number % 3 else ("newsletter", "regular")
            yield MARKETING, customer, {"customer_since": since, "points": number * 37 % 900}, tags

    def _contact(
        self, connection: Connection, team: str, customer: Customer, attributes: dict[str, Any], tags: tuple[str, ...]
    ) -> int:
        from nightmail.contacts.contact_changes import add_tags, make_contact

        stated = {
            "external_id": customer.number,
            "name": f"{customer.first_name} {customer.last_name}",
            "phone": customer.mobile,
            "email": customer.email,
            "country": customer.country,
            "language": customer.language,
        }
        made = make_contact(
            connection,
            by=self.by,
            team=team,
            stated=stated,
            attributes=attributes,
            source="demonstration",
            key=self.settings.key(),
        )
        add_tags(connection, made, tags, by=self.by)
        return made.id

    def _said(self, connection: Connection, today: dt.date) -> None:
        """What contacts agreed to and chose, some of it a while ago, some taken back since."""
        from nightmail.channels import EMAIL, SMS
        from nightmail.consent.consents import (
            ConsentGiven,
            ConsentWithdrawn,
            add_text,
            record_consents,
            withdraw_consents,
        )
        from nightmail.consent.preferences import read_changes, record_preferences
        from nightmail.organisation.teams import get_team
        from nightmail.privacy import contact_ids

        team, by = get_team(connection, MARKETING), self.by.actor
        numbers = [customer.number for customer in self.everybody[READERS : READERS + FRIENDS]]
        friends = contact_ids(MARKETING, numbers, self.settings.key())
        shown, _ = add_text(connection, team.id, "Shop till", TEXT_SHOWN, language="en", actor=by)
        noon = dt.datetime.combine(today, dt.time(12), dt.UTC)
        given = [
            ConsentGiven(
                contact_id,
                CATEGORY,
                noon - dt.timedelta(days=30 + number * 5),
                "signed at the till",
                source="Shop in Mill Lane",
                proof=f"sheet {100 + number}",
                text_id=shown,
                expires_at=noon - dt.timedelta(days=number % 7) if number % 23 == 5 else None,
            )
            for number, contact_id in enumerate(friends)
            if number % 6
        ]
        record_consents(connection, team.id, given, actor=by)
        back = [
            ConsentWithdrawn(each.contact_id, CATEGORY, noon - dt.timedelta(days=2), "by telephone")
            for each in given[::19]
        ]
        withdraw_consents(connection, team.id, back, actor=by)
        chosen: tuple[dict[str, Any], ...] = (
            {"channels": [EMAIL.name, SMS.name]},
            {"quiet_from": "20:00", "quiet_until": "09:00", "time_zone": "Europe/Madrid"},
            {"paused_until": (noon + dt.timedelta(days=12)).isoformat()},
            {"topics": {CATEGORY: False}},
        )
        said = [
            (contact_id, noon - dt.timedelta(days=1 + number), read_changes(connection, MARKETING, chosen[number % 4]))
            for number, contact_id in enumerate(friends[:32])
        ]
        record_preferences(connection, team.id, said, source="preference page", actor=by)

    def _lists(self, connection: Connection, made: dict[str, list[int]]) -> None:
        from nightmail.contacts.distribution_lists import Entry, make_list
        from nightmail.contacts.groups import add_members, make_group
        from nightmail.contacts.segments import make_segment

        by = self.by
        abroad = make_group(
            connection, by=by, team=OPERATIONS, name="Away until January", description="Asked for no visit"
        )
        add_members(connection, abroad, made[OPERATIONS][3:11], by=by)
        regulars = make_group(connection, by=by, team=MARKETING, name="Tasters", description="Try what is new")
        add_members(connection, regulars, made[MARKETING][:24], by=by)
        route = make_segment(
            connection,
            by=by,
            team=OPERATIONS,
            name="Route 12, with a mobile number",
            rule={
                "all": [
                    {"on": "tag", "name": "route 12", "test": "has"},
                    {"on": "field", "name": "phone", "test": "known"},
                ]
            },
        )
        faithful = make_segment(
            connection,
            by=by,
            team=MARKETING,
            name="Many points, or customers for long",
            rule={
                "any": [
                    {"on": "attribute", "name": "points", "test": "at_least", "value": 500},
                    {"on": "attribute", "name": "customer_since", "test": "on_or_before", "value": "2019-12-31"},
                ]
            },
        )
        make_list(
            connection,
            by=by,
            team=OPERATIONS,
            name=ROUTE,
            description="Everybody on the route, but those who are away",
            entries=[Entry("segment", route.id), Entry("group", abroad.id, excluded=True)],
        )
        make_list(
            connection,
            by=by,
            team=MARKETING,
            name=NEWSLETTER,
            entries=[Entry("segment", faithful.id), Entry("group", regulars.id)],
        )
