"""Partitions as the pipeline keeps them: the definitions, and the pruning of campaign keys by age.

The keys are Dagster's memory only: the lake and the database keep the campaigns.
"""

from __future__ import annotations

import datetime as dt

import dagster as dg

from assets.partitions import campaigns, days

KEPT_DAYS = 400
"""Keys of older campaigns are pruned: Dagster is comfortable with some 100,000."""
KEPT_KEYS = 80_000

__all__ = ["KEPT_DAYS", "KEPT_KEYS", "campaigns", "days", "prune_campaigns"]


def prune_campaigns(instance: dg.DagsterInstance, today: dt.date) -> int:
    """Delete the keys of campaigns older than :data:`KEPT_DAYS`, and the oldest beyond :data:`KEPT_KEYS`; return how many."""
    keys = sorted(instance.get_dynamic_partitions(str(campaigns.name)))
    oldest = (today - dt.timedelta(days=KEPT_DAYS)).isoformat()
    surplus = set(keys[: max(0, len(keys) - KEPT_KEYS)])
    pruned = [key for key in keys if key[:10] < oldest or key in surplus]
    for key in pruned:
        instance.delete_dynamic_partition(str(campaigns.name), key)
    return len(pruned)
