"""A sandbox that looks like an organisation at work: its people, and two weeks of campaigns that nobody sent.

What belongs here: rows that are written as if they were old, and the refusal to write them anywhere else than in a deployment
that is the sandbox's alone. Each campaign says that it is seeded (:attr:`nightmail.campaigns.campaign_rows.CampaignRow.seeded`),
and the audit log names :data:`ACTOR`. Files are judged, planned and rendered by the stages that judge every file; what is made
up is when that was and what became of the messages. What does not belong here: which files come when (:mod:`commands.demonstration`).
"""

from __future__ import annotations

ACTOR = "system:demonstration"
"""Whom the audit log names for what was made up."""
