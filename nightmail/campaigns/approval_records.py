"""Approvals as they are kept: asked for, given, void. The gate: what was approved is what is sent, or it is not sent."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.audit import write_entry
from nightmail.campaigns.approval_bindings import Binding, binding_of
from nightmail.campaigns.approval_queries import ASK_FOR_APPROVAL, STANDING_APPROVAL
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.organisation.four_eyes import FourEyes, four_eyes_demanded


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """The approval that stands for a campaign: asked for, or given."""

    id: int
    campaign_id: int
    asked_at: dt.datetime
    because: dict[str, Any]
    four_eyes: bool
    bound: dict[str, Any]
    hash: str
    approved_by: str | None
    approved_for: int | None
    approved_at: dt.datetime | None
    same_person: bool


def standing_approval(connection: Connection, campaign_id: int) -> ApprovalRow | None:
    """The approval that stands for a campaign; ``None`` where none was asked for."""
    row = connection.execute(text(STANDING_APPROVAL), {"id": campaign_id}).one_or_none()
    return None if row is None else ApprovalRow(**row._mapping)


def ask_for_approval(
    connection: Connection, campaign: CampaignRow, because: Mapping[str, Any], *, actor: str, void: str = "asked again"
) -> Binding:
    """Bind a new request to the campaign as it is now; what stood before is void, for the reason ``void``."""
    void_approval(connection, campaign, void, actor=actor)
    binding = binding_of(connection, campaign)
    four_eyes = demands_four_eyes(connection, campaign)
    connection.execute(
        text(ASK_FOR_APPROVAL),
        {
            "id": campaign.id,
            "because": json.dumps(dict(because)),
            "four_eyes": four_eyes,
            "bound": json.dumps(binding.parts),
            "hash": binding.hash,
        },
    )
    write_entry(
        connection,
        actor=actor,
        action="approval.asked",
        subject=campaign.key,
        team_id=campaign.team_id,
        detail={"because": because.get("reason"), "four_eyes": four_eyes, "hash": binding.hash},
    )
    return binding


def void_approval(connection: Connection, campaign: CampaignRow, why: str, *, actor: str) -> bool:
    """End the approval that stands, given or not, and return whether there was one."""
    ended = connection.execute(
        text(
            "update approval set void_at = now(), void_because = :why where campaign_id = :id and void_at is null "
            "returning hash, approved_by"
        ),
        {"id": campaign.id, "why": why},
    ).one_or_none()
    if ended is None:
        return False
    write_entry(
        connection,
        actor=actor,
        action="approval.voided",
        subject=campaign.key,
        team_id=campaign.team_id,
        detail={"because": why, "hash": ended.hash, "was_given_by": ended.approved_by},
    )
    return True


def demands_four_eyes(connection: Connection, campaign: CampaignRow) -> bool:
    """Whether the campaign may be approved only by somebody who did not make, change or ask for it."""
    return four_eyes_of(connection, campaign) is not None


def four_eyes_of(connection: Connection, campaign: CampaignRow) -> tuple[str, str] | None:
    """Who demands another person for a campaign, and by which rule; ``None`` when nobody does.

    Nobody does for a test message, which goes to who asked for it and to no other.
    """
    if campaign.trial:
        return None
    stated = (campaign.settings.get("approval") or {}).get("four_eyes")
    return four_eyes_demanded(
        connection,
        campaign.team,
        None if stated is None else FourEyes.model_validate(stated),
        contacts=int(campaign.counts.get("contacts", 0)),
        costs=campaign.counts.get("costs") or {},
    )


def changed_since_approval(connection: Connection, campaign: CampaignRow) -> tuple[str, ...] | None:
    """What keeps a campaign from being sent as it is: the parts that differ from what was approved.

    ``None`` when it may go: nothing was to be approved, or it is as it was approved. An empty tuple: it is not approved.
    """
    standing = standing_approval(connection, campaign.id)
    if standing is None:
        return () if demands_four_eyes(connection, campaign) else None
    if standing.approved_at is None or (standing.same_person and demands_four_eyes(connection, campaign)):
        return ()
    binding = binding_of(connection, campaign)
    return None if binding.hash == standing.hash else binding.different(standing.bound) or ("content",)
