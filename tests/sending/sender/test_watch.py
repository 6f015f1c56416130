"""The watch: what stops an intent between its commit and its hand-off, and how long suppressions are remembered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nightmail.sending.boot_clock import boot_time
from nightmail.sending.sender.watch import (
    CONSENT_LEASE_S,
    LEASE_S,
    FreshStatement,
    FreshSuppression,
    Suspension,
    Watch,
    remembered,
    statements_remembered,
)
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


@pytest.mark.parametrize(
    ("entry", "campaign", "taken_at", "goes"),
    [
        ((2, "billing"), {}, NOW - 1, False),
        ((1, "billing"), {}, NOW - 1, False),
        ((3, "billing"), {}, NOW - 1, True),
        ((2, "offers"), {}, NOW - 1, True),
        # An intent of after the look has asked for it, if it asks at all.
        ((2, "billing"), {}, NOW + 1, False),
        ((2, "billing"), {"has_withdrawals": True}, NOW + 1, True),
        ((2, "billing"), {"has_withdrawals": True}, NOW - 1, False),
        ((2, None), {}, NOW + 1, False),
        ((2, None), {"has_preferences": True}, NOW + 1, True),
        ((2, None), {"has_withdrawals": True}, NOW + 1, False),
    ],
)
def test_what_a_contact_states_is_asked_for_before_their_message_goes(
    entry: tuple[int, str | None], campaign: dict[str, bool], taken_at: float, goes: bool
) -> None:
    stated = {"who": [FreshStatement(*entry, NOW, NOW, NOW + 60)]}
    seen = watch(stated=stated, newly=frozenset({entry}))
    known = replace(campaign_in_hand(), **campaign)
    assert seen.allows(intent(known, contact_id="who", taken_at=taken_at), NOW + 2) is goes
    assert seen.allows(intent(known, contact_id="another", taken_at=taken_at), NOW + 2)
    assert seen.as_of_now(known).has_withdrawals is known.has_withdrawals or entry in {(2, "billing"), (1, "billing")}


def test_a_second_withdrawal_is_seen_beside_the_first() -> None:
    """Withdrawn, given, withdrawn: an intent that knew of the first does not know of the second."""
    row = {"team_id": 2, "contact_id": "who", "category": "billing", "at": 1.0}
    first = statements_remembered({}, [row], 100.0)
    again = statements_remembered(first, [row, row | {"at": 2.0}], 101.0)
    assert [entry.seen for entry in again["who"]] == [100.0, 101.0]
    assert statements_remembered(again, [], 102.0 + LEASE_S) == {}


def test_of_more_than_a_look_brings_every_intent_is_asked_again_soon() -> None:
    many = watch(many_until=NOW + 1)
    assert not many.allows(intent(taken_at=NOW - CONSENT_LEASE_S), NOW)
    assert many.as_of_now(campaign_in_hand()).asks_contact
