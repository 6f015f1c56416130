"""The rows behind the first numbers of a campaign: rejected and duplicate ones, planned and held ones; the reject file."""

from __future__ import annotations

import tempfile
from pathlib import Path as FilePath
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response

from nightmail.access.permissions import Permission
from nightmail.audit import record_look, write_entry
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.errors import NightmailError
from nightmail.intake.answers import write_rejects
from nightmail.lake import Lake
from nightmail.message_ids import MAXIMUM_LINE
from nightmail.preparation.contact_decisions import contact_decisions
from nightmail.preparation.kept_rows import audience_rows, rejected_rows
from nightmail.preparation.stage_tables import StageTables
from portal.csv_files import csv_file_answer
from portal.problems import RequestError
from portal.state import PortalState
from portal.web.campaigns.decider_words import decider_words
from portal.web.campaigns.one_campaign import CampaignKey, around, may, seen_campaign
from portal.web.channel_words import channel_choices
from portal.web.messages import redirect
from portal.web.reason_words import reason_words, reasons_counted
from portal.web.rendering import page_headers, render
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext

router = APIRouter(include_in_schema=False)
PAGE = 100
Typed = Annotated[str, Query(max_length=200)]
Line = Annotated[str, Query(pattern=r"^[0-9]{0,10}$")]


@router.get("/campaigns/{campaign}/rejects")
def rejects(
    campaign: CampaignKey,
    request: Request,
    portal: PortalState,
    me: Annotated[SignedIn, needs(Permission.FILE_SEE)],
    kind: Typed = "",
    reason: Typed = "",
    after: Line = "",
) -> Response:
    """Rows that did not become contacts, each with its line, column, reason and remedy; its value with ``personal.see`` alone."""
    with portal.engine.begin() as connection:
        row = seen_campaign(connection, me, campaign, Permission.FILE_SEE)
        personal = may(me, Permission.PERSONAL_SEE, row)
        found = rejected_rows(
            StageTables.of_campaign(Lake(portal.settings.lake), row.key),
            duplicates={"duplicates": True, "rejects": False}.get(kind),
            reason=reason or None,
            after=int(after or 0),
            limit=PAGE,
        )
        if personal:
            with_values = {each.line for each in found.rows if each.value}
            record_look(
                connection,
                actor=me.principal.actor,
                subject=f"campaign:{row.key}",
                team_id=row.team_id,
                shown=("address", "name"),
                count=len(with_values),
            )
    chosen = {name: value for name, value in (("kind", kind), ("reason", reason)) if value}
    base = f"/campaigns/{row.key}/rejects"
    return render(
        request,
        "campaigns/rejects.html",
        **around(me, row),
        found=[(each, reason_words(each.reason)) for each in found.rows],
        personal=personal,
        values={"kind": kind, "reason": reason},
        filtered=bool(chosen),
        reasons=_reasons(row, "rejects_by_reason"),
        base=base,
        newer=_page(base, chosen) if after else None,
        older=_page(base, {**chosen, "after": str(found.next)}) if found.next is not None else None,
    )


@router.get("/campaigns/{campaign}/rejects.csv")
def reject_file(
    campaign: CampaignKey,
    request: Request,
    portal: PortalState,
    me: Annotated[SignedIn, needs(Permission.PERSONAL_SEE)],
) -> Response:
    """The rejected rows as they were written, to be corrected and given back. It holds personal data."""
    with portal.engine.connect() as connection:
        row = seen_campaign(connection, me, campaign, Permission.PERSONAL_SEE)
    if not may(me, Permission.FILE_SEE, row):
        raise RequestError("not_found", what="page")
    lake = Lake(portal.settings.lake)
    tables = StageTables.of_campaign(lake, row.key)
    if not (tables.contact_file.exists() and tables.rejects.exists()):
        return redirect(
            request,
            f"/campaigns/{row.key}/rejects",
            gettext(
                "There is no reject file: the file is not judged yet, or its rows were deleted when their time was over."
            ),
            "warn",
        )
    with portal.engine.begin() as connection:
        write_entry(
            connection,
            actor=me.principal.actor,
            action="rejects.downloaded",
            subject=row.key,
            team_id=row.team_id,
        )
        record_look(
            connection,
            actor=me.principal.actor,
            subject=f"campaign:{row.key}",
            team_id=row.team_id,
            shown=("address", "name"),
            count=int(row.counts.get("rejects", 0)),
        )
    with tempfile.TemporaryDirectory(prefix="nightmail-rejects-") as folder:
        written = write_rejects(lake, row, FilePath(folder) / "rejects.csv")
        return csv_file_answer(written, f"{row.key}.rejects", page_headers(request))


