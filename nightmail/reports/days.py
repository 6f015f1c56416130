"""The days of the reports: each written whole from the ledger, receipts and replies, by indexed time.

A day is the UTC day of arrival for receipts and replies; for delivery and usage, of first hand-off, or of the decision
for what was never handed off.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, Row, text

from nightmail.carriers.protocol import NOT_REACHED, REACHED
from nightmail.lake import Lake, TableFile
from nightmail.lake.schemas import DELIVERY_REPORT, RECEIPTS, REPLIES, USAGE_REPORT
from nightmail.message_ids import campaign_keys
from nightmail.store.copying import copy_blocks, copy_table

NEVER_HANDED_OFF = ("failed", "held", "cancelled", "expired", "not_needed", "in_doubt")
"""States in which a message without a hand-off is reported, by the day of the decision."""

_MESSAGE_ID = (
    "{c}.token || '-' || (({m}.message_key >> 7) & 2147483647) || '-' || "
    "(array['sms','email','voice','chat'])[(({m}.message_key >> 4) & 7) + 1] || '-' || ({m}.message_key & 15)"
)

_DELIVERY = f"""
    select %(day)s::date, (coalesce(m.handed_off_at, m.changed_at) at time zone t.time_zone)::date, t.path, f.name, c.key,
        p.name, g.name, {_MESSAGE_ID.format(c="c", m="m")}, m.line, m.contact_id, m.address_hash, m.channel, m.step,
        m.country, m.language, m.state, m.reason, m.delivery, coalesce(m.delivery_error, m.error_code), a.carrier,
        m.carrier_message_id, m.attempts, m.planned_at, m.handed_off_at, m.delivery_at, m.opened_at is not null,
        m.clicked_at is not null, m.replied_at is not null, m.duration_s, m.segments, m.cost, m.currency
    from message m join campaign c on c.id = m.campaign_id join team t on t.id = c.team_id
        left join feed f on f.id = c.feed_id join template_version v on v.id = c.template_version_id
        join template p on p.id = v.template_id join category g on g.id = c.category_id
        left join carrier_account a on a.id = m.carrier_account_id
    where m.ledger_month = %(month)s and m.message_key between %(first)s and %(last)s and (
        (m.handed_off_at >= %(start)s and m.handed_off_at < %(end)s)
        or (m.handed_off_at is null and m.changed_at >= %(start)s and m.changed_at < %(end)s and m.state = any(%(ended)s))
    )
    order by m.message_key
"""  # noqa: S608 - the parts are constants of this module

_DECIDED = "handed_off_at is null and state in ('failed', 'held', 'cancelled', 'expired', 'not_needed')"
"""As the index ``ix_message_decided`` has it: the planner uses it where it sees the same words."""
_SETTLED_LATE = "changed_at > handed_off_at"
"""As the index ``ix_message_settled_late`` has it: doubts that proved to be hand-offs."""

_CAMPAIGNS = f"""
    select c.id, c.key, c.loaded_at, c.ledger_month from campaign c where c.id in (
        select campaign_id from message where handed_off_at >= :start and handed_off_at < :end
        union select campaign_id from message where changed_at >= :start and changed_at < :end and {_DECIDED}
        union select campaign_id from message where changed_at >= :start and changed_at < :end and state = 'in_doubt'
    ) or (c.loaded_at >= :start and c.loaded_at < :end) order by c.id
