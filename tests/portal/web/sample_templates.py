"""A template of several versions in the tests' organisation, on every channel and in two languages."""

from __future__ import annotations

from sqlalchemy import Engine, text

from nightmail.access.principals import system_principal
from nightmail.templates import load_template
from nightmail.templates.template_storage import restore_version, store_template_file
from tests.portal.web import sample_files

BY = system_principal("tests")
FIRST = """
name: reminder
category: appointment
default_language: en
placeholders:
  first_name: {fallback: {en: customer, de: Kundin oder Kunde}}
  amount: {type: money, currency: EUR}
  day: {type: date}
languages:
  en:
    sms: "Dear {{ first_name }}, {{ amount }} is due on {{ day }}."
    email:
      subject: "{{ amount }} is due"
      html: "<h1>Dear {{ first_name }}</h1><p>{{ amount }} is due on <b>{{ day }}</b>. <a href='{{ unsubscribe_url }}'>Stop</a></p>"
    voice:
      say: "Hello {{ first_name }}. {{ amount }} is due on {{ day }}."
      repeat_key: "9"
      question: {prompt: "Press 1 to confirm.", answers: {"1": {means: confirm, say: "Thank you."}}}
  de:
    sms: "Guten Tag {{ first_name }}, {{ amount }} sind am {{ day }} fällig „bitte“."
"""
SECOND = FIRST.replace('is due on {{ day }}."\n    email', 'is due soon, on {{ day }}. Please pay."\n    email')


def template_of_versions(engine: Engine, *, restored: bool = True) -> int:
    """A template of three versions, the last of which takes the first again; its number."""
    with engine.begin() as connection:
        for source in (FIRST, SECOND):
            store_template_file(connection, "acme", load_template(source), actor="user:ann")
        number = int(connection.scalar(text("select id from template where name = 'reminder'")) or 0)
        if restored:
            restore_version(connection, number, 1, seen=2, by=BY)
        return number


def templates_address(engine: Engine) -> str:
    """The list."""
    template_of_versions(engine)
    return "/templates"


def template_address(engine: Engine) -> str:
    """A template with versions."""
    return f"/templates/{template_of_versions(engine)}"


def used_template_address(engine: Engine) -> str:
    """The template that feeds send."""
    sample_files.upload(engine)
    return f"/templates/{sample_files.feed_of(engine).template_id}"


def compare_address(engine: Engine) -> str:
    """Two versions that differ in one body."""
    return f"{template_address(engine)}/compare?earlier=1&later=2"


def restore_address(engine: Engine) -> str:
    """The question before the way back."""
    return f"{template_address(engine)}/versions/2/restore"


def preview_address(engine: Engine) -> str:
    """Every channel and language, with made-up values."""
    return f"{template_address(engine)}/versions/2"


def row_preview_address(engine: Engine) -> str:
    """A template filled with a row of a file."""
    address = sample_files.upload_address(engine)
    number = sample_files.feed_of(engine).template_id
    return f"/templates/{number}/versions/1?upload={address.rpartition('/')[2]}&row=1"
