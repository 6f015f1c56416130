"""The delivery report of a day: one row per message, and one per held contact, written whole from the ledger."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import partial
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, Engine, Row, text

from nightmail.carriers.protocol import REACHED
from nightmail.lake import Lake, TableFile
from nightmail.lake.schemas import DELIVERY_REPORT
from nightmail.message_ids import campaign_keys
from nightmail.reports import queries
from nightmail.reports.day_sums import DaySums
from nightmail.reports.days import bounds, count_values
from nightmail.reports.delivery_rows import LEDGER_ROWS, NEVER_HANDED_OFF, account_names, report_rows
from nightmail.store.copying import copy_blocks


def write_day(engine: Engine, lake: Lake, day: dt.date) -> dict[str, Any]:
    """Write the delivery report of a UTC day into the lake and its sums into the database, both of the same rows.

    Return what :func:`write_delivery_report` does.
    """
    sums = DaySums()
    with engine.connect() as connection:
        counts = write_delivery_report(
            connection, lake, day, lake.table("delivery_report", day.isoformat(), "day"), sums
        )
    with engine.begin() as connection:
        sums.store(connection, day)
    return counts


def write_delivery_report(
    connection: Connection, lake: Lake, day: dt.date, destination: TableFile, sums: DaySums | None = None
) -> dict[str, Any]:
    """Write the delivery report of a UTC day, campaign by campaign, with the columns of ``DELIVERY_REPORT``.

    ``sums`` counts each row that is written. Return ``rows``, ``campaigns``, and the rows by ``states`` and by ``statuses``.
    """
    start, end = bounds(day)
    values = {
        "start": start,
        "end": end,
        "never_handed_off": list(NEVER_HANDED_OFF),
        "reached": sorted(REACHED),
    }
    states: dict[str, int] = {}
    statuses: dict[str, int] = {}
    campaigns = connection.execute(text(queries.CAMPAIGNS_OF_DAY), values).all()
    accounts = account_names(connection)
    with destination.writer(DELIVERY_REPORT) as writer:
        for campaign in campaigns:
            first, last = campaign_keys(campaign.id)
            of_campaign = {**values, "month": campaign.ledger_month, "first": first, "last": last}
            facts = connection.execute(text(queries.CAMPAIGN_FACTS), {"id": campaign.id}).one()
            found = copy_blocks(connection, queries.DELIVERY_ROWS, of_campaign, LEDGER_ROWS)
            parts: Iterable[pa.Table] = map(partial(report_rows, facts=facts, accounts=accounts), found)
            if campaign.loaded_at is not None and start <= campaign.loaded_at < end:
                parts = chain(parts, [_held_contacts(lake, campaign, facts)])
            for part in parts:
                if part.num_rows:
                    writer.write(part)
                    if sums is not None:
                        sums.add(part)
                    count_values(states, part["state"])
                    count_values(statuses, part["status"].drop_null())
        rows = writer.rows
    return {"rows": rows, "campaigns": len(campaigns), "states": states, "statuses": statuses}


def _held_contacts(lake: Lake, campaign: Row[Any], facts: Row[Any]) -> pa.Table:
    """Return the contacts that a campaign held before rendering: rows without a message."""
    decided_at = campaign.loaded_at
    audience = lake.table("audience", campaign.key)
    if not audience.exists():
        return DELIVERY_REPORT.empty_table()
    held = audience.read(["line", "contact_id", "state", "channel", "reason", "address_hash", "country", "language"])
    held = held.filter(pc.equal(held["state"], "held"))
    same = {
        "team_date": decided_at.astimezone(ZoneInfo(facts.time_zone)).date(),
        "team": facts.team,
        "feed": facts.feed,
        "campaign": facts.campaign,
        "template": facts.template,
        "category": facts.category,
        "delivered": False,
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
