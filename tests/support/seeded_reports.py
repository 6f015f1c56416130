"""A ledger to report on: campaigns of several feeds on several days, every kind of outcome, drawn from a seed."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.creation import create_campaign
from nightmail.lake import Lake
from nightmail.message_ids import MessageId
from nightmail.reports.delivery_report import write_day
from nightmail.store.partitions import ensure_partitions, month_of

_STATES = (
    *(("accepted", "delivered"),) * 12,
    *(("accepted", "sent"), ("accepted", "undelivered"), ("accepted", "bounced"), ("accepted", "opened")),
    *(("accepted", "clicked"), ("accepted", None), ("failed", None), ("held", None), ("in_doubt", None)),
    *(("cancelled", None), ("expired", None), ("not_needed", None), ("queued", None)),
)
_REASONS = {
    "failed": "address_refused",
    "held": "opted_out",
    "cancelled": "campaign_cancelled",
    "expired": "past_cut_off",
}


def seed_reports(
    engine: Engine, days: Sequence[dt.date], *, seed: int = 1, messages: int = 40, teams: Sequence[str] = ()
) -> list[str]:
    """A campaign of ``messages`` messages on each day for each feed (of ``teams``, or of all); return the campaigns' keys."""
    chance = random.Random(seed)
    keys = []
    with engine.begin() as connection:
        feeds = connection.execute(
            text(
                "select f.id, f.team_id, t.path, p.category_id, v.id as version from feed f join team t on t.id = f.team_id"
                " join template p on p.id = f.template_id join template_version v on v.template_id = p.id order by f.id"
            )
        ).all()
        account = connection.scalar(text("select min(id) from carrier_account"))
        for day in days:
            ensure_partitions(connection, month_of(day))
            for feed in feeds:
                if teams and feed.path not in teams:
                    continue
                campaign = create_campaign(
                    connection,
                    team_id=feed.team_id,
                    feed_id=feed.id,
                    template_version_id=feed.version,
                    category_id=feed.category_id,
                    actor="test",
                    source="api",
                )
                _prepared(connection, campaign.id, day, messages)
                rows = [
                    _message(chance, campaign.id, campaign.token, line, day, account) for line in range(2, messages + 2)
                ]
                _insert(connection, "message", rows)
                _said(connection, chance, feed.team_id, campaign.token, campaign.id, day)
                keys.append(campaign.key)
    return keys


def write_days(engine: Engine, lake: Lake, days: Sequence[dt.date]) -> None:
    """Write the delivery report of each day, as the pipeline does."""
    for day in days:
        write_day(engine, lake, day)


def _at(day: dt.date, seconds: float) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(seconds=seconds)


def _prepared(connection: Connection, campaign: int, day: dt.date, messages: int) -> None:
    counts = {"rows": messages + 9, "rejects": 4, "duplicates": 2, "contacts": messages + 3}
    connection.execute(
        text(
            "update campaign set ledger_month = :month, loaded_at = :at, loaded_messages = :messages,"
            " counts = cast(:counts as jsonb) where id = :id"
        ),
        {
            "month": month_of(day),
            "at": _at(day, 3600),
            "messages": messages,
            "counts": json.dumps(counts),
            "id": campaign,
        },
    )


def _message(
    chance: random.Random, campaign: int, token: str, line: int, day: dt.date, account: int | None
) -> dict[str, Any]:
    state, delivery = chance.choice(_STATES)
    channel = chance.choice(("sms", "sms", "email", "voice"))
    handed_off = _at(day, chance.uniform(7200, 80000))
    taken = state == "accepted"
    arrived = handed_off + dt.timedelta(seconds=chance.choice((2, 30, 200, 2000, 5000)))
    opened = delivery in ("opened", "clicked")
    charged = taken and chance.random() < 0.2
    return {
        "ledger_month": month_of(day),
        "message_key": MessageId(token, line, channel, 0).key(campaign),
        "campaign_id": campaign,
        "line": line,
        "channel": channel,
        "step": 0,
        "state": state,
        "reason": _REASONS.get(state),
        "due_at": handed_off,
        "contact_id": f"{line:032x}",
        "address_hash": (campaign * 1000 + line).to_bytes(16, "big"),
        "country": chance.choice(("DE", "FR", "GB", None)),
        "language": "en",
        "segments": chance.randint(1, 3),
        "cost": Decimal(chance.randint(1, 90000)) / 1_000_000 if chance.random() < 0.9 else None,
        "currency": "EUR",
        "cost_charged": Decimal("0.071") if charged else None,
        "cost_charged_currency": "USD" if charged else None,
        "attempts": 1 if taken else 0,
        "carrier_account_id": account if taken else None,
        "handed_off_at": handed_off if taken else None,
        "changed_at": handed_off,
        "delivery": delivery,
        "delivery_at": arrived if delivery else None,
        "delivery_error": "30005" if delivery == "undelivered" else None,
        "opened_at": arrived if opened else None,
        "clicked_at": arrived if delivery == "clicked" else None,
        "replied_at": arrived if taken and chance.random() < 0.1 else None,
    }


def _said(connection: Connection, chance: random.Random, team: int, token: str, campaign: int, day: dt.date) -> None:
    """What recipients of a campaign said: replies, and opt-outs by reply."""
    number = chance.randint(1, 4)
    replies = [
        {
            "event_key": f"reply-{token}-{each}",
            "team_id": team,
            "channel": "sms",
            "kind": "text",
            "address": "+491701234567",
            "address_hash": campaign.to_bytes(16, "big"),
            "text": "Yes",
            "campaign_id": campaign,
            "received_at": _at(day, 50000 + each),
        }
        for each in range(number)
    ]
    _insert(connection, "reply", replies)
    suppressions = [
        {
            "team_id": team,
            "channel": "sms",
            "address_hash": (campaign * 7919 + each).to_bytes(16, "big"),
            "reason": "opted_out",
            "source": "reply",
            "message_id": f"{token}-{each + 2}-sms-0",
            "created_at": _at(day, 60000 + each),
        }
        for each in range(number - 1)
    ]
    _insert(connection, "suppression", suppressions)


def _insert(connection: Connection, table: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        names = ", ".join(rows[0])
        values = ", ".join(f":{name}" for name in rows[0])
        connection.execute(text(f"insert into {table} ({names}) values ({values})"), rows)
