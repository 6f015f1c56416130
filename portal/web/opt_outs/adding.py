"""An opt-out or another suppression by hand: what it stops is shown first, then it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import require
from nightmail.access.permissions import Permission
from nightmail.channels import CHANNELS
from nightmail.consent.addresses import Address, channels_of, country_for, read_address
from nightmail.consent.suppressing import Added, suppress_by_hand
from nightmail.consent.suppressions import SuppressionRow, suppressions_of
from nightmail.errors import NightmailError
from nightmail.organisation.categories import category_names
from nightmail.organisation.teams import team_id_of
from portal.state import Portal, PortalState
from portal.web.channel_words import channel_label
from portal.web.messages import redirect
from portal.web.opt_outs.words import scope_of
from portal.web.refusals import at_its_field
from portal.web.rendering import render
from portal.web.sent_form import FormSent, SentForm
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext, ngettext

router = APIRouter(include_in_schema=False)
LONGEST_WHY = 500
Editor = Annotated[SignedIn, needs(Permission.SUPPRESSION_EDIT)]
FIELDS = {
    "phone_invalid": "address",
    "phone_country_needed": "address",
    "phone_damaged": "address",
    "email_invalid": "address",
    "address_not_of_channel": "channels",
    "category_unknown": "category",
    "team_unknown": "team",
    "not_permitted": "team",
}
KINDS = ("asked", "by_hand")


@router.get("/opt-outs/new")
def adding_form(request: Request, portal: PortalState, me: Editor) -> Response:
    """The form of an opt-out by hand."""
    team = me.teams(Permission.SUPPRESSION_EDIT)[0]
    return _form(request, portal, me, {"team": team, "kind": "asked", "channels": []}, {})


@router.post("/opt-outs/new")
def add(request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """First show which address was read and what is stopped, and once that was seen make it."""
    values = form.as_typed() | {"channels": form.values("channels")}
    errors = {}
    if form.value("kind", 20) not in KINDS:
        errors["kind"] = gettext("Choose one.")
    if not form.value("why", LONGEST_WHY):
        errors["why"] = gettext("Say where it comes from.")
    if errors:
        return _form(request, portal, me, values, errors)
    try:
        with portal.engine.connect() as connection:
            address, team_id, channels = _read(connection, portal, me, form)
            if form.value("seen") != _seen_word(address, channels, form):
                there = suppressions_of(connection, address.hash, team=form.value("team", 250) or None)
                return _form(
                    request, portal, me, values, {}, (address, channels), there, _seen_word(address, channels, form)
                )
        with portal.engine.begin() as connection:
            added = sum(_add(connection, me, form, address, team_id, channel).added for channel in channels)
    except NightmailError as error:
        return _form(request, portal, me, values, at_its_field(error, FIELDS))
    if added:
        said = ngettext(
            "It holds from the next hand-off on: %(num)d suppression was made.",
            "It holds from the next hand-off on: %(num)d suppressions were made.",
            added,
        ) % {"num": added}
    else:
        said = gettext("It was suppressed like that before: nothing was changed.")
    return redirect(request, f"/opt-outs?person={address.hash.hex()}", said, "good" if added else "info")


def _read(
    connection: Connection, portal: Portal, me: SignedIn, form: SentForm
) -> tuple[Address, int | None, tuple[str, ...]]:
    """The address that was typed, the team's id (``None``: all teams) and the channels; raises what is wrong with them."""
    team = form.value("team", 250)
    require(me.principal, Permission.SUPPRESSION_EDIT, team)
    team_id = team_id_of(connection, team) if team else None
    country = country_for(connection, team or None, portal.settings.default_country)
    address = read_address(form.value("address", 320), country=country, hash_key=portal.settings.key())
    chosen = form.values("channels")
    channels = tuple(name for each in chosen for name in channels_of(address, each)) or address.channels
    return address, team_id, channels


def _seen_word(address: Address, channels: tuple[str, ...], form: SentForm) -> str:
    """What was looked at: another address, channel, team or category is looked at first."""
    return ":".join((address.hash.hex(), "+".join(channels), form.value("team", 250), form.value("category", 200)))


def _add(
    connection: Connection, me: SignedIn, form: SentForm, address: Address, team_id: int | None, channel: str
) -> Added:
    return suppress_by_hand(
        connection,
        [address],
        actor=me.principal.actor,
        team_id=team_id,
        channel=channel,
        category=form.value("category", 200) or None,
        asked_for=form.value("kind", 20) == "asked",
        why=form.value("why", LONGEST_WHY),
    )


def _form(
    request: Request,
    portal: Portal,
    me: SignedIn,
    values: Mapping[str, str | list[str]],
    errors: dict[str, str],
    read: tuple[Address, tuple[str, ...]] | None = None,
    there: list[SuppressionRow] | None = None,
    seen: str = "",
) -> Response:
    teams = me.teams(Permission.SUPPRESSION_EDIT)
    with portal.engine.connect() as connection:
        categories = sorted({name for team in teams[:5] for name in category_names(connection, team or None)})
    return render(
        request,
        "opt_outs/new.html",
        422 if errors else 200,
        values=values,
        errors=errors,
        for_all="" in teams,
        channels=[(name, channel_label(name), "") for name in _channel_names()],
        categories=[("", gettext("Every category")), *((name, name) for name in categories)],
        masked=read[0].masked if read else "",
        stopped=[channel_label(name) for name in read[1]] if read else [],
        there=[(row, scope_of(row)) for row in there or []],
        seen=seen,
    )


def _channel_names() -> list[str]:
    return [name for name in CHANNELS if name in (*CHANNELS.for_emails(), *CHANNELS.for_numbers())]
