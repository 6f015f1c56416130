"""The stand-ins' memory has a bound: the newest records stay, the oldest are forgotten, and every receipt is told."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from urllib.parse import urlencode

import pytest

from sandbox.carriers import ACCOUNT_SID, API_KEY, AUTH_TOKEN, SandboxCarriers
from sandbox.http_server import HttpServer, Request, Response
from sandbox.sendgrid import mail as sendgrid_mail
from sandbox.twilio import records as twilio_records
from sandbox.webhook_client import WebhookClient


def _message(carriers: SandboxCarriers, to: str) -> str:
    import base64

    token = base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
    body = urlencode({"To": to, "From": "+447700900123", "Body": "Hello"}).encode()
    path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
    answer = carriers.handle(Request("POST", path, "", {"authorization": f"Basic {token}"}, body))
    assert answer.status == 201, answer.body
    return str(json.loads(answer.body)["sid"])


def _known(carriers: SandboxCarriers, sid: str) -> bool:
    import base64

    token = base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
    path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{sid}.json"
    return carriers.handle(Request("GET", path, "", {"authorization": f"Basic {token}"}, b"")).status == 200


def test_the_oldest_messages_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twilio_records, "RECORDS_KEPT", 3)

    async def run() -> None:
        carriers = SandboxCarriers(state_dir=tmp_path)
        await carriers.start()
        # Two messages of one recipient: forgetting the first leaves the second.
        sids = [_message(carriers, f"+4479121111{number:02d}") for number in (1, 2, 1, 3, 4)]
        assert [_known(carriers, sid) for sid in sids] == [False, False, True, True, True]
        await carriers.stop()

    asyncio.run(run())
    assert len((tmp_path / "accepted.jsonl").read_text().splitlines()) == 5, "the log has them all"


def test_the_oldest_emails_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sendgrid_mail, "RECORDS_KEPT", 2)
    headers = {"authorization": f"Bearer {API_KEY}", "content-type": "application/json"}

    async def run() -> None:
        carriers = SandboxCarriers(state_dir=tmp_path)
        await carriers.start()
        for number in range(3):
            mail = {
                "personalizations": [
                    {"to": [{"email": f"a{number}@example.com"}], "custom_args": {"message_id": f"m{number}"}}
                ],
                "from": {"email": "service@acme.example"},
                "subject": "Hello",
                "content": [{"type": "text/plain", "value": "Hello"}],
            }
            answer = carriers.handle(Request("POST", "/v3/mail/send", "", headers, json.dumps(mail).encode()))
            assert answer.status == 202, answer.body
        found = []
        for number in range(3):
            query = urlencode({"query": f"unique_args['message_id'] IN (\"m{number}\")"})
            answer = carriers.handle(Request("GET", "/v3/messages", query, headers, b""))
            found.append(len(json.loads(answer.body)["messages"]))
        assert found == [0, 1, 1]
        await carriers.stop()

    asyncio.run(run())


def test_webhooks_go_over_kept_connections_and_a_dropped_one_is_an_error() -> None:
    """An answer without a body, one with, a refusal, and a server that goes away in between."""
    asked: list[Request] = []

    def answer(request: Request) -> Response:
        asked.append(request)
        if request.path == "/drop":
            return Response(misbehave="reset")
        return Response(400 if request.path == "/bad" else 200, b"x" * 10 if request.path == "/body" else b"")

    async def run() -> None:
        server = HttpServer(answer)
        base, client = await server.start(), WebhookClient()
        headers = {"Content-Type": "text/plain"}
        assert await client.post(f"{base}/?message_id=1", b"one", headers) == (200, b"")
        assert await client.post(f"{base}/body", b"two", headers) == (200, b"x" * 10)
        assert (await client.post(f"{base}/bad", b"", headers))[0] == 400
        assert server.open_connections == 1, "one after the other, over one connection"
        with pytest.raises(OSError, match=r"closed|reset|Connection"):
            await client.post(f"{base}/drop", b"", headers)
        assert await client.post(f"{base}/again", b"", headers) == (200, b"")
        await asyncio.gather(*(client.post(f"{base}/{number}", b"", headers) for number in range(20)))
        client.close()
        await server.stop()
        with pytest.raises(OSError, match=r"refused|connect|Connect"):
            await WebhookClient().post(f"{base}/", b"", headers)

    asyncio.run(run())
    assert (asked[0].path, asked[0].query, asked[0].body) == ("/", "message_id=1", b"one")
    assert len(asked) == 25
