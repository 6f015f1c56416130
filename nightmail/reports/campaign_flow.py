"""What became of a campaign's rows, step by step: from the rows of the file to what receipts say of its messages.

    rows → rejects, duplicates, contacts → held, planned → messages by channel → what became of them → receipts

The counts of the first steps are distinct rows of the file, as its preparation recorded them; those of the others are messages
of the ledger. A contact with further channels has a message on each, so that there may be more messages than planned contacts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nightmail.carriers.protocol import NOT_REACHED, REACHED
from nightmail.channels import CHANNELS
from nightmail.reports.campaign_messages import ReportLine

STAGES = ("file", "rows", "contacts", "channels", "outcomes", "receipts")
"""The columns of the flow, in order."""

OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "handed_off": ("accepted",),
    "waiting": ("queued", "standby", "handing_over"),
    "in_doubt": ("in_doubt",),
    "failed": ("failed",),
    "held_later": ("held",),
    "expired": ("expired",),
    "cancelled": ("cancelled",),
    "not_needed": ("not_needed",),
}
"""What became of messages, with the states of the ledger that each stands for. Together they are all states."""

RECEIPTS = ("delivered", "undelivered", "no_receipt")
"""What receipts say of messages that were handed off. Together they are all of those."""


@dataclass(frozen=True, slots=True)
class Step:
    """One number of the flow; ``name`` is a row's fate, a channel's name or one of ``OUTCOMES`` and ``RECEIPTS``."""

    stage: str
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Stream:
    """How many of one step go on to another."""

    source: str
    target: str
    count: int


@dataclass(frozen=True, slots=True)
class CampaignFlow:
    """The steps in the order of their stages, and what goes from step to step."""

    steps: tuple[Step, ...]
    streams: tuple[Stream, ...]

    def count(self, name: str) -> int:
        """The number of a step; 0 for one that there is not."""
        return next((step.count for step in self.steps if step.name == name), 0)

    @property
    def messages(self) -> int:
        """All messages."""
        return sum(step.count for step in self.steps if step.stage == "channels")

    @property
    def decided(self) -> int:
        """Messages whose hand-off is no longer to come nor in doubt."""
        return self.messages - self.count("waiting") - self.count("in_doubt")


def campaign_flow(counts: Mapping[str, Any], lines: Iterable[ReportLine]) -> CampaignFlow | None:
    """The flow of a campaign with the ``counts`` of its preparation and the ``lines`` of its ledger.

    ``None`` while nothing is counted. Steps that are not reached yet are left out.
    """
    if "rows" not in counts:
        return None
    steps = [Step("file", "rows", int(counts["rows"]))]
    streams: list[Stream] = []

    def split(source: str, stage: str, names: tuple[str, ...]) -> None:
        for name in names:
            count = int(counts.get(name, 0))
            steps.append(Step(stage, name, count))
            streams.append(Stream(source, name, count))

    if "contacts" in counts:
        split("rows", "rows", ("contacts", "duplicates", "rejects"))
    if "planned" in counts:
        split("contacts", "contacts", ("planned", "held"))
    _add_messages(lines, steps, streams)
    return CampaignFlow(tuple(steps), tuple(streams))


def _add_messages(lines: Iterable[ReportLine], steps: list[Step], streams: list[Stream]) -> None:
    outcome_of = {state: outcome for outcome, states in OUTCOMES.items() for state in states}
    channels: Counter[str] = Counter()
    ends: Counter[tuple[str, str]] = Counter()
    receipts: Counter[str] = Counter()
    for line in lines:
        outcome = outcome_of[line.state]
        channels[line.channel] += line.messages
        ends[line.channel, outcome] += line.messages
        if outcome == "handed_off":
            receipts[receipt_of(line.delivery)] += line.messages
    if not channels:
        return
    for channel in (name for name in CHANNELS if channels[name]):
        steps.append(Step("channels", channel, channels[channel]))
        streams.append(Stream("planned", channel, channels[channel]))
    for outcome in OUTCOMES:
        steps.append(Step("outcomes", outcome, sum(ends[channel, outcome] for channel in channels)))
        streams += [Stream(channel, outcome, ends[channel, outcome]) for channel in channels]
    for receipt in RECEIPTS:
        steps.append(Step("receipts", receipt, receipts[receipt]))
        streams.append(Stream("handed_off", receipt, receipts[receipt]))


def receipt_of(delivery: str | None) -> str:
    """Which of ``RECEIPTS`` a message's best status is."""
    if delivery in REACHED:
        return "delivered"
    return "undelivered" if delivery in NOT_REACHED else "no_receipt"
