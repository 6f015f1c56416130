"""A campaign's messages by what became of them: whichever index finds them, they are the same, each once, in the file's order."""

from __future__ import annotations

import itertools

from nightmail.carriers.protocol import ReceiptStatus
from nightmail.receipts.incoming_receipts import take_receipts
from nightmail.reports.campaign_messages import MessageRow, list_messages
from nightmail.reports.message_queries import COMMONLY_SAID
from tests.receipts.test_receipts import receipt, sent
from tests.support.sending_rig import KEY, Organisation

_SAID = ("queued", "sent", "delivered", "undelivered", "bounced", "opened", "clicked", "unsubscribed")


def test_pages_by_state_and_delivery_are_what_reading_all_gives(organisation: Organisation) -> None:
    """Of messages of which much was said, out of order: by the last that counts, and by none that was overtaken."""
    campaign = organisation.campaign([f"+4477009000{number:02}" for number in range(12)])
    organisation.execute(
        "update message set state = 'cancelled' where message_key = (select max(message_key) from message)"
    )
    other = sent(organisation, "+447700900099")
    ids = [row["message_id"] for row in organisation.messages(campaign)]
    pairs = list(itertools.permutations(_SAID, 2))
    told = [
        receipt(ids[at % (len(ids) - 1)], ReceiptStatus(status))
        for at, pair in enumerate(pairs[: 3 * len(ids)])
        for status in pair
    ]
    told.append(receipt(organisation.messages(other)[0]["message_id"], ReceiptStatus.BOUNCED))
    take_receipts(organisation.engine, told[:20], hash_key=KEY)
    take_receipts(organisation.engine, told[20:] + told[:20], hash_key=KEY)
    with organisation.engine.connect() as connection:

        def read(limit: int, state: str | None = None, delivery: str | None = None) -> list[MessageRow]:
            found: list[MessageRow] = []
            while True:
                after = found[-1].position if found else None
                page = list_messages(connection, campaign, state=state, delivery=delivery, after=after, limit=limit)
                found += page
                if not page:
                    return found

        everything = read(100)
        assert len(everything) == len(ids)
        assert {row.delivery for row in everything} - set(COMMONLY_SAID) - {None}
        for state, delivery in itertools.product((None, "accepted", "cancelled", "failed"), (None, *_SAID)):
            expected = [
                row
                for row in everything
                if (state is None or row.state == state) and (delivery is None or row.delivery == delivery)
            ]
            assert read(2, state, delivery) == expected, (state, delivery)
