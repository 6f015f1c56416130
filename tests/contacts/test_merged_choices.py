"""What two contacts chose and consented to, when they are merged and parted again: who was restricted is never reached because of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from nightmail.channels import CHANNELS
from nightmail.consent.consents import (
    ConsentGiven,
    ConsentState,
    ConsentWithdrawn,
    consent_state,
    consents_of,
    record_consents,
    withdraw_consents,
)
from nightmail.consent.merged_choices import Quiet, Restrictions, Stand, joined_restrictions, joined_stand
from nightmail.consent.merges import merge, undo_merge
from nightmail.consent.preferences import preference_history, preference_of, record_preferences
from nightmail.consent.suppressions import OPTED_OUT, record_suppressions, suppressions_of
from nightmail.contacts.contact_changes import set_addresses
from nightmail.contacts.contact_listing import ContactRow, find_contact
from nightmail.contacts.merges import find_merge
from nightmail.errors import UsageError
from nightmail.privacy import address_hash
from tests.contacts.conftest import KEY, Book

TEAM = "acme.billing"
OFFERS = "offers"
START = dt.datetime.now(dt.UTC) - dt.timedelta(days=30)
FAR = dt.datetime.now(dt.UTC) + dt.timedelta(days=90)
_S = ConsentState
GIVEN, MISSING, EXPIRED, WITHDRAWN = map(Stand, (_S.GIVEN, _S.MISSING, _S.EXPIRED, _S.WITHDRAWN))
ENDS = Stand(ConsentState.GIVEN, FAR)

STANDS = {
    "both gave": (GIVEN, GIVEN, {"a"}, {"b"}, GIVEN),
    "both gave, one until a day": (GIVEN, ENDS, {"a"}, {"b"}, ENDS),
    "one gave, for an address that both have": (GIVEN, MISSING, {"a"}, {"a"}, GIVEN),
    "one gave, and the other has no address": (GIVEN, MISSING, {"a"}, set(), GIVEN),
    "one gave, and the other has an address more": (GIVEN, MISSING, {"a"}, {"b"}, EXPIRED),
    "the one without an address gave": (MISSING, GIVEN, {"a"}, set(), EXPIRED),
    "the other gave, whose address it is": (MISSING, GIVEN, set(), {"b"}, GIVEN),
    "one withdrew": (GIVEN, WITHDRAWN, {"a"}, set(), WITHDRAWN),
    "the consent of one has ended": (GIVEN, EXPIRED, {"a"}, {"b"}, EXPIRED),
    "nobody said anything": (MISSING, MISSING, {"a"}, {"b"}, MISSING),
}


@pytest.mark.parametrize(("one", "other", "mine", "theirs", "expected"), STANDS.values(), ids=STANDS)
def test_a_consent_speaks_for_the_addresses_of_who_gave_it(
    one: Stand, other: Stand, mine: set[str], theirs: set[str], expected: Stand
) -> None:
    assert joined_stand(one, other, mine, theirs) == expected
    assert joined_stand(other, one, theirs, mine) == expected


QUIET = {
    "one alone": (("21:00", "08:00"), None, ("21:00", "08:00")),
    "one within the other": (("21:00", "08:00"), ("22:00", "07:00"), ("21:00", "08:00")),
    "overlapping": (("20:00", "06:00"), ("22:00", "09:00"), ("20:00", "09:00")),
    "apart": (("12:00", "13:00"), ("20:00", "08:00"), ("20:00", "13:00")),
    "no hour is left": (("08:00", "20:00"), ("20:00", "08:00"), None),
}


@pytest.mark.parametrize(("one", "other", "expected"), QUIET.values(), ids=QUIET)
def test_the_quiet_hours_of_both_are_quiet(one: Any, other: Any, expected: Any) -> None:
    sides = [Restrictions(quiet=Quiet(*each, "Europe/Berlin") if each else None) for each in (one, other)]
    for order in (sides, sides[::-1]):
        if expected is None:
            with pytest.raises(UsageError) as caught:
                joined_restrictions(order)
            assert caught.value.reason == "merge_choices_differ"
        else:
            assert joined_restrictions(order).quiet == Quiet(*expected, "Europe/Berlin")
    with pytest.raises(UsageError):
        joined_restrictions([sides[0], Restrictions(quiet=Quiet("01:00", "02:00", "Asia/Tokyo"))])


@dataclass
class Two:
    """Two contacts of a team, each with statements."""

    book: Book
    kept: ContactRow
    other: ContactRow

    @property
    def connection(self) -> Connection:
        return self.book.connection

    def state(self, contact_id: str, channel: str = "sms") -> ConsentState:
        return consent_state(consents_of(self.connection, TEAM, contact_id), OFFERS, channel, dt.datetime.now(dt.UTC))

    def reachable(self, contact_id: str, channel: str = "sms") -> bool:
        """Whether preferences and consents let an offer go to a contact."""
        chosen = preference_of(self.connection, TEAM, contact_id)
        paused = chosen.paused_until is not None and chosen.paused_until > dt.datetime.now(dt.UTC)
        wanted = OFFERS not in chosen.topics_out and (chosen.topics_in is None or OFFERS in chosen.topics_in)
        return self.state(contact_id, channel) is ConsentState.GIVEN and wanted and not paused

    def stated(self, contact_id: str) -> Any:
        """All that was stated of a contact, without the ids of rows."""
        kept = self.connection.execute(
            text("select to_jsonb(p) - 'id' - 'updated_at' from preference p where contact_id = :id"),
            {"id": contact_id},
        )
        return (
            [row.as_dict() for row in consents_of(self.connection, TEAM, contact_id)],
            preference_history(self.connection, TEAM, contact_id),
            kept.scalars().all(),
        )

    def merge(self) -> int:
        return merge(self.connection, *self.read(), by=self.book.ada, key=KEY)[1]

    def part(self, number: int) -> None:
        undo_merge(self.connection, find_merge(self.connection, self.book.ada, number), by=self.book.ada, key=KEY)

    def read(self) -> tuple[ContactRow, ContactRow]:
        first, second = (find_contact(self.connection, self.book.ada, each.id) for each in (self.kept, self.other))
        return first, second

    def say(self, contact_id: str, what: str, at: dt.datetime, value: Any = None) -> None:
        """Record that something was stated under an id."""
        team = self.kept.team_id
        channel = value if what in ("given", "withdrawn") and isinstance(value, str) else None
        if what == "given":
            expires = value if isinstance(value, dt.datetime) else None
            given_ = ConsentGiven(contact_id, OFFERS, at, "form", channel=channel, expires_at=expires)
            record_consents(self.connection, team, [given_], actor="test")
        elif what == "withdrawn":
            gone = ConsentWithdrawn(contact_id, OFFERS, at, "call", channel=channel)
            withdraw_consents(self.connection, team, [gone], actor="test")
        else:
            changes = {what: value.isoformat() if isinstance(value, dt.datetime) else value}
            record_preferences(self.connection, team, [(contact_id, at, changes)], source="test", actor="test")


@pytest.fixture
def two(book: Book) -> Two:
    """See :class:`Two`: with numbers of their own."""
    book.connection.execute(
        text("insert into category (name, kind, needs_consent) values ('offers', 'marketing', true)")
    )
    kept = book.add(external_id="C-1", name="Jon Smyth", phone="0151 2345 6780")
    other = book.add(external_id="C-2", name="John Smith", phone="0151 2345 6781")
    return Two(book, kept, other)


_SAID = st.one_of(
    st.tuples(st.just("given"), st.sampled_from([None, "sms", "email", FAR])),
    st.tuples(st.just("withdrawn"), st.sampled_from([None, "sms"])),
    st.tuples(st.just("topics"), st.sampled_from([{OFFERS: True}, {OFFERS: False}])),
    st.tuples(st.just("topics_in"), st.sampled_from([[OFFERS], [], None])),
    st.tuples(st.just("topics_out"), st.sampled_from([[OFFERS], [], None])),
    st.tuples(st.just("paused_until"), st.sampled_from([FAR, None])),
)
_WHO = st.sampled_from(["kept", "other"])
_LIST = st.lists(st.tuples(_WHO, _SAID, st.integers(0, 20)), max_size=8)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=_LIST, since=_LIST, shares=st.booleans(), late=st.booleans())
def test_nobody_who_was_restricted_becomes_reachable(
    two: Two, before: list[Any], since: list[Any], *, shares: bool, late: bool
) -> None:
    """Random statements of both, a merge, random statements under either id, and the way back."""
    ids = {"kept": two.kept.contact_id, "other": two.other.contact_id}
    with two.connection.begin_nested() as nested:
        if shares:
            set_addresses(two.connection, two.other, "phone", ["+4915123456780"], by=two.book.ada, key=KEY)
        for who, (what, value), day in before:
            two.say(ids[who], what, START + dt.timedelta(days=day), value)
        reached = {who: two.reachable(each) for who, each in ids.items()}
        state = {who: two.state(each) for who, each in ids.items()}
        stated = {who: two.stated(each) for who, each in ids.items()}
        number = two.merge()
        # What either refused holds for both; and one consent alone is for no address of the other's.
        for who, each in ids.items():
            assert two.reachable(each) <= (reached["kept"] or reached["other"])
            if not shares:
                assert two.reachable(each) <= (reached["kept"] and reached["other"])
            assert ConsentState.WITHDRAWN not in state.values() or two.state(each) is ConsentState.WITHDRAWN, who
        for place, (who, (what, value), day) in enumerate(since):
            now = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=place)
            two.say(ids[who], what, START + dt.timedelta(days=day) if late else now, value)
        assert two.reachable(ids["kept"]) == two.reachable(ids["other"])
        assert two.state(ids["kept"]) == two.state(ids["other"])
        two.part(number)
        paused = ("paused_until", FAR) in [said for _, said, _ in since] and not late
        for who, each in ids.items():
            if not since:
                assert two.stated(each) == stated[who]
            # Nobody but the contact that went speaks under its id: what it allowed since is its own.
            if who not in [speaker for speaker, *_ in since] or who == "kept":
                assert two.reachable(each) <= (reached[who] and not paused), who
        nested.rollback()


def test_what_is_stated_after_a_merge_holds_for_messages_under_either_id(two: Two) -> None:
    """A campaign in flight was planned under the id of the contact that went; and an older message has that one's link."""
    for each in (two.kept, two.other):
        two.say(each.contact_id, "given", START)
    number = two.merge()
    assert two.state(two.kept.contact_id) is two.state(two.other.contact_id) is ConsentState.GIVEN
    for says, hears in ((two.kept, two.other), (two.other, two.kept)):
        with two.connection.begin_nested() as nested:
            two.say(says.contact_id, "withdrawn", dt.datetime.now(dt.UTC))
            assert two.state(hears.contact_id) is ConsentState.WITHDRAWN
            two.part(number)
            assert two.state(hears.contact_id) is two.state(says.contact_id) is ConsentState.WITHDRAWN
            nested.rollback()


