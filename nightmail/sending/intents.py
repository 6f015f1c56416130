"""The ledger's statements around a hand-off: the intent before it, the outcome after it, each committed by itself.

The intent takes due messages of one campaign and channel with ``for update skip locked``, looks once more at
suppression, consent, category choice, campaign state, cut-off and epoch, holds what may not go, and marks the rest
``handing_over`` in the sender's name. All of it is one statement.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from psycopg import Connection

from nightmail.sending.campaigns import CampaignRow
from nightmail.sending.carrier import OutgoingMessage
from nightmail.sending.error_classes import ErrorClass
from nightmail.sending.routes import Route
from nightmail.suppressing import IS_ASKED_FOR

BY_INDEX = "-c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"
"""Options of a connection that runs these statements: some thousand rows, each found by an index.

A ledger changes faster than its statistics. Left alone, the planner takes a month that filled up a minute ago for empty
and reads all of it for every batch. For the same reason texts are looked up behind ``offset 0``, which it does not
rearrange.
"""

_CLAIM = """
with due as materialized (
    select m.ledger_month, m.message_key, m.contact_id, m.address_hash
    from message m
    where m.ledger_month = %(month)s and m.campaign_id = %(campaign)s and m.channel = %(channel)s
      and m.state = 'queued' and m.due_at <= now() and m.epoch = %(epoch)s
      and exists (select from campaign c where c.id = %(campaign)s and c.state = 'sending'
                  and (c.cut_off_at is null or c.cut_off_at > now()))
    order by m.due_at limit %(limit)s
    for update of m skip locked
), judged as materialized (
    select d.ledger_month, d.message_key, {quiet} case
        {consent}
        {category}
        else (select case when {asked_for} then 'opted_out' else 'suppressed' end from suppression s
              where s.address_hash = d.address_hash and s.channel = %(channel)s and s.lifted_at is null
                and (s.team_id is null or s.team_id = any(%(teams)s)) and (s.category is null or s.category = %(category)s)
              order by {asked_for} desc limit 1)
        end as hold
    from due d {preference}
), held as (
    update message m set state = 'held', reason = j.hold from judged j
    where j.hold is not null and m.ledger_month = %(month)s and m.message_key = j.message_key
    returning 1
), woken as (
    update message s set due_at = now() from judged j
    where j.hold is not null and s.ledger_month = %(month)s and s.state = 'standby'
      and s.message_key between (j.message_key >> 7) << 7 and ((j.message_key >> 7) << 7) + 127
), taken as (
    update message m set state = 'handing_over', reason = null, attempts = m.attempts + 1, sender_run_id = %(run)s,
        carrier_account_id = %(account)s, changed_at = now()
    from judged j
    where j.hold is null and m.ledger_month = %(month)s and m.message_key = j.message_key
    returning m.message_key, m.line, m.step, m.attempts, m.segments, m.language, m.address_hash, m.time_zone
)
select t.message_key, t.line, t.step, t.attempts, t.segments, t.language, t.address_hash, t.time_zone,
       c.address, c.subject, c.body, c.html, {quiet_columns}, (select count(*) from held)
from taken t
cross join lateral (select * from message_content c where c.ledger_month = %(month)s
                    and c.message_key = t.message_key offset 0) c {quiet_join}
union all
select null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, (select count(*) from held)
where not exists (select from taken)
"""
_CONSENT = """when not exists (
            select from consent k where k.team_id = any(%(teams)s) and k.contact_id = d.contact_id
              and k.category = %(category)s and (k.channel is null or k.channel = %(channel)s)
              and k.withdrawn_at is null) then 'consent_missing'"""
_CATEGORY = "when %(category)s = any(p.categories_out) then 'category_opted_out'"
_PREFERENCE = "left join preference p on p.team_id = %(team)s and p.contact_id = d.contact_id"


def _claim_query(*, needs_consent: bool, has_preferences: bool) -> str:
    quiet = "p.quiet_from, p.quiet_until, p.time_zone as own_zone," if has_preferences else ""
    return _CLAIM.format(
        asked_for=IS_ASKED_FOR,
        quiet=quiet,
        quiet_columns="j.quiet_from, j.quiet_until, j.own_zone" if has_preferences else "null, null, null",
        quiet_join="join judged j on j.message_key = t.message_key" if has_preferences else "",
        preference=_PREFERENCE if has_preferences else "",
        consent=_CONSENT if needs_consent else "",
        category=_CATEGORY if has_preferences else "when false then null",
    )


_CLAIMS = {
    (needs_consent, has_preferences): _claim_query(needs_consent=needs_consent, has_preferences=has_preferences)
    for needs_consent in (False, True)
    for has_preferences in (False, True)
}


@dataclass(frozen=True, slots=True)
class CampaignInHand:
    """What a sender keeps of a campaign while it hands its messages off. Made anew every few seconds."""

    row: CampaignRow
    teams: list[int]
    """The campaign's team and those above it: whose suppressions and consents count."""
    has_standby: bool
    has_preferences: bool


