"""Replies as people look through them: by team, campaign, channel, kind and day, each with the message that it answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import find_campaign
from nightmail.conversations.reply_list_queries import (
    ANSWERED_TEXTS,
    COUNT_UNDECIDED,
    LIST_OF_ALL,
    LIST_OF_TEAMS,
    LIST_UNDECIDED,
    SEEN_REPLY,
)
from nightmail.errors import UsageError
from nightmail.message_ids import from_key
from nightmail.privacy import AddressHash

COUNTED = 1_000
"""Replies that wait for a decision and are counted, at the most."""
KINDS = ("text", "key", "stop", "start", "help", "probable_stop")
Place = tuple[dt.datetime, int]
"""When a reply came, and its id: a page of the list goes on after it."""


@dataclass(frozen=True, slots=True)
class ReplyFilter:
    """Which replies: to ``teams`` (paths; the empty one stands for all) and those below, and of these to ``team`` and below.

    ``and_of_all`` adds those to no team, or to several organisations. ``campaign`` is a key.
    """

    teams: tuple[str, ...]
    and_of_all: bool = False
    team: str | None = None
    campaign: str | None = None
    channel: str | None = None
    kind: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class ReadReply:
    """A reply with what it answers. Address, text and media are personal data."""

    id: int
    received_at: dt.datetime
    team: str | None
    team_id: int | None
    channel: str
    kind: str
    sent_to: str | None
    campaign: str | None
    campaign_team: str | None
    token: str | None
    ledger_month: dt.date | None
    message_key: int | None
    decision: str | None
    decided_by: str | None
    decided_at: dt.datetime | None
    address: str | None = field(repr=False)
    address_hash: AddressHash = field(repr=False)
    text: str | None = field(repr=False)
    media: list[dict[str, Any]] = field(repr=False)

    @property
    def message_id(self) -> str | None:
        """The message that it answers, where that is known."""
        if self.message_key is None or self.token is None:
            return None
        return str(from_key(self.message_key, self.token))

    @property
    def waits(self) -> bool:
        """Whether it probably asks for an end, and nobody has decided yet."""
        return self.kind == "probable_stop" and self.decided_at is None


@dataclass(frozen=True, slots=True)
class AnsweredText:
    """What was written to somebody who answered: personal data."""

    subject: str | None = field(repr=False)
    body: str = field(repr=False)


def find_replies(
    connection: Connection, wanted: ReplyFilter, *, after: Place | None = None, limit: int = 100
) -> list[ReadReply]:
    """Replies, the newest first; a page begins ``after`` a place. None for a campaign that is not there."""
    campaign_id = None
    if wanted.campaign is not None:
        found = find_campaign(connection, wanted.campaign)
        if found is None:
            return []
        campaign_id = found.id
    at, number = after or (None, None)
    values = {
        "teams": list(wanted.teams),
        "and_of_all": wanted.and_of_all and wanted.team is None,
        "team": wanted.team,
        "campaign": campaign_id,
        "channel": wanted.channel,
        "kind": wanted.kind,
        "since": wanted.since,
        "until": wanted.until,
        "at": at,
        "after": number,
        "limit": min(limit, 1001),
    }
    everything = wanted.teams == ("",) and wanted.team is None
    rows = connection.execute(text(LIST_OF_ALL if everything else LIST_OF_TEAMS), values)
    return [ReadReply(**row._mapping) for row in rows]


def undecided_replies(
    connection: Connection, wanted: ReplyFilter, *, after_id: int | None = None, limit: int = 100
) -> list[ReadReply]:
    """Replies that probably ask for an end and wait for a decision, the oldest first; by team and channel."""
    values = {
        "teams": list(wanted.teams),
        "and_of_all": wanted.and_of_all and wanted.team is None,
        "team": wanted.team,
        "channel": wanted.channel,
        "after": after_id,
        "limit": min(limit, 1001),
    }
    return [ReadReply(**row._mapping) for row in connection.execute(text(LIST_UNDECIDED), values)]


def count_undecided(connection: Connection, *, teams: Sequence[str]) -> int:
    """How many replies to teams wait for a decision; at most :data:`COUNTED`.

    Those to no team count where the teams cover the deployment as a whole.
    """
    return int(connection.scalar(text(COUNT_UNDECIDED), {"teams": list(teams), "limit": COUNTED}) or 0)


def seen_reply(connection: Connection, reply_id: int, *, teams: Sequence[str], and_of_all: bool) -> ReadReply:
    """The reply of an id to ``teams`` or those below. Raises :class:`UsageError` (``reply_unknown``)."""
    values = {"id": reply_id, "teams": list(teams), "and_of_all": and_of_all}
    row = connection.execute(text(SEEN_REPLY), values).first()
    if row is None:
        raise UsageError("reply_unknown", reply=reply_id)
    return ReadReply(**row._mapping)


def answered_texts(connection: Connection, replies: Iterable[ReadReply]) -> dict[int, AnsweredText]:
    """What the replies answer, as far as its text is kept, by the replies' ids."""
    placed = [reply for reply in replies if reply.message_key is not None and reply.ledger_month is not None]
    if not placed:
        return {}
    values = {"months": [reply.ledger_month for reply in placed], "keys": [reply.message_key for reply in placed]}
    rows = connection.execute(text(ANSWERED_TEXTS), values)
    by_key = {row.message_key: AnsweredText(row.subject, row.body) for row in rows}
    return {reply.id: by_key[reply.message_key] for reply in placed if reply.message_key in by_key}
