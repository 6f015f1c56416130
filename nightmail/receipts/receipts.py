"""What carriers and recipients say: stored once each, in any order, and acted upon.

Receipts of one message come late, twice and out of order: the one with the highest rank is the message's status
(:data:`nightmail.carriers.protocol.STATUS_RANK`). A receipt also proves that the carrier has the message, which settles
it when it was in doubt, and keeps it from being sent again when it was queued for another attempt.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from nightmail.audit import write_entry
from nightmail.campaigns.alerts import raise_alert
from nightmail.carriers.error_tables import ErrorClass, SuppressionReason
from nightmail.carriers.protocol import (
    NOT_REACHED,
    REACHED,
    STATUS_RANK,
    Receipt,
    ReceiptStatus,
    Reply,
    ReplyKind,
)
from nightmail.consent.opt_out_words import Word, word_in
from nightmail.consent.suppressions import OPTED_OUT, record_suppressions
from nightmail.message_ids import parse_message_id, same_line
from nightmail.privacy import address_hash

_T = TypeVar("_T")

_RANKS = "case m.delivery " + " ".join(f"when '{s}' then {r}" for s, r in STATUS_RANK.items()) + " else 0 end"
_APPLY = f"""
with r as (
    select * from unnest(cast(:keys as bigint[]), cast(:ranks as integer[]), cast(:statuses as text[]),
        cast(:times as timestamptz[]), cast(:codes as text[]), cast(:carrier_ids as text[]),
        cast(:opened as timestamptz[]), cast(:clicked as timestamptz[]), cast(:durations as integer[]),
        cast(:costs as numeric[]), cast(:currencies as text[]))
    as r(message_key, rank, status, at, code, carrier_message_id, opened_at, clicked_at, duration_s, cost, currency)
)
update message m set
    delivery = case when r.rank > {_RANKS} then r.status else m.delivery end,
    delivery_at = case when r.rank > {_RANKS} then r.at else m.delivery_at end,
    delivery_error = case when r.rank > {_RANKS} then r.code else m.delivery_error end,
    carrier_message_id = coalesce(m.carrier_message_id, r.carrier_message_id),
    opened_at = least(m.opened_at, r.opened_at), clicked_at = least(m.clicked_at, r.clicked_at),
    duration_s = coalesce(r.duration_s, m.duration_s), cost = coalesce(r.cost, m.cost),
    currency = coalesce(r.currency, m.currency)
