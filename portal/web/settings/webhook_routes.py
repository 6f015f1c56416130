"""The pages of teams' webhooks: list, a new one, one with its last calls, a test, ending it, rotating its secret."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import teams_with
from nightmail.access.permissions import Permission
from nightmail.errors import NightmailError
from nightmail.events.team_webhooks import (
    TeamWebhook,
    call_for_a_test,
    end_team_webhook,
    find_webhook,
    register_webhook,
    rotate_secret,
    team_webhooks,
)
from nightmail.events.webhook_calls import call_name, calls_of
from nightmail.events.webhooks import EVENTS
from nightmail.inventory.excerpts import excerpt, webhook_part
from nightmail.inventory.secret_states import secret_state
from portal.problems import RequestError
from portal.state import PortalState
from portal.web.list_places import place_of, place_text
from portal.web.messages import redirect
from portal.web.refusals import at_its_field, sentence_of
from portal.web.rendering import render
from portal.web.sent_form import FormSent
from portal.web.settings.words import EVENT_MEANINGS, WEBHOOK_STATES
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext
from portal.webhook_calls import check_address

router = APIRouter(prefix="/settings/webhooks", include_in_schema=False)
PAGE = 50
FIELDS = {
    "webhook_address": "url",
    "event_unknown": "events",
    "team_unknown": "team",
    "not_permitted": "team",
    "too_many_webhooks": "team",
}
"""The field that a refusal of the domain is about."""
WebhookNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]
Reader = Annotated[SignedIn, needs(Permission.WEBHOOK_EDIT)]
Editor = Annotated[SignedIn, needs(Permission.WEBHOOK_EDIT, recently=True)]


@router.get("")
def list_of_webhooks(
    request: Request,
    portal: PortalState,
    me: Reader,
    team: Annotated[str, Query()] = "",
    ended: Annotated[str, Query()] = "",
    after: Annotated[str, Query()] = "",
) -> Response:
    """The webhooks of the teams that this person looks after, the newest first."""
    values = {"team": re.sub(r"[^a-z0-9_.]", "", team[:250]), "ended": "yes" if ended == "yes" else ""}
    place = place_of(after)
    with portal.engine.connect() as connection:
        found = team_webhooks(
            connection,
            me.teams(Permission.WEBHOOK_EDIT),
            team=values["team"] or None,
            ended=bool(values["ended"]),
            before_id=place[1] if place else None,
            limit=PAGE + 1,
        )
    chosen = {name: value for name, value in values.items() if value}
    following = {**chosen, "after": place_text("", found[PAGE - 1].id)} if found[PAGE:] else None
    return render(
        request,
        "settings/webhooks.html",
        webhooks=found[:PAGE],
        states=WEBHOOK_STATES,
        values=values,
        filtered=bool(chosen),
        newer=f"/settings/webhooks?{urlencode(chosen)}" if place else None,
        older=f"/settings/webhooks?{urlencode(following)}" if following else None,
    )


@router.get("/new")
def webhook_form(request: Request, me: Editor) -> Response:
    """The form of a new webhook."""
    return _form(request, me, {"team": me.teams(Permission.WEBHOOK_EDIT)[0], "events": []})


@router.post("/new")
def make_webhook(request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Register an address, and show its secret this once."""
    url = form.value("url", 2_100)
    events = [event for event in form.values("events") if event]
    values = {**form.as_typed(), "events": events}
    if not events:
        return _form(request, me, values, {"events": gettext("Tick what it shall be told of.")})
    try:
        check_address(url, private=portal.settings.webhook_private_addresses)
        with portal.engine.begin() as connection:
            number, secret = register_webhook(
                connection,
                by=me.principal,
                team=form.value("team", 250),
                url=url,
                events=events,
                key=portal.settings.key(),
            )
    except NightmailError as error:
        return _form(request, me, values, at_its_field(error, FIELDS))
    return render(request, "settings/webhook_secret.html", number=number, url=url, secret=secret, rotated=False)


@router.get("/{webhook_id}")
def show_webhook(webhook_id: WebhookNumber, request: Request, portal: PortalState, me: Reader) -> Response:
    """One webhook with its last calls."""
    return _webhook_page(request, portal, me, webhook_id)


