"""What becomes of messages, as pages say it: outcomes, states, what carriers report."""

from __future__ import annotations

from collections.abc import Mapping

from nightmail.carriers.protocol import NOT_REACHED, REACHED, ReceiptStatus
from nightmail.recipients.message_stories import LedgerMessage
from nightmail.recipients.outcomes import Outcome
from nightmail.store.states import MessageState
from portal.web.translating import gettext, marked

_M, _R = MessageState, ReceiptStatus

OUTCOMES: Mapping[str, tuple[str, str]] = {
    Outcome.DELIVERED: (marked("Delivered"), "good"),
    Outcome.ON_ITS_WAY: (marked("On its way"), "info"),
    Outcome.WAITING: (marked("Waiting"), "mute"),
    Outcome.IN_DOUBT: (marked("In doubt"), "warn"),
    Outcome.NOT_DELIVERED: (marked("Not delivered"), "bad"),
    Outcome.NOT_SENT: (marked("Not sent"), "warn"),
}
"""How a campaign went for a recipient: name and tone."""

STATES: Mapping[str, tuple[str, str]] = {
    _M.QUEUED: (marked("Queued"), "mute"),
    _M.STANDBY: (marked("Standby"), "mute"),
    _M.HANDING_OVER: (marked("Being handed off"), "info"),
    _M.ACCEPTED: (marked("Handed off"), "info"),
    _M.FAILED: (marked("Failed"), "bad"),
    _M.HELD: (marked("Held"), "warn"),
    _M.CANCELLED: (marked("Cancelled"), "mute"),
    _M.EXPIRED: (marked("Expired"), "warn"),
    _M.NOT_NEEDED: (marked("Not needed"), "mute"),
    _M.IN_DOUBT: (marked("In doubt"), "warn"),
}
"""A message's states: name and tone."""

DELIVERIES: Mapping[str, str] = {
    _R.QUEUED: marked("Queued at the carrier"),
    _R.SENT: marked("Sent on"),
    _R.DEFERRED: marked("Put off"),
    _R.RINGING: marked("Ringing"),
    _R.DELIVERED: marked("Delivered"),
    _R.ANSWERED: marked("Answered"),
    _R.ANSWERED_BY_MACHINE: marked("Answered by a machine"),
    _R.UNDELIVERED: marked("Undelivered"),
    _R.FAILED: marked("Failed at the carrier"),
    _R.BOUNCED: marked("Bounced"),
    _R.DROPPED: marked("Dropped"),
    _R.BUSY: marked("Busy"),
    _R.NO_ANSWER: marked("No answer"),
    _R.CANCELLED: marked("Cancelled"),
    _R.OPENED: marked("Opened"),
    _R.CLICKED: marked("Clicked"),
    _R.SPAM_REPORT: marked("Reported as spam"),
    _R.UNSUBSCRIBED: marked("Unsubscribed"),
}
"""What receipts say."""


def outcome_label(outcome: str) -> str:
    """How a campaign went, in the request's language."""
    return gettext(OUTCOMES[outcome][0]) if outcome in OUTCOMES else outcome


def outcome_tone(outcome: str) -> str:
    """How an outcome is meant."""
    return OUTCOMES[outcome][1] if outcome in OUTCOMES else "mute"


def state_label(state: str) -> str:
    """A message's state in the request's language."""
    return gettext(STATES[state][0]) if state in STATES else state


def delivery_label(delivery: str) -> str:
    """What a receipt says, in the request's language."""
    return gettext(DELIVERIES[delivery]) if delivery in DELIVERIES else delivery


def delivery_tone(delivery: str) -> str:
    """How a receipt is meant."""
    if delivery in REACHED:
        return "good"
    return "bad" if delivery in NOT_REACHED else "info"


def status_of(message: LedgerMessage) -> tuple[str, str]:
    """A message's name and tone for a list: of one that the carrier took, what the receipts say."""
    if message.state == MessageState.ACCEPTED and message.delivery is not None:
        return delivery_label(message.delivery), delivery_tone(message.delivery)
    return state_label(message.state), STATES[message.state][1] if message.state in STATES else "mute"


def state_choices() -> list[tuple[str, str]]:
    """The choices of a filter by state."""
    return [("", gettext("Any")), *((str(state), state_label(state)) for state in MessageState)]


def delivery_choices() -> list[tuple[str, str]]:
    """The choices of a filter by what receipts say."""
    groups = [
        ("", gettext("Any")),
        ("reached", gettext("Any that arrived")),
        ("not_reached", gettext("Any that did not arrive")),
        ("none", gettext("No receipt yet")),
    ]
    return [*groups, *((str(status), delivery_label(status)) for status in ReceiptStatus)]
