"""The conversation about one message: what was sent, and what its recipient wrote back on the page behind ``chat_url``.

The link proves which message it came in (:mod:`nightmail.privacy.signed_links`). What is written there is a reply like an SMS
that comes back: stored once, tied to the message, shown to the team, and obeyed where it says STOP.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, text

from nightmail.carriers.protocol import Reply, ReplyKind
from nightmail.channels import CHANNELS, CHAT, BodyKind
from nightmail.conversations.queries import ANSWERS, CAMPAIGN_OF_MESSAGE, MESSAGE
from nightmail.message_ids import MessageId
from nightmail.receipts.replies import take_replies
from nightmail.templates.speech import spoken_text

CARRIER = "portal"
LONGEST_TEXT = 2_000
MOST_REPLIES = 100
"""Replies to one message; what is more is not taken."""


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that the recipient wrote, or a key that was pressed."""

    at: dt.datetime
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """A message and what its recipient answered, oldest first."""

    message_id: str
    team: str
    language: str | None
    sent_at: dt.datetime | None
    subject: str | None
    body: str = field(repr=False)
    said: tuple[Said, ...] = field(repr=False)
    address: str = field(repr=False)

    @property
    def full(self) -> bool:
        """Whether no more replies are taken."""
        return len(self.said) >= MOST_REPLIES


def find_conversation(connection: Connection, message_id: MessageId) -> Conversation | None:
    """The conversation about a message; ``None`` when it is not known, or its text is not kept any more."""
    campaign = connection.execute(text(CAMPAIGN_OF_MESSAGE), {"token": message_id.token}).first()
    if campaign is None or campaign.ledger_month is None:
        return None
    key = message_id.key(campaign.id)
    message = connection.execute(text(MESSAGE), {"month": campaign.ledger_month, "key": key}).first()
    if message is None:
        return None
    said = connection.execute(text(ANSWERS), {"key": key, "limit": MOST_REPLIES})
    return Conversation(
        message_id=str(message_id),
        team=campaign.team,
        language=message.language,
        sent_at=message.handed_off_at,
        subject=message.subject,
        body=_readable(message_id.channel, message.body),
        said=tuple(Said(entry.received_at, entry.text) for entry in said),
        address=message.address,
    )


def _readable(channel: str, body: str) -> str:
    if CHANNELS[channel].body is not BodyKind.SPEECH:
        return body
    return spoken_text(body)


def say(engine: Engine, conversation: Conversation, written: str, once: str, *, hash_key: bytes) -> bool:
    """Store what the recipient wrote; whether it was new. ``once`` is the form's own token, so that a second press of
    the button changes nothing."""
    reply = Reply(
        carrier=CARRIER,
        channel=CHAT.name,
        event_key=f"{CHAT}:{conversation.message_id}:{once}",
        kind=ReplyKind.TEXT,
        text=written,
        sender=conversation.address,
        recipient=conversation.team,
        message_id=conversation.message_id,
    )
    return take_replies(engine, [reply], hash_key=hash_key).taken == 1
