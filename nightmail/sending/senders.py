"""Senders: each drains due messages of all campaigns from the ledger, fairly and urgent first, until nothing is due.

One sender is one process. Its main thread owns one database connection: it commits intents, keeps watch over what may
be sent, and writes outcomes. A few threads per carrier account do nothing but hand off, each with a carrier of its own.
Between two hand-offs a thread asks :class:`Watch` whether the message may still go; the watch is never older than a
second, or the threads wait, so that a pause holds even while the database does not answer.

The connection holds an advisory lock on the sender's run. When the process dies, the server frees the lock, and any
other process sees at once whose intents are in doubt (:func:`nightmail.sending.dead_senders`).
"""

from __future__ import annotations

import datetime as dt
import gc
import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from nightmail.campaigns.alerts import raise_alert
from nightmail.campaigns.campaign_routes import routes_of
from nightmail.campaigns.campaign_rows import find_campaign, get_campaign
from nightmail.campaigns.suspensions import suspend_channel
from nightmail.campaigns.transitions import move_campaign
from nightmail.carriers.error_tables import ErrorClass, ErrorScope, error_entry
from nightmail.carriers.protocol import Carrier, HandOff, Outcome, OutgoingMessage
from nightmail.channels import CHANNELS, BodyKind, Unit
from nightmail.errors import NightmailError, UnavailableError
from nightmail.organisation.carrier_accounts import CarrierAccountRow, CarrierFactory, carrier_accounts
from nightmail.organisation.routes import PaceKey, Route, team_ids_upwards
from nightmail.reasons import remedy
from nightmail.sending import pace
from nightmail.sending.boot_clock import boot_time
from nightmail.sending.intents import (
    BY_INDEX,
    CampaignInHand,
    Content,
    Intent,
    claim,
    release_unknown,
)
from nightmail.sending.outcome_storage import StoredOutcome, store_outcomes
from nightmail.sending.outcomes import judge, limited, not_tried, too_much, unwell
from nightmail.sending.sender_lanes import BATCH_S, WINDOW, Lane
from nightmail.sending.sender_runs import begin_sender_run, end_sender_run, rejoin_sender_run
from nightmail.sending.sender_watch import LEASE_S, STALE_S, WATCH_QUERY, Watch, remembered
from nightmail.store.engine import libpq_url
from nightmail.store.states import CampaignState

if TYPE_CHECKING:
    from psycopg import Connection

_log = logging.getLogger("nightmail.sending")

WATCH_S = 0.25
FRESH_S = 0.05
"""What may go is not asked again so soon."""
PLAN_S = 1.0
CONTEXT_S = 5.0
MARK_S = 1.0
TIDY_S = 5.0
RESOLVE_EVERY = 3
LAST_LOOK_S = 5.0
"""How long a sender that is done waits for its last look at what is in doubt: something else may fall due."""
DATABASE_PATIENCE_S = 300.0
COLLECT_AFTER = 50_000
"""New objects between two runs of the garbage collector."""
LONGEST_WAIT_S = 60.0
"""A sender that may not hand off anything for longer than this ends; the sensor starts one when it is time."""
TROUBLE_TO_STOP = 5
"""So many hand-offs in a row without a clear answer, and the account is left alone for a while."""
TROUBLE_TO_ALERT = 10
UNKNOWN_TO_SUSPEND = 5

# Limit and order keep the planner to one look into the index of due messages for each campaign and channel. With exists()
# it prefers to read every queued message there is, once a second: with a million of them, senders did little else.
#
# Campaigns of one team and choice of senders go the same way, and wait together where it is suspended or slow. So these
# groups take turns for the places in the plan of each channel: hundreds of campaigns that wait keep out no others.
_PLAN_QUERY = """
select id, priority, channel from (
    select *, row_number() over (partition by channel order by turn, priority, random()) as place from (
        select c.id, c.priority, ch.name as channel, row_number() over (
            partition by ch.name, c.team_id, c.settings -> 'senders' order by c.priority, random()) as turn
        from campaign c cross join channel ch
            cross join lateral (select from message m where m.ledger_month = c.ledger_month and m.campaign_id = c.id
                and m.channel = ch.name and m.state = 'queued' and m.due_at <= now() and m.epoch = %s
                order by m.due_at limit 1) due
        where c.state = 'sending' and c.ledger_month is not null and (c.cut_off_at is null or c.cut_off_at > now())
    ) due_campaigns
) placed where place <= 200
"""


@dataclass(frozen=True, kw_only=True)
class SenderOptions:
    """How one sender works. The defaults are the product's."""

    hash_key: bytes = field(repr=False)
    public_url: str | None = None
    """The portal's address, for one-click unsubscribing; nothing is added without it."""
    dagster_run_id: str | None = None
    idle_s: float = 1.0
    """How long a sender waits for more when nothing is due, before it ends."""
    maximum_s: float | None = None
    """Ends after so many seconds even if there is more to do."""