"""  # noqa: S608

_CAMPAIGN_FACTS = text(
    "select t.path as team, t.time_zone, f.name as feed, c.key, p.name as template, g.name as category "
    "from campaign c join team t on t.id = c.team_id left join feed f on f.id = c.feed_id "
    "join template_version v on v.id = c.template_version_id join template p on p.id = v.template_id "
    "join category g on g.id = c.category_id where c.id = :id"
)


def bounds(day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """The first moment of a UTC day and of the next one."""
    start = dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)
    return start, start + dt.timedelta(days=1)


def write_delivery_report(connection: Connection, lake: Lake, day: dt.date, destination: TableFile) -> dict[str, Any]:
    """Write the delivery report of a day, campaign by campaign; gives counts by state and by status."""
    start, end = bounds(day)
    values = {"start": start, "end": end, "ended": list(NEVER_HANDED_OFF)}
    states: dict[str, int] = {}
    statuses: dict[str, int] = {}
    campaigns = connection.execute(text(_CAMPAIGNS), values).all()
    with destination.writer(DELIVERY_REPORT) as writer:
        for campaign in campaigns:
            first, last = campaign_keys(campaign.id)
            of_campaign = {**values, "day": day, "month": campaign.ledger_month, "first": first, "last": last}
            parts: Iterable[pa.Table] = copy_blocks(connection, _DELIVERY, of_campaign, DELIVERY_REPORT)
            if campaign.loaded_at is not None and start <= campaign.loaded_at < end:
                parts = chain(parts, [_held_contacts(connection, lake, day, campaign)])
            for part in parts:
                if part.num_rows:
                    writer.write(part)
                    _count(states, part["state"])
                    _count(statuses, part["status"].drop_null())
        rows = writer.rows
    return {"rows": rows, "campaigns": len(campaigns), "states": states, "statuses": statuses}


def _count(into: dict[str, int], column: pa.ChunkedArray) -> None:
    for entry in pc.value_counts(column):
        name = entry["values"].as_py()
        into[name] = into.get(name, 0) + entry["counts"].as_py()


def _held_contacts(connection: Connection, lake: Lake, day: dt.date, campaign: Row[Any]) -> pa.Table:
    """The contacts that a campaign held before rendering: rows without a message."""
    decided_at = campaign.loaded_at
    audience = lake.table("audience", campaign.key)
    if not audience.exists():
        return DELIVERY_REPORT.empty_table()
    facts = connection.execute(_CAMPAIGN_FACTS, {"id": campaign.id}).one()
    from zoneinfo import ZoneInfo

    held = audience.read(["line", "contact_id", "state", "channel", "reason", "address_hash", "country", "language"])
    held = held.filter(pc.equal(held["state"], "held"))
    same = {
        "day": day,
        "team_date": decided_at.astimezone(ZoneInfo(facts.time_zone)).date(),
        "team": facts.team,
        "feed": facts.feed,
        "campaign": facts.key,
        "template": facts.template,
        "category": facts.category,
        "planned_at": decided_at,
        "opened": False,
        "clicked": False,
        "replied": False,
    }
    columns = []
    for field in DELIVERY_REPORT:
        if field.name in held.column_names:
            columns.append(held[field.name].cast(field.type))
        else:
            columns.append(pa.repeat(pa.scalar(same.get(field.name), field.type), held.num_rows))
    return pa.table(columns, schema=DELIVERY_REPORT)


def write_receipts(connection: Connection, day: dt.date, destination: TableFile) -> dict[str, Any]:
    """Write what carriers said on a day; gives the number of rows and the counts by status."""
    start, end = bounds(day)
    query = f"""
        select r.received_at, r.occurred_at, case when r.message_key is not null then {_MESSAGE_ID.format(c="c", m="r")} end,
            c.key, t.path, r.channel, r.carrier, r.carrier_message_id, r.status, r.error_code, r.duration_s
        from receipt r left join campaign c on c.id = r.campaign_id left join team t on t.id = c.team_id
        where r.received_at >= %(start)s and r.received_at < %(end)s order by r.received_at
    """  # noqa: S608
    statuses: dict[str, int] = {}
    with destination.writer(RECEIPTS) as writer:
        for block in copy_blocks(connection, query, {"start": start, "end": end}, RECEIPTS):
            writer.write(block)
            _count(statuses, block["status"])
        rows = writer.rows
    return {"rows": rows, "statuses": statuses}


def write_replies(connection: Connection, day: dt.date, destination: TableFile) -> dict[str, Any]:
    """Write what recipients said on a day; gives the number of rows and the counts by kind."""
    start, end = bounds(day)
    query = f"""
        select r.received_at, case when r.message_key is not null then {_MESSAGE_ID.format(c="c", m="r")} end, c.key, t.path,
            m.contact_id, r.channel, r.address_hash, r.kind, r.text
        from reply r left join campaign c on c.id = r.campaign_id left join team t on t.id = r.team_id
            left join message m on m.ledger_month = r.ledger_month and m.message_key = r.message_key
        where r.received_at >= %(start)s and r.received_at < %(end)s order by r.received_at
    """  # noqa: S608
    table = copy_table(connection, query, {"start": start, "end": end}, REPLIES)
    destination.write(table)
    kinds: dict[str, int] = {}
    _count(kinds, table["kind"])
    return {"rows": table.num_rows, "kinds": kinds}


def write_usage_report(connection: Connection, day: dt.date, destination: TableFile) -> dict[str, Any]:
    """Write what each team used on a day; gives the number of groups and the cost by currency."""
    start, end = bounds(day)
    query = """
        select %(day)s::date, t.path, f.name, g.name, m.channel, m.country, a.carrier, count(*), sum(m.segments),
            coalesce(sum(m.duration_s), 0), count(*) filter (where m.delivery = any(%(reached)s)),
            count(*) filter (where m.delivery = any(%(missed)s)), sum(m.cost), m.currency
        from message m join campaign c on c.id = m.campaign_id join team t on t.id = c.team_id
            left join feed f on f.id = c.feed_id join category g on g.id = c.category_id
            left join carrier_account a on a.id = m.carrier_account_id
        where m.handed_off_at >= %(start)s and m.handed_off_at < %(end)s and m.state = 'accepted'
        group by t.path, f.name, g.name, m.channel, m.country, a.carrier, m.currency
        order by t.path, f.name, g.name, m.channel, m.country
    """
    values = {
        "day": day,
        "start": start,
        "end": end,
        "reached": [str(status) for status in REACHED],
        "missed": [str(status) for status in NOT_REACHED],
    }
    table = copy_table(connection, query, values, USAGE_REPORT)
    destination.write(table)
    costs: dict[str, str] = {}
    for currency in pc.unique(table["currency"].drop_null()).to_pylist():
        of_currency = table.filter(pc.equal(table["currency"], currency))
        costs[currency] = str(pc.sum(of_currency["cost"]).as_py())
    return {"rows": table.num_rows, "messages": pc.sum(table["messages"]).as_py() or 0, "costs": costs}


def latest_change(connection: Connection) -> dt.datetime | None:
    """When anything that reports hold changed last: the ends of a few indexes, cheap at any size."""
    found: dt.datetime | None = connection.scalar(text(_LATEST))
    return found


_LATEST = f"""
    select greatest(
        (select max(handed_off_at) from message where handed_off_at is not null),
        (select max(changed_at) from message where {_DECIDED}),
        (select max(changed_at) from message where {_SETTLED_LATE}),
        (select max(changed_at) from message where state = 'in_doubt'),
        (select max(received_at) from receipt), (select max(received_at) from reply), (select max(loaded_at) from campaign))
