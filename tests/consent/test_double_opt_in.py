"""Consents that are asked for: in force once they are confirmed, and never against what was withdrawn since they were asked for."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from nightmail.consent import consent_requests
from nightmail.consent.confirm_words import confirms
from nightmail.consent.confirming import Confirmed, confirm
from nightmail.consent.consent_requests import ConsentAsked, ask_for_consent, find_request, requests_of
from nightmail.consent.consents import (
    ConsentState,
    ConsentWithdrawn,
    consent_state,
    consents_of,
    withdraw_consents,
)
from nightmail.consent.decent_hours import not_before
from nightmail.consent.preference_statements import Chosen
from nightmail.consent.preferences import record_preferences
from nightmail.consent.suppressions import OPTED_OUT, record_suppressions
from nightmail.errors import UsageError
from nightmail.organisation.routes import Route
from nightmail.privacy import address_hash, contact_ids
from tests.support.sender_parts import account, route

KEY = b"k" * 32
NUMBER, EMAIL = "+447700900123", "anna@example.com"
CONTACT = contact_ids("acme.shop", ["c-1"], KEY)[0]
NOW = dt.datetime.now(dt.UTC)
SHOWN = {"en": "I agree.", "de": "Ich stimme zu."}


@pytest.fixture(autouse=True)
def contact(connection: Connection) -> None:
    """The contact stands in the team's book."""
    connection.execute(
        text(
            "insert into contact (team_id, contact_id, external_id, phone, email, language) "
            "values (:team, :contact, 'c-1', :phone, :email, 'de-AT')"
        ),
        {"team": _team(connection), "contact": CONTACT, "phone": NUMBER, "email": EMAIL},
    )


def _team(connection: Connection, path: str = "acme.shop") -> int:
    return int(connection.execute(text("select id from team where path = :path"), {"path": path}).scalar_one())


def _route(channel: str) -> Route:
    return route(account(7, channel), "+441632960001")


def _ask(connection: Connection, **changed: Any) -> Any:
    find = changed.pop("find_route", _route)
    asked = ConsentAsked(CONTACT, "offers", **{"at": NOW - dt.timedelta(days=1), "how": "form", **changed})
    return ask_for_consent(connection, _team(connection), asked, find_route=find, shown=SHOWN, key=KEY, actor="test")


def _state(connection: Connection, channel: str = "sms") -> ConsentState:
    stated = consents_of(connection, "acme.shop", CONTACT)
    return consent_state(
        stated, "offers", channel, dt.datetime.now(dt.UTC), requests_of(connection, "acme.shop", CONTACT)
    )


_DAYS, _CHANNELS = st.integers(1, 4), st.sampled_from([None, "sms", "email"])
_EVENTS = st.one_of(
    st.tuples(st.just("ask"), _DAYS, _CHANNELS),
    st.tuples(st.just("confirm"), st.integers(0, 2), st.none()),
    st.tuples(st.just("confirm"), st.integers(0, 2), st.none()),
    st.tuples(st.just("withdraw"), _DAYS, _CHANNELS),
    st.tuples(st.just("expire"), st.integers(0, 2), st.none()),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(_EVENTS, max_size=9))
