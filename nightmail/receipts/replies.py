"""Replies: stored once each, tied to the messages that they answer; STOP and START are obeyed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from nightmail.audit import write_entry
from nightmail.carriers.protocol import Reply, ReplyKind
from nightmail.consent.opt_out_words import Word, word_in
from nightmail.consent.suppressions import OPTED_OUT, record_suppressions
from nightmail.privacy import address_hash
from nightmail.receipts.message_places import Place, latest_place, places_by_carrier, places_by_id, retried
from nightmail.receipts.queries import INSERT_REPLY, LIFT_OWN_OPT_OUT


@dataclass(frozen=True, slots=True)
class RepliesTaken:
    """What became of a batch of replies."""

    taken: int = 0
    repeated: int = 0
    opted_out: int = 0
    opted_in: int = 0


def take_replies(engine: Engine, replies: Sequence[Reply], *, hash_key: bytes) -> RepliesTaken:
    """Store replies, tie them to the messages they answer, and obey STOP and START; commits before it returns.

    A reply that names no message belongs to the latest one that was handed off to its address.
    """
    if not replies:
        return RepliesTaken()
    return retried(lambda: _take_replies(engine, replies, hash_key))


def _take_replies(engine: Engine, replies: Sequence[Reply], hash_key: bytes) -> RepliesTaken:
    taken = opted_out = opted_in = 0
    with engine.begin() as connection:
        by_id = places_by_id(connection, (reply.message_id for reply in replies))
        by_carrier = places_by_carrier(connection, (reply.carrier_message_id for reply in replies))
        for reply in replies:
            hashed = address_hash(reply.sender, hash_key)
            place = (
                by_id.get(reply.message_id or "")
                or by_carrier.get(reply.carrier_message_id or "")
                or latest_place(connection, hashed, reply.channel)
            )
            team_id = _team_of(connection, place, reply)
            word = _word_of(reply)
            stored = connection.execute(
                text(INSERT_REPLY),
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


def _team_of(connection: Connection, place: Place | None, reply: Reply) -> int | None:
    if place is not None:
        found = connection.scalar(text("select team_id from campaign where id = :id"), {"id": place.campaign_id})
    else:
        found = connection.scalar(
            text("select team_id from sender where channel = :channel and address = :address order by id limit 1"),
            {"channel": reply.channel, "address": reply.recipient},
        )
    return None if found is None else int(found)


def _opt_out(connection: Connection, team_id: int | None, reply: Reply, hashed: str) -> int:
    """Suppress the address for the team on this channel; returns how many suppressions are new."""
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
    """Lift what the recipient's own STOP suppressed; bounces and complaints stay. Returns how many were lifted."""
    done = connection.execute(
        text(LIFT_OWN_OPT_OUT), {"team": team_id, "channel": reply.channel, "hash": hashed}
    ).rowcount
    if done:
        write_entry(connection, actor="recipient", action="suppression.lifted", subject=hashed, team_id=team_id)
    return done
