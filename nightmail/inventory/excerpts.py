"""What the organisation file would say of a part: YAML that ``nightmail provision`` takes, with references and never a secret.

Values that the product takes by itself are left out. What the database keeps and a file cannot state is left out as well.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import yaml

from nightmail.events.team_webhooks import TeamWebhook
from nightmail.inventory.accounts import Account
from nightmail.inventory.categories import CategoryEntry
from nightmail.inventory.prices import PriceEntry
from nightmail.inventory.senders import SenderPart
from nightmail.inventory.servers import Server
from nightmail.inventory.team_settings import VALUES, TeamValues

SSH_PORT = 22


def excerpt(kind: str, parts: Sequence[Mapping[str, Any]]) -> str:
    """The YAML of some parts under the key ``kind`` of the file."""
    return _written({kind: [dict(part) for part in parts]})


def account_part(account: Account, known: Collection[str]) -> dict[str, Any]:
    """An entry of ``carrier_accounts``; for an adapter that is none of the ``known`` ones the file states carrier and channel."""
    settings = account.settings
    carrier, _, channel = account.adapter.partition("_")
    states_all = account.adapter not in known
    return _stated(
        name=account.name,
        adapter=account.adapter,
        carrier=account.carrier if states_all or account.carrier != carrier else None,
        channel=account.channel if states_all or account.channel != channel else None,
        team=account.team,
        region=account.region,
        priority=account.priority or None,
        account=settings.get("account"),
        secret=account.secret,
        webhook_secret=account.webhook_secret,
        base_url=settings.get("base_url"),
        rate_per_s=settings.get("rate_per_s"),
        mailbox=settings.get("mailbox"),
        failover=settings.get("failover"),
        sandbox=settings.get("sandbox"),
        options=settings.get("options"),
    )


def sender_part(sender: SenderPart) -> dict[str, Any]:
    """An entry of ``senders``."""
    return _stated(
        team=sender.team,
        channel=sender.channel,
        name=sender.name if sender.name != "default" else None,
        address=sender.address,
        display_name=sender.display_name,
        reply_to=sender.reply_to,
        carrier_account=sender.account,
        settings=sender.settings,
    )


def server_part(server: Server) -> dict[str, Any]:
    """An entry of ``sftp_servers``."""
    return _stated(
        name=server.name,
        host=server.host,
        port=server.port if server.port != SSH_PORT else None,
        username=server.username,
        password_secret=server.password_secret,
        private_key_secret=server.private_key_secret,
        host_key=server.host_key,
        root=server.root if server.root != "/" else None,
    )


def price_part(price: PriceEntry) -> dict[str, Any]:
    """An entry of ``prices``: the amount as a text, since no figure may lose a digit."""
    part = {"carrier": price.carrier, "channel": price.channel}
    if price.country is not None:
        part["country"] = price.country
    return {
        **part,
        "amount": f"{price.amount.normalize():f}",
        "currency": price.currency,
        "effective_from": price.effective_from,
    }


def category_part(category: CategoryEntry) -> dict[str, Any]:
    """An entry of ``categories``."""
    return {
        "name": category.name,
        "kind": category.kind,
        **_stated(team=category.team, urgent=category.urgent, resend_if_absent=category.resend_if_absent),
        **({} if category.needs_consent == category.is_marketing else {"needs_consent": category.needs_consent}),
    }


def webhook_part(webhook: TeamWebhook) -> dict[str, Any]:
    """An entry of ``webhooks``; one whose secret the product keeps itself has no reference that a file could name."""
    return {
        "team": webhook.team,
        "url": webhook.url,
        "events": list(webhook.events),
        "secret": webhook.secret_reference or "env:NAME_OF_THE_SECRET",
    }


def team_excerpt(team: TeamValues, above: TeamValues | None) -> str:
    """The YAML of a team: ``organisation`` for a top team, else its entry among the ``teams`` of the one above.

    What it takes from the team above is left out.
    """
    own = {name: getattr(team, name) for name in VALUES if above is None or getattr(above, name) != getattr(team, name)}
    part = {"name": team.name, "path": team.path.rpartition(".")[2], **_stated(**own, settings=team.settings)}
    return _written({"organisation": part} if above is None else {"teams": [part]})


def _written(content: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=100))


def _stated(**values: Any) -> dict[str, Any]:
    """The values that say something."""
    return {name: value for name, value in values.items() if value not in (None, "", {}, [], False)}
