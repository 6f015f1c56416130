"""What a sender tells of its accounts' answers, from which follows whether they fail over and come back."""

from __future__ import annotations

from sqlalchemy import Engine

from nightmail.sending.failovers import note_answers
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
        watched = self._watcher.watch.failovers
        for lane in self._hand_offs.lanes.values():
            heard = lane.take_heard()
            if heard.doubtful or (heard.accepted and lane.account.id in watched):
                note_answers(self._engine, lane.account, heard)
