"""The pages of SFTP servers: the list, and one with its last look, its last error, its key and the feeds on it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response

from nightmail.access.permissions import Permission
from nightmail.inventory.excerpts import excerpt, server_part
from nightmail.inventory.secret_states import secret_state
from nightmail.inventory.servers import alerts_of_server, feeds_on_server, find_server, servers
from nightmail.inventory.sight import sight
from portal.problems import RequestError
from portal.state import PortalState
from portal.web.list_places import place_of, place_text
from portal.web.rendering import render
from portal.web.settings.words import SERVER_STATES
from portal.web.signed_in import SignedIn, needs

router = APIRouter(prefix="/settings/sftp-servers", include_in_schema=False)
PAGE = 50
Reader = Annotated[SignedIn, needs(Permission.FEED_SEE)]
ServerNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("")
def list_of_servers(
    request: Request,
    portal: PortalState,
    me: Reader,
    retired: Annotated[str, Query()] = "",
    after: Annotated[str, Query()] = "",
) -> Response:
    """The servers of this person's organisation, and those that feeds of theirs have folders on."""
    values = {"retired": "yes" if retired == "yes" else ""}
    place = place_of(after)
    with portal.engine.connect() as connection:
        found = servers(
            connection,
            sight(connection, me.principal, Permission.FEED_SEE),
            retired=bool(values["retired"]),
            after=place[0] if place else None,
            limit=PAGE + 1,
        )
    chosen = {name: value for name, value in values.items() if value}
    following = {**chosen, "after": place_text(found[PAGE - 1].name, 0)} if found[PAGE:] else None
    return render(
        request,
        "settings/servers.html",
        servers=found[:PAGE],
        states=SERVER_STATES,
        values=values,
        filtered=bool(chosen),
        newer=f"/settings/sftp-servers?{urlencode(chosen)}" if place else None,
        older=f"/settings/sftp-servers?{urlencode(following)}" if following else None,
    )


@router.get("/{server_id}")
def show_server(server_id: ServerNumber, request: Request, portal: PortalState, me: Reader) -> Response:
    """One server."""
    with portal.engine.connect() as connection:
        seen = sight(connection, me.principal, Permission.FEED_SEE)
        server = find_server(connection, seen, server_id)
        if server is None:
            raise RequestError("not_found", what="page")
        alerts = alerts_of_server(connection, server)
        feeds = feeds_on_server(connection, seen, server)
    return render(
        request,
        "settings/server.html",
        server=server,
        states=SERVER_STATES,
        alerts=alerts,
        feeds=feeds,
        password=secret_state(server.password_secret),
        private_key=secret_state(server.private_key_secret),
        text=excerpt("sftp_servers", [server_part(server)]) if server.owned else None,
    )
