"""Rows of the delivery report from rows of the ledger, by columns: what is the same in all rows of a campaign, what follows from
other columns and what is a name of a number is not asked of the database a million times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, Row, text

from nightmail.carriers.protocol import NOT_REACHED, REACHED, ReceiptStatus
from nightmail.lake.schemas import DELIVERY_REPORT, MONEY, UTC_TIME
from nightmail.reports.outcomes import words

NEVER_HANDED_OFF = ("failed", "held", "cancelled", "expired", "not_needed", "in_doubt")
"""States in which a message without a hand-off is reported, by the day of the decision."""
NOT_SENT = tuple(state for state in NEVER_HANDED_OFF if state != "in_doubt")
"""States in which a message certainly did not arrive; of one in doubt nobody knows."""

_AS_IT_IS = (
    *("line", "contact_id", "address_hash", "channel", "step", "country", "language", "state", "reason", "error_code"),
    *("sent_from", "carrier_message_id", "attempts", "planned_at", "handed_off_at", "opened_at", "clicked_at"),
    *("duration_s", "segments", "cost_estimated", "cost_estimated_currency", "cost_charged", "cost_charged_currency"),
)
LEDGER_ROWS = pa.schema(
    [
        *(DELIVERY_REPORT.field(name).with_nullable(True) for name in _AS_IT_IS),
        pa.field("status", pa.string()),
        pa.field("status_at", UTC_TIME),
        pa.field("reached_at", UTC_TIME),
        pa.field("reported_at", UTC_TIME),
        pa.field("replied", pa.bool_()),
        pa.field("carrier_account_id", pa.int64()),
    ]
)
"""What the ledger gives for each row: ``reported_at`` is the hand-off or the decision; ``reached_at`` when a message arrived of which
a later receipt said more."""


def report_rows(rows: pa.Table, facts: Row[Any], accounts: Mapping[int, tuple[str, str]]) -> pa.Table:
    """The report's rows of one campaign's rows of the ledger; ``accounts`` has each account's carrier and name."""
    status, charged = rows["status"], rows["cost_charged"]
    reached, missed = (pc.is_in(status, value_set=words(each)) for each in (REACHED, NOT_REACHED))
    not_reached = pc.or_(missed, pc.is_in(rows["state"], value_set=words(NOT_SENT)))
    nothing = pa.scalar(None, pa.bool_())
    numbers = [*accounts]
    place = pc.index_in(rows["carrier_account_id"], value_set=pa.array(numbers, pa.int64()))
    local = pc.local_timestamp(rows["reported_at"].cast(pa.timestamp("us", tz=facts.time_zone)))
    is_charged = pc.is_valid(charged)
    found = {name: rows[name] for name in _AS_IT_IS} | {
        "team_date": local.cast(pa.date32(), safe=False),
        "message_id": pc.binary_join_element_wise(
            facts.token, rows["line"].cast(pa.string()), rows["channel"], rows["step"].cast(pa.string()), "-"
        ),
        "delivered": pc.if_else(reached, True, pc.if_else(not_reached, False, nothing)),
        "status": status,
        "carrier": pa.array([accounts[number][0] for number in numbers], pa.string()).take(place.combine_chunks()),
        "carrier_account": pa.array([accounts[number][1] for number in numbers], pa.string()).take(
            place.combine_chunks()
        ),
        "delivered_at": pc.if_else(
            pc.fill_null(pc.equal(status, str(ReceiptStatus.DELIVERED)), False), rows["status_at"], rows["reached_at"]
        ),
        "status_at": rows["status_at"],
        "opened": pc.is_valid(rows["opened_at"]),
        "clicked": pc.is_valid(rows["clicked_at"]),
        "replied": rows["replied"],
        "cost": pc.if_else(is_charged, charged, rows["cost_estimated"]).cast(MONEY),
        "currency": pc.if_else(is_charged, rows["cost_charged_currency"], rows["cost_estimated_currency"]),
    }
    same = {"team": facts.team, "feed": facts.feed, "campaign": facts.campaign}
    same |= {"template": facts.template, "category": facts.category}
    columns = [
        found[field.name] if field.name in found else pa.repeat(pa.scalar(same[field.name], field.type), rows.num_rows)
        for field in DELIVERY_REPORT
    ]
    return pa.table(columns, schema=DELIVERY_REPORT)


def account_names(connection: Connection) -> dict[int, tuple[str, str]]:
    """The carrier and the name of every carrier account."""
    rows = connection.execute(text("select id, carrier, name from carrier_account"))
    return {row.id: (row.carrier, row.name) for row in rows}
