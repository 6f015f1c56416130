"""Who is planned on which channel, and who is held for what: tables of cases and properties."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightmail.audience import CONSENTS, PREFERENCES, SUPPRESSIONS, AudiencePolicy, KnownPreferences, plan_audience
from nightmail.lake import TableFile
from nightmail.lake.schemas import AUDIENCE, CONTACTS
from nightmail.organisation.feed_choices import Delivery
from nightmail.organisation.quiet_hours import QuietHours
from nightmail.privacy import address_hash, contact_ids
from nightmail.reasons import REASONS, Kind

KEY = b"k" * 32
NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
GERMAN, BRITISH, RUSSIAN = "+491701234567", "+447700900123", "+79161234567"
PARIS_LANDLINE, PREMIUM = "+33142685300", "+4990012345678"


def policy(*channels: str, **changes: Any) -> AudiencePolicy:
    languages = dict.fromkeys(channels, ("en", "de"))
    base = AudiencePolicy(team="acme", hash_key=KEY, channels=channels, languages=languages, now=NOW)
    return dataclasses.replace(base, **changes)


def plan(
    folder: Path, rows: list[dict[str, Any]], wanted: AudiencePolicy, known: KnownPreferences | None = None
) -> list[dict[str, Any]]:
    contacts, audience = TableFile(f"{folder}/contacts.parquet"), TableFile(f"{folder}/audience.parquet")
    contacts.write(pa.Table.from_pylist([{"line": at + 2, **row} for at, row in enumerate(rows)], schema=CONTACTS))
    summary = plan_audience(contacts, audience, wanted, known or KnownPreferences.nothing())
    table = audience.read()
    assert table.schema.names == AUDIENCE.names
    found = table.to_pylist()
    assert [row["line"] for row in found] == [at + 2 for at in range(len(rows))]
    assert summary.contacts == len(rows) == summary.planned + summary.held
    assert summary.planned == sum(row["state"] == "planned" for row in found)
    assert sum(summary.by_reason.values()) == summary.held
    assert sum(summary.by_channel.values()) == summary.planned
    return found


def verdicts(found: list[dict[str, Any]]) -> list[str]:
    return [row["channel"] if row["state"] == "planned" else row["reason"] for row in found]


def suppressions(*entries: tuple[str, str | None, str | None]) -> KnownPreferences:
    rows = [
        {"address_hash": address_hash(address, KEY).hex(), "channel": channel, "category": category}
        for address, channel, category in entries
    ]
    return KnownPreferences(suppressions=pa.Table.from_pylist(rows, schema=SUPPRESSIONS))


def contact_id(external_id: str) -> str:
    return contact_ids("acme", [external_id], KEY)[0]


def preference(external_id: str, **choices: Any) -> KnownPreferences:
    row = {"contact_id": contact_id(external_id), **choices}
    return KnownPreferences(preferences=pa.Table.from_pylist([row], schema=PREFERENCES))


MOBILE = {"phone": GERMAN, "phone_type": "mobile"}


@pytest.mark.parametrize(
    ("channels", "row", "expected"),
    [
        (("sms",), MOBILE, "sms"),
        (("sms",), {"phone": GERMAN}, "sms"),
        (("sms",), {"email": "a@example.com"}, "no_usable_channel"),
        (("sms", "email"), {"email": "a@example.com"}, "email"),
        (("email", "sms"), {**MOBILE, "email": "a@example.com"}, "email"),
        (("sms",), {"phone": PARIS_LANDLINE, "phone_type": "fixed"}, "phone_not_mobile"),
        (("sms", "voice"), {"phone": PARIS_LANDLINE, "phone_type": "fixed"}, "voice"),
        (("sms",), {"phone": PREMIUM, "phone_type": "premium"}, "phone_premium"),
        (("voice",), {"phone": PREMIUM, "phone_type": "premium"}, "phone_premium"),
        (("sms",), {"phone": PREMIUM, "phone_type": "premium", "phone_2": GERMAN, "phone_2_type": "mobile"}, "sms"),
        (("sms",), {"landline": GERMAN, "landline_type": "mobile"}, "sms"),
        (("sms",), {"phone": "+12125550123", "phone_type": "fixed_or_mobile"}, "sms"),
        (("sms",), {"phone": RUSSIAN, "phone_type": "mobile"}, "country_not_served"),
        # The number says where somebody is, if nothing else does.
        (("sms", "email"), {"phone": RUSSIAN, "phone_type": "mobile", "email": "a@example.com"}, "country_not_served"),
        (
            ("sms", "email"),
            {"phone": RUSSIAN, "phone_type": "mobile", "email": "a@b.example", "country": "DE"},
            "email",
        ),
        (("sms",), {**MOBILE, "country": "RU"}, "sms"),
        (("email",), {"email": "a@example.com", "country": "RU"}, "country_not_served"),
        (("email",), {"email": "a@example.com"}, "email"),
        (("sms",), {"phone": "+80012345678", "phone_type": "toll_free"}, "phone_not_mobile"),
        (("voice",), {"phone": "+80012345678", "phone_type": "toll_free"}, "country_unsettled"),
        (("sms",), {**MOBILE, "birth_date": dt.date(2015, 1, 1)}, "minor"),
        (("sms", "email"), {**MOBILE, "email": "a@example.com", "birth_date": dt.date(2015, 1, 1)}, "minor"),
        (("sms",), {**MOBILE, "birth_date": dt.date(1990, 1, 1)}, "sms"),
        # Filled and not understood: nobody knows whether it is a minor, whatever the category
        (("sms",), {**MOBILE, "birth_date_unread": True}, "birth_date_unread"),
        (("sms", "email"), {**MOBILE, "email": "a@example.com", "birth_date_unread": True}, "birth_date_unread"),
        (("sms",), {**MOBILE, "birth_date_unread": False}, "sms"),
        # Sixteen in Germany: the birthday itself is enough, the day before is not.
        (("sms",), {**MOBILE, "birth_date": dt.date(2010, 11, 23)}, "sms"),
        (("sms",), {**MOBILE, "birth_date": dt.date(2010, 11, 24)}, "minor"),
        # Thirteen in the United Kingdom, by the number, and by the row's country before it.
        (("sms",), {"phone": BRITISH, "phone_type": "mobile", "birth_date": dt.date(2013, 11, 23)}, "sms"),
        (
            ("sms",),
            {"phone": BRITISH, "phone_type": "mobile", "country": "DE", "birth_date": dt.date(2013, 11, 23)},
            "minor",
        ),
        # A country that is not known takes the highest age.
        (("email",), {"email": "a@example.com", "birth_date": dt.date(2012, 1, 1)}, "minor"),
    ],
)
def test_one_contact(tmp_path: Path, channels: tuple[str, ...], row: dict[str, Any], expected: str) -> None:
    """Each row goes where it can, or is held for the reason a person would give."""
    assert verdicts(plan(tmp_path, [row], policy(*channels))) == [expected]


def test_the_hash_is_that_of_the_address_and_ids_are_stable(tmp_path: Path) -> None:
    """Senders and reports find a contact again by the hashes that the rest of the product computes."""
    rows = [{**MOBILE, "external_id": "c-1"}, {"email": "Grüße@EXAMPLE.com"}]
    first, second = plan(tmp_path, rows, policy("sms", "email"))
    assert first["address_hash"] == address_hash(GERMAN, KEY).hex()
    assert first["contact_id"] == contact_id("c-1")
    assert second["address_hash"] == address_hash("grüße@example.com", KEY).hex()
    assert second["contact_id"] == contact_id("Grüße@EXAMPLE.com")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ((GERMAN, "sms", None), "suppressed"),
        ((GERMAN, None, None), "suppressed"),
        ((GERMAN, "voice", None), "sms"),
        ((GERMAN, "sms", "service"), "category_opted_out"),
        ((GERMAN, "sms", "billing"), "sms"),
        ((BRITISH, "sms", None), "sms"),
    ],
)
def test_suppression(tmp_path: Path, entry: tuple[str, str | None, str | None], expected: str) -> None:
    """A suppression binds its own address, channel and category, and nothing else."""
    assert verdicts(plan(tmp_path, [MOBILE], policy("sms"), suppressions(entry))) == [expected]


def test_who_said_stop_is_told_from_who_bounced(tmp_path: Path) -> None:
    """The data team reads the reason: a choice that is respected, not an address that is broken."""
    row = {"address_hash": address_hash(GERMAN, KEY).hex(), "channel": "sms", "category": None}
    for opted_out, expected in ((True, "opted_out"), (False, "suppressed")):
        table = pa.Table.from_pylist([{**row, "opted_out": opted_out}], schema=SUPPRESSIONS)
        assert verdicts(plan(tmp_path, [MOBILE], policy("sms"), KnownPreferences(suppressions=table))) == [expected]


def test_a_suppressed_channel_leaves_the_others(tmp_path: Path) -> None:
    """Opting out of text messages does not stop an email."""
    known = suppressions((GERMAN, "sms", None))
    row = {**MOBILE, "email": "a@example.com"}
    assert verdicts(plan(tmp_path, [row], policy("sms", "email"), known)) == ["email"]


def test_a_contacts_own_order_and_language_win(tmp_path: Path) -> None:
    """What a contact chose goes before what the feed says and before the file."""
    known = preference("c-1", channels=["email"], language="de", time_zone="Europe/Lisbon")
    row = {**MOBILE, "external_id": "c-1", "email": "a@example.com", "language": "en", "time_zone": "Europe/Berlin"}
    wanted = policy("sms", "email", delivery=Delivery.ESCALATION)
    (found,) = plan(tmp_path, [row], wanted, known)
    assert (found["channel"], found["fallbacks"]) == ("email", ["sms"])
    assert (found["language"], found["time_zone"]) == ("de", "Europe/Lisbon")


@pytest.mark.parametrize(
    ("choices", "category", "consent", "expected"),
    [
        ({"categories_out": ["billing"]}, "billing", False, "category_opted_out"),
        ({"categories_out": ["offers"]}, "billing", False, "sms"),
        ({"categories_in": ["offers"]}, "offers", True, "sms"),
        ({"categories_in": ["newsletter"]}, "offers", True, "category_opted_out"),
        ({"categories_in": ["newsletter"]}, "billing", False, "sms"),
    ],
)
def test_categories(tmp_path: Path, choices: dict[str, Any], category: str, consent: bool, expected: str) -> None:
    """Topics opted out of are held; topics opted into bind what needs consent."""
    known = preference("c-1", **choices)
    agreed = [{"contact_id": contact_id("c-1"), "category": "offers", "channel": None}]
    known = dataclasses.replace(known, consents=pa.Table.from_pylist(agreed, schema=CONSENTS))
    wanted = policy("sms", category=category, needs_consent=consent)
    assert verdicts(plan(tmp_path, [{**MOBILE, "external_id": "c-1"}], wanted, known)) == [expected]


@pytest.mark.parametrize(
    ("consent", "expected"),
    [
        (None, "consent_missing"),
        (("offers", None), "sms"),
        (("offers", "sms"), "sms"),
        (("offers", "email"), "email"),
        (("newsletter", None), "consent_missing"),
    ],
)
def test_consent(tmp_path: Path, consent: tuple[str, str | None] | None, expected: str) -> None:
    """Marketing goes only where a consent to the category on the channel is recorded."""
    rows = [] if consent is None else [{"contact_id": contact_id("c-1"), "category": consent[0], "channel": consent[1]}]
    known = KnownPreferences(consents=pa.Table.from_pylist(rows, schema=CONSENTS))
    row = {**MOBILE, "external_id": "c-1", "email": "a@example.com"}
    wanted = policy("sms", "email", category="offers", needs_consent=True)
    assert verdicts(plan(tmp_path, [row], wanted, known)) == [expected]


def test_marketing_goes_to_an_address_once(tmp_path: Path) -> None:
    """The first contact with an address gets the message; another one gets it elsewhere, or is held."""
    rows = [
        {**MOBILE, "external_id": "a"},
        {**MOBILE, "external_id": "b"},
        {**MOBILE, "external_id": "c", "email": "c@example.com"},
        {"external_id": "d", "email": "C@example.com"},
        {"external_id": "e", "phone": BRITISH, "phone_type": "mobile"},
    ]
    wanted = policy("sms", "email", once_per_address=True)
    assert verdicts(plan(tmp_path, rows, wanted)) == [
        "sms",
        "address_already_used",
        "email",
        "address_already_used",
        "sms",
    ]
    assert verdicts(plan(tmp_path, rows, policy("sms", "email"))) == ["sms", "sms", "sms", "email", "sms"]


def test_an_address_used_in_an_earlier_block_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks are an affair of memory: what is once per campaign is once over all of them."""
    blocks = TableFile.blocks
    monkeypatch.setattr(TableFile, "blocks", lambda self, columns=None, rows=2: blocks(self, columns, 2))
    rows = [{"external_id": str(at), **MOBILE} for at in range(5)]
    found = plan(tmp_path, rows, policy("sms", once_per_address=True))
    assert verdicts(found) == ["sms"] + ["address_already_used"] * 4


