"""The pages of feeds: the list, one feed with its settings and contract, and a sample file to take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection, Engine

from nightmail.access.decisions import allowed
from nightmail.access.permissions import Permission
from nightmail.audit import write_entry
from nightmail.channels import CHANNELS
from nightmail.errors import NightmailError
from nightmail.intake.feed_overviews import FeedOverview, feed_overview, list_feeds
from nightmail.intake.upload_listing import UploadFilter, list_uploads
from nightmail.intake.upload_rights import may_upload
from nightmail.organisation.stored_feeds import FeedRow, feed_by_id, next_run_of
from nightmail.organisation.stored_templates import content_of_newest
from nightmail.preparation.feed_contracts import FeedContract, book_contract, feed_contract
from nightmail.store.clock import database_time
from nightmail.templates import Template, stored_template
from portal.problems import RequestError
from portal.state import PortalState
from portal.web.actors import actor_names
from portal.web.csv_answers import Cell, csv_answer
from portal.web.feeds.excerpts import yaml_excerpt
from portal.web.list_places import place_of, place_text
from portal.web.refusals import sentence_of
from portal.web.rendering import page_headers, render
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext
from portal.web.uploads.standings import source_words, standing_words

router = APIRouter(include_in_schema=False)
PAGE = 50
LAST_FILES = 8
FeedNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]
Reader = Annotated[SignedIn, needs(Permission.FEED_SEE)]
Typed = Annotated[str, Query(max_length=400)]


@router.get("/feeds")
def list_of_feeds(
    request: Request,
    portal: PortalState,
    me: Reader,
    search: Typed = "",
    team: Typed = "",
    after: Annotated[str, Query()] = "",
) -> Response:
    """The feeds of the teams that this person sees, by name."""
    values = _cleaned(search, team)
    place = place_of(after)
    with portal.engine.connect() as connection:
        feeds = list_feeds(
            connection,
            me.teams(Permission.FEED_SEE),
            team=values["team"],
            search=values["search"],
            after=place,
            limit=PAGE + 1,
        )
    chosen = {name: value for name, value in values.items() if value}
    following = {**chosen, "after": place_text(*feeds[PAGE - 1].place)} if feeds[PAGE:] else None
    return render(
        request,
        "feeds/list.html",
        feeds=feeds[:PAGE],
        values=values,
        filtered=bool(chosen),
        may_see_files=me.may(Permission.FILE_SEE),
        newer=f"/feeds?{urlencode(chosen)}" if place else None,
        older=f"/feeds?{urlencode(following)}" if following else None,
        export=f"/feeds.csv?{urlencode(chosen)}",
    )


@router.get("/feeds.csv")
def feeds_as_csv(request: Request, portal: PortalState, me: Reader, search: Typed = "", team: Typed = "") -> Response:
    """Every feed that fits, by name."""
    values = _cleaned(search, team)
    with portal.engine.begin() as connection:
        detail = {"filters": sorted(name for name, value in values.items() if value)}
        write_entry(connection, actor=me.principal.actor, action="feeds.exported", subject="feeds", detail=detail)
    header = (
        *(gettext("Team"), gettext("Feed"), gettext("Template"), gettext("Category"), gettext("SFTP server")),
        *(gettext("Folder"), gettext("Schedule"), gettext("Last file")),
    )
    return csv_answer(request, "feeds", header, _rows(portal.engine, me.teams(Permission.FEED_SEE), values))


@router.get("/feeds/{feed_id}")
def show_feed(feed_id: FeedNumber, request: Request, portal: PortalState, me: Reader) -> Response:
    """One feed: what it sends and how, what its files must be, and the last ones that came."""
    with portal.engine.connect() as connection:
        feed = _visible(connection, me, feed_id)
        row, template, problem = _as_it_is_set_up(connection, feed)
        sees_files = allowed(me.principal, Permission.FILE_SEE, feed.team).yes
        wanted = UploadFilter(feed_id=feed.id)
        files = list_uploads(connection, me.teams(Permission.FILE_SEE), wanted, limit=LAST_FILES) if sees_files else []
        names = actor_names(connection, [file.received_by for file in files if file.received_by])
        next_run = next_run_of(row, database_time(connection)) if row else None
    contract = _contract(row, template)
    return render(
        request,
        "feeds/feed.html",
        feed=feed,
        row=row,
        problem=problem,
        contract=contract,
        channels={name: channel.label for name, channel in CHANNELS.items()},
        next_run=next_run,
        excerpt=yaml_excerpt("feeds", feed.file_excerpt()),
        files=files,
        names=names,
        standings=standing_words(),
        sources=source_words(),
        sees_files=sees_files,
        may_upload=may_upload(me.principal, feed.team, feed.kind),
        may_see_people=allowed(me.principal, Permission.PEOPLE_SEE, feed.team).yes,
        may_see_template=me.may(Permission.TEMPLATE_SEE),
    )


@router.get("/feeds/{feed_id}/sample.csv")
def sample_file(feed_id: FeedNumber, request: Request, portal: PortalState, me: Reader) -> Response:
    """A file that keeps the feed's contract, to be filled in."""
    with portal.engine.connect() as connection:
        feed = _visible(connection, me, feed_id)
        row, template, _problem = _as_it_is_set_up(connection, feed)
    contract = _contract(row, template)
    if contract is None:
        raise RequestError("not_found", what="file")
    name = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "_-") else "_" for sign in feed.name)
    headers = page_headers(request) | {"Content-Disposition": f'attachment; filename="{name}-sample.csv"'}
    return Response(contract.sample(), headers=headers, media_type="text/csv; charset=utf-8")


def _visible(connection: Connection, me: SignedIn, feed_id: int) -> FeedOverview:
    found = feed_overview(connection, me.teams(Permission.FEED_SEE), feed_id)
    if found is None:
        raise RequestError("not_found", what="feed")
    return found


def _as_it_is_set_up(connection: Connection, feed: FeedOverview) -> tuple[FeedRow | None, Template | None, str]:
    """The feed with its settings and its template as it is now; what is wrong, for an administrator to mend."""
    try:
        row = feed_by_id(connection, feed.id)
        if not row.settings.sends:
            return row, None, ""
        return row, stored_template(content_of_newest(connection, row.sent_template)), ""
    except NightmailError as error:
        return None, None, sentence_of(error)
    except LookupError:
        return None, None, gettext("Its template has no version yet.")


def _contract(row: FeedRow | None, template: Template | None) -> FeedContract | None:
    if row is None:
        return None
    if not row.settings.sends:
        return book_contract(row.settings)
    return feed_contract(template, row.settings) if template else None


def _rows(engine: Engine, teams: tuple[str, ...], values: dict[str, str]) -> Iterator[tuple[Cell, ...]]:
    after: tuple[str, int] | None = None
    with engine.connect() as connection:
        while page := list_feeds(
            connection, teams, team=values["team"], search=values["search"], after=after, limit=500
        ):
            for feed in page:
                yield (
                    *(feed.team, feed.name, feed.template, feed.category, feed.sftp_server),
                    *(feed.folder, feed.schedule, feed.received_at),
                )
            after = page[-1].place


def _cleaned(search: str, team: str) -> dict[str, Any]:
    return {"search": search.replace("\x00", "").strip(), "team": team.replace("\x00", "").strip()[:250]}
