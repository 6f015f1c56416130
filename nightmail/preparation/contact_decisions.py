"""Why a contact of a campaign was, or was not, written to on each channel: what was decided, by what, and what had been looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nightmail.audience.decisions import LOOKED_AT, Decision, decisions_at, rules_of
from nightmail.campaigns.budgets import OVER_BUDGET
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.errors import UsageError
from nightmail.lake import Lake
from nightmail.reasons import REASONS


@dataclass(frozen=True, slots=True)
class ChannelDecision:
    """What was decided about a contact on one channel."""

    channel: str
    reason: str | None
    """Why it cannot be used; ``None``: it can."""
    decided_by: str | None
    """The place of a team's rule, such as ``acme/countries/0``, or a word such as ``suppression``; ``None``: nothing objected."""
    record: int | None
    """The id of the suppression or the consent, or the line of the contact who has the address already."""
    consent: int | None
    """The id of the consent that let it through, whatever was decided after that."""
    rule: Mapping[str, Any] | None
    """What the team's rule said then."""
    looked_at: tuple[str, ...]
    """What was looked at, in this order: the last of it decided, or had no objection either."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "channel": self.channel,
            "reason": self.reason,
            "sentence": REASONS[self.reason].sentence if self.reason else None,
            "decided_by": self.decided_by,
            "record": self.record,
            "consent": self.consent,
            "rule": None if self.rule is None else dict(self.rule),
            "looked_at": list(self.looked_at),
        }


@dataclass(frozen=True, slots=True)
class ContactDecisions:
    """All that was decided about one contact of a campaign."""

    campaign: str
    line: int
    channels: tuple[ChannelDecision, ...]
    """In the order in which the contact would be written to."""
    preferences: tuple[int, ...]
    """The ids of the statements that the contact's choices come to, of each team that they chose with."""
    rules: Mapping[str, Any]
    """The rules and settings as they were."""
    budget: str | None
    """Why the campaign waits for a decision about money, as a reason's code."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values, free of personal data."""
        return {
            "campaign": self.campaign,
            "line": self.line,
            "channels": [each.as_dict() for each in self.channels],
            "preferences": list(self.preferences),
            "budget": self.budget,
            "rules": {name: value for name, value in self.rules.items() if name != LOOKED_AT},
        }


def contact_decisions(lake: Lake, campaign: CampaignRow, line: int) -> ContactDecisions:
    """What was decided about the contact on a line of a campaign's file.

    Raises :class:`UsageError` (``decisions_unknown``) where the line became no contact, or nothing is kept.
    """
    table = lake.table("audience_decisions", campaign.key)
    decided = decisions_at(table, [line]).get(line)
    if decided is None:
        raise UsageError("decisions_unknown", campaign=campaign.key, line=line)
    rules = rules_of(table)
    waits = (campaign.counts.get("waits_for_approval") or {}).get("reason")
    return ContactDecisions(
        campaign.key,
        line,
        tuple(_on_channel(each, rules) for each in decided),
        decided[0].preferences if decided else (),
        rules,
        waits if waits in OVER_BUDGET else None,
    )


def _on_channel(decision: Decision, rules: Mapping[str, Any]) -> ChannelDecision:
    looked: Sequence[str] = rules.get(LOOKED_AT, {}).get(decision.channel, ())
    if decision.reason is not None and decision.by in looked:
        looked = looked[: looked.index(decision.by) + 1]
    return ChannelDecision(
        decision.channel,
        decision.reason,
        decision.by,
        decision.record,
        decision.consent,
        _rule_at(decision.by or "", rules),
        tuple(looked),
    )


def _rule_at(place: str, rules: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the rule says that stands at a place; ``None`` for what is no team's rule."""
    team, _, where = place.partition("/")
    stated = next((each["rules"] for each in rules.get("teams", ()) if where and each["team"] == team), None)
    if stated is None:
        return None
    kind, _, at = where.partition("/")
    found = stated.get(kind)
    if not at:
        return {kind: found}
    return found[int(at)] if isinstance(found, list) and int(at) < len(found) else None