def test_the_own_fallbacks_of_a_contact_do_not_count_against_it(tmp_path: Path) -> None:
    """A text message and a call to the same number are one contact's business."""
    wanted = policy("sms", "voice", delivery=Delivery.ESCALATION, once_per_address=True)
    first, second = plan(tmp_path, [{**MOBILE, "external_id": "a"}, {**MOBILE, "external_id": "b"}], wanted)
    assert (first["channel"], first["fallbacks"]) == ("sms", ["voice"])
    assert second["reason"] == "address_already_used"


@pytest.mark.parametrize(
    ("delivery", "keep", "fallbacks"),
    [
        (Delivery.FIRST_REACHABLE, False, []),
        (Delivery.FIRST_REACHABLE, True, ["voice", "email"]),
        (Delivery.ESCALATION, False, ["voice", "email"]),
        (Delivery.ALL_OF, False, ["voice", "email"]),
    ],
)
def test_fallbacks(tmp_path: Path, delivery: Delivery, keep: bool, fallbacks: list[str]) -> None:
    """What follows the first channel is the policy's matter."""
    row = {**MOBILE, "email": "a@example.com"}
    (found,) = plan(tmp_path, [row], policy("sms", "voice", "email", delivery=delivery, keep_fallbacks=keep))
    assert (found["channel"], found["fallbacks"]) == ("sms", fallbacks)


