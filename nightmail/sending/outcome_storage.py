"""The ledger's statements after a hand-off: its outcome, with the attempt where the carrier did not plainly accept it.

An outcome may come late: its sender was taken for dead meanwhile, and what it had in hand is in doubt, settled, or even to
be sent again. What the ledger then knows better stays; what the outcome proves is taken.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from psycopg import Connection

from nightmail.audit import Entry, write_entries
from nightmail.carriers.error_tables import ErrorEntry, SuppressionReason
from nightmail.message_ids import same_line
from nightmail.sending.intents import Intent


@dataclass(slots=True)
class StoredOutcome:
    """What is to be written of one message after its hand-off, or instead of it."""

    intent: Intent
    state: str
    outcome: str | None
    """``None``: there was no hand-off, and the attempt does not count."""
    reason: str | None = None
    carrier_message_id: str | None = None
    error: ErrorEntry | None = None
    suppress_as: SuppressionReason | None = None
    delay_s: float = 0.0
    due_at: dt.datetime | None = None
    """In place of ``delay_s``, for the end of quiet hours."""
    standby_delay_s: float | None = None
    """When the next channel's message is to be looked at, where there is one."""
    segments: int | None = None
    cost: Any = None
    currency: str | None = None


# A receipt that has come proves that the carrier has the message, whatever became of this attempt. An attempt is written
# for what was changed here and was not accepted, nor in doubt until that receipt: an accepted message tells all of it, and
# where none was made there is nothing to tell.
#
# Each message is to be found by its key. States that last for seconds are in no statistics: were they constants here,
# the planner would take the open messages for few and read all of them, or the whole month, for every batch.
_STORE = """
with o as materialized (
    select *, array[{before}] as before{joined}
    from unnest(%(message_key)s::bigint[]{arrays}) as each_one(message_key{names})
), changed as (
    update message m set state = case when m.delivery is null then {state} else 'accepted' end,
        reason = case when m.delivery is null then {reason} end, changed_at = now(),
        carrier_message_id = coalesce({carrier_message_id}, m.carrier_message_id),
        error_code = case when m.delivery is null then {error_code} end,
        attempts = case when {outcome} is null then m.attempts - 1 else m.attempts end,
        handed_off_at = case when {state} = 'accepted' or m.delivery is not null
                             then coalesce(m.handed_off_at, now()) else m.handed_off_at end,
        due_at = case when {state} = 'queued' then coalesce({due_at}, now() + make_interval(secs => {delay_s}))
                      else m.due_at end,
        segments = coalesce({segments}, m.segments), cost = coalesce({cost}, m.cost),
        currency = coalesce({currency}, m.currency)
    from o
    where m.ledger_month = %(month)s and m.message_key = o.message_key and m.sender_run_id + 0 = o.sender_run_id
      and m.attempts = o.number and m.state = any(o.before)
    returning {returned}, m.delivery is not null as proven
), attempts as (
    insert into attempt (ledger_month, message_key, number, sender_run_id, carrier_account_id, started_at, outcome,
        finished_at, carrier_message_id, error_code, error_class)
    select %(month)s, o.message_key, {number}, {sender_run_id}, {carrier_account_id},
        now() - make_interval(secs => {age_s}), {outcome}, now(), {carrier_message_id}, {error_code}, {error_class}
    from changed o where {outcome} <> 'accepted' and not ({outcome} = 'in_doubt' and o.proven)
    on conflict (ledger_month, message_key, number) do update set outcome = excluded.outcome,
        finished_at = excluded.finished_at, carrier_message_id = excluded.carrier_message_id,
        error_code = excluded.error_code, error_class = excluded.error_class
){late}
select count(*) from changed
"""
# The attempts of what was in doubt: an accepted one is so after all, and one that was not made is none.
_LATE = """, accepted as (
    update attempt a set outcome = {outcome}, finished_at = now(), carrier_message_id = {carrier_message_id},
        error_code = {error_code}, error_class = {error_class}
    from changed o where a.ledger_month = %(month)s and a.message_key = o.message_key and a.number = o.number
        and {outcome} = 'accepted'
), not_tried as (
    delete from attempt a using changed o where a.ledger_month = %(month)s and a.message_key = o.message_key
        and a.number = o.number and {outcome} is null
)"""
# What was decided to be sent again, and waits for it, was accepted the first time: it goes the way of an open hand-off.
_TAKE_BACK = """
update message m set state = 'handing_over'
from unnest(%(keys)s::bigint[], %(numbers)s::smallint[], %(runs)s::bigint[]) as o(message_key, number, sender_run_id)
where m.ledger_month = %(month)s and m.message_key = o.message_key and m.sender_run_id + 0 = o.sender_run_id
  and m.attempts = o.number and m.state = any(array['queued'])
"""
# Ten minutes in doubt do not keep a campaign open; what comes back after that would wait in it for ever.
_REOPEN = """
update campaign c set state = 'sending', finished_at = null, ledger_changed_at = now()
where c.id = any(%(campaigns)s) and c.state = 'finished' and exists (
    select from message m where m.ledger_month = %(month)s and m.message_key = any(%(keys)s)
        and m.campaign_id = c.id and m.state = 'queued')
returning c.key, c.team_id
"""
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
def _store_query(varying: tuple[str, ...], *, late: bool) -> str:
    """The statement for outcomes that differ in ``varying``; ``late`` also of what somebody else put in doubt."""
    expressions = {
        name: f"o.{name}" if name in varying else f"%({name})s::{kind}" for name, kind in _STORED_TYPES.items()
    }
    joined = "".join(f", {expressions[name]} as {name}" for name in _JOINED if name not in varying)
    expressions |= {name: f"o.{name}" for name in _JOINED}
    return _STORE.format(
        before="'handing_over', 'in_doubt'" if late else "'handing_over'",
        joined=joined,
        arrays="".join(f", %({name})s::{_STORED_TYPES[name]}[]" for name in varying),
        names="".join(f", {name}" for name in varying),
        returned=", ".join(f"o.{name}" for name in dict.fromkeys(("message_key", *_JOINED, *varying))),
        late=_LATE.format(**expressions) if late else "",
        **expressions,
    )


