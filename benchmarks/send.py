"""How fast messages are handed off: ledger, pace and real SDKs against a server that always answers the same.

``python -m benchmarks.send --channel sms --messages 20000 --json``

Senders, PostgreSQL and the fixed-answer server run on this machine, over loopback. In the same run, for comparison:
the *floor* (the same requests on one bare keep-alive ``http.client`` connection per sender, nothing stored) and the
*stock SDK* (the carrier's SDK as it comes out of the box, nothing stored). Figures are medians of ``--rounds``.
CPU seconds are user and system time: ``client`` of the senders, ``server`` of the fixed-answer server, ``database`` of
PostgreSQL. An email's unit is a recipient.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psutil
from sqlalchemy import create_engine

from commands.local import maintained
from nightmail.campaigns.transitions import begin_preparing
from nightmail.sending.ledger_loading import load_ledger
from nightmail.store.engine import normalised_url
from nightmail.store.local_server import LocalServer
from tests.support.sender_processes import context
from tests.support.sending_rig import KEY, Organisation, sandbox_carriers, tell_secrets

ROOT = Path(__file__).resolve().parent.parent
EMAIL_BATCH = 1000
BODY_BYTES = {"sms": 120, "email": 2048, "voice": 160}
PUBLIC_URL = "https://notify.example"


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measured(work: Callable[..., Any], arguments: tuple[Any, ...], told: Any) -> None:
    """Do ``work`` in this process and tell its CPU seconds, peak memory in MB and result."""
    before = _spent()
    result = work(*arguments)
    told.put((_spent() - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, result))


def send(database_url: str) -> int:
    """One sender; gives how many it handed off."""
    from nightmail.sending.senders import SenderOptions, drain

    engine = create_engine(normalised_url(database_url))
    options = SenderOptions(hash_key=KEY, public_url=PUBLIC_URL, idle_s=0.05)
    return drain(engine, sandbox_carriers(PUBLIC_URL), options).handed_off


def bare_requests(channel: str, base_url: str, path: str, headers: dict[str, str], count: int) -> int:
    """The floor: ``count`` messages on one keep-alive connection, nothing stored."""
    parts = urlsplit(base_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80)
    body = "x" * BODY_BYTES[channel]
    for start in range(0, count, EMAIL_BATCH if channel == "email" else 1):
        connection.request("POST", path, body_of(channel, body, start, min(EMAIL_BATCH, count - start)), headers)
        connection.getresponse().read()
    connection.close()
    return count


def body_of(channel: str, body: str, start: int, many: int) -> str:
    """One request's body as the SDKs would write it."""
    if channel == "email":
        return json.dumps(
            {
                "from": {"email": "billing@acme.example"},
                "subject": "Your invoice",
                "content": [{"type": "text/plain", "value": "-body-"}],
                "personalizations": [
                    {
                        "to": [{"email": f"person{start + place}@mail.example"}],
                        "substitutions": {"-body-": body},
                        "custom_args": {"nightmail_message_id": f"c0123456789-{start + place}-email-0"},
                    }
                    for place in range(many)
                ],
            }
        )
    callback = f"{PUBLIC_URL}/webhooks/twilio/message-status?message_id=c0123456789-{start}-{channel}-0"
    text = {"Body": body} if channel == "sms" else {"Twiml": f"<Response><Say>{body}</Say></Response>"}
    return urlencode({"To": f"+447{start:09d}", "From": "+15005550006", "StatusCallback": callback, **text})


def stock_sdk(channel: str, told: dict[str, Any], count: int) -> int:
    """The SDK with its own defaults, pointed at the server."""
    body = "x" * BODY_BYTES[channel]
    if channel == "email":
        from sendgrid import SendGridAPIClient

        client = SendGridAPIClient(told["sendgrid"]["api_key"], host=told["base_url"])
        for start in range(0, count, EMAIL_BATCH):
            client.send(json.loads(body_of(channel, body, start, min(EMAIL_BATCH, count - start))))
        return count
    from twilio.http.http_client import TwilioHttpClient
    from twilio.rest import Client

    class Redirected(TwilioHttpClient):  # type: ignore[misc]
        """Only the host differs from what comes out of the box."""

        def request(self, method: str, url: str, *arguments: Any, **named: Any) -> Any:
            parts = urlsplit(url)
            return super().request(method, f"{told['base_url']}{parts.path}", *arguments, **named)

    twilio = Client(told["twilio"]["account_sid"], told["twilio"]["auth_token"], http_client=Redirected())
    for number in range(count):
        to, callback = f"+447{number:09d}", f"{PUBLIC_URL}/webhooks/twilio/message-status?message_id={number}"
        if channel == "sms":
            twilio.messages.create(to=to, from_="+15005550006", body=body, status_callback=callback)
        else:
            twilio.calls.create(to=to, from_="+15005550006", twiml=f"<Response><Say>{body}</Say></Response>")
    return count


