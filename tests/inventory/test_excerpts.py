"""What the excerpts say is what the organisation file said: a file made of them changes nothing, and holds no secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from nightmail.channels import CHANNELS
from nightmail.events.team_webhooks import team_webhooks
from nightmail.inventory.accounts import accounts
from nightmail.inventory.categories import categories
from nightmail.inventory.excerpts import (
    account_part,
    category_part,
    excerpt,
    price_part,
    sender_part,
    server_part,
    team_excerpt,
    webhook_part,
)
from nightmail.inventory.prices import prices
from nightmail.inventory.senders import senders
from nightmail.inventory.servers import servers
from nightmail.inventory.team_settings import team_with_settings, teams
from nightmail.provisioning.organisation_file import load_organisation
from nightmail.provisioning.plan import plan, provision
from nightmail.provisioning.setup import KEEP
from resources.carriers import CARRIERS

ALL = ("",)


def _state(engine: Engine) -> str:
    """A file of the excerpts of everything that is set up."""
    with engine.connect() as connection:
        found = [
            excerpt(
                "carrier_accounts",
                [account_part(a, CARRIERS.adapters) for a in accounts(connection, ALL, retired=True)],
            ),
            excerpt("senders", [sender_part(each) for each in senders(connection, ALL)]),
            excerpt("sftp_servers", [server_part(each) for each in servers(connection, ALL)]),
            excerpt("prices", [price_part(each) for each in prices(connection, ALL, past=True)]),
            excerpt("categories", [category_part(each) for each in categories(connection, ALL) if not each.predefined]),
            excerpt("webhooks", [webhook_part(each) for each in team_webhooks(connection, ALL)]),
        ]
        paths = [team.path for team in teams(connection, ALL)]
        written: dict[str, dict[str, Any]] = {}
        for path in paths:
            team = team_with_settings(connection, path)
            assert team is not None
            part = yaml.safe_load(team_excerpt(team.team, team.above))
            written[path] = part.get("organisation") or part["teams"][0]
            if team.above is not None:
                written[team.above.path].setdefault("teams", []).append(written[path])
    top = {"organisation": written[paths[0]]}
    return "\n".join([yaml.safe_dump(top, sort_keys=False, allow_unicode=True), *found])


names = st.text("abcdefghijklmnopqrstuvwxyz-0123456789", min_size=1, max_size=12)
texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), min_size=1, max_size=20).map(
    lambda text: text.strip() or "x"
)
account = st.fixed_dictionaries(
    {"adapter": st.sampled_from([*CARRIERS.adapters, "acme_sms"])},
    optional={
        "team": st.sampled_from(["acme", "acme.billing"]),
        "region": st.just("eu"),
        "priority": st.integers(-5, 5),
        "account": texts,
        "secret": names.map("env:{}".format),
        "webhook_secret": names.map("file:/run/secrets/{}".format),
        "base_url": st.just("https://carrier.example"),
        "rate_per_s": st.floats(0.5, 5_000),
        "failover": st.fixed_dictionaries({"after": st.integers(1, 9)}, optional={"enabled": st.booleans()}),
        "sandbox": st.booleans(),
        "options": st.dictionaries(names, texts, min_size=1, max_size=2),
        "mailbox": st.just({"url": "imaps://mail.example", "user": "x", "secret": "env:X", "folder": "Answers"}),
    },
).map(lambda part: part | ({"carrier": "acme", "channel": "sms"} if part["adapter"] == "acme_sms" else {}))
team = st.fixed_dictionaries(
    {"name": texts},
    optional={
        "country": st.sampled_from(["DE", "NO"]),
        "time_zone": st.just("Europe/Oslo"),
        "currency": st.sampled_from(["EUR", "NOK"]),
        "retention_days": st.integers(1, 400),
        "settings": st.sampled_from(
            [{"when_suspended": {"sms": "fall"}}, {"four_eyes": {"over_contacts": 5}}, {"report": {"folder": "/r"}}]
        ),
    },
)
category = st.fixed_dictionaries(
    {"kind": st.sampled_from(["service", "marketing"])},
    optional={
        "team": st.just("acme.billing"),
        "needs_consent": st.booleans(),
        "urgent": st.booleans(),
        "resend_if_absent": st.booleans(),
    },
)
price = st.fixed_dictionaries(
    {
        "carrier": st.sampled_from(["acme", "twilio"]),
        "channel": st.sampled_from(sorted(CHANNELS)),
        "amount": st.decimals(0, 99, places=6).map(str),
        "currency": st.just("USD"),
        "effective_from": st.dates().map(str),
    },
    optional={"country": st.sampled_from(["DE", "NO", "ON"])},
)
server = st.fixed_dictionaries(
    {"host": names, "username": texts, "password_secret": names.map("env:{}".format), "host_key": texts},
    optional={"port": st.integers(1, 65535), "root": st.just("/data"), "private_key_secret": st.just("file:/run/key")},
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    top=team,
    lower=team,
    account=account,
    category=category,
    some_prices=st.lists(
        price, max_size=4, unique_by=lambda p: (p["carrier"], p["channel"], p.get("country"), p["effective_from"])
    ),
    server=server,
    display=texts,
)
def test_a_file_of_the_excerpts_changes_nothing(
    database: Engine,
    tmp_path: Path,
    top: dict[str, Any],
    lower: dict[str, Any],
    account: dict[str, Any],
    category: dict[str, Any],
    some_prices: list[dict[str, Any]],
    server: dict[str, Any],
    display: str,
) -> None:
    channel = account.get("channel") or account["adapter"].partition("_")[2]
    content = {
        "organisation": {**top, "path": "acme", "teams": [{**lower, "path": "billing"}]},
        "carrier_accounts": [{**account, "name": "one"}],
        "senders": [
            {"team": "acme.billing", "channel": channel, "address": "a@b.example", "carrier_account": "one"},
            {
                "team": "acme",
                "channel": channel,
                "name": "2",
                "address": "+1",
                "display_name": display,
                "carrier_account": "one",
            },
        ],
        "categories": [{**category, "name": "own"}],
        "prices": some_prices,
        "sftp_servers": [{**server, "name": "files"}],
        "webhooks": [
            {"team": "acme", "url": "https://x.example", "events": ["reply.received"], "secret": "env:HOOK"},
        ],
    }
    file = tmp_path / "organisation.yaml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    provision(database, load_organisation(file, CARRIERS.adapters), tmp_path, "test", prune=True)

    said = tmp_path / "said.yaml"
    said.write_text(_state(database), encoding="utf-8")
    changes = plan(database, load_organisation(said, CARRIERS.adapters), tmp_path)
    assert [change for change in changes if change.action != KEEP] == []
