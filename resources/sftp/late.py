"""When files archived lately are looked at again: after 1 s, 2 s, 4 s and so on, for a quarter of an hour."""

from __future__ import annotations

from dataclasses import dataclass, field

from resources.sftp.settling import Settling

FIRST_S = 1.0
WATCHED_FOR_S = 900.0
LOOKS_AT_ONCE = 20


@dataclass(slots=True)
class _Turn:
    began_at: float
    next_at: float
    wait_s: float = FIRST_S
    settling: Settling = field(default_factory=Settling)


class LateLooks:
    """The turns of one server's archived files, by the id of the file. Times are of one monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._turns: dict[int, _Turn] = {}
        self.loaded = False
        """Whether the files archived before this process began were taken in."""

    def begin(self, file_id: int, now: float) -> None:
        """Watch a file from now on."""
        self._turns.setdefault(file_id, _Turn(now, now + FIRST_S))

    def due(self, now: float) -> list[int]:
        """The files whose turn it is, the longest waiting first, at most :data:`LOOKS_AT_ONCE`."""
        found = sorted((turn.next_at, file_id) for file_id, turn in self._turns.items() if turn.next_at <= now)
        return [file_id for _, file_id in found[:LOOKS_AT_ONCE]]

    def looked(self, file_id: int, now: float) -> None:
        """Note a look; the next one comes after twice the time, the last one after :data:`WATCHED_FOR_S`."""
        turn = self._turns.get(file_id)
        if turn is None:
            return
        if now - turn.began_at > WATCHED_FOR_S:
            del self._turns[file_id]
        elif turn.next_at <= now:
            turn.wait_s *= 2
            turn.next_at = now + turn.wait_s

    def soon(self, file_id: int, now: float) -> None:
        """Look again soon: the file is changing. It is watched for another while."""
        turn = self._turns.get(file_id)
        if turn is not None:
            turn.began_at, turn.wait_s, turn.next_at = now, FIRST_S, now + FIRST_S

    def settling(self, file_id: int) -> Settling:
        """What was seen of the file while it was changing."""
        return self._turns[file_id].settling if file_id in self._turns else Settling()

    def end(self, file_id: int) -> None:
        """Watch the file no longer."""
        self._turns.pop(file_id, None)
