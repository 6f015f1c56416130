"""Filling: who is taken from, in which order, and how much; with a carrier of the test's own and no sender's process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from nightmail.errors import ConfigurationError, NightmailError
from nightmail.organisation.carrier_accounts import CarrierAccountRow, CarrierFactory
from nightmail.sending.boot_clock import boot_time
from nightmail.sending.sender.collecting import Collecting
from nightmail.sending.sender.composing import Composer
from nightmail.sending.sender.filling import Choice, Filling, PlanEntry, next_choice
from nightmail.sending.sender.hand_offs import HandOffs
from nightmail.sending.sender.routing import Routing
from nightmail.sending.sender.session import SenderSession
from nightmail.sending.sender.watch import Watcher
from tests.support.sandbox_process import eventually
from tests.support.sender_parts import ScriptedCarrier, campaign_in_hand, campaign_row, factory_of, route
from tests.support.sending_rig import KEY, Organisation


@dataclass
class Filler:
    """The parts that filling works on."""

    watcher: Watcher
    hand_offs: HandOffs
    collecting: Collecting
    filling: Filling
    unusable: list[tuple[str, str]]

    def fill(self) -> bool:
        """Look and fill, as the main thread does in turns."""
        self.watcher.look(self.hand_offs.in_hand.values())
        return self.filling.fill()

    def fill_and_write(self) -> None:
        """Fill until there is no more, writing what the threads did in between."""
        while self.fill() or self.hand_offs.in_hand:
            self.collecting.collect()


def filler(organisation: Organisation, session: SenderSession, carriers: CarrierFactory) -> Filler:
    watcher = Watcher(session)
    hand_offs = HandOffs(carriers, watcher)
    collecting = Collecting(organisation.engine, session, hand_offs, lambda lane: None)
    unusable: list[tuple[str, str]] = []

    def note(account: CarrierAccountRow, error: NightmailError) -> None:
        unusable.append((account.name, error.reason))

    filling = Filling(
        session,
        watcher,
        Routing(organisation.engine, watcher),
        hand_offs,
        collecting,
        Composer(KEY, None),
        note,
    )
    return Filler(watcher, hand_offs, collecting, filling, unusable)


@pytest.fixture
def carrier() -> ScriptedCarrier:
    return ScriptedCarrier()


@pytest.fixture
def parts(organisation: Organisation, session: SenderSession, carrier: ScriptedCarrier) -> Iterator[Filler]:
    made = filler(organisation, session, factory_of(carrier))
    yield made
    made.hand_offs.close()
    eventually(made.hand_offs.are_over)
    made.collecting.collect()


def choice(campaign_id: int, priority: int) -> Choice:
    return Choice(priority, campaign_in_hand(campaign_row(campaign_id)), route())


def test_the_most_urgent_take_turns_and_the_others_wait() -> None:
    choices = [choice(1, 5), choice(2, 0), choice(3, 5), choice(4, 0)]
    assert [next_choice(choices, turn).campaign.row.id for turn in range(5)] == [2, 4, 2, 4, 2]


def test_the_plan_names_what_is_due(organisation: Organisation, parts: Filler) -> None:
    """Not what is paused, scheduled or of an earlier epoch; each channel that has something due by itself."""
    due = organisation.campaign(2, ("sms", "email"))
    urgent = organisation.campaign(["person@mail.example"], ("email",), priority=0)
    paused = organisation.campaign(1)
    organisation.execute("update campaign set state = 'paused' where id = :c", c=paused.id)
    earlier = organisation.campaign(1)
    organisation.execute("update message set epoch = 0 where campaign_id = :c", c=earlier.id)
    parts.filling.make_plan()
    assert set(parts.filling.plan) == {PlanEntry(due.id, 5, "sms"), PlanEntry(urgent.id, 0, "email")}


def test_everything_due_is_taken_once_and_the_campaign_is_frozen(
    organisation: Organisation, parts: Filler, carrier: ScriptedCarrier
) -> None:
    campaign = organisation.campaign(30)
    parts.fill_and_write()
    assert len(carrier.taken) == len(set(carrier.taken)) == 30
    assert organisation.states(campaign) == {"accepted": 30}
    assert organisation.read(campaign).first_hand_off_at is not None
    assert parts.collecting.summary.accepted == 30


def test_no_more_is_taken_than_there_is_room_for(organisation: Organisation, session: SenderSession) -> None:
    """Nothing is known of the carrier's speed yet: four for each connection."""
    campaign = organisation.campaign(100)
    stuck = ScriptedCarrier()
    made = filler(organisation, session, factory_of(stuck))
    made.watcher.look(())
    # Nothing may go: the threads give back what is in hand, and nobody writes that here.
    made.hand_offs.closing = True
    made.filling.fill()
    assert len(made.hand_offs.in_hand) == 4 * 4
    assert organisation.states(campaign) == {"handing_over": 16, "queued": 84}
    assert not made.filling.fill()
    made.hand_offs.close()
    eventually(made.hand_offs.are_over)
    made.collecting.collect()
    assert stuck.taken == [] and organisation.states(campaign) == {"queued": 100}


def test_the_pace_says_how_many_and_what_is_not_used_goes_back(
    organisation: Organisation, parts: Filler, carrier: ScriptedCarrier
) -> None:
    organisation.change_account("sms", rate_per_s=8)
    organisation.campaign(10)
    assert parts.fill()
    eventually(lambda: len(carrier.taken) == 2)
    parts.collecting.collect()
    (lane,) = parts.hand_offs.lanes.values()
    assert lane.ready_at > boot_time() or len(carrier.taken) > 2
    assert parts.filling.waits_for_pace(boot_time())


def test_a_stale_watch_takes_nothing(organisation: Organisation, parts: Filler, carrier: ScriptedCarrier) -> None:
    organisation.campaign(1)
    parts.watcher.look(())
    parts.watcher.watch.read_at -= 10
    assert not parts.filling.fill()
    assert carrier.taken == [] and parts.filling.plan == []


def test_quiet_hours_put_a_message_off_without_a_hand_off(
    organisation: Organisation, parts: Filler, carrier: ScriptedCarrier
) -> None:
    """Hours that cover the whole day: it is looked at again a day later, and takes nothing of the pace."""
    campaign = organisation.campaign(1, settings={"quiet_hours": "00:00-23:59", "quiet_channels": ["sms"]})
    parts.fill()
    parts.collecting.collect()
    assert carrier.taken == []
    (row,) = organisation.messages(campaign)
    assert (row["state"], row["attempts"]) == ("queued", 0)
    assert organisation.query("select due_at > now() from message") == [(True,)]


def test_an_account_without_a_carrier_is_reported_and_holds_up_no_other(
    organisation: Organisation, session: SenderSession, carrier: ScriptedCarrier
) -> None:
    def carriers(account: CarrierAccountRow) -> Any:
        if account.channel == "sms":
            raise ConfigurationError("carrier_unknown", value="test", known="sandbox")
        return carrier

    made = filler(organisation, session, carriers)
    organisation.campaign(1)
    organisation.campaign(["person@mail.example"], ("email",))
    made.fill()
    assert made.unusable == [("sandbox-sms", "carrier_unknown")]
    eventually(lambda: len(carrier.taken) == 1)
    made.hand_offs.close()
    eventually(made.hand_offs.are_over)
    made.collecting.collect()
