"""Planning by columns gives what the rules give when they are followed contact by contact."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightmail.audience import CONSENTS, PREFERENCES, SUPPRESSIONS, AudiencePolicy, KnownPreferences, plan_audience
from nightmail.lake import TableFile
from nightmail.lake.schemas import CONTACTS
from nightmail.organisation.feed_choices import Delivery
from nightmail.organisation.quiet_hours import QuietHours
from nightmail.organisation.served_countries import SERVED_COUNTRIES, is_minor
from nightmail.privacy import address_hash, contact_ids

KEY = b"k" * 32
NOW = dt.datetime(2026, 11, 23, 20, 30, tzinfo=dt.UTC)
CUT_OFF = dt.datetime(2026, 11, 24, 6, 30, tzinfo=dt.UTC)
NUMBERS = [
    "+491701234567",
    "+447912345678",
    "+447797712345",
    "+79161234567",
    "+12125550123",
    "+14165550123",
    "+33142685300",
]
EMAILS = ["a@example.com", "B@example.com", "b@example.com"]
IDS = ["p", "q", "r"]
TEXTABLE = {None, "mobile", "fixed_or_mobile", "voip", "personal", "pager"}
COSTLY = {"premium", "shared_cost"}
LANGUAGES = {"sms": ("en", "de"), "email": ("de",), "voice": ("en",)}


def _country(number: str) -> str | None:
    region = phonenumbers.region_code_for_number(phonenumbers.parse(number))
    return None if region == "001" else region


def _address(row: dict[str, Any], channel: str) -> tuple[str | None, str]:
    """The address of a row on a channel and what is wrong with it."""
    if channel == "email":
        return row["email"], "" if row["email"] else "no_usable_channel"
    told: tuple[str | None, str] = (None, "no_usable_channel")
    for field in ("phone", "phone_2", "landline"):
        number, kind = row[field], row[f"{field}_type"]
        if number is None:
            continue
        usable = kind in TEXTABLE if channel == "sms" else kind not in COSTLY | {"pager", "voicemail"}
        if usable:
            return number, ""
        if told[0] is None:
            told = (number, "phone_premium" if kind in COSTLY else "phone_not_mobile")
    return told


class Rules:
    """The rules as docs/audience.md tells them, one contact after the other."""

    def __init__(
        self,
        policy: AudiencePolicy,
        suppressed: set[tuple[str, str, str | None]],
        chosen: dict[str, dict[str, Any]],
        agreed: set[tuple[str, str]],
    ) -> None:
        self.policy, self.suppressed, self.chosen, self.agreed = policy, suppressed, chosen, agreed

    def plan(self, row: dict[str, Any]) -> tuple[list[str], str | None, list[dt.datetime | None]]:
        policy = self.policy
        identity = row["external_id"] or row["phone"] or row["email"] or row["phone_2"] or row["landline"] or ""
        wish = self.chosen.get(identity, {})
        named = [channel for channel in wish.get("channels") or [] if channel in policy.channels]
        order = named + [channel for channel in policy.channels if channel not in named]
        numbers = [_address(row, channel)[0] for channel in policy.channels if channel != "email"]
        if not numbers:
            numbers = [row["phone"]]
        countries = [_country(number) for number in numbers if number]
        at_home = row["country"] or next((country for country in countries if country), None) or policy.default_country
        whole = self._whole(row, wish, at_home)
        if whole:
            return [], whole, []
        if all(_address(row, channel)[0] is None for channel in order):
            return [], "no_usable_channel", []
        zone = row["time_zone"] if row["time_zone"] != "nowhere" else None
        verdicts = {channel: self._verdict(row, channel, identity, at_home, wish, zone) for channel in order}
        good = [channel for channel in order if verdicts[channel][0] == ""]
        if not good:
            first = next(channel for channel in order if _address(row, channel)[0] is not None)
            return [], verdicts[first][0], []
        used = good if policy.delivery is not Delivery.FIRST_REACHABLE else good[:1]
        return used, None, [verdicts[channel][1] for channel in used]

    def _whole(self, row: dict[str, Any], wish: dict[str, Any], at_home: str | None) -> str:
        if row["birth_date"] is not None and is_minor(row["birth_date"], at_home, NOW.date()):
            return "minor"
        if self.policy.category in (wish.get("categories_out") or []):
            return "category_opted_out"
        if (
            self.policy.needs_consent
            and wish.get("categories_in") is not None
            and self.policy.category not in wish["categories_in"]
        ):
            return "category_opted_out"
        return ""

    def _verdict(
        self,
        row: dict[str, Any],
        channel: str,
        identity: str,
        at_home: str | None,
        wish: dict[str, Any],
        zone: str | None,
    ) -> tuple[str, dt.datetime | None]:
        policy = self.policy
        address, wrong = _address(row, channel)
        if wrong:
            return wrong, None
        assert address is not None
        language = wish.get("language") or row["language"] or "en"
        if language.split("-")[0] not in LANGUAGES[channel] and "en" not in LANGUAGES[channel]:
            return "language_not_available", None
        country = at_home if channel == "email" else _country(address)
        if country is not None and country not in SERVED_COUNTRIES:
            return "country_not_served", None
        hashed = address_hash(address, KEY).hex()
        if (hashed, channel, None) in self.suppressed:
            return "suppressed", None
        if (hashed, channel, policy.category) in self.suppressed:
            return "category_opted_out", None
        if policy.needs_consent and (identity, channel) not in self.agreed:
            return "consent_missing", None
        hours = []
        if policy.quiet_hours is not None and channel in policy.quiet_channels:
            hours.append(policy.quiet_hours)
        if wish.get("quiet_from"):
            hours.append(QuietHours.parse(f"{wish['quiet_from']}-{wish['quiet_until']}"))
        moment, local_zone = NOW, ZoneInfo(wish.get("time_zone") or zone or "UTC")
        while any(_within(moment.astimezone(local_zone).time(), entry) for entry in hours):
            moment += dt.timedelta(minutes=1)
            if moment >= CUT_OFF:
                return "quiet_hours_past_cut_off", None
        return "", None if moment == NOW else moment


def _within(clock: dt.time, hours: QuietHours) -> bool:
    if hours.start <= hours.end:
        return hours.start <= clock < hours.end
    return not hours.end <= clock < hours.start


def _phone(field: str) -> dict[str, st.SearchStrategy[Any]]:
    kinds = ["mobile", "fixed", "premium", "shared_cost", "fixed_or_mobile", "pager", "toll_free", None]
    return {field: st.one_of(st.none(), st.sampled_from(NUMBERS)), f"{field}_type": st.sampled_from(kinds)}


_ROWS = st.fixed_dictionaries(
    {
        "external_id": st.one_of(st.none(), st.sampled_from(IDS)),
        **_phone("phone"),
        **_phone("phone_2"),
        **_phone("landline"),
        "email": st.one_of(st.none(), st.sampled_from(EMAILS)),
        "country": st.sampled_from([None, None, "DE", "RU", "GB"]),
        "language": st.sampled_from([None, "en", "de-AT", "fr"]),
        "time_zone": st.sampled_from([None, "Europe/Berlin", "America/New_York", "nowhere"]),
        "birth_date": st.one_of(st.none(), st.dates(dt.date(2009, 1, 1), dt.date(2014, 1, 1))),
    }
)
_WISHES = st.fixed_dictionaries(
    {
        "channels": st.one_of(
            st.none(), st.lists(st.sampled_from(["email", "voice", "chat"]), unique=True, max_size=2)
        ),
        "categories_in": st.one_of(st.none(), st.lists(st.sampled_from(["offers", "news"]), unique=True, min_size=1)),
        "categories_out": st.one_of(st.none(), st.lists(st.sampled_from(["offers", "news"]), unique=True, min_size=1)),
        "language": st.sampled_from([None, "de"]),
        "time_zone": st.sampled_from([None, "Asia/Tokyo"]),
        "quiet": st.sampled_from([None, ("20:00", "07:00"), ("06:00", "06:00")]),
    }
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(_ROWS, min_size=1, max_size=6),
    channels=st.permutations(["sms", "email", "voice"]).flatmap(
        lambda order: st.integers(1, 3).map(lambda count: tuple(order[:count]))
    ),
    delivery=st.sampled_from(list(Delivery)),
    consent=st.booleans(),
    quiet=st.sampled_from([None, QuietHours.parse("21:00-07:00")]),
    suppressed=st.sets(
        st.tuples(
            st.sampled_from(NUMBERS + EMAILS),
            st.sampled_from(["sms", "email", "voice"]),
            st.sampled_from([None, "offers", "news"]),
        ),
        max_size=4,
    ),
    wishes=st.dictionaries(st.sampled_from(IDS + NUMBERS[:1]), _WISHES, max_size=3),
    agreed=st.sets(st.tuples(st.sampled_from(IDS), st.sampled_from(["sms", "email", "voice"])), max_size=6),
)
def test_columns_follow_the_rules(
    tmp_path: Path,
    rows: list[dict[str, Any]],
    channels: tuple[str, ...],
    delivery: Delivery,
    consent: bool,
    quiet: QuietHours | None,
    suppressed: set[tuple[str, str, str | None]],
    wishes: dict[str, dict[str, Any]],
    agreed: set[tuple[str, str]],
) -> None:
    """Channel, fallbacks, reason and time of every contact, against a plain reading of the rules."""
    for wish in wishes.values():
        wish["quiet_from"], wish["quiet_until"] = wish.pop("quiet") or (None, None)
    policy = AudiencePolicy(
        team="acme",
        hash_key=KEY,
        channels=channels,
        languages={channel: LANGUAGES[channel] for channel in channels},
        category="offers",
        needs_consent=consent,
        delivery=delivery,
        quiet_hours=quiet,
        now=NOW,
        cut_off=CUT_OFF,
    )
    by_hash = {(address_hash(address, KEY).hex(), channel, category) for address, channel, category in suppressed}
    ids = {name: contact_ids("acme", [name], KEY)[0] for name in [*IDS, *NUMBERS]}
    known = KnownPreferences(
        suppressions=pa.Table.from_pylist(
            [{"address_hash": h, "channel": channel, "category": category} for h, channel, category in by_hash],
            schema=SUPPRESSIONS,
        ),
        preferences=pa.Table.from_pylist(
            [{"contact_id": ids[name], **wish} for name, wish in wishes.items()], schema=PREFERENCES
        ),
        consents=pa.Table.from_pylist(
            [{"contact_id": ids[name], "category": "offers", "channel": channel} for name, channel in agreed],
            schema=CONSENTS,
        ),
    )
    contacts, audience = TableFile(f"{tmp_path}/contacts.parquet"), TableFile(f"{tmp_path}/audience.parquet")
    contacts.write(pa.Table.from_pylist([{"line": at + 2, **row} for at, row in enumerate(rows)], schema=CONTACTS))
    plan_audience(contacts, audience, policy, known)
    rules = Rules(policy, by_hash, wishes, agreed)
    for row, found in zip(rows, audience.read().to_pylist(), strict=True):
        used, reason, times = rules.plan(row)
        assert ([found["channel"], *found["fallbacks"]] if found["channel"] else [], found["reason"]) == (used, reason)
        further = found["fallbacks_not_before"] or [None] * len(found["fallbacks"])
        assert [found["not_before"], *further][: max(len(used), 1)] == (times or [None])
