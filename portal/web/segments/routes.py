"""The pages of segments: the list, one with who fits now, and the form in which a rule is built row by row."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import allowed, sees_personal
from nightmail.access.permissions import Permission
from nightmail.contacts.list_membership import rule_membership
from nightmail.contacts.list_overviews import NameFilter, seen_segment, segments_of_teams
from nightmail.contacts.scopes import Scope, scope_of, scopes_of, vocabulary_of
from nightmail.contacts.segment_reading import Vocabulary, read_rule
from nightmail.contacts.segment_rules import Rule
from nightmail.contacts.segments import SegmentRow, change_segment, make_segment, remove_segment
from nightmail.errors import NightmailError, UsageError
from nightmail.organisation.teams import TeamRow, find_team
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.actors import actor_names
from portal.web.list_places import place_of, place_text
from portal.web.messages import changed_meanwhile, redirect
from portal.web.navigation import is_offered
from portal.web.refusals import at_its_field, sentence_of
from portal.web.rendering import render
from portal.web.segments.builder import Builder, Row, as_text, rows_sent
from portal.web.segments.fitting import Fitting, fitting_of, sentence_of_rule
from portal.web.sent_form import FormSent, SentForm
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext

router = APIRouter(include_in_schema=False)
PAGE = 50
LONGEST_RULE = 20_000
EXACT = "exact"
Exactness = Annotated[str, Query(max_length=20)]
Typed = Annotated[str, Query(max_length=250)]
After = Annotated[str, Query(max_length=4_000)]
SegmentNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]
Reader = Annotated[SignedIn, needs(Permission.CONTACT_SEE)]
Editor = Annotated[SignedIn, needs(Permission.LIST_EDIT)]
FIELDS = {
    "list_name_invalid": "name",
    "list_name_taken": "name",
    "team_unknown": "team",
    "not_permitted": "team",
    "segment_rule_invalid": "conditions",
    "segment_name_unknown": "conditions",
    "segment_zone_unknown": "conditions",
}


@router.get("/segments")
def list_of_segments(
    request: Request, portal: PortalState, me: Reader, search: Typed = "", team: Typed = "", after: After = ""
) -> Response:
    """Segments by name, each with its rule."""
    values = {"search": search.replace("\x00", "").strip(), "team": team.replace("\x00", "").strip()}
    chosen = {name: value for name, value in values.items() if value}
    teams = me.teams(Permission.CONTACT_SEE)
    wanted = NameFilter(teams, values["team"] or None, values["search"] or None, place_of(after), PAGE + 1)
    with portal.engine.connect() as connection:
        found = segments_of_teams(connection, wanted)
        scopes = scopes_of(connection, (each.team for each in found[:PAGE]))
    shown = [(each, _said(each, scopes[each.team])) for each in found[:PAGE]]
    last = found[PAGE - 1] if found[PAGE:] else None
    following = {**chosen, "after": place_text(last.name, last.id)} if last else None
    return render(
        request,
        "segments/list.html",
        segments=shown,
        values=values,
        filtered=bool(chosen),
        may_edit=me.may(Permission.LIST_EDIT),
        newer=f"/segments?{urlencode(chosen)}" if after else None,
        older=f"/segments?{urlencode(following)}" if following else None,
    )


@router.get("/segments/new")
def making_form(request: Request, portal: PortalState, me: Editor, team: Typed = "") -> Response:
    """The form of a new segment; of several teams, the choice of one comes with it."""
    owner = team.replace("\x00", "").strip() or me.teams(Permission.LIST_EDIT)[0]
    return _form(request, portal, me, None, {"team": owner}, [Row()])


@router.post("/segments/new")
def make(request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Show who fits a rule as it is built, or make the segment."""
    return _sent(request, portal, me, None, form)


@router.get("/segments/{segment_id}")
def show_segment(
    segment_id: SegmentNumber, request: Request, portal: PortalState, me: Reader, count: Exactness = ""
) -> Response:
    """A segment: its rule, and who fits now."""
    problem, sentence, membership, fitting = "", "", None, None
    with portal.engine.connect() as connection:
        segment = _seen(connection, me, segment_id)
        names = actor_names(connection, [segment.changed_by])
        try:
            used = scope_of(connection, segment.team)
            rule = read_rule(segment.rule, used.vocabulary)
            sentence, membership = sentence_of_rule(rule), rule_membership(used, rule)
        except UsageError as error:
            problem = sentence_of(error)
    if membership is not None:
        subject = f"segment:{segment.id}"
        fitting = fitting_of(portal.engine, me, membership, subject, sentence, exactly=count == EXACT)
    return render(
        request,
        "segments/segment.html",
        segment=segment,
        fitting=fitting,
        problem=problem,
        rule=json.dumps(dict(segment.rule), ensure_ascii=False, indent=2),
        by=names.get(segment.changed_by, segment.changed_by),
        personal=sees_personal(me.principal, segment.team),
        may_edit=allowed(me.principal, Permission.LIST_EDIT, segment.team).yes,
        send_address=send_address(me, "segment", segment.id, segment.team),
    )


