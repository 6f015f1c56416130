"""Campaigns of every state in the tests' organisation, with messages, for the pages that show them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.alerts import raise_alert
from nightmail.campaigns.creation import create_campaign
from nightmail.lake import Lake
from nightmail.lake.schemas import AUDIENCE, AUDIENCE_DECISIONS, REJECTS
from nightmail.message_ids import campaign_keys
from nightmail.preparation.stage_tables import StageTables
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
    case when state = 'accepted' then now() - interval '2 minutes' end,
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


def sending(engine: Engine, ending: str = "") -> str:
    """A campaign that is being sent, with a message in doubt."""
    key = campaign_in(engine, "sending", done=250)
    with engine.begin() as connection:
        connection.execute(text("update message set state = 'handing_over' where line = 380"))
        connection.execute(text("update message set state = 'in_doubt' where line = 380"))
    return f"/campaigns/{key}{ending}"


def finished(engine: Engine, ending: str = "") -> str:
    """A campaign that is over."""
    return f"/campaigns/{campaign_in(engine, 'finished', done=400)}{ending}"


def stopped(engine: Engine) -> str:
    """A campaign that a check stopped."""
    key = campaign_in(engine, "stopped")
    problem = {"reason": "too_many_rejects", "message": "40 of 412 rows cannot be used.", "remedy": "Correct the file."}
    with engine.begin() as connection:
        connection.execute(
            text("update campaign set problem = cast(:problem as jsonb)"), {"problem": json.dumps(problem)}
        )
    return f"/campaigns/{key}"


def received(engine: Engine) -> str:
    """A campaign of which nothing is known yet."""
    return f"/campaigns/{campaign_in(engine, 'received')}"


def with_rows(ending: str, engine: Engine, lake: str) -> str:
    """A finished campaign with its rejected and duplicate rows, and its audience, in the lake."""
    key = campaign_in(engine, "finished", done=400)
    write_rows(lake, key)
    return f"/campaigns/{key}{ending}"


def with_decisions(engine: Engine, lake: str) -> str:
    """What was decided about one contact: by a record, by a rule, and by nothing."""
    key = campaign_in(engine, "finished", done=400)
    write_rows(lake, key)
    looked = ["row", "preference", "template", "served_countries", "acme/countries/0", "suppression", "consent"]
    rules = {
        "teams": [
            {
                "team": "acme",
                "version": "0a1b2c3d4e5f",
                "rules": {"countries": [{"deny": ["DE"], "channels": ["voice"]}]},
            }
        ],
        "looked_at": dict.fromkeys(("sms", "voice", "email"), looked),
    }
    decided = {
        "line": 4,
        "channels": ["sms", "voice", "email"],
        "verdicts": ["suppressed", "country_denied", None],
        "decided_by": ["suppression", "acme/countries/0", None],
        "records": [4711, None, None],
        "consents": [None, None, 815],
        "preferences": [23],
        "rules": "acme@0a1b2c3d4e5f",
    }
    with StageTables.of_campaign(Lake(lake), key).audience_decisions.writer(AUDIENCE_DECISIONS) as log:
        log.set_metadata("rules", json.dumps(rules))
        log.write(pa.Table.from_pylist([decided], AUDIENCE_DECISIONS))
    return f"/campaigns/{key}/contacts/4"


def write_rows(lake: str, key: str, rejects: int = 5) -> None:
    """The tables of a campaign's preparation: every third reject is one of an email address."""
    tables = StageTables.of_campaign(Lake(lake), key)
    lines = range(2, 414)
    columns = {"external_id": [f"c{line}" for line in lines], "phone": ["12345"] * 412, "email": ["x@"] * 412}
    tables.contact_file.write(pa.table({"line": pa.array(lines, pa.int64()), **columns}))
    faults = [
        {
            "line": 390 + number,
            "column": "email" if number % 3 == 2 else "phone",
            "value": "ada.example.org" if number % 3 == 2 else "12345",
            "reason": "email_invalid" if number % 3 == 2 else "phone_invalid",
            "message": "ada.example.org is no email address."
            if number % 3 == 2
            else "12345 is not a valid phone number.",
            "duplicate_of": None,
        }
        for number in range(rejects)
    ]
    same = {"column": None, "value": None, "reason": "duplicate_external_id", "message": "The same as line 2."}
    faults.append({"line": 391 + rejects, "duplicate_of": 2, **same})
    tables.rejects.write(pa.Table.from_pylist(faults, REJECTS))
    audience = [
        {
            "line": line,
            "contact_id": f"{line:032x}",
            "state": "held" if line % 40 == 3 else "planned",
            "channel": None if line % 40 == 3 else "sms",
            "fallbacks": ["email"] if line % 10 == 4 else [],
            "reason": "opted_out" if line % 40 == 3 else None,
            "country": "DE",
            "language": "en",
        }
        for line in range(2, 390)
    ]
    tables.audience.write(pa.Table.from_pylist(audience, AUDIENCE))


