"""Starts that are long past: a machine that was off, a restore. They ask a person before anything is sent.

What was meant for two in the morning is not what a team wants at noon, and after a restore the database that was lost may
have sent it. So a scheduled campaign that could not begin within ``late_start_asks_after_s`` of its time, and one that
a schedule's time of before a restore made, wait for approval. A start that a person orders (approval, resuming) is not
asked about again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import Connection, text

from nightmail.campaigns.alerts import raise_alert
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.counts import record_counts
from nightmail.reasons.problems import stated_problem

LATE = "start_long_past"
BEFORE_RESTORE = "schedule_before_restore"
CHANGED = "approval_changed"


def late_start(
    connection: Connection, campaign: CampaignRow, began_at: dt.datetime | None, now: dt.datetime, asks_after_s: float
) -> dict[str, str] | None:
    """Why a campaign that would begin now must ask first: ``reason``, ``message``, ``remedy``; ``None`` when it need not.

    ``began_at`` is when the first of its messages should have gone; ``None``: at once, which is never late.
    """
    if campaign.schedule_time is not None:
        restored_at = connection.scalar(text("select restored_at from deployment"))
        if restored_at is not None and campaign.schedule_time <= restored_at <= campaign.created_at:
            return stated_problem(
                BEFORE_RESTORE,
                campaign=campaign.key,
                due=written(campaign.schedule_time),
                restored=written(restored_at),
            )
    if began_at is None or (now - began_at).total_seconds() <= asks_after_s:
        return None
    return stated_problem(LATE, campaign=campaign.key, due=written(began_at), late=_in_words(now - began_at))


def record_waiting(connection: Connection, campaign: CampaignRow, waits: Mapping[str, str]) -> None:
    """Keep with a campaign why it waits for a person; of a late start, which nobody waits for, people are alerted.

    The alert ends when the campaign no longer waits.
    """
    record_counts(connection, campaign.id, {"approval": waits["message"], "waits_for_approval": dict(waits)})
    if waits["reason"] in (LATE, BEFORE_RESTORE, CHANGED):
        raise_alert(
            connection,
            reason=waits["reason"],
            subject=f"campaign:{campaign.key}",
            message=f"{waits['message']} {waits['remedy']}",
            team_id=campaign.team_id,
            campaign_id=campaign.id,
            again=False,
        )


def written(moment: dt.datetime) -> str:
    """A moment as people read it: ``2026-11-23 02:00 UTC``."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def _in_words(time: dt.timedelta) -> str:
    minutes = int(time.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    hours = minutes // 60
    return f"{hours} hours" if hours < 72 else f"{hours // 24} days"
