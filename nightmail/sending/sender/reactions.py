"""What follows from an outcome beside the message itself: an account slowed, left alone or suspended, a campaign paused."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from sqlalchemy import Engine

from nightmail.campaigns.alerts import raise_alert
from nightmail.campaigns.campaign_rows import get_campaign
from nightmail.campaigns.suspensions import suspend_channel
from nightmail.campaigns.transitions import move_campaign
from nightmail.carriers.error_tables import ErrorClass, ErrorScope
from nightmail.carriers.protocol import HandOff, Outcome
from nightmail.errors import NightmailError
from nightmail.organisation.carrier_accounts import CarrierAccountRow
from nightmail.reasons import remedy
from nightmail.sending import pace
from nightmail.sending.boot_clock import boot_time
from nightmail.sending.intents import Intent
from nightmail.sending.outcomes import pace_concerned, throttled, without_clear_answer
from nightmail.sending.sender.lanes import Lane
from nightmail.sending.sender.session import SenderSession
from nightmail.sending.sender.watch import Watcher
from nightmail.sending.sender_queries import ACCEPTS_AGAIN
from nightmail.store.states import CampaignState

LONGEST_WAIT_S = 60.0
"""A sender that may not hand off anything for longer than this ends; the sensor starts one when it is time."""
TROUBLE_TO_STOP = 5
"""So many hand-offs in a row without a clear answer, and the account is left alone for a while."""
TROUBLE_TO_ALERT = 10
UNKNOWN_TO_SUSPEND = 5
"""So many errors in a row that no table has, and the account is suspended."""


class Reaction(Enum):
    """What follows from an outcome for the account, the sender or the campaign."""

    SLOW_DOWN = "slow down"
    """The carrier said that it was too much."""
    LEAVE_ALONE = "leave alone"
    """It gave no clear answer, or could not be reached."""
    PAUSE_CAMPAIGN = "pause the campaign"
    """It is the campaign's messages that are refused."""
    SUSPEND = "suspend"
    """Nothing gets through until a person mends something."""
    ALERT = "alert"
    """The code is in no table."""
    NONE = "none"
    """It concerns the one message alone."""


def reaction_to(hand_off: HandOff) -> Reaction:
    """What follows from an outcome.

    ==============  =====================  ==================  ======================================================
    outcome         error class            error scope         reaction
    ==============  =====================  ==================  ======================================================
    retry_later     any, that throttles                        slow down (also with a ``Retry-After``)
    retry_later     any other                                  leave alone
    in_doubt        any                                        leave alone
    rejected        stop_and_alert         campaign            pause the campaign
    rejected        stop_and_alert         account, sender     suspend
    rejected        unknown                                    alert; suspend after five in a row
    rejected        any other                                  none
    accepted                                                   none
    ==============  =====================  ==================  ======================================================
    """
    if throttled(hand_off):
        return Reaction.SLOW_DOWN
    if without_clear_answer(hand_off):
        return Reaction.LEAVE_ALONE
    error = hand_off.error
    if error is None or not hand_off.alerts:
        return Reaction.NONE
    if error.scope is ErrorScope.CAMPAIGN:
        return Reaction.PAUSE_CAMPAIGN
    return Reaction.SUSPEND if error.error_class is ErrorClass.STOP_AND_ALERT else Reaction.ALERT


