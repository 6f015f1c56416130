"""Replies that confirm a consent that their writer was asked for.

What is not certain confirms nothing: a reply that names another message, one in whose writer nobody vouches for, one to a number
from where something else has gone to the address since, and one where two requests wait.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from nightmail.carriers.protocol import Reply
from nightmail.consent.confirming import Confirmed, confirm
from nightmail.consent.consent_request_queries import WRITTEN_TO_SINCE
from nightmail.consent.consent_requests import request_answered
from nightmail.privacy import AddressHash
from nightmail.receipts.message_places import Place


def confirm_request(
    connection: Connection, reply: Reply, place: Place | None, hashed: AddressHash, reply_id: int
) -> bool:
    """Confirm the request that a reply answers, if it certainly does; whether that was new.

    ``place`` is where the message stands that the reply answers else: the last one from there to its writer.
    """
    if not reply.sender_is_proved or reply.message_id or reply.tokens or reply.media:
        return False
    request = request_answered(
        connection,
        reply.text,
        address=(reply.channel, hashed),
        senders=[reply.recipient, *filter(None, [reply.recipient_service])],
        accounts=reply.accounts,
    )
    if request is None:
        return False
    if place is not None:
        values = {"month": place.month, "key": place.key, "since": request.requested_at}
        if connection.scalar(text(WRITTEN_TO_SINCE), values):
            return False
    return confirm(connection, request.id, by="word", reply_id=reply_id) is Confirmed.NOW