@dataclass(slots=True)
class DrainSummary:
    """What one sender did: counts by outcome, free of personal data."""

    sender_run_id: int
    handed_off: int = 0
    accepted: int = 0
    rejected: int = 0
    retried: int = 0
    in_doubt: int = 0
    held: int = 0
    taken_back: int = 0
    """Intents without a hand-off: a pause, a carrier's limit or a fresh opt-out came between."""
    seconds: float = 0.0


class _Sender:
    def __init__(
        self,
        engine: Engine,
        carriers: CarrierFactory,
        options: SenderOptions,
        stop: Event | None,
        progress: Callable[[int], None] | None,
    ) -> None:
        self.engine = engine
        self.carriers = carriers
        self.options = options
        self.stop = stop or Event()
        self.progress = progress
        self.url = libpq_url(engine)
        self.database = self._connect()
        self.run_id, self.epoch = begin_sender_run(
            self.database, options.dagster_run_id, socket.gethostname(), os.getpid()
        )
        self.summary = DrainSummary(self.run_id)
        self.watch = Watch()
        self.lanes: dict[int, Lane] = {}
        self.former_lanes: list[Lane] = []
        self.contexts: dict[int, tuple[float, CampaignInHand | None]] = {}
        self.routes: dict[tuple[int, str], tuple[float, list[Route]]] = {}
        self.suspended: list[tuple[int | None, str, int | None, str | None]] = []
        self.plan: list[tuple[int, int, str]] = []
        self.planned_at = self.watched_at = self.marked_at = self.accounts_read_at = float("-inf")
        self.done: deque[tuple[Intent, HandOff | None]] = deque()
        self.unwritten: list[StoredOutcome] = []
        self.unanswered: deque[tuple[Intent, HandOff]] = deque()
        self.in_hand: dict[int, Intent] = {}
        self.touched: set[int] = set()
        self.begun: set[int] = set()
        self.accepting: set[str] = set()
        self.wake = Event()
        self.tidied = Event()
        self.closing = False
        self.defect: BaseException | None = None
        self.database_trouble_since: float | None = None

    # --- Threads: hand off ---

    def hand_off_until_told(self, lane: Lane, carrier: Carrier | None) -> None:
        """A thread of a lane: hands off what it finds in the lane's queue until it finds ``None``."""
        try:
            while (batch := lane.work.get()) is not None:
                ready = self._gate(batch)
                if not ready:
                    continue
                if carrier is None:
                    try:
                        carrier = self.carriers(lane.account)
                    except NightmailError:
                        self._give_back(ready)
                        continue
                self._hand_off(lane, carrier, ready)
        except BaseException as error:
            self.defect = error
            self.wake.set()
        finally:
            if carrier is not None:
                carrier.close()

    def _gate(self, batch: list[Intent]) -> list[Intent]:
        ready = self._allowed(batch)
        if len(ready) < len(batch):
            kept = {intent.key for intent in ready}
            self._give_back(intent for intent in batch if intent.key not in kept)
        return ready

    def _allowed(self, batch: list[Intent]) -> list[Intent]:
        """Those that may be handed off at this moment; waits while it is not known what may."""
        now = boot_time()
        while now - self.watch.read_at > STALE_S and now - batch[0].taken_at < LEASE_S and not self.closing:
            time.sleep(0.02)
            now = boot_time()
        watch = self.watch
        if self.closing or now - watch.read_at > STALE_S:
            return []
        return [intent for intent in batch if watch.allows(intent, now)]

    def _give_back(self, intents: Iterable[Intent]) -> None:
        self.done.extend((intent, None) for intent in intents)
        self.wake.set()

    def _hand_off(self, lane: Lane, carrier: Carrier, ready: list[Intent]) -> None:
        began = boot_time()
        by_id = {intent.message.message_id: intent for intent in ready} if len(ready) > 1 else {}

        def still(messages: Sequence[OutgoingMessage]) -> Sequence[OutgoingMessage]:
            """Those that may go at this moment, as a batch may take many requests."""
            since = boot_time() - began
            if since < FRESH_S:
                return messages
            if since > BATCH_S:
                return ()
            return [intent.message for intent in self._allowed([by_id[m.message_id] for m in messages])]

        try:
            messages = [intent.message for intent in ready]
            results = carrier.hand_off(messages, still) if by_id else carrier.hand_off(messages)
        except Exception as error:
            # The protocol forbids it; what is not known is in doubt, and the defect is shown.
            _log.exception("the carrier %s raised at a hand-off", lane.account.name)
            results = []
            detail = type(error).__name__
        else:
            detail = "missing answer"
        took = boot_time() - began
        lane.latency = took if lane.latency == 0 else 0.9 * lane.latency + 0.1 * took
        told = {result.message_id: result for result in results} if by_id else {}
        tried, well = 0, True
        for intent in ready:
            message_id = intent.message.message_id
            result = told.get(message_id) if by_id else (results[0] if results else None)
            if result is None:
                result = HandOff.failed(message_id, error_entry(detail, ErrorClass.IN_DOUBT))
            elif result.outcome is Outcome.NOT_TRIED:
                self.done.append((intent, None))
                continue
            tried += 1
            self.done.append((intent, result))
            if well and result.outcome is not Outcome.ACCEPTED and (unwell(result) or too_much(result)):
                # The other threads see it before the database does.
                well = False
                self.watch.blocked[limited(intent.route, result)] = boot_time() + (result.retry_after_s or 0.25)
        if by_id or lane.batch < lane.maximum_batch:
            lane.note_batch(len(ready), tried, took)
        if not self.wake.is_set() and (len(self.done) >= WINDOW // 3 or lane.work.empty()):
            self.wake.set()

    # --- The main thread ---

    def run(self) -> DrainSummary:
        began = last_work = boot_time()
        # What the process has loaded by now stays, and no cycles are made of messages: the collector, which would walk
        # all that is in hand several times for every batch of emails, need not come often.
        gc.freeze()
        thresholds = gc.get_threshold()
        gc.set_threshold(COLLECT_AFTER, *thresholds[1:])
        tidy = threading.Thread(target=self._tidy, name="tidy", daemon=True)
        try:
            self._look()
            tidy.start()
            while not self.stop.is_set() and self.defect is None:
                worked = self._step()
                now = boot_time()
                if worked or self.in_hand:
                    last_work = now
                if self.options.maximum_s is not None and now - began > self.options.maximum_s:
                    break
                # It ends on a plan made after the last work: what was taken back is due again.
                idle = now - last_work >= self.options.idle_s and self.planned_at > last_work
                if idle and not self.in_hand and not self._waiting_for_pace(now):
                    break
                self.wake.wait(0.02 if self.in_hand else 0.1)
                self.wake.clear()
        finally:
            self._close()
            gc.set_threshold(*thresholds)
            gc.unfreeze()
            self.summary.seconds = boot_time() - began
        if self.defect is not None:
            raise self.defect
        return self.summary

    def _step(self) -> bool:
        """Write what is known, look, take more; whether anything was done. A database that goes away is waited for."""
        import psycopg
        from sqlalchemy import exc

        try:
            worked = self._collect()
            now = boot_time()
            if now - self.watched_at >= WATCH_S:
                self._look()
            if now - self.marked_at >= MARK_S:
                self._mark()
            worked = self._fill() or worked
        except (psycopg.OperationalError, psycopg.InterfaceError, exc.OperationalError, exc.InterfaceError) as error:
            self._recover(error)
            return True
        self.database_trouble_since = None
        return worked

    def _look(self) -> None:
        began = boot_time()
        row = self.database.execute(WATCH_QUERY, prepare=True).fetchone()
        assert row is not None
        database_time, epoch, campaigns, suspended, blocked, suppressed = row
        watch = Watch()
        watch.read_at = began
        watch.database_time = database_time
        watch.run_id = self.run_id
        # A database that was restored meanwhile has another epoch: nothing that was taken before it may go.
        watch.campaigns = frozenset(campaigns) if epoch == self.epoch else frozenset()
        watch.blocked = {(account, sender, channel): began + left for account, sender, channel, left in blocked}
        # A copy: the threads add to it meanwhile.
        for key, until in self.watch.blocked.copy().items():
            if until > watch.blocked.get(key, began):
                watch.blocked[key] = until
        watch.suppressed = remembered(self.watch.suppressed, suppressed, began)
        before, self.suspended = self.suspended, [tuple(each) for each in suspended]
        if lifted := set(before) - set(self.suspended):
            # What a person has mended is read anew, secrets too: as it was before, it would only be suspended again.
            self.routes.clear()
            for account_id in {account for _, _, account, _ in lifted if account in self.lanes}:
                self.lanes[account_id].end()
        if self.suspended:
            watch.stopped = frozenset(
                (intent.campaign.row.id, intent.route.account.id, intent.route.sender)
                for intent in list(self.in_hand.values())
                if self._is_suspended(intent.campaign, intent.route)
            )
        self.watch = watch
        self.watched_at = began

    def _is_suspended(self, campaign: CampaignInHand, route: Route) -> bool:
        return any(
            channel == route.account.channel
            and (team is None or team in campaign.teams)
            and (account is None or account == route.account.id)
            and (sender is None or sender == route.sender)
            for team, channel, account, sender in self.suspended
        )

    def _collect(self) -> bool:
        """Judge what came back, write it, then react to what the carrier said."""
        requests: set[tuple[int, str | None]] = set()
        for _ in range(len(self.done)):
            intent, hand_off = self.done.popleft()
            self.unwritten.append(self._judged(intent, hand_off))
            if hand_off is None or hand_off.outcome is Outcome.ACCEPTED:
                continue
            if self.lanes[intent.route.account.id].maximum_batch > 1 and (unwell(hand_off) or too_much(hand_off)):
                # A request of a thousand emails that did not get through is one failure, not a thousand.
                request = intent.route.account.id, hand_off.error_code
                if request in requests:
                    continue
                requests.add(request)
            self.unanswered.append((intent, hand_off))
        if not self.unwritten:
            return False
        self._store()
        # What was put off for quiet hours was never charged.
        unused: dict[tuple[PaceKey, ...], list[Intent]] = {}
        for stored in self.unwritten:
            if stored.outcome is None and stored.due_at is None:
                unused.setdefault(stored.intent.route.pace_keys, []).append(stored.intent)
            if self.in_hand.pop(stored.intent.key, None) is not None:
                self.lanes[stored.intent.route.account.id].outstanding -= 1
            self.touched.add(stored.intent.campaign.row.id)
        self.unwritten = []
        for intents in unused.values():
            pace.give_back(self.database, intents[0].route, _units(intents))
        while self.unanswered:
            self._react(*self.unanswered[0])
            self.unanswered.popleft()
        if self.progress is not None:
            self.progress(self.summary.handed_off)
        return True

    def _store(self) -> None:
        """Write outcomes. What cannot be written as it is goes by itself, and in doubt: it takes nothing else along."""
        import psycopg

        try:
            store_outcomes(self.database, self.unwritten, boot_time())
            return
        except (psycopg.OperationalError, psycopg.InterfaceError):
            raise
        except Exception as error:
            kind = type(error).__name__
        unwritable: list[Intent] = []
        for stored in self.unwritten:
            try:
                store_outcomes(self.database, [stored], boot_time())
            except (psycopg.OperationalError, psycopg.InterfaceError):
                raise
            except Exception:
                unwritable.append(stored.intent)
        in_doubt = [
            HandOff.failed(each.message.message_id, error_entry("unwritable", ErrorClass.IN_DOUBT))
            for each in unwritable
        ]
        store_outcomes(self.database, [judge(*each) for each in zip(unwritable, in_doubt, strict=True)], boot_time())
        for name in {intent.route.account.name for intent in unwritable}:
            with self.engine.begin() as connection:
                raise_alert(
                    connection,
                    reason="in_doubt",
                    subject=f"carrier:{name}:unwritable",
                    message=f"{name} answered what cannot be stored ({kind}); the messages concerned are in doubt.",
                )

    def _judged(self, intent: Intent, hand_off: HandOff | None) -> StoredOutcome:
        if hand_off is None:
            self.summary.taken_back += 1
            return not_tried(intent)
        summary = self.summary
        summary.handed_off += 1
        stored = judge(intent, hand_off)
        if stored.state == "accepted":
            summary.accepted += 1
            lane = self.lanes[intent.route.account.id]
            lane.trouble = lane.unknown = 0
            if not lane.accepts:
                lane.accepts = True
                self.accepting.add(f"carrier:{lane.account.name}")
        elif stored.state == "in_doubt":
            summary.in_doubt += 1
        elif stored.state == "queued":
            summary.retried += 1
        else:
            summary.rejected += 1
        return stored

    def _react(self, intent: Intent, hand_off: HandOff) -> None:
        lane = self.lanes[intent.route.account.id]
        if hand_off.retry_after_s is not None and hand_off.retry_after_s > LONGEST_WAIT_S:
            self._note_long_wait(lane, hand_off, hand_off.retry_after_s)
        if too_much(hand_off):
            pace.slow(self.database, limited(intent.route, hand_off), hand_off.retry_after_s or 1.0)
        elif unwell(hand_off):
            self._note_trouble(lane, intent, hand_off)
        elif hand_off.alerts:
            self._note_alert(lane, intent, hand_off)
        else:
            lane.trouble = 0

    def _note_trouble(self, lane: Lane, intent: Intent, hand_off: HandOff) -> None:
        """The carrier gives no clear answers: leave it alone for growing pauses, and try with few messages after each."""
        lane.trouble += 1
        seconds = hand_off.retry_after_s or 0.0
        if hand_off.outcome is Outcome.RETRY_LATER or lane.trouble >= TROUBLE_TO_STOP:
            seconds = max(seconds, min(30.0, 0.5 * 2.0 ** min(lane.trouble // TROUBLE_TO_STOP, 6)))
        if seconds:
            key = limited(intent.route, hand_off)
            pace.block(self.database, key, seconds)
            self.watch.blocked[key] = boot_time() + seconds
        if lane.trouble == TROUBLE_TO_ALERT:
            self._alert_unavailable(lane, hand_off, f"gave no clear answer to {lane.trouble} hand-offs in a row")

    def _note_long_wait(self, lane: Lane, hand_off: HandOff, seconds: float) -> None:
        """The carrier wants to be left alone for longer than a sender lives: the next would not know of it, so tell now."""
        if lane.left_alone_until < (now := boot_time()):
            lane.left_alone_until = now + seconds
            self._alert_unavailable(lane, hand_off, f"asks to be left alone for {seconds / 60:.0f} minutes")

    def _alert_unavailable(self, lane: Lane, hand_off: HandOff, what: str) -> None:
        lane.accepts = False
        self.accepting.discard(f"carrier:{lane.account.name}")
        with self.engine.begin() as connection:
            raise_alert(
                connection,
                reason="carrier_unavailable",
                subject=f"carrier:{lane.account.name}",
                message=f"{lane.account.name} {what} ({hand_off.error_code or 'no answer'}).",
                team_id=lane.account.team_id,
            )

    def _note_alert(self, lane: Lane, intent: Intent, hand_off: HandOff) -> None:
        """Stop what cannot work until a person mended it; tell of codes that nobody knows."""
        route, error = intent.route, hand_off.error
        assert error is not None
        code = error.code or "no code"
        if error.scope is ErrorScope.CAMPAIGN:
            self._pause_campaign(lane, intent)
            return
        stops = error.error_class is ErrorClass.STOP_AND_ALERT
        if not stops:
            lane.unknown += 1
            with self.engine.begin() as connection:
                raise_alert(
                    connection,
                    reason="carrier_error_unknown",
                    subject=f"carrier:{lane.account.name}:{code}",
                    message=f"{lane.account.name} answered {code}, which is not in the table of errors.",
                    team_id=lane.account.team_id,
                    campaign_id=intent.campaign.row.id,
                )
            stops = lane.unknown >= UNKNOWN_TO_SUSPEND
        if stops:
            self._look()
            of_former = lane.ended or intent.taken_at < lane.began_at
            if of_former or self._is_suspended(intent.campaign, route):
                # It was said of the account as it was before a person mended it, or others had the same answer.
                return
            one_sender = error.scope is ErrorScope.SENDER and route.sender is not None
            self._suspend(
                lane.account,
                f"{lane.account.name} answered {code}: {error.meaning or 'no message'}",
                alert="carrier_credentials" if error.credentials else "channel_suspended",
                sender=route.sender if one_sender else None,
                campaign_id=intent.campaign.row.id,
            )

    def _suspend(
        self,
        account: CarrierAccountRow,
        reason: str,
        *,
        alert: str,
        sender: str | None = None,
        campaign_id: int | None = None,
    ) -> None:
        row = suspend_channel(
            self.engine,
            account.channel,
            reason=reason[:300],
            by="senders",
            carrier_account_id=account.id,
            sender=sender,
        )
        with self.engine.begin() as connection:
            raise_alert(
                connection,
                reason=alert,
                subject=f"suspension:{row.id}",
                message=f"{row.reason.rstrip('.')}. Nothing is sent over it until the suspension is lifted.",
                team_id=account.team_id,
                campaign_id=campaign_id,
            )
        self._look()

    def _pause_campaign(self, lane: Lane, intent: Intent) -> None:
        """Its messages are at fault, not the account: other campaigns go on."""
        campaign = intent.campaign.row
        reason = "refused_alike"
        message = (
            f"{lane.account.name} refuses the messages of {campaign.key} one like the other. The campaign is paused."
        )
        problem = {"reason": reason, "message": message, "remedy": remedy(reason)}
        with self.engine.begin() as connection:
            if get_campaign(connection, campaign.id).state != CampaignState.SENDING:
                return
            move_campaign(connection, campaign.id, CampaignState.PAUSED, actor="senders", problem=problem)
            raise_alert(
                connection,
                reason=reason,
                subject=f"campaign:{campaign.key}",
                message=message,
                team_id=campaign.team_id,
                campaign_id=campaign.id,
            )
        self._look()

    def _mark(self) -> None:
        """Tell that campaigns' ledgers changed, and end the alerts of accounts that accept again; once a second at most."""
        for campaign_id in sorted(self.touched):
            self.database.execute("update campaign set ledger_changed_at = now() where id = %s", (campaign_id,))
        self.touched.clear()
        if self.accepting:
            self.database.execute(
                "update alert set resolved_at = now() where resolved_at is null and subject = any(%s) "
                "and reason in ('carrier_unavailable', 'no_carrier')",
                (list(self.accepting),),
            )
            self.accepting.clear()
        self.marked_at = boot_time()

    # --- Take more ---

    def _fill(self) -> bool:
        now = boot_time()
        if self.closing or now - self.watch.read_at > STALE_S:
            return False
        if now - self.accounts_read_at >= CONTEXT_S:
            self._read_accounts()
        if now - self.planned_at >= PLAN_S or (not self.plan and now - self.planned_at >= 0.2):
            self.plan = [
                (row[0], row[1], row[2]) for row in self.database.execute(_PLAN_QUERY, (self.epoch,)).fetchall()
            ]
            self.planned_at = now
        elif self.lanes and not any(lane.room and now >= lane.ready_at for lane in self.lanes.values()):
            return False
        worked = False
        by_account: dict[int, list[tuple[int, CampaignInHand, Route]]] = {}
        for campaign_id, priority, channel in self.plan:
            campaign = self._campaign(campaign_id)
            route = self._route(campaign, channel) if campaign is not None else None
            if campaign is not None and route is not None:
                by_account.setdefault(route.account.id, []).append((priority, campaign, route))
        for choices in by_account.values():
            lane = self._lane(choices[0][2].account)
            if lane is not None:
                worked = self._fill_lane(lane, choices) or worked
        return worked

    def _fill_lane(self, lane: Lane, choices: list[tuple[int, CampaignInHand, Route]]) -> bool:
        worked = False
        while choices and lane.room > 0 and boot_time() >= lane.ready_at:
            most_urgent = min(choice[0] for choice in choices)
            urgent = [choice for choice in choices if choice[0] == most_urgent]
            lane.turn += 1
            choice = urgent[lane.turn % len(urgent)]
            _, campaign, route = choice
            blocked_until, blocked = self.watch.block_of(route)
            blocked_s = blocked_until - boot_time()
            grant = (
                pace.Grant(0, blocked_s, 0, blocked) if blocked_s > 0 else pace.take(self.database, route, lane.room)
            )
            if grant.units < 1:
                choices = [choice for choice in choices if grant.waits_for not in choice[2].pace_keys]
                if not choices:
                    lane.ready_at = boot_time() + min(grant.wait_s, WATCH_S)
                continue
            taken_at = boot_time()
            intents, held = claim(
                self.database,
                campaign,
                route,
                sender_run_id=self.run_id,
                epoch=self.epoch,
                limit=grant.units,
                taken_at=taken_at,
                compose=self._compose,
            )
            self.summary.held += held
            if held:
                self.touched.add(campaign.row.id)
            if not intents:
                pace.settle(self.database, route, grant, 0)
                if not held:
                    choices.remove(choice)
                    key = (campaign.row.id, route.account.channel)
                    self.plan = [entry for entry in self.plan if (entry[0], entry[2]) != key]
                continue
            worked = True
            for intent in intents:
                self.in_hand[intent.key] = intent
            lane.outstanding += len(intents)
            awake = intents
            try:
                awake = self._awake(campaign, intents)
                pace.settle(self.database, route, grant, _units(awake))
                if campaign.row.first_hand_off_at is None and campaign.row.id not in self.begun:
                    self.database.execute(
                        "update campaign set first_hand_off_at = now() where id = %s and first_hand_off_at is null",
                        (campaign.row.id,),
                    )
                    self.begun.add(campaign.row.id)
            except BaseException:
                self._give_back(awake)
                raise
            self._enqueue(lane, awake)
        return worked

    def _awake(self, campaign: CampaignInHand, intents: list[Intent]) -> list[Intent]:
        """The intents that are not within quiet hours; the others are put off to their end."""
        if not campaign.row.settings.get("quiet_hours") and not campaign.has_preferences:
            return intents
        awake: list[Intent] = []
        moment = dt.datetime.fromtimestamp(self.watch.database_time, dt.UTC)
        for intent in intents:
            ends = _quiet_until(intent, moment)
            if ends is None:
                awake.append(intent)
            else:
                stored = not_tried(intent)
                stored.due_at = ends
                self.unwritten.append(stored)
        return awake

    def _enqueue(self, lane: Lane, intents: list[Intent]) -> None:
        if lane.maximum_batch > 1:
            if intents:
                lane.work.put(intents)
        else:
            for intent in intents:
                lane.work.put([intent])

    def _campaign(self, campaign_id: int) -> CampaignInHand | None:
        now = boot_time()
        known = self.contexts.get(campaign_id)
        if known is not None and now - known[0] < CONTEXT_S:
            return known[1]
        from sqlalchemy import text

        with self.engine.connect() as connection:
            row = find_campaign(connection, campaign_id)
            campaign = None
            if row is not None:
                has_preferences = connection.scalar(
                    text("select exists (select from preference where team_id = :team)"), {"team": row.team_id}
                )
                teams = team_ids_upwards(connection, row.team)
                campaign = CampaignInHand(row, teams, bool(row.counts.get("standby", True)), bool(has_preferences))
        self.contexts[campaign_id] = (now, campaign)
        return campaign

    def _route(self, campaign: CampaignInHand, channel: str) -> Route | None:
        now = boot_time()
        key = (campaign.row.id, channel)
        known = self.routes.get(key)
        if known is None or now - known[0] >= CONTEXT_S:
            with self.engine.connect() as connection:
                routes = routes_of(connection, campaign.row, channel)
            known = (now, routes)
            self.routes[key] = known
        for route in known[1]:
            if not (self.suspended and self._is_suspended(campaign, route)):
                return route
        return None

    def _read_accounts(self) -> None:
        """End the lanes of accounts whose rows have changed: others take over with what the rows say now."""
        with self.engine.connect() as connection:
            accounts = {account.id: account for account in carrier_accounts(connection)}
        for lane in self.lanes.values():
            if not lane.ended and accounts.get(lane.account.id, lane.account) != lane.account:
                lane.end()
                self.routes.clear()
        self.accounts_read_at = boot_time()

    def _lane(self, account: CarrierAccountRow) -> Lane | None:
        former = self.lanes.get(account.id)
        lane = former if former is not None and not former.ended else None
        if lane is None:
            try:
                carrier = self.carriers(account)
            except NightmailError as error:
                self._suspend(account, f"{account.name} cannot be used: {error}", alert=error.reason)
                return None
            lane = self.lanes[account.id] = Lane(account, carrier, self.hand_off_until_told)
            if former is not None:
                lane.outstanding = former.outstanding
                self.former_lanes.append(former)
        return lane

    def _compose(self, campaign: CampaignInHand, route: Route, rows: list[Content]) -> list[OutgoingMessage]:
        row = campaign.row
        valid_for_s = None
        if row.cut_off_at is not None:
            valid_for_s = max(1, int(row.cut_off_at.timestamp() - self.watch.database_time))
        if CHANNELS[route.account.channel].body is not BodyKind.EMAIL:
            return [
                OutgoingMessage(
                    message_id, address, body, sender=route.sender, language=language, valid_for_s=valid_for_s
                )
                for message_id, language, address, _, body, _ in rows
            ]
        unsubscribe: list[str | None] = [None] * len(rows)
        if self.options.public_url:
            from nightmail.privacy.signed_links import Purpose, link_address, link_tokens

            tokens = link_tokens([each[0] for each in rows], Purpose.UNSUBSCRIBE, self.options.hash_key)
            unsubscribe = [link_address(self.options.public_url, token, Purpose.UNSUBSCRIBE) for token in tokens]
        categories = (row.category,)
        return [
            OutgoingMessage(
                message_id,
                address,
                body,
                subject=subject,
                html=html,
                sender=route.sender,
                sender_name=route.sender_name,
                reply_to=route.reply_to,
                language=language,
                categories=categories,
                unsubscribe_url=link,
                valid_for_s=valid_for_s,
            )
            for (message_id, language, address, subject, body, html), link in zip(rows, unsubscribe, strict=True)
        ]

    def _waiting_for_pace(self, now: float) -> bool:
        """Whether there is something due that only waits for its carrier's pace, and not for long."""
        for campaign_id, _, channel in self.plan:
            campaign = self._campaign(campaign_id)
            route = self._route(campaign, channel) if campaign is not None else None
            if route is not None and self.watch.block_of(route)[0] - now < LONGEST_WAIT_S:
                return True
        return False

    # --- The database goes away and comes back ---

    def _connect(self) -> Connection[Any]:
        import psycopg

        return psycopg.connect(
            self.url,
            autocommit=True,
            connect_timeout=10,
            application_name="nightmail sender",
            options=f"-c timezone=UTC -c statement_timeout=60000 {BY_INDEX}",
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
        )

    def _recover(self, error: Exception) -> None:
        import psycopg

        now = boot_time()
        if self.database_trouble_since is None:
            self.database_trouble_since = now
            _log.warning("the database does not answer (%s); waiting for it", type(error).__name__)
        while True:
            if boot_time() - self.database_trouble_since > DATABASE_PATIENCE_S:
                raise UnavailableError(
                    "database_unavailable",
                    f"The database did not answer for {DATABASE_PATIENCE_S:.0f} seconds.",
                    "Start it or free space on its disk; what was being handed off is in doubt and will be settled.",
                ) from error
            time.sleep(0.2)
            if not self.database.closed and not self.database.broken:
                if self.database.info.transaction_status != psycopg.pq.TransactionStatus.ACTIVE:
                    return
                # A signal came in the middle of a command, whose answer nobody will read: no other can be given.
                self.database.close()
            try:
                self.database = self._connect()
                break
            except psycopg.OperationalError:
                continue
        try:
            if rejoin_sender_run(self.database, self.run_id):
                release_unknown(self.database, self.run_id, list(self.in_hand))
            else:
                # Others took this sender for dead. What it has not handed off it gives back, and begins anew.
                self.run_id, self.epoch = begin_sender_run(
                    self.database, self.options.dagster_run_id, socket.gethostname(), os.getpid()
                )
                self.summary.sender_run_id = self.run_id
            self._look()
        except (psycopg.OperationalError, psycopg.InterfaceError) as again:
            self._recover(again)

    # --- Beside and after ---

    def _tidy(self) -> None:
        """Every few seconds: what time, receipts and the carriers' records have decided meanwhile."""
        from sqlalchemy.exc import SQLAlchemyError

        from nightmail.sending.advance import advance_ledger
        from nightmail.sending.doubt_lookup import resolve_in_doubt

        rounds = 0
        while not self.stop.is_set() and not self.tidied.wait(TIDY_S):
            rounds += 1
            try:
                advance_ledger(self.engine)
                if rounds % RESOLVE_EVERY == 0:
                    resolve_in_doubt(self.engine, self.carriers, sparing=True)
            except SQLAlchemyError as error:
                _log.warning("the ledger was not advanced: %s", type(error).__name__)

    def _close(self) -> None:
        """Stop the threads after what they are handing off, and write everything that is known."""
        self.closing = True
        self.tidied.set()
        lanes = [*self.lanes.values(), *self.former_lanes]
        for lane in lanes:
            lane.end()
        alive = [thread for lane in lanes for thread in lane.threads]
        while self.in_hand or self.unwritten:
            self._step()
            if not any(thread.is_alive() for thread in alive):
                self._settle_left_over()
            self.wake.wait(0.02)
            self.wake.clear()
        if not self.database.closed:
            # A claim that broke off between its commit and our list of it: nothing of it was handed off.
            release_unknown(self.database, self.run_id, [])
            self._mark()
            end_sender_run(self.database, self.run_id, self.summary.handed_off)
            self.database.close()

    def _settle_left_over(self) -> None:
        """No thread is left: what they did not come to goes back, and what one of them died over is in doubt."""
        for lane in (*self.lanes.values(), *self.former_lanes):
            while not lane.work.empty():
                if (batch := lane.work.get()) is not None:
                    self._give_back(batch)
        answered = {intent.key for intent, _ in self.done} | {stored.intent.key for stored in self.unwritten}
        for intent in self.in_hand.values():
            if intent.key not in answered:
                hand_off = HandOff.failed(intent.message.message_id, error_entry("sender", ErrorClass.IN_DOUBT))
                self.done.append((intent, hand_off))


def _units(intents: Sequence[Intent]) -> int:
    """What intents of one route count for at its pace."""
    if intents and CHANNELS[intents[0].route.account.channel].rate_unit is Unit.SEGMENT:
        return sum(intent.segments for intent in intents)
    return len(intents)


def _quiet_until(intent: Intent, moment: dt.datetime) -> dt.datetime | None:
    """When the quiet hours end that bind the message at this moment, the feed's and the contact's own; else nothing."""
    own_from, own_until, own_zone = intent.quiet
    settings = intent.campaign.row.settings
    of_feed = settings.get("quiet_hours")
    if of_feed and intent.route.account.channel not in settings.get("quiet_channels", CHANNELS.bound_by_quiet_hours()):
        of_feed = None
    if not of_feed and not own_from:
        return None
    from nightmail.audience.quiet_hours import earliest_time, hours_that_bind, zone_for
    from nightmail.organisation.quiet_hours import QuietHours

    quiet = hours_that_bind(QuietHours.parse(str(of_feed)) if of_feed else None, own_from, own_until)
    zone = zone_for(own_zone, intent.time_zone, settings.get("default_time_zone"))
    earliest = earliest_time(moment, zone, quiet)
    if earliest is None:
        # The hours cover the whole day; a person may change them.
        return moment + dt.timedelta(days=1)
    return earliest if earliest > moment else None


def drain(
    engine: Engine,
    carriers: CarrierFactory,
    options: SenderOptions,
    *,
    stop: Event | None = None,
    progress: Callable[[int], None] | None = None,
) -> DrainSummary:
    """Hand off what is due until nothing is due. Safe to run in any number of processes at once.

    ``progress`` gets the number of messages handed off so far. ``stop`` ends it early, between hand-offs. Raises
    :class:`nightmail.errors.UnavailableError` when the database does not come back.
    """
    from sqlalchemy.exc import OperationalError

    from nightmail.sending.advance import advance_ledger

    try:
        advance_ledger(engine)
        summary = _Sender(engine, carriers, options, stop, progress).run()
        advance_ledger(engine)
    except OperationalError as error:
        raise UnavailableError(
            "database_unavailable", "The database does not answer.", "Check that it runs; `nightmail doctor` says more."
        ) from error
    # A carrier that does not answer holds up the look, but not the sender; sensors look again every few seconds.
    look = threading.Thread(target=_look_at_doubts, args=(engine, carriers), name="last-look", daemon=True)
    look.start()
    look.join(LAST_LOOK_S)
    return summary


def _look_at_doubts(engine: Engine, carriers: CarrierFactory) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    from nightmail.sending.doubt_lookup import resolve_in_doubt

    try:
        resolve_in_doubt(engine, carriers, sparing=True)
    except SQLAlchemyError as error:
        _log.warning("what is in doubt was not looked at: %s", type(error).__name__)
