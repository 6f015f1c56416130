"""Templates in the store: each version is kept as it was and never changed, and the newest one is what is sent.

An earlier version comes back as a new one with its content, so that what was sent when can always be said. A file that was not
changed since does not undo that: the hash of the content that came from it last tells.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, text

from nightmail.access.decisions import require
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.audit import write_entry
from nightmail.errors import NightmailError, UsageError
from nightmail.organisation.categories import named_category
from nightmail.organisation.teams import team_id_of
from nightmail.templates.loading import stored_template
from nightmail.templates.model import Template
from nightmail.templates.queries import NEWEST_VERSION, STORE_TEMPLATE, STORE_VERSION, TEMPLATE_TO_CHANGE


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version that is in force. ``kept_against_file`` says that a person took an earlier one again, and the file stays unused."""

    id: int
    version: int
    restores: int | None = None
    kept_against_file: bool = False


def store_template(connection: Connection, team: str, template: Template, *, actor: str) -> int:
    """Keep a template as a team's next version, unless the newest one is the same; return the version's id.

    Raises :class:`UsageError` (``team_unknown``, ``category_unknown``).
    """
    team_id, template_id, content = _prepared(connection, team, template)
    return _stored(connection, team, team_id, template.name, template_id, content, actor).id


def store_template_file(connection: Connection, team: str, template: Template, *, actor: str) -> StoredVersion:
    """The same for a template of an organisation file, which comes again and again.

    A file that is as it was when it came last brings nothing, also where a person took an earlier version again since. A changed
    file is the next version. Raises what :func:`store_template` does.
    """
    team_id, template_id, content = _prepared(connection, team, template)
    digest = _hash(content)
    known = connection.scalar(text("select file_hash from template where id = :id for update"), {"id": template_id})
    newest = _newest(connection, template_id)
    if newest is not None and newest.restores is not None and known is not None and bytes(known) == digest:
        same = newest.content == json.loads(content)
        return StoredVersion(int(newest.id), int(newest.version), newest.restores, kept_against_file=not same)
    stored = _stored(connection, team, team_id, template.name, template_id, content, actor)
    connection.execute(
        text("update template set file_hash = :hash where id = :id and file_hash is distinct from :hash"),
        {"hash": digest, "id": template_id},
    )
    return stored


def restore_version(
    connection: Connection, template_id: int, version: int, *, seen: int, by: Principal
) -> StoredVersion:
    """Take an earlier version of a template again: it becomes the newest one, and what is sent from now on.

    ``seen`` is the version in force that the person saw. Raises :class:`NightmailError`: ``not_permitted`` without the permission
    ``template.publish`` at its team, ``template_version_unknown``, ``template_version_current``, and ``template_changed`` when another
    version came meanwhile.
    """
    row = connection.execute(text(TEMPLATE_TO_CHANGE), {"id": template_id}).one_or_none()
    if row is None:
        raise UsageError("template_version_unknown", template=template_id, version=version)
    require(by, Permission.TEMPLATE_PUBLISH, row.team)
    newest = _newest(connection, template_id)
    earlier = connection.execute(
        text("select content from template_version where template_id = :id and version = :version"),
        {"id": template_id, "version": version},
    ).one_or_none()
    if newest is None or earlier is None:
        raise UsageError("template_version_unknown", template=row.name, version=version)
    if newest.version != seen:
        raise NightmailError("template_changed", template=row.name, version=newest.version)
    if newest.content == earlier.content:
        raise NightmailError("template_version_current", template=row.name, version=newest.version)
    # A version of an earlier release of the product may no longer be one: that is found out before it is in force.
    template = stored_template(earlier.content)
    category = named_category(connection, row.team, template.category, by=f"the template {row.name}")
    if row.file_hash is None and newest.restores is None:
        known = sha256(_canonical(newest.content)).digest()
        connection.execute(
            text("update template set file_hash = :hash where id = :id"), {"hash": known, "id": template_id}
        )
    connection.execute(
        text("update template set category_id = :category where id = :id"), {"category": category.id, "id": template_id}
    )
    values = {
        "id": template_id,
        "version": newest.version + 1,
        "content": json.dumps(earlier.content),
        "by": by.actor,
        "restores": version,
    }
    stored = connection.scalars(text(STORE_VERSION), values).one()
    write_entry(
        connection,
        actor=by.actor,
        action="template.restored",
        subject=f"{row.team}/{row.name}",
        team_id=row.team_id,
        before={"version": newest.version},
        after={"version": newest.version + 1},
        detail={"restores": version},
    )
    return StoredVersion(int(stored), newest.version + 1, version)


def _prepared(connection: Connection, team: str, template: Template) -> tuple[int, int, str]:
    """The ids of the team and of the template, which is there now, and the content to be kept."""
    team_id = team_id_of(connection, team)
    category = named_category(connection, team, template.category, by=f"the template {template.name}")
    values = {"team": team_id, "name": template.name, "category": category.id}
    template_id = int(connection.scalars(text(STORE_TEMPLATE), values).one())
    # As the database would give it back: its JSON has neither tuples nor dates.
    return team_id, template_id, json.dumps(dict(template.content), default=str)


def _stored(
    connection: Connection, team: str, team_id: int, name: str, template_id: int, content: str, actor: str
) -> StoredVersion:
    newest = _newest(connection, template_id)
    if newest is not None and newest.content == json.loads(content):
        return StoredVersion(int(newest.id), int(newest.version), newest.restores)
    version = 1 if newest is None else newest.version + 1
    values = {"id": template_id, "version": version, "content": content, "by": actor, "restores": None}
    stored = connection.scalars(text(STORE_VERSION), values).one()
    write_entry(
        connection,
        actor=actor,
        action="template.stored",
        subject=f"{team}/{name}",
        team_id=team_id,
        detail={"version": version},
    )
    return StoredVersion(int(stored), version)


def _newest(connection: Connection, template_id: int) -> Row[Any] | None:
    return connection.execute(text(NEWEST_VERSION), {"id": template_id}).first()


def _hash(content: str) -> bytes:
    return sha256(_canonical(json.loads(content))).digest()


def _canonical(content: Any) -> bytes:
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
