"""Two organisations side by side: numbers of their own and shared ones, with what each of them sent to one person.

=================  =====================  ================================================
number             carrier account        who sends from it
=================  =====================  ================================================
BILLING            acme's                 acme.billing
MARKETING          acme's                 acme.marketing
SHARED             the provider's, of all acme.care and globex.support, each as its sender
DEFAULT            the provider's, of all acme.field, which has no sender of its own
GLOBEX             globex's               globex.news (a sender of globex, for all below it)
=================  =====================  ================================================
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
from typing import Any

import pytest
from sqlalchemy import Engine, text

from nightmail.access.api_keys import create_key
from nightmail.access.permissions import Permission
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.creation import create_campaign
from nightmail.message_ids import MessageId
from nightmail.privacy import address_hash
from nightmail.store.partitions import ensure_partitions, month_of
from tests.support.running_portal import SECRET_KEY

BILLING, MARKETING, SHARED, DEFAULT, GLOBEX = (
    "+15005550001",
    "+15005550002",
    "+15005550003",
    "+15005550004",
    "+15005550005",
)
MAILBOX = "care@acme.example"
PERSON = "+491701234567"
ACCOUNTS = {"acme": "AC" + "a" * 32, "globex": "AC" + "b" * 32, "provider": "AC" + "c" * 32}
TOKENS = {name: name.ljust(32, "0") for name in ACCOUNTS}
ACCOUNT_OF = {BILLING: "acme", MARKETING: "acme", SHARED: "provider", DEFAULT: "provider", GLOBEX: "globex"}
NUMBER_OF = {
    "acme.billing": BILLING,
    "acme.marketing": MARKETING,
    "acme.care": SHARED,
    "globex.support": SHARED,
    "acme.field": DEFAULT,
    "globex.news": GLOBEX,
}
_events = itertools.count(1)


class TwoOrganisations:
    """See the module."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.engine = engine
        self.teams: dict[str, int] = {}
        self.accounts: dict[str, int] = {}
        self._minutes = 0
        for name, token in TOKENS.items():
            monkeypatch.setenv(f"TEST_TOKEN_{name.upper()}", token)
        with engine.begin() as connection:
            ensure_partitions(connection, month_of(dt.datetime.now(dt.UTC)))

            def insert(query: str, **values: Any) -> int:
                return int(connection.execute(text(f"{query} returning id"), values).scalar_one())

            for path in ("acme", "globex", *NUMBER_OF):
                self.teams[path] = insert(
                    "insert into team (path, name, parent_id) values (:path, :path, :parent)",
                    path=path,
                    parent=self.teams.get(path.rpartition(".")[0]),
                )
            self.category = insert("insert into category (name, kind) values ('news', 'marketing')")
            self.service = insert("insert into category (name, kind) values ('visits', 'service')")
            template = insert(
                "insert into template (team_id, name, category_id) values (:team, 'hello', :category)",
                team=self.teams["acme"],
                category=self.category,
            )
            self.version = insert(
                "insert into template_version (template_id, version, content) values (:id, 1, '{}')", id=template
            )
            for name, owner in (("acme", "acme"), ("globex", "globex"), ("provider", None)):
                self.accounts[name] = insert(
                    "insert into carrier_account (team_id, name, carrier, channel, secret, settings) values "
                    "(:team, :name, 'twilio', 'sms', :secret, cast(:settings as jsonb))",
                    team=self.teams[owner] if owner else None,
                    name=name,
                    secret=f"env:TEST_TOKEN_{name.upper()}",
                    settings=json.dumps(
                        {"account": ACCOUNTS[name], **({"sender": DEFAULT} if name == "provider" else {})}
                    ),
                )
            for path, address in (*NUMBER_OF.items(), ("globex", GLOBEX)):
                if address == DEFAULT or path == "globex.news":
                    continue
                insert(
                    "insert into sender (team_id, channel, name, address, carrier_account_id) "
                    "values (:team, 'sms', 'texts', :address, :account)",
                    team=self.teams[path],
                    address=address,
                    account=self.accounts[ACCOUNT_OF[address]],
                )

    def sent(self, team: str, *, to: str = PERSON, language: str = "en", category: int | None = None) -> str:
        """A message that ``team`` sent to the person, later than those before; its id."""
        campaign = self.campaign(team, category)
        message_id = MessageId(campaign.token, 2, "sms", 0)
        month = month_of(dt.datetime.now(dt.UTC))
        self._minutes += 1
        key = message_id.key(campaign.id)
        with self.engine.begin() as connection:
            connection.execute(
                text("update campaign set ledger_month = :month, loaded_at = now() where id = :id"),
                {"month": month, "id": campaign.id},
            )
            connection.execute(
                text(
                    "insert into message (ledger_month, message_key, campaign_id, line, channel, step, state, due_at, "
                    "contact_id, address_hash, country, language, segments, handed_off_at, carrier_account_id, "
                    "carrier_message_id) values (:month, :key, :campaign, 2, 'sms', 0, 'accepted', now(), :contact, :hash, "
                    "'DE', :language, 1, now() - interval '1 hour' + make_interval(mins => :minutes), :account, :sid)"
                ),
                {
                    "month": month,
                    "key": key,
                    "campaign": campaign.id,
                    "contact": "0" * 32,
                    "hash": address_hash(to, SECRET_KEY.encode()),
                    "language": language,
                    "minutes": self._minutes,
                    "account": self.accounts[ACCOUNT_OF[NUMBER_OF[team]]],
                    "sid": self.sid(),
                },
            )
        return str(message_id)

    def campaign(self, team: str, category: int | None = None) -> CampaignRow:
        """A new campaign of a team."""
        with self.engine.begin() as connection:
            return create_campaign(
                connection,
                team_id=self.teams[team],
                template_version_id=self.version,
                category_id=category or self.category,
                source="api",
                actor="test",
            )

    def key(self, team: str, *permissions: Permission) -> str:
        """A new API key of a team."""
        with self.engine.begin() as connection:
            return create_key(
                connection, team_id=self.teams[team], name="tests", permissions=permissions or tuple(Permission)
            )

    def answer_with(self, team: str, **feeds: str) -> None:
        """Have a team, and those below it, answer words with feeds. The feed ``acme/helping`` is there."""
        self.execute(
            "insert into feed (team_id, name, template_id) select :team, 'helping', id from template "
            "on conflict do nothing",
            team=self.teams["acme"],
        )
        self.execute(
            "update team set settings = jsonb_build_object('answers', cast(:feeds as jsonb)) where id = :team",
            feeds=json.dumps(feeds),
            team=self.teams[team],
        )

    def execute(self, query: str, **values: Any) -> None:
        """Change something in the database."""
        with self.engine.begin() as connection:
            connection.execute(text(query), values)

    def sid(self) -> str:
        """A new id of a message at the carrier."""
        return f"SM{next(_events):032d}"

    def text_form(self, said: str, number: str, person: str = PERSON, **more: str) -> dict[str, str]:
        """What the carrier posts of a text to one of the numbers."""
        return {"MessageSid": self.sid(), "From": person, "To": number, "Body": said, **more}

    def suppressed(self, reason: str = "opted_out") -> set[str]:
        """The teams that the person is suppressed for; ``all`` for a suppression without a team."""
        rows = self.rows(
            "select t.path from suppression s left join team t on t.id = s.team_id "
            "where s.reason = :reason and s.lifted_at is null",
            reason=reason,
        )
        return {row["path"] or "all" for row in rows}

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Rows of a query."""
        with self.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(text(query), values)]