@dataclass(slots=True)
class Intent:
    """One message in a sender's hands: its intent is committed."""

    campaign: CampaignInHand
    route: Route
    sender_run_id: int
    key: int
    number: int
    """Of the attempt."""
    segments: int
    address_hash: str
    time_zone: str | None
    message: OutgoingMessage
    taken_at: float
    """On the sender's own boot-time clock, before the statement: the intent is not acted on when it is old."""
    quiet: tuple[str | None, str | None, str | None] = (None, None, None)
    """The contact's own quiet hours and zone."""


@dataclass(slots=True)
class StoredOutcome:
    """What is to be written of one message after its hand-off, or instead of it."""

    intent: Intent
    state: str
    outcome: str | None
    """``None``: there was no hand-off, and the attempt does not count."""
    reason: str | None = None
    carrier_message_id: str | None = None
    error_code: str | None = None
    error_class: ErrorClass | None = None
    delay_s: float = 0.0
    due_at: dt.datetime | None = None
    """In place of ``delay_s``, for the end of quiet hours."""
    standby_delay_s: float | None = None
    """When the next channel's message is to be looked at, where there is one."""
    suppress_as: str | None = None
    segments: int | None = None
    cost: Any = None
    currency: str | None = None


Content = tuple[str, str | None, str, str | None, str, str | None]
"""Message id, language, address, subject, body and HTML part."""
Compose = Callable[[CampaignInHand, Route, list[Content]], list[OutgoingMessage]]


def claim(
    connection: Connection[Any],
    campaign: CampaignInHand,
    route: Route,
    *,
    sender_run_id: int,
    epoch: int,
    limit: int,
    taken_at: float,
    compose: Compose,
) -> tuple[list[Intent], int]:
    """Take up to ``limit`` due messages of a campaign on a route's channel; gives the intents and how many were held.

    ``compose(campaign, route, rows)`` makes what the carrier gets of each ``(message_id, language, address, subject,
    body, html)``.
    """
    row = campaign.row
    channel = route.account.channel
    query = _CLAIMS[row.needs_consent, campaign.has_preferences]
    rows = connection.execute(
        query,
        {
            "month": row.ledger_month,
            "campaign": row.id,
            "channel": channel,
            "epoch": epoch,
            "limit": limit,
            "teams": campaign.teams,
            "team": row.team_id,
            "category": row.category,
            "run": sender_run_id,
            "account": route.account.id,
        },
    ).fetchall()
    held = int(rows[0][15]) if rows else 0
    if not rows or rows[0][0] is None:
        return [], held
    outgoing = compose(
        campaign,
        route,
        [(f"{row.token}-{line}-{channel}-{step}", language, *content)
         for _, line, step, _, _, language, _, _, *content, _, _, _, _ in rows],
    )  # fmt: skip
    intents = [
        Intent(
            campaign,
            route,
            sender_run_id,
            taken[0],
            taken[3],
            taken[4],
            taken[6],
            taken[7],
            message,
            taken_at,
            (taken[12], taken[13], taken[14]),
        )
        for taken, message in zip(rows, outgoing, strict=True)
    ]
    return intents, held


