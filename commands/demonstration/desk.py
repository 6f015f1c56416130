"""Somebody at the desk: contacts in the address book, a list of them, and a send to it, looked at first, as the portal's page does it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from nightmail.access.principals import Principal
    from nightmail.intake.send_drafts import DraftRow
    from nightmail.settings import Settings

TEAM = "acme.billing"
DEBTORS = 24
LIST, CALLED = "Due this month", "Called already"
TEMPLATE = "invoice_due"
NAMES = ("Amelia", "Jürgen", "Begoña", "Siân", "Zeynep", "Íñigo", "Oliver", "Änne")


@dataclass(frozen=True)
class Desk:
    """A desk of a running deployment; ``say`` gets a line for each thing that is done."""

    engine: Engine
    settings: Settings
    by: Principal
    say: Callable[[str], None] = lambda _line: None

    def fill(self, today: dt.date) -> None:
        """Put people with unpaid invoices into the address book, and make the list of those who were not called yet."""
        from nightmail.contacts.contact_changes import define_attribute, make_contact
        from nightmail.contacts.distribution_lists import Entry, make_list
        from nightmail.contacts.groups import add_members, make_group
        from nightmail.contacts.segments import make_segment

        by, key = self.by, self.settings.key()
        with self.engine.begin() as connection:
            for name, kind, label in (
                ("first_name", "text", "First name"),
                ("invoice_no", "text", "Invoice"),
                ("amount", "number", "Amount"),
                ("due_date", "date", "Due on"),
            ):
                define_attribute(connection, by=by, team=TEAM, name=name, type_=kind, label=label)
            made = [
                make_contact(connection, by=by, team=TEAM, stated=stated, attributes=attributes, source="demo", key=key)
                for stated, attributes in (_debtor(number, today) for number in range(DEBTORS))
            ]
            called = make_group(connection, by=by, team=TEAM, name=CALLED)
            add_members(connection, called, [each.id for each in made[:3]], by=by)
            rule = {"on": "attribute", "name": "amount", "test": "at_least", "value": 20}
            owing = make_segment(connection, by=by, team=TEAM, name="Owe 20 or more", rule=rule)
            entries = [Entry("segment", owing.id), Entry("group", called.id, excluded=True)]
            make_list(connection, by=by, team=TEAM, name=LIST, entries=entries)
        self.say(f"{DEBTORS} contacts; the list {LIST}: the segment {owing.name}, without the group {CALLED}")

    def send(self, team: str, template: str, name: str) -> str:
        """Pick a template and a list, look at all of it, and send it as it was shown; the campaign's key."""
        from nightmail.intake.draft_looks import look
        from nightmail.intake.draft_sends import send_draft

        draft = look(self.engine, self._picked(team, template, name), self.settings, by=self.by, personal=True)
        self._tell(draft)
        campaign = send_draft(
            self.engine, draft.id, by=self.by, seen=draft.shown_hash or "", incoming=self.settings.incoming_dir
        )
        self.say(f"sent as it was shown, once: campaign {campaign.key}")
        return campaign.key

    def _picked(self, team: str, template: str, name: str) -> DraftRow:
        from nightmail.contacts.list_files import LIST as KIND
        from nightmail.contacts.list_files import find_source
        from nightmail.intake.send_drafts import Chosen, make_draft
        from nightmail.templates.template_listing import usable_templates

        with self.engine.begin() as connection:
            picked = next(each for each in usable_templates(connection, [team]) if each.name == template)
            source = find_source(connection, team, KIND, name)
            chosen = Chosen(source=KIND, source_id=source.found.id, name=source.name)
            return make_draft(connection, picked, team, chosen, by=self.by)

    def _tell(self, draft: DraftRow) -> None:
        """What the page shows before the send."""
        from nightmail.privacy import mask

        shown: dict[str, Any] = dict(draft.shown or {})
        counts = shown["counts"]
        left = counts["rejects"] + counts["duplicates"] + counts["held"]
        cost = " + ".join(f"{amount} {currency}" for currency, amount in shown["costs"].items()) or "not known"
        self.say(f"{draft.template} to {draft.name}: {counts['planned']} get it, {left} do not; cost about {cost}")
        if shown["finishes_by"]:
            ends = dt.datetime.fromisoformat(shown["finishes_by"]).astimezone(dt.UTC)
            self.say(f"it would end about {ends:%H:%M} UTC")
        for each in shown["previews"][:1]:
            self.say(f"the longest, to {mask(each['address'])}: {each['body']}")


def _debtor(number: int, today: dt.date) -> tuple[dict[str, str | None], dict[str, Any]]:
    """A contact's fields and attributes."""
    name = NAMES[number % len(NAMES)]
    stated: dict[str, str | None] = {
        "external_id": f"D-{7_000 + number}",
        "name": f"{name} Example",
        "phone": f"+4479155003{number:02d}",
        "email": f"d-{7_000 + number}@example.com",
        "country": "GB",
        "language": ("en", "de", "fr")[number % 3],
    }
    due = (today + dt.timedelta(days=5 + number % 20)).isoformat()
    owed = {"first_name": name, "invoice_no": f"INV-{90_000 + number}", "amount": 12.5 + 4 * number, "due_date": due}
    return stated, owed
