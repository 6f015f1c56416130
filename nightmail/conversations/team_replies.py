"""What recipients answered, as their team reads it, and what is decided about replies that probably ask for an end."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from nightmail.audit import write_entry
from nightmail.consent.suppressions import OPTED_OUT, record_suppressions
from nightmail.conversations.queries import REPLIES, REPLY_TO_DECIDE
from nightmail.errors import NightmailError, UsageError
from nightmail.message_ids import from_key
from nightmail.organisation.teams import is_at_or_below
from nightmail.privacy import mask
from nightmail.receipts.replies import PROBABLE_STOP
from nightmail.receipts.undecided import ReplyDecision, settle_undecided


@dataclass(frozen=True, slots=True)
class ReplyRow:
    """One reply. ``text`` and ``media`` are what a person said: personal data."""

    id: int
    received_at: dt.datetime
    team: str | None
    """``None``: nobody sends from where it was sent to, or teams of several organisations do."""
    channel: str
    kind: str
    """``text``, ``key``, ``stop``, ``start``, ``help`` or ``probable_stop``."""
    from_masked: str
    sent_to: str | None
    campaign: str | None
    message_id: str | None
    decision: str | None
    decided_by: str | None
    decided_at: dt.datetime | None
    text: str | None = field(repr=False)
    media: list[dict[str, Any]] = field(repr=False)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values; the writer's address is masked."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {"from" if name == "from_masked" else name: value for name, value in values.items()}


def list_replies(
    connection: Connection,
    *,
    team: str | None = None,
    undecided: bool = False,
    before_id: int | None = None,
    limit: int = 100,
) -> list[ReplyRow]:
    """Replies to a team and those below it, or (``None``) to all, newest first; ``undecided``: those to decide about."""
    values = {"team": team, "undecided": undecided, "before": before_id, "limit": limit}
    return [
        ReplyRow(
            id=row.id,
            received_at=row.received_at,
            team=row.team,
            channel=row.channel,
            kind=row.kind,
            from_masked=mask(row.address) if row.address else "",
            sent_to=row.sent_to,
            campaign=row.campaign,
            message_id=_message_id(row.message_key, row.token),
            decision=row.decision,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
            text=row.text,
            media=row.media,
        )
        for row in connection.execute(text(REPLIES), values)
    ]


def decide_reply(
    connection: Connection, reply_id: int, decision: ReplyDecision, *, actor: str, team: str | None = None
) -> tuple[int, ...]:
    """Decide about a reply that probably asks for an end, and about others of its writer to the same number; gives their ids.

    ``opt_out`` suppresses the writer for every team that sends from the number. Either decision ends what held marketing
    back. To decide alike once more changes nothing. With ``team`` only replies to it and to those below it.

    Raises :class:`UsageError` (``reply_unknown``) and :class:`NightmailError` (``reply_not_undecided``).
    """
    row = connection.execute(text(REPLY_TO_DECIDE), {"id": reply_id}).first()
    if row is None or (team is not None and (row.team is None or not is_at_or_below(row.team, team))):
        raise UsageError("reply_unknown", reply=reply_id)
    if row.decision == decision:
        return ()
    if row.kind != PROBABLE_STOP or row.decision is not None:
        raise NightmailError("reply_not_undecided", reply=reply_id, kind=row.decision or row.kind)
    settled = settle_undecided(
        connection,
        address_hash=row.address_hash,
        channel=row.channel,
        sent_to=row.sent_to,
        decision=decision,
        actor=actor,
    )
    if decision is ReplyDecision.OPT_OUT:
        for team_id in settled.teams or (None,):
            record_suppressions(
                connection,
                [(row.channel, row.address_hash)],
                team_id=team_id,
                reason=OPTED_OUT,
                source="reply",
                message_id=_message_id(row.message_key, row.token),
            )
    write_entry(
        connection,
        actor=actor,
        action="reply.decided",
        subject=f"reply:{reply_id}",
        team_id=row.team_id,
        detail={"decision": str(decision), "replies": list(settled.replies)},
    )
    return settled.replies


def _message_id(key: int | None, token: str | None) -> str | None:
    return None if key is None or token is None else str(from_key(key, token))
