"""A lane: the hand-offs of one carrier account within one sender, and how much it takes at a time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from nightmail.carriers.protocol import Carrier
from nightmail.organisation.carrier_accounts import CarrierAccountRow
from nightmail.sending.boot_clock import boot_time
from nightmail.sending.failovers import Answers
from nightmail.sending.intents import Intent

WINDOW = 100
"""Intents of one account at once in one sender, where a request carries one message."""
BATCH_S = 5.0
"""A batch that takes several requests begins none after so long: what is known of it is stored, and the rest goes back."""


class Lane:
    """The threads of one carrier account within one sender, and what the sender has seen of the account."""

    def __init__(
        self, account: CarrierAccountRow, first: Carrier, serve: Callable[[Lane, Carrier | None], None]
    ) -> None:
        """Start one thread for each of the account's connections; ``serve`` is what each does, one with ``first``."""
        self.account = account
        self.batch = self.maximum_batch = max(1, first.maximum_batch)
        self.connections = account.connections
        self.work: queue.SimpleQueue[list[Intent] | None] = queue.SimpleQueue()
        self.began_at = boot_time()
        self.ended = False
        self.outstanding = 0
        """Intents of the account that are in hand."""
        self.ready_at = 0.0
        """When its pace has more, by the boot clock."""
        self.turn = 0
        """Counts up: the campaigns of an account take turns."""
        self.trouble = 0
        """Hand-offs in a row without a clear answer."""
        self.unknown = 0
        """Errors in a row that are in no table."""
        self.left_alone_until = 0.0
        self.doubtful = self.doubtful_messages = self.accepted = 0
        """What the account answered since :meth:`take_heard`."""
        self.accepts = False
        """Whether it accepted something since it began or was last alerted as unwell."""
        self.latency = 0.0
        """Seconds that a hand-off takes, smoothed."""
        self.threads = [
            threading.Thread(
                target=serve,
                args=(self, first if number == 0 else None),
                name=f"lane-{account.name}-{number}",
                daemon=True,
            )
            for number in range(self.connections)
        ]
        for thread in self.threads:
            thread.start()

    def put(self, intents: list[Intent]) -> None:
        """Give intents to the threads: as one batch where a request carries several messages."""
        if self.maximum_batch == 1:
            for intent in intents:
                self.work.put([intent])
        elif intents:
            self.work.put(intents)

    def take_heard(self) -> Answers:
        """What the account answered since the last call."""
        heard = Answers(0.0, self.doubtful, self.doubtful_messages, self.accepted)
        self.doubtful = self.doubtful_messages = self.accepted = 0
        return heard

    def note_latency(self, took: float) -> None:
        """Note how many seconds a hand-off took."""
        self.latency = took if self.latency == 0 else 0.9 * self.latency + 0.1 * took

    def note_batch(self, size: int, tried: int, took: float) -> None:
        """Take fewer at a time where a batch is not done in time, and more again where it is."""
        if took > BATCH_S and 0 < tried < size:
            self.batch = tried
        elif size >= self.batch and took < BATCH_S / 2:
            self.batch = min(self.maximum_batch, 2 * self.batch)

    def is_out_of_time(self, seconds: float) -> bool:
        """Whether a batch that has taken so long begins no further request."""
        return seconds > BATCH_S

    def end(self) -> None:
        """Let the threads end after what they have."""
        self.ended = True
        for _ in self.threads:
            self.work.put(None)

    @property
    def window(self) -> int:
        """How many intents it may have at once: a fifth of a second's work, as a crash puts all of them in doubt."""
        if self.trouble:
            return self.connections if self.maximum_batch == 1 else 10
        if self.maximum_batch > 1:
            return self.batch * self.connections
        if self.latency <= 0:
            return 4 * self.connections
        return max(2 * self.connections, min(WINDOW, int(0.2 * self.connections / self.latency)))

    @property
    def room(self) -> int:
        """How many more intents it takes now; nothing until a fair part is free."""
        window = self.window
        free = window - self.outstanding
        if self.maximum_batch > 1:
            return min(self.batch, free) if free >= min(self.batch, window) else 0
        return free if free * 2 >= window else 0