def test_the_way_back_keeps_what_is_certain(two: Two) -> None:
    """Under the id of the contact that went nobody speaks but that one. Under the other one it may have been either."""
    number = two.merge()
    two.say(two.other.contact_id, "given", dt.datetime.now(dt.UTC))
    assert two.state(two.kept.contact_id) is two.state(two.other.contact_id) is ConsentState.GIVEN
    two.part(number)
    assert two.state(two.other.contact_id) is ConsentState.GIVEN
    assert two.state(two.kept.contact_id) is ConsentState.MISSING
    two.kept, two.other = two.read()
    again = two.merge()
    assert two.state(two.kept.contact_id) is ConsentState.EXPIRED
    two.say(two.kept.contact_id, "given", dt.datetime.now(dt.UTC))
    two.say(two.kept.contact_id, "topics", dt.datetime.now(dt.UTC), {OFFERS: False})
    two.part(again)
    assert two.state(two.kept.contact_id) is ConsentState.EXPIRED
    assert two.state(two.other.contact_id) is ConsentState.GIVEN
    for each in (two.kept, two.other):
        assert preference_of(two.connection, TEAM, each.contact_id).topics_out == {OFFERS}


def test_a_merge_into_a_merged_contact_and_both_ways_back(two: Two) -> None:
    """Three ids stand for one contact then."""
    third = two.book.add(external_id="C-3", name="J. Smith", phone="0151 2345 6782")
    two.say(third.contact_id, "paused_until", START, FAR)
    stated = {each.contact_id: two.stated(each.contact_id) for each in (two.kept, two.other, third)}
    first = two.merge()
    second = merge(two.connection, third, two.read()[0], by=two.book.ada, key=KEY)[1]
    ids = [each.contact_id for each in (two.kept, two.other, third)]
    assert [preference_of(two.connection, TEAM, each).paused_until for each in ids] == [FAR] * 3
    two.say(two.other.contact_id, "withdrawn", dt.datetime.now(dt.UTC))
    assert {two.state(each) for each in ids} == {ConsentState.WITHDRAWN}
    with pytest.raises(UsageError) as caught:
        two.part(first)
    assert caught.value.reason in ("merge_not_undone", "contact_removed")
    two.part(second)
    assert [preference_of(two.connection, TEAM, each).paused_until for each in ids] == [None, None, FAR]
    two.part(first)
    assert {each: two.stated(each)[1] for each in ids} == {each: stated[each][1] for each in ids}
    assert {two.state(each) for each in ids} == {ConsentState.WITHDRAWN}


