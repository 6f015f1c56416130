"""What people and the product did with a campaign, as the audit log has it: the newest first."""

from __future__ import annotations

from sqlalchemy import Connection

from nightmail.audit.listing import AuditRow, EntryFilter, list_entries
from nightmail.campaigns.campaign_rows import CampaignRow


def campaign_history(
    connection: Connection, campaign: CampaignRow, *, after: int | None = None, limit: int = 50
) -> list[AuditRow]:
    """A page of a campaign's entries: made, changed from state to state, asked for and approved, its files taken out.

    For who may see the campaign. Where somebody was as they did it, and what else they did, is in the audit log alone.
    """
    return list_entries(connection, EntryFilter(subject=campaign.key), after=after, limit=limit)