class Reactions:
    """Carries reactions out. ``look`` has the sender read what may be sent, which a suspension or a pause changes."""

    def __init__(self, engine: Engine, session: SenderSession, watcher: Watcher, look: Callable[[], None]) -> None:
        self._engine = engine
        self._session = session
        self._watcher = watcher
        self._look = look
        self._accepting: set[str] = set()
        """Subjects of alerts of accounts that accept again."""

    def react(self, lane: Lane, intent: Intent, hand_off: HandOff) -> None:
        """Do what follows from an outcome that was not plainly accepted."""
        seconds = hand_off.retry_after_s
        if seconds is not None and seconds > LONGEST_WAIT_S:
            self._alert_long_wait(lane, hand_off, seconds)
        match reaction_to(hand_off):
            case Reaction.SLOW_DOWN:
                pace.slow(self._session.database, pace_concerned(intent.route, hand_off), seconds or 1.0)
            case Reaction.LEAVE_ALONE:
                self._leave_alone(lane, intent, hand_off)
            case Reaction.PAUSE_CAMPAIGN:
                self._pause_campaign(lane, intent)
            case Reaction.SUSPEND:
                self._suspend_for(lane, intent, hand_off)
            case Reaction.ALERT:
                self._alert_unknown(lane, intent, hand_off)
            case Reaction.NONE:
                lane.trouble = 0

    def note_accepted(self, lane: Lane) -> None:
        """Note that the carrier took a message: trouble is over, and alerts of it end with the next :meth:`mark`."""
        lane.trouble = lane.unknown = 0
        if not lane.accepts:
            lane.accepts = True
            self._accepting.add(f"carrier:{lane.account.name}")

    def mark(self) -> None:
        """End the alerts of accounts that accept again."""
        if self._accepting:
            self._session.database.execute(ACCEPTS_AGAIN, (list(self._accepting),))
            self._accepting.clear()

    def suspend_unusable(self, account: CarrierAccountRow, error: NightmailError) -> None:
        """Suspend an account for which no adapter can be made."""
        self._suspend(account, f"{account.name} cannot be used: {error}", alert=error.reason)

    def _leave_alone(self, lane: Lane, intent: Intent, hand_off: HandOff) -> None:
        """Leave what gives no clear answers alone, for growing pauses, and try with few messages after each."""
        lane.trouble += 1
        lane.doubtful += 1
        seconds = hand_off.retry_after_s or 0.0
        if hand_off.outcome is Outcome.RETRY_LATER or lane.trouble >= TROUBLE_TO_STOP:
            seconds = max(seconds, min(30.0, 0.5 * 2.0 ** min(lane.trouble // TROUBLE_TO_STOP, 6)))
        if seconds:
            key = pace_concerned(intent.route, hand_off)
            pace.block(self._session.database, key, seconds)
            self._watcher.watch.blocked[key] = boot_time() + seconds
        if lane.trouble == TROUBLE_TO_ALERT:
            self._alert_unavailable(lane, hand_off, f"gave no clear answer to {lane.trouble} hand-offs in a row")

    def _alert_long_wait(self, lane: Lane, hand_off: HandOff, seconds: float) -> None:
        """Alert at once where a carrier wants to be left alone for longer than a sender lives: the next does not know."""
        if lane.left_alone_until < (now := boot_time()):
            lane.left_alone_until = now + seconds
            self._alert_unavailable(lane, hand_off, f"asks to be left alone for {seconds / 60:.0f} minutes")

    def _alert_unavailable(self, lane: Lane, hand_off: HandOff, what: str) -> None:
        lane.accepts = False
        self._accepting.discard(f"carrier:{lane.account.name}")
        with self._engine.begin() as connection:
            raise_alert(
                connection,
                reason="carrier_unavailable",
                subject=f"carrier:{lane.account.name}",
                message=f"{lane.account.name} {what} ({hand_off.error_code or 'no answer'}).",
                team_id=lane.account.team_id,
            )

    def _alert_unknown(self, lane: Lane, intent: Intent, hand_off: HandOff) -> None:
        lane.unknown += 1
        code = _code_of(hand_off)
        with self._engine.begin() as connection:
            raise_alert(
                connection,
                reason="carrier_error_unknown",
                subject=f"carrier:{lane.account.name}:{code}",
                message=f"{lane.account.name} answered {code}, which is not in the table of errors.",
                team_id=lane.account.team_id,
                campaign_id=intent.campaign.row.id,
            )
        if lane.unknown >= UNKNOWN_TO_SUSPEND:
            self._suspend_for(lane, intent, hand_off)

    def _suspend_for(self, lane: Lane, intent: Intent, hand_off: HandOff) -> None:
        """Suspend an account, or the one sender that the error is about, until a person has mended it."""
        route, error = intent.route, hand_off.error
        assert error is not None
        self._look()
        of_former = lane.ended or intent.taken_at < lane.began_at
        if of_former or self._watcher.is_suspended(intent.campaign, route):
            # It was said of the account as it was before a person mended it, or others had the same answer.
            return
        self._suspend(
            lane.account,
            f"{lane.account.name} answered {_code_of(hand_off)}: {error.meaning or 'no message'}",
            alert="carrier_credentials" if error.credentials else "channel_suspended",
            sender=route.sender if error.scope is ErrorScope.SENDER else None,
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
            self._engine,
            account.channel,
            reason=reason[:300],
            by="senders",
            carrier_account_id=account.id,
            sender=sender,
        )
        with self._engine.begin() as connection:
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
        """Pause a campaign whose messages are at fault, not the account: other campaigns go on."""
        campaign = intent.campaign.row
        reason = "refused_alike"
        message = (
            f"{lane.account.name} refuses the messages of {campaign.key} one like the other. The campaign is paused."
        )
        problem = {"reason": reason, "message": message, "remedy": remedy(reason)}
        with self._engine.begin() as connection:
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


def _code_of(hand_off: HandOff) -> str:
    return hand_off.error_code or "no code"