from r where m.ledger_month = :month and m.message_key = r.message_key
"""  # noqa: S608
_SUPPRESSING_STATUS = {
    ReceiptStatus.SPAM_REPORT: SuppressionReason.COMPLAINT,
    ReceiptStatus.UNSUBSCRIBED: SuppressionReason.OPTED_OUT,
}


@dataclass(frozen=True, slots=True)
class ReceiptsTaken:
    """What became of a batch of receipts."""

    taken: int = 0
    repeated: int = 0
    unattached: int = 0
    """Of messages that are not known here: stored all the same."""
    suppressed: int = 0


@dataclass(frozen=True, slots=True)
class RepliesTaken:
    """What became of a batch of replies."""

    taken: int = 0
    repeated: int = 0
    opted_out: int = 0
    opted_in: int = 0


@dataclass(slots=True)
class _Place:
    """Where a message stands in the ledger."""

    month: dt.date
    key: int
    campaign_id: int


def _retried(work: Callable[[], _T]) -> _T:
    """Do it again when it met another transaction head on; the database undid all of it."""
    for attempt in range(5):
        try:
            return work()
        except OperationalError as error:
            state = getattr(error.orig, "sqlstate", None)
            if state not in ("40P01", "40001") or attempt == 4:
                raise
            time.sleep(0.05 * (attempt + 1))
    raise AssertionError("unreachable")


def _places_by_id(connection: Connection, message_ids: Iterable[str | None]) -> dict[str, _Place]:
    """Where messages stand, by their ids; ids that are malformed or of an unknown campaign are left out."""
    parsed = {}
    for message_id in message_ids:
        if message_id is not None and message_id not in parsed:
            try:
                parsed[message_id] = parse_message_id(message_id)
            except ValueError:
                continue
    if not parsed:
        return {}
    campaigns = {
        row.token: row
        for row in connection.execute(
            text(
                "select id, token, ledger_month from campaign where token = any(:tokens) and ledger_month is not null"
            ),
            {"tokens": list({each.token for each in parsed.values()})},
        )
    }
    found = {}
    for message_id, each in parsed.items():
        campaign = campaigns.get(each.token)
        if campaign is not None:
            found[message_id] = _Place(campaign.ledger_month, each.key(campaign.id), campaign.id)
    return found


def _places_by_carrier(connection: Connection, carrier_ids: Iterable[str | None]) -> dict[str, _Place]:
    """Messages by the carrier's own id, where it names one: all emails of one request share SendGrid's."""
    wanted = list({each for each in carrier_ids if each})
    if not wanted:
        return {}
    rows = connection.execute(
        text(
            "select carrier_message_id, min(ledger_month), min(message_key), min(campaign_id) from message "
            "where carrier_message_id = any(:ids) group by 1 having count(*) = 1"
        ),
        {"ids": wanted},
    )
    return {row[0]: _Place(row[1], int(row[2]), int(row[3])) for row in rows}


def take_receipts(engine: Engine, receipts: Sequence[Receipt], *, hash_key: bytes) -> ReceiptsTaken:
    """Store receipts and apply them to their messages; commits before it returns. Safe to repeat."""
    if not receipts:
        return ReceiptsTaken()
    return _retried(lambda: _take_receipts(engine, receipts, hash_key))


def _take_receipts(engine: Engine, receipts: Sequence[Receipt], hash_key: bytes) -> ReceiptsTaken:
    distinct = list({receipt.event_key: receipt for receipt in receipts}.values())
    with engine.begin() as connection:
        by_id = _places_by_id(connection, (receipt.message_id for receipt in distinct))
        by_carrier = _places_by_carrier(
            connection, (r.carrier_message_id for r in distinct if r.message_id is None or r.message_id not in by_id)
        )
        places: dict[str, _Place] = {}
        for receipt in distinct:
            place = by_id.get(receipt.message_id or "") or by_carrier.get(receipt.carrier_message_id or "")
            if place is not None:
                places[receipt.event_key] = place
        new = _store_receipts(connection, distinct, places)
        attached = [(receipt, places[receipt.event_key]) for receipt in new if receipt.event_key in places]
        _apply(connection, attached)
        suppressed = sum(_suppress(connection, r, places.get(r.event_key), hash_key) for r in new)
        for receipt in new:
            if receipt.error_class is ErrorClass.STOP_AND_ALERT:
                raise_alert(
                    connection,
                    reason="carrier_rejected",
                    subject=f"receipt:{receipt.carrier}:{receipt.error_code}",
                    message=f"{receipt.carrier} reports {receipt.error_code} after the hand-off.",
                )
        for carrier, code in sorted(
            {(r.carrier, str(r.error_code)) for r in new if r.error_class is ErrorClass.UNKNOWN}
        ):
            # Once a batch: a code that is new to us may be on every receipt of a campaign.
            raise_alert(
                connection,
                reason="carrier_error_unknown",
                subject=f"receipt:{carrier}:{code}",
                message=f"{carrier} reports {code} after the hand-off, which is not in the table of errors.",
            )
    return ReceiptsTaken(len(new), len(receipts) - len(new), len(new) - len(attached), suppressed)


def _store_receipts(connection: Connection, receipts: Sequence[Receipt], places: dict[str, _Place]) -> list[Receipt]:
    at = [places.get(receipt.event_key) for receipt in receipts]
    rows = connection.execute(
        text(
            "with r as (select * from unnest(cast(:keys as text[]), cast(:occurred as timestamptz[]), "
            "cast(:carriers as text[]), cast(:channels as text[]), cast(:carrier_ids as text[]), "
            "cast(:months as date[]), cast(:message_keys as bigint[]), cast(:campaigns as integer[]), "
            "cast(:statuses as text[]), cast(:codes as text[]), cast(:durations as integer[])) as r(event_key, "
            "occurred_at, carrier, channel, carrier_message_id, ledger_month, message_key, campaign_id, status, "
            "error_code, duration_s)) "
            "insert into receipt (received_month, event_key, occurred_at, carrier, channel, carrier_message_id, "
            "ledger_month, message_key, campaign_id, status, error_code, duration_s) "
            "select date_trunc('month', now() at time zone 'UTC')::date, r.* from r where not exists ("
            "select from receipt e where e.event_key = r.event_key "
            "and e.received_month = (date_trunc('month', now() at time zone 'UTC') - interval '1 month')::date) "
            "on conflict do nothing returning event_key"
        ),
        {
            "keys": [receipt.event_key for receipt in receipts],
            "occurred": [receipt.occurred_at for receipt in receipts],
            "carriers": [receipt.carrier for receipt in receipts],
            "channels": [receipt.channel for receipt in receipts],
            "carrier_ids": [receipt.carrier_message_id for receipt in receipts],
            "months": [place.month if place else None for place in at],
            "message_keys": [place.key if place else None for place in at],
            "campaigns": [place.campaign_id if place else None for place in at],
            "statuses": [str(receipt.status) for receipt in receipts],
            "codes": [receipt.error_code for receipt in receipts],
            "durations": [receipt.duration_s for receipt in receipts],
        },
    )
    new = set(rows.scalars())
    return [receipt for receipt in receipts if receipt.event_key in new]


@dataclass(slots=True)
class _Best:
    """What the new receipts of one message add up to."""

    place: _Place
    rank: int
    receipt: Receipt
    carrier_message_id: str | None = None
    opened_at: dt.datetime | None = None
    clicked_at: dt.datetime | None = None
    duration_s: int | None = None
    cost: Any = None
    currency: str | None = None


def _apply(connection: Connection, attached: Sequence[tuple[Receipt, _Place]]) -> None:
    best: dict[tuple[dt.date, int], _Best] = {}
    now = connection.scalars(text("select now()")).one()
    for receipt, place in attached:
        rank = STATUS_RANK[receipt.status]
        entry = best.get((place.month, place.key))
        if entry is None:
            entry = best[place.month, place.key] = _Best(place, rank, receipt)
        elif rank > entry.rank:
            entry.rank, entry.receipt = rank, receipt
        moment = receipt.occurred_at or now
        if receipt.status in (ReceiptStatus.OPENED, ReceiptStatus.CLICKED):
            entry.opened_at = min(moment, entry.opened_at or moment)
        if receipt.status is ReceiptStatus.CLICKED:
            entry.clicked_at = min(moment, entry.clicked_at or moment)
        entry.carrier_message_id = entry.carrier_message_id or receipt.carrier_message_id
        entry.duration_s = receipt.duration_s if receipt.duration_s is not None else entry.duration_s
        if receipt.cost is not None:
            entry.cost, entry.currency = receipt.cost, receipt.currency
    by_month: dict[dt.date, list[_Best]] = {}
    for (month, _), entry in sorted(best.items(), key=lambda item: item[0]):
        by_month.setdefault(month, []).append(entry)
    for month, group in by_month.items():
        _apply_month(connection, month, group, now)


def _apply_month(connection: Connection, month: dt.date, group: Sequence[_Best], now: dt.datetime) -> None:
    keys = [entry.place.key for entry in group]
    values = {
        "month": month,
        "keys": keys,
        "ranks": [entry.rank for entry in group],
        "statuses": [str(entry.receipt.status) for entry in group],
        "times": [entry.receipt.occurred_at or now for entry in group],
        "codes": [entry.receipt.error_code for entry in group],
        "carrier_ids": [entry.carrier_message_id for entry in group],
        "opened": [entry.opened_at for entry in group],
        "clicked": [entry.clicked_at for entry in group],
        "durations": [entry.duration_s for entry in group],
        "costs": [entry.cost for entry in group],
        "currencies": [entry.currency for entry in group],
    }
    found = connection.execute(
        text(
            "select message_key, campaign_id, state = 'in_doubt' or state = 'queued' and attempts > 0 as unsettled "
            "from message where ledger_month = :month and message_key = any(:keys) order by message_key for update"
        ),
        {"month": month, "keys": keys},
    ).all()
    connection.execute(
        text(_APPLY),
        values,
    )
    # Nearly every receipt is of a message that is accepted already, in a campaign of one channel.
    unsettled = [int(row.message_key) for row in found if row.unsettled]
    if unsettled:
        _settle_proven(connection, month, unsettled)
    # Good news and bad news both decide what becomes of the next channel's message.
    decided = [e.place.key for e in group if e.receipt.status in REACHED or e.receipt.status in NOT_REACHED]
    if decided and _has_standby(connection, {int(row.campaign_id) for row in found}):
        connection.execute(
            text(
                "update message s set due_at = now() from unnest(cast(:keys as bigint[])) as o(message_key) "  # noqa: S608
                "where s.ledger_month = :month and s.state = 'standby' and s.due_at > now() "
                f"and {same_line('s.message_key', 'o.message_key')}"
            ),
            {"month": month, "keys": decided},
        )


def _has_standby(connection: Connection, campaigns: set[int]) -> bool:
    """Whether any message of these campaigns waits for what becomes of another channel's: one look into a small index."""
    return bool(
        connection.scalar(
            text("select exists (select from message where campaign_id = any(:campaigns) and state = 'standby')"),
            {"campaigns": sorted(campaigns)},
        )
    )