def test_who_opted_out_at_one_address_has_done_so_at_the_others_of_the_merged_contact(two: Two) -> None:
    """The way back lifts that, but not what the person asked for meanwhile, nor what another merge needs."""
    mine, theirs = (address_hash(each, KEY) for each in ("+4915123456780", "+4915123456781"))

    def in_force(hashed: Any) -> list[tuple[str, str]]:
        return sorted((row.channel, row.source) for row in suppressions_of(two.connection, hashed, team=TEAM))

    record_suppressions(two.connection, [("sms", theirs)], team_id=two.kept.team_id, reason=OPTED_OUT, source="reply")
    number = two.merge()
    channels = sorted(each.name for each in CHANNELS.values() if "phone" in each.fields)
    assert in_force(mine) == [(channel, f"merge:{number}") for channel in channels]
    assert in_force(theirs) == [("sms", "reply")]
    asked_for = record_suppressions(
        two.connection, [("sms", mine)], team_id=two.kept.team_id, reason=OPTED_OUT, source="reply"
    )
    assert len(asked_for) == 1
    two.part(number)
    assert in_force(mine) == in_force(theirs) == [("sms", "reply")]


def test_quiet_hours_that_leave_no_hour_are_not_joined(two: Two) -> None:
    """Nobody can say then when the person may be written to: the merge waits for somebody who asks."""
    for each, hours in ((two.kept, ("08:00", "20:00")), (two.other, ("20:00", "08:00"))):
        changes = {"quiet_from": hours[0], "quiet_until": hours[1]}
        record_preferences(
            two.connection, each.team_id, [(each.contact_id, START, changes)], source="test", actor="test"
        )
    with pytest.raises(UsageError) as caught, two.connection.begin_nested():
        two.merge()
    assert caught.value.reason == "merge_choices_differ"
    assert [each.removed_at for each in two.read()] == [None, None]
