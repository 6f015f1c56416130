"""One upload: how far it is judged, the verdict on its rows, and the reject file to take, correct and give back."""

from __future__ import annotations

import tempfile
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import allowed, sees_personal
from nightmail.access.permissions import Permission
from nightmail.audit import record_look, write_entry
from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.forecasts.recorded_forecasts import recorded_forecast
from nightmail.intake.answers import write_rejects
from nightmail.intake.upload_listing import Standing, Upload, UploadFilter, find_upload, list_uploads
from nightmail.intake.upload_rights import may_upload
from nightmail.intake.verdicts import Verdict, verdict_of
from nightmail.lake import Lake
from nightmail.preparation.stage_tables import StageTables
from portal.csv_files import csv_file_answer
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.actors import actor_names
from portal.web.messages import redirect
from portal.web.rendering import page_headers, render
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext
from portal.web.uploads.standings import source_words, standing_words

router = APIRouter(include_in_schema=False)
MOST_CORRECTIONS = 20
UploadNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]
Reader = Annotated[SignedIn, needs(Permission.FILE_SEE)]
TakesRejects = Annotated[SignedIn, needs(Permission.PERSONAL_SEE)]


@router.get("/uploads/{upload_id}")
def show_upload(upload_id: UploadNumber, request: Request, portal: PortalState, me: Reader) -> Response:
    """What became of a file."""
    return render(request, "uploads/upload.html", **_shown(portal, me, upload_id))


@router.get("/uploads/{upload_id}/verdict")
def verdict_part(upload_id: UploadNumber, request: Request, portal: PortalState, me: Reader) -> Response:
    """The part of the page that changes while the file is judged."""
    return render(request, "uploads/verdict.html", etag=True, **_shown(portal, me, upload_id))


@router.get("/uploads/{upload_id}/rejects.csv")
def reject_file(upload_id: UploadNumber, request: Request, portal: PortalState, me: TakesRejects) -> Response:
    """The rows that were not taken, as they were written, to be corrected and given back. They are personal data."""
    lake = Lake(portal.settings.lake)
    with portal.engine.connect() as connection:
        upload = _visible(connection, me, upload_id)
        if not sees_personal(me.principal, upload.team):
            raise RequestError("not_found", what="reject file")
        campaign = get_campaign(connection, upload.campaign) if upload.campaign else None
    if campaign is None or not _has_rejects(upload, lake):
        return redirect(request, f"/uploads/{upload_id}", gettext("There is no reject file, or none any more."), "info")
    with portal.engine.begin() as connection:
        write_entry(
            connection,
            actor=me.principal.actor,
            action="rejects.downloaded",
            subject=campaign.key,
            team_id=campaign.team_id,
        )
        _record(connection, me, campaign.key, campaign.team_id, int(campaign.counts["rejects"]))
    with tempfile.TemporaryDirectory(prefix="nightmail-rejects-") as folder:
        written = write_rejects(lake, campaign, FilePath(folder) / "rejects.csv")
        return csv_file_answer(written, f"{campaign.key}.rejects", page_headers(request))


def _visible(connection: Connection, me: SignedIn, upload_id: int) -> Upload:
    found = find_upload(connection, me.teams(Permission.FILE_SEE), upload_id)
    if found is None:
        raise RequestError("not_found", what="upload")
    return found


def _has_rejects(upload: Upload, lake: Lake) -> bool:
    """Whether there is a reject file: of a repeated file, whose campaign is an earlier one, there is none."""
    if upload.campaign is None or upload.standing in (Standing.REPEATED, Standing.REFUSED):
        return False
    if not int(upload.counts.get("rejects", 0)):
        return False
    tables = StageTables.of_campaign(lake, upload.campaign)
    return tables.contact_file.exists() and tables.rejects.exists()


def _shown(portal: Portal, me: SignedIn, upload_id: int) -> dict[str, Any]:
    """What the page of an upload shows; a look at rows is recorded."""
    lake = Lake(portal.settings.lake)
    with portal.engine.connect() as connection:
        upload = _visible(connection, me, upload_id)
        campaign = get_campaign(connection, upload.campaign) if upload.campaign else None
        names = actor_names(connection, [upload.received_by] if upload.received_by else [])
        wanted = UploadFilter(corrects_id=upload.id)
        corrections = list_uploads(connection, me.teams(Permission.FILE_SEE), wanted, limit=MOST_CORRECTIONS)
        corrected = None
        if upload.corrects_id is not None:
            corrected = find_upload(connection, me.teams(Permission.FILE_SEE), upload.corrects_id)
    own = campaign if upload.standing not in (Standing.REPEATED, Standing.REFUSED) else None
    personal = sees_personal(me.principal, upload.team)
    verdict = _verdict(portal, me, lake, own, personal)
    return {
        "upload": upload,
        "campaign": own,
        "earlier": campaign if own is None else None,
        "names": names,
        "standings": standing_words(),
        "sources": source_words(),
        "stages": _stages(own),
        "verdict": verdict,
        "personal": personal,
        "forecast": recorded_forecast(own) if own else None,
        "corrections": corrections,
        "corrected": corrected,
        "has_rejects": _has_rejects(upload, lake),
        "watching": upload.standing in (Standing.BEING_CHECKED, Standing.WAITS_FOR_PARTS),
        "may_upload": upload.feed_id is not None and may_upload(me.principal, upload.team, upload.feed_kind),
        "may_see_import": allowed(me.principal, Permission.CONTACT_SEE, upload.team).yes,
        "may_see_campaign": allowed(me.principal, Permission.CAMPAIGN_SEE, upload.team).yes,
        "may_see_feed": upload.feed_id is not None and allowed(me.principal, Permission.FEED_SEE, upload.team).yes,
    }


def _verdict(portal: Portal, me: SignedIn, lake: Lake, campaign: CampaignRow | None, personal: bool) -> Verdict | None:
    """The verdict on the rows of a file that were judged."""
    if campaign is None or "rejects" not in campaign.counts:
        return None
    verdict = verdict_of(campaign.counts, lake, campaign.key)
    groups = (*verdict.rejects, *verdict.duplicates, *verdict.warnings)
    shown = {row.line for group in groups for row in group.samples}
    if personal and shown:
        with portal.engine.begin() as connection:
            _record(connection, me, campaign.key, campaign.team_id, len(shown))
    return verdict


def _record(connection: Connection, me: SignedIn, key: str, team_id: int, people: int) -> None:
    record_look(
        connection,
        actor=me.principal.actor,
        subject=f"campaign:{key}",
        team_id=team_id,
        shown=("address", "name"),
        count=people,
    )


def _stages(campaign: CampaignRow | None) -> list[tuple[str, bool]]:
    """The steps until it is decided what is sent, each with whether it is done."""
    if campaign is None:
        return []
    done = campaign.counts.get("stages", {})
    loaded = campaign.loaded_at is not None or campaign.state not in ("received", "checking")
    return [
        (gettext("Received"), True),
        (gettext("Read"), "contact_file" in done),
        (gettext("Rows judged"), "contacts" in done),
        (gettext("Preferences applied"), "audience" in done),
        (gettext("Messages written"), "messages" in done),
        (gettext("Ready"), loaded),
    ]
