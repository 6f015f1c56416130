"""Which message an email answers, by the signed tokens in its address and references."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, text

from nightmail.privacy import AddressHash
from nightmail.privacy.reply_addresses import read_reply_token
from nightmail.privacy.signed_links import LinkError
from nightmail.receipts.message_places import places_by_id
from nightmail.receipts.queries import ADDRESS_OF_MESSAGE
from nightmail.store.clock import database_time


def message_of_tokens(
    connection: Connection, tokens: Sequence[str], address_hashes: Collection[AddressHash], key: bytes
) -> str | None:
    """The id of the first message that a token proves and that went to one of the addresses; ``None`` without one.

    Who answers with a token of somebody else's message, as of one that was forwarded to them, answers no message of theirs.
    """
    named = []
    now = database_time(connection)
    for token in tokens:
        try:
            named.append(str(read_reply_token(token, [key], now)))
        except LinkError:
            continue
    places = places_by_id(connection, named)
    for message_id in named:
        place = places.get(message_id)
        if place is None:
            continue
        row = connection.execute(text(ADDRESS_OF_MESSAGE), {"month": place.month, "key": place.key}).first()
        if row is not None and row.address_hash in address_hashes:
            return message_id
    return None
