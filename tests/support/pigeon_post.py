"""A carrier that only tests have, made as docs/carriers.md says: it takes messages in this process and delivers them when asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from nightmail.carriers.descriptors import AdapterDescriptor, CarrierDescriptor, Support
from nightmail.carriers.error_tables import ErrorTable
from nightmail.carriers.protocol import (
    CarrierSettings,
    Check,
    Finding,
    HandOff,
    InDoubt,
    MayGo,
    Outcome,
    OutgoingMessage,
    Pending,
    Receipt,
    ReceiptStatus,
    Reply,
    Verdict,
    all_may_go,
    one_request_each,
)
from nightmail.channels import Channel
from resources.carriers import CARRIERS


@dataclass
class Loft:
    """The company's side: what it took, by its own id, and which channel it serves."""

    channel: Channel
    taken: dict[str, OutgoingMessage] = field(default_factory=dict)

    def take(self, message: OutgoingMessage) -> str:
        """Accept a message; gives the company's id of it."""
        found = f"feather-{len(self.taken) + 1}"
        self.taken[found] = message
        return found


class PigeonPost:
    """The adapter of one account."""

    maximum_batch = 1

    def __init__(self, settings: CarrierSettings, loft: Loft) -> None:
        self.name, self.channel = settings.name, loft.channel.name
        self._loft = loft

    def hand_off(self, batch: Sequence[OutgoingMessage], may_go: MayGo = all_may_go) -> list[HandOff]:
        return one_request_each(
            batch, may_go, lambda message: HandOff(message.message_id, Outcome.ACCEPTED, self._loft.take(message))
        )

    def find(self, doubtful: Sequence[InDoubt], claimed: Callable[[Iterable[str]], set[str]]) -> list[Finding]:
        by_message = {message.message_id: found for found, message in self._loft.taken.items()}
        return [
            Finding(id_, Verdict.TAKEN, by_message[id_]) if id_ in by_message else Finding(id_, Verdict.ABSENT)
            for id_ in (each.message.message_id for each in doubtful)
        ]

    def poll(self, pending: Sequence[Pending]) -> list[Receipt]:
        return [
            Receipt(
                carrier="pigeon",
                channel=self.channel,
                event_key=f"pigeon:{each.carrier_message_id}:delivered",
                status=ReceiptStatus.DELIVERED,
                carrier_message_id=each.carrier_message_id,
                message_id=each.message_id,
                occurred_at=dt.datetime.now(dt.UTC),
            )
            for each in pending
            if each.carrier_message_id in self._loft.taken
        ]

    def poll_replies(self, since: dt.datetime) -> list[Reply]:
        return []

    def check(self) -> Check:
        return Check(True, "the loft is open")

    def close(self) -> None:
        pass


@contextmanager
def pigeon_post(channel: Channel) -> Iterator[Loft]:
    """Have the carrier ``pigeon`` among the product's, serving one channel; gives what it took."""
    loft = Loft(channel)
    CARRIERS.register(
        CarrierDescriptor(
            name="pigeon",
            label="Pigeon Post",
            adapters=(
                AdapterDescriptor(
                    channel=channel,
                    build=lambda settings: PigeonPost(settings, loft),
                    receipts_by_polling=Support.YES,
                    records=Support.YES,
                ),
            ),
            errors=ErrorTable("2026-11-25.1", ()),
            settings={},
        )
    )
    try:
        yield loft
    finally:
        CARRIERS.withdraw("pigeon")
