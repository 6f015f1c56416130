"""Is all well? What ``nightmail doctor`` asks, as far as it is recorded: nothing here connects to a carrier or a server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from nightmail.access.permissions import Permission
from nightmail.access.principals import EVERYWHERE
from nightmail.audit.sealing import STALE_S, unsealed
from nightmail.campaigns.alerts import count_open_alerts
from nightmail.events.team_webhooks import WebhookState, team_webhooks
from nightmail.inventory.accounts import Account, AccountState, accounts
from nightmail.inventory.secret_states import secret_state
from nightmail.inventory.servers import Server, ServerState, servers
from nightmail.store.roles import role_facts
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.rendering import render
from portal.web.settings.words import ACCOUNT_STATES, SERVER_STATES, WEBHOOK_STATES
from portal.web.signed_in import SignedIn, anyone_signed_in
from portal.web.translating import gettext, ngettext

router = APIRouter(prefix="/settings/health", include_in_schema=False)
LOOKED_AT = 200
"""Accounts, servers and webhooks that are looked at, by name; and newest first."""
ALL = (EVERYWHERE,)


@dataclass(frozen=True)
class Check:
    """What one part is like: ``tone`` is good, warn or bad; ``word`` says the same."""

    part: str
    tone: str
    word: str
    message: str = ""
    remedy: str = ""
    address: str = ""


@router.get("")
def show_health(request: Request, portal: PortalState, me: Annotated[SignedIn, anyone_signed_in]) -> Response:
    """Every check, what needs a person first; for who sees the deployment as a whole."""
    if not me.may_for_all(Permission.PIPELINE_SEE):
        raise RequestError("not_found", what="page")
    with portal.engine.connect() as connection:
        checks = [
            *_settings(portal),
            *_database(connection),
            _alerts(connection),
            *(_account(account) for account in accounts(connection, ALL, limit=LOOKED_AT)),
            *(_server(server) for server in servers(connection, ALL, limit=LOOKED_AT)),
            *_webhooks(connection),
        ]
    order = ("bad", "warn", "good")
    return render(
        request,
        "settings/health.html",
        checks=sorted(checks, key=lambda check: order.index(check.tone)),
        to_look_at=sum(check.tone != "good" for check in checks),
        me=me,
    )


def _well(part: str, message: str = "", address: str = "") -> Check:
    return Check(part, "good", gettext("Well"), message, "", address)


def _settings(portal: Portal) -> Iterator[Check]:
    part = gettext("Public address")
    if portal.base_url:
        yield _well(part, portal.base_url)
    else:
        yield Check(
            part,
            "warn",
            gettext("Look at it"),
            gettext("None is set: carriers are asked what became of messages, and links lead to this machine."),
            gettext("Set NIGHTMAIL_PUBLIC_URL."),
        )


def _database(connection: Connection) -> Iterator[Check]:
    role = role_facts(connection)
    part = gettext("Database role")
    if role.superuser or role.owner:
        yield Check(
            part,
            "warn",
            gettext("Look at it"),
            gettext("The product works as %(role)s, which can change the audit log unseen.") % {"role": role.name},
            gettext("Give it a role of its own: docs/operations.md says how."),
        )
    else:
        yield _well(part, gettext("%(role)s owns no table.") % {"role": role.name})
    waiting = unsealed(connection)
    part = gettext("Audit log")
    if waiting.oldest_s > STALE_S:
        yield Check(
            part,
            "warn",
            gettext("Look at it"),
            gettext("Entries have not been sealed for %(minutes)d minutes.") % {"minutes": waiting.oldest_s // 60},
            gettext(
                "The portal seals: is every replica running? A transaction that does not end keeps it from it too."
            ),
            "/audit",
        )
    else:
        yield _well(part, gettext("It is being sealed."), "/audit")


def _alerts(connection: Connection) -> Check:
    """Open alerts in one line: their page has them all. Sensors that fail are among them."""
    count = count_open_alerts(connection, teams=ALL)
    part = gettext("Alerts")
    if not count:
        return _well(part, gettext("None is open."), "/alerts")
    message = ngettext("%(num)d is open.", "%(num)d are open.", count) % {"num": count}
    return Check(part, "warn", gettext("Look at it"), message, "", "/alerts")


def _account(account: Account) -> Check:
    part = gettext("Carrier account %(name)s") % {"name": account.name}
    address = f"/settings/carriers/{account.id}"
    lacking = [
        state.name
        for state in (secret_state(account.secret), secret_state(account.webhook_secret))
        if state.source != "none" and not state.there
    ]
    if lacking:
        message = gettext("The portal does not find %(names)s.") % {"names": ", ".join(lacking)}
        return Check(part, "warn", gettext("Look at it"), message, gettext("Set it where the portal runs."), address)
    word, tone = ACCOUNT_STATES[account.state]
    if account.state in (AccountState.WELL, AccountState.OFF):
        return _well(part, gettext("To the sandbox: nothing leaves this machine.") if account.sandbox else "", address)
    return Check(part, tone, gettext(word), "", gettext("Its page says what is the matter."), address)


def _server(server: Server) -> Check:
    part = gettext("SFTP server %(name)s") % {"name": server.name}
    address = f"/settings/sftp-servers/{server.id}"
    if server.state in (ServerState.WELL, ServerState.NEVER_LOOKED_AT):
        return _well(part, "" if server.looked_at else gettext("Not looked at yet"), address)
    word, tone = SERVER_STATES[server.state]
    message = server.failure or "" if server.state is ServerState.FAILING else ""
    return Check(part, tone, gettext(word), message, gettext("Its page says what is the matter."), address)


def _webhooks(connection: Connection) -> Iterator[Check]:
    """One line for all that are well: there may be many."""
    found = team_webhooks(connection, ALL, limit=LOOKED_AT)
    ill = [each for each in found if each.state in (WebhookState.FAILING, WebhookState.GIVEN_UP)]
    for webhook in ill:
        word, tone = WEBHOOK_STATES[webhook.state]
        yield Check(
            gettext("Webhook of %(team)s") % {"team": webhook.team},
            tone,
            gettext(word),
            webhook.url,
            "",
            f"/settings/webhooks/{webhook.id}",
        )
    if found and not ill:
        yield _well(gettext("Webhooks"), "", "/settings/webhooks")
