"""Template files: what is read, and how a person is told what is wrong and where."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightmail.errors import NightmailError, UsageError
from nightmail.templates import (
    EmailBody,
    PlaceholderType,
    Template,
    TemplateError,
    VoiceBody,
    find_template,
    load_template,
    sample_names,
)

WHOLE = """\
name: invoice_due
category: billing
default_language: en
placeholders:
  amount: {type: money, currency: EUR}
  first_name: {fallback: {en: customer, de: Kunde}, max_length: 40}
  due_date: date
languages:
  en:
    sms: "Dear {{ first_name }}, {{ amount }} is due on {{ due_date }}."
    email:
      subject: "Invoice {{ invoice_no }}"
      html: "<p>{{ amount }} is due.</p><p><a href='{{ unsubscribe_url }}'>Stop</a></p>"
    voice:
      say: "{{ amount }} is due."
      repeat: {key: "9", prompt: "Press 9."}
      question: {prompt: "Paid?", answers: {1: paid, 2: {means: later, say: "Thank you."}}}
  de:
    sms: "Guten Tag {{ first_name }}, {{ amount }}."
  no:
    sms: "Hei {{ first_name }}, {{ amount }}."
"""


def test_a_whole_template() -> None:
    """Everything that a file can say is in the value."""
    template = load_template(WHOLE)
    assert (template.name, template.category, template.category_kind) == ("invoice_due", "billing", "service")
    assert template.channels == ("sms", "email", "voice")
    # "no" is Norwegian here, whatever YAML 1.1 says of it.
    assert template.languages_of("sms") == ("en", "de", "no")
    assert template.languages_of("email") == ("en",)
    amount = template.placeholders["amount"]
    assert (amount.type, amount.currency, amount.required) == (PlaceholderType.MONEY, "EUR", True)
    name = template.placeholders["first_name"]
    assert (name.fallback("de-AT"), name.fallback("fr"), name.required, name.max_length) == ("Kunde", None, False, 40)
    assert template.placeholders["due_date"].type is PlaceholderType.DATE
    assert set(template.placeholders) == {"amount", "first_name", "due_date", "invoice_no"}
    email = template.languages["en"].by_channel["email"]
    assert isinstance(email, EmailBody)
    assert email.text == "{{ amount }} is due.\n\nStop ({{ unsubscribe_url }})"
    voice = template.languages["en"].by_channel["voice"]
    assert isinstance(voice, VoiceBody)
    assert voice.question is not None
    assert (voice.repeat_key, voice.repeat_prompt) == ("9", "Press 9.")
    assert dict(voice.question.answers) == {"1": "paid", "2": "later"}
    assert dict(voice.question.thanks) == {"2": "Thank you."}


def test_needs_are_those_of_the_bodies_asked_for() -> None:
    """A file for text messages need not have what only the email uses."""
    template = load_template(WHOLE)
    assert set(template.needs(["sms"])) == {"amount", "first_name", "due_date"}
    assert set(template.needs(["sms"], ["de"])) == {"amount", "first_name"}
    assert set(template.needs(["email"])) == {"amount", "invoice_no"}
    assert [name for name, placeholder in template.needs(["sms"]).items() if placeholder.required] == [
        "amount",
        "due_date",
    ]


def test_the_database_keeps_a_template_as_it_was() -> None:
    """``content`` is JSON-ready and reads back to the same template."""
    template = load_template(WHOLE)
    assert load_template(dict(template.content)) == template


@pytest.mark.parametrize("name", sample_names())
def test_the_samples_are_whole(name: str) -> None:
    """Each shipped template has several languages, and reads back from what the database keeps."""
    template = find_template(name)
    assert template.name == name
    assert len(template.languages) >= 2
    assert load_template(dict(template.content)) == template


def test_there_are_the_samples_that_the_documents_name() -> None:
    """Four, over the kinds of categories."""
    assert {"invoice_due", "appointment_reminder", "outage_notice", "spring_offer"} <= set(sample_names())
    assert find_template("spring_offer").category_kind == "marketing"


def _changed(old: str, new: str) -> str:
    assert old in WHOLE
    return WHOLE.replace(old, new)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", None, "the file is empty"),
        ("just a text", 1, "a mapping"),
        ("- a\n- b", 1, "a mapping"),
        ("name: x", 1, "languages is missing"),
        (_changed("category: billing", "category: loyalty"), 2, "not a predefined one"),
        (_changed("category: billing", "category: billing\ncategory_kind: fun"), 3, "there is no kind fun"),
        (_changed("name: invoice_due", "name: invoice due"), 1, "is not a name"),
        (_changed("name: invoice_due", "nmae: invoice_due"), 1, "there is no key nmae"),
        (_changed("default_language: en", "default_language: it"), 3, "there is no body in it"),
        (_changed("type: money, currency: EUR", "type: cash"), 5, "there is no type cash"),
        (_changed("currency: EUR", "currency: euro"), 5, "euro is not a currency"),
        (_changed("due_date: date", "due_date: {type: date, currency: EUR}"), 7, "only money has a currency"),
        (_changed("max_length: 40", "max_length: many"), 6, "max_length"),
        (_changed("due_date: date", "message_id: text"), 7, "filled in by Nightmail"),
        (_changed("{{ due_date }}.", "{{ due_date }.}"), 10, "en/sms (line 10)"),
        (_changed("{{ amount }} is due.</p>", "{{ amount.x }} is due.</p>"), 13, "en/email/html (line 13)"),
        (_changed('subject: "Invoice {{ invoice_no }}"', ""), 11, "subject is missing"),
        (_changed("<p>{{ amount }}", "<p {{ amount }}"), 13, "quoted attribute"),
        (_changed("Guten Tag {{ first_name }}", "Guten Tag {{ first_name|shout }}"), 19, "de/sms (line 19)"),
        (_changed('say: "{{ amount }} is due."', ""), 14, "one of say and play"),
        (_changed('say: "{{ amount }} is due."', "play: /etc/passwd"), 15, "address of an audio file"),
        (_changed('key: "9"', 'key: "12"'), 16, "12 is not a key"),
        (_changed("answers: {1: paid", "answers: {9: paid"), 17, "already repeats"),
        (_changed("answers: {1: paid", "answers: {one: paid"), 17, "one is not a key"),
        (_changed("  no:", "  Norwegian Bokmål:"), 20, "is not a language tag"),
        (_changed("  no:", "  de:"), 20, "de stands twice"),
        (WHOLE + "  fr:\n    fax: x\n", 23, "there is no key fax"),
        (WHOLE + '  fr:\n    sms: ""\n', 23, "the body is empty"),
        (WHOLE + "  fr:\n    sms: {{ first_name }}\n", 23, "a key must be a plain text"),
        (WHOLE + "  fr: &a\n    sms: hi\n  it: *a\n", 24, "anchors and aliases"),
        (WHOLE + "\t", 22, "not YAML"),
        (WHOLE + "  eo:\n    voice: Saluton\n", 23, "no voice for eo"),
        (WHOLE + "  cs:\n    voice: {say: Dobrý den, repeat_key: 1}\n", 23, "no ready sentence"),
        (_changed("Hei {{ first_name }}", "Hei" * 600), 21, "the carrier takes 1,600"),
        (_changed('say: "{{ amount }} is due."', f'say: "{"due " * 1001}"'), 15, "the carrier takes 4,000"),
        ("a: " + "[" * 2000, None, ""),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, line: int | None, words: str) -> None:
    """A person who edits the file finds the place at once."""
    with pytest.raises(TemplateError) as caught:
        load_template(text)
    assert words in caught.value.message
    assert caught.value.reason == "template_invalid"
    if line is not None:
        assert caught.value.line == line, caught.value.message


def test_lines_of_a_block_text_are_counted_from_its_first() -> None:
    """A body over many lines has its error on the line where it stands."""
    text = "languages:\n  en:\n    sms: |\n      one\n      two {{ three }}\n      four {{ five six }}\n"
    with pytest.raises(TemplateError) as caught:
        load_template(text)
    assert caught.value.line == 6


def test_a_bare_text_is_a_text_message(tmp_path: Path) -> None:
    """The quickest way to a template: a file with the words."""
    path = tmp_path / "Office closed.de.txt"
    path.write_text("Guten Tag {{ first_name }}, wir haben geschlossen.\n", encoding="utf-8")
    template = load_template(path)
    assert (template.name, template.default_language, template.channels) == ("office_closed", "de", ("sms",))
    assert template.languages["de"].by_channel["sms"] == "Guten Tag {{ first_name }}, wir haben geschlossen."


def test_a_bare_page_is_an_email(tmp_path: Path) -> None:
    """Its title is the subject."""
    path = tmp_path / "notice.html"
    path.write_text("<html><head><title>News &amp; more</title></head>\n<body><p>Hi {{ name }}</p></body></html>")
    template = load_template(path)
    email = template.languages["en"].by_channel["email"]
    assert isinstance(email, EmailBody)
    assert (email.subject, email.text) == ("News & more", "Hi {{ name }}")
    path.write_text("<p>no title</p>")
    with pytest.raises(TemplateError, match="no title"):
        load_template(path)


@pytest.mark.parametrize("damaged", ["a\x00b", "\ud83d", "\x1b[0m"])
@pytest.mark.parametrize("place", ["sms", "fallback", "name"])
def test_a_structure_with_signs_that_are_none_is_refused(place: str, damaged: str) -> None:
    """What comes as JSON may hold what no file can; no message may."""
    content = {
        "name": damaged if place == "name" else "t",
        "placeholders": {"x": {"fallback": damaged if place == "fallback" else "y"}},
        "languages": {"en": {"sms": f"{damaged} {{{{ x }}}}" if place == "sms" else "{{ x }}"}},
    }
    with pytest.raises(TemplateError):
        load_template(content)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"", "empty"),
        ("a.txt", b"caf\xe9", "not UTF-8"),
        ("a.yaml", b"\xff\xfe\x00", "not UTF-8"),
        ("a.txt", b"Hi {{ name", "line 1"),
    ],
)
def test_files_that_are_none(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """Bytes that are no template are refused in words."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TemplateError) as caught:
        load_template(tmp_path / name)
    assert words in caught.value.message


