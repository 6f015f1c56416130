"""Consents and preferences: whatever the order in which things are recorded, what restricts is never lost."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from nightmail.audience import AudiencePolicy, plan_audience
from nightmail.consent.consents import (
    ConsentGiven,
    ConsentWithdrawn,
    consent_state,
    consents_of,
    record_consents,
    withdraw_consents,
)
from nightmail.consent.preference_statements import PreferenceStatement, taken_together
from nightmail.consent.preferences import preference_of, read_changes, record_preferences
from nightmail.consent.suppressions import OPTED_OUT, record_suppressions
from nightmail.errors import UsageError
from nightmail.lake import TableFile
from nightmail.lake.schemas import CONTACTS
from nightmail.preparation.stored_inputs import known_preferences
from nightmail.privacy import address_hash, contact_ids

KEY = b"k" * 32
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
NUMBER = "+447700900123"
CONTACT = contact_ids("acme.shop", ["c-1"], KEY)[0]
DAYS = st.integers(1, 4)
CHANNELS = st.sampled_from([None, "sms", "email"])


def _team(connection: Connection, path: str = "acme.shop") -> int:
    return int(connection.execute(text("select id from team where path = :path"), {"path": path}).scalar_one())


def _at(day: int) -> dt.datetime:
    return NOW - dt.timedelta(days=30 - day)


_EVENTS = st.one_of(
    st.tuples(st.just("given"), DAYS, CHANNELS, st.sampled_from([None, 10, 40])),
    st.tuples(st.just("withdrawn"), DAYS, CHANNELS, st.none()),
    st.tuples(st.just("topic"), DAYS, st.none(), st.booleans()),
    st.tuples(st.just("pause"), DAYS, st.none(), st.sampled_from([None, -1, 1])),
    st.tuples(st.just("opt_out"), DAYS, st.none(), st.none()),
)


def _record(connection: Connection, event: tuple[Any, ...]) -> None:
    kind, day, channel, value = event
    team, at = _team(connection), _at(day)
    if kind == "given":
        ends = None if value is None else NOW - dt.timedelta(days=30 - value)
        given_ = ConsentGiven(CONTACT, "offers", at, "form", channel=channel, expires_at=ends)
        record_consents(connection, team, [given_], actor="test")
    elif kind == "withdrawn":
        withdraw_consents(
            connection, team, [ConsentWithdrawn(CONTACT, "offers", at, "call", channel=channel)], actor="test"
        )
    elif kind == "topic":
        record_preferences(connection, team, [(CONTACT, at, {"topics": {"offers": value}})], source="t", actor="test")
    elif kind == "pause":
        until = None if value is None else (NOW + dt.timedelta(days=value)).isoformat()
        record_preferences(connection, team, [(CONTACT, at, {"paused_until": until})], source="t", actor="test")
    else:
        address = ("sms", address_hash(NUMBER, KEY))
        record_suppressions(connection, [address], team_id=team, reason=OPTED_OUT, source="test")


def _planned(connection: Connection, folder: Path) -> tuple[bool, str | None]:
    contacts, audience = TableFile(f"{folder}/contacts.parquet"), TableFile(f"{folder}/audience.parquet")
    row = {"line": 2, "external_id": "c-1", "phone": NUMBER, "phone_type": "mobile"}
    contacts.write(pa.Table.from_pylist([row], schema=CONTACTS))
    policy = AudiencePolicy(
        team="acme.shop",
        hash_key=KEY,
        channels=("sms",),
        languages={"sms": ("en",)},
        category="offers",
        needs_consent=True,
        now=NOW,
    )
    plan_audience(contacts, audience, policy, known_preferences(connection, "acme.shop"))
    (found,) = audience.read().to_pylist()
    return found["state"] == "planned", found["reason"]


def _expected(events: list[tuple[Any, ...]]) -> bool:
    """Whether the rules, read one by one, let the message go."""
    if any(event[0] == "opt_out" for event in events):
        return False
    stated = [event for event in events if event[0] in ("given", "withdrawn") and event[2] in (None, "sms")]
    if not stated:
        return False
    last = max(event[1] for event in stated)
    latest = [event for event in stated if event[1] == last]
    if any(event[0] == "withdrawn" or event[3] == 10 for event in latest):
        return False
    for kind in ("topic", "pause"):
        chosen = [event for event in events if event[0] == kind]
        newest = [event[3] for event in chosen if event[1] == max(each[1] for each in chosen)]
        if (kind == "topic" and False in newest) or (kind == "pause" and 1 in newest):
            return False
    return True


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(_EVENTS, max_size=7), data=st.data())
def test_what_holds_does_not_depend_on_the_order_of_recording(
    connection: Connection, tmp_path: Path, events: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    """An audience planned after any order of imports, opt-outs, consents and withdrawals is the one that the rules give."""
    for order in (events, data.draw(st.permutations(events))):
        with connection.begin_nested() as nested:
            for event in order:
                _record(connection, event)
            planned, reason = _planned(connection, tmp_path)
            state = consent_state(consents_of(connection, "acme.shop", CONTACT), "offers", "sms", NOW)
            nested.rollback()
        assert planned == _expected(events)
        if reason is not None and reason.startswith("consent_"):
            assert reason == f"consent_{state}"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(_EVENTS, max_size=5), restriction=_EVENTS)
def test_a_restriction_never_adds_a_message(
    connection: Connection, tmp_path: Path, events: list[tuple[Any, ...]], restriction: tuple[Any, ...]
) -> None:
    """A withdrawal, an opt-out, a topic that is out or a pause, now stated, lets nothing go that was held."""
    kind, _, channel, value = restriction
    if kind == "given" or (kind == "topic" and value) or (kind == "pause" and value != 1):
        return
    with connection.begin_nested() as nested:
        for event in events:
            _record(connection, event)
        before, _ = _planned(connection, tmp_path)
        _record(connection, (kind, 5, channel, value))
        after, _ = _planned(connection, tmp_path)
        nested.rollback()
    assert after <= before
    assert not after or channel == "email"


def test_statements_are_taken_together_alike_in_any_order() -> None:
    """Of two at the same time what restricts counts, whichever came in first."""
    moment = NOW
    stated = [
        PreferenceStatement("c", moment, {"topics": {"offers": False}}),
        PreferenceStatement("c", moment, {"topics": {"offers": True}}),
        PreferenceStatement("c", moment, {"topics_out": []}),
        PreferenceStatement("c", moment, {"quiet_from": "21:00", "quiet_until": "07:00"}),
        PreferenceStatement("c", moment, {"quiet_from": None, "quiet_until": None}),
        PreferenceStatement("c", moment - dt.timedelta(days=1), {"channels": ["email"], "topics_out": ["news"]}),
    ]
    found = taken_together(stated)
    assert found == taken_together(reversed(stated))
    assert (found.topics_out, found.channels, found.quiet_from) == (frozenset({"offers"}), ("email",), "21:00")


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ({"colour": "red"}, "preference_field_unknown"),
        ({}, "preference_empty"),
        ({"topics_out": ["nothing_of_the_sort"]}, "category_unknown"),
        ({"channels": ["pigeon"]}, "channel_unknown"),
        ({"time_zone": "Mars/Olympus"}, "preference_time_zone_unknown"),
        ({"language": "klingonese"}, "preference_language_unknown"),
        ({"quiet_from": "25:00", "quiet_until": "07:00"}, "quiet_hours_invalid"),
        ({"quiet_from": "21:00"}, "quiet_hours_invalid"),
        ({"paused_until": "soon"}, "preference_pause_invalid"),
    ],
)
def test_what_cannot_be_chosen_is_refused(connection: Connection, written: dict[str, Any], reason: str) -> None:
    """Each with its own code, before anything is kept."""
    with pytest.raises(UsageError) as refused:
        read_changes(connection, "acme.shop", written)
    assert refused.value.reason == reason


def test_a_consent_is_kept_with_its_proof_and_recorded_once(connection: Connection) -> None:
    """A file that comes twice changes nothing; a late consent of before the withdrawal is kept as withdrawn."""
    team = _team(connection)
    given_ = ConsentGiven(CONTACT, "offers", _at(1), "web form", source="shop.example/join", proof="form 4711")
    assert record_consents(connection, team, [given_], actor="user:anna").added == 1
    assert record_consents(connection, team, [given_], actor="user:anna").already == 1
    withdraw_consents(connection, team, [ConsentWithdrawn(CONTACT, "offers", _at(3), "call")], actor="user:anna")
    withdraw_consents(connection, team, [ConsentWithdrawn(CONTACT, "news", _at(3), "call")], actor="user:anna")
    record_consents(connection, team, [ConsentGiven(CONTACT, "offers", _at(2), "file")], actor="user:anna")
    rows = consents_of(connection, "acme.shop", CONTACT)
    assert sorted((row.category, row.never_given) for row in rows) == [
        ("news", True),
        ("offers", False),
        ("offers", False),
    ]
    assert all(row.withdrawn_at == _at(3) for row in rows)
    assert {row.proof for row in rows if row.captured_how == "web form"} == {"form 4711"}
    actions = connection.scalars(text("select action from audit order by id")).all()
    assert actions.count("consent.recorded") == 2
    assert actions.count("consent.withdrawn") == 2


def test_what_is_in_the_future_is_refused(connection: Connection) -> None:
    """A time to come, and one without a zone."""
    team = _team(connection)
    for at in (dt.datetime.now(dt.UTC) + dt.timedelta(days=1), NOW.replace(tzinfo=None)):
        with pytest.raises(UsageError) as refused:
            record_consents(connection, team, [ConsentGiven(CONTACT, "offers", at, "form")], actor="test")
        assert refused.value.reason == "consent_time_future"


def test_a_team_above_is_heard_and_a_sibling_is_not(connection: Connection) -> None:
    """What was stated to the organisation holds for its shop."""
    stated = [(CONTACT, _at(1), {"paused_until": (NOW + dt.timedelta(days=9)).isoformat()})]
    record_preferences(connection, _team(connection, "acme"), stated, source="file", actor="test")
    assert preference_of(connection, "acme.shop", CONTACT).paused_until == NOW + dt.timedelta(days=9)
    assert known_preferences(connection, "acme.shop").preferences.num_rows == 1
    assert known_preferences(connection, "acme.other").preferences.num_rows == 1
    assert known_preferences(connection, "globex").preferences.num_rows == 0
