"""An organisation whose carriers are the sandbox's, and campaigns with a ledger: for benchmarks and tests of sending.

It does what provisioning and preparation do, without a contact file.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine, text

from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.campaigns.creation import create_campaign
from nightmail.campaigns.start_times import CampaignTimes
from nightmail.campaigns.transitions import begin_preparing
from nightmail.carriers.protocol import Carrier
from nightmail.lake import TableFile
from nightmail.lake.schemas import AUDIENCE, MESSAGES
from nightmail.message_ids import MessageId
from nightmail.organisation.carrier_accounts import CarrierAccountRow, CarrierFactory
from nightmail.privacy import address_hash
from nightmail.sending.ledger_loading import load_ledger
from nightmail.sending.senders import DrainSummary, SenderOptions, drain
from nightmail.stated_times import StatedStart
from resources.carrier_settings import carrier_settings
from resources.carriers import CARRIERS

KEY = b"the key of benchmarks and tests"
TWILIO_SECRET, SENDGRID_SECRET, WEBHOOK_SECRET = (
    "NIGHTMAIL_RIG_TWILIO",
    "NIGHTMAIL_RIG_SENDGRID",
    "NIGHTMAIL_RIG_EVENTS",
)
_CAMPAIGNS = count(1)
ADAPTERS = {"sms": "twilio_sms", "voice": "twilio_voice", "email": "sendgrid_email"}


def sandbox_carriers(public_url: str | None) -> CarrierFactory:
    """Adapters as the product builds them, for a portal at ``public_url``."""

    def make(account: CarrierAccountRow) -> Carrier:
        return CARRIERS.build(carrier_settings(account, public_url))

    return make


def tell_secrets(told: dict[str, Any]) -> None:
    """Put what the sandbox told of its credentials where the carrier accounts look for it: the environment."""
    os.environ[TWILIO_SECRET] = told["twilio"]["auth_token"]
    os.environ[SENDGRID_SECRET] = told["sendgrid"]["api_key"]
    os.environ[WEBHOOK_SECRET] = told["sendgrid"]["webhook_public_key"]


class Organisation:
    """See the module. Its team is ``acme.billing``, with one carrier account for each of SMS, email and voice."""

    def __init__(self, engine: Engine, folder: Path | str, told: dict[str, Any], public_url: str | None = None) -> None:
        self.engine = engine
        self.public_url = public_url
        self.carriers = sandbox_carriers(public_url)
        self.folder = folder
        with engine.begin() as connection:
            self.parent_id = connection.scalar(
                text("insert into team (path, name) values ('acme', 'Acme') returning id")
            )
            self.team_id = connection.scalar(
                text("insert into team (path, name, parent_id) values ('acme.billing', 'Billing', :p) returning id"),
                {"p": self.parent_id},
            )
            self.category_id = connection.scalar(
                text("insert into category (name, kind) values ('billing', 'service') returning id")
            )
            self.template_id = connection.scalar(
                text("insert into template (team_id, name, category_id) values (:t, 'invoice', :c) returning id"),
                {"t": self.team_id, "c": self.category_id},
            )
            self.version_id = connection.scalar(
                text("insert into template_version (template_id, version, content) values (:t, 1, '{}') returning id"),
                {"t": self.template_id},
            )
            self.account_ids = {}
            for channel, adapter in ADAPTERS.items():
                carrier = adapter.partition("_")[0]
                settings: dict[str, Any] = {
                    "adapter": adapter,
                    "base_url": told["base_url"],
                    "sender": "billing@acme.example" if channel == "email" else "+15005550006",
                    "timeout_s": 1.0,
                }
                if channel == "email":
                    settings["options"] = {"activity": "on"}
                if carrier == "twilio":
                    settings["account"] = told["twilio"]["account_sid"]
                self.account_ids[channel] = connection.scalar(
                    text(
                        "insert into carrier_account (name, carrier, channel, settings, secret, webhook_secret) "
                        "values (:n, :c, :ch, cast(:s as jsonb), :secret, :events) returning id"
                    ),
                    {
                        "n": f"sandbox-{channel}",
                        "c": carrier,
                        "ch": channel,
                        "s": json.dumps(settings),
                        "secret": f"env:{TWILIO_SECRET if carrier == 'twilio' else SENDGRID_SECRET}",
                        "events": None if carrier == "twilio" else f"env:{WEBHOOK_SECRET}",
                    },
                )

    def change_account(self, channel: str, **settings: Any) -> None:
        """Change settings of the carrier account of a channel."""
        with self.engine.begin() as connection:
            connection.execute(
                text("update carrier_account set settings = settings || cast(:s as jsonb) where id = :id"),
                {"s": json.dumps(settings), "id": self.account_ids[channel]},
            )

    def received(
        self, *, scheduled_at: dt.datetime | None = None, cut_off_at: dt.datetime | None = None, **more: Any
    ) -> CampaignRow:
        """A campaign as it comes in."""
        start = None if scheduled_at is None else StatedStart(scheduled_at)
        with self.engine.begin() as connection:
            return create_campaign(
                connection,
                team_id=self.team_id,
                template_version_id=self.version_id,
                category_id=more.pop("category_id", self.category_id),
                source="command",
                actor="test",
                times=CampaignTimes(start, cut_off_at),
                **more,
            )

    def tables(
        self, campaign: CampaignRow, addresses: Sequence[str], channels: Sequence[str] = ("sms",), **more: Any
    ) -> tuple[TableFile, TableFile]:
        """Messages and audience of a campaign: one line per address, the first channel queued, the others standby."""
        rows: list[dict[str, Any]] = []
        for line, address in enumerate(addresses, start=2):
            for step, channel in enumerate(channels):
                to = f"{address.strip('+')}@mail.example" if channel == "email" and "@" not in address else address
                rows.append(
                    {
                        "message_id": str(MessageId(campaign.token, line, channel, step)),
                        "line": line,
                        "contact_id": f"contact-{address}",
                        "channel": channel,
                        "step": step,
                        "state": "queued" if step == 0 else "standby",
                        "address": to,
                        "address_hash": address_hash(to, KEY).hex(),
                        "country": "GB",
                        "language": "en",
                        "subject": "Invoice" if channel == "email" else None,
                        "body": f"Dear customer of line {line}, your invoice is due.",
                        "html": None,
                        "segments": 1,
                        **more,
                    }
                )
        folder = f"{self.folder}/{campaign.token}"
        messages, audience = TableFile(f"{folder}/messages.parquet"), TableFile(f"{folder}/audience.parquet")
        messages.write(pa.Table.from_pylist(rows, schema=MESSAGES))
        audience.write(
            pa.Table.from_pylist(
                [
                    {
                        "line": line,
                        "contact_id": f"contact-{address}",
                        "state": "planned",
                        "channel": channels[0],
                        "time_zone": "Europe/London",
                    }
                    for line, address in enumerate(addresses, start=2)
                ],
                schema=AUDIENCE,
            )
        )
        return messages, audience

    def large_tables(
        self, campaign: CampaignRow, messages: int, channel: str, body_bytes: int
    ) -> tuple[TableFile, TableFile]:
        """Messages and audience of any size, made by columns and written by blocks."""
        folder = f"{self.folder}/{campaign.token}"
        messages_file, audience_file = TableFile(f"{folder}/messages.parquet"), TableFile(f"{folder}/audience.parquet")
        filler = "All that is owed is listed here, with dates. " * (body_bytes // 45 + 1)
        with messages_file.writer(MESSAGES) as to_messages, audience_file.writer(AUDIENCE) as to_audience:
            for start in range(0, messages, 100_000):
                lines = pa.array(range(start + 2, min(start + 100_000, messages) + 2), pa.int64())
                text_lines = pc.cast(lines, pa.string())
                rows = len(lines)
                digits = pc.utf8_lpad(text_lines, 9, "0")
                if channel == "email":
                    address = pc.binary_join_element_wise("person", text_lines, "@mail.example", "")
                else:
                    address = pc.binary_join_element_wise("+447", digits, "")
                body = pc.binary_join_element_wise(
                    "Dear customer ", text_lines, f": {filler}"[: max(body_bytes - 20, 20)], ""
                )
                columns: dict[str, Any] = {
                    "message_id": pc.binary_join_element_wise(f"{campaign.token}-", text_lines, f"-{channel}-0", ""),
                    "line": lines,
                    "contact_id": pc.binary_join_element_wise("0123456789abcdef0123456", digits, ""),
                    "channel": pa.repeat(channel, rows),
                    "step": pa.repeat(pa.scalar(0, pa.int16()), rows),
                    "state": pa.repeat("queued", rows),
                    "address": address,
                    "address_hash": pc.binary_join_element_wise("fedcba9876543210fedcba9", digits, ""),
                    "country": pa.repeat("GB", rows),
                    "language": pa.repeat("en", rows),
                    "subject": pa.repeat("Your invoice", rows) if channel == "email" else pa.nulls(rows, pa.string()),
                    "body": body,
                    "html": pa.nulls(rows, pa.string()),
                    "segments": pa.repeat(pa.scalar(1, pa.int32()), rows),
                    "cost": pa.nulls(rows, MESSAGES.field("cost").type),
                    "currency": pa.nulls(rows, pa.string()),
                    "not_before": pa.nulls(rows, MESSAGES.field("not_before").type),
                }
                to_messages.write(pa.table(columns, schema=MESSAGES))
                audience = {name: pa.nulls(rows, AUDIENCE.field(name).type) for name in AUDIENCE.names}
                audience |= {
                    "line": lines,
                    "contact_id": columns["contact_id"],
                    "state": pa.repeat("planned", rows),
                    "time_zone": pa.repeat("Europe/London", rows),
                }
                to_audience.write(pa.table(audience, schema=AUDIENCE))
        return messages_file, audience_file

    def campaign(
        self,
        addresses: Sequence[str] | int,
        channels: Sequence[str] = ("sms",),
        *,
        row: dict[str, Any] | None = None,
        **more: Any,
    ) -> CampaignRow:
        """A campaign with its ledger loaded, sending unless ``scheduled_at`` says otherwise."""
        if isinstance(addresses, int):
            # The stand-ins' records outlive a test, so no two campaigns write to one number.
            place = next(_CAMPAIGNS)
            addresses = [f"+4477{place:03d}{number:05d}" for number in range(addresses)]
        campaign = self.received(**more)
        with self.engine.begin() as connection:
            campaign = begin_preparing(connection, campaign.id, "run")
        messages, audience = self.tables(campaign, addresses, channels, **(row or {}))
        load_ledger(self.engine, campaign.id, messages, audience, actor="run")
        return self.read(campaign)

    def read(self, campaign: CampaignRow) -> CampaignRow:
        """The campaign as it is now."""
        with self.engine.connect() as connection:
            return get_campaign(connection, campaign.id)

    def states(self, campaign: CampaignRow) -> dict[str, int]:
        """Messages by state."""
        return dict(Counter(row["state"] for row in self.messages(campaign)))

    def messages(self, campaign: CampaignRow) -> list[dict[str, Any]]:
        """The ledger's rows of a campaign, in order, with their message ids."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                text(
                    "select *, :token || '-' || line || '-' || channel || '-' || step as message_id "
                    "from message where campaign_id = :id order by message_key"
                ),
                {"id": campaign.id, "token": campaign.token},
            )
            return [dict(row._mapping) for row in rows]

    def drain(self, **options: Any) -> DrainSummary:
        """One sender until nothing is due."""
        values: dict[str, Any] = {"hash_key": KEY, "idle_s": 0.05, "public_url": self.public_url, **options}
        return drain(self.engine, self.carriers, SenderOptions(**values))

    def query(self, sql: str, **values: Any) -> list[Any]:
        """Rows of a query."""
        with self.engine.connect() as connection:
            return list(connection.execute(text(sql), values).all())

    def execute(self, sql: str, **values: Any) -> None:
        """Run a statement."""
        with self.engine.begin() as connection:
            connection.execute(text(sql), values)


def in_minutes(minutes: float) -> dt.datetime:
    """A moment from now."""
    return dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes)
