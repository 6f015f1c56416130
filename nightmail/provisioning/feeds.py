"""Templates and feeds of an organisation, brought into the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from nightmail.organisation.categories import find_category
from nightmail.organisation.feeds import feed_settings
from nightmail.provisioning.organisation import FeedPart, TemplatePart
from nightmail.provisioning.setup import CHANGE, CREATE, KEEP, LEAVE, Change, Setup, organisation_invalid
from nightmail.store import tables
from nightmail.templates import load_template
from nightmail.templates.template_storage import store_template_file


def set_up_template(work: Setup, part: TemplatePart) -> None:
    """Store one template file as the team's next version where it changed.

    Raises :class:`ConfigurationError` (``organisation_invalid``), and what loading the template raises.
    """
    path = work.path(part.file)
    if not path.is_file():
        raise organisation_invalid(f"there is no template file {path}")
    template = load_template(path)
    name = f"{part.team}/{template.name}"
    before = _newest_version(work, part.team, template.name)
    stored = store_template_file(work.connection, part.team, template, actor=work.actor)
    if stored.kept_against_file:
        why = (
            f"version {stored.version} stays in force, in which somebody took version {stored.restores} again; "
            "the file is as it was, so it changes nothing: change it to bring in another version"
        )
        work.changes.append(Change(LEAVE, "template", name, (why,)))
    elif stored.version == before:
        work.changes.append(Change(KEEP, "template", name))
    else:
        action = CREATE if before is None else CHANGE
        work.changes.append(Change(action, "template", name, (f"version {stored.version}",)))


def set_up_feed(work: Setup, part: FeedPart) -> None:
    """Bring in one feed. Raises :class:`ConfigurationError` (``organisation_invalid``, ``feed_settings_invalid``)."""
    template = None if part.template is None else _of_team_or_above(work, tables.Template, part.team, part.template)
    if part.template is not None and template is None:
        raise organisation_invalid(
            f"the feed {part.name} of {part.team} names the template {part.template}, which does not exist"
        )
    server = None
    if part.sftp_server is not None:
        server = (
            work.sftp_server_ids.get(part.sftp_server)
            or work.connection.execute(
                select(tables.SftpServer.id).where(tables.SftpServer.name == part.sftp_server)
            ).scalar_one_or_none()
        )
        if server is None:
            raise organisation_invalid(
                f"the feed {part.name} names the SFTP server {part.sftp_server}, which does not exist"
            )
    _refuse_taken_folder(work, part, server)
    feed_settings(part.settings, f"{part.team}/{part.name}")
    category = part.settings.get("category")
    if category is not None and find_category(work.connection, part.team, str(category)) is None:
        raise organisation_invalid(
            f"the feed {part.name} of {part.team} names the category {category}, which does not exist"
        )
    work.settle(
        "feed",
        f"{part.team}/{part.name}",
        tables.Feed,
        {"team_id": work.team_id(part.team), "name": part.name},
        {
            "template_id": template,
            "sftp_server_id": server,
            "folder": part.folder,
            "default_country": part.default_country,
            "settings": part.settings,
            "schedule": part.schedule,
            "active": True,
        },
        named={"template_id": tables.Template, "sftp_server_id": tables.SftpServer},
    )


def _refuse_taken_folder(work: Setup, part: FeedPart, server: int | None) -> None:
    if server is None:
        return
    feed, team = tables.Feed, tables.Team
    other = work.connection.execute(
        select(team.path, feed.name)
        .join(team, team.id == feed.team_id)
        .where(feed.sftp_server_id == server, feed.folder == part.folder)
    ).first()
    if other is not None and (other.path, other.name) != (part.team, part.name):
        raise organisation_invalid(
            f"the feed {part.name} of {part.team} names the folder {part.folder} on {part.sftp_server}, which is that of "
            f"the feed {other.path}/{other.name}; a feed that the file no longer names is retired with --prune"
        )


def _newest_version(work: Setup, team: str, name: str) -> int | None:
    return work.connection.scalar(
        select(func.max(tables.TemplateVersion.version))
        .join(tables.Template, tables.Template.id == tables.TemplateVersion.template_id)
        .where(tables.Template.team_id == work.team_ids[team], tables.Template.name == name)
    )


def _of_team_or_above(work: Setup, table: Any, team: str, name: str) -> int | None:
    parts = team.split(".")
    for length in range(len(parts), 0, -1):
        id_ = work.team_ids[".".join(parts[:length])]
        found = work.connection.execute(
            select(table.id).where(table.team_id == id_, table.name == name)
        ).scalar_one_or_none()
        if found is not None:
            return int(found)
    return None