_NUDGE = f"""
update message s set due_at = now() + make_interval(secs => o.delay_s)
from unnest(%(keys)s::bigint[], %(delays)s::float8[]) as o(message_key, delay_s)
where s.ledger_month = %(month)s and s.state = 'standby' and {same_line("s.message_key", "o.message_key")}
"""  # noqa: S608 - the part is a function of constants


def store_outcomes(connection: Connection[Any], outcomes: Sequence[StoredOutcome], now: float) -> None:
    """Write outcomes, by ledger month. Safe to repeat when it is not known whether it was done, and to break off.

    A message that was declared in doubt meanwhile takes its true outcome; one that was settled otherwise keeps that, but
    one that was to be sent again, and waits for it, is accepted if it was.
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
        "error_code": [each.error and (each.error.code or None) for each in group],
        "error_class": [each.error and str(each.error.error_class) for each in group],
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
    changed = connection.execute(_store_query(tuple(varying), late=False), values).fetchone()
    assert changed is not None
    if changed[0] == len(group):
        return
    # An earlier try was written, or somebody took this sender for dead and has put what it had in hand in doubt.
    with connection.transaction():
        _take_back(connection, month, [each.intent for each in group if each.outcome == "accepted"])
        connection.execute(_store_query(tuple(varying), late=True), values)
        _reopen(connection, month, [each.intent for each in group if each.state == "queued"])


def _take_back(connection: Connection[Any], month: dt.date, accepted: Sequence[Intent]) -> None:
    columns = {
        "keys": [intent.key for intent in accepted],
        "numbers": [intent.number for intent in accepted],
        "runs": [intent.sender_run_id for intent in accepted],
    }
    connection.execute(_TAKE_BACK, {"month": month, **columns})


def _reopen(connection: Connection[Any], month: dt.date, queued: Sequence[Intent]) -> None:
    keys = [intent.key for intent in queued]
    campaigns = list({intent.campaign.row.id for intent in queued})
    reopened = connection.execute(_REOPEN, {"month": month, "keys": keys, "campaigns": campaigns}).fetchall()
    write_entries(
        connection,
        [
            Entry(
                actor="senders",
                action="campaign.sending",
                subject=key,
                team_id=team_id,
                detail={"from": "finished", "because": "a hand-off that was in doubt was none"},
            )
            for key, team_id in reopened
        ],
    )


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
                f"carrier:{each.error and each.error.code}",
                each.intent.message.message_id,
            ),
        )
