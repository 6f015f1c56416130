"""The watch: what stops an intent between its commit and its hand-off, and how long suppressions are remembered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nightmail.sending.boot_clock import boot_time
from nightmail.sending.sender.watch import CONSENT_LEASE_S, LEASE_S, FreshSuppression, Suspension, Watch, remembered
from tests.support.sender_parts import account, campaign_in_hand, campaign_row, intent, route

NOW = 1000.0


def watch(**values: Any) -> Watch:
    return Watch(read_at=NOW, run_id=1, campaigns=frozenset({1}), **values)


def fresh(team_id: int | None = None, category: str | None = None) -> FreshSuppression:
    return FreshSuppression(team_id, category, NOW + 60)


OVER_SENDER = route(account(7), "+15550001")


@pytest.mark.parametrize(
    ("seen", "goes"),
    [
        ({}, True),
        ({"blocked": {(7, "", "sms"): NOW + 1}}, False),
        ({"blocked": {(7, "+15550001", "sms"): NOW + 1}}, False),
        ({"blocked": {(7, "+15550002", "sms"): NOW + 1}}, True),
        ({"blocked": {(7, "", "sms"): NOW - 1}}, True),
        ({"blocked": {(8, "", "sms"): NOW + 1}}, True),
        ({"stopped": frozenset({(1, 7, "+15550001")})}, False),
        ({"stopped": frozenset({(1, 7, None)})}, True),
        ({"suppressed": {("sms", "aa"): [fresh()]}}, False),
        ({"suppressed": {("sms", "aa"): [fresh(team_id=1)]}}, False),
        ({"suppressed": {("sms", "aa"): [fresh(team_id=3)]}}, True),
        ({"suppressed": {("sms", "aa"): [fresh(category="billing")]}}, False),
        ({"suppressed": {("sms", "aa"): [fresh(category="offers")]}}, True),
        ({"suppressed": {("email", "aa"): [fresh()]}}, True),
        ({"suppressed": {("sms", "b"): [fresh()]}}, True),
    ],
)
def test_what_a_look_has_seen_stops_an_intent(seen: dict[str, Any], goes: bool) -> None:
    each = intent(over=OVER_SENDER, address_hash=bytes.fromhex("aa"), taken_at=NOW)
    assert watch(**seen).allows(each, NOW) is goes


@pytest.mark.parametrize(
    ("change", "age", "goes"),
    [
        ({}, 0.0, True),
        ({}, LEASE_S - 1, True),
        ({}, LEASE_S, False),
        ({"sender_run_id": 2}, 0.0, False),
        ({"campaign": campaign_in_hand(campaign_row(2))}, 0.0, False),
        ({"campaign": campaign_in_hand(has_preferences=True)}, CONSENT_LEASE_S - 1, True),
        ({"campaign": campaign_in_hand(has_preferences=True)}, CONSENT_LEASE_S, False),
        ({"campaign": campaign_in_hand(campaign_row(needs_consent=True))}, CONSENT_LEASE_S, False),
    ],
)
def test_an_intent_goes_only_while_it_is_this_runs_fresh_and_of_a_campaign_that_sends(
    change: dict[str, Any], age: float, goes: bool
) -> None:
    each = replace(intent(taken_at=NOW - age), **change)
    assert watch().allows(each, NOW) is goes


def test_a_watch_that_was_never_read_allows_nothing() -> None:
    assert not Watch().allows(intent(), boot_time())


@pytest.mark.parametrize(
    ("suspension", "stops"),
    [
        (Suspension(None, "sms", None, None), True),
        (Suspension(None, "email", None, None), False),
        (Suspension(1, "sms", None, None), True),
        (Suspension(3, "sms", None, None), False),
        (Suspension(None, "sms", 7, None), True),
        (Suspension(None, "sms", 8, None), False),
        (Suspension(None, "sms", 7, "+15550001"), True),
        (Suspension(None, "sms", 7, "+15550002"), False),
    ],
)
def test_a_suspension_stops_what_it_names(suspension: Suspension, stops: bool) -> None:
    assert suspension.stops(campaign_in_hand(), OVER_SENDER) is stops


def test_a_suppression_is_remembered_for_longer_than_an_intent_is_acted_on() -> None:
    """Each look brings the last half minute's; what waits for a slow carrier may be a minute old."""

    def row(channel: str, address_hash: str, team_id: int | None, category: str | None) -> dict[str, Any]:
        return {"channel": channel, "address_hash": address_hash, "team_id": team_id, "category": category}

    first = remembered({}, [row("sms", "a", 1, None), row("sms", "a", None, "offers")], 100.0)
    again = remembered(first, [row("sms", "a", 1, None), row("email", "b", None, None)], 129.0)
    later = remembered(again, [], 100.0 + LEASE_S)
    gone = remembered(later, [], 131.0 + LEASE_S)
    assert [entry[:2] for entry in again["sms", "a"]] == [(None, "offers"), (1, None)]
    assert set(later) == {("sms", "a"), ("email", "b")} and len(later["sms", "a"]) == 2
    assert set(gone) == set()
