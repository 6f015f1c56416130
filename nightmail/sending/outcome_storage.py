"""Writing outcomes to the ledger, with the attempt where the carrier did not plainly accept the message.

An outcome may come late: its sender was taken for dead meanwhile, and what it had in hand is in doubt, settled, or even to
be sent again. What the ledger then knows better stays; what the outcome proves is taken.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from nightmail.audit import Entry, write_entries
from nightmail.carriers.error_tables import ErrorEntry, SuppressionReason
from nightmail.sending.intents import Intent
from nightmail.sending.sender_queries import REOPEN, SUPPRESS, TAKE_BACK, WAKE_STANDBY, store_query


@dataclass(slots=True)
class StoredOutcome:
    """What is written of one message after its hand-off, or when its intent is taken back."""

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
                        WAKE_STANDBY,
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
        "sent_from_id": [each.intent.route.sent_from_id for each in group],
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
    changed = connection.execute(store_query(tuple(varying), late=False), values).fetchone()
    if changed == (len(group),):
        return
    # An earlier try was written, or another process took this sender for dead and put what it had in hand in doubt.
    with connection.transaction():
        _take_back(connection, month, [each.intent for each in group if each.outcome == "accepted"])
        connection.execute(store_query(tuple(varying), late=True), values)
        _reopen(connection, month, [each.intent for each in group if each.state == "queued"])


def _take_back(connection: Connection[Any], month: dt.date, accepted: Sequence[Intent]) -> None:
    columns = {
        "keys": [intent.key for intent in accepted],
        "numbers": [intent.number for intent in accepted],
        "runs": [intent.sender_run_id for intent in accepted],
    }
    connection.execute(TAKE_BACK, {"month": month, **columns})


def _reopen(connection: Connection[Any], month: dt.date, queued: Sequence[Intent]) -> None:
    keys = [intent.key for intent in queued]
    campaigns = list({intent.campaign.row.id for intent in queued})
    with connection.cursor(row_factory=dict_row) as cursor:
        reopened = cursor.execute(REOPEN, {"month": month, "keys": keys, "campaigns": campaigns}).fetchall()
    write_entries(
        connection,
        [
            Entry(
                actor="senders",
                action="campaign.sending",
                subject=row["key"],
                team_id=row["team_id"],
                detail={"from": "finished", "because": "a hand-off that was in doubt was none"},
            )
            for row in reopened
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
            SUPPRESS,
            (
                each.intent.campaign.row.team_id,
                each.intent.route.account.channel,
                each.intent.address_hash,
                each.suppress_as,
                f"carrier:{each.error and each.error.code}",
                each.intent.message.message_id,
            ),
        )
