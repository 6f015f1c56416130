"""The doors of the chaos test beside its senders: files by SFTP, webhooks and replies, and a portal that is killed over them."""

from __future__ import annotations

import copy
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from benchmarks.chaos_replies import ACME_NUMBER, ReplyDoor, lost_receipts
from benchmarks.chaos_uploads import UploadDoor, approve_waiting, messages_by_number

if TYPE_CHECKING:
    from benchmarks.chaos import Rig

TAKEN_WITHIN_S = 300.0
"""After the last upload, the longest that its rows may take to the ledger."""


@dataclass
class DoorFigures:
    """What became of what came in; the fields are the JSON's."""

    files: int = 0
    rows: int = 0
    """Rows of the files that clients put, to the server's last yes."""
    uploads: dict[str, int] = field(default_factory=dict)
    sftp_faults: int = 0
    lost_rows: int = 0
    """Rows without a message; must be 0."""
    rows_twice: int = 0
    """Rows with more than one; must be 0."""
    approvals: int = 0
    """Campaigns that waited for a person: what of a file came after its archive, for one."""
    portal_kills: int = 0
    receipts: int = 0
    """Receipts that the portal acknowledged."""
    lost_receipts: int = 0
    """Of these, those that are not there; must be 0."""
    replies: int = 0
    posts: dict[str, int] = field(default_factory=dict)
    lost_replies: int = 0
    """Replies that the portal acknowledged and that are not there; must be 0."""
    forged_taken: int = 0
    """Posts with a wrong signature that were taken; must be 0."""
    wrong_opt_outs: int = 0
    """Opt-outs that are missing, at the wrong team or of nobody's asking; must be 0."""
    sent_after_opt_out: int = 0
    """Messages of a last campaign that went to who had opted out of its number; must be 0."""

    @property
    def well(self) -> bool:
        """Whether nothing was lost, doubled or taken from the wrong hand."""
        lost = self.lost_rows + self.rows_twice + self.lost_receipts + self.lost_replies
        return not lost + self.forged_taken + self.wrong_opt_outs + self.sent_after_opt_out


class PortalKiller(threading.Thread):
    """Kills the portal so often, at random moments, and starts it again."""

    def __init__(self, rig: Rig, kills: int, seed: int) -> None:
        super().__init__(name="portal-killer", daemon=True)
        self._rig, self._kills, self._chance = rig, kills, Random(seed)
        self._ended = threading.Event()
        self.killed = 0
        self.error: BaseException | None = None

    def run(self) -> None:
        """Kill and start again."""
        try:
            while self.killed < self._kills and not self._ended.wait(self._chance.uniform(0.5, 3.0)):
                self._rig.restart_portal()
                self.killed += 1
        except BaseException as error:
            self.error = error

    def end(self) -> None:
        """Stop early, and wait for it."""
        self._ended.set()
        self.join()


