"""The list of messages: of a campaign, of a recipient or of some days, with filters, and as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from nightmail.access.permissions import Permission
from nightmail.errors import NightmailError
from nightmail.recipients.message_lists import (
    ListedMessage,
    MessageFilter,
    MessagePage,
    Scope,
    every_message,
    list_messages,
)
from portal.state import PortalState
from portal.web.channel_words import channel_choices
from portal.web.csv_answers import Cell
from portal.web.recipients.words import delivery_choices, state_choices, status_of
from portal.web.refusals import at_its_field
from portal.web.rendering import render
from portal.web.sent_messages.list_filters import Asked, Filters, wanted_by
from portal.web.signed_in import SignedIn, needs
from portal.web.taken_lists import taken_list
from portal.web.translating import gettext
from resources.carriers import CARRIERS

router = APIRouter(include_in_schema=False)
PAGE = 50
Reader = Annotated[SignedIn, needs(Permission.MESSAGE_SEE)]
COLUMNS = (
    *("message", "at", "to", "team", "campaign", "feed", "template", "version", "line", "step", "channel"),
    *("state", "reason", "delivery", "error_code", "country", "language", "account", "sent_from", "carrier_message_id"),
    *("attempts", "planned_at", "handed_off_at", "delivered_or_failed_at", "opened_at", "clicked_at", "replied_at"),
    *("segments", "cost", "currency"),
)


@router.get("/messages")
def list_of_messages(request: Request, portal: PortalState, me: Reader, filters: Filters) -> Response:
    """Those that this person may see and that fit."""
    wanted, errors = wanted_by(me, filters)
    page = MessagePage((), None, 0)
    if not errors:
        try:
            with portal.engine.begin() as connection:
                page = list_messages(connection, me.principal, wanted, after=filters.place, limit=PAGE)
        except NightmailError as error:
            errors = at_its_field(error, {"team_unknown": "team"})
    return render(
        request,
        "sent_messages/list.html",
        422 if errors else 200,
        rows=[(each, *status_of(each.message), reason_of(each)) for each in page.rows],
        values=filters.values,
        errors=errors,
        filtered=bool(filters.chosen),
        scope=str(wanted.scope),
        narrowed=_is_narrowed(filters),
        looked_at=page.looked_at,
        states=state_choices(),
        deliveries=delivery_choices(),
        channels=channel_choices(),
        export=filters.address("/messages.csv"),
        shown=_order(wanted),
        newer=filters.address("/messages") if filters.after else None,
        older=None if page.next is None else filters.after_place(page.next),
    )


@router.get("/messages.csv")
def export(request: Request, portal: PortalState, me: Reader, filters: Filters) -> Response:
    """Every message that fits; addresses as far as this person may see them."""
    wanted, errors = wanted_by(me, filters)

    def rows(connection: Connection) -> Iterator[Sequence[Cell]]:
        if not errors:
            yield from (_cells(each) for each in every_message(connection, me.principal, wanted))

    return taken_list(request, portal, me, Permission.MESSAGE_SEE, "messages", COLUMNS, rows, filters.chosen)


def reason_of(listed: ListedMessage) -> str:
    """Why a message went as it did, in a few words: the carrier's code with its meaning, else the reason's code."""
    message = listed.message
    code = message.delivery_error or message.error_code
    if code:
        return f"{code} {CARRIERS.meaning_of(code)}".strip()
    return (message.reason or "").replace("_", " ")


def _is_narrowed(filters: Asked) -> bool:
    """Whether a filter may leave out what was looked at."""
    return bool(filters.chosen.keys() - {"campaign", "recipient", "since", "until"})


def _order(wanted: MessageFilter) -> str:
    if wanted.scope is Scope.CAMPAIGN:
        return gettext("In the order of the contact file")
    return gettext("The newest first")


def _cells(listed: ListedMessage) -> tuple[Cell, ...]:
    each = listed.message
    return (
        *(each.id, listed.at, listed.shown, each.team, each.campaign, each.feed, each.template, each.template_version),
        *(each.line, each.step, each.channel, each.state, each.reason, each.delivery),
        *(each.delivery_error or each.error_code, each.country, each.language, each.carrier_account, each.sent_from),
        *(each.carrier_message_id, each.attempts, each.planned_at, each.handed_off_at, each.delivery_at),
        *(each.opened_at, each.clicked_at, each.replied_at, each.segments, each.cost, each.currency),
    )
