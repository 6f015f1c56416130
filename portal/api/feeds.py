"""Feeds: what there is to upload to and to send by, and which values their templates take."""

from __future__ import annotations

import logging

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from nightmail.errors import NightmailError
from nightmail.organisation.stored_feeds import feed_by_id, feeds_at_or_below
from nightmail.organisation.stored_templates import template_content
from nightmail.templates import stored_template
from portal.api.authentication import FeedReader
from portal.api.errors import errors
from portal.api.pages_of import Cursor, Limit, Page, cursor_of, link_to_next, position_of
from portal.api.strict_query import refuse_unknown_query
from portal.state import PortalState

_log = logging.getLogger("nightmail.portal")

router = APIRouter(prefix="/v1/feeds", tags=["feeds"], dependencies=[Depends(refuse_unknown_query)])


class Feed(BaseModel):
    """A standing order: which template is sent to the contacts of a file, and how."""

    name: str = Field(examples=["invoices"])
    team: str = Field(examples=["acme.billing"])
    feed: str = Field(
        description="What to give as `feed` with a key of any team above", examples=["acme.billing/invoices"]
    )
    kind: str = Field(
        description="`messages`: its files are sent; `contacts`, `preferences`: they change the address book",
        examples=["messages"],
    )
    template: str | None = Field(description="Null where nothing is sent", examples=["invoice_due"])
    category: str | None = Field(description="Of what is sent", examples=["billing"])
    channels: list[str] = Field(description="In the order in which they are used", examples=[["sms", "voice"]])
    placeholders: list[str] = Field(
        description="The columns, or `values`, that the template takes", examples=[["amount", "first_name"]]
    )
    default_country: str | None = Field(description="Country of national phone numbers", examples=["DE"])
    folder: str | None = Field(description="Where files for it are dropped by SFTP", examples=["/billing/invoices"])
    schedule: str | None = Field(description="When it starts, as cron writes it; null: when a file comes")


def _feed(connection: Connection, feed_id: int, version: int | None) -> Feed | None:
    """A feed as the API shows it; ``None`` for one that cannot be used as it is set up: an administrator's to mend."""
    try:
        row = feed_by_id(connection, feed_id)
        placeholders, channels = (
            ([], []) if version is None or not row.settings.sends else _placeholders_and_channels(connection, version)
        )
    except NightmailError as error:
        _log.warning("the feed %d cannot be shown: %s", feed_id, error.reason)
        return None
    return Feed(
        name=row.name,
        team=row.team,
        feed=f"{row.team}/{row.name}",
        kind=row.settings.kind,
        template=row.template if row.settings.sends else None,
        category=(row.settings.category or row.category) if row.settings.sends else None,
        channels=[c for c in row.settings.channels or channels if c in channels],
        placeholders=placeholders,
        default_country=row.default_country or row.team_country,
        folder=row.folder,
        schedule=row.schedule,
    )


def _placeholders_and_channels(connection: Connection, version: int) -> tuple[list[str], list[str]]:
    """The placeholders and the channels of a template's version."""
    template = stored_template(template_content(connection, version))
    return sorted(template.placeholders), list(template.channels)


@router.get("", summary="Your feeds", responses=errors())
def list_all(
    *,
    request: Request,
    response: Response,
    program: FeedReader,
    portal: PortalState,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Feed]:
    """The active feeds of your team and of the teams below, with what their templates take."""
    with portal.engine.connect() as connection:
        after = min(position_of(cursor) or 0, 2**31 - 1)
        found = feeds_at_or_below(connection, program.team_path, after_id=after, limit=limit + 1)
        items = [
            feed for entry in found[:limit] if (feed := _feed(connection, entry.id, entry.template_version)) is not None
        ]
    following = cursor_of(found[limit - 1].id) if len(found) > limit else None
    link_to_next(request, response, following)
    return Page(items=items, next=following)
