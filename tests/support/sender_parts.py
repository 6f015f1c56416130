"""What tests of a sender's parts put in: campaigns, accounts and intents made by hand, and carriers of their own."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.carriers.protocol import Carrier, HandOff, Outcome, OutgoingMessage
from nightmail.organisation.carrier_accounts import CarrierAccountRow, CarrierFactory
from nightmail.organisation.routes import Route
from nightmail.privacy import AddressHash
from nightmail.sending.boot_clock import boot_time
from nightmail.sending.intents import CampaignInHand, Intent
from nightmail.sending.sender.lanes import Lane
from nightmail.store.states import CampaignState

NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
_KEYS = itertools.count(1)


def campaign_row(campaign_id: int = 1, **values: Any) -> CampaignRow:
    """A campaign that sends; ``values`` replace its columns."""
    row = CampaignRow(
        id=campaign_id,
        key=f"2026-11-23.acme.billing.{campaign_id:06d}",
        token=f"c{campaign_id:010x}",
        team_id=2,
        team="acme.billing",
        feed_id=None,
        feed=None,
        template_version_id=1,
        category_id=1,
        category="billing",
        needs_consent=False,
        resend_if_absent=False,
        state=CampaignState.SENDING,
        source="command",
        priority=5,
        settings={},
        counts={},
        problem=None,
        scheduled_at=None,
        local_start=None,
        held_until=None,
        schedule_time=None,
        cut_off_at=None,
        accepts_until=None,
        prepare_attempts=1,
        run_id=None,
        ledger_month=NOON.date().replace(day=1),
        loaded_at=NOON,
        first_hand_off_at=None,
        finished_at=None,
        sends_written_at=None,
        ledger_changed_at=None,
        created_at=NOON,
        state_changed_at=NOON,
    )
    return replace(row, **values)


def campaign_in_hand(row: CampaignRow | None = None, *, has_preferences: bool = False) -> CampaignInHand:
    """A campaign of the team 2, which is below the team 1."""
    return CampaignInHand(row or campaign_row(), [2, 1], has_standby=False, has_preferences=has_preferences)


def account(account_id: int = 1, channel: str = "sms", **settings: Any) -> CarrierAccountRow:
    """A carrier account of all teams."""
    return CarrierAccountRow(
        id=account_id,
        team_id=None,
        name=f"account-{account_id}",
        carrier="test",
        channel=channel,
        region="",
        priority=100,
        settings=settings,
        secret=None,
        webhook_secret=None,
    )


def route(of: CarrierAccountRow | None = None, sender: str | None = None) -> Route:
    """A route over an account, under a sender or none."""
    of = of or account()
    return Route(of, sender, None, None, of.rate_per_s)


def intent(campaign: CampaignInHand | None = None, over: Route | None = None, **values: Any) -> Intent:
    """An intent of the sender run 1, taken at this moment."""
    key = next(_KEYS)
    campaign = campaign or campaign_in_hand()
    made = Intent(
        campaign,
        over or route(),
        sender_run_id=1,
        key=key,
        number=1,
        segments=1,
        address_hash=AddressHash(b"hash-%d" % key),
        time_zone=None,
        country=None,
        message=OutgoingMessage(f"{campaign.row.token}-{key}-sms-0", "+447700900001", "Hello"),
        taken_at=boot_time(),
    )
    return replace(made, **values)


def accepted(message: OutgoingMessage) -> HandOff:
    """The carrier took it."""
    return HandOff(message.message_id, Outcome.ACCEPTED, f"SM-{message.message_id}")


class ScriptedCarrier:
    """A carrier that answers as a test says, and remembers what it was given."""

    def __init__(self, answer: Callable[[OutgoingMessage], HandOff] = accepted, maximum_batch: int = 1) -> None:
        self.maximum_batch = maximum_batch
        self.answer = answer
        self.taken: list[str] = []
        self.closed = 0
        self._lock = threading.Lock()

    def hand_off(self, batch: Sequence[OutgoingMessage], *_: Any) -> list[HandOff]:
        """Remember the messages, and answer each."""
        with self._lock:
            self.taken += [message.message_id for message in batch]
        return [self.answer(message) for message in batch]

    def close(self) -> None:
        """Count how often it was closed."""
        with self._lock:
            self.closed += 1


def factory_of(carrier: ScriptedCarrier) -> CarrierFactory:
    """A factory that gives the same carrier to every thread."""

    def make(_: CarrierAccountRow) -> Carrier:
        return carrier  # type: ignore[return-value]

    return make


def idle_lane(of: CarrierAccountRow | None = None, maximum_batch: int = 1) -> Lane:
    """A lane whose threads have ended: for tests of what the main thread does with it."""
    lane = Lane(of or account(), ScriptedCarrier(maximum_batch=maximum_batch), lambda _, __: None)  # type: ignore[arg-type]
    for thread in lane.threads:
        thread.join()
    return lane