def test_what_is_in_force_is_what_was_last_certainly_stated(
    connection: Connection, events: list[tuple[str, Any, Any]]
) -> None:
    """Asked, confirmed twice, late, after a withdrawal, in any order: the latest certain time wins, of equal times the withdrawal."""
    mark = connection.begin_nested()
    shortly, most = consent_requests.SHORTLY, consent_requests.MOST_A_DAY
    consent_requests.SHORTLY, consent_requests.MOST_A_DAY = dt.timedelta(0), 99
    asked: list[int] = []
    over: set[int] = set()
    # Certain statements: the day that counts, the channel, and whether it withdraws.
    certain: list[tuple[int, str | None, bool]] = []
    days: dict[int, tuple[int, str | None]] = {}
    try:
        for kind, value, channel in events:
            if kind == "ask":
                try:
                    made = _ask(connection, at=NOW - dt.timedelta(days=9 - value), channel=channel)
                except UsageError as error:
                    assert error.reason == "consent_ask_withdrawn"
                    continue
                if made.request is not None:
                    asked.append(made.request.id)
                    days[made.request.id] = (value, channel)
            elif kind == "withdraw":
                at = NOW - dt.timedelta(days=9 - value)
                withdrawn = ConsentWithdrawn(CONTACT, "offers", at, "call", channel=channel)
                withdraw_consents(connection, _team(connection), [withdrawn], actor="test")
                certain.append((value, channel, True))
            elif value < len(asked):
                request = asked[value]
                if kind == "expire":
                    connection.execute(
                        text("update consent_request set expires_at = now() - interval '1 s' where id = :id"),
                        {"id": request},
                    )
                    over.add(request)
                elif confirm(connection, request, by="link") is Confirmed.NOW:
                    assert request not in over
                    certain.append((*days[request], False))
        for channel in ("sms", "email"):
            concerned = [each for each in certain if each[1] in (None, channel)]
            last = max((each[0] for each in concerned), default=0)
            withdrawn_last = any(each[2] for each in concerned if each[0] == last)
            state = _state(connection, channel)
            if not concerned:
                assert state in (ConsentState.MISSING, ConsentState.REQUESTED)
            else:
                assert state is (ConsentState.WITHDRAWN if withdrawn_last else ConsentState.GIVEN)
    finally:
        consent_requests.SHORTLY, consent_requests.MOST_A_DAY = shortly, most
        mark.rollback()


def test_a_request_holds_nothing_until_it_is_confirmed_and_its_proof_is_kept(connection: Connection) -> None:
    made = _ask(connection, proof="form 4711", source="shop.example")
    assert (made.request is not None and made.address == NUMBER) or made.address == EMAIL
    assert (made.request.language, made.request.text) == ("de", "Ich stimme zu.")
    assert _state(connection) is ConsentState.REQUESTED
    assert confirm(connection, made.request.id, by="link", came_from="ab") is Confirmed.NOW
    assert confirm(connection, made.request.id, by="link") is Confirmed.BEFORE
    assert _state(connection) is ConsentState.GIVEN
    (row,) = consents_of(connection, "acme.shop", CONTACT)
    assert (row.text, row.text_version, row.source) == ("Ich stimme zu.", 1, "shop.example")
    assert row.captured_at == made.request.asked_at and row.confirmed_at is not None
    assert row.proof is not None and row.proof.startswith(f"form 4711; request {made.request.id} to ")
    assert NUMBER not in row.proof and EMAIL not in row.proof
    # In force: nothing more is asked.
    assert _ask(connection).request is None
    audit = connection.scalars(text("select action from audit order by id")).all()
    assert audit[-3:] == ["consent.asked", "consent.recorded", "consent.confirmed"]


def test_an_older_request_does_not_overturn_a_withdrawal_whichever_is_recorded_first(connection: Connection) -> None:
    made = _ask(connection)
    between = ConsentWithdrawn(CONTACT, "offers", NOW - dt.timedelta(hours=3), "call")
    withdraw_consents(connection, _team(connection), [between], actor="test")
    assert confirm(connection, made.request.id, by="link") is Confirmed.WITHDRAWN
    assert _state(connection) is ConsentState.WITHDRAWN
    # Said again after that, and confirmed: agreed. A withdrawal of before that comes late changes nothing; one of after does.
    later = _ask(connection, at=NOW - dt.timedelta(hours=2))
    assert confirm(connection, later.request.id, by="link") is Confirmed.NOW
    assert _state(connection) is ConsentState.GIVEN
    withdraw_consents(
        connection,
        _team(connection),
        [ConsentWithdrawn(CONTACT, "offers", NOW - dt.timedelta(hours=1), "letter")],
        actor="test",
    )
    assert _state(connection) is ConsentState.WITHDRAWN
    with pytest.raises(UsageError) as refused:
        _ask(connection, at=NOW - dt.timedelta(minutes=90))
    assert refused.value.reason == "consent_ask_withdrawn"


def test_one_message_for_a_request_and_few_for_an_address(connection: Connection) -> None:
    first = _ask(connection)
    again = _ask(connection)
    assert again.request.id == first.request.id and again.address is None
    for _ in range(2):
        connection.execute(text("update consent_request set requested_at = now() - interval '61 minutes'"))
        assert _ask(connection).address is not None
    connection.execute(text("update consent_request set requested_at = now() - interval '61 minutes'"))
    with pytest.raises(UsageError) as refused:
        _ask(connection)
    assert refused.value.reason == "consent_ask_too_often"


