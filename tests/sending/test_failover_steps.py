"""When an account fails over and comes back: by what it answers, in steps, whatever the order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightmail.organisation.failover_settings import FailoverSettings, failover_settings
from nightmail.sending.failovers import Answers, Failover, probe_wait_s, stepped

SETTINGS = FailoverSettings()
NOTHING, ACCEPTED, DOUBTFUL = Answers(), Answers(accepted=10), Answers(doubtful=1, doubtful_messages=1)


def after(*heard: tuple[float, Answers], state: Failover | None = None, of: FailoverSettings = SETTINGS) -> Failover:
    """The state after answers, each at its second."""
    state = state or Failover()
    for at, answers in heard:
        state = stepped(state, answers, of, at, another_way=True)
    return state


def test_the_stated_number_in_the_stated_time_is_needed() -> None:
    assert after(*((second, DOUBTFUL) for second in range(100, 104))).moved_percent == 0
    assert after(*((second, DOUBTFUL) for second in range(100, 105))).moved_percent == 25
    # The first is forgotten by the time of the fifth.
    assert after(*((second * 16.0, DOUBTFUL) for second in range(1, 9))).moved_percent == 0
    own = failover_settings({"failover": {"after": 2, "within_s": 100, "step_percent": 40, "later": "unknown"}})
    assert after((100, DOUBTFUL), (190, DOUBTFUL), of=own).moved_percent == 40


def test_a_few_doubtful_answers_among_many_are_no_outage() -> None:
    """Nine of a hundred are not one in ten; and the count begins anew when the time is over."""
    many = Answers(doubtful=9, doubtful_messages=9, accepted=91)
    assert after((100, many)).moved_percent == 0
    assert after((100, replace(many, accepted=81))).moved_percent == 25
    # One request of a thousand emails is one answer, and a thousand messages.
    assert after((100, Answers(5, 5, 5000, 20_000))).moved_percent == 25
    assert after((100, many), (161, ACCEPTED)) == Failover()


def test_it_goes_on_by_steps_and_comes_back_by_steps() -> None:
    state = after((100, Answers(doubtful=5, doubtful_messages=5)))
    seen = [state.moved_percent]
    for second, heard in (
        (110, DOUBTFUL),  # still cooling down
        (121, NOTHING),
        (142, DOUBTFUL),
        (163, DOUBTFUL),
        (184, DOUBTFUL),
        (205, ACCEPTED),  # a probe
        (226, ACCEPTED),
        (247, ACCEPTED + DOUBTFUL),  # not all is well yet
        (268, ACCEPTED),
        (289, NOTHING),
        (310, ACCEPTED),
    ):
        state = after((second, heard), state=state)
        seen.append(state.moved_percent)
    assert seen == [25, 25, 50, 75, 100, 100, 75, 50, 50, 25, 25, 0]
    assert state == Failover()


def test_an_account_that_asks_to_be_left_alone_gives_the_rest_away() -> None:
    """It says nothing meanwhile. Only a step at a time, after each cool-down; and one that is full is probed as ever."""
    state, seen = after((100, Answers(doubtful=5, doubtful_messages=5))), []
    for second in (110, 121, 130, 142, 163, 184):
        state = stepped(state, NOTHING, SETTINGS, second, another_way=True, left_alone=True)
        seen.append(state.moved_percent)
    assert seen == [25, 50, 50, 75, 100, 100]
    assert state.probes_failed == 0
    assert stepped(Failover(), NOTHING, SETTINGS, 100, another_way=True, left_alone=True) == Failover()


@pytest.mark.parametrize("another_way", [False, True])
def test_an_account_that_is_not_to_fail_over_or_has_no_other_beside_it_stays(another_way: bool) -> None:
    own = FailoverSettings(enabled=not another_way)
    assert stepped(Failover(), Answers(50, 50, 50), own, 100, another_way=another_way).moved_percent == 0


def test_probes_of_what_stays_down_come_later_each_time() -> None:
    waits = [probe_wait_s(SETTINGS, failed) for failed in (0, 1, 2, 3, 4, 400)]
    assert waits == [20, 40, 80, 160, 300, 300]
    state = Failover(100, (), 100, 100)
    for second in (121, 142):
        state = after((second, DOUBTFUL), state=state)
    assert (state.moved_percent, state.probes_failed) == (100, 2)


_HEARD = st.builds(
    Answers,
    second=st.just(0.0),
    doubtful=st.integers(0, 8),
    doubtful_messages=st.integers(0, 9),
    accepted=st.integers(0, 50),
)


@settings(max_examples=150, deadline=None)
@given(
    steps=st.lists(st.tuples(st.floats(0.1, 40), _HEARD), max_size=40),
    own=st.builds(
        FailoverSettings,
        after=st.integers(1, 8),
        within_s=st.floats(1, 120),
        step_percent=st.integers(1, 100),
        cool_down_s=st.floats(0, 60),
    ),
)
def test_whatever_is_heard_steps_are_small_apart_and_lead_back(
    steps: list[tuple[float, Answers]], own: FailoverSettings
) -> None:
    """Never more than a step, never sooner than the cool-down, never away without a doubtful answer; what is well is back."""
    state, now, stepped_at, doubtful = Failover(), 1000.0, float("-inf"), 0
    for passed, heard in steps:
        now += passed
        doubtful += heard.doubtful
        before, state = state, stepped(state, heard, own, now, another_way=True)
        assert 0 <= state.moved_percent <= 100
        change = state.moved_percent - before.moved_percent
        assert abs(change) <= own.step_percent
        if change:
            assert now - stepped_at >= own.cool_down_s or not before.moved_percent
            stepped_at = now
            assert doubtful or change < 0
            doubtful = 0
    for _ in range(2 * (100 // own.step_percent) + 4):
        now += own.cool_down_s + own.within_s
        state = stepped(state, ACCEPTED, own, now, another_way=True)
    assert state == Failover()
