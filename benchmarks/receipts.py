"""How many receipts the portal takes: signed webhooks over real sockets, each answered after its commit.

``python -m benchmarks.receipts --receipts 20000 --json`` starts a PostgreSQL and a portal of its own, loads a campaign's
ledger, posts Twilio's status callbacks over keep-alive connections, then SendGrid's batches, and prints receipts per second
and per CPU-second of the portal's process, and PostgreSQL's CPU-seconds. ``--before CHECKOUT --rounds 3`` measures another
checkout in turns (:mod:`benchmarks.turns`). Nothing is left behind.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil

from benchmarks.turns import add_options, in_turns, show

CONNECTIONS = 64
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
ACCOUNT = "AC" + "0" * 32
EVENTS_PER_BATCH = 500


def _load(url: str, receipts: int) -> str:
    """A campaign with so many accepted messages; its token."""
    from sqlalchemy import create_engine, text

    from nightmail.store.engine import normalised_url
    from nightmail.store.partitions import ensure_partitions, month_of

    engine = create_engine(normalised_url(url))
    month = month_of(datetime.now(UTC))
    with engine.begin() as connection:
        ensure_partitions(connection, month)
        for statement in (
            "insert into team (path, name) values ('bench', 'Bench')",
            "insert into category (name, kind) values ('billing', 'service')",
            "insert into template (team_id, name, category_id) values (1, 't', 1)",
            "insert into template_version (template_id, version, content) values (1, 1, '{}')",
            "insert into campaign (key, token, team_id, template_version_id, category_id, source, ledger_month, state)"
            " values ('bench', 'c0123456789', 1, 1, 1, 'api', :month, 'sending')",
            "insert into carrier_account (name, carrier, channel, secret, settings) values"
            " ('twilio', 'twilio', 'sms', 'env:BENCH_TWILIO', jsonb_build_object('account', cast(:account as text)))",
            "insert into carrier_account (name, carrier, channel, webhook_secret) values"
            " ('sendgrid', 'sendgrid', 'email', 'env:BENCH_SENDGRID')",
        ):
            connection.execute(text(statement), {"month": month, "account": ACCOUNT})
        for channel, code in (("sms", 0), ("email", 1)):
            connection.execute(
                text(
                    "insert into message (ledger_month, message_key, campaign_id, line, channel, step, state, due_at,"
                    " contact_id, address_hash, segments, handed_off_at)"
                    " select :month, (1::bigint << 38) | (n::bigint << 7) | (:code << 4), 1, n, :channel, 0, 'accepted',"
                    " now(), md5(n::text), decode(md5(n::text), 'hex'), 1, now() from generate_series(1, :count) n"
                ),
                {"month": month, "code": code, "channel": channel, "count": receipts},
            )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("analyze"))
    engine.dispose()
    return "c0123456789"


def _requests(base: str, port: int, token: str, receipts: int) -> list[bytes]:
    from resources.carriers.twilio.signatures import signature_of

    made = []
    for line in range(1, receipts + 1):
        path = f"/webhooks/twilio/message-status?message_id={token}-{line}-sms-0"
        form = {
            "AccountSid": ACCOUNT,
            "ApiVersion": "2010-04-01",
            "From": "+15005550006",
            "MessageSid": f"SM{line:032x}",
            "MessageStatus": "delivered",
            "SmsSid": f"SM{line:032x}",
            "SmsStatus": "delivered",
            "To": f"+4917{line:09d}",
        }
        body = urlencode(form).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"X-Twilio-Signature: {signature_of(base + path, form, AUTH_TOKEN)}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


def _batches(key: Any, port: int, token: str, receipts: int) -> list[bytes]:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    made, now = [], int(time.time())
    for start in range(1, receipts + 1, EVENTS_PER_BATCH):
        events = [
            {
                "email": f"a{line}@example.com",
                "timestamp": now,
                "event": "delivered",
                "sg_event_id": f"event-{line}",
                "sg_message_id": f"mail-{line}.recvd-1",
                "response": "250 OK",
                "message_id": f"{token}-{line}-email-0",
            }
            for line in range(start, min(start + EVENTS_PER_BATCH, receipts + 1))
        ]
        body, timestamp = json.dumps(events).encode(), str(now)
        signature = base64.b64encode(key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
        head = (
            f"POST /webhooks/sendgrid/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"X-Twilio-Email-Event-Webhook-Signature: {signature}\r\n"
            f"X-Twilio-Email-Event-Webhook-Timestamp: {timestamp}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


async def _post(port: int, requests: list[bytes], connections: int) -> float:
    """Post all over so many connections; the seconds taken. Every answer must be 204."""
    waiting = iter(requests)

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 204"):
                raise RuntimeError(answer.decode("latin-1"))
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(connections)))
    return time.perf_counter() - begun


def measure(receipts: int) -> dict[str, Any]:
    """Start everything, post, stop everything; the figures."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    from commands.local import maintained
    from nightmail.store.local_server import LocalServer

    folder = Path(tempfile.mkdtemp(prefix="nightmail-bench-receipts-"))
    folder.chmod(0o755)
    server = LocalServer(folder / "pg")
    server.start()
    maintained(server).upgrade()
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = int(found.getsockname()[1])
    base = f"http://127.0.0.1:{port}"
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    portal = None
    try:
        token = _load(server.url(), receipts)
        environment = {
            **os.environ,
            "NIGHTMAIL_DATA_DIR": str(folder),
            "NIGHTMAIL_DATABASE_URL": server.url(),
            "NIGHTMAIL_PUBLIC_URL": base,
            "NIGHTMAIL_SECRET_KEY": "a key of benchmarks that is long enough",
            "BENCH_TWILIO": AUTH_TOKEN,
            "BENCH_SENDGRID": base64.b64encode(public).decode(),
        }
        portal = subprocess.Popen(
            [sys.executable, "-m", "portal", "--port", str(port)],
            env=environment,
        )
        _wait_for(port)
        process = psutil.Process(portal.pid)
        figures: dict[str, Any] = {"receipts": receipts}
        for name, requests, connections, events in (
            ("twilio", _requests(base, port, token, receipts), CONNECTIONS, 1),
            ("sendgrid", _batches(key, port, token, receipts), 4, EVENTS_PER_BATCH),
        ):
            before, stored_before = _cpu_s([process]), _cpu_s(_postgres(server))
            seconds = asyncio.run(_post(port, requests, connections))
            spent, stored = _cpu_s([process]) - before, _cpu_s(_postgres(server)) - stored_before
            figures[name] = {
                "requests": len(requests),
                "receipts_per_s": round(receipts / seconds),
                "receipts_per_cpu_s": round(receipts / spent),
                "portal_cpu_s_per_1000": round(1000 * spent / receipts, 4),
                "postgres_cpu_s_per_1000": round(1000 * stored / receipts, 4),
                "receipts_per_request": events,
            }
        figures["portal_peak_rss_mb"] = round(process.memory_info().rss / 2**20)
        figures["stored"] = _stored(server.url())
        return figures
    finally:
        if portal is not None:
            portal.terminate()
            portal.wait(20)
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _postgres(server: Any) -> list[psutil.Process]:
    first = (Path(server.folder) / "postmaster.pid").read_text(encoding="utf-8").split()[0]
    postmaster = psutil.Process(int(first))
    return [postmaster, *postmaster.children(recursive=True)]


def _cpu_s(processes: list[psutil.Process]) -> float:
    """The CPU-seconds of processes, with those of their children that have ended."""
    spent = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            spent += sum(process.cpu_times()[:4])
    return spent


def _wait_for(port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the portal did not start")


def _stored(url: str) -> int:
    from sqlalchemy import create_engine, text

    from nightmail.store.engine import normalised_url

    engine = create_engine(normalised_url(url))
    with engine.connect() as connection:
        found = connection.scalar(text("select count(*) from message where delivery = 'delivered'"))
    engine.dispose()
    return int(found or 0)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--receipts", type=int, default=20_000)
    add_options(parser)
    arguments = parser.parse_args()
    options = ["--receipts", str(arguments.receipts)]
    show(in_turns("receipts", arguments, options, lambda: measure(arguments.receipts)), arguments)


if __name__ == "__main__":
    main()
