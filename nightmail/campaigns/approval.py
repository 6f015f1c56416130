"""Approval by a person: of a feed's first file, a campaign over its approval size, a file of unusual volume."""

from __future__ import annotations

from statistics import median

from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.campaigns.queries import ROWS_OF_EARLIER
from nightmail.campaigns.transitions import move_campaign, state_after_loading, wrong_state
from nightmail.organisation.feeds import FeedSettings
from nightmail.reasons import Surface, remedy
from nightmail.reasons.problems import stated_problem
from nightmail.store.clock import database_time
from nightmail.store.states import CampaignState

HISTORY = 10
"""How many earlier campaigns of a feed say what is usual."""
ENOUGH_HISTORY = 3
"""With fewer, nothing is unusual."""


def usual_rows(connection: Connection, campaign: CampaignRow) -> float | None:
    """The median number of rows of the feed's last campaigns; ``None`` while there are too few."""
    if campaign.feed_id is None:
        return None
    rows = connection.scalars(
        text(ROWS_OF_EARLIER), {"feed": campaign.feed_id, "id": campaign.id, "history": HISTORY}
    ).all()
    return float(median(rows)) if len(rows) >= ENOUGH_HISTORY else None


def approval_needed(
    connection: Connection,
    campaign: CampaignRow,
    settings: FeedSettings,
    *,
    rows: int,
    contacts: int,
    corrections: bool,
) -> dict[str, str] | None:
    """Why a campaign must wait for a person: ``reason``, ``message``, ``remedy``; ``None`` when it may go.

    Corrections (a corrected reject file) belong to a file that was let go before: only the size rule holds for them.
    Campaigns without a feed come from a person who looked at them.
    """
    rules = settings.approval
    if campaign.feed_id is None:
        return None
    if rules.always:
        return stated_problem("approval_always", campaign=campaign.key)
    if rules.over_contacts is not None and contacts > rules.over_contacts:
        return stated_problem(
            "approval_over_contacts", campaign=campaign.key, contacts=contacts, limit=rules.over_contacts
        )
    if corrections or campaign.source == "single":
        return None
    if rules.first_file:
        earlier = connection.scalar(
            text(
                "select exists (select from campaign where feed_id = :feed and id < :id "
                "and first_hand_off_at is not null)"
            ),
            {"feed": campaign.feed_id, "id": campaign.id},
        )
        if not earlier:
            return stated_problem("approval_first_file", campaign=campaign.key)
    if rules.unusual_volume:
        usual = usual_rows(connection, campaign)
        if usual is not None and usual > 0 and not usual / rules.volume_factor <= rows <= usual * rules.volume_factor:
            return stated_problem("approval_unusual_volume", campaign=campaign.key, rows=rows, usual=f"{usual:.0f}")
    return None


def waits_for_approval(campaign: CampaignRow, surface: Surface | None = None) -> dict[str, str] | None:
    """Why a campaign waits for a person now: ``reason``, ``message``, and the ``remedy`` as read on ``surface``.

    ``None`` for one that does not wait.
    """
    if campaign.state is not CampaignState.AWAITING_APPROVAL:
        return None
    # Before the reason was kept beside it, there was a sentence alone.
    earlier = {"reason": "approval_always", "message": str(campaign.counts.get("approval", ""))}
    kept = {**earlier, **campaign.counts.get("waits_for_approval", {})}
    return {**kept, "remedy": remedy(kept["reason"], surface, campaign=campaign.key)}


def approve(engine: Engine, campaign: str | int, *, actor: str) -> CampaignRow:
    """Let a campaign that awaits approval go: to its schedule, or straight to sending.

    It ends later than was forecast: :func:`nightmail.forecasts.recorded_forecasts.renew_forecast` says when.
    """
    with engine.begin() as connection:
        found = get_campaign(connection, campaign)
        if found.state not in (CampaignState.AWAITING_APPROVAL, CampaignState.READY):
            raise wrong_state(found.key, found.state, "it does not await approval")
        now = database_time(connection)
        return move_campaign(connection, found.id, state_after_loading(found, now), actor=actor)
