"""A portal on a real socket, with an organisation in a real database."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine, text

from nightmail.access.api_keys import create_key
from nightmail.access.permissions import Permission
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.creation import create_campaign
from nightmail.privacy import address_hash
from nightmail.store.partitions import ensure_partitions, month_of
from tests.support.running_portal import ACCOUNT, AUTH_TOKEN, SECRET_KEY, PortalStarter, RunningPortal, portals

__all__ = ["ACCOUNT", "AUTH_TOKEN", "SECRET_KEY", "Organisation", "PortalStarter", "RunningPortal"]

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

    def key(self, *permissions: Permission, team: str = "acme.billing") -> str:
        """A new API key."""
        with self.engine.begin() as connection:
            return create_key(
                connection, team_id=self.teams[team], name="tests", permissions=permissions or tuple(Permission)
            )

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
        for name, carrier, channel, secret, webhook_secret, account, sender in (
            ("twilio", "twilio", "sms", "env:TEST_TWILIO_TOKEN", None, ACCOUNT, "+15005550006"),
            ("calls", "twilio", "voice", "env:TEST_TWILIO_TOKEN", None, ACCOUNT, "+15005550006"),
            ("sendgrid", "sendgrid", "email", "env:NEVER_READ_HERE", "env:TEST_SENDGRID_KEY", "", "care@acme.example"),
        ):
            insert(
                "insert into carrier_account (name, carrier, channel, secret, webhook_secret, settings) values"
                " (:name, :carrier, :channel, :secret, :webhook_secret, cast(:settings as jsonb))",
                name=name,
                carrier=carrier,
                channel=channel,
                secret=secret,
                webhook_secret=webhook_secret,
                settings=json.dumps({"account": account, "sender": sender}),
            )
    return Organisation(database, teams, feeds, category, version)


@pytest.fixture
def start_portal(organisation: Organisation, tmp_path: Path) -> Iterator[PortalStarter]:
    """Starts portals with settings of one's own."""
    with portals(lambda: organisation.engine, tmp_path) as start:
        yield start


@pytest.fixture
def portal(start_portal: PortalStarter) -> RunningPortal:
    return start_portal()
