"""Taking due messages: by plan, fairly and the most urgent first, within each account's room and pace."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from nightmail.carriers.protocol import OutgoingMessage
from nightmail.errors import NightmailError
from nightmail.organisation.carrier_accounts import CarrierAccountRow
from nightmail.organisation.routes import Route
from nightmail.sending import pace
from nightmail.sending.boot_clock import boot_time
from nightmail.sending.failovers import take_probe
from nightmail.sending.intents import CampaignInHand, Claim, Content, Intent, Portion, claim, units_of
from nightmail.sending.outcomes import taken_back
from nightmail.sending.sender.collecting import Collecting
from nightmail.sending.sender.composing import Composer
from nightmail.sending.sender.hand_offs import HandOffs
from nightmail.sending.sender.lanes import Lane
from nightmail.sending.sender.quiet import may_be_quiet, quiet_until
from nightmail.sending.sender.reactions import LONGEST_WAIT_S
from nightmail.sending.sender.routing import Routing
from nightmail.sending.sender.session import SenderSession
from nightmail.sending.sender.watch import STALE_S, Watcher
from nightmail.sending.sender_queries import FIRST_HAND_OFF, PLAN
from nightmail.store.driver_rows import rows_as

PLAN_S = 1.0
EMPTY_PLAN_S = 0.2
"""An empty plan is made again sooner: something may have become due."""
SLOW_CLAIM_S = 0.2
"""After a commit that took longer the watch is read again before anything of it is handed off."""
PACE_WAIT_S = 0.25
"""A lane whose pace has no more is looked at again after so long at the latest."""


class PlanEntry(NamedTuple):
    """A campaign with due messages on a channel; a smaller ``priority`` goes first."""

    campaign_id: int
    priority: int
    channel: str


class Choice(NamedTuple):
    """A campaign whose messages a lane may take next, and the route that they take."""

    priority: int
    campaign: CampaignInHand
    route: Route
    portion: Portion | None = None
    """Those that take the route, where others take another one."""
    probes: bool = False
    """Whether only a single message tries if the account works again."""


def next_choice(choices: Sequence[Choice], turn: int) -> Choice:
    """The choice of a turn: of the most urgent ones each in turn."""
    most_urgent = min(choice.priority for choice in choices)
    urgent = [choice for choice in choices if choice.priority == most_urgent]
    return urgent[turn % len(urgent)]


class Filling:
    """Fills the lanes of a sender with intents.

    ``suspend_unusable`` is called for an account for which no carrier can be made.
    """

    def __init__(
        self,
        session: SenderSession,
        watcher: Watcher,
        routing: Routing,
        hand_offs: HandOffs,
        collecting: Collecting,
        composer: Composer,
        suspend_unusable: Callable[[CarrierAccountRow, NightmailError], None],
    ) -> None:
        self._session = session
        self._watcher = watcher
        self._routing = routing
        self._hand_offs = hand_offs
        self._collecting = collecting
        self._composer = composer
        self._suspend_unusable = suspend_unusable
        self.plan: list[PlanEntry] = []
        self.planned_at = float("-inf")
        """When the plan was asked for, by the boot clock."""
        self._struck_off: set[tuple[int, str, int]] = set()
        """Campaign, channel and account of ways that have nothing due, until the next plan."""
        self._begun: set[int] = set()

    def fill(self) -> bool:
        """Take as much as lanes have room for; whether anything was taken. Nothing while the watch is stale."""
        now = boot_time()
        if now - self._watcher.watch.read_at > STALE_S:
            return False
        self._end_changed_lanes()
        lanes = self._hand_offs.lanes
        if now - self.planned_at >= (PLAN_S if self.plan else EMPTY_PLAN_S):
            self.make_plan()
        elif lanes and not any(lane.room and now >= lane.ready_at for lane in lanes.values()):
            return False
        worked = False
        for account, choices in self._choices_by_account():
            lane = self._lane_of(account)
            if lane is not None:
                worked = self._fill_lane(lane, choices) or worked
        return worked

    def make_plan(self) -> None:
        """Read which campaigns have due messages on which channels."""
        began = boot_time()
        with self._session.database.cursor(row_factory=rows_as(PlanEntry)) as cursor:
            self.plan = cursor.execute(PLAN, (self._session.run.epoch,)).fetchall()
        self.planned_at = began
        self._struck_off.clear()

    def waits_for_pace(self, now: float) -> bool:
        """Whether something of the plan waits only for its carrier's pace, and for less than a minute."""
        return any(self._watcher.watch.block_of(choice.route)[0] - now < LONGEST_WAIT_S for choice in self._choices())

    def _end_changed_lanes(self) -> None:
        accounts = self._routing.read_accounts()
        if accounts is not None and self._hand_offs.end_changed(accounts):
            self._routing.forget_routes()

    def _choices(self) -> Iterable[Choice]:
        """The entries of the plan that have a route now."""
        for entry in self.plan:
            campaign = self._routing.campaign(entry.campaign_id)
            if campaign is None:
                continue
            for route, portion, probes in self._routing.ways(campaign, entry.channel):
                if (campaign.row.id, entry.channel, route.account.id) not in self._struck_off:
                    yield Choice(entry.priority, campaign, route, portion, probes)

    def _choices_by_account(self) -> list[tuple[CarrierAccountRow, list[Choice]]]:
        by_account: dict[int, tuple[CarrierAccountRow, list[Choice]]] = {}
        for choice in self._choices():
            account = choice.route.account
            by_account.setdefault(account.id, (account, []))[1].append(choice)
        return list(by_account.values())

    def _lane_of(self, account: CarrierAccountRow) -> Lane | None:
        try:
            return self._hand_offs.lane_of(account)
        except NightmailError as error:
            self._suspend_unusable(account, error)
            return None

    def _fill_lane(self, lane: Lane, choices: list[Choice]) -> bool:
        worked = False
        while choices and lane.room > 0 and boot_time() >= lane.ready_at:
            lane.turn += 1
            choice = next_choice(choices, lane.turn)
            grant = self._grant(choice.route, 1 if choice.probes else lane.room)
            if grant.units < 1:
                choices = [other for other in choices if grant.waits_for not in other.route.pace_keys]
                if not choices:
                    lane.ready_at = boot_time() + min(grant.wait_s, PACE_WAIT_S)
                continue
            if choice.probes:
                choices.remove(choice)
                self._strike_off(choice)
                if not self._may_probe(choice.route.account):
                    pace.settle(self._session.database, choice.route, grant, 0)
                    continue
            taken = self._claim(choice, grant.units)
            if taken.intents:
                worked = True
                self._put(lane, choice, taken.intents, grant)
                continue
            pace.settle(self._session.database, choice.route, grant, 0)
            if not taken.held and not choice.probes:
                choices.remove(choice)
                self._strike_off(choice)
        return worked

    def _may_probe(self, account: CarrierAccountRow) -> bool:
        seen = self._watcher.watch.failovers.get(account.id)
        return seen is not None and take_probe(self._session.database, account, seen.probes_failed)

    def _grant(self, route: Route, wanted: int) -> pace.Grant:
        blocked_until, blocked = self._watcher.watch.block_of(route)
        blocked_s = blocked_until - boot_time()
        if blocked_s > 0:
            return pace.Grant(0, blocked_s, 0, blocked)
        return pace.take(self._session.database, route, wanted)

    def _claim(self, choice: Choice, units: int) -> Claim:
        database_time = self._watcher.watch.database_time

        def compose(campaign: CampaignInHand, route: Route, contents: list[Content]) -> list[OutgoingMessage]:
            return self._composer.compose(campaign, route, contents, database_time)

        run, began = self._session.run, boot_time()
        taken = claim(
            self._session.database,
            choice.campaign,
            choice.route,
            sender_run_id=run.id,
            epoch=run.epoch,
            timeline=run.timeline,
            limit=units,
            taken_at=began,
            compose=compose,
            portion=choice.portion,
        )
        self._collecting.note_held(choice.campaign.row.id, taken.held)
        if taken.intents and boot_time() - began > SLOW_CLAIM_S:
            # It may have waited for a standby that was given up meanwhile: then nothing of it may go.
            self._watcher.look([*self._hand_offs.in_hand.values(), *taken.intents])
        return taken

    def _put(self, lane: Lane, choice: Choice, intents: list[Intent], grant: pace.Grant) -> None:
        """Give committed intents to a lane. Whatever happens in between, they are known to be in hand."""
        self._hand_offs.take_in_hand(lane, intents)
        awake = intents
        try:
            awake = self._put_off_for_quiet_hours(choice.campaign, intents)
            pace.settle(self._session.database, choice.route, grant, units_of(awake))
            campaign = choice.campaign.row
            if campaign.first_hand_off_at is None and campaign.id not in self._begun:
                self._session.database.execute(FIRST_HAND_OFF, (campaign.id,))
                self._begun.add(campaign.id)
        except BaseException:
            self._hand_offs.give_back(awake)
            raise
        lane.put(awake)

    def _put_off_for_quiet_hours(self, campaign: CampaignInHand, intents: list[Intent]) -> list[Intent]:
        """Put intents within quiet hours off to their end; returns the others."""
        if not may_be_quiet(campaign):
            return intents
        awake: list[Intent] = []
        moment = dt.datetime.fromtimestamp(self._watcher.watch.database_time, dt.UTC)
        for intent in intents:
            ends = quiet_until(intent, moment)
            if ends is None:
                awake.append(intent)
            else:
                stored = taken_back(intent)
                stored.due_at = ends
                self._collecting.put_off(stored)
        return awake

    def _strike_off(self, choice: Choice) -> None:
        """Take an entry without due messages off the plan, or the one way that has none."""
        campaign_id, channel = choice.campaign.row.id, choice.route.account.channel
        if choice.portion is not None or choice.probes:
            self._struck_off.add((campaign_id, channel, choice.route.account.id))
            return
        self.plan = [entry for entry in self.plan if (entry.campaign_id, entry.channel) != (campaign_id, channel)]