def _settle_proven(connection: Connection, month: dt.date, keys: Sequence[int]) -> None:
    """The carrier has them: what was in doubt is accepted, and what waits for another attempt is not sent again."""
    rows = connection.execute(
        text(
            "update message set state = 'handing_over', attempts = greatest(attempts, 1) where ledger_month = :month "
            "and message_key = any(:keys) and state = 'queued' and attempts > 0 returning message_key"
        ),
        {"month": month, "keys": list(keys)},
    )
    waiting = list(rows.scalars())
    changed = connection.execute(
        text(
            "update message set state = 'accepted', reason = null, "
            "handed_off_at = coalesce(handed_off_at, least(changed_at, now())) "
            "where ledger_month = :month and (message_key = any(:keys) and state = 'in_doubt' "
            "or message_key = any(:waiting) and state = 'handing_over') "
            "returning message_key, attempts, carrier_message_id, campaign_id"
        ),
        {"month": month, "keys": list(keys), "waiting": waiting},
    ).all()
    if changed:
        connection.execute(
            text(
                "update attempt a set outcome = 'accepted', finished_at = now(), "
                "carrier_message_id = p.carrier_message_id from unnest(cast(:keys as bigint[]), "
                "cast(:numbers as smallint[]), cast(:ids as text[])) as p(message_key, number, carrier_message_id) "
                "where a.ledger_month = :month and a.message_key = p.message_key and a.number = p.number"
            ),
            {
                "month": month,
                "keys": [row.message_key for row in changed],
                "numbers": [row.attempts for row in changed],
                "ids": [row.carrier_message_id for row in changed],
            },
        )
        for campaign_id in sorted({row.campaign_id for row in changed}):
            connection.execute(
                text("update campaign set ledger_changed_at = now() where id = :id"), {"id": campaign_id}
            )


