"""How a version of a template reads: every channel and language, with made-up values, one's own, or those of a file's row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import sees_personal
from nightmail.access.permissions import Permission
from nightmail.audit import record_look
from nightmail.channels import CHANNELS
from nightmail.intake.upload_listing import Standing, Upload, UploadFilter, list_uploads
from nightmail.lake import Lake
from nightmail.preparation.stage_tables import StageTables
from nightmail.templates import Template
from nightmail.templates.previews import preview_bodies
from nightmail.templates.sample_values import sample_cell, typed_value
from nightmail.templates.template_listing import TemplateOverview, version_content
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.message_templates.routes import Reader, TemplateNumber, VersionNumber, readable, visible_template
from portal.web.rendering import POLICY_WITH_PREVIEW, PREVIEW_POLICY, page_headers, render
from portal.web.signed_in import SignedIn
from portal.web.translating import gettext

router = APIRouter(include_in_schema=False)
FILES_OFFERED = 10
ROWS_OFFERED = 500
"""Rows at a file's beginning that can be looked at."""
_OWN = "value."
"""What the address calls a typed value of a placeholder, before its name."""
Chosen = Annotated[str, Query(pattern=r"^[0-9]{0,9}$")]


@dataclass(frozen=True)
class Filling:
    """What a preview is filled with: typed or made-up values, or a file's row. ``typed`` is what the form shows."""

    values: Mapping[str, object] = field(repr=False)
    typed: Mapping[str, str] = field(default_factory=dict, repr=False)
    errors: Mapping[str, str] = field(default_factory=dict)
    upload: Upload | None = None
    row: int = 0
    rows: int = 0
    line: int | None = None


@router.get("/templates/{template_id}/versions/{version}")
def preview(
    template_id: TemplateNumber,
    version: VersionNumber,
    request: Request,
    portal: PortalState,
    me: Reader,
    upload: Chosen = "",
    row: Chosen = "",
) -> Response:
    """Every body of a version as its recipient gets it."""
    with portal.engine.begin() as connection:
        found, template = _of_version(connection, me, template_id, version)
        files = _files(connection, me, found)
        filling = _filling(connection, portal, me, files, template, request.query_params, upload, row)
    frame = dict(_address(request, filling))
    return render(
        request,
        "message_templates/preview.html",
        422 if filling.errors else 200,
        policy=POLICY_WITH_PREVIEW,
        found=found,
        shown_version=version,
        message_template=template,
        filling=filling,
        files=files,
        previews=[] if filling.errors else preview_bodies(template, filling.values),
        channels={name: channel.label for name, channel in CHANNELS.items()},
        frame_query=urlencode(frame),
        warnings=template.warnings(),
    )


@router.get("/templates/{template_id}/versions/{version}/email")
def email_frame(
    template_id: TemplateNumber,
    version: VersionNumber,
    request: Request,
    portal: PortalState,
    me: Reader,
    language: Annotated[str, Query(max_length=40)] = "",
    upload: Chosen = "",
    row: Chosen = "",
) -> Response:
    """An email's HTML alone, for the frame of a preview: a text from outside, which may look but not act."""
    with portal.engine.begin() as connection:
        found, template = _of_version(connection, me, template_id, version)
        files = _files(connection, me, found) if upload else []
        filling = _filling(connection, portal, me, files, template, request.query_params, upload, row)
    shown = [] if filling.errors else preview_bodies(template, filling.values)
    html = next((each.html for each in shown if each.html is not None and language in ("", each.language)), None)
    if html is None:
        raise RequestError("not_found", what="preview")
    return Response(html, headers=page_headers(request, PREVIEW_POLICY), media_type="text/html; charset=utf-8")


def _of_version(
    connection: Connection, me: SignedIn, template_id: int, version: int
) -> tuple[TemplateOverview, Template]:
    found = visible_template(connection, me, template_id)
    content = version_content(connection, found.id, version)
    template = readable(content)[0] if content is not None else None
    if template is None:
        raise RequestError("not_found", what="version")
    return found, template


def _filling(
    connection: Connection,
    portal: Portal,
    me: SignedIn,
    files: Sequence[Upload],
    template: Template,
    query: Mapping[str, str],
    upload: str,
    row: str,
) -> Filling:
    """The values of a preview. A row of a file is personal data: shown to who may see it, and recorded."""
    if upload:
        return _row_of_file(connection, portal, me, files, template, int(upload), int(row or 0))
    typed: dict[str, str] = {}
    values: dict[str, object] = {}
    errors: dict[str, str] = {}
    for name, placeholder in template.placeholders.items():
        sample = sample_cell(name, str(placeholder.type), 0, placeholder.max_length)
        typed[name] = query.get(f"{_OWN}{name}", sample).replace("\x00", "").strip()[:2_000]
        try:
            values[name] = typed_value(placeholder, typed[name])
        except ValueError:
            errors[f"{_OWN}{name}"] = (
                gettext("Give a date such as 2027-01-15.")
                if placeholder.type == "date"
                else gettext("Give a number such as 49.90.")
            )
    return Filling(values, typed, errors)


def _row_of_file(
    connection: Connection,
    portal: Portal,
    me: SignedIn,
    files: Sequence[Upload],
    template: Template,
    upload_id: int,
    row: int,
) -> Filling:
    upload = next((each for each in files if each.id == upload_id), None)
    if upload is None or upload.campaign is None:
        raise RequestError("not_found", what="file")
    contacts = StageTables.of_campaign(Lake(portal.settings.lake), upload.campaign).contacts
    if not contacts.exists():
        raise RequestError("not_found", what="file")
    there = set(contacts.schema().names)
    wanted = [name for name in template.placeholders if name in there]
    wanted += [f"{name}_currency" for name in template.placeholders if f"{name}_currency" in there]
    block = next(contacts.blocks(["line", *wanted], rows=ROWS_OFFERED))
    if not 0 <= row < block.num_rows:
        raise RequestError("not_found", what="row")
    values = block.slice(row, 1).to_pylist()[0]
    line = values.pop("line")
    record_look(
        connection,
        actor=me.principal.actor,
        subject=f"campaign:{upload.campaign}",
        team_id=upload.team_id,
        shown=("name", "body"),
    )
    return Filling(values, upload=upload, row=row, rows=block.num_rows, line=line)


def _files(connection: Connection, me: SignedIn, found: TemplateOverview) -> list[Upload]:
    """The last files that were judged for a feed of the template, of teams whose personal data this person sees."""
    teams = me.teams(Permission.FILE_SEE)
    if not teams or not me.may(Permission.PERSONAL_SEE):
        return []
    uploads = list_uploads(connection, teams, UploadFilter(template_id=found.id), limit=3 * FILES_OFFERED)
    judged = [
        upload
        for upload in uploads
        if upload.standing not in (Standing.REPEATED, Standing.REFUSED, Standing.WAITS_FOR_PARTS)
        and upload.counts.get("contacts")
        and sees_personal(me.principal, upload.team)
    ]
    return judged[:FILES_OFFERED]


def _address(request: Request, filling: Filling) -> list[tuple[str, str]]:
    """What of the page's address its frames have too."""
    if filling.upload is not None:
        return [("upload", str(filling.upload.id)), ("row", str(filling.row))]
    return [(name, value) for name, value in request.query_params.items() if name.startswith(_OWN)]