@router.get("/segments/{segment_id}/change")
def changing_form(segment_id: SegmentNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """The rule of a segment, to be changed."""
    with portal.engine.connect() as connection:
        segment = _seen(connection, me, segment_id, Permission.LIST_EDIT)
        builder = Builder(vocabulary_of(connection, segment.team))
        try:
            rule = read_rule(segment.rule, builder.vocabulary)
            rows, text = builder.rows_of(rule), as_text(rule)
        except UsageError:
            rows, text = None, json.dumps(dict(segment.rule), ensure_ascii=False, indent=2)
    values = {"name": segment.name, "description": segment.description, "team": segment.team, "seen": segment.version}
    return _form(request, portal, me, segment, values | {"rule": text}, rows)


@router.post("/segments/{segment_id}/change")
def change(segment_id: SegmentNumber, request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Show who fits the changed rule, or keep it."""
    with portal.engine.connect() as connection:
        segment = _seen(connection, me, segment_id, Permission.LIST_EDIT)
    if form.number("seen") != segment.version:
        return changed_meanwhile(request, f"/segments/{segment_id}")
    return _sent(request, portal, me, segment, form)


@router.get("/segments/{segment_id}/remove")
def removing_form(segment_id: SegmentNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """The question before a segment goes."""
    with portal.engine.connect() as connection:
        segment = _seen(connection, me, segment_id, Permission.LIST_EDIT)
    return render(request, "segments/remove.html", segment=segment, errors={})


@router.post("/segments/{segment_id}/remove")
def remove(segment_id: SegmentNumber, request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Remove a segment that no list holds."""
    with portal.engine.connect() as connection:
        segment = _seen(connection, me, segment_id, Permission.LIST_EDIT)
    if form.number("seen") != segment.version:
        return changed_meanwhile(request, f"/segments/{segment_id}")
    try:
        with portal.engine.begin() as connection:
            remove_segment(connection, segment, by=me.principal)
    except NightmailError as error:
        return render(request, "segments/remove.html", 422, segment=segment, errors={"": sentence_of(error)})
    return redirect(
        request, "/segments", gettext("The segment is removed. Campaigns that were made of it keep whom it held.")
    )


def send_address(me: SignedIn, kind: str, number: int, team: str) -> str | None:
    """Where somebody sends to a segment or a list, where the desk is there for them."""
    may_send = is_offered(me, "/send") and allowed(me.principal, Permission.CAMPAIGN_SEND, team).yes
    return f"/send?{kind}={number}" if may_send else None


def _said(segment: SegmentRow, used: Scope) -> str:
    try:
        return sentence_of_rule(read_rule(segment.rule, used.vocabulary))
    except UsageError as error:
        return error.message


def _seen(
    connection: Connection, me: SignedIn, number: int, permission: Permission = Permission.CONTACT_SEE
) -> SegmentRow:
    try:
        found = seen_segment(connection, me.principal, number)
    except UsageError:
        raise RequestError("not_found", what="segment") from None
    if not allowed(me.principal, permission, found.team).yes:
        raise RequestError("not_found", what="segment")
    return found


def _sent(request: Request, portal: Portal, me: SignedIn, segment: SegmentRow | None, form: SentForm) -> Response:
    """What the form's buttons do: show who fits, add or take away a row, or keep the rule."""
    values: dict[str, Any] = {name: form.value(name, 1_000) for name in ("name", "description", "team", "seen")}
    team_path = segment.team if segment else str(values["team"])
    written = form.value("rule", LONGEST_RULE)
    as_json = "rule" in form.fields
    rows = None if as_json else rows_sent(form)
    values["rule"] = written
    saves = form.value("action", 40) == "save"
    errors: dict[str, str] = {}
    if saves and not values["name"]:
        errors["name"] = gettext("Enter a name.")
    membership, sentence, fitting = None, "", None
    made: SegmentRow | None = None
    try:
        with portal.engine.begin() as connection:
            team = _own(connection, me, team_path)
            used = scope_of(connection, team.path)
            builder = Builder(used.vocabulary)
            if rows is not None:
                rows = [builder.shown(row) for row in rows]
            stated, rule = _read(builder, rows, written)
            if saves and not errors:
                made = _keep(connection, me, segment, team, values, stated)
            elif allowed(me.principal, Permission.CONTACT_SEE, team.path).yes:
                # Who fits is shown to who may see the team's contacts.
                membership, sentence = rule_membership(used, rule), sentence_of_rule(rule)
    except NightmailError as error:
        if isinstance(error, RequestError):
            raise
        if error.reason == "list_changed_since" and segment:
            return changed_meanwhile(request, f"/segments/{segment.id}")
        rows = _marked(rows, error)
        errors |= at_its_field(error, FIELDS)
    if made is not None:
        said = gettext("The rule is kept.") if segment else gettext("The segment is made.")
        return redirect(request, f"/segments/{made.id}", said)
    if membership is not None:
        fitting = fitting_of(portal.engine, me, membership, f"rule:{membership.team.path}", sentence)
    return _form(request, portal, me, segment, values, rows, errors=errors, fitting=fitting)


def _own(connection: Connection, me: SignedIn, path: str) -> TeamRow:
    team = find_team(connection, path) if path else None
    if team is None or not allowed(me.principal, Permission.LIST_EDIT, team.path).yes:
        raise UsageError("team_unknown", team=path, known=", ".join(me.teams(Permission.LIST_EDIT)))
    return team


def _read(builder: Builder, rows: list[Row] | None, written: str) -> tuple[Any, Rule]:
    if rows is None:
        try:
            stated = json.loads(written)
        except ValueError as error:
            raise UsageError("segment_rule_invalid", place="the rule", problem=f"it is no JSON: {error}") from None
    else:
        stated, _parts = builder.written(rows)
    return stated, read_rule(stated, builder.vocabulary)


def _keep(
    connection: Connection, me: SignedIn, segment: SegmentRow | None, team: TeamRow, values: dict[str, Any], stated: Any
) -> SegmentRow:
    said = {"name": str(values["name"]), "description": str(values["description"])}
    if segment is None:
        return make_segment(connection, by=me.principal, team=team.path, rule=stated, **said)
    return change_segment(connection, segment, by=me.principal, rule=stated, **said)


def _marked(rows: list[Row] | None, error: NightmailError) -> list[Row] | None:
    """The rows, with what is wrong at the row that the error's place is of."""
    place = str(error.detail.get("place", "")) if rows else ""
    parts: list[list[int]] = []
    for number, row in enumerate(rows or []):
        if parts and row.joined == "or":
            parts[-1].append(number)
        else:
            parts.append([number])
    digits = [int(each) for each in "".join(sign if sign.isdigit() else " " for sign in place).split()]
    if not rows or not digits or digits[0] >= len(parts):
        return rows
    part = parts[digits[0]]
    inside = digits[1] if ".any[" in place and len(digits) > 1 else 0
    wrong = part[min(inside, len(part) - 1)]
    return [replace(row, error=sentence_of(error)) if number == wrong else row for number, row in enumerate(rows)]


def _form(
    request: Request,
    portal: Portal,
    me: SignedIn,
    segment: SegmentRow | None,
    values: dict[str, Any],
    rows: list[Row] | None,
    *,
    errors: dict[str, str] | None = None,
    fitting: Fitting | None = None,
) -> Response:
    with portal.engine.connect() as connection:
        path = segment.team if segment else str(values.get("team", ""))
        team = find_team(connection, path) if path else None
        usable = team is not None and allowed(me.principal, Permission.LIST_EDIT, team.path).yes
        vocabulary = vocabulary_of(connection, team.path) if team is not None and usable else Vocabulary({})
    builder = Builder(vocabulary)
    return render(
        request,
        "segments/form.html",
        422 if errors else 200,
        segment=segment,
        values=values,
        rows=[builder.shown(row) for row in rows] if rows is not None else None,
        vocabulary=builder.choices(),
        errors=errors or {},
        fitting=fitting,
        seen=values.get("seen", ""),
        teams=[each or gettext("all teams") for each in me.teams(Permission.LIST_EDIT)],
    )
