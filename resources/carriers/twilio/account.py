"""What Twilio's SMS and calls have in common: one account's connection, and its records of one kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from nightmail.carriers.protocol import (
    CarrierSettings,
    Check,
    Finding,
    HandOff,
    InDoubt,
    MayGo,
    OutgoingMessage,
    Pending,
    Receipt,
    ReceiptStatus,
    all_may_go,
    one_request_each,
)
from resources.carriers.twilio.connection import TwilioConnection
from resources.carriers.twilio.records import Records


class TwilioAccount:
    """What adapters for messages and calls share; each adds its hand-off and replies."""

    channel: str
    maximum_batch = 1

    def __init__(
        self,
        settings: CarrierSettings,
        *,
        kind: str,
        time: str,
        same: Callable[[InDoubt, Any], bool],
        status: Callable[[Any], ReceiptStatus | None],
    ) -> None:
        """``kind`` is the SDK's list (``messages``, ``calls``), ``time`` what its records are narrowed by."""
        self.name = settings.name or settings.adapter
        self._settings = settings
        self._connection = TwilioConnection(settings)
        self._list: Any = getattr(self._connection.client, kind)
        self._time = time
        self._records = Records(
            channel=self.channel,
            name=self.name,
            by_recipient=self._by_recipient,
            between=self._between,
            one=lambda sid: getattr(self._connection.client, kind)(sid).fetch(),
            same=same,
            status=status,
            clock_offset=lambda: self._connection.keep_alive.clock_offset,
        )

    def hand_off(self, batch: Sequence[OutgoingMessage], may_go: MayGo = all_may_go) -> list[HandOff]:
        """One request per message, each written once."""
        return one_request_each(batch, may_go, self._hand_off_one)

    def _hand_off_one(self, message: OutgoingMessage) -> HandOff:
        raise NotImplementedError

    def _by_recipient(self, address: str) -> Iterator[Any]:
        # Not narrowed by time: what waits in Twilio's queue was not sent and has not started yet.
        return iter(self._list.stream(to=address, page_size=50))

    def _between(self, first: datetime, last: datetime, limit: int) -> Iterator[Any]:
        span = {f"{self._time}_after": first, f"{self._time}_before": last}
        return iter(self._list.stream(**span, limit=limit, page_size=1000))

    def find(self, doubtful: Sequence[InDoubt], claimed: Callable[[Iterable[str]], set[str]]) -> list[Finding]:
        """The records to the same recipient since the intent that can be the message."""
        return self._records.find(doubtful, claimed)

    def poll(self, pending: Sequence[Pending]) -> list[Receipt]:
        """The records' present status."""
        return self._records.poll(pending)

    def check(self) -> Check:
        """Whether Twilio takes the credentials."""
        return self._connection.check()

    def close(self) -> None:
        """Close the connection."""
        self._connection.keep_alive.close()
