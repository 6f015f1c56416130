"""Holidays of states and cantons: of whom they hold, and which codes are refused."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from nightmail.audience import AudiencePolicy, KnownPreferences, plan_audience
from nightmail.audience.closed_days import ClosedDays
from nightmail.lake import TableFile
from nightmail.lake.schemas import CONTACTS
from nightmail.organisation.audience_rules import AudienceRules, StatedRules
from nightmail.row_checks.countries import subdivision_code

EPIPHANY = dt.date(2026, 1, 6)
"""A holiday in Bavaria, and not in Berlin nor nationwide."""
WOMENS_DAY = dt.date(2026, 3, 8)
"""A holiday in Berlin, and not in Bavaria."""
CHRISTMAS = dt.date(2026, 12, 25)
PLAIN: dict[str, Any] = {}
BAVARIAN = {"subdivisions": ["DE-BY"]}
BOTH = {"subdivisions": ["DE-BY", "DE-BE"]}


def stated(*holidays: dict[str, Any]) -> tuple[StatedRules, ...]:
    """One team's rules on holidays."""
    return (StatedRules("acme", 1, AudienceRules.model_validate({"holidays": list(holidays)})),)


@pytest.mark.parametrize(
    ("rule", "where", "day", "closed"),
    [
        # Of the contact's own part, whatever the rule states of others
        (PLAIN, "DE-BY", EPIPHANY, True),
        (PLAIN, "DE-BE", EPIPHANY, False),
        (BAVARIAN, "DE-BE", EPIPHANY, False),
        (BAVARIAN, "DE-BE", WOMENS_DAY, True),
        (PLAIN, "DE-BY", CHRISTMAS, True),
        # Of an unknown part: the country's, or where the rule says that contacts are
        (PLAIN, "DE", EPIPHANY, False),
        (PLAIN, "DE", CHRISTMAS, True),
        (BAVARIAN, "DE", EPIPHANY, True),
        (BAVARIAN, "DE", WOMENS_DAY, False),
        (BAVARIAN, "DE", CHRISTMAS, True),
        (BOTH, "DE", EPIPHANY, True),
        (BOTH, "DE", WOMENS_DAY, True),
        # Another country's contacts have nothing of it
        (BAVARIAN, "FR", EPIPHANY, False),
        (BAVARIAN, "FR", CHRISTMAS, True),
        # A part without a calendar of its own, an unknown one, and nothing known at all
        (PLAIN, "NL-NH", CHRISTMAS, True),
        (PLAIN, "DE-XX", CHRISTMAS, True),
        (PLAIN, "DE-XX", EPIPHANY, False),
        (BAVARIAN, None, EPIPHANY, False),
        ({"countries": ["CH"]}, "CH-ZH", dt.date(2026, 5, 1), True),
        ({"countries": ["CH"]}, "CH", dt.date(2026, 5, 1), False),
        ({"countries": ["CH"]}, "DE-BY", EPIPHANY, False),
    ],
)
def test_whose_holidays_hold(rule: dict[str, Any], where: str | None, day: dt.date, closed: bool) -> None:
    assert (ClosedDays.on(stated(rule), "service", "sms").why(day, where) == "holiday") is closed


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"subdivisions": ["DE-BX"]}, "DE-BX is no part of DE (ISO 3166-2): one of DE-BB, DE-BE, DE-BW, DE-BY"),
        ({"subdivisions": ["NL-NH"]}, "NL-NH is no part of NL whose holidays differ"),
        ({"subdivisions": ["XX-A"]}, "no holidays of XX are known"),
        ({"subdivisions": ["Bavaria"]}, "String should match pattern"),
        ({"countries": ["AT"], "subdivisions": ["DE-BY"]}, "DE-BY is in none of the countries"),
    ],
)
def test_a_subdivision_that_is_not_known_is_refused(rule: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        stated(rule)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("DE-BY", "DE-BY"), ("GB-ENG", "GB-ENG"), ("DE", None), ("Deutschland", None), ("IT-CH", None), ("XX-AA", None)],
)
def test_a_files_country_may_name_its_part(text: str, expected: str | None) -> None:
    assert subdivision_code(text) == expected


def test_contacts_wait_for_the_holiday_of_their_own_part(tmp_path: Path) -> None:
    """One whose part belongs to another country than their own counts as of the country."""
    parts = [("DE", "DE-BY"), ("DE", "DE-BE"), ("DE", None), ("AT", "DE-BY")]
    rows = [
        {
            "line": at + 2,
            "email": f"{at}@example.com",
            "country": country,
            "country_subdivision": part,
            "time_zone": "UTC",
        }
        for at, (country, part) in enumerate(parts)
    ]
    contacts, audience = TableFile(f"{tmp_path}/contacts.parquet"), TableFile(f"{tmp_path}/audience.parquet")
    contacts.write(pa.Table.from_pylist(rows, schema=CONTACTS))
    policy = AudiencePolicy(
        team="acme",
        hash_key=b"k" * 32,
        channels=("email",),
        languages={"email": ("en",)},
        now=dt.datetime(2026, 3, 8, 12, tzinfo=dt.UTC),
        rules=stated(PLAIN),
    )
    plan_audience(contacts, audience, policy, KnownPreferences.nothing())
    waits = [row["not_before"] for row in audience.read().to_pylist()]
    assert waits == [None, dt.datetime(2026, 3, 9, tzinfo=dt.UTC), None, None]
