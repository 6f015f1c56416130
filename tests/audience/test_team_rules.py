"""Countries, regions and closed days that teams state: tables of cases, and that a restriction never adds a message."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from nightmail.audience import AudiencePolicy, KnownPreferences, plan_audience
from nightmail.audience.closed_days import ClosedDays, public_holidays
from nightmail.lake import TableFile
from nightmail.lake.schemas import CONTACTS
from nightmail.organisation.audience_rules import AudienceRules, StatedRules
from nightmail.organisation.quiet_hours import QuietHours

KEY = b"k" * 32
CHRISTMAS = dt.datetime(2026, 12, 25, 12, 0, tzinfo=dt.UTC)
GERMAN = {"phone": "+491701234567", "phone_type": "mobile", "country": "DE", "time_zone": "Europe/Berlin"}
AMERICAN = {"phone": "+12125550123", "phone_type": "mobile", "country": "US", "time_zone": "America/New_York"}
MAILED = {"email": "a@example.com"}


def stated(*teams: dict[str, Any]) -> tuple[StatedRules, ...]:
    """The rules of a team and those above it, the uppermost first."""
    return tuple(
        StatedRules(".".join(["acme", "billing"][: at + 1]), at + 1, AudienceRules.model_validate(rules))
        for at, rules in enumerate(teams)
    )


def plan(
    folder: Path,
    rows: list[dict[str, Any]],
    *teams: dict[str, Any],
    channels: tuple[str, ...] = ("sms",),
    **changes: Any,
) -> list[dict[str, Any]]:
    """The audience of some contacts under the rules of teams."""
    contacts, audience = TableFile(f"{folder}/contacts.parquet"), TableFile(f"{folder}/audience.parquet")
    table = [{"line": at + 2, "external_id": f"c{at}", **row} for at, row in enumerate(rows)]
    contacts.write(pa.Table.from_pylist(table, schema=CONTACTS))
    values: dict[str, Any] = {"now": CHRISTMAS, "hosting_region": "eu", "rules": stated(*teams), **changes}
    policy = AudiencePolicy(
        team="acme.billing",
        hash_key=KEY,
        channels=channels,
        languages=dict.fromkeys(channels, ("en",)),
        **values,
    )
    plan_audience(contacts, audience, policy, KnownPreferences.nothing())
    return audience.read().to_pylist()


def verdict(row: dict[str, Any]) -> str:
    """The channel of a planned row, or why it is held."""
    return str(row["channel"] if row["state"] == "planned" else row["reason"])


@pytest.mark.parametrize(
    ("rows", "teams", "channels", "expected"),
    [
        ([GERMAN, AMERICAN], [{}], ("sms",), ["sms", "sms"]),
        ([GERMAN, AMERICAN], [{"countries": [{"deny": ["DE"]}]}], ("sms",), ["country_denied", "sms"]),
        ([GERMAN, AMERICAN], [{"countries": [{"allow": ["DE"]}]}], ("sms",), ["sms", "country_denied"]),
        # What is denied above stays denied, and what any list leaves out is not allowed
        (
            [GERMAN],
            [{"countries": [{"deny": ["DE"]}]}, {"countries": [{"allow": ["DE"]}]}],
            ("sms",),
            ["country_denied"],
        ),
        (
            [GERMAN],
            [{"countries": [{"allow": ["DE"]}]}, {"countries": [{"deny": ["DE"]}]}],
            ("sms",),
            ["country_denied"],
        ),
        ([GERMAN], [{"countries": [{"allow": ["FR"]}, {"allow": ["DE"]}]}], ("sms",), ["country_denied"]),
        ([GERMAN], [{"countries": [{"channels": ["email"], "deny": ["DE"]}]}], ("sms",), ["sms"]),
        ([GERMAN], [{"countries": [{"categories": ["marketing"], "deny": ["DE"]}]}], ("sms",), ["sms"]),
        # Another channel takes over where it may
        (
            [{**GERMAN, **MAILED}],
            [{"countries": [{"channels": ["sms"], "deny": ["DE"]}]}],
            ("sms", "email"),
            ["email"],
        ),
        # Nobody knows whether they are from a country that is denied
        ([MAILED], [{"countries": [{"deny": ["DE"]}]}], ("email",), ["country_unsettled"]),
        ([MAILED], [{}], ("email",), ["email"]),
        ([MAILED], [{"outside_region": "hold"}], ("email",), ["country_unsettled"]),
        ([GERMAN, AMERICAN], [{"outside_region": "hold"}, {}], ("sms",), ["sms", "outside_region"]),
        ([GERMAN, AMERICAN], [{"outside_region": "send"}], ("sms",), ["sms", "sms"]),
    ],
)
def test_countries(
    tmp_path: Path,
    rows: list[dict[str, Any]],
    teams: list[dict[str, Any]],
    channels: tuple[str, ...],
    expected: list[str],
) -> None:
    assert [verdict(row) for row in plan(tmp_path, rows, *teams, channels=channels)] == expected


def utc(day: int, hour: int, month: int = 12) -> dt.datetime:
    """A time of 2026 (UTC)."""
    return dt.datetime(2026, month, day, hour, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("row", "rules", "changes", "expected"),
    [
        # The 25th and 26th are holidays in Germany, the 25th alone in the United States
        (GERMAN, {"holidays": [{}]}, {}, ("sms", utc(26, 23))),
        (AMERICAN, {"holidays": [{}]}, {}, ("sms", utc(26, 5))),
        (GERMAN, {"holidays": [{"countries": ["US"]}]}, {}, ("sms", None)),
        (GERMAN, {"holidays": [{"categories": ["marketing"]}]}, {}, ("sms", None)),
        (GERMAN, {"holidays": [{"channels": ["voice"]}]}, {}, ("sms", None)),
        # Then come quiet hours
        (GERMAN, {"holidays": [{}]}, {"quiet_hours": QuietHours.parse("21:00-08:00")}, ("sms", utc(27, 7))),
        (GERMAN, {"holidays": [{}]}, {"cut_off": utc(26, 20)}, ("holiday", None)),
        (GERMAN, {"holidays": [{}]}, {"cut_off": utc(27, 20)}, ("sms", utc(26, 23))),
        # By the day where the contact is: in Auckland it is the 26th already
        ({**GERMAN, "time_zone": "Pacific/Auckland"}, {"holidays": [{}]}, {}, ("sms", utc(26, 11))),
        (GERMAN, {"blackout_days": [{"from": "2026-12-24", "until": "2026-12-27"}]}, {}, ("sms", utc(27, 23))),
        (
            GERMAN,
            {"blackout_days": [{"from": "2026-12-24", "until": "2026-12-27"}]},
            {"cut_off": utc(27, 0)},
            ("blackout_day", None),
        ),
        (
            GERMAN,
            {"blackout_days": [{"from": "2026-12-25", "until": "2026-12-25", "countries": ["US"]}]},
            {},
            ("sms", None),
        ),
        (
            GERMAN,
            {"holidays": [{}], "blackout_days": [{"from": "2026-12-27", "until": "2026-12-28"}]},
            {},
            ("sms", utc(28, 23)),
        ),
        # Quiet hours alone are too late
        (
            GERMAN,
            {"holidays": [{}]},
            {"now": utc(23, 20), "quiet_hours": QuietHours.parse("21:00-08:00"), "cut_off": utc(24, 1)},
            ("quiet_hours_past_cut_off", None),
        ),
    ],
)
def test_closed_days(
    tmp_path: Path, row: dict[str, Any], rules: dict[str, Any], changes: dict[str, Any], expected: tuple[str, Any]
) -> None:
    (found,) = plan(tmp_path, [row], rules, **changes)
    assert (verdict(found), found["not_before"]) == expected


def test_a_country_without_a_calendar_has_no_holidays() -> None:
    assert public_holidays("XX", 2026) == frozenset()
    closed = ClosedDays.on(stated({"holidays": [{}]}), "service", "sms")
    assert closed.why(dt.date(2026, 12, 25), "XX") is None
    assert closed.why(dt.date(2026, 12, 25), None) is None


def test_blackout_days_of_a_country_hold_for_whom_no_country_is_known() -> None:
    days = {"from": "2026-12-25", "until": "2026-12-25", "countries": ["DE"]}
    closed = ClosedDays.on(stated({"blackout_days": [days]}), "service", "sms")
    assert closed.why(dt.date(2026, 12, 25), None) == "blackout_day"
    assert closed.why(dt.date(2026, 12, 25), "FR") is None


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"frequency_caps": [{"messages": 0, "days": 7}]}, "would hold every message"),
        ({"frequency_caps": [{"messages": 1, "days": 0}]}, "greater than or equal to 1"),
        ({"frequency_caps": [{"messages": 1, "days": 400}]}, "less than or equal to 92"),
        ({"blackout_days": [{"from": "2026-12-25", "until": "2026-12-24"}]}, "before they begin"),
        ({"blackout_days": [{"from": "2026-01-01", "until": "2026-12-31"}]}, "at most 31 days"),
        ({"countries": [{"allow": []}]}, "allows no country"),
        ({"countries": [{"deny": ["Germany"]}]}, "match pattern"),
        ({"budget": {"month": {"EUR": "-1"}}}, "greater than or equal to 0"),
        ({"frequency_caps": [{"messages": 1, "days": 1, "channels": ["pigeon"]}]}, "pigeon"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(rules: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        AudienceRules.model_validate(rules)


def test_the_same_rules_have_the_same_version() -> None:
    one, same = stated({"holidays": [{}]}), stated({"holidays": [{"countries": []}]})
    other = stated({"holidays": [{"countries": ["DE"]}]})
    assert one[0].version == same[0].version != other[0].version


_COUNTRIES = st.lists(st.sampled_from(["DE", "US", "FR"]), unique=True, min_size=1)
_LIMITS = {
    "channels": st.lists(st.sampled_from(["sms", "email"]), unique=True),
    "categories": st.sampled_from([[], ["service"], ["marketing"]]),
}
_RULES = st.fixed_dictionaries(
    {},
    optional={
        "countries": st.lists(
            st.fixed_dictionaries(_LIMITS, optional={"allow": _COUNTRIES, "deny": _COUNTRIES}), max_size=2
        ),
        "holidays": st.lists(st.fixed_dictionaries(_LIMITS, optional={"countries": _COUNTRIES}), max_size=2),
        "blackout_days": st.lists(
            st.fixed_dictionaries({**_LIMITS, "from": st.just("2026-12-24"), "until": st.just("2026-12-29")}),
            max_size=1,
        ),
        "outside_region": st.sampled_from(["send", "hold"]),
    },
)
_PEOPLE = st.lists(
    st.sampled_from([GERMAN, AMERICAN, MAILED, {**GERMAN, **MAILED}, {**MAILED, "country": "FR"}]),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=_PEOPLE, fewer=st.lists(_RULES, max_size=1), further=_RULES, cut=st.sampled_from([None, utc(26, 20)]))
def test_a_restriction_never_adds_a_message_nor_sends_one_earlier(
    tmp_path: Path,
    rows: list[dict[str, Any]],
    fewer: list[dict[str, Any]],
    further: dict[str, Any],
    cut: dt.datetime | None,
) -> None:
    before = plan(tmp_path, rows, *fewer, channels=("sms", "email"), cut_off=cut)
    after = plan(tmp_path, rows, *fewer, further, channels=("sms", "email"), cut_off=cut)
    for was, now in zip(before, after, strict=True):
        if now["state"] == "planned":
            assert was["state"] == "planned"
            if now["channel"] == was["channel"]:
                assert (now["not_before"] or CHRISTMAS) >= (was["not_before"] or CHRISTMAS)
    in_other_order = plan(tmp_path, rows, further, *fewer, channels=("sms", "email"), cut_off=cut)
    assert [verdict(row) for row in in_other_order] == [verdict(row) for row in after]
