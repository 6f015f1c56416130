"""What waits for a person: a feed's first file, a campaign over its approval size, a file of unusual volume."""

from __future__ import annotations

from statistics import median

from sqlalchemy import Connection, text

from nightmail.campaigns.campaigns import CampaignRow
from nightmail.organisation.feeds import FeedSettings

HISTORY = 10
"""How many earlier campaigns of a feed say what is usual."""
ENOUGH_HISTORY = 3
"""With fewer, nothing is unusual."""


def usual_rows(connection: Connection, campaign: CampaignRow) -> float | None:
    """The median number of rows of the feed's last campaigns; ``None`` while there are too few."""
    if campaign.feed_id is None:
        return None
    rows = connection.scalars(
        text(
            "select (counts ->> 'rows')::bigint from campaign where feed_id = :feed and id < :id "
            "and loaded_at is not null and not coalesce((counts ->> 'corrections')::boolean, false) "
            "and counts ? 'rows' order by id desc limit :history"
        ),
        {"feed": campaign.feed_id, "id": campaign.id, "history": HISTORY},
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
) -> str | None:
    """Why a campaign must wait for a person, as a sentence; ``None`` when it may go.

    Corrections (our own reject file, mended) belong to a file that was let go before: only the size rule holds for them.
    Campaigns without a feed come from a person who looked at them.
    """
    rules = settings.approval
    if campaign.feed_id is None:
        return None
    if rules.always:
        return "Every campaign of this feed waits for approval."
    if rules.over_contacts is not None and contacts > rules.over_contacts:
        return f"The campaign has {contacts} contacts; over {rules.over_contacts} it waits for approval."
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
            return "It is the feed's first file."
    if rules.unusual_volume:
        usual = usual_rows(connection, campaign)
        if usual is not None and usual > 0 and not usual / rules.volume_factor <= rows <= usual * rules.volume_factor:
            return f"The file has {rows} rows; the feed's last files had about {usual:.0f}."
    return None