def _suppress(connection: Connection, receipt: Receipt, place: _Place | None, hash_key: bytes) -> int:
    reason = _SUPPRESSING_STATUS.get(receipt.status)
    if reason is None and receipt.error is not None:
        reason = receipt.error.suppress_as
    if reason is None:
        return 0
    if place is not None:
        to = connection.execute(
            text(
                "select c.team_id, m.channel, m.address_hash from message m join campaign c on c.id = m.campaign_id "
                "where m.ledger_month = :month and m.message_key = :key"
            ),
            {"month": place.month, "key": place.key},
        ).first()
        if to is None:
            return 0
        team_id, channel, hashed = to
    elif receipt.address is not None:
        team_id, channel, hashed = None, receipt.channel, address_hash(receipt.address, hash_key)
    else:
        return 0
    made = record_suppressions(
        connection,
        [(channel, hashed)],
        team_id=team_id,
        reason=reason,
        source=f"receipt:{receipt.carrier}",
        message_id=receipt.message_id,
    )
    return len(made)


# --- Replies ----------------------------------------------------------------------------------------------------------


def take_replies(engine: Engine, replies: Sequence[Reply], *, hash_key: bytes) -> RepliesTaken:
    """Store replies, tie them to the messages they answer, and obey STOP and START; commits before it returns.

    A reply that names no message belongs to the latest one that was handed off to its address.
    """
    if not replies:
        return RepliesTaken()
    return _retried(lambda: _take_replies(engine, replies, hash_key))