def in_processes(work: Callable[..., Any], arguments: list[tuple[Any, ...]]) -> tuple[float, float, float, int]:
    """Run ``work`` once per entry, at once; gives wall seconds, CPU seconds, peak MB of one and the sum of results."""
    made = context()
    told = made.Queue()
    processes = [made.Process(target=measured, args=(work, each, told)) for each in arguments]
    began = time.perf_counter()
    for process in processes:
        process.start()
    answers = [told.get() for _ in processes]
    wall = time.perf_counter() - began
    for process in processes:
        process.join()
    return wall, sum(a[0] for a in answers), max(a[1] for a in answers), sum(int(a[2]) for a in answers)


def _cpu_of(process: psutil.Process) -> float:
    total = 0.0
    for each in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def benchmark(channel: str, messages: int, senders: int, rounds: int) -> dict[str, Any]:
    """The figures of one channel."""
    folder = Path(tempfile.mkdtemp(prefix="nightmail-send-"))
    folder.chmod(0o755)
    server = LocalServer(folder / "pg")
    server.start()
    sandbox = subprocess.Popen(
        [sys.executable, "-m", "sandbox.carriers", "--state-dir", str(folder / "sandbox"), "--fixed-answers"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert sandbox.stdout is not None
        told = json.loads(sandbox.stdout.readline())
        tell_secrets(told)
        engine = create_engine(normalised_url(server.url()))
        maintained(server).upgrade()
        organisation = Organisation(engine, folder / "lake", told, PUBLIC_URL)
        database = psutil.Process(int((folder / "pg" / "postmaster.pid").read_text().split()[0]))
        stand_in = psutil.Process(sandbox.pid)
        ours: list[dict[str, float]] = []
        for _ in range(rounds):
            campaign = organisation.received()
            with engine.begin() as connection:
                campaign = begin_preparing(connection, campaign.id, "benchmark")
            tables = organisation.large_tables(campaign, messages, channel, BODY_BYTES[channel])
            before = _spent()
            load_ledger(engine, campaign.id, *tables, actor="benchmark")
            load_cpu = _spent() - before
            database_before, server_before = _cpu_of(database), _cpu_of(stand_in)
            wall, cpu, peak, done = in_processes(send, [(server.url(),)] * senders)
            if done != messages:
                raise RuntimeError(f"{done} of {messages} messages were handed off")
            ours.append(
                {
                    "messages_per_s": messages / wall,
                    "client_cpu_s_per_1000": cpu / messages * 1000,
                    "server_cpu_s_per_1000": (_cpu_of(stand_in) - server_before) / messages * 1000,
                    "database_cpu_s_per_1000": (_cpu_of(database) - database_before) / messages * 1000,
                    "peak_rss_mb": peak,
                    "load_client_cpu_s_per_1000000": load_cpu / messages * 1_000_000,
                }
            )
        path, headers = _request_of(channel, told)
        each = messages // senders
        floor = [
            _figures(
                each * senders,
                *in_processes(bare_requests, [(channel, told["base_url"], path, headers, each)] * senders),
            )
            for _ in range(rounds)
        ]
        few = max(EMAIL_BATCH * 2, messages // 10) if channel == "email" else max(100, messages // 20)
        stock = [_figures(few, *in_processes(stock_sdk, [(channel, told, few)])) for _ in range(rounds)]
        engine.dispose()
    finally:
        sandbox.terminate()
        sandbox.wait(timeout=30)
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "channel": channel,
        "messages": messages,
        "senders": senders,
        "rounds": rounds,
        "cores": os.cpu_count(),
        **_medians(ours),
        "floor": _medians(floor),
        "stock_sdk": _medians(stock),
    }


def _request_of(channel: str, told: dict[str, Any]) -> tuple[str, dict[str, str]]:
    if channel == "email":
        return "/v3/mail/send", {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {told['sendgrid']['api_key']}",
        }
    from base64 import b64encode

    account, token = told["twilio"]["account_sid"], told["twilio"]["auth_token"]
    kind = "Messages" if channel == "sms" else "Calls"
    return f"/2010-04-01/Accounts/{account}/{kind}.json", {
        "Content-Type": "application/x-www-form-urlencoded",
        "Authorization": f"Basic {b64encode(f'{account}:{token}'.encode()).decode()}",
    }


def _figures(messages: int, wall: float, cpu: float, peak: float, _: int) -> dict[str, float]:
    return {"messages_per_s": messages / wall, "client_cpu_s_per_1000": cpu / messages * 1000, "peak_rss_mb": peak}


def _medians(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(row[name] for row in rows), 4) for name in rows[0]}


def main() -> None:
    """The command ``python -m benchmarks.send``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.send", description=str(__doc__).split("\n\n")[0])
    parser.add_argument("--channel", choices=("sms", "email", "voice"), default="sms")
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--senders", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = benchmark(arguments.channel, arguments.messages, arguments.senders, arguments.rounds)
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:32} {value}")


if __name__ == "__main__":
    main()