@pytest.mark.parametrize(
    ("language", "available", "expected"),
    [
        ("de-AT", ("de",), "sms"),
        ("pt-BR", ("en",), "sms"),
        ("fr", ("de",), "language_not_available"),
        (None, ("de",), "language_not_available"),
    ],
)
def test_languages(tmp_path: Path, language: str | None, available: tuple[str, ...], expected: str) -> None:
    """A channel without a body in the contact's language or the default one cannot be used."""
    wanted = policy("sms", languages={"sms": available}, default_language="en")
    assert verdicts(plan(tmp_path, [{**MOBILE, "language": language}], wanted)) == [expected]


NIGHT = QuietHours.parse("21:00-08:00")


@pytest.mark.parametrize(
    ("zone", "moment", "expected"),
    [
        ("Europe/Berlin", "2026-11-23T12:00", None),
        ("Europe/Berlin", "2026-11-23T19:59", None),
        ("Europe/Berlin", "2026-11-23T20:00", "2026-11-24T07:00"),
        ("Europe/Berlin", "2026-11-23T23:30", "2026-11-24T07:00"),
        ("Europe/Berlin", "2026-11-24T06:59", "2026-11-24T07:00"),
        ("America/New_York", "2026-11-23T12:00", "2026-11-23T13:00"),
        ("Asia/Tokyo", "2026-11-23T12:00", "2026-11-23T23:00"),
        # The clocks go forward in the night: the morning comes an hour earlier by UTC.
        ("Europe/Berlin", "2026-03-28T22:00", "2026-03-29T06:00"),
        # They go back: it comes an hour later.
        ("Europe/Berlin", "2026-10-24T22:00", "2026-10-25T07:00"),
        ("not/a-zone", "2026-11-23T23:30", "2026-11-24T08:00"),
    ],
)
def test_quiet_hours(tmp_path: Path, zone: str, moment: str, expected: str | None) -> None:
    """Nothing is sent at night, and the morning is the contact's."""
    wanted = policy("sms", quiet_hours=NIGHT, starts_at=dt.datetime.fromisoformat(f"{moment}+00:00"))
    (found,) = plan(tmp_path, [{**MOBILE, "time_zone": zone}], wanted)
    assert found["state"] == "planned"
    assert found["not_before"] == (None if expected is None else dt.datetime.fromisoformat(f"{expected}+00:00"))