@router.get("/{webhook_id}/calls")
def show_calls(webhook_id: WebhookNumber, request: Request, portal: PortalState, me: Reader) -> Response:
    """The last calls alone, for the page that shows them as they change."""
    with portal.engine.connect() as connection:
        webhook = _visible(connection, me, webhook_id)
        calls = calls_of(connection, webhook.id, limit=PAGE)
    return render(request, "settings/webhook_calls.html", etag=True, webhook=webhook, calls=calls, call_name=call_name)


@router.post("/{webhook_id}/test")
def call_webhook(webhook_id: WebhookNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """Call the address for a test."""
    try:
        with portal.engine.begin() as connection:
            call_for_a_test(connection, _visible(connection, me, webhook_id), by=me.principal)
    except RequestError:
        raise
    except NightmailError as error:
        return _webhook_page(request, portal, me, webhook_id, {"": sentence_of(error)})
    return redirect(
        request, f"/settings/webhooks/{webhook_id}", gettext("The address is being called. Its answer shows below.")
    )


@router.get("/{webhook_id}/rotate")
def ask_to_rotate(webhook_id: WebhookNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """The question before a secret is replaced."""
    with portal.engine.connect() as connection:
        webhook = _visible(connection, me, webhook_id)
    return render(request, "settings/webhook_rotate.html", webhook=webhook, errors={})


@router.post("/{webhook_id}/rotate")
def rotate(webhook_id: WebhookNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """Replace the secret and show the new one this once."""
    with portal.engine.connect() as connection:
        webhook = _visible(connection, me, webhook_id)
    try:
        with portal.engine.begin() as connection:
            secret = rotate_secret(connection, webhook, by=me.principal, key=portal.settings.key())
    except NightmailError as error:
        errors = {"": sentence_of(error)}
        return render(request, "settings/webhook_rotate.html", 422, webhook=webhook, errors=errors)
    return render(
        request, "settings/webhook_secret.html", number=webhook.id, url=webhook.url, secret=secret, rotated=True
    )


@router.get("/{webhook_id}/end")
def ask_to_end(webhook_id: WebhookNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """The question before a webhook ends."""
    with portal.engine.connect() as connection:
        webhook = _visible(connection, me, webhook_id)
    return render(request, "settings/webhook_end.html", webhook=webhook, errors={})


@router.post("/{webhook_id}/end")
def end(webhook_id: WebhookNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """Call the address no more."""
    with portal.engine.connect() as connection:
        webhook = _visible(connection, me, webhook_id)
    try:
        with portal.engine.begin() as connection:
            end_team_webhook(connection, webhook, by=me.principal)
    except NightmailError as error:
        errors = {"": sentence_of(error)}
        return render(request, "settings/webhook_end.html", 422, webhook=webhook, errors=errors)
    return redirect(request, "/settings/webhooks", gettext("The address is called no more."))


def _webhook_page(
    request: Request, portal: PortalState, me: SignedIn, webhook_id: int, errors: dict[str, str] | None = None
) -> Response:
    with portal.engine.connect() as connection:
        webhook = _visible(connection, me, webhook_id)
        calls = calls_of(connection, webhook.id, limit=PAGE)
    return render(
        request,
        "settings/webhook.html",
        422 if errors else 200,
        webhook=webhook,
        states=WEBHOOK_STATES,
        meanings=EVENT_MEANINGS,
        secret=secret_state(webhook.secret_reference),
        calls=calls,
        call_name=call_name,
        text=excerpt("webhooks", [webhook_part(webhook)]),
        errors=errors or {},
    )


def _visible(connection: Connection, me: SignedIn, webhook_id: int) -> TeamWebhook:
    webhook = find_webhook(connection, teams_with(me.principal, Permission.WEBHOOK_EDIT), webhook_id)
    if webhook is None:
        raise RequestError("not_found", what="page")
    return webhook


def _form(request: Request, me: SignedIn, values: dict[str, Any], errors: dict[str, str] | None = None) -> Response:
    return render(
        request,
        "settings/webhook_form.html",
        422 if errors else 200,
        values=values,
        errors=errors or {},
        events=[(name, gettext(EVENT_MEANINGS[name]), name) for name in EVENTS],
        teams=me.teams(Permission.WEBHOOK_EDIT),
    )
