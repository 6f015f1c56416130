"""What a sender tells of its accounts' answers, from which follows whether they fail over and come back."""

from __future__ import annotations

from sqlalchemy import Engine

from nightmail.sending.boot_clock import boot_time
from nightmail.sending.failovers import ALL, note_answers
from nightmail.sending.sender.hand_offs import HandOffs
from nightmail.sending.sender.watch import Watcher


class FailingOver:
    """Tells of accounts that give doubtful answers, or did lately, and of no others: what is well costs nothing."""

    def __init__(self, engine: Engine, watcher: Watcher, hand_offs: HandOffs) -> None:
        self._engine = engine
        self._watcher = watcher
        self._hand_offs = hand_offs

    def mark(self) -> None:
        """Tell what was answered since the last call."""
        watch, now = self._watcher.watch, boot_time()
        for account_id, lane in self._hand_offs.lanes.items():
            heard = lane.take_heard()
            seen = watch.failovers.get(account_id)
            # A carrier that asks for an hour's rest says nothing for an hour: what waits for it goes on all the same.
            blocked = watch.blocked.get((account_id, "", lane.account.channel), 0.0) > now
            left_alone = blocked and seen is not None and 0 < seen.moved_percent < ALL
            if heard.doubtful or (heard.accepted and seen is not None) or left_alone:
                note_answers(self._engine, lane.account, heard, left_alone=left_alone)
