"""The threads: what they hand off, what they give back, and what they leave when they end. No database is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from nightmail.carriers.error_tables import NOT_CONNECTED
from nightmail.carriers.protocol import HandOff, Outcome, OutgoingMessage
from nightmail.errors import ConfigurationError
from nightmail.organisation.carrier_accounts import CarrierAccountRow
from nightmail.sending.boot_clock import boot_time
from nightmail.sending.intents import Intent
from nightmail.sending.sender.hand_offs import HandedOff, HandOffs
from nightmail.sending.sender.watch import Watch
from tests.support.sandbox_process import eventually
from tests.support.sender_parts import ScriptedCarrier, account, factory_of, intent, route


class Watching:
    """What the threads look at, as a test has it."""

    def __init__(self, **values: Any) -> None:
        self.watch = Watch(read_at=boot_time() + 3600, run_id=1, campaigns=frozenset({1}), **values)


@contextmanager
def handing_off(carriers: Any, watching: Watching, intents: list[Intent], of: CarrierAccountRow) -> Iterator[HandOffs]:
    hand_offs = HandOffs(carriers, watching)
    lane = hand_offs.lane_of(of)
    hand_offs.take_in_hand(lane, intents)
    lane.put(intents)
    yield hand_offs
    hand_offs.close()
    eventually(hand_offs.are_over)


def settled(hand_offs: HandOffs, count: int) -> dict[int, HandedOff]:
    """What came back, by message key, once there is so much of it."""
    eventually(lambda: len(hand_offs.done) == count)
    return {each.key: (each, hand_off) for each, hand_off in hand_offs.done}


@pytest.mark.parametrize("batch", [1, 10])
def test_every_intent_comes_back_with_its_own_answer(batch: int) -> None:
    carrier = ScriptedCarrier(maximum_batch=batch)
    of = account(connections=2)
    intents = [intent(over=route(of)) for _ in range(10)]
    with handing_off(factory_of(carrier), Watching(), intents, of) as hand_offs:
        found = settled(hand_offs, 10)
    assert sorted(carrier.taken) == sorted(each.message.message_id for each in intents)
    for each, hand_off in found.values():
        assert hand_off is not None and hand_off.message_id == each.message.message_id
    assert hand_offs.wake.is_set() and carrier.closed >= 1


def test_what_may_not_go_is_given_back_and_the_rest_of_the_batch_goes() -> None:
    carrier = ScriptedCarrier(maximum_batch=10)
    of = account(connections=1)
    intents = [intent(over=route(of)) for _ in range(4)]
    intents[1].sender_run_id = intents[3].sender_run_id = 2
    with handing_off(factory_of(carrier), Watching(), intents, of) as hand_offs:
        found = settled(hand_offs, 4)
    assert [found[each.key][1] is None for each in intents] == [False, True, False, True]
    assert carrier.taken == [intents[0].message.message_id, intents[2].message.message_id]


def test_nothing_goes_while_the_watch_is_stale() -> None:
    """The threads wait for the next look; when they are to end, they give back what they hold."""
    carrier = ScriptedCarrier()
    watching = Watching()
    watching.watch.read_at = boot_time() - 10
    of = account(connections=1)
    each = intent(over=route(of))
    with handing_off(factory_of(carrier), watching, [each], of) as hand_offs:
        assert not hand_offs.done
    assert list(hand_offs.done) == [(each, None)]
    assert carrier.taken == []


def test_a_limit_that_one_thread_meets_holds_for_the_others_at_once() -> None:
    def busy(message: OutgoingMessage) -> HandOff:
        return HandOff(message.message_id, Outcome.RETRY_LATER, error=NOT_CONNECTED, retry_after_s=30.0)

    watching = Watching()
    carrier = ScriptedCarrier(busy)
    of = account(5, connections=1)
    with handing_off(factory_of(carrier), watching, [intent(over=route(of)) for _ in range(6)], of) as hand_offs:
        found = settled(hand_offs, 6)
    assert len(carrier.taken) == 1
    assert sum(hand_off is None for _, hand_off in found.values()) == 5
    assert watching.watch.blocked[5, "", "sms"] > boot_time() + 20


def test_a_carrier_that_raises_leaves_its_message_in_doubt() -> None:
    """And the next one waits: an account that gives no clear answers is left alone."""

    def silent(message: OutgoingMessage) -> HandOff:
        raise OSError(message.message_id)

    of = account(connections=1)
    intents = [intent(over=route(of)) for _ in range(2)]
    with handing_off(factory_of(ScriptedCarrier(silent)), Watching(), intents, of) as hand_offs:
        found = settled(hand_offs, 2)
    first, second = (found[each.key][1] for each in intents)
    assert first is not None and (first.outcome, first.error_code) == (Outcome.IN_DOUBT, "OSError")
    assert second is None and hand_offs.defect is None


def test_what_a_thread_that_died_leaves_is_in_doubt_and_what_waited_goes_back() -> None:
    class Dying(ScriptedCarrier):
        def hand_off(self, batch: Any, *_: Any) -> list[HandOff]:
            raise KeyboardInterrupt

    of = account(connections=1)
    intents = [intent(over=route(of)) for _ in range(3)]
    with handing_off(factory_of(Dying()), Watching(), intents, of) as hand_offs:
        eventually(lambda: hand_offs.defect is not None)
    hand_offs.settle_left_over(())
    found = {each.key: hand_off for each, hand_off in hand_offs.done}
    first = found[intents[0].key]
    assert first is not None and first.outcome is Outcome.IN_DOUBT
    assert found[intents[1].key] is found[intents[2].key] is None


def test_an_account_that_changes_gets_another_lane_which_knows_what_is_in_hand() -> None:
    carrier = ScriptedCarrier()
    watching = Watching()
    watching.watch.read_at = float("-inf")
    of = account(connections=1)
    each = intent(over=route(of))
    with handing_off(factory_of(carrier), watching, [each], of) as hand_offs:
        first = hand_offs.lane_of(of)
        assert hand_offs.lane_of(of) is first
        assert not hand_offs.end_changed([of])
        assert hand_offs.end_changed([account(connections=2)])
        second = hand_offs.lane_of(account(connections=2))
        assert second is not first and second.outstanding == 1
        hand_offs.let_go([each])
        assert second.outstanding == 0 and not hand_offs.in_hand


def test_an_account_without_a_carrier_has_no_lane() -> None:
    def none(_: CarrierAccountRow) -> Any:
        raise ConfigurationError("carrier_unknown", value="test", known="sandbox")

    hand_offs = HandOffs(none, Watching())
    with pytest.raises(ConfigurationError):
        hand_offs.lane_of(account())
    assert hand_offs.are_over()
