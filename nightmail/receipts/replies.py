"""Replies: stored once each, tied to the messages that they answer; STOP and START are obeyed.

A reply belongs to the number or mailbox that it was sent to, and to the last message from there to the person who wrote.
Without such a message it is the unsolicited message of somebody to the teams that send from there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from sqlalchemy import Connection, Engine, text

from nightmail.audit import write_entry
from nightmail.campaigns.alerts import raise_alert
from nightmail.carriers.protocol import Reply, ReplyKind
from nightmail.consent.opt_out_words import Word, probably_opts_out, word_in
from nightmail.consent.suppressions import OPTED_OUT, hold_marketing, record_suppressions
from nightmail.message_ids import from_key
from nightmail.organisation.sandbox_accounts import are_of_sandbox
from nightmail.organisation.sender_users import UsingTeam, common_team, teams_of_accounts, teams_of_sender
from nightmail.privacy import AddressHash, address_hash
from nightmail.receipts.automatic_answers import answer_word
from nightmail.receipts.confirming_replies import confirm_request
from nightmail.receipts.message_places import (
    Place,
    foreign_places,
    latest_place,
    latest_place_of_sender,
    places_by_carrier,
    places_by_id,
    retried,
)
from nightmail.receipts.queries import ANSWERED_MESSAGE, INSERT_REPLY, LIFT_OWN_OPT_OUT, MARK_REPLIED
from nightmail.receipts.signed_answers import message_of_tokens
from nightmail.receipts.undecided import ReplyDecision, settle_undecided
from nightmail.receipts.unproved import alert_of_foreign

PROBABLE_STOP = "probable_stop"
"""The kind of a reply that a person reads, as it probably asks for an end."""
_LONGEST_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class RepliesTaken:
    """What became of a batch of replies."""

    taken: int = 0
    repeated: int = 0
    opted_out: int = 0
    opted_in: int = 0


@dataclass(frozen=True, slots=True)
class _Answered:
    """Where a reply belongs: the message that it answers, and the teams that send from where it was sent to."""

    place: Place | None
    team_id: int | None
    language: str | None
    message_id: str | None
    teams: tuple[int, ...]
    """Whose number it is; those below them use it too."""
    by_sandbox: bool = False
    """Whether only the sandbox says so, whose secrets everybody knows."""


def take_replies(engine: Engine, replies: Sequence[Reply], *, hash_key: bytes) -> RepliesTaken:
    """Store replies, tie them to the messages they answer, and obey STOP and START; commits before it returns."""
    if not replies:
        return RepliesTaken()
    return retried(lambda: _take_replies(engine, replies, hash_key))


def _take_replies(engine: Engine, replies: Sequence[Reply], hash_key: bytes) -> RepliesTaken:
    taken = opted_out = opted_in = 0
    with engine.begin() as connection:
        replies = [_from_tokens(connection, reply, hash_key) for reply in replies]
        stated = _stated_places(connection, replies)
        for reply in replies:
            hashed = address_hash(reply.sender, hash_key)
            answered = _answered(connection, reply, stated.get(reply.event_key), hashed)
            kind = _kind_of(reply, answered.language)
            reply_id = _store(connection, reply, answered, hashed, kind)
            if reply_id is None:
                continue
            taken += 1
            lifted = 0
            if answered.place is not None:
                connection.execute(text(MARK_REPLIED), {"month": answered.place.month, "key": answered.place.key})
            if kind == Word.STOP:
                opted_out += _opt_out(connection, answered, reply, hashed)
            elif kind == Word.START and _is_proved(reply, answered):
                lifted = _opt_in(connection, answered, reply, hashed)
                opted_in += lifted
            elif kind == PROBABLE_STOP:
                _hold(connection, answered, reply, hashed, reply_id)
            if kind in (ReplyKind.TEXT, Word.START):
                confirm_request(connection, reply, answered.place, hashed, reply_id)
            if kind == Word.HELP or (kind == Word.START and lifted):
                answer_word(
                    connection,
                    reply,
                    Word(kind),
                    reply_id=reply_id,
                    team_id=answered.team_id,
                    language=answered.language,
                    address_hash=hashed,
                )
    return RepliesTaken(taken, len(replies) - taken, opted_out, opted_in)


def _from_tokens(connection: Connection, reply: Reply, hash_key: bytes) -> Reply:
    """An email's reply with the message that its signed tokens prove, and with that of its addresses that is ours."""
    if reply.also_to:
        for address in (reply.recipient, *reply.also_to):
            if teams_of_sender(connection, reply.channel, [address], reply.accounts):
                reply = replace(reply, recipient=address, also_to=())
                break
    if not reply.tokens:
        return reply
    hashed = address_hash(reply.sender, hash_key)
    return replace(reply, message_id=message_of_tokens(connection, reply.tokens, [hashed], hash_key))


