"""Campaigns of every state in the tests' organisation, with messages, for the pages that show them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.creation import create_campaign
from nightmail.message_ids import campaign_keys
from nightmail.store.partitions import ensure_partitions, month_of

WAY: Mapping[str, tuple[str, ...]] = {
    "received": (),
    "checking": ("checking",),
    "awaiting_approval": ("checking", "awaiting_approval"),
    "scheduled": ("checking", "scheduled"),
    "sending": ("checking", "sending"),
    "paused": ("checking", "sending", "paused"),
    "finished": ("checking", "sending", "finished"),
    "cancelled": ("checking", "sending", "cancelled"),
    "stopped": ("checking", "stopped"),
}
"""The states through which a campaign comes to one."""
COUNTS: dict[str, Any] = {
    "rows": 412,
    "rejects": 7,
    "duplicates": 5,
    "contacts": 400,
    "planned": 388,
    "held": 12,
    "messages": 388,
    "segments": 401,
    "costs": {"EUR": "29.10"},
    "rejects_by_reason": {"phone_invalid": 5, "email_invalid": 2},
    "held_by_reason": {"opted_out": 9, "country_not_served": 3},
    "units": {"sms": 300, "email": 88},
    "settings_used": {"channels_used": ["sms", "email"]},
}
MESSAGES = """
insert into message (ledger_month, message_key, campaign_id, line, channel, step, state, reason, due_at, contact_id, address_hash,
    country, language, segments, cost, currency, cost_charged, cost_charged_currency, handed_off_at, delivery, delivery_at,
    error_code, attempts)
select :month, :first + (line::bigint << 7) + (case when line <= 301 then 0 else 1 << 4 end), :id, line,
    case when line <= 301 then :phone else :mail end, 0, state, case when state = 'failed' then 'address_refused' end, now(),
    lpad(to_hex(line), 32, '0'), :hash, case when line % 5 = 0 then 'AT' else 'DE' end, 'en', 1, 0.075, 'EUR',
    case when state = 'accepted' and line % 2 = 0 then 0.071 end, case when state = 'accepted' and line % 2 = 0 then 'EUR' end,
    case when state = 'accepted' then now() end,
    case when state = 'accepted' and line % 20 = 0 then 'undelivered' when state = 'accepted' and line % 3 > 0 then 'delivered' end,
    now(), case when state = 'failed' then '21211' end, 1
from (select line, case when line <= :done and line % 40 = 7 then 'failed' when line <= :done then 'accepted' else :rest end as state
    from generate_series(2, 389) as line) planned
"""


def campaign_in(
    engine: Engine,
    state: str,
    *,
    done: int | None = None,
    rest: str = "queued",
    team: str = "acme.billing",
    starts: dt.datetime | None = None,
    **values: Any,
) -> str:
    """The key of a campaign in ``state``; with ``done`` it has 388 messages, those up to that line handed off."""
    with engine.begin() as connection:
        feed = connection.execute(
            text(
                "select f.id, f.team_id, p.category_id, v.id as version from feed f join team t on t.id = f.team_id "
                "join template p on p.id = f.template_id join template_version v on v.template_id = p.id "
                "where t.path = :team limit 1"
            ),
            {"team": team},
        ).one()
        made = create_campaign(
            connection,
            team_id=feed.team_id,
            feed_id=feed.id,
            template_version_id=feed.version,
            category_id=feed.category_id,
            actor="user:tests",
            **{"source": "sftp", **values},
        )
        if done is not None:
            _add_messages(connection, made.id, done, rest)
        for each in WAY[state]:
            connection.execute(
                text("update campaign set state = :state where id = :id"), {"state": each, "id": made.id}
            )
        counts = {} if state == "received" else {"rows": 412} if state == "checking" else COUNTS
        connection.execute(
            text("update campaign set counts = cast(:counts as jsonb), scheduled_at = :starts where id = :id"),
            {"id": made.id, "counts": json.dumps(counts), "starts": starts},
        )
    return made.key


def _add_messages(connection: Connection, campaign: int, done: int, rest: str) -> None:
    month = month_of(dt.datetime.now(dt.UTC))
    ensure_partitions(connection, month)
    hash_type = connection.scalar(
        text(
            "select data_type from information_schema.columns where table_name = 'message' and column_name = 'address_hash'"
        )
    )
    connection.execute(
        text(MESSAGES),
        {
            "id": campaign,
            "month": month,
            "first": campaign_keys(campaign)[0],
            "done": done,
            "rest": rest,
            "phone": "sms",
            "mail": "email",
            "hash": bytes(16) if hash_type == "bytea" else "0" * 32,
        },
    )
    connection.execute(
        text(
            "update campaign set ledger_month = :month, loaded_at = now(), loaded_messages = 388, "
            "first_hand_off_at = case when :done > 1 then now() end where id = :id"
        ),
        {"month": month, "id": campaign, "done": done},
    )


def every_state(engine: Engine, address: str = "/campaigns") -> str:
    """A list with a campaign in each state."""
    now = dt.datetime.now(dt.UTC)
    campaign_in(engine, "finished", done=400)
    campaign_in(engine, "cancelled", done=120, rest="cancelled")
    campaign_in(engine, "stopped")
    campaign_in(engine, "paused", done=60)
    campaign_in(engine, "scheduled", done=1, starts=now + dt.timedelta(hours=9))
    campaign_in(engine, "awaiting_approval", done=1)
    campaign_in(engine, "sending", done=250)
    campaign_in(engine, "sending", done=30, team="acme.care", source="api")
    campaign_in(engine, "checking", source="portal")
    campaign_in(engine, "received")
    return address
