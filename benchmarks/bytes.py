"""What a message takes of PostgreSQL's disk, by table and index, once it was sent and its receipt came.

``python -m benchmarks.bytes --messages 100000 --json`` starts a PostgreSQL of its own, copies text messages into the ledger,
moves them on as senders do (an intent each, then the acceptance, some hundred at a time) and stores their receipts as the portal does. What
autovacuum would do meanwhile, it does after each of the three. Nothing is left behind.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, text

from benchmarks.turns import add_options, in_turns, show

BATCH = 500
CARRIER_ID = "'SM' || md5('sid' || message_key)"
_CONTEXT = (
    "insert into team (path, name) values ('bench', 'Bench')",
    "insert into category (name, kind) values ('billing', 'service')",
    "insert into template (team_id, name, category_id) values (1, 't', 1)",
    "insert into template_version (template_id, version, content) values (1, 1, '{}')",
    "insert into carrier_account (name, carrier, channel) values ('twilio', 'twilio', 'sms')",
    "insert into campaign (key, token, team_id, template_version_id, category_id, source, ledger_month, state, loaded_at)"
    " values ('bench', 'c0123456789', 1, 1, 1, 'api', :month, 'sending', now())",
)
LOAD = """
insert into message (ledger_month, message_key, campaign_id, line, channel, step, state, due_at, contact_id, address_hash,
    country, language, time_zone, segments, cost, currency)
select :month, (1::bigint << 38) | (n::bigint << 7), 1, n, 'sms', 0, 'queued', now(), 'C' || lpad(n::text, 8, '0'),
    decode(md5(n::text), 'hex'), 'GB', 'en', 'Europe/London', 1, 0.04, 'EUR'
from generate_series(1, :count) n
"""
LOAD_CONTENT = """
insert into message_content (ledger_month, message_key, address, body)
select ledger_month, message_key, '+4477009' || lpad(line::text, 5, '0'),
    'Dear customer, your invoice ' || line || ' of 23 November over 48.20 EUR is due. Pay at https://example.com/i/' || line
from message
"""
INTENT = """
update message set state = 'handing_over', reason = null, attempts = attempts + 1, sender_run_id = 1, carrier_account_id = 1,
    changed_at = now() where ledger_month = :month and message_key = any(:keys)
"""
ACCEPTANCE = f"""
update message set state = 'accepted', changed_at = now(), handed_off_at = now(), carrier_message_id = {CARRIER_ID}
where ledger_month = :month and message_key = any(:keys) and state = any(array['handing_over'])
"""
SIZES = """
select p.relname as parent, t.relname as name, t.relkind = 'i' as is_index, pg_total_relation_size(t.oid) as whole,
    pg_relation_size(t.oid) as bytes
from pg_inherits h join pg_class p on p.oid = h.inhparent join pg_class t on t.oid = h.inhrelid
where p.relkind in ('p', 'I') and pg_relation_size(t.oid) > 8192
"""


@contextmanager
def own_database() -> Iterator[Engine]:
    """A PostgreSQL that is gone afterwards, with the product's tables."""
    from commands.local import maintained
    from nightmail.store.engine import normalised_url
    from nightmail.store.local_server import LocalServer

    folder = Path(tempfile.mkdtemp(prefix="nightmail-bench-"))
    folder.chmod(0o755)
    server = LocalServer(folder / "pg")
    server.start()
    engine = create_engine(normalised_url(server.superuser_url("nightmail")))
    try:
        maintained(server).upgrade()
        yield engine
    finally:
        engine.dispose()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def measure(messages: int) -> dict[str, Any]:
    """Bytes a message, in all and by table and index."""
    from nightmail.carriers.protocol import Receipt, ReceiptStatus
    from nightmail.receipts.incoming_receipts import take_receipts
    from nightmail.store.partitions import ensure_partitions, month_of

    month = month_of(datetime.now(UTC))
    keys = [1 << 38 | line << 7 for line in range(1, messages + 1)]
    batches = [keys[at : at + BATCH] for at in range(0, messages, BATCH)]
    with own_database() as engine:
        with engine.begin() as connection:
            ensure_partitions(connection, month)
            for statement in _CONTEXT:
                connection.execute(text(statement), {"month": month} if ":month" in statement else {})
            connection.execute(text(LOAD), {"month": month, "count": messages})
            connection.execute(text(LOAD_CONTENT))
        _vacuum(engine)
        for batch in batches:
            for statement in (INTENT, ACCEPTANCE):
                with engine.begin() as connection:
                    connection.execute(text(statement), {"month": month, "keys": batch})
        _vacuum(engine)
        with engine.connect() as connection:
            rows = connection.execute(text("select message_key, carrier_message_id from message"))
            sids = {row.message_key: row.carrier_message_id for row in rows}
        for batch in batches:
            taken = [
                Receipt(
                    "twilio",
                    "sms",
                    f"{sids[key]}:delivered",
                    ReceiptStatus.DELIVERED,
                    carrier_message_id=sids[key],
                    message_id=f"c0123456789-{key >> 7 & 2**31 - 1}-sms-0",
                    accounts=frozenset({1}),
                )
                for key in batch
            ]
            take_receipts(engine, taken, hash_key=b"0" * 32)
        _vacuum(engine)
        with engine.connect() as connection:
            return _sizes(connection.execute(text(SIZES)).all(), messages)


def _sizes(rows: Any, messages: int) -> dict[str, Any]:
    tables = {row.parent: round(row.whole / messages, 1) for row in rows if not row.is_index}
    heaps = {f"{row.parent} (rows)": round(row.bytes / messages, 1) for row in rows if not row.is_index}
    indexes = {row.parent: round(row.bytes / messages, 1) for row in rows if row.is_index}
    return {"bytes_a_message": round(sum(tables.values()), 1), "tables": tables, "parts": {**heaps, **indexes}}


def _vacuum(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze message"))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--messages", type=int, default=100_000)
    add_options(parser)
    arguments = parser.parse_args()
    options = ["--messages", str(arguments.messages)]
    show(in_turns("bytes", arguments, options, lambda: measure(arguments.messages)), arguments)


if __name__ == "__main__":
    main()
