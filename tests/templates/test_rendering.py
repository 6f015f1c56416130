"""The stage ``messages`` on real tables: what is written, counted, priced, held, and how it falls to the next channel."""

from __future__ import annotations

import dataclasses
import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightmail.audience import AudiencePolicy, KnownPreferences, plan_audience
from nightmail.lake import TableFile
from nightmail.lake.schemas import CONTACTS, MESSAGES
from nightmail.organisation.feed_choices import Delivery
from nightmail.organisation.prices import Price, PriceList
from nightmail.organisation.quiet_hours import QuietHours
from nightmail.privacy import address_hash
from nightmail.privacy.signed_links import Purpose, read_token
from nightmail.templates import (
    MessagesSummary,
    RenderOptions,
    Template,
    find_template,
    load_template,
    render_messages,
    sample_names,
)
from nightmail.templates import rendering as rendering_module
from nightmail.templates.columns import CompiledText
from nightmail.templates.segments import is_gsm
from nightmail.templates.speech import spoken_text

KEY = b"k" * 32
MOBILE = {"phone": "+491701234567", "phone_type": "mobile"}
BRITISH = {"phone": "+447700900123", "phone_type": "mobile"}
EMAIL = {"email": "ada@example.com"}


class Tables:
    """The three tables of one test."""

    def __init__(self, folder: Path) -> None:
        self.contacts, self.audience, self.messages = (
            TableFile(f"{folder}/{name}.parquet") for name in ("contacts", "audience", "messages")
        )

    def render(
        self, template: Template, rows: list[dict[str, Any]], *, policy: dict[str, Any] | None = None, **options: Any
    ) -> MessagesSummary:
        schema = CONTACTS
        for name, kind in (("amount", pa.decimal128(38, 2)), ("due_date", pa.date32())):
            schema = schema.append(pa.field(name, kind))
        for name in sorted({name for row in rows for name in row} - set(schema.names)):
            schema = schema.append(pa.field(name, pa.string()))
        self.contacts.write(
            pa.Table.from_pylist([{"line": at + 2, **row} for at, row in enumerate(rows)], schema=schema)
        )
        chosen = AudiencePolicy.for_template(template, team="acme", hash_key=KEY, **(policy or {}))
        plan_audience(self.contacts, self.audience, chosen, KnownPreferences.nothing())
        wanted = RenderOptions(hash_key=KEY, delivery=chosen.delivery, **options)
        summary = render_messages(self.contacts, self.audience, self.messages, template, wanted)
        self._reconcile(summary, rows)
        return summary

    def _reconcile(self, summary: MessagesSummary, rows: list[dict[str, Any]]) -> None:
        messages, audience = self.messages.read(), self.audience.read().to_pylist()
        assert messages.schema.names == MESSAGES.names
        planned = {row["line"]: row for row in audience if row["state"] == "planned"}
        assert len(audience) == len(rows)
        assert summary.contacts - summary.held == len(planned)
        assert summary.messages == messages.num_rows == summary.queued + summary.standby
        firsts = {row["line"]: row for row in self.read() if row["step"] == 0}
        assert set(firsts) == set(planned)
        for line, row in planned.items():
            mine = [message["channel"] for message in self.read() if message["line"] == line]
            assert mine == [row["channel"], *row["fallbacks"]]
            assert firsts[line]["address_hash"] == row["address_hash"]
            assert firsts[line]["country"] == row["country"]
        for row in self.read():
            assert row["address_hash"] == address_hash(row["address"], KEY).hex()
            assert row["message_id"].endswith(f"-{row['line']}-{row['channel']}-{row['step']}")
        order = [(row["line"], row["step"]) for row in self.read()]
        assert order == sorted(order)

    def read(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.messages.read().to_pylist()
        return found


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(tmp_path)


def template(**bodies: Any) -> Template:
    return load_template({"name": "t", "default_language": "en", "languages": {"en": bodies}})


TWO_LANGUAGES = load_template(
    """
name: two
category: billing
placeholders:
  first_name: {fallback: {en: customer, de: Kunde}}
  amount: {type: money, currency: EUR}
  due_date: {type: date}
languages:
  en: {sms: "Dear {{ first_name }}, {{ amount }} is due on {{ due_date }}."}
  de: {sms: "Guten Tag {{ first_name }}, {{ amount }} sind am {{ due_date }} fällig."}
"""
)


def test_two_languages(tables: Tables) -> None:
    """Each contact in their own language, with numbers and dates as it writes them."""
    due = {"amount": Decimal("1234.50"), "due_date": dt.date(2026, 12, 1)}
    rows = [
        {**MOBILE, **due, "first_name": "Ada", "language": "en"},
        {**MOBILE, **due, "first_name": None, "language": "de-AT"},
        {**MOBILE, **due, "first_name": "Zoë", "language": "pt"},
    ]
    summary = tables.render(TWO_LANGUAGES, rows)
    assert [(row["language"], row["body"]) for row in tables.read()] == [
        ("en", "Dear Ada, €1,234.50 is due on December 1, 2026."),
        ("de", "Guten Tag Kunde, 1.234,50 € sind am 1. Dezember 2026 fällig."),
        ("en", "Dear Zoë, €1,234.50 is due on December 1, 2026."),
    ]
    assert dict(summary.by_language) == {"en": 2, "de": 1}
    assert summary.compared == 3
    # The second has a sign beyond GSM's alphabet: none; the third has ë, which makes it UCS-2.
    assert [row["segments"] for row in tables.read()] == [1, 1, 1]
    assert {row["state"] for row in tables.read()} == {"queued"}


def test_an_email(tables: Tables) -> None:
    """Subject, text and HTML; values escaped in the HTML alone; a signed address to opt out at."""
    mail = {
        "subject": "Invoice for {{ first_name }}",
        "html": '<p>Dear {{ first_name }}</p><p><a href="{{ unsubscribe_url }}">Stop</a> <i>{{ preferences_url }}</i></p>',
    }
    tables.render(
        template(email=mail), [{**EMAIL, "first_name": "A <b> & co\r\nBcc: x@y"}], public_url="https://n.example/"
    )
    (message,) = tables.read()
    assert message["subject"] == "Invoice for A <b> & co Bcc: x@y"
    assert message["html"].startswith("<p>Dear A &lt;b&gt; &amp; co")
    assert message["body"].startswith("Dear A <b> & co")
    token = message["body"].split("https://n.example/u/")[1].split(")")[0]
    assert str(read_token(token, Purpose.UNSUBSCRIBE, [KEY]).message_id) == message["message_id"]
    assert token in message["html"]
    own = message["html"].split("https://n.example/p/")[1].split("<")[0]
    assert str(read_token(own, Purpose.PREFERENCES, [KEY]).message_id) == message["message_id"]


def test_a_call(tables: Tables) -> None:
    """One whole document: the text twice on request, the question, and the address that keys go to."""
    voice = {
        "say": "Hello {{ first_name }} & all",
        "repeat_key": "9",
        "question": {"prompt": "Press 1, {{ first_name }}.", "answers": {"1": "confirm"}},
    }
    nasty = '</Say><Hangup/><Play>https://evil.example</Play> & "x"'
    options = {"public_url": "https://n.example", "carriers": {"voice": "twilio"}}
    summary = tables.render(template(voice=voice), [{**MOBILE, "first_name": nasty}], **options)
    (message,) = tables.read()
    root = ElementTree.fromstring(message["body"])
    assert [entry.tag for entry in root.iter()] == ["Response", "Gather", "Say", "Say", "Say"]
    gather = root[0]
    assert gather.attrib["action"] == f"https://n.example/webhooks/twilio/keys?message_id={message['message_id']}"
    assert [entry.text for entry in gather] == [
        f"Hello {nasty} & all",
        f"Press 1, {nasty}.",
        "To hear this message again, press 9.",
    ]
    assert {entry.attrib["language"] for entry in gather} == {"en-GB"}
    assert message["segments"] == 1
    assert summary.segments == 1
    assert spoken_text(message["body"]).startswith(f"Hello {nasty}")


def test_a_played_call(tables: Tables) -> None:
    """An audio file in place of a text."""
    tables.render(template(voice={"play": "https://a.example/x.mp3?a=1&b=2"}), [MOBILE])
    (message,) = tables.read()
    root = ElementTree.fromstring(message["body"])
    assert [(entry.tag, entry.text) for entry in root] == [("Play", "https://a.example/x.mp3?a=1&b=2")]


@pytest.mark.parametrize(
    ("bodies", "row", "reason"),
    [
        ({"sms": "{{ x }}"}, {**MOBILE, "x": "a" * 1601}, "body_too_long"),
        ({"sms": "{{ x }}"}, {**MOBILE, "x": "a" * 1600}, None),
        ({"sms": "{{ x }}"}, {**MOBILE, "x": "\N{GRINNING FACE}" * 801}, "body_too_long"),
        ({"sms": "{{ x|default('') }}"}, {**MOBILE, "x": None}, "body_empty"),
        ({"sms": "{{ x|round }}"}, {**MOBILE, "x": "many"}, "render_failed"),
        ({"voice": "{{ x }}"}, {**MOBILE, "x": "a" * 3900}, None),
        ({"voice": "{{ x }}"}, {**MOBILE, "x": "a" * 4000}, "body_too_long"),
        ({"voice": "{{ x }}"}, {**MOBILE, "x": "&" * 900}, "body_too_long"),
        ({"voice": "{{ x|default('') }}"}, {**MOBILE, "x": None}, "body_empty"),
        ({"email": {"subject": "{{ x }}", "text": "t"}}, {**EMAIL, "x": "a" * 901}, "body_too_long"),
        ({"email": {"subject": "{{ x|default(' ') }}", "text": "t"}}, {**EMAIL, "x": None}, "body_empty"),
        ({"email": {"subject": "s", "text": "{{ x }}"}}, {**EMAIL, "x": "a" * 1_048_577}, "body_too_long"),
        ({"email": {"subject": "s", "html": "<p>{{ x }}</p>"}}, {**EMAIL, "x": "é" * 300_000}, "body_too_long"),
    ],
)
def test_limits(tables: Tables, bodies: dict[str, Any], row: dict[str, Any], reason: str | None) -> None:
    """What a carrier would refuse is held here, said why, and counted."""
    summary = tables.render(template(**bodies), [row, {**row, "x": "9"}])
    states = [(entry["state"], entry["reason"]) for entry in tables.audience.read().to_pylist()]
    assert states == [("planned", None) if reason is None else ("held", reason), ("planned", None)]
    assert summary.held == (reason is not None)
    assert dict(summary.by_reason) == ({} if reason is None else {reason: 1})


THREE = {"sms": "{{ x }}", "voice": "Call {{ x|truncate(20) }}", "email": {"subject": "s", "text": "{{ x }}"}}


def test_a_message_that_is_too_long_gives_way_to_the_next_channel(tables: Tables) -> None:
    """The next channel takes its place, its step and its state; the audience says so."""
    rows = [{**MOBILE, **EMAIL, "x": "a" * 2000, "country": "GB"}, {**BRITISH, **EMAIL, "x": "short"}]
    policy = {"channels": ("sms", "voice", "email"), "delivery": Delivery.ESCALATION}
    summary = tables.render(template(**THREE), rows, policy=policy)
    found = [(row["line"], row["step"], row["channel"], row["state"], row["country"]) for row in tables.read()]
    assert found == [
        (2, 0, "voice", "queued", "DE"),
        (2, 1, "email", "standby", "GB"),
        (3, 0, "sms", "queued", "GB"),
        (3, 1, "voice", "standby", "GB"),
        (3, 2, "email", "standby", "GB"),
    ]
    assert (summary.held, summary.dropped, summary.queued, summary.standby) == (0, 1, 2, 3)


def test_all_of_queues_every_channel(tables: Tables) -> None:
    """No message stands by: all are to be sent."""
    policy = {"channels": ("sms", "email"), "delivery": Delivery.ALL_OF}
    summary = tables.render(template(**THREE), [{**MOBILE, **EMAIL, "x": "x"}], policy=policy)
    assert [(row["step"], row["channel"], row["state"]) for row in tables.read()] == [
        (0, "sms", "queued"),
        (1, "email", "queued"),
    ]
    assert (summary.queued, summary.standby) == (2, 0)


NINE_IN_THE_EVENING = dt.datetime(2026, 11, 23, 21, 0, tzinfo=dt.UTC)
EIGHT = dt.datetime(2026, 11, 24, 8, 0, tzinfo=dt.UTC)
NIGHT = {"quiet_hours": QuietHours.parse("20:00-08:00"), "now": NINE_IN_THE_EVENING}


def test_quiet_hours_bind_only_the_channels_that_they_name(tables: Tables) -> None:
    """Of one contact's messages the text waits for the morning, and the email goes at once, whichever is first."""
    both = {**MOBILE, **EMAIL, "x": "x"}
    for order in (("sms", "email"), ("email", "sms")):
        policy = {"channels": order, "delivery": Delivery.ALL_OF, "quiet_channels": frozenset({"sms"}), **NIGHT}
        tables.render(template(**THREE), [both, {**MOBILE, "x": "x"}, {**EMAIL, "x": "x"}], policy=policy)
        found = {(row["line"], row["channel"]): row["not_before"] for row in tables.read()}
        assert found == {(2, "sms"): EIGHT, (2, "email"): None, (3, "sms"): EIGHT, (4, "email"): None}
    named = {"channels": ("sms", "email"), "delivery": Delivery.ALL_OF, "quiet_channels": frozenset({"email"}), **NIGHT}
    tables.render(template(**THREE), [both], policy=named)
    assert [(row["channel"], row["not_before"]) for row in tables.read()] == [("sms", None), ("email", EIGHT)]


def test_a_channel_that_takes_anothers_place_goes_at_its_own_time(tables: Tables) -> None:
    """The text is too long and waits for the morning; the email in its place does not, and the audience says so."""
    policy = {"channels": ("sms", "email", "voice"), "delivery": Delivery.ESCALATION, **NIGHT}
    tables.render(template(**THREE), [{**MOBILE, **EMAIL, "x": "a" * 2000}], policy=policy)
    assert [(row["channel"], row["state"], row["not_before"]) for row in tables.read()] == [
        ("email", "queued", None),
        ("voice", "standby", EIGHT),
    ]
    (row,) = tables.audience.read().to_pylist()
    assert (row["not_before"], row["fallbacks_not_before"]) == (None, [EIGHT])


PRICES = PriceList(
    Price("twilio", channel, country, Decimal(amount), currency, dt.date.fromisoformat(day))
    for channel, country, amount, currency, day in [
        ("sms", None, "0.1", "USD", "2026-01-01"),
        ("sms", "DE", "0.095", "USD", "2026-01-01"),
        ("sms", "DE", "0.2", "USD", "2027-01-01"),
        ("sms", "GB", "0.04", "GBP", "2026-01-01"),
        ("voice", "DE", "0.03", "USD", "2026-01-01"),
    ]
)


@pytest.mark.parametrize(
    ("day", "expected", "totals"),
    [
        ("2026-12-31", ["0.190000", "0.040000", "0.100000"], {"USD": "0.290000", "GBP": "0.040000"}),
        ("2027-01-01", ["0.400000", "0.040000", "0.100000"], {"USD": "0.500000", "GBP": "0.040000"}),
        ("2025-12-31", [None, None, None], {}),
    ],
)
def test_costs(tables: Tables, day: str, expected: list[str | None], totals: dict[str, str]) -> None:
    """Segments times the price of the number's country on the day, exact, by currency."""
    rows = [
        {**MOBILE, "x": "a" * 161},
        {**BRITISH, "x": "a"},
        {"phone": "+33612345678", "phone_type": "mobile", "x": "a"},
    ]
    summary = tables.render(template(sms="{{ x }}"), rows, prices=PRICES, price_date=dt.date.fromisoformat(day))
    assert [row["cost"] for row in tables.read()] == [None if cost is None else Decimal(cost) for cost in expected]
    assert summary.costs == {currency: Decimal(total) for currency, total in totals.items()}
    assert summary.unpriced == expected.count(None)


def test_a_call_is_priced_by_started_minutes(tables: Tables) -> None:
    """About fourteen characters a second, and the pause for a key."""
    rows = [{**MOBILE, "x": "word " * 10}, {**MOBILE, "x": "word " * 300}]
    tables.render(template(voice="{{ x }}"), rows, prices=PRICES, price_date=dt.date(2026, 6, 1))
    assert [(row["segments"], row["cost"]) for row in tables.read()] == [(1, Decimal("0.03")), (2, Decimal("0.06"))]


def test_what_does_not_map_to_columns_is_rendered_all_the_same(tables: Tables) -> None:
    """A loop goes row by row, and the summary says which body did."""
    body = "{% for item in items|split(';') %}{{ item }}, {% endfor %}"
    summary = tables.render(template(sms=body), [{**MOBILE, "items": "a;b"}, {**MOBILE, "items": "c"}])
    assert [row["body"] for row in tables.read()] == ["a, b, ", "c, "]
    assert dict(summary.row_by_row) == {"en/sms": 2}


def test_a_columnar_rendering_that_differs_is_not_used(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """If ever the sample shows a difference, Jinja2's own text is what is sent."""
    by_columns = CompiledText.by_columns

    def wrong(self: CompiledText, columns: Any, rows: int) -> pa.Array:
        texts = by_columns(self, columns, rows).to_pylist()
        return pa.array([*texts[:-1], "something else"])

    monkeypatch.setattr(CompiledText, "by_columns", wrong)
    summary = tables.render(template(sms="Hi {{ x }}"), [{**MOBILE, "x": str(at)} for at in range(5)])
    assert [row["body"] for row in tables.read()] == [f"Hi {at}" for at in range(5)]
    assert dict(summary.row_by_row) == {"en/sms": 5}


def test_blocks_do_not_show(tables: Tables, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A campaign rendered in many blocks is the one rendered in one."""
    rows = [{**(MOBILE if at % 3 else EMAIL), **EMAIL, "x": "a" * (at * 400), "language": "en"} for at in range(1, 12)]
    policy = {"channels": ("sms", "email"), "delivery": Delivery.ESCALATION}
    whole = tables.render(template(**THREE), rows, policy=policy)
    messages, audience = tables.messages.read(), tables.audience.read()
    monkeypatch.setattr(rendering_module, "BLOCK_ROWS", 2)
    other = Tables(tmp_path / "blocks")
    again = other.render(template(**THREE), rows, policy=policy)
    assert dataclasses.replace(again, compared=whole.compared) == whole
    assert other.messages.read().equals(messages)
    assert other.audience.read().equals(audience)


def test_rendering_again_changes_nothing(tables: Tables) -> None:
    """A rerun of the asset finds the audience that it left behind, and makes the same of it."""
    rows = [{**MOBILE, **EMAIL, "x": "a" * 2000}, {**MOBILE, "x": "b" * 2000}, {**MOBILE, "x": "c"}]
    bodies = template(**THREE)
    policy = {"channels": ("sms", "email"), "delivery": Delivery.ESCALATION}
    tables.render(bodies, rows, policy=policy)
    messages, audience = tables.messages.read(), tables.audience.read()
    options = RenderOptions(hash_key=KEY, delivery=Delivery.ESCALATION)
    again = render_messages(tables.contacts, tables.audience, tables.messages, bodies, options)
    assert tables.messages.read().equals(messages)
    assert tables.audience.read().equals(audience)
    assert again.held == 0


def test_an_audience_of_other_contacts_is_refused(tables: Tables) -> None:
    """Two tables that do not belong together never become messages."""
    tables.render(template(sms="Hi"), [MOBILE, MOBILE])
    shorter = tables.audience.read().slice(0, 1)
    tables.audience.write(shorter)
    with pytest.raises(ValueError, match="fewer rows"):
        render_messages(
            tables.contacts, tables.audience, tables.messages, template(sms="Hi"), RenderOptions(hash_key=KEY)
        )


def test_no_contacts(tables: Tables) -> None:
    """An empty campaign renders to an empty table."""
    assert tables.render(template(sms="Hi"), []).as_dict()["messages"] == 0


SAMPLE_VALUES = {
    "first_name": "Ada",
    "invoice_no": "R-1",
    "pay_url": "https://pay.example/r1",
    "place": "12 High Street",
    "appointment_date": "2026-12-01",
    "appointment_time": "10:30",
    "with_whom": "Dr Lovelace",
    "street": "High Street",
    "work_date": "2026-12-01",
    "from_time": "8:00",
    "until_time": "12:00",
    "service": "gas",
    "discount": "12.5",
    "code": "may",
    "valid_until": "2026-05-31",
    "products": "tea; coffee",
}


@pytest.mark.parametrize("name", sample_names())
@pytest.mark.parametrize("filled", [True, False])
def test_the_samples_render_in_every_language_and_channel(tables: Tables, name: str, filled: bool) -> None:
    """Whether all values are there or only those that must be, nothing is held and no text message needs UCS-2."""
    sample = find_template(name)
    needed = {key for key, placeholder in sample.placeholders.items() if placeholder.required}
    values = {key: value for key, value in SAMPLE_VALUES.items() if filled or key in needed}
    money = {"amount": Decimal("1234.50"), "due_date": dt.date(2026, 12, 1)}
    row = {**MOBILE, **EMAIL, **money, **values}
    rows = [{**row, "language": language} for language in sample.languages]
    policy = {
        "channels": sample.channels,
        "delivery": Delivery.ALL_OF,
        "needs_consent": False,
        "once_per_address": False,
    }
    summary = tables.render(sample, rows, policy=policy)
    assert summary.held == 0
    assert summary.dropped == 0
    assert {(r["language"], r["channel"]) for r in tables.read()} >= set(sample.used_by_body)
    for message in tables.read():
        assert "{{" not in message["body"]
        assert "None" not in message["body"]
        if message["channel"] == "sms":
            assert is_gsm(message["body"])
            assert message["segments"] <= 2


_VALUES = st.one_of(
    st.none(), st.sampled_from(["", "a", "a" * 1700, "<&>'\"", "\r\n.\r\n", "я" * 100]), st.text(max_size=12)
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "x": _VALUES,
                "phone": st.sampled_from([None, "+491701234567", "+447700900123"]),
                "email": st.sampled_from([None, "ada@example.com"]),
                "language": st.sampled_from([None, "en", "de"]),
            }
        ),
        max_size=8,
    ),
    delivery=st.sampled_from(list(Delivery)),
)
def test_messages_and_audience_always_reconcile(tmp_path: Path, rows: list[dict[str, Any]], delivery: Delivery) -> None:
    """Whatever the values: one queued first message per planned contact, and none for a held one."""
    texts = {
        "sms": "{{ x }}",
        "voice": "{{ x|upper }}",
        "email": {"subject": "{{ x }}", "html": "<b title='{{ x }}'>{{ x }}</b>"},
    }
    whole = load_template(
        {"name": "t", "default_language": "en", "languages": {"en": texts, "de": {"sms": "{{ x }}!"}}}
    )
    tables = Tables(tmp_path)
    tables.render(whole, rows, policy={"delivery": delivery, "channels": ("sms", "voice", "email")})
    for message in tables.read():
        assert message["body"].strip()
        if message["channel"] == "email":
            assert not set(message["subject"]) & set("\r\n\x00")
        if message["channel"] == "voice":
            ElementTree.fromstring(message["body"])
