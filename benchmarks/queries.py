"""What the queries of pages, API and sensors read for what they return, beside a large ledger.

``python -m benchmarks.queries --messages 1000000 --json`` starts a PostgreSQL of its own, fills a ledger, takes every query of the rooms'
``queries`` modules whose parameters :func:`values_of` knows, runs each several times with its plan, and prints
``{NAME: {"p95_ms", "rows_read", "rows"}}``; what has parameters of another kind is listed under ``not_run``. Nothing is left behind.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from benchmarks.bytes import own_database
from benchmarks.portal_ledger import make_ledger
from benchmarks.turns import add_options, in_turns, show

RUNS = 7
_CHANGES = re.compile(
    r"\b(insert into|update [a-z_]+ |delete from|for update|for share|nextval|pg_advisory)", re.IGNORECASE
)
_READS = re.compile(r"\s*(?:--[^\n]*\n\s*)*(select|with)\b", re.IGNORECASE)


def values_of(connection: Connection) -> dict[str, Any]:
    """Values for parameters by their names: of the largest campaign, one of its messages, the topmost team, the last days."""
    largest = connection.execute(
        text(
            "select campaign_id as id, sum(messages) as messages from campaign_tally group by campaign_id"
            " order by messages desc, id limit 1"
        )
    ).one()
    campaign = connection.execute(
        text("select id, key, token, ledger_month, feed_id, loaded_at from campaign where id = :id"), {"id": largest.id}
    ).one()
    message = connection.execute(
        text("select message_key, address_hash, contact_id from message where campaign_id = :id and line = 12"),
        {"id": campaign.id},
    ).one()
    day, key = campaign.loaded_at.date(), message.message_key
    return {
        "campaign": campaign.id,
        "campaign_id": campaign.id,
        "ids": [campaign.id],
        "campaigns": [campaign.id],
        "month": campaign.ledger_month,
        "months": [campaign.ledger_month],
        "first_month": campaign.ledger_month,
        "first": campaign.id << 38,
        "last": (campaign.id + 1 << 38) - 1,
        "after": -1,
        "before": (1 << 62),
        "key": key,
        "keys": [key],
        "token": campaign.token,
        "tokens": [campaign.token],
        "hash": message.address_hash,
        "addresses": [message.address_hash],
        "contact": message.contact_id,
        "contacts": [message.contact_id],
        "state": None,
        "delivery": "undelivered",
        "limit": 100,
        "window": 1_000,
        "teams": ["acme"],
        "paths": ["acme"],
        "start": dt.datetime.combine(day, dt.time(), dt.UTC),
        "end": dt.datetime.combine(day, dt.time(23), dt.UTC),
        "since": dt.datetime.combine(day, dt.time(), dt.UTC),
        "day": day,
        "days": 14,
        "feed": None,
        "team": None,
        "ends": ["delivered", "undelivered"],
        "loaded": [campaign.id],
        "sending": [campaign.id],
        "seconds": 60,
        "most": 1_000,
        "channel": "sms",
        "accounts": None,
        "reason": None,
        "country": None,
        "deliveries": None,
        "no_delivery": False,
        "until": None,
        "alert_teams": ["acme"],
        "doubt_teams": ["acme"],
        "reply_teams": ["acme"],
    }


def queries() -> Iterator[tuple[str, str]]:
    """Every reading statement of the rooms' modules of queries, by its module's and its own name."""
    root = Path(__file__).resolve().parents[1]
    for path in sorted((root / "nightmail").rglob("*queries.py")):
        name = ".".join(path.relative_to(root).with_suffix("").parts)
        for constant, value in vars(importlib.import_module(name)).items():
            if constant.isupper() and not constant.startswith("_") and isinstance(value, str) and _is_run(value):
                yield f"{name.removeprefix('nightmail.')}.{constant}", value


def _is_run(value: str) -> bool:
    """Whether a text is a statement that only reads and has the parameters of SQLAlchemy."""
    return bool(_READS.match(value)) and not _CHANGES.search(value) and "%(" not in value and "{" not in value


def measure(messages: int) -> dict[str, Any]:
    """Fill a ledger; each query's time, and the rows that its plan read and returned."""
    found: dict[str, Any] = {}
    not_run: list[str] = []
    with own_database() as engine:
        make_ledger(engine, messages, b"a key of benchmarks that is long enough")
        with engine.connect() as connection:
            known = values_of(connection)
            connection.rollback()
            for name, statement in queries():
                wanted = set(text(statement).compile().params)
                if not wanted <= known.keys():
                    not_run.append(name)
                    continue
                try:
                    found[name] = _run(connection, statement, {each: known[each] for each in wanted})
                except DBAPIError:
                    not_run.append(name)  # a name that another query gives another type
                connection.rollback()
    return {**found, "not_run": sorted(not_run)}


def _run(connection: Connection, statement: str, values: Mapping[str, Any]) -> dict[str, Any]:
    times, plan = [], {}
    for _ in range(RUNS):
        connection.execute(text("set local statement_timeout = '30s'"))
        (explained,) = connection.scalars(text(f"explain (analyze, format json) {statement}"), dict(values)).one()
        plan = explained["Plan"]
        times.append(float(explained["Execution Time"]))
    return {"p95_ms": round(sorted(times)[-1], 2), "rows_read": _read(plan), "rows": plan["Actual Rows"]}


def _read(plan: Mapping[str, Any]) -> int:
    """The rows that the plan's scans looked at, those that a filter dropped as well."""
    rows = 0
    if "Relation Name" in plan:
        dropped = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        rows = round((plan["Actual Rows"] + dropped) * plan["Actual Loops"])
    return rows + sum(_read(part) for part in plan.get("Plans", ()))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--messages", type=int, default=1_000_000)
    add_options(parser)
    arguments = parser.parse_args()
    options = ["--messages", str(arguments.messages)]
    show(in_turns("queries", arguments, options, lambda: measure(arguments.messages)), arguments)


if __name__ == "__main__":
    main()
