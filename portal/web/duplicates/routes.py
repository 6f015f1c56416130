"""The pages of duplicates: two contacts beside one another, merged or kept apart by hand, and the way back from a merge."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import allowed
from nightmail.access.permissions import Permission
from nightmail.audit import record_look
from nightmail.consent.merges import merge, undo_merge
from nightmail.contacts.contact_listing import (
    ContactRow,
    addresses_of,
    contacts_by_number,
    further_of,
    sees_contact_personal,
    tags_of,
)
from nightmail.contacts.duplicates import Proposal, proposals
from nightmail.contacts.merges import find_merge, keep_apart, list_merges
from nightmail.errors import NightmailError, UsageError
from nightmail.organisation.teams import find_team, first_team
from nightmail.privacy.masking import HIDDEN, shown_address, shown_birth_date
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.actors import actor_names
from portal.web.contacts.contact_routes import seen_contact
from portal.web.contacts.shown import title_of
from portal.web.contacts.words import field_label
from portal.web.duplicates.held_words import held_words, likeness_words
from portal.web.messages import changed_meanwhile, redirect
from portal.web.refusals import sentence_of
from portal.web.rendering import render
from portal.web.sent_form import FormSent, SentForm
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext

router = APIRouter(include_in_schema=False)
SHOWN = 50
LAST = 20
Typed = Annotated[str, Query(max_length=250)]
ContactNumber = Annotated[int, Path(ge=1, le=2**62)]
MergeNumber = Annotated[int, Path(ge=1, le=2**62)]
Reader = Annotated[SignedIn, needs(Permission.CONTACT_SEE)]
Editor = Annotated[SignedIn, needs(Permission.CONTACT_EDIT)]


@router.get("/duplicates")
def list_of_duplicates(request: Request, portal: PortalState, me: Reader, team: Typed = "") -> Response:
    """The pairs of one team's contacts that are probably one person, the likeliest first; and what was merged last."""
    teams = me.teams(Permission.CONTACT_SEE)
    errors: dict[str, str] = {}
    pairs: list[dict[str, Any]] = []
    with portal.engine.begin() as connection:
        path = team.replace("\x00", "").strip() or teams[0]
        owner = find_team(connection, path) if path else first_team(connection)
        if owner is None or not allowed(me.principal, Permission.CONTACT_SEE, owner.path).yes:
            errors["team"] = gettext("There is no such team here.")
        else:
            pairs = _pairs(connection, me, proposals(connection, owner.id, limit=SHOWN))
        merges = list_merges(connection, teams, limit=LAST)
        names = actor_names(connection, [each.decided_by for each in merges])
    return render(
        request,
        "duplicates/list.html",
        422 if errors else 200,
        pairs=pairs,
        merges=[(each, names.get(each.decided_by, each.decided_by)) for each in merges if each.merged_at],
        may_edit=me.may(Permission.CONTACT_EDIT),
        values={"team": owner.path if owner else path},
        errors=errors,
    )


@router.get("/duplicates/{contact_id}/{other_id}")
def show_pair(
    contact_id: ContactNumber, other_id: ContactNumber, request: Request, portal: PortalState, me: Reader
) -> Response:
    """Two contacts beside one another."""
    return _page(request, portal, me, (contact_id, other_id))


@router.post("/duplicates/{contact_id}/{other_id}/merge")
def merge_pair(
    contact_id: ContactNumber,
    other_id: ContactNumber,
    request: Request,
    portal: PortalState,
    me: Editor,
    form: FormSent,
) -> Response:
    """Make one contact of two: the one that is chosen stays."""
    numbers = (contact_id, other_id)
    kept = form.number("keep")
    if kept not in numbers:
        _pair(portal, me, numbers, Permission.CONTACT_EDIT)
        return _page(request, portal, me, numbers, {"keep": gettext("Choose which one stays.")})
    try:
        with portal.engine.begin() as connection:
            pair = [seen_contact(connection, me, number, Permission.CONTACT_EDIT) for number in numbers]
            if form.value("seen", 60) != _version(pair):
                return changed_meanwhile(request, f"/duplicates/{contact_id}/{other_id}")
            stays, goes = pair if kept == contact_id else reversed(pair)
            _, number = merge(connection, stays, goes, by=me.principal, key=portal.settings.key())
    except NightmailError as error:
        if isinstance(error, RequestError):
            raise
        return _page(request, portal, me, numbers, {"keep": sentence_of(error)})
    return redirect(request, f"/merges/{number}", gettext("They are one contact now."))


@router.post("/duplicates/{contact_id}/{other_id}/apart")
def keep_pair_apart(
    contact_id: ContactNumber,
    other_id: ContactNumber,
    request: Request,
    portal: PortalState,
    me: Editor,
) -> Response:
    """Say that two contacts are two people."""
    try:
        with portal.engine.begin() as connection:
            pair = [seen_contact(connection, me, number, Permission.CONTACT_EDIT) for number in (contact_id, other_id)]
            keep_apart(connection, *pair, by=me.principal)
    except NightmailError as error:
        if isinstance(error, RequestError):
            raise
        return redirect(request, f"/duplicates/{contact_id}/{other_id}", sentence_of(error), "warn")
    said = gettext("They stay two, and are not proposed again.")
    return redirect(request, f"/duplicates?team={pair[0].team}", said)


