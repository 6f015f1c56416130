"""The pages of suppressions: list, finding an address, one of them, and lifting it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import allowed
from nightmail.access.permissions import Permission
from nightmail.channels import CHANNELS
from nightmail.consent.addresses import country_for, read_address
from nightmail.consent.suppressing import carriers_own_lists, lift_suppressions
from nightmail.consent.suppression_lists import (
    Place,
    SuppressionFilter,
    lifting_of,
    list_suppressions,
    seen_suppression,
)
from nightmail.consent.suppressions import SuppressionRow, suppressions_of
from nightmail.errors import NightmailError, UsageError
from nightmail.privacy import address_hash_of
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.actors import actor_names
from portal.web.channel_words import channel_choices, channel_label
from portal.web.list_places import moment_of, moment_text
from portal.web.messages import redirect
from portal.web.navigation import is_offered
from portal.web.opt_outs.words import REASONS, reason_choices, scope_of, source_label
from portal.web.refusals import sentence_of
from portal.web.rendering import render
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, needs
from portal.web.stated_days import beginning_of_day, end_of_day
from portal.web.taken_lists import Rows, taken_list
from portal.web.translating import gettext

router = APIRouter(include_in_schema=False)
PAGE = 50
LONGEST_WHY = 500
Typed = Annotated[str, Query(max_length=250)]
After = Annotated[str, Query(max_length=200)]
SuppressionNumber = Annotated[int, Path(ge=1, le=2**63 - 1)]
Reader = Annotated[SignedIn, needs(Permission.SUPPRESSION_SEE)]
Editor = Annotated[SignedIn, needs(Permission.SUPPRESSION_EDIT)]
_HASH = re.compile(r"[0-9a-f]{32}")


@router.get("/opt-outs")
def list_of_opt_outs(
    request: Request,
    portal: PortalState,
    me: Reader,
    reason: Typed = "",
    channel: Typed = "",
    team: Typed = "",
    since: Typed = "",
    until: Typed = "",
    person: Typed = "",
    after: After = "",
) -> Response:
    """Suppressions in force, the newest first."""
    chosen = _chosen(reason, channel, team, since, until, person)
    wanted, errors = _wanted(me, chosen)
    with portal.engine.connect() as connection:
        rows = [] if errors else list_suppressions(connection, wanted, after=moment_of(after), limit=PAGE + 1)
        names = actor_names(connection, [row.source for row in rows])
    shown = rows[:PAGE]
    following = {**chosen, "after": moment_text(shown[-1].created_at, shown[-1].id)} if rows[PAGE:] else None
    return render(
        request,
        "opt_outs/list.html",
        422 if errors else 200,
        rows=[(row, channel_label(row.channel), source_label(row.source, names)) for row in shown],
        values=dict.fromkeys(("reason", "channel", "team", "since", "until", "address"), "") | chosen,
        errors=errors,
        filtered=bool(chosen),
        one_person="person" in chosen,
        reasons=reason_choices(),
        channels=channel_choices(),
        may_add=me.may(Permission.SUPPRESSION_EDIT),
        probable=me.may(Permission.REPLY_SEE),
        newer=f"/opt-outs?{urlencode(chosen)}" if after else None,
        older=f"/opt-outs?{urlencode(following)}" if following else None,
        export=f"/opt-outs.csv?{urlencode(chosen)}",
    )


@router.get("/opt-outs.csv")
def export(
    request: Request,
    portal: PortalState,
    me: Reader,
    reason: Typed = "",
    channel: Typed = "",
    team: Typed = "",
    since: Typed = "",
    until: Typed = "",
    person: Typed = "",
) -> Response:
    """The list with these filters as CSV: no addresses, which are kept as keyed hashes alone."""
    chosen = _chosen(reason, channel, team, since, until, person)
    wanted, _errors = _wanted(me, chosen)
    header = ("Id", "Reason", "Channel", "Category", "Team", "Since", "Made by", "Why", "Campaign", "Message")

    def read(connection: Connection) -> Rows:
        place: Place | None = None
        while rows := list_suppressions(connection, wanted, after=place, limit=1000):
            for row in rows:
                campaign = (row.campaign, row.message_id) if _sees_campaign(me, row) else (None, None)
                what = (row.id, row.reason, row.channel, row.category, row.team, row.created_at, row.source, row.why)
                yield (*what, *campaign)
            place = (rows[-1].created_at, rows[-1].id)

    return taken_list(request, portal, me, Permission.SUPPRESSION_SEE, "opt_outs", header, read, chosen)


@router.post("/opt-outs/find")
def find(request: Request, portal: PortalState, me: Reader, form: FormSent) -> Response:
    """Lead to the suppressions of an address, which stands in no address of a page: only its keyed hash does."""
    written = form.value("address", 320)
    try:
        with portal.engine.connect() as connection:
            (team, *_) = me.teams(Permission.SUPPRESSION_SEE)
            country = country_for(connection, team or None, portal.settings.default_country)
            found = read_address(written, country=country, hash_key=portal.settings.key())
    except NightmailError as error:
        return redirect(request, "/opt-outs", sentence_of(error), "bad")
    return redirect(request, f"/opt-outs?person={found.hash.hex()}")


@router.get("/opt-outs/{suppression_id}")
def show_opt_out(suppression_id: SuppressionNumber, request: Request, portal: PortalState, me: Reader) -> Response:
    """One suppression: what it stops, since when and why; and lifting it, with what that allows again."""
    return _page(request, portal, me, suppression_id, {}, {})


@router.post("/opt-outs/{suppression_id}/lift")
def lift(
    suppression_id: SuppressionNumber, request: Request, portal: PortalState, me: Editor, form: FormSent
) -> Response:
    """Use an address again; says what still holds, and when another was quicker."""
    with portal.engine.connect() as connection:
        row = _seen(connection, me, suppression_id)
    if row is None:
        return redirect(request, f"/opt-outs/{suppression_id}", _lifted_meanwhile(), "warn")
    if not _may_lift(me, row):
        raise RequestError("not_found", what="suppression")
    why = form.value("why", LONGEST_WHY)
    errors = {}
    if not why:
        errors["why"] = gettext("Say why the address is used again.")
    if not form.ticked("agreed"):
        errors["agreed"] = gettext("Confirm it first.")
    if errors:
        return _page(request, portal, me, suppression_id, form.as_typed(), errors)
    with portal.engine.begin() as connection:
        lifted = lift_suppressions(
            connection, [row], actor=me.principal.actor, although_asked_for=row.asked_for, why=why
        )
        left = suppressions_of(connection, row.address_hash, team=row.team)
    if not lifted:
        return redirect(request, f"/opt-outs/{suppression_id}", _lifted_meanwhile(), "warn")
    said = gettext("It is lifted.")
    if left:
        said += " " + gettext("The address is still not used for other reasons, which are shown here.")
    advice = " ".join(carriers_own_lists([row.channel]))
    return redirect(request, f"/opt-outs?person={row.address_hash.hex()}", f"{said} {advice}".strip())


def _lifted_meanwhile() -> str:
    return gettext("It had been lifted meanwhile: see here by whom and why. Nothing was changed.")


def _chosen(reason: str, channel: str, team: str, since: str, until: str, person: str) -> dict[str, str]:
    chosen = {
        "reason": reason if reason in REASONS else "",
        "channel": channel if channel in CHANNELS else "",
        "team": team.replace("\x00", "").strip(),
        "since": since.strip(),
        "until": until.strip(),
        "person": person if _HASH.fullmatch(person) else "",
    }
    return {name: value for name, value in chosen.items() if value}


def _wanted(me: SignedIn, chosen: dict[str, str]) -> tuple[SuppressionFilter, dict[str, str]]:
    wanted = SuppressionFilter(
        teams=me.teams(Permission.SUPPRESSION_SEE),
        team=chosen.get("team"),
        channel=chosen.get("channel"),
        reason=chosen.get("reason"),
        hashed=address_hash_of(chosen["person"]) if "person" in chosen else None,
    )
    errors = {}
    for name, reading in (("since", beginning_of_day), ("until", end_of_day)):
        try:
            moment = reading(chosen.get(name, ""), me.zone)
        except ValueError:
            errors[name] = gettext("Give a date such as 2027-01-31, or leave it empty.")
        else:
            wanted = replace(wanted, since=moment) if name == "since" else replace(wanted, until=moment)
    return wanted, errors


def _seen(connection: Connection, me: SignedIn, suppression_id: int) -> SuppressionRow | None:
    """A suppression in force; ``None`` where it was lifted."""
    teams = me.teams(Permission.SUPPRESSION_SEE)
    try:
        return seen_suppression(connection, suppression_id, teams=teams)
    except UsageError:
        if lifting_of(connection, suppression_id, teams=teams) is None:
            raise RequestError("not_found", what="suppression") from None
        return None


def _may_lift(me: SignedIn, row: SuppressionRow) -> bool:
    return allowed(me.principal, Permission.SUPPRESSION_EDIT, row.team or "").yes


def _sees_campaign(me: SignedIn, row: SuppressionRow) -> bool:
    team = row.campaign_team
    return team is not None and allowed(me.principal, Permission.SUPPRESSION_SEE, team).yes


def _page(
    request: Request,
    portal: Portal,
    me: SignedIn,
    suppression_id: int,
    values: dict[str, str],
    errors: dict[str, str],
) -> Response:
    teams = me.teams(Permission.SUPPRESSION_SEE)
    with portal.engine.connect() as connection:
        row = _seen(connection, me, suppression_id)
        if row is None:
            over = lifting_of(connection, suppression_id, teams=teams)
            names = actor_names(connection, [over.lifted_by] if over and over.lifted_by else [])
            return render(request, "opt_outs/lifted.html", number=suppression_id, over=over, names=names)
        others = list_suppressions(connection, SuppressionFilter(teams=teams, hashed=row.address_hash), limit=PAGE)
        names = actor_names(connection, [row.source])
    return render(
        request,
        "opt_outs/opt_out.html",
        422 if errors else 200,
        row=row,
        label=channel_label(row.channel),
        source=source_label(row.source, names),
        scope=scope_of(row),
        others=[(each, scope_of(each)) for each in others if each.id != row.id],
        may_lift=_may_lift(me, row),
        sees_campaign=_sees_campaign(me, row),
        advice=carriers_own_lists([row.channel]),
        campaigns=is_offered(me, "/campaigns"),
        values=values,
        errors=errors,
    )
