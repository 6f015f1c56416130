"""The pages of carrier accounts and their mailboxes: the lists, and one account with its health, its ways, what the carrier said, and where it posts to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response

from nightmail.access.permissions import Permission
from nightmail.access.principals import EVERYWHERE
from nightmail.carriers.webhooks import webhook_address
from nightmail.channels import CHANNELS
from nightmail.inventory.accounts import Account, SeenError, accounts, details_of_account, find_account
from nightmail.inventory.excerpts import account_part, excerpt
from nightmail.inventory.secret_states import secret_state
from nightmail.inventory.sight import sight
from portal.problems import RequestError
from portal.state import PortalState
from portal.web.list_places import place_of, place_text
from portal.web.rendering import render
from portal.web.settings.words import ACCOUNT_STATES, ERROR_CLASSES, channel_options, known_channel
from portal.web.signed_in import SignedIn, needs
from resources.carriers import CARRIERS

router = APIRouter(prefix="/settings/carriers", include_in_schema=False)
mailboxes = APIRouter(include_in_schema=False)
PAGE = 50
Reader = Annotated[SignedIn, needs(Permission.CARRIER_SEE)]
AccountNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]


@dataclass(frozen=True)
class WebhookLine:
    """An address that a carrier is to be given, and what it posts there."""

    address: str
    purpose: str


@dataclass(frozen=True)
class ErrorLine:
    """An error that was seen, with what the carrier's table says of it."""

    seen: SeenError
    meaning: str
    class_words: str


@router.get("")
def list_of_accounts(
    request: Request,
    portal: PortalState,
    me: Reader,
    channel: Annotated[str, Query()] = "",
    retired: Annotated[str, Query()] = "",
    after: Annotated[str, Query()] = "",
) -> Response:
    """The accounts of the teams that this person sees, by name."""
    values = {"channel": known_channel(channel), "retired": "yes" if retired == "yes" else ""}
    place = place_of(after)
    with portal.engine.connect() as connection:
        found = accounts(
            connection,
            sight(connection, me.principal, Permission.CARRIER_SEE),
            channel=values["channel"] or None,
            retired=bool(values["retired"]),
            after=place[0] if place else None,
            limit=PAGE + 1,
        )
    chosen = {name: value for name, value in values.items() if value}
    following = {**chosen, "after": place_text(found[PAGE - 1].name, 0)} if found[PAGE:] else None
    return render(
        request,
        "settings/carriers.html",
        accounts=found[:PAGE],
        states=ACCOUNT_STATES,
        channels=CHANNELS,
        channel_options=channel_options(),
        values=values,
        filtered=bool(chosen),
        newer=f"/settings/carriers?{urlencode(chosen)}" if place else None,
        older=f"/settings/carriers?{urlencode(following)}" if following else None,
    )


@mailboxes.get("/settings/mailboxes")
def list_of_mailboxes(
    request: Request, portal: PortalState, me: Reader, after: Annotated[str, Query()] = ""
) -> Response:
    """The mailboxes of the accounts that this person sees, by the account's name."""
    place = place_of(after)
    with portal.engine.connect() as connection:
        found = accounts(
            connection,
            sight(connection, me.principal, Permission.CARRIER_SEE),
            with_mailbox=True,
            after=place[0] if place else None,
            limit=PAGE + 1,
        )
    following = urlencode({"after": place_text(found[PAGE - 1].name, 0)}) if found[PAGE:] else None
    secrets = {each.id: secret_state((each.mailbox or {}).get("secret")) for each in found}
    return render(
        request,
        "settings/mailboxes.html",
        accounts=found[:PAGE],
        secrets=secrets,
        newer="/settings/mailboxes" if place else None,
        older=f"/settings/mailboxes?{following}" if following else None,
    )


@router.get("/{account_id}")
def show_account(account_id: AccountNumber, request: Request, portal: PortalState, me: Reader) -> Response:
    """One account."""
    seen = [EVERYWHERE] if me.may_for_all(Permission.CARRIER_SEE) else list(me.teams(Permission.CARRIER_SEE))
    with portal.engine.connect() as connection:
        account = find_account(connection, seen, account_id)
        if account is None:
            raise RequestError("not_found", what="page")
        details = details_of_account(connection, seen, account)
    carrier = CARRIERS.of_account(account.carrier)
    lacks_one = carrier is not None and carrier.signs_with_secret and account.webhook_secret is None
    return render(
        request,
        "settings/carrier.html",
        account=account,
        label=carrier.label if carrier else account.carrier,
        details=details,
        states=ACCOUNT_STATES,
        channel=CHANNELS[account.channel],
        secret=secret_state(account.secret),
        webhook_secret=secret_state(account.webhook_secret),
        signs_with_secret=lacks_one,
        mailbox_secret=secret_state(account.mailbox["secret"]) if account.mailbox else None,
        webhooks=_webhooks(account, portal.base_url),
        public=portal.base_url is not None,
        errors=_errors(account, details.errors),
        text=excerpt("carrier_accounts", [account_part(account, CARRIERS.adapters)]),
        may_alerts=me.may(Permission.ALERT_SEE),
        may_suspend=me.may(Permission.CHANNEL_SUSPEND),
    )


def _webhooks(account: Account, base_url: str | None) -> list[WebhookLine]:
    """Where the account's carrier posts to: whole addresses where the portal has a public one, else paths."""
    carrier = CARRIERS.of_account(account.carrier)
    routes = carrier.webhooks if carrier else ()
    return [WebhookLine(webhook_address(base_url or "", route.path), route.purpose) for route in routes]


def _errors(account: Account, errors: tuple[SeenError, ...]) -> list[ErrorLine]:
    carrier = CARRIERS.of_account(account.carrier)
    return [
        ErrorLine(
            seen,
            carrier.errors.meaning(seen.code) if carrier else "",
            ERROR_CLASSES.get(seen.error_class or "", ""),
        )
        for seen in errors
    ]