@router.get("/merges/{merge_id}")
def show_merge(merge_id: MergeNumber, request: Request, portal: PortalState, me: Reader) -> Response:
    """A merge, with its way back."""
    with portal.engine.begin() as connection:
        found = _merge(connection, me, merge_id)
        names = actor_names(connection, [each for each in (found.decided_by, found.undone_by) if each])
        contacts = [seen_contact(connection, me, number) for number in (found.kept_id, found.other_id)]
        titles = [title_of(each, personal=sees_contact_personal(me.principal, each)) for each in contacts]
    return render(
        request,
        "duplicates/merge.html",
        found=found,
        kept=(found.kept_id, titles[0]),
        other=(found.other_id, titles[1]),
        names=names,
        held=held_words(found.before.get("choices")),
        may_undo=found.merged_at is not None
        and found.undone_at is None
        and allowed(me.principal, Permission.CONTACT_EDIT, found.team).yes,
    )


@router.post("/merges/{merge_id}/undo")
def undo(merge_id: MergeNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """Take a merge back."""
    try:
        with portal.engine.begin() as connection:
            found = _merge(connection, me, merge_id)
            if not allowed(me.principal, Permission.CONTACT_EDIT, found.team).yes:
                raise RequestError("not_found", what="merge")
            undo_merge(connection, found, by=me.principal, key=portal.settings.key())
    except NightmailError as error:
        if isinstance(error, RequestError):
            raise
        return redirect(request, f"/merges/{merge_id}", sentence_of(error), "warn")
    return redirect(
        request,
        f"/merges/{merge_id}",
        gettext("The merge is taken back: both are as they were. What was asked to end since holds for both."),
    )


def _merge(connection: Connection, me: SignedIn, number: int) -> Any:
    try:
        return find_merge(connection, me.principal, number)
    except UsageError:
        raise RequestError("not_found", what="merge") from None


def _pairs(connection: Connection, me: SignedIn, found: list[Proposal]) -> list[dict[str, Any]]:
    numbers = {number for each in found for number in (each.first_id, each.second_id)}
    contacts = contacts_by_number(connection, me.principal, sorted(numbers))
    titles = {
        number: title_of(each, personal=sees_contact_personal(me.principal, each)) for number, each in contacts.items()
    }
    shown = [each for each in found if each.first_id in titles and each.second_id in titles]
    seen = sum(sees_contact_personal(me.principal, each) for each in contacts.values())
    if seen:
        team_id = next(iter(contacts.values())).team_id
        record_look(
            connection, actor=me.principal.actor, subject="duplicates", team_id=team_id, shown=("name",), count=seen
        )
    return [
        {
            "address": f"/duplicates/{each.first_id}/{each.second_id}",
            "first": titles[each.first_id],
            "second": titles[each.second_id],
            "why": likeness_words(each),
            "likeness": each.likeness / 100,
            "sure": each.why == "same_address",
        }
        for each in shown
    ]


def _pair(portal: Portal, me: SignedIn, numbers: tuple[int, int], permission: Permission) -> list[ContactRow]:
    with portal.engine.connect() as connection:
        return [seen_contact(connection, me, number, permission) for number in numbers]


def _version(pair: list[ContactRow]) -> str:
    return "-".join(str(contact.version) for contact in pair)


def _page(
    request: Request,
    portal: Portal,
    me: SignedIn,
    numbers: tuple[int, int],
    errors: dict[str, str] | None = None,
    form: SentForm | None = None,
) -> Response:
    with portal.engine.begin() as connection:
        pair = [seen_contact(connection, me, number) for number in numbers]
        if pair[0].team_id != pair[1].team_id or pair[0].id == pair[1].id:
            raise RequestError("not_found", what="page")
        further, tags = further_of(connection, list(numbers)), tags_of(connection, list(numbers))
        personal = sees_contact_personal(me.principal, pair[0])
        if personal:
            record_look(
                connection,
                actor=me.principal.actor,
                subject=f"contact:{pair[0].contact_id}",
                team_id=pair[0].team_id,
                shown=("address", "name"),
                count=2,
            )
    columns = [_facts(each, further.get(each.id, {}), tags.get(each.id, []), personal=personal) for each in pair]
    labels = list(dict.fromkeys((*columns[0], *columns[1])))
    may_edit = allowed(me.principal, Permission.CONTACT_EDIT, pair[0].team).yes
    gone = any(each.removed_at for each in pair)
    return render(
        request,
        "duplicates/duplicate.html",
        422 if errors else 200,
        here=f"/duplicates/{numbers[0]}/{numbers[1]}",
        team=pair[0].team,
        titles=[title_of(each, personal=personal) for each in pair],
        numbers=numbers,
        lines=[(label, *(column.get(label, "") for column in columns)) for label in labels],
        personal=personal,
        gone=gone,
        may_decide=may_edit and not gone,
        seen=_version(pair),
        values=form.as_typed() if form else {},
        errors=errors or {},
    )


def _facts(contact: ContactRow, further: dict[str, list[str]], tags: list[str], *, personal: bool) -> dict[str, str]:
    addresses = [each for listed in addresses_of(contact, further).values() for each in listed]
    born = shown_birth_date(contact.birth_date, personal=personal)
    found = {
        field_label("name"): title_of(contact, personal=personal),
        field_label("external_id"): contact.external_id if personal else HIDDEN,
        gettext("Addresses"): ", ".join(shown_address(each, personal=personal) for each in addresses),
        field_label("birth_date"): born.isoformat() if born else "",
        field_label("language"): contact.language or "",
        field_label("country"): contact.country or "",
        field_label("time_zone"): contact.time_zone or "",
        gettext("Tags"): ", ".join(tags),
    }
    return found | {name: str(value) if personal else HIDDEN for name, value in contact.attributes.items()}