class Doors:
    """See the module. ``uploads`` asks for Dagster's processes, whose sensors take the files."""

    def __init__(
        self, rig: Rig, *, uploads: int, rows: int, people: int, texts: int, portal_kills: int, seed: int
    ) -> None:
        self._rig, self._seed = rig, seed
        self._uploads_wanted, self._rows = uploads, rows
        self._people_wanted, self._texts = people, texts
        self._kills = portal_kills
        self.figures = DoorFigures()
        self.uploads = rig.uploads
        self.replies = ReplyDoor(rig.engine, rig.public_url, rig.told["twilio"]["account_sid"]) if people else None
        self._killer: PortalKiller | None = None
        self._last_token = ""

    def start(self) -> int:
        """Begin; gives the number of messages that people get before they answer."""
        sent = 0
        if self.uploads is not None:
            self.uploads.start(self._uploads_wanted, self._rows, self._seed)
        if self.replies is not None:
            self.replies.start(self._people_wanted, self._texts, self._seed)
            sent += self._campaign(self._rig.organisation.team_id, self.replies.people)
            sent += self._campaign(self.replies.globex_team, self.replies.people)
        if self._kills:
            self._killer = PortalKiller(self._rig, self._kills, self._seed)
            self._killer.start()
        return sent

    def _campaign(self, team_id: int, people: list[str]) -> int:
        sender = copy.copy(self._rig.organisation)
        sender.team_id = team_id
        self._last_token = sender.campaign(people).token
        return len(people)

    def finish(self, tell: Any) -> int:
        """Wait until all has come in, and end what fails; gives the number of messages that it makes."""
        while (self.uploads is not None and self.uploads.busy()) or (self.replies is not None and self.replies.busy()):
            self._approve()
            time.sleep(0.2)
        if self._killer is not None:
            self._killer.join()
            if self._killer.error is not None:
                raise self._killer.error
            self.figures.portal_kills = self._killer.killed
        made = 0
        if self.uploads is not None:
            self.uploads.end_faults()
            made += self._wait_for_rows(self.uploads, tell)
        if self.replies is not None:
            made += self._campaign(self._rig.organisation.team_id, self.replies.people)
        return made

    def _approve(self) -> None:
        try:
            self.figures.approvals += approve_waiting(self._rig.engine)
        except SQLAlchemyError:
            return  # the database is being restarted

    def _wait_for_rows(self, door: UploadDoor, tell: Any) -> int:
        wanted = {number for numbers in door.numbers.values() for number in numbers}
        until = time.monotonic() + TAKEN_WITHIN_S
        missing = len(wanted)
        while missing and time.monotonic() < until:
            self._approve()
            try:
                missing = len(wanted - messages_by_number(self._rig.engine).keys())
            except SQLAlchemyError:
                missing = len(wanted)
            if missing:
                time.sleep(0.5)
        if tell and missing:
            tell(f"{missing} rows of files have no message")
        return len(wanted)

    def judge(self, accepted: list[dict[str, Any]], tell: Any) -> DoorFigures:
        """Hold what came in against what is there. ``accepted`` is the stand-ins' log."""
        figures, engine = self.figures, self._rig.engine
        if self.uploads is not None:
            found = messages_by_number(engine)
            wanted = {number for numbers in self.uploads.numbers.values() for number in numbers}
            taken = Counter(line["to"] for line in accepted if line["to"] in wanted)
            figures.files, figures.rows = len(self.uploads.numbers), len(wanted)
            figures.uploads, figures.sftp_faults = dict(self.uploads.kinds), self.uploads.faults
            figures.lost_rows = len(wanted - found.keys())
            doubled = {number for number in wanted if found[number] > 1 or taken[number] > 1}
            figures.rows_twice = len(doubled)
            if tell and (doubled or figures.lost_rows):
                of = Counter(
                    name for name, numbers in self.uploads.numbers.items() for number in numbers if number in doubled
                )
                tell(f"rows twice by file: {dict(of)}; {figures.lost_rows} lost")
        acknowledged = Path(self._rig.told["accepted"]).with_name("acknowledged.jsonl")
        figures.lost_receipts = lost_receipts(engine, acknowledged)
        figures.receipts = sum(1 for _ in acknowledged.open()) if acknowledged.exists() else 0
        if self.replies is not None:
            figures.replies = len(self.replies.texts.acknowledged)
            figures.posts = dict(self.replies.texts.tried)
            figures.forged_taken = self.replies.texts.forged_taken
            figures.lost_replies = self.replies.lost_replies()
            figures.wrong_opt_outs = self.replies.wrong_opt_outs()
            figures.sent_after_opt_out = self._sent_after_opt_out(self.replies, accepted)
        return figures

    def _sent_after_opt_out(self, door: ReplyDoor, accepted: list[dict[str, Any]]) -> int:
        """The last campaign went from the first organisation's number, when all had said their last."""
        opted_out = {person for person, number in door.opted_out() if number == ACME_NUMBER}
        return sum(
            1
            for line in accepted
            if line["to"] in opted_out and (line["message_id"] or "").startswith(self._last_token)
        )

    def close(self) -> None:
        """Stop what was started."""
        if self._killer is not None:
            self._killer.end()
