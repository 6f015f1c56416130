"""Twilio's own records of messages and calls: read to settle doubts, and for receipts where no webhook reaches us."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from twilio.base.exceptions import TwilioException

from nightmail.carriers.error_tables import ErrorEntry
from nightmail.carriers.protocol import Finding, InDoubt, Pending, Receipt, ReceiptStatus, Verdict
from resources.carriers.keep_alive import AnswerLostError, NotWrittenError
from resources.carriers.twilio.connection import price, utc
from resources.carriers.twilio.errors import ERRORS

CLOCK_SKEW = timedelta(minutes=5)
"""How far our clock may be from Twilio's when a record is held against an intent."""
_RECORDS_PER_RECIPIENT = 400
_SINGLE_FETCHES = 100
UNREADABLE = (TwilioException, NotWrittenError, AnswerLostError, ValueError, KeyError, TypeError, AttributeError)
"""What reading records may raise; the records are then unknown, not empty."""


def _unreadable(doubt: InDoubt, error: Exception) -> Finding:
    detail = f"the records cannot be read: {type(error).__name__}"
    return Finding(doubt.message.message_id, Verdict.UNKNOWN, detail=detail)


def _error(record: Any) -> ErrorEntry | None:
    code = getattr(record, "error_code", None)
    return None if code is None else ERRORS.entry(str(code))


@dataclass(frozen=True)
class Records:
    """How to read one kind of record, messages or calls."""

    channel: str
    name: str
    by_recipient: Callable[[str], Iterable[Any]]
    """Records of one recipient, newest first."""
    between: Callable[[datetime, datetime, int], Iterable[Any]]
    """At most so many records of a span."""
    one: Callable[[str], Any]
    """One record by its id."""
    same: Callable[[InDoubt, Any], bool]
    """Whether a record can be this message, by what the record holds."""
    status: Callable[[Any], ReceiptStatus | None]
    clock_offset: Callable[[], timedelta]
    """How far the carrier's clock is ahead of ours: its records have its own times."""

    def on_their_clock(self, moment: datetime) -> datetime:
        """One of our moments by the carrier's clock, or a little before: our clock may have been corrected in between."""
        return moment + min(self.clock_offset(), timedelta(0)) - CLOCK_SKEW

    def find(self, doubtful: Sequence[InDoubt], claimed: Callable[[Iterable[str]], set[str]]) -> list[Finding]:
        """See :meth:`nightmail.carriers.protocol.Carrier.find`. After an answer is lost, no further question is asked."""
        findings: list[Finding] = []
        given: set[str] = set()
        for doubt in doubtful:
            try:
                finding = self._find_one(doubt, claimed, given)
            except (NotWrittenError, AnswerLostError) as error:
                # Each further answer would be waited for as long: a thousand of them for hours.
                left = doubtful[len(findings) :]
                return findings + [_unreadable(each, error) for each in left]
            findings.append(finding)
            if finding.carrier_message_id is not None:
                given.add(finding.carrier_message_id)
        return findings

    def _find_one(self, doubt: InDoubt, claimed: Callable[[Iterable[str]], set[str]], given: set[str]) -> Finding:
        message_id = doubt.message.message_id
        candidates = []
        try:
            for read, record in enumerate(self.by_recipient(doubt.message.address)):
                created = utc(record.date_created)
                if read >= _RECORDS_PER_RECIPIENT:
                    return Finding(message_id, Verdict.UNKNOWN, detail="the recipient has too many records")
                if created is not None and created < self.on_their_clock(doubt.since):
                    break
                if record.direction != "inbound" and self.same(doubt, record):
                    candidates.append(record)
        except (NotWrittenError, AnswerLostError):
            raise
        except UNREADABLE as error:
            return _unreadable(doubt, error)
        taken = claimed([record.sid for record in candidates]) | given
        # The oldest first: of two equal messages, the one in doubt for longer was handed off first.
        free = [record for record in reversed(candidates) if record.sid not in taken]
        if not free:
            return Finding(message_id, Verdict.ABSENT)
        record = free[0]
        return Finding(message_id, Verdict.TAKEN, record.sid, self.status(record), _error(record))

    def poll(self, pending: Sequence[Pending]) -> list[Receipt]:
        """See :meth:`nightmail.carriers.protocol.Carrier.poll`. What cannot be read now is left for the next time."""
        if not pending:
            return []
        wanted = {entry.carrier_message_id: entry for entry in pending}
        receipts: list[Receipt] = []
        try:
            if len(pending) > 20:
                first = self.on_their_clock(min(entry.handed_off_at for entry in pending))
                last = max(entry.handed_off_at for entry in pending) + max(self.clock_offset(), timedelta(0))
                last += timedelta(hours=1)
                for record in self.between(first, last, 3 * len(pending) + 1000):
                    entry = wanted.pop(record.sid, None)
                    if entry is not None:
                        receipts.extend(self._receipt(entry, record))
                    if not wanted:
                        break
            for entry in list(wanted.values())[:_SINGLE_FETCHES]:
                receipts.extend(self._receipt(entry, self.one(entry.carrier_message_id)))
        except UNREADABLE:
            return receipts
        return receipts

    def _receipt(self, entry: Pending, record: Any) -> list[Receipt]:
        status = self.status(record)
        if status is None:
            return []
        duration = getattr(record, "duration", None)
        return [
            Receipt(
                carrier=self.name,
                channel=self.channel,
                event_key=f"{record.sid}:{record.status}",
                status=status,
                carrier_message_id=record.sid,
                message_id=entry.message_id,
                error=_error(record),
                occurred_at=utc(record.date_updated),
                duration_s=None if duration is None else int(duration),
                cost=price(record.price),
                currency=record.price_unit.upper() if record.price_unit else None,
            )
        ]