_STORE = """
with o as materialized (
    select *, array[{before}] as before{joined}
    from unnest(%(message_key)s::bigint[]{arrays}) as each_one(message_key{names})
), attempts as (
    insert into attempt (ledger_month, message_key, number, sender_run_id, carrier_account_id, started_at, outcome,
        finished_at, carrier_message_id, error_code, error_class)
    select %(month)s, o.message_key, {number}, {sender_run_id}, {carrier_account_id},
        now() - make_interval(secs => {age_s}), {outcome}, now(), {carrier_message_id}, {error_code}, {error_class}
    from o where {outcome} <> 'accepted'
    on conflict (ledger_month, message_key, number) do update set outcome = excluded.outcome,
        finished_at = excluded.finished_at, carrier_message_id = excluded.carrier_message_id,
        error_code = excluded.error_code, error_class = excluded.error_class
){doubted}
update message m set state = {state}, reason = {reason}, changed_at = now(),
    carrier_message_id = coalesce({carrier_message_id}, m.carrier_message_id), error_code = {error_code},
    attempts = case when {outcome} is null then m.attempts - 1 else m.attempts end,
    handed_off_at = case when {state} = 'accepted' then coalesce(m.handed_off_at, now()) else m.handed_off_at end,
    due_at = case when {state} = 'queued' then coalesce({due_at}, now() + make_interval(secs => {delay_s}))
                  else m.due_at end,
    segments = coalesce({segments}, m.segments), cost = coalesce({cost}, m.cost),
    currency = coalesce({currency}, m.currency)
from o
where m.ledger_month = %(month)s and m.message_key = o.message_key and m.sender_run_id + 0 = o.sender_run_id
  and m.attempts = o.number and m.state = any(o.before)
"""
# An accepted hand-off needs no attempt, as its message tells all of it; where there was none, there is nothing to tell.
#
# Each message is to be found by its key. States that last for seconds are in no statistics: were they constants here,
# the planner would take the open messages for few and read all of them, or the whole month, for every batch.
_DOUBTED = """, accepted as (
    update attempt a set outcome = {outcome}, finished_at = now(), carrier_message_id = {carrier_message_id},
        error_code = {error_code}, error_class = {error_class}
    from o where a.ledger_month = %(month)s and a.message_key = o.message_key and a.number = o.number
        and a.sender_run_id = o.sender_run_id and {outcome} = 'accepted'
), not_tried as (
    delete from attempt a using o where a.ledger_month = %(month)s and a.message_key = o.message_key
        and a.number = o.number and a.sender_run_id = o.sender_run_id and {outcome} is null
)"""
_STORED_TYPES = {
    "number": "smallint",
    "state": "text",
    "outcome": "text",
    "reason": "text",
    "carrier_message_id": "text",
    "error_code": "text",
    "error_class": "text",
    "delay_s": "float8",
    "due_at": "timestamptz",
    "age_s": "float8",
    "carrier_account_id": "integer",
    "segments": "integer",
    "cost": "numeric",
    "currency": "text",
    "sender_run_id": "bigint",
}
_JOINED = ("number", "sender_run_id")


@lru_cache(maxsize=64)
def _store_query(varying: tuple[str, ...], *, doubted: bool) -> str:
    """The statement for outcomes that differ in ``varying``; ``doubted`` also of what somebody else put in doubt."""
    expressions = {
        name: f"o.{name}" if name in varying else f"%({name})s::{kind}" for name, kind in _STORED_TYPES.items()
    }
    joined = "".join(f", {expressions[name]} as {name}" for name in _JOINED if name not in varying)
    expressions |= {name: f"o.{name}" for name in _JOINED}
    return _STORE.format(
        before="'handing_over', 'in_doubt'" if doubted else "'handing_over'",
        joined=joined,
        arrays="".join(f", %({name})s::{_STORED_TYPES[name]}[]" for name in varying),
        names="".join(f", {name}" for name in varying),
        doubted=_DOUBTED.format(**expressions) if doubted else "",
        **expressions,
    )


_NUDGE = """
update message s set due_at = now() + make_interval(secs => o.delay_s)
from unnest(%(keys)s::bigint[], %(delays)s::float8[]) as o(message_key, delay_s)
where s.ledger_month = %(month)s and s.state = 'standby'
  and s.message_key between (o.message_key >> 7) << 7 and ((o.message_key >> 7) << 7) + 127
"""


