"""Sends at the desk for the pages that show one: prepared, undone in time, under way."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from sqlalchemy import Engine, text

from nightmail.access.principals import Principal, person_principal
from nightmail.contacts.distribution_lists import Entry, make_list
from nightmail.contacts.segments import make_segment
from nightmail.intake.draft_looks import look
from nightmail.intake.draft_sends import send_draft
from nightmail.intake.send_drafts import Chosen, DraftRow, make_draft
from nightmail.settings import Settings
from nightmail.templates import load_template
from nightmail.templates.template_listing import usable_templates
from nightmail.templates.template_storage import store_template_file
from tests.portal.conftest import SECRET_KEY
from tests.portal.web.sample_contacts import BY, contact_of

TEAM = "acme.billing"
NOTICE = """
name: notice
category: appointment
default_language: en
placeholders:
  first_name: {fallback: {en: customer, de: Kundin oder Kunde}}
languages:
  en:
    sms: "Dear {{ first_name }}, the office is closed on Friday."
    email:
      subject: "Closed on Friday"
      html: "<h1>Dear {{ first_name }}</h1><p>The office is closed on <b>Friday</b>.</p>"
  de:
    sms: "Guten Tag {{ first_name }}, am Freitag ist das Büro geschlossen."
"""
ROWS = """external_id,phone,email,first_name,language
1,+491701234567,,Åsa,en
2,+491701234568,,Jürgen,de
3,,elena@mail.example,Елена,en
4,12,,Nobody,en
1,+491701234567,,Åsa,en
"""


def notice(engine: Engine) -> int:
    """The number of a template that can be sent by hand."""
    with engine.begin() as connection:
        store_template_file(connection, TEAM, load_template(NOTICE), actor="user:ann")
        return int(connection.scalar(text("select id from template where name = 'notice'")) or 0)


def listed(engine: Engine) -> int:
    """The number of a list of one contact; beside it there is a segment of everybody in German. Made once."""
    with engine.connect() as connection:
        made = connection.scalar(text("select id from distribution_list where name = 'Clients'"))
    if made is not None:
        return int(made)
    contact = contact_of(engine, TEAM, "S-1", language="de")
    with engine.begin() as connection:
        rule = {"on": "field", "name": "language", "test": "is_one_of", "value": ["de"]}
        make_segment(
            connection, by=BY, team=TEAM, name="German speakers", rule=rule, description="For letters in German"
        )
        return make_list(connection, by=BY, team=TEAM, name="Clients", entries=[Entry("contact", contact.id)]).id


def choose_address(engine: Engine) -> str:
    """The choice of a template."""
    notice(engine)
    return "/send"


def whom_address(engine: Engine) -> str:
    """The choice of whom."""
    listed(engine)
    return f"/send/new?template={notice(engine)}&team={TEAM}"


def single_address(engine: Engine, ending: str = "") -> str:
    """A message to one contact."""
    return f"/send/to/{contact_of(engine, TEAM, 'S-9').id}{ending}"


def newest_person(engine: Engine) -> Principal:
    """Who was made last: who opens the page."""
    with engine.connect() as connection:
        return person_principal(connection, int(connection.scalar(text("select max(id) from person")) or 0))


def looked_at(engine: Engine, by: Principal, rows: str = ROWS, *, personal: bool = True) -> DraftRow:
    """A file at the desk of somebody, as they look at it."""
    notice(engine)
    folder = Path(tempfile.mkdtemp(prefix="nightmail-sample-"))
    file = folder / "notice.csv"
    file.write_text(rows, encoding="utf-8")
    raw = file.read_bytes()
    chosen = Chosen(source="file", name=file.name, path=file, size=len(raw), sha256=hashlib.sha256(raw).hexdigest())
    settings = Settings(data_dir=folder, secret_key=SECRET_KEY, default_country="DE")
    with engine.begin() as connection:
        template = next(each for each in usable_templates(connection, ["acme"]) if each.name == "notice")
        draft = make_draft(connection, template, TEAM, chosen, by=by)
    return look(engine, draft, settings, by=by, personal=personal)


def review_address(engine: Engine) -> str:
    """What would be sent."""
    return f"/send/{looked_at(engine, newest_person(engine)).id}"


def nobody_address(engine: Engine) -> str:
    """A send that nobody would get."""
    rows = "external_id,phone,email\n1,12,\n"
    return f"/send/{looked_at(engine, newest_person(engine), rows).id}"


def sent(engine: Engine, by: Principal, *, again: bool = False) -> tuple[DraftRow, str]:
    """A send that was sent; and its campaign's key."""
    draft = looked_at(engine, by)
    incoming = Path(draft.path or "").parent
    done = send_draft(engine, draft.id, by=by, seen=draft.shown_hash or "", incoming=incoming, again=again)
    return draft, done.key


def held_back_address(engine: Engine) -> str:
    """One that can still be undone."""
    draft, campaign = sent(engine, newest_person(engine))
    with engine.begin() as connection:
        for state in ("checking", "scheduled"):
            connection.execute(text("update campaign set state = :s where key = :k"), {"s": state, "k": campaign})
        statement = "update campaign set held_until = now() + interval '58 minutes' where key = :k"
        connection.execute(text(statement), {"k": campaign})
    return f"/send/{draft.id}"


def sent_address(engine: Engine) -> str:
    """One that is being checked."""
    return f"/send/{sent(engine, newest_person(engine))[0].id}"
