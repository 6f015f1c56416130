"""Templates: the list, one template with its versions, two versions compared, and the way back to an earlier one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection, Engine

from nightmail.access.decisions import allowed
from nightmail.access.permissions import Permission
from nightmail.audit import write_entry
from nightmail.channels import CHANNELS
from nightmail.errors import NightmailError
from nightmail.intake.feed_overviews import list_feeds
from nightmail.templates import Template, stored_template
from nightmail.templates.comparisons import compare_templates
from nightmail.templates.template_listing import (
    TemplateOverview,
    list_templates,
    template_overview,
    template_versions,
    version_content,
)
from nightmail.templates.template_storage import restore_version
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.actors import actor_names
from portal.web.csv_answers import Cell, csv_answer
from portal.web.list_places import place_of, place_text
from portal.web.message_templates.part_words import part_label
from portal.web.messages import redirect
from portal.web.refusals import sentence_of
from portal.web.rendering import render
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext

router = APIRouter(include_in_schema=False)
PAGE = 50
VERSIONS = 25
MOST_FEEDS = 20
TemplateNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]
VersionNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]
Reader = Annotated[SignedIn, needs(Permission.TEMPLATE_SEE)]
Publisher = Annotated[SignedIn, needs(Permission.TEMPLATE_PUBLISH)]
Typed = Annotated[str, Query(max_length=400)]


@router.get("/templates")
def list_of_templates(
    request: Request,
    portal: PortalState,
    me: Reader,
    search: Typed = "",
    team: Typed = "",
    after: Annotated[str, Query()] = "",
) -> Response:
    """The templates of the teams that this person sees, by name."""
    values = _cleaned(search, team)
    place = place_of(after)
    with portal.engine.connect() as connection:
        teams = me.teams(Permission.TEMPLATE_SEE)
        templates = list_templates(
            connection, teams, team=values["team"], search=values["search"], after=place, limit=PAGE + 1
        )
    chosen = {name: value for name, value in values.items() if value}
    following = {**chosen, "after": place_text(*templates[PAGE - 1].place)} if templates[PAGE:] else None
    return render(
        request,
        "message_templates/list.html",
        templates=templates[:PAGE],
        channels=_channel_labels(),
        values=values,
        filtered=bool(chosen),
        newer=f"/templates?{urlencode(chosen)}" if place else None,
        older=f"/templates?{urlencode(following)}" if following else None,
        export=f"/templates.csv?{urlencode(chosen)}",
    )


@router.get("/templates.csv")
def templates_as_csv(
    request: Request, portal: PortalState, me: Reader, search: Typed = "", team: Typed = ""
) -> Response:
    """Every template that fits, by name."""
    values = _cleaned(search, team)
    with portal.engine.begin() as connection:
        detail = {"filters": sorted(name for name, value in values.items() if value)}
        write_entry(
            connection, actor=me.principal.actor, action="templates.exported", subject="templates", detail=detail
        )
    header = (
        *(gettext("Team"), gettext("Template"), gettext("Category"), gettext("Channels"), gettext("Languages")),
        *(gettext("Version"), gettext("In force since"), gettext("Feeds")),
    )
    rows = _rows(portal.engine, me.teams(Permission.TEMPLATE_SEE), values)
    return csv_answer(request, "templates", header, rows)


@router.get("/templates/{template_id}")
def show_template(
    template_id: TemplateNumber,
    request: Request,
    portal: PortalState,
    me: Reader,
    before: Annotated[str, Query(pattern=r"^[0-9]{0,9}$")] = "",
) -> Response:
    """One template: its versions, the feeds that send it, and the placeholders that it takes."""
    with portal.engine.connect() as connection:
        found = visible_template(connection, me, template_id)
        versions = template_versions(connection, found.id, before=int(before) if before else None, limit=VERSIONS + 1)
        names = actor_names(connection, [row.created_by for row in versions if row.created_by])
        teams = me.teams(Permission.FEED_SEE)
        feeds = list_feeds(connection, teams, template_id=found.id, limit=MOST_FEEDS) if teams else []
    template, problem = readable(found.content)
    return render(
        request,
        "message_templates/template.html",
        found=found,
        message_template=template,
        problem=problem,
        versions=versions[:VERSIONS],
        older=f"/templates/{found.id}?before={versions[VERSIONS - 1].version}" if versions[VERSIONS:] else None,
        newer=f"/templates/{found.id}" if before else None,
        names=names,
        feeds=feeds,
        channels=_channel_labels(),
        may_publish=allowed(me.principal, Permission.TEMPLATE_PUBLISH, found.team).yes,
    )


@router.get("/templates/{template_id}/compare")
def compare(
    template_id: TemplateNumber,
    request: Request,
    portal: PortalState,
    me: Reader,
    earlier: Annotated[int, Query(ge=1, le=2**31 - 1)] = 1,
    later: Annotated[int, Query(ge=1, le=2**31 - 1)] = 1,
) -> Response:
    """What differs between two versions, word by word."""
    with portal.engine.connect() as connection:
        found = visible_template(connection, me, template_id)
        newest = [row.version for row in template_versions(connection, found.id, limit=200)]
        first = _version(connection, found, earlier)
        second = _version(connection, found, later)
    parts = compare_templates(first, second)
    return render(
        request,
        "message_templates/compare.html",
        found=found,
        earlier=earlier,
        later=later,
        versions=newest,
        changed=[(part_label(part.key), part) for part in parts if part.changed],
        same=[part_label(part.key) for part in parts if not part.changed],
        may_publish=allowed(me.principal, Permission.TEMPLATE_PUBLISH, found.team).yes,
    )


@router.get("/templates/{template_id}/versions/{version}/restore")
def ask_to_restore(
    template_id: TemplateNumber, version: VersionNumber, request: Request, portal: PortalState, me: Publisher
) -> Response:
    """The question before an earlier version is taken again."""
    return _question(request, portal, me, template_id, version)


@router.post("/templates/{template_id}/versions/{version}/restore")
def restore(
    template_id: TemplateNumber,
    version: VersionNumber,
    request: Request,
    portal: PortalState,
    me: Publisher,
    form: FormSent,
) -> Response:
    """Take an earlier version again; where another one came meanwhile, that is said and nothing is done."""
    with portal.engine.connect() as connection:
        found = visible_template(connection, me, template_id)
    seen = form.number("seen")
    try:
        with portal.engine.begin() as connection:
            stored = restore_version(connection, found.id, version, seen=seen or 0, by=me.principal)
    except NightmailError as error:
        if error.reason in ("not_permitted", "template_version_unknown"):
            raise RequestError("not_found", what="page") from None
        return _question(request, portal, me, template_id, version, sentence_of(error))
    message = gettext("Version %(earlier)s is in force again, as version %(later)s.")
    return redirect(request, f"/templates/{found.id}", message % {"earlier": version, "later": stored.version})


def _question(
    request: Request, portal: Portal, me: SignedIn, template_id: int, version: int, problem: str = ""
) -> Response:
    with portal.engine.connect() as connection:
        found = visible_template(connection, me, template_id)
        if not allowed(me.principal, Permission.TEMPLATE_PUBLISH, found.team).yes:
            raise RequestError("not_found", what="page")
        wanted = _version(connection, found, version)
    current, _problem = readable(found.content)
    parts = compare_templates(current, wanted) if current else []
    needed = {name for name, placeholder in wanted.needs().items() if placeholder.required}
    known = {name for name, placeholder in current.needs().items() if placeholder.required} if current else set()
    return render(
        request,
        "message_templates/restore.html",
        422 if problem else 200,
        found=found,
        shown_version=version,
        changed=[part_label(part.key) for part in parts if part.changed],
        further=sorted(needed - known),
        errors={"": problem} if problem else {},
    )


def visible_template(connection: Connection, me: SignedIn, template_id: int) -> TemplateOverview:
    """The template of a number. Raises :class:`RequestError` (``not_found``) for one that this person may not see."""
    found = template_overview(connection, me.teams(Permission.TEMPLATE_SEE), template_id)
    if found is None:
        raise RequestError("not_found", what="template")
    return found


def readable(content: object) -> tuple[Template | None, str]:
    """The template of a stored content; what is wrong with one of an earlier release that is none any more."""
    try:
        return stored_template(content), ""  # type: ignore[arg-type]
    except NightmailError as error:
        return None, sentence_of(error)


def _version(connection: Connection, found: TemplateOverview, version: int) -> Template:
    content = version_content(connection, found.id, version)
    template = readable(content)[0] if content is not None else None
    if template is None:
        raise RequestError("not_found", what="version")
    return template


def _channel_labels() -> dict[str, str]:
    return {name: channel.label for name, channel in CHANNELS.items()}


def _rows(engine: Engine, teams: tuple[str, ...], values: dict[str, str]) -> Iterator[tuple[Cell, ...]]:
    after: tuple[str, int] | None = None
    with engine.connect() as connection:
        while page := list_templates(
            connection, teams, team=values["team"], search=values["search"], after=after, limit=200
        ):
            for found in page:
                yield (
                    *(found.team, found.name, found.category, " ".join(found.channels), " ".join(found.languages)),
                    *(found.version, found.created_at, found.feeds),
                )
            after = page[-1].place


def _cleaned(search: str, team: str) -> dict[str, str]:
    return {"search": search.replace("\x00", "").strip(), "team": team.replace("\x00", "").strip()[:250]}