"""  # noqa: S608

_WITHIN = "{0} > :after and {0} <= :until"
# A receipt that came on the day of its campaign's first hand-off is of a message of that day: nothing is looked up.
_CHANGED = f"""
    select distinct (at at time zone 'UTC')::date from (
        select handed_off_at as at from message where {_WITHIN.format("handed_off_at")}
        union all select changed_at from message where {_WITHIN.format("changed_at")} and {_DECIDED}
        union all select handed_off_at from message where {_WITHIN.format("changed_at")} and {_SETTLED_LATE}
        union all select coalesce(handed_off_at, changed_at) from message
            where {_WITHIN.format("changed_at")} and state = 'in_doubt'
        union all select received_at from receipt where {_WITHIN.format("received_at")}
        union all select m.handed_off_at from receipt r left join campaign c on c.id = r.campaign_id
            join message m on m.ledger_month = r.ledger_month and m.message_key = r.message_key
            where {_WITHIN.format("r.received_at")} and (c.first_hand_off_at at time zone 'UTC')::date
                is distinct from (r.received_at at time zone 'UTC')::date
        union all select received_at from reply where {_WITHIN.format("received_at")}
        union all select m.handed_off_at from reply r join message m on m.ledger_month = r.ledger_month
            and m.message_key = r.message_key where {_WITHIN.format("r.received_at")}
        union all select loaded_at from campaign where {_WITHIN.format("loaded_at")}
    ) changes where at is not null order by 1
"""  # noqa: S608


def changed_days(connection: Connection, after: dt.datetime, until: dt.datetime) -> list[dt.date]:
    """The UTC days whose reports changed in ``(after, until]``: hand-offs, decisions, receipts and replies."""
    return list(connection.scalars(text(_CHANGED), {"after": after, "until": until}))
