"""Reports of delivery (RFC 3464) as receipts, where it is certain which message they are about."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from nightmail.carriers.mailboxes import ReturnedMail
from nightmail.carriers.protocol import Receipt
from nightmail.organisation.carrier_accounts import CarrierAccountRow
from nightmail.privacy import address_hash
from nightmail.receipts.signed_answers import message_of_tokens


def receipts_of_returned(
    connection: Connection, account: CarrierAccountRow, returned: Sequence[ReturnedMail], hash_key: bytes
) -> list[Receipt]:
    """The receipts in reports that prove their message.

    The Message-ID that a report returns must be signed by us, and the recipient that it names be that message's: a server that
    forwarded the email to somebody else says nothing of who it was sent to.
    """
    receipts = []
    for each in returned:
        hashes = {address_hash(recipient, hash_key) for recipient in each.recipients}
        found = message_of_tokens(connection, each.tokens, hashes, hash_key)
        if found is not None:
            receipts.append(
                Receipt(
                    carrier=account.carrier,
                    channel=account.channel,
                    event_key=each.event_key,
                    status=each.status,
                    message_id=found,
                    error=each.error,
                    accounts=frozenset({account.id}),
                )
            )
    return receipts
