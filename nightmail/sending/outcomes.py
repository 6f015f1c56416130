"""What becomes of a message after its hand-off: one table from the carrier's outcome and error class to its next state."""

from __future__ import annotations

import random

from nightmail.carriers.error_tables import ErrorClass, ErrorScope
from nightmail.carriers.protocol import HandOff, Outcome
from nightmail.channels import CHANNELS, Unit
from nightmail.organisation.routes import PaceKey, Route
from nightmail.sending.intents import MAXIMUM_ATTEMPTS, Intent
from nightmail.sending.outcome_storage import StoredOutcome
from nightmail.sending.standby import FALLBACK_WAIT_S

LONGEST_PAUSE_S = 300.0


def pause_before(attempt: int, retry_after_s: float | None = None) -> float:
    """Seconds until the next attempt: doubling with some jitter, at least what the carrier asked for."""
    pause = min(LONGEST_PAUSE_S, 2.0 ** (attempt - 1)) * random.uniform(0.75, 1.25)  # noqa: S311
    return max(pause, retry_after_s or 0.0)


def throttled(hand_off: HandOff) -> bool:
    """Whether the carrier asked to slow down."""
    return hand_off.outcome is Outcome.RETRY_LATER and (
        hand_off.retry_after_s is not None or (hand_off.error is not None and hand_off.error.throttles)
    )


def pace_concerned(route: Route, hand_off: HandOff) -> PaceKey:
    """The pace that is slowed or blocked after a hand-off that was throttled or had no clear answer: of the sender or account."""
    return route.pace_keys[-1 if _scope(hand_off) is ErrorScope.SENDER else 0]


def _scope(hand_off: HandOff) -> ErrorScope | None:
    return None if hand_off.error is None else hand_off.error.scope


def without_clear_answer(hand_off: HandOff) -> bool:
    """Whether the carrier does not work at present: it cannot be reached, or its answer says nothing."""
    return hand_off.outcome is Outcome.IN_DOUBT or (hand_off.outcome is Outcome.RETRY_LATER and not throttled(hand_off))


def escalation_delay_s(intent: Intent) -> float:
    """Seconds after the hand-off until the next channel's message is looked at if no receipt comes."""
    settings = intent.campaign.row.settings
    if settings.get("delivery") == "escalation":
        return float(settings.get("escalate_after_s", 900))
    return FALLBACK_WAIT_S


def judge(intent: Intent, hand_off: HandOff) -> StoredOutcome:
    """Return the message's next state after a hand-off.

    ==============  =====================  ==========================================================================
    outcome         error class            becomes
    ==============  =====================  ==========================================================================
    accepted                               accepted; the next channel's message is looked at after the escalation time
    in_doubt                               in_doubt
    retry_later                            queued after a pause; failed (``retries_exhausted``) at the last attempt
    rejected        permanent_address      failed (``address_refused``); the next channel takes over at once
    rejected        suppress               the same, and the address is suppressed
    rejected        permanent_message      failed (``carrier_rejected``); the next channel takes over at once
    rejected        stop_and_alert         queued; nothing goes until a person has mended it
    not_tried                              queued, as if it had never been taken
    rejected        retry_later            as retry_later above
    rejected        in_doubt               in_doubt
    rejected        unknown, none          failed (``carrier_rejected``), with an alert
    ==============  =====================  ==========================================================================
    """
    outcome = hand_off.outcome
    if outcome is Outcome.ACCEPTED:
        return _accepted(intent, hand_off)
    error_class = hand_off.error_class
    if outcome is Outcome.REJECTED and error_class is ErrorClass.RETRY_LATER:
        outcome = Outcome.RETRY_LATER
    elif outcome is Outcome.REJECTED and error_class is ErrorClass.IN_DOUBT:
        outcome = Outcome.IN_DOUBT
    stored = StoredOutcome(
        intent,
        "failed",
        str(outcome),
        carrier_message_id=hand_off.carrier_message_id,
        error=hand_off.error,
    )
    if outcome is Outcome.IN_DOUBT:
        stored.state = stored.reason = "in_doubt"
        stored.standby_delay_s = escalation_delay_s(intent)
    elif outcome is Outcome.RETRY_LATER and intent.number - intent.not_counted < MAXIMUM_ATTEMPTS:
        stored.state, stored.reason = "queued", "carrier_unavailable"
        stored.delay_s = pause_before(intent.number, hand_off.retry_after_s)
    elif outcome is Outcome.REJECTED and error_class is ErrorClass.STOP_AND_ALERT:
        stored.state = "queued"
        stored.reason = "refused_alike" if _scope(hand_off) is ErrorScope.CAMPAIGN else "channel_suspended"
    else:
        stored.standby_delay_s = 0.0
        if outcome is Outcome.RETRY_LATER:
            stored.reason = "retries_exhausted"
        elif error_class in (ErrorClass.PERMANENT_ADDRESS, ErrorClass.SUPPRESS):
            stored.reason = "address_refused"
            stored.suppress_as = hand_off.error.suppress_as if hand_off.error is not None else None
        else:
            stored.reason = "carrier_rejected"
    return stored


def _accepted(intent: Intent, hand_off: HandOff) -> StoredOutcome:
    stored = StoredOutcome(intent, "accepted", "accepted", carrier_message_id=hand_off.carrier_message_id)
    if intent.campaign.has_standby:
        stored.standby_delay_s = escalation_delay_s(intent)
    if hand_off.segments is not None and CHANNELS[intent.route.account.channel].price_unit is Unit.SEGMENT:
        stored.segments = hand_off.segments
    if hand_off.cost is not None:
        stored.cost, stored.currency = hand_off.cost, hand_off.currency
    return stored


def taken_back(intent: Intent) -> StoredOutcome:
    """The outcome of an intent that is taken back: there was no hand-off, and the attempt does not count."""
    return StoredOutcome(intent, "queued", None)