def _is_proved(reply: Reply, answered: _Answered) -> bool:
    """Whether a reply is its writer's: anybody can write in another's name, and START lifts what keeps messages from them."""
    return reply.sender_is_proved or (answered.place is not None and reply.message_id == answered.message_id)


def _stated_places(connection: Connection, replies: Sequence[Reply]) -> dict[str, Place]:
    """The messages that replies name, by the replies' keys; what names another account's message names none."""
    by_id = places_by_id(connection, (reply.message_id for reply in replies))
    by_carrier = places_by_carrier(connection, (reply.carrier_message_id for reply in replies))
    found: dict[str, tuple[Place, Reply]] = {}
    for reply in replies:
        place = by_id.get(reply.message_id or "") or by_carrier.get(reply.carrier_message_id or "")
        if place is not None:
            found[reply.event_key] = place, reply
    foreign = foreign_places(connection, ((place, reply.accounts) for place, reply in found.values()))
    for place, reply in found.values():
        if place in foreign:
            alert_of_foreign(connection, reply.carrier)
    return {key: place for key, (place, _) in found.items() if place not in foreign}


def _answered(connection: Connection, reply: Reply, stated: Place | None, hashed: AddressHash) -> _Answered:
    senders = [reply.recipient, *filter(None, [reply.recipient_service])]
    users = teams_of_sender(connection, reply.channel, senders, reply.accounts)
    # With a token, it answers a message that is not its writer's, or none of ours: the last one to its writer would be a guess.
    guessed = stated is None and not reply.tokens
    place = latest_place_of_sender(connection, hashed, reply.channel, senders, reply.accounts) if guessed else stated
    if place is None and not users:
        # A number that no team states any more, nor anything that went under it: the teams that send over its account.
        place = latest_place(connection, hashed, reply.channel, reply.accounts) if guessed else None
        if reply.accounts:
            users = teams_of_accounts(connection, reply.channel, reply.accounts)
    if place is None:
        by_sandbox = not users and are_of_sandbox(connection, reply.accounts or ())
        return _Answered(None, common_team(connection, users), None, None, tuple(team.id for team in users), by_sandbox)
    row = connection.execute(
        text(ANSWERED_MESSAGE), {"month": place.month, "key": place.key, "campaign": place.campaign_id}
    ).one()
    return _Answered(
        place,
        row.team_id,
        row.language,
        str(from_key(place.key, row.token)),
        tuple(team.id for team in _with(users, UsingTeam(row.team_id, row.team))),
    )


def _with(users: Sequence[UsingTeam], answered: UsingTeam) -> list[UsingTeam]:
    """``users`` and the team whose message is answered, unless that is below one of them."""
    if any(answered.path == team.path or answered.path.startswith(f"{team.path}.") for team in users):
        return list(users)
    return [*users, answered]


