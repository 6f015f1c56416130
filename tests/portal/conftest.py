"""A portal on a real socket, with an organisation in a real database."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine, text

from nightmail.access.api_keys import Scope, create_key
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.creation import create_campaign
from nightmail.privacy import address_hash
from nightmail.settings import Settings
from nightmail.store.partitions import ensure_partitions, month_of
from portal.application import create_application
from portal.serving import server_configuration
from resources.carriers.twilio.signatures import signature_of

AUTH_TOKEN = "12345678901234567890123456789012"
ACCOUNT = "AC" + "0" * 32
SECRET_KEY = "a key of these tests alone"

VOICE_TEMPLATE = {
    "name": "visit",
    "category": "appointment",
    "category_kind": "service",
    "default_language": "en",
    "languages": {
        "en": {
            "sms": "Your visit is at {{ time }}.",
            "voice": {
                "say": "Your visit is at {{ time }}.",
                "repeat_key": "*",
                "question": {
                    "prompt": "Press 1 to confirm.",
                    "answers": {"1": {"means": "confirm", "say": "Thank you. See you soon."}},
                },
            },
        }
    },
}


@dataclass
class Organisation:
    """What the portal's tests have to do with: two teams under one, each with a feed."""

    engine: Engine
    teams: dict[str, int]
    feeds: dict[str, int]
    category_id: int
    version_id: int

    def key(self, *scopes: Scope, team: str = "acme.billing") -> str:
        """A new API key."""
        with self.engine.begin() as connection:
            return create_key(connection, team_id=self.teams[team], name="tests", scopes=scopes or tuple(Scope))

    def campaign(self, team: str = "acme.billing", **values: Any) -> CampaignRow:
        """A new campaign."""
        with self.engine.begin() as connection:
            return create_campaign(
                connection,
                team_id=self.teams[team],
                feed_id=self.feeds[team],
                template_version_id=self.version_id,
                category_id=self.category_id,
                actor="test",
                **{"source": "api", **values},
            )

    def message(
        self,
        campaign: CampaignRow,
        line: int = 2,
        channel: str = "sms",
        address: str = "+491701234567",
        body: str = "Your visit is at 9.",
        state: str = "accepted",
        **values: Any,
    ) -> str:
        """A message in the campaign's ledger; its id."""
        from nightmail.message_ids import MessageId

        message_id = MessageId(campaign.token, line, channel, 0)
        month = month_of(datetime.now(UTC))
        row = {
            "ledger_month": month,
            "message_key": message_id.key(campaign.id),
            "campaign_id": campaign.id,
            "line": line,
            "channel": channel,
            "step": 0,
            "state": state,
            "due_at": datetime.now(UTC),
            "contact_id": f"{line:032x}",
            "address_hash": address_hash(address, SECRET_KEY.encode()),
            "country": "DE",
            "language": "en",
            "segments": 1,
            "handed_off_at": datetime.now(UTC) if state == "accepted" else None,
            **values,
        }
        content = {"ledger_month": month, "message_key": row["message_key"], "address": address, "body": body}
        with self.engine.begin() as connection:
            ensure_partitions(connection, month)
            connection.execute(
                text(
                    "update campaign set ledger_month = :month, loaded_at = now(), "
                    "loaded_messages = coalesce(loaded_messages, 0) + 1 where id = :id"
                ),
                {"month": month, "id": campaign.id},
            )
            for table, columns in (("message", row), ("message_content", content)):
                names = ", ".join(columns)
                connection.execute(
                    text(f"insert into {table} ({names}) values ({', '.join(':' + name for name in columns)})"), columns
                )
        return str(message_id)

    def move(self, campaign: CampaignRow, *states: str) -> None:
        """Move a campaign through states."""
        with self.engine.begin() as connection:
            for state in states:
                connection.execute(
                    text("update campaign set state = :state where id = :id"), {"state": state, "id": campaign.id}
                )

    def change(self, statement: str, **values: Any) -> None:
        """Change something in the database."""
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Rows of a query."""
        with self.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(text(query), values)]


@pytest.fixture(scope="session")
def sendgrid_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def organisation(
    database: Engine, monkeypatch: pytest.MonkeyPatch, sendgrid_key: ec.EllipticCurvePrivateKey
) -> Organisation:
    public = sendgrid_key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    monkeypatch.setenv("TEST_TWILIO_TOKEN", AUTH_TOKEN)
    monkeypatch.setenv("TEST_SENDGRID_KEY", base64.b64encode(public).decode())
    teams, feeds = {}, {}
    with database.begin() as connection:
        ensure_partitions(connection, month_of(datetime.now(UTC)))

        def insert(query: str, **values: Any) -> int:
            return int(connection.execute(text(f"{query} returning id"), values).scalar_one())

        teams["acme"] = insert("insert into team (path, name) values ('acme', 'Acme')")
        for path in ("acme.billing", "acme.care"):
            teams[path] = insert(
                "insert into team (path, name, parent_id) values (:path, :name, :parent)",
                path=path,
                name=path.rpartition(".")[2].title(),
                parent=teams["acme"],
            )
        category = insert("insert into category (name, kind) values ('appointment', 'service')")
        template = insert(
            "insert into template (team_id, name, category_id) values (:team, 'visit', :category)",
            team=teams["acme"],
            category=category,
        )
        version = insert(
            "insert into template_version (template_id, version, content) values (:id, 1, cast(:content as jsonb))",
            id=template,
            content=json.dumps(VOICE_TEMPLATE),
        )
        for path in ("acme.billing", "acme.care"):
            feeds[path] = insert(
                "insert into feed (team_id, name, template_id) values (:team, 'visits', :template)",
                team=teams[path],
                template=template,
            )
        for carrier, channel, secret, webhook_secret, account, sender in (
            ("twilio", "sms", "env:TEST_TWILIO_TOKEN", None, ACCOUNT, "+15005550006"),
            ("sendgrid", "email", "env:NEVER_READ_HERE", "env:TEST_SENDGRID_KEY", "", "care@acme.example"),
        ):
            insert(
                "insert into carrier_account (name, carrier, channel, secret, webhook_secret, settings) values"
                " (:carrier, :carrier, :channel, :secret, :webhook_secret, cast(:settings as jsonb))",
                carrier=carrier,
                channel=channel,
                secret=secret,
                webhook_secret=webhook_secret,
                settings=json.dumps({"account": account, "sender": sender}),
            )
    return Organisation(database, teams, feeds, category, version)


@dataclass
class RunningPortal:
    """A portal that answers on a socket."""

    url: str
    settings: Settings
    client: httpx.Client

    def twilio(self, path: str, form: Mapping[str, str], message_id: str | None = None, **more: Any) -> httpx.Response:
        """A webhook as Twilio signs it."""
        address = f"{self.url}{path}" + (f"?message_id={message_id}" if message_id else "")
        values = {"AccountSid": ACCOUNT, **form}
        signature = more.get("signature") or signature_of(address, values, more.get("token", AUTH_TOKEN))
        return self.client.post(address, data=values, headers={"X-Twilio-Signature": signature})

    def sendgrid(self, key: ec.EllipticCurvePrivateKey, events: list[dict[str, Any]], **more: Any) -> httpx.Response:
        """A batch of events as SendGrid signs it."""
        body = json.dumps(events, indent=1).encode() + b"\r\n"
        timestamp = str(int(more.get("timestamp", datetime.now(UTC).timestamp())))
        signature = base64.b64encode(key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
        headers = {
            "X-Twilio-Email-Event-Webhook-Signature": signature,
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
            "Content-Type": "application/json",
        }
        return self.client.post("/webhooks/sendgrid/events", content=more.get("body", body), headers=headers)

    def api(self, method: str, path: str, key: str, **more: Any) -> httpx.Response:
        """A request of the API with a key."""
        headers = {"Authorization": f"Bearer {key}", **more.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **more)


PortalStarter = Callable[..., RunningPortal]


@pytest.fixture
def start_portal(organisation: Organisation, tmp_path: Path) -> Iterator[PortalStarter]:
    """Starts portals with settings of one's own."""
    running: list[tuple[uvicorn.Server, threading.Thread, httpx.Client]] = []

    def start(**changes: Any) -> RunningPortal:
        listening = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settings = Settings(
            **{"data_dir": tmp_path, "public_url": url, "secret_key": SECRET_KEY, "database_url": None, **changes}
        )
        application = create_application(settings, organisation.engine)
        server = uvicorn.Server(server_configuration(application))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        client = httpx.Client(base_url=url, timeout=30, trust_env=False)
        running.append((server, thread, client))
        while not server.started:
            thread.join(0.01)
            assert thread.is_alive(), "the portal did not start"
        return RunningPortal(url, settings, client)

    yield start
    for server, thread, client in running:
        client.close()
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def portal(start_portal: PortalStarter) -> RunningPortal:
    return start_portal()