@pytest.mark.parametrize(
    ("category", "channel", "way"),
    [(None, "sms", EMAIL), ("offers", "sms", EMAIL), ("news", "sms", NUMBER), (None, None, None)],
)
def test_a_suppressed_address_is_not_written_to(
    connection: Connection, category: str | None, channel: str | None, way: str | None
) -> None:
    """An opt-out of the category or of all; the contact's other address may be asked at. Of another category it may."""
    for name, address in (("sms", NUMBER), ("email", EMAIL)):
        if channel in (None, name):
            record_suppressions(
                connection,
                [(name, address_hash(address, KEY))],
                team_id=_team(connection, "acme"),
                category=category,
                reason=OPTED_OUT,
                source="test",
            )
    if way is None:
        with pytest.raises(UsageError) as refused:
            _ask(connection)
        assert refused.value.reason == "consent_ask_suppressed"
        assert requests_of(connection, "acme.shop", CONTACT) == []
    else:
        only = {"channel": "sms"} if way == NUMBER else {}
        order = {"find_route": lambda name: _route(name) if name in ("sms", "email") else None}
        record_preferences(
            connection, _team(connection), [(CONTACT, NOW, {"channels": ["sms"]})], source="t", actor="test"
        )
        assert _ask(connection, **only, **order).address == way


def test_neither_a_pause_nor_the_contacts_night_is_disturbed(connection: Connection) -> None:
    paused = {"paused_until": (NOW + dt.timedelta(days=2)).isoformat()}
    record_preferences(connection, _team(connection), [(CONTACT, NOW, paused)], source="t", actor="test")
    with pytest.raises(UsageError) as refused:
        _ask(connection)
    assert refused.value.reason == "consent_ask_not_now"


@pytest.mark.parametrize(
    ("quiet", "at", "until"),
    [
        (("21:00", "08:00"), "22:30", "08:00"),
        (("21:00", "08:00"), "07:59", "08:00"),
        (("21:00", "08:00"), "08:00", None),
        (("12:00", "14:00"), "13:00", "14:00"),
        (("12:00", "14:00"), "14:00", None),
        ((None, None), "03:00", None),
    ],
)
def test_quiet_hours_are_of_the_contacts_own_day(
    quiet: tuple[str | None, str | None], at: str, until: str | None
) -> None:
    local = dt.datetime.fromisoformat(f"2026-11-23T{at}+09:00")
    ends = not_before(Chosen(quiet_from=quiet[0], quiet_until=quiet[1]), "Asia/Tokyo", local.astimezone(dt.UTC))
    assert (ends and f"{ends:%H:%M}") == until
    assert ends is None or local < ends <= local + dt.timedelta(hours=12)


def test_an_unknown_request_and_one_that_is_over_confirm_nothing(connection: Connection) -> None:
    assert confirm(connection, 999, by="link") is Confirmed.GONE
    made = _ask(connection)
    connection.execute(text("update consent_request set expires_at = now() - interval '1 s'"))
    assert confirm(connection, made.request.id, by="link") is Confirmed.OVER
    row = find_request(connection, made.request.id)
    assert row is not None and not row.waits
    assert _state(connection) is ConsentState.MISSING


@pytest.mark.parametrize(
    ("written", "language", "own", "sure"),
    [
        ("YES", "en", None, True),
        (" yes! ", "en", None, True),
        ("Ja", "de", None, True),
        ("si", "es", None, True),
        ("Oui.", "fr", None, True),
        ("join", "en", "JOIN", True),
        ("stop", "en", "stop", False),
        ("yes", "de", None, False),
        ("yes no", "en", None, False),
        ("yes, but only on Sundays", "en", None, False),
        ("no", "en", None, False),
        ("ok", "en", None, False),
        ("", "en", None, False),
        ("👍", "en", None, False),
        ("start", "en", None, False),
    ],
)
def test_only_a_whole_word_of_the_requests_language_confirms(
    written: str, language: str, own: str | None, sure: bool
) -> None:
    assert confirms(written, language, own) is sure