def test_unknown_templates_are_told_with_the_known_ones(tmp_path: Path) -> None:
    """A typing error in a command is answered with the names there are."""
    with pytest.raises(UsageError) as caught:
        find_template("invoice_deu")
    assert caught.value.reason == "template_unknown"
    assert "invoice_due" in caught.value.remedy
    with pytest.raises(UsageError, match=r"no template .*nothing\.yaml"):
        find_template(str(tmp_path / "nothing.yaml"))
    with pytest.raises(UsageError):
        find_template("../templates/invoice_due")


@given(st.one_of(st.text(max_size=200), st.text(st.sampled_from("{}[]:-&*!|>'\"%@` \n\tab"), max_size=60)))
def test_any_text_is_a_template_or_is_refused(text: str) -> None:
    """No text at all ends in a traceback."""
    try:
        assert isinstance(load_template(text), Template)
    except NightmailError as refused:
        assert refused.message


@given(st.text(st.sampled_from("{}%#<>\"'=/ abif-|();.~*\n"), max_size=60))
def test_any_body_is_a_body_or_is_refused(body: str) -> None:
    """The same for what stands in a body, in each kind of it."""
    for bodies in ({"sms": body}, {"email": {"subject": "s", "html": body}}, {"voice": {"say": body}}):
        try:
            load_template({"languages": {"en": bodies}})
        except NightmailError as refused:
            assert refused.message


def test_bodies_without_languages_are_in_the_default_language() -> None:
    template = load_template('name: hello\nsms: "Hello {{ first_name }}"\nvoice: Hello\n')
    assert template.default_language == "en"
    assert template.languages["en"].channels() == ("sms", "voice")
    assert load_template(template.content) == template
    assert set(load_template("default_language: de\nsms: Hallo\n", name="x").languages) == {"de"}
    with pytest.raises(TemplateError, match=r"line 2.*there is no key sms here"):
        load_template("name: x\nsms: Hi\nlanguages: {en: {sms: Hello}}\n")
    with pytest.raises(TemplateError, match=r"en/sms \(line 2\): there is no filter shout"):
        load_template("name: x\nsms: Hi {{ a|shout }}\n")
