"""What became of a campaign's messages: message by message, attempt by attempt, and what they cost."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from nightmail.access.permissions import Permission
from nightmail.reports.campaign_attempts import attempts_of_campaign
from nightmail.reports.campaign_flow import OUTCOMES, RECEIPTS, campaign_flow
from nightmail.reports.campaign_messages import ReportLine, report_lines
from nightmail.reports.message_outcomes import OutcomeFilter, messages_of_outcome
from portal.state import PortalState
from portal.web.campaigns.flow_of_campaign import step_label
from portal.web.campaigns.one_campaign import CampaignKey, around, seen_campaign
from portal.web.channel_words import channel_choices
from portal.web.reason_words import reason_words
from portal.web.rendering import render
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext

router = APIRouter(include_in_schema=False)
PAGE = 100
Typed = Annotated[str, Query(max_length=200)]
MessageReader = Annotated[SignedIn, needs(Permission.MESSAGE_SEE)]


@router.get("/campaigns/{campaign}/messages")
def messages(
    campaign: CampaignKey,
    request: Request,
    portal: PortalState,
    me: MessageReader,
    outcome: Typed = "",
    channel: Typed = "",
    line: Annotated[str, Query(pattern=r"^[0-9]{0,9}$")] = "",
    after: Annotated[str, Query(pattern=r"^[0-9]{0,18}$")] = "",
) -> Response:
    """The messages behind a number of the flow, in the order of the file's rows. They name nobody."""
    known = outcome if outcome in OUTCOMES or outcome in RECEIPTS else ""
    with portal.engine.connect() as connection:
        row = seen_campaign(connection, me, campaign, Permission.MESSAGE_SEE)
        expected = None
        if known in OUTCOMES and row.loaded_at is not None:
            flow = campaign_flow(row.counts, report_lines(connection, row))
            expected = flow.count(known) if flow else None
        wanted = OutcomeFilter(
            channel=channel or None, outcome=known or None, line=int(line) if line else None, expected=expected
        )
        found = messages_of_outcome(connection, row, wanted, after=int(after) if after else None, limit=PAGE)
    values = {"outcome": known, "channel": channel, "line": line}
    chosen = {name: value for name, value in values.items() if value}
    base = f"/campaigns/{row.key}/messages"
    return render(
        request,
        "campaigns/messages.html",
        **around(me, row),
        found=[(each, reason_words(each.reason) if each.reason else None) for each in found.rows],
        values=values,
        filtered=bool(chosen),
        outcomes=[("", gettext("Any")), *((name, step_label(name)) for name in (*OUTCOMES, *RECEIPTS))],
        channels=channel_choices(),
        base=base,
        newer=_page(base, chosen) if after else None,
        older=_page(base, {**chosen, "after": str(found.next)}) if found.next is not None else None,
    )


@router.get("/campaigns/{campaign}/attempts")
def attempts(
    campaign: CampaignKey,
    request: Request,
    portal: PortalState,
    me: MessageReader,
    after: Typed = "",
) -> Response:
    """Hand-offs that a carrier did not plainly accept, with what it said."""
    place = re.fullmatch(r"([0-9]{1,18})-([0-9]{1,4})", after)
    with portal.engine.connect() as connection:
        row = seen_campaign(connection, me, campaign, Permission.MESSAGE_SEE)
        found = attempts_of_campaign(
            connection, row, after=(int(place[1]), int(place[2])) if place else (-1, -1), limit=PAGE + 1
        )
    shown, base = found[:PAGE], f"/campaigns/{row.key}/attempts"
    following = {"after": f"{shown[-1].position}-{shown[-1].number}"} if found[PAGE:] else None
    return render(
        request,
        "campaigns/attempts.html",
        **around(me, row),
        found=shown,
        newer=base if place else None,
        older=_page(base, following) if following else None,
    )


@router.get("/campaigns/{campaign}/costs")
def costs(
    campaign: CampaignKey, request: Request, portal: PortalState, me: Annotated[SignedIn, needs(Permission.REPORT_SEE)]
) -> Response:
    """What was estimated before, and what the messages that were handed off cost, by channel, country and currency."""
    with portal.engine.connect() as connection:
        row = seen_campaign(connection, me, campaign, Permission.REPORT_SEE)
        lines = report_lines(connection, row) if row.loaded_at is not None else []
    estimated = [(currency, Decimal(amount)) for currency, amount in sorted((row.counts.get("costs") or {}).items())]
    return render(request, "campaigns/costs.html", **around(me, row), lines=_summed(lines), estimated=estimated)


def _summed(lines: list[ReportLine]) -> list[tuple[str, str | None, str | None, int, int, Decimal]]:
    """Channel, country and currency with messages, segments and cost of what was handed off."""
    sums: dict[tuple[str, str | None, str | None], tuple[int, int, Decimal]] = {}
    for line in lines:
        if line.state == "accepted":
            key = line.channel, line.country, line.currency
            messages, segments, cost = sums.get(key, (0, 0, Decimal()))
            sums[key] = messages + line.messages, segments + line.segments, cost + (line.cost or Decimal())
    return [
        (*key, *value) for key, value in sorted(sums.items(), key=lambda each: tuple(str(part) for part in each[0]))
    ]


def _page(base: str, query: dict[str, str]) -> str:
    return base + (f"?{urlencode(query)}" if query else "")
