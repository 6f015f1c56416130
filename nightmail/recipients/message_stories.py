"""A message of the ledger with all that is known of it, and its story as events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from nightmail.audience.quiet_hours import is_quiet, zone_for
from nightmail.channels import CHANNELS
from nightmail.errors import UsageError
from nightmail.message_ids import from_key
from nightmail.organisation.quiet_hours import QuietHours
from nightmail.reasons import REASONS
from nightmail.recipients.events import Event, EventKind, WaitRule
from nightmail.recipients.queries import HAPPENINGS
from nightmail.store.states import MessageState

MeaningOf = Callable[[str], str]
"""What a carrier's error code means in a few words; empty where that is not known."""
SHORTEST_WAIT = dt.timedelta(seconds=60)
"""Less is no wait that needs a reason."""
NEVER_YET = 2999
"""The year of ``due_at`` of a standby message for which nothing has happened yet."""
MOST_HAPPENINGS = 2_000
_ENDS = frozenset(
    {MessageState.FAILED, MessageState.HELD, MessageState.CANCELLED, MessageState.EXPIRED, MessageState.NOT_NEEDED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerMessage:
    """A message as the ledger has it, with the names of what it refers to."""

    ledger_month: dt.date
    message_key: int
    campaign_id: int
    line: int
    channel: str
    step: int
    state: str
    reason: str | None
    due_at: dt.datetime
    contact_id: str = field(repr=False)
    address_hash: str = field(repr=False)
    country: str | None
    language: str | None
    time_zone: str | None
    segments: int
    cost: Decimal | None
    currency: str | None
    attempts: int
    carrier_account_id: int | None
    carrier_message_id: str | None
    error_code: str | None
    planned_at: dt.datetime
    handed_off_at: dt.datetime | None
    changed_at: dt.datetime
    delivery: str | None
    delivery_at: dt.datetime | None
    delivery_error: str | None
    opened_at: dt.datetime | None
    clicked_at: dt.datetime | None
    replied_at: dt.datetime | None
    duration_s: int | None
    campaign: str
    token: str = field(repr=False)
    campaign_state: str
    team_id: int
    scheduled_at: dt.datetime | None
    local_start: dt.datetime | None
    cut_off_at: dt.datetime | None
    quiet_hours: str | None
    default_time_zone: str | None
    team: str
    feed: str | None
    template: str
    template_version: int
    category: str
    carrier_account: str | None
    carrier: str | None
    sent_from: str | None

    @property
    def id(self) -> str:
        """The id by which carriers and callers know it."""
        return str(from_key(self.message_key, self.token))


@dataclass(frozen=True, slots=True)
class Happening:
    """An attempt, a receipt or a reply, as the database has it."""

    kind: str
    message_key: int
    at: dt.datetime
    number: int | None
    word: str
    code: str | None
    account: str | None
    sent_from: str | None
    body: str | None = field(repr=False)
    id: int | None


def happenings_of(connection: Connection, messages: Sequence[LedgerMessage]) -> dict[int, list[Happening]]:
    """Attempts, receipts and replies of messages by their keys, each in order of time."""
    if not messages:
        return {}
    months = sorted({message.ledger_month for message in messages})
    values = {
        "keys": [message.message_key for message in messages],
        "months": months,
        "first_month": months[0],
        "limit": MOST_HAPPENINGS,
    }
    found: dict[int, list[Happening]] = {}
    for row in connection.execute(text(HAPPENINGS), values):
        found.setdefault(row.message_key, []).append(Happening(**row._mapping))
    return found


def words_of_reason(reason: str | None) -> str | None:
    """What a reason's code means, in a sentence without the fields of the occurrence."""
    entry = REASONS.get(reason or "")
    if entry is None:
        return None
    return entry.title or (entry.sentence if "{" not in entry.sentence else None)


def story_of(
    message: LedgerMessage,
    happenings: Iterable[Happening],
    *,
    meaning_of: MeaningOf,
    personal: bool,
    free_at: dt.datetime | None = None,
) -> list[Event]:
    """What happened to a message, and what is due, in order of time. Without ``personal`` replies have no text.

    ``free_at`` is when its campaign or channel was last held by something that is told apart: an approval, a pause, a suspension.
    """
    listed = list(happenings)

    def event(at: dt.datetime, kind: EventKind, *, due: bool = False, **facts: Any) -> Event:
        return Event(at, kind, facts, message.campaign, message.team, message.channel, message.id, due)

    found = [
        event(
            message.planned_at,
            EventKind.PLANNED,
            step=message.step,
            template=message.template,
            version=message.template_version,
            language=message.language,
        )
    ]
    found += _waits(message, listed, event, free_at)
    found += _hand_offs(message, listed, event, meaning_of)
    found += _said_later(message, listed, event, meaning_of, personal=personal)
    found += _ending(message, event, meaning_of)
    return sorted(found, key=lambda each: each.at)


MakeEvent = Callable[..., Event]


def _hand_offs(
    message: LedgerMessage, happenings: Sequence[Happening], event: MakeEvent, meaning_of: MeaningOf
) -> Iterator[Event]:
    """The attempts that were not plainly accepted, and the one that was, which has no row of its own."""
    numbers = set()
    for each in happenings:
        if each.kind != "attempt":
            continue
        numbers.add(each.number)
        yield event(
            each.at,
            EventKind.HANDED_OFF if each.word == "accepted" else EventKind.ATTEMPT,
            number=each.number,
            outcome=each.word,
            account=each.account,
            sent_from=each.sent_from,
            code=each.code,
            meaning=meaning_of(each.code) if each.code else None,
        )
    accepted = message.state == MessageState.ACCEPTED and message.handed_off_at is not None
    if accepted and message.attempts not in numbers:
        yield event(
            message.handed_off_at,
            EventKind.HANDED_OFF,
            number=message.attempts or 1,
            account=message.carrier_account,
            sent_from=message.sent_from,
            carrier_message_id=message.carrier_message_id,
        )
    if message.state == MessageState.IN_DOUBT:
        yield event(message.handed_off_at or message.changed_at, EventKind.IN_DOUBT)


def _said_later(
    message: LedgerMessage,
    happenings: Sequence[Happening],
    event: MakeEvent,
    meaning_of: MeaningOf,
    *,
    personal: bool,
) -> Iterator[Event]:
    told = set()
    for each in happenings:
        if each.kind == "receipt":
            told.add(each.word)
            meaning = meaning_of(each.code) if each.code else None
            yield event(each.at, EventKind.RECEIPT, status=each.word, code=each.code, meaning=meaning)
        elif each.kind == "reply":
            said = each.body if personal else None
            yield event(each.at, EventKind.REPLY, word=each.word, decision=each.code, text=said, reply=each.id)
    # Receipts are deleted before the ledger's row: what it keeps of them still tells the end.
    if message.delivery is not None and message.delivery_at is not None and message.delivery not in told:
        code = message.delivery_error
        meaning = meaning_of(code) if code else None
        yield event(message.delivery_at, EventKind.RECEIPT, status=message.delivery, code=code, meaning=meaning)
    for word, at in (("opened", message.opened_at), ("clicked", message.clicked_at)):
        if at is not None and word not in told and word != message.delivery:
            yield event(at, EventKind.RECEIPT, status=word)


def _ending(message: LedgerMessage, event: MakeEvent, meaning_of: MeaningOf) -> Iterator[Event]:
    if message.state in _ENDS:
        yield event(
            message.changed_at,
            EventKind.ENDED,
            state=message.state,
            reason=message.reason,
            because=words_of_reason(message.reason),
            code=message.error_code,
            meaning=meaning_of(message.error_code) if message.error_code else None,
        )


def _waits(
    message: LedgerMessage, happenings: Sequence[Happening], event: MakeEvent, free_at: dt.datetime | None
) -> Iterator[Event]:
    """What made a message wait: as far as the ledger keeps it, which is the last time before which it could not go."""
    waiting = message.state in (MessageState.QUEUED, MessageState.STANDBY)
    due_at = message.due_at
    if due_at.year >= NEVER_YET:
        if waiting:
            yield event(message.changed_at, EventKind.WAITED, due=True, rule=WaitRule.STANDBY)
        return
    waited = due_at - message.planned_at > SHORTEST_WAIT
    if waited or (waiting and message.state == MessageState.STANDBY):
        rule = _rule(message, happenings)
        at = message.planned_at if rule is not WaitRule.RETRY else max(each.at for each in _tries(happenings))
        yield event(at, EventKind.WAITED, due=waiting, until=due_at, rule=rule)
    if waiting:
        return
    went = min((each.at for each in _tries(happenings)), default=message.handed_off_at)
    begin = max(filter(None, (message.planned_at, min(due_at, went or due_at), message.scheduled_at, free_at)))
    if went is not None and went - begin > SHORTEST_WAIT:
        yield event(begin, EventKind.WAITED, until=went, rule=WaitRule.TURN)


def _tries(happenings: Iterable[Happening]) -> list[Happening]:
    return [each for each in happenings if each.kind == "attempt"]


def _rule(message: LedgerMessage, happenings: Sequence[Happening]) -> WaitRule:
    """Which rule set the time before which a message could not go."""
    if message.state == MessageState.STANDBY:
        return WaitRule.STANDBY
    if any(each.word == "retry_later" and each.at <= message.due_at for each in _tries(happenings)):
        return WaitRule.RETRY
    if _ends_quiet_hours(message):
        return WaitRule.QUIET_HOURS
    if message.local_start is not None:
        return WaitRule.OWN_TIME
    if message.scheduled_at is not None and message.due_at <= message.scheduled_at:
        return WaitRule.SCHEDULE
    return WaitRule.STANDBY if message.step else WaitRule.OTHER


def _ends_quiet_hours(message: LedgerMessage) -> bool:
    """Whether the message became due when the feed's quiet hours ended where the recipient is."""
    if not message.quiet_hours or not CHANNELS[message.channel].quiet_hours_bind:
        return False
    try:
        hours = QuietHours.parse(message.quiet_hours)
    except UsageError:
        return False
    local = message.due_at.astimezone(zone_for(message.time_zone, message.default_time_zone))
    before = local - dt.timedelta(minutes=1)
    return local.time().replace(second=0, microsecond=0) == hours.end and is_quiet(before.replace(tzinfo=None), hours)


def facts_of(row: RowMapping) -> LedgerMessage:
    """The message of a database row that has, perhaps among others, the columns of ``MESSAGE_FACTS``."""
    return LedgerMessage(**{name: row[name] for name in LedgerMessage.__slots__})
