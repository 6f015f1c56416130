"""What sensors of campaigns ask for: preparers, preparing runs of single campaigns, and the sender that hands off what comes out."""

from __future__ import annotations

import dagster as dg
from dagster._core.definitions.target import AutomationTarget

PREPARE_JOB = "prepare"
PREPARERS_JOB = "prepare_waiting"
SEND_JOB = "send"


def asks_for_campaigns(sensor: dg.SensorDefinition) -> dg.SensorDefinition:
    """Let a sensor ask for runs of all jobs that a campaign may need; Dagster takes several jobs as objects only."""
    sensor._targets = [AutomationTarget(resolvable_to_job=job) for job in (PREPARE_JOB, PREPARERS_JOB, SEND_JOB)]
    return sensor
