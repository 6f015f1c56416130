"""A sensor that fails twice in a row is an alert, until it works again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, TickData, TickStatus
from dagster._utils.error import SerializableErrorInfo

from sensors.failing_sensors import alert_failing_sensors, sensors_health
from tests.support.pipeline_rig import PipelineRig


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance that keeps ticks."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def a_sensor(instance: dg.DagsterInstance, name: str) -> InstigatorState:
    location = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=1, location_name="nightmail")
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), name)
    state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING)
    instance.add_instigator_state(state)
    return state


def tick(
    instance: dg.DagsterInstance, sensor: InstigatorState, number: int, status: TickStatus, error: str = ""
) -> None:
    instance.create_tick(
        TickData(
            sensor.instigator_origin_id,
            sensor.instigator_name,
            InstigatorType.SENSOR,
            status,
            float(number),
            run_ids=[],
            selector_id=sensor.selector_id,
            error=SerializableErrorInfo(error, [], None) if error else None,
        )
    )


def test_two_failures_in_a_row_are_told_and_one_is_not(rig: PipelineRig, instance: dg.DagsterInstance) -> None:
    """The error is told in one line; a tick that works ends the alert."""
    failing, passing = a_sensor(instance, "sftp_files"), a_sensor(instance, "receipts_due")
    tick(instance, failing, 1, TickStatus.SUCCESS)
    tick(instance, failing, 2, TickStatus.FAILURE, "UnicodeDecodeError: 'utf-8'\n")
    tick(instance, passing, 1, TickStatus.FAILURE, "OSError\n")
    tick(instance, passing, 2, TickStatus.SKIPPED)
    database = rig.resources["database"]
    assert alert_failing_sensors(instance, database) == []
    tick(instance, failing, 3, TickStatus.FAILURE, "UnicodeDecodeError: 'utf-8'\n")
    for _ in range(2):
        assert alert_failing_sensors(instance, database) == ["sftp_files"]
    (alert,) = rig.rows("select reason, subject, times, message from alert where resolved_at is null")
    assert (alert["reason"], alert["subject"], alert["times"]) == ("sensor_failing", "sensor:sftp_files", 1)
    assert "UnicodeDecodeError: 'utf-8'" in alert["message"]
    assert {h.name: h.failing for h in sensors_health(instance)} == {"sftp_files": True, "receipts_due": False}
    tick(instance, failing, 4, TickStatus.SKIPPED)
    assert alert_failing_sensors(instance, database) == []
    assert rig.rows("select 1 from alert where resolved_at is null") == []


def test_a_tick_under_way_says_nothing_yet(instance: dg.DagsterInstance) -> None:
    sensor = a_sensor(instance, "sftp_files")
    for number in (1, 2):
        tick(instance, sensor, number, TickStatus.FAILURE, "OSError\n")
    tick(instance, sensor, 3, TickStatus.STARTED)
    assert [h.failing for h in sensors_health(instance)] == [True]
