"""What became of messages that nobody sent: drawn from a seed, in the shares that text messages, emails and calls have."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from nightmail.carriers.error_tables import ANSWER_LOST, ErrorClass
from nightmail.carriers.protocol import Outcome, ReceiptStatus
from nightmail.channels import CHANNELS, BodyKind
from nightmail.consent.suppressions import COMPLAINT, HARD_BOUNCE, OPTED_OUT
from nightmail.store.states import MessageState

S = ReceiptStatus


@dataclass(frozen=True, slots=True)
class Answer:
    """What a share of the recipients of delivered messages write: of a ``kind`` that replies have."""

    kind: str
    texts: tuple[str, ...]
    share: float


@dataclass(frozen=True, kw_only=True)
class Course:
    """How a campaign went. Nothing happens after ``until``."""

    starts_at: dt.datetime
    until: dt.datetime
    rate_per_s: float = 8.0
    handed_off: float = 1.0
    """The share of the messages that were handed off before the campaign was paused or cancelled."""
    rest: MessageState = MessageState.QUEUED
    doubts: int = 0
    """Messages in doubt."""
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """A rendered message, before anything became of it."""

    key: int
    message_id: str
    line: int
    channel: str
    step: int
    state: str
    address: str
    not_before: dt.datetime | None


@dataclass(slots=True)
class Went:
    """What became of a message; times are UTC."""

    message: Message
    state: str
    changed_at: dt.datetime
    handed_off_at: dt.datetime | None = None
    reason: str | None = None
    outcome: Outcome | None = None
    """Of its one attempt, where the carrier did not plainly accept it."""
    error_code: str | None = None
    error_class: ErrorClass | None = None
    receipts: list[tuple[dt.datetime, ReceiptStatus, str | None]] = field(default_factory=list)
    duration_s: int | None = None
    answer: tuple[dt.datetime, str, str] | None = None
    """When, of which kind and what the recipient wrote."""
    suppressed: tuple[dt.datetime, str, str] | None = None
    """When, for which reason and by what the address was suppressed."""

    @property
    def attempts(self) -> int:
        """How often it was tried."""
        return int(self.handed_off_at is not None or self.outcome is not None)

    @property
    def last(self) -> tuple[dt.datetime, ReceiptStatus, str | None] | None:
        """The last receipt, which is the best one."""
        return self.receipts[-1] if self.receipts else None

    def when(self, status: ReceiptStatus) -> dt.datetime | None:
        """When a receipt said ``status`` first."""
        return next((at for at, said, _ in self.receipts if said is status), None)


def draw_outcomes(messages: Iterable[Message], course: Course, chance: random.Random) -> list[Went]:
    """What became of each message of a campaign, in the order of the keys that are given."""
    drawing = _Drawing(course, chance)
    made: list[Went] = []
    ordered = sorted(messages, key=lambda each: (each.line, each.step))
    lines = [list(group) for _, group in groupby(ordered, key=lambda each: each.line)]
    stop_after = round(len(lines) * course.handed_off)
    for place, of_line in enumerate(lines):
        made += drawing.line(place, of_line, goes=place < stop_after)
    return made


class _Drawing:
    def __init__(self, course: Course, chance: random.Random) -> None:
        self.course, self.chance = course, chance
        self.doubts = course.doubts

    def line(self, place: int, messages: Sequence[Message], *, goes: bool) -> list[Went]:
        """All messages of one contact: those that stand by go where an earlier one did not arrive."""
        at = self.course.starts_at + dt.timedelta(seconds=place / self.course.rate_per_s)
        made: list[Went] = []
        for message in messages:
            begin = max(at, message.not_before) if message.not_before else at
            standing_by = message.state == MessageState.STANDBY
            if not goes or begin > self.course.until:
                waits = self.course.rest if not standing_by or self.course.rest is not MessageState.QUEUED else None
                made.append(self._rest(message, waits or MessageState.STANDBY))
            elif standing_by and made and _arrived(made[-1]):
                last = made[-1].last
                decided = last[0] if last else begin
                made.append(Went(message, MessageState.NOT_NEEDED, decided, reason="earlier_channel_delivered"))
            else:
                later = dt.timedelta(minutes=15) if standing_by else dt.timedelta()
                made.append(self._handed_off(message, begin + later))
        return made

    def _rest(self, message: Message, state: MessageState) -> Went:
        reason = "campaign_cancelled" if state is MessageState.CANCELLED else None
        return Went(message, state, self.course.starts_at, reason=reason)

    def _handed_off(self, message: Message, at: dt.datetime) -> Went:
        if self.doubts and self.chance.random() < 0.05:
            self.doubts -= 1
            return Went(
                message,
                MessageState.IN_DOUBT,
                at,
                reason="in_doubt",
                outcome=Outcome.IN_DOUBT,
                error_code=ANSWER_LOST.code,
                error_class=ErrorClass.IN_DOUBT,
            )
        went = Went(message, MessageState.ACCEPTED, at, handed_off_at=at)
        kind = CHANNELS[message.channel].body
        {BodyKind.EMAIL: self._email, BodyKind.SPEECH: self._call}.get(kind, self._text)(went, at)
        went.receipts = [receipt for receipt in went.receipts if receipt[0] <= self.course.until]
        if went.answer is not None and went.answer[0] > self.course.until:
            went.answer = None
        if went.suppressed is not None and went.suppressed[0] > self.course.until:
            went.suppressed = None
        return went

    def _after(self, least: float, most: float) -> dt.timedelta:
        return dt.timedelta(seconds=self.chance.uniform(least, most))

    def _text(self, went: Went, at: dt.datetime) -> None:
        drawn, arrival = self.chance.random(), at + self._after(2, 40)
        if went.message.address.endswith("7001") or drawn < 0.004:
            _refuse(went, "21211")
        elif drawn < 0.022:
            went.receipts.append((arrival, S.UNDELIVERED, "30003"))
        elif drawn < 0.03:
            went.receipts.append((arrival, S.UNDELIVERED, "30005"))
            went.suppressed = (arrival, HARD_BOUNCE, "receipt:sandbox")
        elif drawn < 0.036:
            went.receipts.append((arrival, S.FAILED, "30008"))
        elif drawn > 0.995:
            went.receipts.append((arrival, S.SENT, None))
        else:
            went.receipts.append((arrival, S.DELIVERED, None))
            self._answer(went, arrival)

    def _email(self, went: Went, at: dt.datetime) -> None:
        drawn, arrival = self.chance.random(), at + self._after(3, 90)
        if drawn < 0.018:
            went.receipts.append((arrival, S.BOUNCED, "550"))
            went.suppressed = (arrival, HARD_BOUNCE, "receipt:sandbox")
            return
        if drawn < 0.024:
            went.receipts.append((arrival, S.DROPPED, None))
            return
        went.receipts.append((arrival, S.DELIVERED, None))
        if self.chance.random() < 0.44:
            opened = arrival + self._after(60, 30_000)
            went.receipts.append((opened, S.OPENED, None))
            if self.chance.random() < 0.24:
                went.receipts.append((opened + self._after(5, 200), S.CLICKED, None))
            elif self.chance.random() < 0.006:
                went.receipts.append((opened + self._after(5, 60), S.SPAM_REPORT, None))
                went.suppressed = (opened + dt.timedelta(seconds=60), COMPLAINT, "receipt:sandbox")
            elif self.chance.random() < 0.012:
                went.suppressed = (opened + self._after(5, 60), OPTED_OUT, "unsubscribe_link")
        self._answer(went, arrival)

    def _call(self, went: Went, at: dt.datetime) -> None:
        drawn, ended = self.chance.random(), at + self._after(20, 60)
        if drawn < 0.66:
            went.duration_s = self.chance.randint(14, 55)
            went.receipts.append((ended, S.ANSWERED, None))
            if self.chance.random() < 0.7:
                went.answer = (ended, "key", self.chance.choice(("1", "1", "1", "2")))
        elif drawn < 0.8:
            went.duration_s = self.chance.randint(8, 30)
            went.receipts.append((ended, S.ANSWERED_BY_MACHINE, None))
        else:
            went.receipts.append((ended, S.NO_ANSWER if drawn < 0.93 else S.BUSY, None))

    def _answer(self, went: Went, arrival: dt.datetime) -> None:
        for answer in self.course.answers:
            if self.chance.random() < answer.share:
                went.answer = (arrival + self._after(40, 9_000), answer.kind, self.chance.choice(answer.texts))
                return


def _refuse(went: Went, code: str) -> None:
    """The carrier said no at the hand-off."""
    went.state, went.handed_off_at = MessageState.FAILED, None
    went.reason, went.error_code = "address_refused", code
    went.outcome, went.error_class = Outcome.REJECTED, ErrorClass.PERMANENT_ADDRESS


def _arrived(went: Went) -> bool:
    last = went.last
    return went.state == MessageState.ACCEPTED and last is not None and last[1] in (S.DELIVERED, S.OPENED, S.CLICKED)


def columns_of(outcomes: Sequence[Went]) -> Mapping[str, list[Any]]:
    """The outcomes as columns, for a statement that takes arrays."""
    lasts = [each.last for each in outcomes]
    return {
        "keys": [each.message.key for each in outcomes],
        "changed": [each.changed_at for each in outcomes],
        "handed_off": [each.handed_off_at for each in outcomes],
        "attempts": [each.attempts for each in outcomes],
        "reasons": [each.reason for each in outcomes],
        "errors": [each.error_code for each in outcomes],
        "deliveries": [str(last[1]) if last else None for last in lasts],
        "delivered": [last[0] if last else None for last in lasts],
        "delivery_errors": [last[2] if last else None for last in lasts],
        "opened": [each.when(S.OPENED) for each in outcomes],
        "clicked": [each.when(S.CLICKED) for each in outcomes],
        "replied": [each.answer[0] if each.answer else None for each in outcomes],
        "durations": [each.duration_s for each in outcomes],
    }
