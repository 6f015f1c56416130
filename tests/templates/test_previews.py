"""Previews: what a campaign would render, measured as it is charged, and nothing of it leads anywhere."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from nightmail.templates import load_template, sample_names
from nightmail.templates.previews import preview_bodies
from nightmail.templates.sample_values import sample_value, typed_value
from nightmail.templates.template_files import find_template


@pytest.mark.parametrize("name", sample_names())
def test_every_body_of_the_shipped_templates_reads_whole_with_made_up_values(name: str) -> None:
    template = find_template(name)
    values = {name: sample_value(placeholder) for name, placeholder in template.placeholders.items()}
    previews = preview_bodies(template, values)
    bodies = {(language, channel) for language, found in template.languages.items() for channel in found.channels()}
    assert {(preview.language, preview.channel) for preview in previews} == bodies
    for preview in previews:
        assert preview.problem == ""
        assert "{{" not in preview.text and "localhost" not in f"{preview.text}{preview.html}"


def test_values_are_written_as_each_language_does_and_measured() -> None:
    template = load_template(
        "category: billing\nplaceholders: {amount: {type: money, currency: EUR}, day: {type: date}}\nlanguages:\n"
        "  en: {sms: '{{ amount }} by {{ day }}'}\n"
        "  de: {sms: '{{ amount }} bis {{ day }} \u201e', voice: {say: 'Bis {{ day }} {{ who }}'}}\n"
    )
    values = {"amount": Decimal("1249.90"), "day": dt.date(2027, 1, 15), "who": "<b>&</b>"}
    found = {(preview.language, preview.channel): preview for preview in preview_bodies(template, values)}
    english, german, voice = found["en", "sms"], found["de", "sms"], found["de", "voice"]
    assert "1,249.90" in english.text and "1.249,90" in german.text
    assert (english.gsm, german.gsm, english.segments) == (True, False, 1)
    assert voice.text.endswith("<b>&</b>") and voice.spoken_in == "de-DE" and voice.minutes == 1


def test_what_could_not_be_sent_is_said() -> None:
    template = load_template("category: billing\nlanguages: {en: {sms: '{{ text }}'}}")
    (empty,) = preview_bodies(template, {"text": None})
    assert empty.problem


@pytest.mark.parametrize(
    ("kind", "typed"), [("date", "31.1.2027"), ("number", "12,5x"), ("money", "NaN"), ("number", "1e99")]
)
def test_what_is_typed_must_be_of_its_type(kind: str, typed: str) -> None:
    template = load_template(
        f"category: billing\nplaceholders: {{x: {{type: {kind}}}}}\nlanguages: {{en: {{sms: '{{{{ x }}}}'}}}}"
    )
    with pytest.raises(ValueError):
        typed_value(template.placeholders["x"], typed)
    assert typed_value(template.placeholders["x"], "") is None