def attempted(engine: Engine) -> str:
    """A campaign of which a carrier refused some and put some off."""
    key = campaign_in(engine, "sending", done=250)
    with engine.begin() as connection:
        account = connection.scalar(text("select min(id) from carrier_account"))
        connection.execute(
            text(
                "insert into attempt (ledger_month, message_key, number, sender_run_id, carrier_account_id, outcome, error_code, "
                "error_class) select ledger_month, message_key, 1, 1, :account, case when line % 2 = 0 then 'rejected' else "
                "'retry_later' end, case when line % 2 = 0 then '21211' else '20429' end, 'permanent_address' from message "
                "where state = 'failed' or line % 50 = 0"
            ),
            {"account": account},
        )
    return f"/campaigns/{key}/attempts"


def with_file(engine: Engine) -> str:
    """A campaign of two files, and how they were read."""
    key = campaign_in(engine, "finished", done=400)
    read_as = {
        "format": "csv",
        "encoding": "utf-8",
        "encoding_because": "every byte fits",
        "delimiter": ";",
        "noticed": [],
    }
    with engine.begin() as connection:
        row = connection.execute(
            text("update campaign set counts = counts || cast(:more as jsonb) where key = :key returning id, team_id"),
            {"key": key, "more": json.dumps({"read_as": read_as})},
        ).one()
        for name in ("visits-2026-11-30.csv", "visits-2026-11-30-part-2.csv"):
            connection.execute(
                text(
                    "insert into received_file (team_id, campaign_id, source, path, name, size, sha256, state, answered_at) "
                    "values (:team, :id, 'api', :name, :name, 48123, repeat('ab12', 16), 'judged', now())"
                ),
                {"team": row.team_id, "id": row.id, "name": name},
            )
    return f"/campaigns/{key}/files"


def paused(engine: Engine) -> str:
    """The question before a paused campaign goes on."""
    return f"/campaigns/{campaign_in(engine, 'paused', done=60)}/resume"


def scheduled(engine: Engine) -> str:
    """The form with another start."""
    starts = dt.datetime.now(dt.UTC) + dt.timedelta(hours=9)
    return f"/campaigns/{campaign_in(engine, 'scheduled', done=1, starts=starts)}/schedule"


def busy(engine: Engine, lake: str) -> str:
    """Home on a night on which much goes on, and some of it wrong."""
    today = dt.datetime.now(dt.UTC).date()
    with engine.begin() as connection:
        for back in range(7, 0, -1):
            seed_day(connection, today - dt.timedelta(days=back - 1), 900 + 130 * ((back * 5) % 7))
        connection.execute(
            text(
                'insert into suspension (channel, reason, "by") '
                "select channel, 'The carrier refuses our password.', 'senders' from carrier_account where name = 'calls'"
            )
        )
        raise_alert(
            connection,
            reason="sensor_failing",
            subject="sensor:files",
            message="The sensor of files failed five times.",
        )
    every_state(engine)
    return "/"


def seed_day(connection: Connection, day: dt.date, rows: int) -> None:
    """The sums of a day's delivery report, for every feed."""
    connection.execute(
        text("insert into report_day (day, written_at, rows) values (:day, now(), :rows)"), {"day": day, "rows": rows}
    )
    for outcome, share in (("delivered", 90), ("under_way", 2), ("undelivered", 4), ("failed", 1), ("held", 3)):
        connection.execute(
            text(
                "insert into report_by_feed (day, team_id, feed_id, outcome, rows, messages, segments, opened, clicked, answered, "
                "timed, within_10s, within_1min, within_10min, within_1h) "
                "select :day, team_id, id, :outcome, :rows, :rows, :rows, 0, 0, 0, 0, 0, 0, 0, 0 from feed"
            ),
            {"day": day, "outcome": outcome, "rows": rows * share // 100},
        )
    connection.execute(
        text(
            "insert into report_count (day, team_id, feed_id, what, number) select :day, team_id, id, 'replies', 12 from feed"
        ),
        {"day": day},
    )