def test_quiet_hours_bind_calls_and_texts_but_not_email_unless_they_are_the_contacts_own(tmp_path: Path) -> None:
    """An email waits in a mailbox without waking anybody; who asked for quiet hours gets them everywhere."""
    night = dt.datetime(2026, 11, 23, 23, 0, tzinfo=dt.UTC)
    row = {"external_id": "c-1", "email": "a@example.com", "time_zone": "Europe/Berlin"}
    wanted = policy("email", quiet_hours=NIGHT, starts_at=night)
    assert plan(tmp_path, [row], wanted)[0]["not_before"] is None
    known = preference("c-1", quiet_from="22:00", quiet_until="09:00")
    assert plan(tmp_path, [row], wanted, known)[0]["not_before"] == dt.datetime(2026, 11, 24, 8, 0, tzinfo=dt.UTC)


def test_quiet_hours_past_the_cut_off_hold(tmp_path: Path) -> None:
    """What could only be sent too late is not sent, unless another channel may go at once."""
    night = dt.datetime(2026, 11, 23, 23, 0, tzinfo=dt.UTC)
    wanted = policy("sms", quiet_hours=NIGHT, starts_at=night, cut_off=night + dt.timedelta(hours=4))
    row = {**MOBILE, "time_zone": "Europe/Berlin"}
    assert verdicts(plan(tmp_path, [row], wanted)) == ["quiet_hours_past_cut_off"]
    both = dataclasses.replace(wanted, channels=("sms", "email"), languages={"sms": ("en",), "email": ("en",)})
    assert verdicts(plan(tmp_path, [{**row, "email": "a@example.com"}], both)) == ["email"]


