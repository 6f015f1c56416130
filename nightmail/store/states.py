"""The states of campaigns and messages, and the only ways from one to another. The database enforces them."""

from __future__ import annotations

from enum import StrEnum


class CampaignState(StrEnum):
    """Where a campaign stands; senders take from ``sending`` only."""

    RECEIVED = "received"
    CHECKING = "checking"
    AWAITING_APPROVAL = "awaiting_approval"
    READY = "ready"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    STOPPED = "stopped"


class MessageState(StrEnum):
    """Where a message of the ledger stands."""

    QUEUED = "queued"
    STANDBY = "standby"
    HANDING_OVER = "handing_over"
    """The intent is stored; the carrier may or may not have it."""
    ACCEPTED = "accepted"
    FAILED = "failed"
    HELD = "held"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    NOT_NEEDED = "not_needed"
    IN_DOUBT = "in_doubt"


_C = CampaignState
_M = MessageState

CAMPAIGN_TRANSITIONS: dict[CampaignState, tuple[CampaignState, ...]] = {
    _C.RECEIVED: (_C.CHECKING, _C.CANCELLED, _C.STOPPED),
    _C.CHECKING: (
        _C.CHECKING,
        _C.RECEIVED,
        _C.AWAITING_APPROVAL,
        _C.READY,
        _C.SCHEDULED,
        _C.SENDING,
        _C.CANCELLED,
        _C.STOPPED,
    ),
    _C.AWAITING_APPROVAL: (_C.READY, _C.SCHEDULED, _C.SENDING, _C.CANCELLED, _C.STOPPED),
    _C.READY: (_C.SCHEDULED, _C.SENDING, _C.CANCELLED, _C.STOPPED),
    _C.SCHEDULED: (_C.SENDING, _C.AWAITING_APPROVAL, _C.PAUSED, _C.CANCELLED, _C.STOPPED),
    _C.SENDING: (_C.PAUSED, _C.FINISHED, _C.CANCELLED, _C.STOPPED),
    _C.PAUSED: (_C.SENDING, _C.SCHEDULED, _C.AWAITING_APPROVAL, _C.CANCELLED, _C.STOPPED),
    _C.FINISHED: (_C.SENDING,),
    _C.CANCELLED: (),
    _C.STOPPED: (_C.RECEIVED, _C.CANCELLED),
}
"""``scheduled`` goes to ``awaiting_approval`` when its time is long past: it asks before it is sent; ``paused``
does when it is not as it was approved.

``finished`` goes back to ``sending`` only for a follow-up or an in-doubt message that a person decided to resend."""

MESSAGE_TRANSITIONS: dict[MessageState, tuple[MessageState, ...]] = {
    _M.QUEUED: (_M.HANDING_OVER, _M.HELD, _M.CANCELLED, _M.EXPIRED, _M.NOT_NEEDED, _M.FAILED, _M.IN_DOUBT),
    _M.STANDBY: (_M.QUEUED, _M.NOT_NEEDED, _M.HELD, _M.CANCELLED, _M.EXPIRED),
    _M.HANDING_OVER: (_M.ACCEPTED, _M.FAILED, _M.QUEUED, _M.IN_DOUBT),
    _M.IN_DOUBT: (_M.ACCEPTED, _M.FAILED, _M.QUEUED),
    _M.ACCEPTED: (),
    _M.FAILED: (),
    _M.HELD: (_M.QUEUED,),
    _M.CANCELLED: (),
    _M.EXPIRED: (),
    _M.NOT_NEEDED: (),
}
"""``handing_over`` goes back to ``queued`` only when the carrier certainly did not take the message.

``queued`` becomes ``in_doubt`` without a hand-off only after a restore: the database that was lost may have handed it off.
"""


def transitions() -> list[tuple[str, str, str]]:
    """Every allowed transition as rows ``(machine, from_state, to_state)`` of the table ``state_transition``."""
    rows = [("campaign", str(a), str(b)) for a, ends in CAMPAIGN_TRANSITIONS.items() for b in ends]
    rows += [("message", str(a), str(b)) for a, ends in MESSAGE_TRANSITIONS.items() for b in ends]
    return rows