def store_outcomes(connection: Connection[Any], outcomes: Sequence[StoredOutcome], now: float) -> None:
    """Write outcomes, in one transaction per ledger month. Safe to repeat when it is not known whether it was done.

    A message that was declared in doubt meanwhile takes its true outcome; one that was settled otherwise keeps that.
    """
    by_month: dict[dt.date, list[StoredOutcome]] = {}
    for each in outcomes:
        month = each.intent.campaign.row.ledger_month
        assert month is not None
        by_month.setdefault(month, []).append(each)
    for month, group in by_month.items():
        waiting = [each for each in group if each.standby_delay_s is not None and each.intent.campaign.has_standby]
        suppressed = [each for each in group if each.suppress_as is not None]
        if waiting or suppressed:
            with connection.transaction():
                _store(connection, month, group, now)
                _suppress(connection, suppressed)
                if waiting:
                    connection.execute(
                        _NUDGE,
                        {
                            "month": month,
                            "keys": [each.intent.key for each in waiting],
                            "delays": [each.standby_delay_s for each in waiting],
                        },
                    )
        else:
            _store(connection, month, group, now)


def _store(connection: Connection[Any], month: dt.date, group: Sequence[StoredOutcome], now: float) -> None:
    columns: dict[str, list[Any]] = {
        "number": [each.intent.number for each in group],
        "state": [each.state for each in group],
        "outcome": [each.outcome for each in group],
        "reason": [each.reason for each in group],
        "carrier_message_id": [each.carrier_message_id for each in group],
        "error_code": [each.error_code for each in group],
        "error_class": [each.error_class and str(each.error_class) for each in group],
        "delay_s": [each.delay_s for each in group],
        "due_at": [each.due_at.isoformat() if each.due_at else None for each in group],
        "age_s": [max(0.0, now - each.intent.taken_at) for each in group],
        "carrier_account_id": [each.intent.route.account.id for each in group],
        "segments": [each.segments for each in group],
        "cost": [None if each.cost is None else str(each.cost) for each in group],
        "currency": [each.currency for each in group],
        "sender_run_id": [each.intent.sender_run_id for each in group],
    }
    # Most batches are of one kind: what all have in common goes once, which spares the database most of the reading.
    values: dict[str, Any] = {"month": month, "message_key": _array([each.intent.key for each in group])}
    varying: list[str] = []
    for name, column in columns.items():
        if column.count(column[0]) == len(column):
            values[name] = column[0]
        else:
            values[name] = _array(column)
            varying.append(name)
    written = connection.execute(_store_query(tuple(varying), doubted=False), values).rowcount
    if written < len(group):
        # An earlier try was written, or somebody took this sender for dead and has put what it had in hand in doubt.
        connection.execute(_store_query(tuple(varying), doubted=True), values)


def _element(value: float | str | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\x00", "") + '"'
    return repr(value)


def _array(values: Sequence[float | str | None]) -> str:
    """The array's text as PostgreSQL reads it: a tenth of what the driver spends on a list."""
    return "{" + ",".join(map(_element, values)) + "}"


def _suppress(connection: Connection[Any], suppressed: Sequence[StoredOutcome]) -> None:
    for each in suppressed:
        connection.execute(
            "insert into suppression (team_id, channel, address_hash, reason, source, message_id) "
            "values (%s, %s, %s, %s, %s, %s) on conflict do nothing",
            (
                each.intent.campaign.row.team_id,
                each.intent.route.account.channel,
                each.intent.address_hash,
                each.suppress_as,
                f"carrier:{each.error_code}",
                each.intent.message.message_id,
            ),
        )


def release_unknown(connection: Connection[Any], sender_run_id: int, known: Sequence[int]) -> int:
    """Give back intents of this sender that it never learned of, as the answer to its claim was lost.

    Only the sender itself may say so: it knows that it handed none of them off. What is in doubt stays so.
    """
    return connection.execute(
        "update message set state = 'queued', attempts = attempts - 1, reason = null "
        "where sender_run_id = %s and state = 'handing_over' and not (message_key = any(%s))",
        (sender_run_id, list(known)),
    ).rowcount
