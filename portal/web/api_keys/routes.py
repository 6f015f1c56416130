"""The pages of API keys: list, one key, making, rotating, revoking."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import allowed
from nightmail.access.key_changes import KeyRow, find_key, list_keys, new_key, revoke_key, rotate_key
from nightmail.access.permissions import Permission
from nightmail.errors import NightmailError
from portal.problems import RequestError
from portal.state import PortalState
from portal.web.actors import actor_names
from portal.web.list_places import place_of, place_text
from portal.web.messages import redirect
from portal.web.permission_words import meaning_of, permission_groups
from portal.web.refusals import at_its_field, sentence_of
from portal.web.rendering import render
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, needs
from portal.web.stated_days import end_of_day
from portal.web.translating import gettext

router = APIRouter(prefix="/api-keys", include_in_schema=False)
PAGE = 50
OVERLAPS = {"0": timedelta(0), "1": timedelta(hours=1), "24": timedelta(days=1), "168": timedelta(days=7)}
"""For how long the old key may still be taken, by what the form sends."""
FIELDS = {
    "key_name": "name",
    "key_exists": "name",
    "key_over": "until",
    "network_wrong": "networks",
    "not_permitted": "team",
    "team_unknown": "team",
    "permission_unknown": "permissions",
    "grant_exceeds_yours": "permissions",
}
"""The field that a refusal of the domain is about."""
KeyNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]
Reader = Annotated[SignedIn, needs(Permission.KEY_SEE)]
Editor = Annotated[SignedIn, needs(Permission.KEY_EDIT, recently=True)]


@router.get("")
def list_of_keys(
    request: Request,
    portal: PortalState,
    me: Reader,
    team: Annotated[str, Query()] = "",
    over: Annotated[str, Query()] = "",
    after: Annotated[str, Query()] = "",
) -> Response:
    """The keys of the teams that this person sees, the newest first."""
    values = {"team": team.strip()[:250], "over": "yes" if over == "yes" else ""}
    place = place_of(after)
    with portal.engine.connect() as connection:
        keys = list_keys(
            connection,
            me.principal,
            team=values["team"] or None,
            over=bool(values["over"]),
            before=place[1] if place else None,
            limit=PAGE + 1,
        )
    chosen = {name: value for name, value in values.items() if value}
    following = {**chosen, "after": place_text("", keys[PAGE - 1].id)} if keys[PAGE:] else None
    return render(
        request,
        "api_keys/list.html",
        keys=keys[:PAGE],
        values=values,
        errors={},
        filtered=bool(chosen),
        newer=f"/api-keys?{urlencode(chosen)}" if place else None,
        older=f"/api-keys?{urlencode(following)}" if following else None,
        may_make=me.may(Permission.KEY_EDIT),
    )


@router.get("/new")
def key_form(request: Request, me: Editor) -> Response:
    """The form of a new key."""
    return _form(request, me, {"team": me.teams(Permission.KEY_EDIT)[0]})


@router.post("/new")
def make_key(request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Make a key and show it this once."""
    values = {**form.as_typed(), "permissions": form.values("permissions")}
    try:
        until = end_of_day(form.value("until", 20), me.zone)
    except ValueError:
        return _form(request, me, values, {"until": gettext("Give a date such as 2027-01-31, or leave it empty.")})
    if not form.values("permissions"):
        return _form(request, me, values, {"permissions": gettext("Tick what the key may do.")})
    networks = [network for network in form.value("networks", 2_000).replace(",", " ").split() if network]
    try:
        with portal.engine.begin() as connection:
            key, value = new_key(
                connection,
                by=me.principal,
                team=form.value("team", 250),
                name=form.value("name", 200),
                permissions=form.values("permissions"),
                expires_at=until,
                allowed_networks=networks,
            )
    except NightmailError as error:
        return _form(request, me, values, at_its_field(error, FIELDS))
    return render(request, "api_keys/made.html", key=key, value=value, replaced=False)


@router.get("/{key_id}")
def show_key(key_id: KeyNumber, request: Request, portal: PortalState, me: Reader) -> Response:
    """One key: what it may do, and since when."""
    return _key_page(request, portal, me, key_id)


@router.post("/{key_id}/rotate")
def rotate(key_id: KeyNumber, request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Put a new key in the place of one, and show it this once."""
    overlap = OVERLAPS.get(form.value("hours", 10))
    if overlap is None:
        return _key_page(request, portal, me, key_id, {"hours": gettext("Choose one of these.")})
    try:
        with portal.engine.begin() as connection:
            key = _visible(connection, me, key_id)
            made, value = rotate_key(connection, key, by=me.principal, overlap=overlap)
    except RequestError:
        raise
    except NightmailError as error:
        return _key_page(request, portal, me, key_id, {"": sentence_of(error)})
    return render(request, "api_keys/made.html", key=made, value=value, replaced=True)


@router.get("/{key_id}/revoke")
def ask_to_revoke(key_id: KeyNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """The question before a key ends."""
    with portal.engine.connect() as connection:
        key = _visible(connection, me, key_id)
    return render(request, "api_keys/revoke.html", key=key, errors={})


@router.post("/{key_id}/revoke")
def revoke(key_id: KeyNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """End a key."""
    with portal.engine.connect() as connection:
        key = _visible(connection, me, key_id)
    try:
        with portal.engine.begin() as connection:
            revoke_key(connection, key, by=me.principal)
    except NightmailError as error:
        return render(request, "api_keys/revoke.html", 422, key=key, errors={"": sentence_of(error)})
    return redirect(request, f"/api-keys/{key_id}", gettext("The key is revoked."))


def _key_page(
    request: Request, portal: PortalState, me: SignedIn, key_id: int, errors: dict[str, str] | None = None
) -> Response:
    with portal.engine.connect() as connection:
        key = _visible(connection, me, key_id)
        made_by = actor_names(connection, [key.created_by])[key.created_by]
    return render(
        request,
        "api_keys/key.html",
        422 if errors else 200,
        key=key,
        made_by=made_by,
        permissions=[(each, meaning_of(each)) for each in sorted(key.permissions)],
        may_edit=allowed(me.principal, Permission.KEY_EDIT, key.team).yes,
        values={"hours": "24"},
        errors=errors or {},
    )


def _visible(connection: Connection, me: SignedIn, key_id: int) -> KeyRow:
    try:
        return find_key(connection, str(key_id), by=me.principal)
    except NightmailError:
        raise RequestError("not_found", what="key") from None


def _form(request: Request, me: SignedIn, values: dict[str, Any], errors: dict[str, str] | None = None) -> Response:
    return render(
        request,
        "api_keys/form.html",
        422 if errors else 200,
        values=values,
        errors=errors or {},
        groups=permission_groups(),
        teams=me.teams(Permission.KEY_EDIT),
    )
