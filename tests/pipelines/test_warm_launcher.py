"""The warm launcher: runs in forked processes, ended on demand, and found dead when they are."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import psutil
import pytest
from dagster._core.launcher.base import LaunchRunContext, WorkerStatus

from pipelines import lost_runs, warm_launcher
from pipelines.lost_runs import LostRuns
from pipelines.run_processes import PID_TAG, process_of
from pipelines.warm_launcher import WarmRunLauncher, is_daemon
from sensors.run_tags import ENDED_TAG
from tests.pipelines import slow_job

pytestmark = pytest.mark.real_parts


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """An instance with storage on disk, which a forked process can open, and the launcher."""
    folder = tmp_path_factory.mktemp("instance")
    overrides = {"run_launcher": {"module": "pipelines.warm_launcher", "class": "WarmRunLauncher"}}
    with dg.instance_for_test(temp_dir=str(folder), overrides=overrides) as made:
        yield made


def launch(instance: dg.DagsterInstance, seconds: float) -> tuple[WarmRunLauncher, dg.DagsterRun]:
    launcher = instance.run_launcher
    assert isinstance(launcher, WarmRunLauncher)
    job = dg.reconstructable(slow_job.slow)
    run = instance.create_run_for_job(
        slow_job.slow,
        run_config={"ops": {"rest": {"config": {"seconds": seconds}}}},
        job_code_origin=job.get_python_origin(),
    )
    workspace: Any = SimpleNamespace()
    launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=workspace))
    return launcher, run


def wait_for(instance: dg.DagsterInstance, run: dg.DagsterRun, *statuses: dg.DagsterRunStatus) -> dg.DagsterRun:
    deadline = time.monotonic() + 90
    while True:
        found = instance.get_run_by_id(run.run_id)
        assert found is not None
        if found.status in statuses:
            return found
        assert time.monotonic() < deadline, f"the run is {found.status}"
        time.sleep(0.05)


def test_a_run_is_executed_in_a_process_of_its_own(instance: dg.DagsterInstance) -> None:
    """It succeeds, in another process that shares no memory with this one."""
    launcher, run = launch(instance, 0.0)
    done = wait_for(instance, run, dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)
    assert done.status == dg.DagsterRunStatus.SUCCESS
    assert int(done.tags[PID_TAG]) != os.getpid()
    launcher.join(30)
    assert process_of(done) is None


def test_a_run_at_work_is_healthy_and_ends_when_asked(instance: dg.DagsterInstance) -> None:
    """Termination goes by the process's number, so it works from any process of the machine."""
    launcher, run = launch(instance, 600.0)
    started = wait_for(instance, run, dg.DagsterRunStatus.STARTED)
    assert launcher.check_run_worker_health(started).status == WorkerStatus.RUNNING
    assert launcher.terminate(run.run_id)
    wait_for(instance, run, dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE)


def test_a_killed_run_is_found_dead(instance: dg.DagsterInstance) -> None:
    """Run monitoring ends the run, and the failure sensor takes its campaign back."""
    launcher, run = launch(instance, 600.0)
    started = wait_for(instance, run, dg.DagsterRunStatus.STARTED)
    pid = process_of(started)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while launcher.check_run_worker_health(started).status == WorkerStatus.RUNNING:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert launcher.check_run_worker_health(started).status == WorkerStatus.NOT_FOUND
    assert not launcher.terminate(run.run_id)


def test_a_killed_run_gives_its_place_back_within_seconds(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is ended without waiting for Dagster's own monitoring, and counts as a failure of its own."""
    launcher, run = launch(instance, 600.0)
    pid = process_of(wait_for(instance, run, dg.DagsterRunStatus.STARTED))
    lost = LostRuns(instance, launcher)
    assert run.run_id not in lost.look()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    # Not at the first look: a run's process ends a moment before or after its last event.
    assert run.run_id not in lost.look()
    monkeypatch.setattr(lost_runs, "LOST_AFTER_S", 0.0)
    deadline = time.monotonic() + 30
    while run.run_id not in lost.look():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    ended = wait_for(instance, run, dg.DagsterRunStatus.FAILURE)
    assert ENDED_TAG not in ended.tags


@pytest.mark.parametrize("status", ["STARTING", "CANCELING"])
def test_a_run_that_a_killed_daemon_left_behind_is_ended(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    """Killed between the queue and the fork: the next daemon ends the run, and marks that it was nobody's fault."""
    run = instance.create_run_for_job(slow_job.slow, run_config={"ops": {"rest": {"config": {"seconds": 0.0}}}})
    instance.report_dagster_event(
        dg.DagsterEvent(event_type_value=f"PIPELINE_{status}", job_name=run.job_name), run_id=run.run_id
    )
    launcher = instance.run_launcher
    assert isinstance(launcher, WarmRunLauncher)
    monkeypatch.setattr(lost_runs, "LOST_AFTER_S", 0.0)
    monkeypatch.setattr(launcher, "_launching", {run.run_id})
    # Other tests' killed runs may be ended by the way: the instance is shared.
    assert run.run_id not in LostRuns(instance, launcher).look(), "it is being launched"
    monkeypatch.setattr(launcher, "_launching", set())
    assert run.run_id in LostRuns(instance, launcher).look()
    ended = wait_for(instance, run, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
    assert (ended.status == dg.DagsterRunStatus.CANCELED) == (status == "CANCELING")
    assert ENDED_TAG in ended.tags


def test_another_process_with_the_same_number_is_not_the_run(instance: dg.DagsterInstance) -> None:
    """Numbers of processes come again: the start time tells them apart."""
    _, run = launch(instance, 0.0)
    done = wait_for(instance, run, dg.DagsterRunStatus.SUCCESS)
    instance.add_run_tags(run.run_id, {PID_TAG: str(os.getpid())})
    again = instance.get_run_by_id(run.run_id)
    assert again is not None and psutil.pid_exists(os.getpid())
    assert process_of(again) is None
    assert done.run_id == again.run_id


def test_a_run_warms_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forked process has the daemon's arguments; with each run another warm process would load everything once more."""
    monkeypatch.setattr(sys, "argv", ["/x/dagster/_daemon/__main__.py", "run", "-w", "workspace.yaml"])
    assert warm_launcher.warms_up()
    with multiprocessing.get_context("forkserver").Pool(1) as runs:
        assert runs.apply(_arguments_and_whether_it_warms_up) == (sys.argv[1:], False)


def _arguments_and_whether_it_warms_up() -> tuple[list[str], bool]:
    return sys.argv[1:], warm_launcher.warms_up()


def test_only_the_daemon_warms_up() -> None:
    """The web server and the command line load the same instance, and must not start processes for it."""
    assert is_daemon([str(Path("/x/dagster/_daemon/__main__.py")), "run", "-w", "workspace.yaml"])
    assert is_daemon(["/usr/bin/dagster-daemon", "run"])
    assert not is_daemon(["/usr/bin/dagster-webserver", "-w", "workspace.yaml"])
    assert not is_daemon(["/usr/bin/dagster", "run", "list"])
