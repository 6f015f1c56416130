"""A portal on a real socket, and the webhooks that carriers post to it, signed as they sign."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine

from nightmail.settings import Settings
from portal.application import create_application
from portal.serving import server_configuration
from resources.carriers.twilio.signatures import signature_of

AUTH_TOKEN = "12345678901234567890123456789012"
ACCOUNT = "AC" + "0" * 32
SECRET_KEY = "a key of these tests alone"
STARTED: list[Settings] = []
"""The settings of the portals that were started, the last one at the end: where its files and its lake are."""


@dataclass
class RunningPortal:
    """A portal that answers on a socket."""

    url: str
    settings: Settings
    client: httpx.Client

    def twilio(self, path: str, form: Mapping[str, str], message_id: str | None = None, **more: Any) -> httpx.Response:
        """A webhook as Twilio signs it."""
        address = f"{self.url}{path}" + (f"?message_id={message_id}" if message_id else "")
        values = {"AccountSid": more.get("account", ACCOUNT), **form}
        signature = more.get("signature") or signature_of(address, values, more.get("token", AUTH_TOKEN))
        return self.client.post(address, data=values, headers={"X-Twilio-Signature": signature})

    def sendgrid(self, key: ec.EllipticCurvePrivateKey, events: Any, **more: Any) -> httpx.Response:
        """A batch of events as SendGrid signs it."""
        return self.sendgrid_body(key, json.dumps(events, indent=1).encode() + b"\r\n", **more)

    def sendgrid_body(self, key: ec.EllipticCurvePrivateKey, body: bytes, **more: Any) -> httpx.Response:
        """A body of any kind as SendGrid signs it; ``changed`` is sent in its place."""
        timestamp = str(int(more.get("timestamp", datetime.now(UTC).timestamp())))
        signature = base64.b64encode(key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
        headers = {
            "X-Twilio-Email-Event-Webhook-Signature": signature,
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
            "Content-Type": more.get("content_type", "application/json"),
        }
        return self.client.post(
            more.get("path", "/webhooks/sendgrid/events"), content=more.get("changed", body), headers=headers
        )

    def api(self, method: str, path: str, key: str, **more: Any) -> httpx.Response:
        """A request of the API with a key."""
        headers = {"Authorization": f"Bearer {key}", **more.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **more)


PortalStarter = Callable[..., RunningPortal]


@contextmanager
def portals(engine: Callable[[], Engine], folder: Path) -> Iterator[PortalStarter]:
    """Starts portals on the engine of that moment, and ends them with the block."""
    running: list[tuple[uvicorn.Server, threading.Thread, httpx.Client]] = []

    def start(**changes: Any) -> RunningPortal:
        listening = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settings = Settings(
            **{"data_dir": folder, "public_url": url, "secret_key": SECRET_KEY, "database_url": None, **changes}
        )
        application = create_application(settings, engine())
        server = uvicorn.Server(server_configuration(application, trusted_proxies=settings.trusted_proxies))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        client = httpx.Client(base_url=url, timeout=30, trust_env=False)
        running.append((server, thread, client))
        STARTED.append(settings)
        while not server.started:
            thread.join(0.01)
            assert thread.is_alive(), "the portal did not start"
        return RunningPortal(url, settings, client)

    yield start
    for server, thread, client in running:
        client.close()
        server.should_exit = True
        thread.join(20)
