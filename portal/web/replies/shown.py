"""Replies as one person may see them: with texts and addresses where ``personal.see`` is held, each such look recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from nightmail.access.decisions import allowed, sees_personal
from nightmail.access.permissions import Permission
from nightmail.audit import record_look
from nightmail.conversations.reply_lists import AnsweredText, ReadReply, answered_texts
from nightmail.privacy.masking import shown_address, shown_body, shown_list
from portal.web.channel_words import channel_label
from portal.web.replies.words import kind_label, kind_tone, led_to
from portal.web.signed_in import SignedIn


@dataclass(frozen=True)
class ShownReply:
    """A reply with what its reader may know of it."""

    row: ReadReply
    channel: str
    kind: str
    tone: str
    led_to: str
    personal: bool
    campaign: str | None
    """The campaign that it answers, where it is one that the reader sees."""
    message_id: str | None
    media: int
    address: str = field(repr=False)
    text: str | None = field(repr=False)
    answered: AnsweredText | None = field(repr=False)


def shown_replies(connection: Connection, me: SignedIn, rows: Sequence[ReadReply]) -> list[ShownReply]:
    """Replies for one page, in a transaction that keeps the look at what was said in the audit log."""
    personal = {row.team: sees_personal(me.principal, row.team or "") for row in rows}
    readable = [row for row in rows if personal[row.team]]
    texts = answered_texts(connection, readable)
    _record(connection, me, readable)
    return [_shown(me, row, personal=personal[row.team], answered=texts.get(row.id)) for row in rows]


def _shown(me: SignedIn, row: ReadReply, *, personal: bool, answered: AnsweredText | None) -> ShownReply:
    team = row.campaign_team
    sees_campaign = team is not None and allowed(me.principal, Permission.REPLY_SEE, team).yes
    return ShownReply(
        row=row,
        channel=channel_label(row.channel),
        kind=kind_label(row.kind),
        tone=kind_tone(row.kind),
        led_to=led_to(row),
        personal=personal,
        campaign=row.campaign if sees_campaign else None,
        message_id=row.message_id if sees_campaign else None,
        media=len(shown_list(row.media, personal=personal)),
        address=shown_address(row.address, personal=personal),
        text=shown_body(row.text, personal=personal),
        answered=answered if sees_campaign else None,
    )


def _record(connection: Connection, me: SignedIn, rows: Sequence[ReadReply]) -> None:
    numbers = [row.id for row in rows if row.text is not None or row.media or row.address is not None]
    if numbers:
        teams = {row.team_id for row in rows}
        record_look(
            connection,
            actor=me.principal.actor,
            subject=f"reply:{numbers[0]}" if len(numbers) == 1 else f"replies:{min(numbers)}-{max(numbers)}",
            team_id=teams.pop() if len(teams) == 1 else None,
            shown=("address", "body"),
            count=len(numbers),
        )
