"""A campaign whose source is a distribution list or a segment: `nightmail send --list`, the API and the portal's desk.

Who is in it is found once, before anything is decided, and kept as a file with the campaign: what was looked at is what is sent.
Lists may change meanwhile, the campaign does not.

>>> file = take_list(connection, "acme.billing", "list", "Customers", folder)
>>> sent = register_list_send(connection, "acme.billing", version, file, by=principal)
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text

from nightmail.access.decisions import require
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.campaigns.creation import create_campaign
from nightmail.campaigns.start_times import CampaignTimes
from nightmail.contact_files.kept_files import incoming_path
from nightmail.contacts.list_files import BOOK_SOURCES, ID_COLUMN, ListFile, find_source, write_list_file
from nightmail.errors import UsageError
from nightmail.intake import queries
from nightmail.organisation.feeds import FeedSettings, PlaceholderSettings
from nightmail.organisation.teams import get_team
from nightmail.stated_times import StatedStart


@dataclass(frozen=True, slots=True)
class ListSend:
    """What became of it: ``taken``, or ``repeated`` where ``campaign`` sent the same before."""

    state: str
    campaign: CampaignRow


@dataclass(frozen=True, slots=True)
class CampaignSource:
    """The list or segment that a campaign was made of, as it was then."""

    kind: str
    id: int
    name: str
    version: int
    contacts: int
    sha256: str
    resolved_at: dt.datetime


def source_of_campaign(connection: Connection, campaign: CampaignRow) -> CampaignSource | None:
    """What a campaign was made of; ``None`` for one that was not made of a list or segment."""
    if campaign.source not in BOOK_SOURCES:
        return None
    row = connection.execute(text(queries.LIST_OF_CAMPAIGN), {"campaign": campaign.id}).one()
    return CampaignSource(**row._mapping)


def take_list(connection: Connection, team: str, kind: str, which: str | int, folder: Path) -> ListFile:
    """Find out who is in a list (``kind`` is ``list``) or segment now, and keep them as a file below ``folder``.

    Raises :class:`UsageError` (``team_unknown``, ``list_unknown``, ``segment_unknown``, ``list_cycle``) and
    :class:`ContactFileError` (``list_nobody``).
    """
    source = find_source(connection, team, kind, which)
    return write_list_file(connection, source, team, incoming_path(folder, f"{kind}.parquet", uuid.uuid4().hex))


def list_settings(file: ListFile, settings: FeedSettings | None = None) -> FeedSettings:
    """The settings of a campaign made of ``file``, as its preparation and every check before it must have them.

    Columns mean what the book says, whatever their names; a contact is told by its id, since two teams may have given two
    people one external id; numbers are written with a point.
    """
    given = settings or FeedSettings()
    marks = {name: PlaceholderSettings(decimal_mark=".") for name in file.numbers}
    return given.model_copy(
        update={
            "mapping": {name: name for name in file.columns},
            "unique_by": (ID_COLUMN,),
            "placeholders": {**marks, **given.placeholders},
        }
    )


def register_list_send(
    connection: Connection,
    team: str,
    template_version_id: int,
    file: ListFile,
    *,
    by: Principal,
    settings: FeedSettings | None = None,
    start: StatedStart | None = None,
    cut_off_at: dt.datetime | None = None,
    again: bool = False,
    seen: tuple[str, int] | None = None,
) -> ListSend:
    """Make the campaign of a list that was taken as ``file``, in the caller's transaction.

    ``seen`` are the hash and the number of contacts that somebody looked at (:attr:`ListFile.sha256`, :attr:`ListFile.contacts`):
    with another audience nothing is made. The same contacts with the same values and template are ``repeated``, unless ``again``.

    Raises :class:`UsageError` (``list_audience_changed``, ``team_unknown``) and :class:`NightmailError` (``not_permitted``).
    """
    require(by, Permission.CAMPAIGN_SEND, team)
    owner = get_team(connection, team)
    if seen is not None and seen[0] != file.sha256:
        raise UsageError("list_audience_changed", name=file.source.name, then=seen[1], now=file.contacts)
    connection.execute(text(queries.LOCK), {"name": f"nightmail.send.{owner.id}"})
    values = {"team": owner.id, "version": template_version_id, "sha256": file.sha256}
    earlier = None if again else connection.scalar(text(queries.LIST_SEND_WITH_CONTENT), values)
    if earlier is not None:
        return ListSend("repeated", get_campaign(connection, int(earlier)))
    template = connection.execute(text(queries.TEMPLATE_OF_VERSION), {"version": template_version_id}).one()
    campaign = create_campaign(
        connection,
        team_id=owner.id,
        template_version_id=template_version_id,
        category_id=template.category_id,
        source=file.source.kind,
        actor=by.actor,
        name=template.name,
        settings=list_settings(file, settings).stored(),
        times=CampaignTimes(start, cut_off_at),
        start_stated=start is not None,
    )
    kept = {
        "campaign": campaign.id,
        "team": owner.id,
        "kind": file.source.kind,
        "source": file.source.found.id,
        "name": file.source.name,
        "source_version": file.source.found.version,
        "definition": json.dumps(dict(file.definition)),
        "contacts": file.contacts,
        "sha256": file.sha256,
        "path": str(file.path),
    }
    connection.execute(text(queries.KEEP_LIST), kept)
    return ListSend("taken", campaign)
