"""An organisation with feeds, and the pipeline on it: real PostgreSQL, a lake in a folder, an instance of Dagster's own."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
from sqlalchemy import Engine, text

from assets.partitions import campaigns
from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.contact_files.kept_files import incoming_path
from nightmail.intake.arrivals import Arrival, Registered, register_file
from nightmail.lake import Lake
from nightmail.organisation.stored_feeds import FeedRow, feed_by_name
from nightmail.provisioning import load_organisation, provision
from nightmail.settings import settings
from nightmail.stated_times import StatedStart
from pipelines.definitions import build_defs
from resources.carriers import CARRIERS
from resources.database import DatabaseResource
from resources.lake import LakeResource
from sensors.prepare_requests import prepare_request

TEMPLATE = """\
name: due
category: billing
default_language: en
placeholders:
  amount: {type: money, currency: EUR}
  first_name: {type: text, fallback: customer}
languages:
  en:
    sms: "Dear {{ first_name }}, {{ amount }} is due."
    email: {subject: "Due: {{ amount }}", text: "Dear {{ first_name }}, {{ amount }} is due."}
"""

ORGANISATION = """\
organisation:
  name: Acme
  path: acme
  country: GB
  time_zone: Europe/London
  teams: [{name: Billing, path: billing}]
carrier_accounts:
  - {name: sms, adapter: twilio_sms, account: AC00000000000000000000000000000000, secret: "env:RIG_TOKEN", sandbox: true}
  - {name: email, adapter: sendgrid_email, secret: "env:RIG_TOKEN", sandbox: true}
senders:
  - {team: acme, channel: sms, address: "+447700900123", carrier_account: sms}
  - {team: acme, channel: email, address: due@acme.example, carrier_account: email}
templates:
  - {team: acme.billing, file: due.yaml}
feeds:
  - team: acme.billing
    name: invoices
    template: due
    default_country: GB
    settings: {channels: [sms], approval: {first_file: false, unusual_volume: false}, reject_limit_from_rows: 4}
"""

PHONES = tuple(f"07400 1{number:05d}" for number in range(1000))
"""Valid United Kingdom mobile numbers."""


def contact_rows(count: int, start: int = 0, header: str = "external_id,phone,first_name,amount") -> str:
    """A good contact file."""
    rows = [f"C{n},{PHONES[n % 1000]},Ann{n},{n + 1}.50" for n in range(start, start + count)]
    return "\n".join((header, *rows)) + "\n"


class PipelineRig:
    """The pipeline over one empty database and folder."""

    def __init__(self, engine: Engine, url: str, folder: Path) -> None:
        self.engine, self.url, self.folder = engine, url, folder
        self.lake = Lake(str(folder / "lake"))
        (folder / "due.yaml").write_text(TEMPLATE)
        self.provision(ORGANISATION)
        self.instance = dg.DagsterInstance.ephemeral()
        self.resources = {"database": DatabaseResource(url=url), "lake": LakeResource(url=self.lake.url)}
        self.defs = build_defs(resource_overrides=self.resources)

    def provision(self, organisation: str) -> None:
        """Set the organisation up, or change it."""
        file = self.folder / "organisation.yaml"
        file.write_text(organisation)
        provision(self.engine, load_organisation(file, CARRIERS.adapters), self.folder, actor="test")

    def feed(self, name: str = "invoices", **changes: Any) -> FeedRow:
        """A feed; ``changes`` are made to its settings first."""
        with self.engine.begin() as connection:
            if changes:
                connection.execute(
                    text("update feed set settings = settings || cast(:changes as jsonb) where name = :name"),
                    {"changes": json.dumps(changes), "name": name},
                )
            return feed_by_name(connection, "acme.billing", name)

    def upload(
        self,
        content: str | bytes,
        name: str = "due.csv",
        *,
        source: str = "api",
        start: StatedStart | None = None,
        **settings_: Any,
    ) -> Registered:
        """A file comes in by the API."""
        feed = self.feed(**settings_)
        raw = content.encode() if isinstance(content, str) else content
        digest = hashlib.sha256(raw).hexdigest()
        stored = incoming_path(settings().incoming_dir, name, f"{digest[:12]}-{dt.datetime.now(dt.UTC).timestamp()}")
        stored.write_bytes(raw)
        arrival = Arrival(source=source, path=name, name=name, size=len(raw), sha256=digest, stored_path=stored)
        with self.engine.begin() as connection:
            return register_file(connection, feed, arrival, actor="test", start=start)

    def prepare(self, campaign: CampaignRow, *assets: str, job: str = "prepare") -> dg.ExecuteInProcessResult:
        """The preparing run of a campaign, or some of its assets."""
        self.instance.add_dynamic_partitions(str(campaigns.name), [campaign.key])
        return self.defs.resolve_job_def(job).execute_in_process(
            partition_key=campaign.key,
            instance=self.instance,
            raise_on_error=False,
            tags=prepare_request(campaign).tags,
            asset_selection=[dg.AssetKey(name) for name in assets] or None,
        )

    def prepared(self, content: str | bytes, name: str = "due.csv", **settings_: Any) -> CampaignRow:
        """Upload a file and prepare its campaign; gives the campaign as it is then."""
        registered = self.upload(content, name, **settings_)
        assert registered.campaign is not None
        self.prepare(registered.campaign)
        return self.campaign(registered.campaign)

    def campaign(self, campaign: CampaignRow | str) -> CampaignRow:
        """A campaign as it is now."""
        with self.engine.connect() as connection:
            return get_campaign(connection, campaign if isinstance(campaign, str) else campaign.key)

    def table(self, asset: str, campaign: CampaignRow) -> pa.Table:
        """One of a campaign's tables."""
        return self.lake.table(asset, campaign.key).read()

    def rows(self, query: str, **values: Any) -> list[Mapping[str, Any]]:
        """Rows of a query."""
        with self.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(text(query), values)]

    def change(self, query: str, **values: Any) -> None:
        """Change something in the database."""
        with self.engine.begin() as connection:
            connection.execute(text(query), values)
