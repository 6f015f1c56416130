"""Keys pressed in a call that goes on: what the call says next."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlalchemy import Engine, text

from nightmail.conversations.queries import CALL_OF_MESSAGE, CAMPAIGN_OF_CALL
from nightmail.errors import NightmailError
from nightmail.message_ids import parse_message_id
from nightmail.templates.loading import stored_template
from nightmail.templates.model import VoiceBody
from nightmail.templates.speech import answer_document

_log = logging.getLogger("nightmail.conversations")


@dataclass(frozen=True, slots=True)
class NextInCall:
    """What a call says after a key, and whether the key answers the message's question."""

    document: str | None
    """A call document; ``None``: the call ends."""
    answers: bool


def next_in_call(engine: Engine, message_id: str | None, key: str) -> NextInCall:
    """What a key means in the call of a message: thanks for an answer; any other key has the message said again.

    A key that fits no message is kept as an answer, unattached, rather than lost.
    """
    if message_id is None:
        return NextInCall(None, True)
    parsed = parse_message_id(message_id)
    with engine.connect() as connection:
        campaign = connection.execute(text(CAMPAIGN_OF_CALL), {"token": parsed.token}).first()
        call = (
            campaign
            and connection.execute(
                text(CALL_OF_MESSAGE), {"month": campaign.ledger_month, "key": parsed.key(campaign.id)}
            ).first()
        )
    if campaign is None or call is None:
        return NextInCall(None, True)
    try:
        template = stored_template(campaign.content)
    except NightmailError as error:
        _log.error("the template of a call cannot be read: %s", error)
        return NextInCall(None, True)
    language = template.language_for(call.language, parsed.channel) or template.default_language
    body = template.languages[language].by_channel.get(parsed.channel)
    question = body.question if isinstance(body, VoiceBody) else None
    if question is not None and key in question.answers:
        return NextInCall(answer_document(question, language, key), True)
    return NextInCall(call.body or None, False)