def _take_replies(engine: Engine, replies: Sequence[Reply], hash_key: bytes) -> RepliesTaken:
    taken = opted_out = opted_in = 0
    with engine.begin() as connection:
        by_id = _places_by_id(connection, (reply.message_id for reply in replies))
        by_carrier = _places_by_carrier(connection, (reply.carrier_message_id for reply in replies))
        for reply in replies:
            hashed = address_hash(reply.sender, hash_key)
            place = (
                by_id.get(reply.message_id or "")
                or by_carrier.get(reply.carrier_message_id or "")
                or _latest_to(connection, hashed, reply.channel)
            )
            team_id = _team_of(connection, place, reply)
            word = _word_of(reply)
            stored = connection.execute(
                text(
                    "insert into reply (event_key, team_id, channel, kind, address, address_hash, text, ledger_month, "
                    "message_key, campaign_id) values (:event, :team, :channel, :kind, :address, :hash, :text, :month, "
                    ":key, :campaign) on conflict (event_key) do nothing"
                ),
                {
                    "event": reply.event_key,
                    "team": team_id,
                    "channel": reply.channel,
                    "kind": str(word or reply.kind),
                    "address": reply.sender,
                    "hash": hashed,
                    "text": reply.text.replace("\x00", ""),
                    "month": place.month if place else None,
                    "key": place.key if place else None,
                    "campaign": place.campaign_id if place else None,
                },
            ).rowcount
            if not stored:
                continue
            taken += 1
            if place is not None:
                connection.execute(
                    text(
                        "update message set replied_at = coalesce(replied_at, now()) "
                        "where ledger_month = :month and message_key = :key"
                    ),
                    {"month": place.month, "key": place.key},
                )
            if word is Word.STOP:
                opted_out += _opt_out(connection, team_id, reply, hashed)
            elif word is Word.START:
                opted_in += _opt_in(connection, team_id, reply, hashed)
    return RepliesTaken(taken, len(replies) - taken, opted_out, opted_in)


def _word_of(reply: Reply) -> Word | None:
    if reply.kind is not ReplyKind.TEXT:
        return None
    if reply.carrier_opt_out:
        try:
            return Word(reply.carrier_opt_out.lower())
        except ValueError:
            pass
    return word_in(reply.text)


def _latest_to(connection: Connection, hashed: str, channel: str) -> _Place | None:
    row = connection.execute(
        text(
            "select ledger_month, message_key, campaign_id from message where address_hash = :hash "
            "and handed_off_at is not null and channel = :channel order by handed_off_at desc limit 1"
        ),
        {"hash": hashed, "channel": channel},
    ).first()
    return None if row is None else _Place(row[0], int(row[1]), int(row[2]))


def _team_of(connection: Connection, place: _Place | None, reply: Reply) -> int | None:
    if place is not None:
        found = connection.scalar(text("select team_id from campaign where id = :id"), {"id": place.campaign_id})
    else:
        found = connection.scalar(
            text("select team_id from sender where channel = :channel and address = :address order by id limit 1"),
            {"channel": reply.channel, "address": reply.recipient},
        )
    return None if found is None else int(found)


def _opt_out(connection: Connection, team_id: int | None, reply: Reply, hashed: str) -> int:
    made = record_suppressions(
        connection,
        [(reply.channel, hashed)],
        team_id=team_id,
        reason=OPTED_OUT,
        source="reply",
        message_id=reply.message_id,
    )
    if made:
        write_entry(connection, actor="recipient", action="suppression.added", subject=hashed, team_id=team_id)
    return len(made)


def _opt_in(connection: Connection, team_id: int | None, reply: Reply, hashed: str) -> int:
    """Lift what the recipient's own STOP put there; bounces and complaints stay."""
    done = connection.execute(
        text(
            "update suppression set lifted_at = now() where address_hash = :hash and channel = :channel "
            "and reason = 'opted_out' and lifted_at is null "
            "and (team_id is not distinct from :team or team_id is null)"
        ),
        {"team": team_id, "channel": reply.channel, "hash": hashed},
    ).rowcount
    if done:
        write_entry(connection, actor="recipient", action="suppression.lifted", subject=hashed, team_id=team_id)
    return done
