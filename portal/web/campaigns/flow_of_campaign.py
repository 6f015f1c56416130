"""A campaign's flow as it is drawn: each step with its name and the address of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.reports.campaign_flow import STAGES, CampaignFlow, Step
from portal.web.channel_words import channel_label
from portal.web.flows import FlowDrawing, FlowStep, FlowStream, draw
from portal.web.translating import gettext, marked

_STEPS: Mapping[str, tuple[str, str]] = {
    "rows": (marked("Rows of the file"), "other"),
    "contacts": (marked("Contacts"), "under-way"),
    "duplicates": (marked("Duplicates"), "other"),
    "rejects": (marked("Rejects"), "failed"),
    "planned": (marked("Planned"), "under-way"),
    "held": (marked("Held"), "held"),
    "handed_off": (marked("Handed off"), "under-way"),
    "waiting": (marked("Waiting"), "other"),
    "in_doubt": (marked("In doubt"), "undelivered"),
    "failed": (marked("Failed"), "failed"),
    "held_later": (marked("Held at hand-off"), "held"),
    "expired": (marked("Expired"), "undelivered"),
    "cancelled": (marked("Cancelled"), "other"),
    "not_needed": (marked("Not needed"), "other"),
    "delivered": (marked("Delivered"), "delivered"),
    "undelivered": (marked("Undelivered"), "undelivered"),
    "no_receipt": (marked("No receipt yet"), "other"),
}
"""Each step's name and colour; channels have their own names."""


def step_label(name: str) -> str:
    """A step's name in the request's language."""
    return gettext(_STEPS[name][0]) if name in _STEPS else channel_label(name)


def drawn(flow: CampaignFlow, row: CampaignRow, addresses: Mapping[str, bool]) -> FlowDrawing:
    """The drawing; ``addresses`` says which pages somebody may open: ``files``, ``rejects``, ``contacts``, ``messages``."""
    steps = [
        FlowStep(
            step.name,
            STAGES.index(step.stage),
            step_label(step.name),
            step.count,
            _STEPS.get(step.name, ("", "under-way"))[1],
            _address(row, step, addresses),
        )
        for step in flow.steps
    ]
    streams = [FlowStream(stream.source, stream.target, stream.count) for stream in flow.streams]
    return draw(steps, streams, len(STAGES))


def _address(row: CampaignRow, step: Step, addresses: Mapping[str, bool]) -> str:
    page, query = {
        "rows": ("files", {}),
        "contacts": ("contacts", {}),
        "duplicates": ("rejects", {"kind": "duplicates"}),
        "rejects": ("rejects", {"kind": "rejects"}),
        "planned": ("contacts", {"state": "planned"}),
        "held": ("contacts", {"state": "held"}),
    }.get(step.name, ("messages", {"channel" if step.stage == "channels" else "outcome": step.name}))
    if not addresses.get(page):
        return ""
    return f"/campaigns/{row.key}/{page}" + (f"?{urlencode(query)}" if query else "")
