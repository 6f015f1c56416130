"""What the delivery report of a large day costs: seconds, CPU-seconds and memory of the process that writes it.

``python -m benchmarks.report --messages 1000000 --json`` starts a PostgreSQL of its own, fills one campaign that was handed off within a
day, with receipts for most, and writes the day's report and its sums in a process of its own. Nothing is left behind.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import text

from benchmarks.bytes import own_database
from benchmarks.turns import add_options, in_turns, show

_CONTEXT = (
    "insert into team (path, name) values ('bench', 'Bench')",
    "insert into category (name, kind) values ('billing', 'service')",
    "insert into template (team_id, name, category_id) values (1, 't', 1)",
    "insert into template_version (template_id, version, content) values (1, 1, '{}')",
    "insert into carrier_account (name, carrier, channel) values ('twilio', 'twilio', 'sms')",
    "insert into campaign (key, token, team_id, template_version_id, category_id, source, ledger_month, state)"
    " values ('bench', 'c0123456789', 1, 1, 1, 'api', :month, 'finished')",
)
MESSAGES = """
insert into message (ledger_month, message_key, campaign_id, line, channel, step, state, due_at, contact_id, address_hash,
    country, language, time_zone, segments, cost, currency, attempts, carrier_account_id, carrier_message_id, planned_at,
    handed_off_at, changed_at, delivery, delivery_at)
select :month, (1::bigint << 38) | (n::bigint << 7), 1, n, 'sms', 0, 'accepted', at, 'C' || lpad(n::text, 8, '0'),
    decode(md5(n::text), 'hex'), (array['GB', 'DE', 'FR'])[1 + n % 3], 'en', 'Europe/London', 1, 0.04, 'EUR', 1, 1,
    'SM' || md5('sid' || n), at, at, at, (array['delivered', 'undelivered'])[1 + (n % 20 = 0)::int], at + interval '4.25 s'
from generate_series(1, :count) n cross join lateral (
    select cast(:start as timestamptz) + n * (interval '23 hours' / :count) as at) t
"""


def measure(messages: int) -> dict[str, Any]:
    """Fill a database, and have the report written by another process."""
    from nightmail.store.partitions import ensure_partitions, month_of

    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    values = {"month": month_of(start), "count": messages, "start": start}
    with own_database() as engine, tempfile.TemporaryDirectory(prefix="nightmail-bench-lake-") as lake:
        with engine.begin() as connection:
            ensure_partitions(connection, month_of(start))
            connection.execute(text("set local session_replication_role = replica"))
            for statement in (*_CONTEXT, MESSAGES):
                connection.execute(text(statement), {n: v for n, v in values.items() if f":{n}" in statement})
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("vacuum analyze"))
        url = engine.url.render_as_string(hide_password=False)
        command = [sys.executable, "-m", "benchmarks.report", "--write", url, lake, start.date().isoformat()]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _write(url: str, lake: str, day: str) -> None:
    """Write the report of a day; what it cost, printed."""
    import resource
    import time

    from sqlalchemy import create_engine

    from nightmail.lake import Lake
    from nightmail.reports.delivery_report import write_day

    engine = create_engine(url, connect_args={"options": "-c timezone=UTC"})
    begun, cpu = time.monotonic(), time.process_time()
    counts = write_day(engine, Lake(lake), date.fromisoformat(day))
    figures = {
        "rows": counts["rows"],
        "wall_s": round(time.monotonic() - begun, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(figures))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--write", nargs=3, metavar=("URL", "LAKE", "DAY"), help=argparse.SUPPRESS)
    add_options(parser)
    arguments = parser.parse_args()
    if arguments.write:
        _write(*arguments.write)
        return
    options = ["--messages", str(arguments.messages)]
    show(in_turns("report", arguments, options, lambda: measure(arguments.messages)), arguments)


if __name__ == "__main__":
    main()