def _kind_of(reply: Reply, language: str | None) -> str:
    """What a reply asks for: what the carrier acted upon, a word in the message's language, or only what it is."""
    if reply.kind is not ReplyKind.TEXT:
        return str(reply.kind)
    acted = (reply.carrier_opt_out or "").lower()
    if acted in set(Word):
        return acted
    word = word_in(reply.text, language) or word_in(reply.subject or "", language)
    if word is not None:
        return str(word)
    return PROBABLE_STOP if probably_opts_out(reply.text, language) else str(reply.kind)


def _store(connection: Connection, reply: Reply, answered: _Answered, hashed: AddressHash, kind: str) -> int | None:
    """The id of the reply's new row; ``None`` where it is stored already."""
    place = answered.place
    found = connection.scalar(
        text(INSERT_REPLY),
        {
            "event": reply.event_key,
            "team": answered.team_id,
            "channel": reply.channel,
            "kind": kind,
            "address": reply.sender,
            "hash": hashed,
            "text": reply.text[:_LONGEST_TEXT].replace("\x00", ""),
            "month": place.month if place else None,
            "key": place.key if place else None,
            "campaign": place.campaign_id if place else None,
            "sent_to": reply.recipient or None,
            "media": json.dumps([asdict(media) for media in reply.media]),
            "using": json.dumps(answered.teams),
        },
    )
    return None if found is None else int(found)


def _suppressed_for(answered: _Answered) -> Sequence[int | None]:
    """The teams that an opt-out holds for; all (``None``) only where not one can be found: it must not be lost.

    For nobody where that is the sandbox's word: it is no recipient's.
    """
    return answered.teams or (() if answered.by_sandbox else (None,))


def _opt_out(connection: Connection, answered: _Answered, reply: Reply, hashed: AddressHash) -> int:
    """Suppress the address for every team that uses the number; returns how many suppressions are new."""
    new = 0
    _settle(connection, answered, reply, hashed, ReplyDecision.OPT_OUT)
    for team_id in _suppressed_for(answered):
        made = record_suppressions(
            connection,
            [(reply.channel, hashed)],
            team_id=team_id,
            reason=OPTED_OUT,
            source="reply",
            message_id=answered.message_id,
        )
        if made:
            write_entry(
                connection, actor="recipient", action="suppression.added", subject=hashed.hex(), team_id=team_id
            )
        new += len(made)
    return new


def _opt_in(connection: Connection, answered: _Answered, reply: Reply, hashed: AddressHash) -> int:
    """Lift what the recipient's own STOP suppressed; bounces and complaints stay. Returns how many were lifted."""
    _settle(connection, answered, reply, hashed, ReplyDecision.NO_OPT_OUT)
    values = {"teams": list(answered.teams), "channel": reply.channel, "hash": hashed, "reason": OPTED_OUT}
    lifted = connection.scalars(text(LIFT_OWN_OPT_OUT), values).all()
    for team_id in set(lifted):
        write_entry(connection, actor="recipient", action="suppression.lifted", subject=hashed.hex(), team_id=team_id)
    return len(lifted)


def _settle(
    connection: Connection, answered: _Answered, reply: Reply, hashed: AddressHash, decision: ReplyDecision
) -> None:
    """Settle what the recipient wrote before by what they write now."""
    settle_undecided(
        connection,
        address_hash=hashed,
        channel=reply.channel,
        sent_to=reply.recipient or None,
        decision=decision,
        actor="recipient",
        also_teams=answered.teams,
    )


def _hold(connection: Connection, answered: _Answered, reply: Reply, hashed: AddressHash, reply_id: int) -> None:
    """Keep marketing from somebody who probably asked for an end, until a person has read the reply."""
    for team_id in _suppressed_for(answered):
        hold_marketing(
            connection, (reply.channel, hashed), team_id=team_id, source="reply", message_id=answered.message_id
        )
    raise_alert(
        connection,
        reason="probable_opt_out",
        subject=f"reply:{reply_id}",
        message=f"Reply {reply_id} on {reply.channel} probably asks for an end.",
        team_id=answered.team_id,
        campaign_id=answered.place.campaign_id if answered.place else None,
    )
