"""The pages of senders: the list, and one."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response

from nightmail.access.permissions import Permission
from nightmail.channels import CHANNELS
from nightmail.inventory.excerpts import excerpt, sender_part
from nightmail.inventory.senders import find_sender, senders
from nightmail.inventory.sight import sight
from portal.problems import RequestError
from portal.state import PortalState
from portal.web.list_places import place_of, place_text
from portal.web.rendering import render
from portal.web.settings.words import channel_options, known_channel
from portal.web.signed_in import SignedIn, needs

router = APIRouter(prefix="/settings/senders", include_in_schema=False)
PAGE = 50
Reader = Annotated[SignedIn, needs(Permission.CARRIER_SEE)]
SenderNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("")
def list_of_senders(
    request: Request,
    portal: PortalState,
    me: Reader,
    team: Annotated[str, Query()] = "",
    channel: Annotated[str, Query()] = "",
    account: Annotated[str, Query()] = "",
    retired: Annotated[str, Query()] = "",
    after: Annotated[str, Query()] = "",
) -> Response:
    """The senders of the teams that this person sees, by team, channel and name."""
    values = {
        "team": team.strip()[:250].replace("\0", ""),
        "channel": known_channel(channel),
        "account": account if account.isascii() and account.isdigit() and len(account) < 10 else "",
        "retired": "yes" if retired == "yes" else "",
    }
    with portal.engine.connect() as connection:
        found = senders(
            connection,
            sight(connection, me.principal, Permission.CARRIER_SEE),
            team=values["team"] or None,
            channel=values["channel"] or None,
            account_id=int(values["account"]) if values["account"] else None,
            retired=bool(values["retired"]),
            after=place_of(after),
            limit=PAGE + 1,
        )
    chosen = {name: value for name, value in values.items() if value}
    last = found[PAGE - 1] if found[PAGE:] else None
    following = {**chosen, "after": place_text(last.sorted_by, last.id)} if last else None
    return render(
        request,
        "settings/senders.html",
        senders=found[:PAGE],
        channels=CHANNELS,
        channel_options=channel_options(),
        values=values,
        filtered=bool(chosen),
        newer=f"/settings/senders?{urlencode(chosen)}" if place_of(after) else None,
        older=f"/settings/senders?{urlencode(following)}" if following else None,
    )


@router.get("/{sender_id}")
def show_sender(sender_id: SenderNumber, request: Request, portal: PortalState, me: Reader) -> Response:
    """One sender."""
    with portal.engine.connect() as connection:
        sender = find_sender(connection, sight(connection, me.principal, Permission.CARRIER_SEE), sender_id)
    if sender is None:
        raise RequestError("not_found", what="page")
    return render(
        request,
        "settings/sender.html",
        sender=sender,
        channel=CHANNELS[sender.channel],
        text=excerpt("senders", [sender_part(sender)]),
    )
