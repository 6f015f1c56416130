"""Sensors whose ticks fail: an error that nothing foresaw would otherwise show in Dagster's log alone.

``doctor`` asks :func:`failing_sensors` itself, so that the sensor that raises these alerts is seen failing as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorType, TickStatus

from nightmail.campaigns.alerts import raise_alert, resolve_alerts
from nightmail.reasons import explain
from resources.database import DatabaseResource

FAILURES_TO_TELL = 2
"""After so many failed ticks of a sensor in a row an alert is raised: a single one may be a passing fault."""
SUBJECT = "sensor:"


@dataclass(frozen=True, slots=True)
class SensorHealth:
    """How the last ticks of a sensor ended. ``problem`` is the last error in one line, where ``failing``."""

    name: str
    failing: bool
    problem: str = ""


def sensors_health(instance: dg.DagsterInstance) -> list[SensorHealth]:
    """The health of every sensor that has had a tick. A tick under way says nothing yet."""
    found: list[SensorHealth] = []
    if instance.schedule_storage is None:
        # An instance that keeps no ticks, as tests have.
        return found
    for state in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
        ticks = instance.get_ticks(
            state.instigator_origin_id,
            state.selector_id,
            limit=FAILURES_TO_TELL,
            statuses=[TickStatus.SUCCESS, TickStatus.SKIPPED, TickStatus.FAILURE],
        )
        if not ticks:
            continue
        failing = len(ticks) == FAILURES_TO_TELL and all(tick.status == TickStatus.FAILURE for tick in ticks)
        error = ticks[0].error if failing else None
        problem = " ".join(error.message.split())[:200] if error is not None else ""
        found.append(SensorHealth(state.instigator_name, failing, problem))
    return found


def alert_failing_sensors(instance: dg.DagsterInstance, database: DatabaseResource) -> list[str]:
    """Raise an alert for each failing sensor, end those of sensors that work again; return the failing ones' names."""
    failing = []
    for health in sensors_health(instance):
        subject = f"{SUBJECT}{health.name}"
        with database.begin() as connection:
            if health.failing:
                failing.append(health.name)
                message = explain("sensor_failing", sensor=health.name, problem=health.problem)
                raise_alert(connection, reason="sensor_failing", subject=subject, message=message, again=False)
            else:
                resolve_alerts(connection, subject=subject)
    return failing
