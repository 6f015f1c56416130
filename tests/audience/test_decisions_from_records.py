"""Each verdict follows from the log and the records that it names, and from nothing else that is known."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightmail.audience import CONSENTS, PREFERENCES, SUPPRESSIONS, AudiencePolicy, KnownPreferences, plan_audience
from nightmail.audience.caps import Counts
from nightmail.audience.decisions import LOOKED_AT, rules_of
from nightmail.lake import TableFile
from nightmail.lake.schemas import CONTACTS
from nightmail.organisation.audience_rules import AudienceRules, StatedCap, StatedRules
from nightmail.organisation.feed_choices import Delivery
from nightmail.organisation.quiet_hours import QuietHours
from nightmail.privacy import address_hash, contact_ids
from nightmail.privacy.keyed_hashes import Hashes, from_hex

KEY = b"k" * 32
NOW = dt.datetime(2026, 12, 25, 19, 30, tzinfo=dt.UTC)
GERMAN, BRITISH = "+491701234567", "+447700900123"
IDS, EMAILS = ["c-1", "c-2", "c-3"], ["a@example.com", "b@example.com"]
CONTACTS_BY_ID = {who: contact_ids("acme.shop", [who], KEY)[0] for who in IDS}
MAYBE = st.sampled_from([None, None, True])

_ROW = st.fixed_dictionaries(
    {
        "external_id": st.sampled_from(IDS),
        "phone": st.sampled_from([None, GERMAN, BRITISH]),
        "email": st.sampled_from([None, *EMAILS]),
        "country": st.sampled_from([None, "DE", "GB", "RU"]),
        "birth_date": st.sampled_from([None, None, dt.date(2020, 1, 1)]),
        "time_zone": st.sampled_from(["Europe/Berlin", "America/New_York"]),
    }
)
_SUPPRESSION = st.fixed_dictionaries(
    {
        "address_hash": st.sampled_from([GERMAN, BRITISH, *EMAILS]).map(lambda each: address_hash(each, KEY).hex()),
        "channel": st.sampled_from([None, "sms", "email"]),
        "category": st.sampled_from([None, "offers", "news"]),
        "opted_out": st.booleans(),
        "undecided": st.booleans(),
    }
)
_CONSENT = st.fixed_dictionaries(
    {
        "contact_id": st.sampled_from(list(CONTACTS_BY_ID.values())),
        "category": st.just("offers"),
        "channel": st.sampled_from([None, "sms", "email"]),
        "stated_at": st.sampled_from([NOW - dt.timedelta(days=days) for days in (1, 2)]),
        "withdrawn": st.booleans(),
        "expires_at": st.sampled_from([None, NOW - dt.timedelta(hours=1), NOW + dt.timedelta(days=9)]),
    }
)
_CHOICE = st.fixed_dictionaries(
    {
        "channels": st.sampled_from([None, ["email"], ["sms", "email"]]),
        "categories_out": st.sampled_from([None, None, ["offers"], ["news"]]),
        "quiet_from": st.sampled_from([None, "20:00"]),
        "quiet_until": st.just("09:00"),
        "paused_until": st.sampled_from([None, None, NOW + dt.timedelta(days=1)]),
    }
)
_RULES = st.fixed_dictionaries(
    {
        "countries": st.sampled_from([[], [{"deny": ["DE"], "channels": ["sms"]}], [{"allow": ["GB"]}]]),
        "holidays": st.sampled_from([[], [{}], [{"subdivisions": ["DE-BY"]}]]),
        "blackout_days": st.sampled_from([[], [{"from": "2026-12-25", "until": "2026-12-27", "channels": ["sms"]}]]),
        "frequency_caps": st.sampled_from([[], [{"messages": 1, "days": 7, "channels": ["sms"]}]]),
        "outside_region": st.sampled_from(["send", "hold"]),
    }
)


class Sent:
    """Everybody with the German number got a message by it: what the ledger says of caps."""

    def to_contacts(self, stated: StatedCap, contacts: Hashes) -> Counts:
        """Nothing by contact."""
        return np.zeros(len(contacts), dtype=np.int64)

    def to_addresses(self, stated: StatedCap, addresses: Hashes) -> Counts:
        """One to the German number."""
        wanted = from_hex(pa.array([address_hash(GERMAN, KEY).hex()]))
        return (addresses == wanted).all(axis=1).astype(np.int64)


def tables(
    suppressions: list[dict[str, Any]], consents: list[dict[str, Any]], choices: dict[str, dict[str, Any]]
) -> KnownPreferences:
    """What is known, each record with its id."""
    chosen = [{**value, "contact_id": CONTACTS_BY_ID[who]} for who, value in choices.items()]
    return KnownPreferences(
        suppressions=pa.Table.from_pylist(suppressions, schema=SUPPRESSIONS),
        preferences=pa.Table.from_pylist(chosen, schema=PREFERENCES),
        consents=pa.Table.from_pylist(consents, schema=CONSENTS),
        recent=Sent(),
    )


def planned(
    folder: Path, policy: AudiencePolicy, known: KnownPreferences
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], TableFile]:
    """The audience and its log."""
    contacts, audience, log = (TableFile(f"{folder}/{name}.parquet") for name in ("contacts", "audience", "log"))
    plan_audience(contacts, audience, policy, known, decisions=log)
    return audience.read().to_pylist(), log.read().to_pylist(), log


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(_ROW, min_size=1, max_size=6),
    suppressions=st.lists(_SUPPRESSION, max_size=6),
    consents=st.lists(_CONSENT, max_size=8, unique_by=lambda each: (each["contact_id"], each["channel"])),
    choices=st.dictionaries(st.sampled_from(IDS), _CHOICE, max_size=3),
    rules=_RULES,
    needs_consent=st.booleans(),
    once=st.booleans(),
    urgent=st.booleans(),
    delivery=st.sampled_from(list(Delivery)),
)
def test_a_decision_can_be_made_again_from_the_records_that_it_names(
    tmp_path: Path,
    rows: list[dict[str, Any]],
    suppressions: list[dict[str, Any]],
    consents: list[dict[str, Any]],
    choices: dict[str, dict[str, Any]],
    rules: dict[str, Any],
    needs_consent: bool,
    once: bool,
    urgent: bool,
    delivery: Delivery,
) -> None:
    suppressions = [{"id": 100 + at, **each} for at, each in enumerate(suppressions)]
    consents = [{"id": 200 + at, **each} for at, each in enumerate(consents)]
    choices = {who: {**each, "statements": [300 + at, 400 + at]} for at, (who, each) in enumerate(choices.items())}
    policy = AudiencePolicy(
        team="acme.shop",
        hash_key=KEY,
        channels=("sms", "email"),
        languages={"sms": ("en",), "email": ("en",)},
        category="offers",
        needs_consent=needs_consent,
        once_per_address=once,
        urgent=urgent,
        delivery=delivery,
        now=NOW,
        cut_off=NOW + dt.timedelta(hours=14),
        quiet_hours=QuietHours.parse("21:00-08:00"),
        hosting_region="eu",
        rules=(StatedRules("acme", 1, AudienceRules.model_validate(rules)),),
    )
    lines = [{"line": at + 2, "phone_type": "mobile", **row} for at, row in enumerate(rows)]
    TableFile(f"{tmp_path}/contacts.parquet").write(pa.Table.from_pylist(lines, schema=CONTACTS))
    audience, log, table = planned(tmp_path, policy, tables(suppressions, consents, choices))
    named = {
        (by, record) for row in log for by, record in zip(row["decided_by"], row["records"] or [None] * 2, strict=True)
    }
    consented = {each for row in log for each in row["consents"] or ()} | {
        record for by, record in named if by == "consent"
    }
    stated = {each for row in log for each in row["preferences"] or ()}
    again = planned(
        tmp_path,
        policy,
        tables(
            [each for each in suppressions if ("suppression", each["id"]) in named],
            [each for each in consents if each["id"] in consented],
            {who: each for who, each in choices.items() if stated.issuperset(each["statements"])},
        ),
    )
    assert again[:2] == (audience, log)
    looked = rules_of(table)[LOOKED_AT]
    for row in log:
        for channel, verdict, by, record in zip(
            row["channels"], row["verdicts"], row["decided_by"], row["records"] or [None] * 2, strict=True
        ):
            assert verdict is None or by is not None
            assert (record is not None) == (by in ("suppression", "consent", "line")), (by, record)
            # What decided is among what is said to have been looked at.
            assert by is None or by in looked[channel]
        assert all(each is not None for each in row["consents"] or ()) or row["verdicts"] != [None, None]


def named_by(folder: Path, known: KnownPreferences, **more: Any) -> list[tuple[Any, ...]]:
    """Channel, verdict, decider and record of one contact in Germany with a number and an address."""
    person = {
        "line": 2,
        "external_id": "c-1",
        "phone": GERMAN,
        "phone_type": "mobile",
        "email": EMAILS[0],
        "country": "DE",
    }
    TableFile(f"{folder}/contacts.parquet").write(pa.Table.from_pylist([person], schema=CONTACTS))
    stated = AudienceRules.model_validate(more.pop("rules", {}))
    policy = AudiencePolicy(
        team="acme.shop",
        hash_key=KEY,
        channels=("sms", "email"),
        languages={"sms": ("en",), "email": ("en",)},
        category="offers",
        now=NOW,
        rules=(StatedRules("acme", 1, stated),),
        **more,
    )
    _, (row,), _ = planned(folder, policy, known)
    records = row["records"] or [None] * 2
    return list(zip(row["channels"], row["verdicts"], row["decided_by"], records, strict=True))


def suppressed(**more: Any) -> dict[str, Any]:
    """A suppression of the German number."""
    return {"address_hash": address_hash(GERMAN, KEY).hex(), "channel": "sms", **more}


_OF_CONTACT = {"contact_id": CONTACTS_BY_ID["c-1"], "category": "offers", "stated_at": NOW}


@pytest.mark.parametrize(
    ("known", "more", "expected"),
    [
        # Of several records the one that weighs most is named; of equal ones the first.
        (
            tables([suppressed(id=5), suppressed(id=6, opted_out=True), suppressed(id=7, opted_out=True)], [], {}),
            {},
            [("sms", "opted_out", "suppression", 6), ("email", None, None, None)],
        ),
        (
            tables([suppressed(id=5, category="offers"), suppressed(id=9)], [], {}),
            {},
            [("sms", "suppressed", "suppression", 9), ("email", None, None, None)],
        ),
        # Who may be written to is so by a consent; who may not, by its end.
        (
            tables([], [{**_OF_CONTACT, "id": 3}, {**_OF_CONTACT, "id": 4, "channel": "sms", "expires_at": NOW}], {}),
            {"needs_consent": True},
            [("sms", "consent_expired", "consent", 4), ("email", None, None, None)],
        ),
        (
            tables([], [], {}),
            {"needs_consent": True},
            [("sms", "consent_missing", "category", None), ("email", "consent_missing", "category", None)],
        ),
        # The rule is named by where it stands.
        (
            tables([], [], {}),
            {"rules": {"countries": [{"deny": ["FR"]}, {"deny": ["DE"], "channels": ["email"]}]}},
            [("sms", None, None, None), ("email", "country_denied", "acme/countries/1", None)],
        ),
        (
            tables([], [], {}),
            {
                "rules": {
                    "frequency_caps": [{"messages": 9, "days": 1}, {"messages": 1, "days": 1, "channels": ["sms"]}]
                }
            },
            [("sms", "frequency_cap", "acme/frequency_caps/1", None), ("email", None, None, None)],
        ),
        (
            tables([], [], {}),
            {"rules": {"holidays": [{"channels": ["sms"]}]}, "cut_off": NOW + dt.timedelta(hours=5)},
            [("sms", "holiday", "acme/holidays/0", None), ("email", None, None, None)],
        ),
        (
            tables([], [], {"c-1": {"categories_out": ["offers"], "statements": [8]}}),
            {},
            [("sms", "category_opted_out", "preference", None), ("email", "category_opted_out", "preference", None)],
        ),
    ],
)
def test_what_decided_is_named(
    tmp_path: Path, known: KnownPreferences, more: dict[str, Any], expected: list[tuple[Any, ...]]
) -> None:
    assert named_by(tmp_path, known, **more) == expected
