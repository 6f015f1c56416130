"""What an answer shows of recipients, for the audit log."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from nightmail.access.api_keys import Program
from nightmail.audit import record_look
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.conversations.team_replies import ReplyRow as TeamReply
from nightmail.lake import TableFile
from nightmail.reports.campaign_messages import ReplyRow


def record_replies_read(
    connection: Connection, program: Program, rows: Iterable[TeamReply | ReplyRow], *, team_id: int | None
) -> None:
    """Record that a program reads what recipients said: of which replies, and not what. Without ``personal.see`` it does not.

    Replies of which nothing is kept any more are no look.
    """
    if not program.sees_personal:
        return
    numbers = [row.id for row in rows if row.text is not None or (isinstance(row, TeamReply) and row.media)]
    if numbers:
        record_look(
            connection,
            actor=program.actor,
            subject=f"reply:{min(numbers)}" if len(numbers) == 1 else f"replies:{min(numbers)}-{max(numbers)}",
            team_id=team_id,
            shown=("body",),
            count=len(numbers),
        )


def record_rejects_read(connection: Connection, program: Program, campaign: CampaignRow, rejects: TableFile) -> None:
    """Record that a program takes the rows that were not taken, as they were written in the contact file."""
    record_look(
        connection,
        actor=program.actor,
        subject=f"campaign:{campaign.key}",
        team_id=campaign.team_id,
        shown=("address", "name"),
        count=len(rejects.read(["line"])["line"].unique()),
    )