def test_a_start_in_the_contacts_own_time(tmp_path: Path) -> None:
    """Nine o'clock is nine o'clock where the contact lives; where it has passed, it is now."""
    wanted = policy("sms", local_start=dt.datetime(2026, 11, 24, 9, 0))  # noqa: DTZ001
    zones = ["Europe/Berlin", "America/New_York", "Australia/Sydney", "Pacific/Auckland"]
    found = plan(tmp_path, [{**MOBILE, "time_zone": zone} for zone in zones], wanted)
    times = [row["not_before"].isoformat()[:16] for row in found]
    assert times == ["2026-11-24T08:00", "2026-11-24T14:00", "2026-11-23T22:00", "2026-11-23T20:00"]


def test_no_rows(tmp_path: Path) -> None:
    """A campaign whose rows were all rejected has an empty audience, not an error."""
    assert plan(tmp_path, [], policy("sms", once_per_address=True)) == []


_ROW = st.fixed_dictionaries(
    {
        "external_id": st.one_of(st.none(), st.sampled_from(["a", "b", "c"])),
        "phone": st.one_of(
            st.none(), st.sampled_from([GERMAN, BRITISH, RUSSIAN, PARIS_LANDLINE, PREMIUM, "+12125550123"])
        ),
        "phone_type": st.sampled_from(["mobile", "fixed", "premium", "fixed_or_mobile", None]),
        "landline": st.one_of(st.none(), st.just(PARIS_LANDLINE)),
        "landline_type": st.just("fixed"),
        "email": st.one_of(st.none(), st.sampled_from(["a@example.com", "b@example.com"])),
        "country": st.sampled_from([None, "DE", "RU", "US"]),
        "language": st.sampled_from([None, "en", "de-AT", "fr"]),
        "time_zone": st.sampled_from([None, "Europe/Berlin", "America/New_York", "nowhere"]),
        "birth_date": st.one_of(st.none(), st.dates(dt.date(2000, 1, 1), dt.date(2026, 1, 1))),
    }
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(_ROW, max_size=12),
    channels=st.permutations(["sms", "email", "voice"]),
    delivery=st.sampled_from(list(Delivery)),
    once=st.booleans(),
    consent=st.booleans(),
    quiet=st.sampled_from([None, NIGHT]),
    out=st.lists(st.sampled_from(["a", "b"]), max_size=2),
)
def test_every_contact_is_planned_or_held_for_a_known_reason(
    tmp_path: Path,
    rows: list[dict[str, Any]],
    channels: list[str],
    delivery: Delivery,
    once: bool,
    consent: bool,
    quiet: QuietHours | None,
    out: list[str],
) -> None:
    """Whatever comes: rows reconcile, holds have reasons of the registry, planned rows have all that a sender needs."""
    known = suppressions((GERMAN, "sms", None), ("a@example.com", "email", "service"))
    chosen = [{"contact_id": contact_id(name), "channels": ["voice"]} for name in dict.fromkeys(out)]
    agreed = [{"contact_id": contact_id("a"), "category": "service", "channel": None}]
    known = dataclasses.replace(
        known,
        preferences=pa.Table.from_pylist(chosen, schema=PREFERENCES),
        consents=pa.Table.from_pylist(agreed, schema=CONSENTS),
    )
    wanted = policy(
        *channels,
        delivery=delivery,
        once_per_address=once,
        needs_consent=consent,
        quiet_hours=quiet,
        cut_off=NOW + dt.timedelta(hours=6),
    )
    used: list[str] = []
    for row, source in zip(plan(tmp_path, rows, wanted, known), rows, strict=True):
        if row["state"] == "held":
            assert REASONS[row["reason"]].kind is Kind.HOLD
            assert row["channel"] is None
            assert row["fallbacks"] == []
            assert row["not_before"] is None
            continue
        assert row["reason"] is None
        assert row["address_hash"] is not None
        assert row["channel"] in channels
        assert row["channel"] not in row["fallbacks"]
        assert len(set(row["fallbacks"])) == len(row["fallbacks"])
        if row["channel"] == "email":
            assert source["email"] is not None
            assert row["address_hash"] != address_hash("a@example.com", KEY).hex()
        if row["channel"] == "sms":
            assert source["phone"] != GERMAN
        if consent:
            assert row["contact_id"] == contact_id("a")
        used.append(row["address_hash"])
    if once and delivery is Delivery.FIRST_REACHABLE:
        assert len(used) == len(set(used))