@router.get("/campaigns/{campaign}/contacts")
def contacts(
    campaign: CampaignKey,
    request: Request,
    portal: PortalState,
    me: Annotated[SignedIn, needs(Permission.CAMPAIGN_SEE)],
    state: Typed = "",
    reason: Typed = "",
    channel: Typed = "",
    after: Line = "",
) -> Response:
    """The contacts by their lines: planned on which channels, or held for which reason. They name nobody."""
    with portal.engine.connect() as connection:
        row = seen_campaign(connection, me, campaign)
    found = audience_rows(
        StageTables.of_campaign(Lake(portal.settings.lake), row.key),
        state=state if state in ("planned", "held") else None,
        reason=reason or None,
        channel=channel or None,
        after=int(after or 0),
        limit=PAGE,
    )
    values = {"state": state, "reason": reason, "channel": channel}
    chosen = {name: value for name, value in values.items() if value}
    base = f"/campaigns/{row.key}/contacts"
    return render(
        request,
        "campaigns/contacts.html",
        **around(me, row),
        found=[(each, reason_words(each.reason) if each.reason else None) for each in found.rows],
        values=values,
        filtered=bool(chosen),
        reasons=_reasons(row, "held_by_reason"),
        channels=channel_choices(),
        held=reasons_counted(row.counts.get("held_by_reason")),
        base=base,
        newer=_page(base, chosen) if after else None,
        older=_page(base, {**chosen, "after": str(found.next)}) if found.next is not None else None,
    )


@router.get("/campaigns/{campaign}/contacts/{line}")
def contact(
    campaign: CampaignKey,
    line: Annotated[int, Path(ge=1, le=MAXIMUM_LINE)],
    request: Request,
    portal: PortalState,
    me: Annotated[SignedIn, needs(Permission.CAMPAIGN_SEE)],
) -> Response:
    """One contact: what was decided on each channel, by what and by which record. It names nobody."""
    with portal.engine.connect() as connection:
        row = seen_campaign(connection, me, campaign)
    lake = Lake(portal.settings.lake)
    try:
        decided = contact_decisions(lake, row, line)
    except NightmailError:
        # The line became no contact, or what was decided is not kept any more.
        decided = None
    (outcome,) = audience_rows(
        StageTables.of_campaign(lake, row.key), state=None, reason=None, channel=None, after=line - 1, limit=1
    ).rows or (None,)
    return render(
        request,
        "campaigns/contact.html",
        **around(me, row),
        line=line,
        outcome=outcome if outcome is not None and outcome.line == line else None,
        channels=[(each, reason_words(each.reason) if each.reason else None) for each in decided.channels]
        if decided
        else [],
        preferences=decided.preferences if decided else (),
        budget=reason_words(decided.budget) if decided and decided.budget else None,
        teams=[(each["team"], each["version"]) for each in decided.rules.get("teams", ())] if decided else [],
        decider=decider_words,
        messages=f"/campaigns/{row.key}/messages?line={line}" if may(me, Permission.MESSAGE_SEE, row) else None,
    )


def _reasons(row: CampaignRow, which: str) -> list[tuple[str, str]]:
    """The choices of a filter by reason."""
    counted = reasons_counted(row.counts.get(which))
    return [("", gettext("Any")), *((words.code, words.means) for words, _count in counted)]


def _page(base: str, query: dict[str, str]) -> str:
    return base + (f"?{urlencode(query)}" if query else "")
