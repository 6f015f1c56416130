"""Runs whose process vanished, whatever launched them: found by the locks that they hold."""

import signal
import subprocess
import sys
import threading
import time
from typing import Any

import dagster as dg
import pytest

from nightmail.store import run_locks
from nightmail.store.run_locks import RunLock, runs_at_work
from nightmail.store.states import CampaignState
from sensors import failures, lost_runs
from sensors.api_files import api_files
from sensors.failures import failed_runs
from sensors.messages_due import messages_due
from sensors.run_tags import LOST_TAG
from tests.sensors.test_campaign_sensors import large, tick
from tests.support.pipeline_rig import PipelineRig, contact_rows

HOLDER = """
import sys, time
from nightmail.store.engine import engine
from nightmail.store.run_locks import RunLock
RunLock(engine(sys.argv[1]), sys.argv[2], still_wanted=lambda: True, give_up=lambda: None).hold()
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _server_of_a_while_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_locks, "RESTART_GRACE_S", -1_000_000)


def begun(rig: PipelineRig, job: str, tags: Any = None) -> str:
    """A run that Dagster believes to be at work since a while ago."""
    run = rig.instance.create_run_for_job(rig.defs.resolve_job_def(job), tags=tags)
    for event in ("PIPELINE_STARTING", "PIPELINE_START"):
        rig.instance.report_dagster_event(dg.DagsterEvent(event_type_value=event, job_name=job), run_id=run.run_id)
    return run.run_id


def status(rig: PipelineRig, run_id: str) -> dg.DagsterRunStatus:
    found = rig.instance.get_run_by_id(run_id)
    assert found is not None
    return found.status


def process(rig: PipelineRig, run_id: str) -> subprocess.Popen[str]:
    """Another process that holds the lock of a run."""
    made = subprocess.Popen([sys.executable, "-c", HOLDER, rig.url, run_id], stdout=subprocess.PIPE, text=True)
    assert made.stdout is not None and made.stdout.readline() == "held\n"
    return made


def test_a_sender_whose_worker_was_killed_is_followed_by_another_within_seconds(
    rig: PipelineRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster believes it to be at work, whatever the launcher: its lock says that it is not. Its place is free again as well."""
    monkeypatch.setattr(lost_runs, "LOST_AFTER_S", 0.0)
    rig.upload(contact_rows(2))
    run_id = begun(rig, "send")
    worker = process(rig, run_id)
    try:
        assert isinstance(tick(rig, messages_due), dg.SkipReason)
        assert not lost_runs.end_lost_runs(rig.instance, rig.resources["database"])
        killed = time.monotonic()
        worker.send_signal(signal.SIGKILL)
        while isinstance(asked := tick(rig, messages_due), dg.SkipReason):
            assert time.monotonic() - killed < 15
        assert [request.job_name for request in asked.run_requests] == ["send"]
    finally:
        worker.kill()
        worker.wait()
    tick(rig, failed_runs)
    assert status(rig, run_id) == dg.DagsterRunStatus.FAILURE


def test_a_lost_preparing_run_is_taken_back_by_the_same_tick(rig: PipelineRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice it is not held against the campaign; a file that takes its process with it again and again is stopped in the end."""
    monkeypatch.setattr(lost_runs, "LOST_AFTER_S", 0.0)
    campaign = large(rig, contact_rows(3), prepare_attempts=1)
    for lost in (1, 2, 3):
        request = tick(rig, api_files).run_requests[0]
        run_id = begun(rig, "prepare", request.tags)
        rig.change(
            "update campaign set state = 'checking', run_id = :run, prepare_attempts = prepare_attempts + 1", run=run_id
        )
        tick(rig, failed_runs)
        found = rig.instance.get_run_by_id(run_id)
        assert found is not None and LOST_TAG in found.tags
        assert rig.campaign(campaign).state == (CampaignState.RECEIVED if lost < 3 else CampaignState.STOPPED)


def test_a_run_that_has_just_begun_is_waited_for(rig: PipelineRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes its lock a moment after Dagster calls it started."""
    monkeypatch.setattr(lost_runs, "LOST_AFTER_S", 1.0)
    monkeypatch.setattr(lost_runs, "_PAUSE_S", 0.1)
    run_id = begun(rig, "send")
    lock = RunLock(rig.engine, run_id, still_wanted=lambda: True, give_up=lambda: None)
    later = threading.Timer(0.3, lock.hold)
    later.start()
    assert not lost_runs.end_lost_runs(rig.instance, rig.resources["database"])
    later.join()
    lock.release()
    assert lost_runs.end_lost_runs(rig.instance, rig.resources["database"]) == [run_id]


def test_a_lock_that_was_lost_with_its_connection_is_held_again_or_given_up(rig: PipelineRig) -> None:
    """The database restarts, or the link is cut for a while: the run goes on, unless it was taken for lost meanwhile."""
    wanted, gave_up = threading.Event(), threading.Event()
    wanted.set()
    lock = RunLock(rig.engine, "a-run", still_wanted=wanted.is_set, give_up=gave_up.set)
    lock.hold()

    def cut() -> None:
        rig.rows(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'nightmail run' "
            "and datname = current_database()"
        )

    def held() -> bool:
        with rig.engine.connect() as connection:
            return runs_at_work(connection, ["a-run", "another"]) == {"a-run"}

    assert held()
    cut()
    deadline = time.monotonic() + 30
    while not held():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert not gave_up.is_set()
    wanted.clear()
    cut()
    assert gave_up.wait(30)
    lock.release()


def test_a_run_holds_its_lock_while_it_works(rig: PipelineRig) -> None:
    """Every job of the pipeline uses the database, which holds the lock."""
    seen = []

    @dg.op(required_resource_keys={"database"})
    def look(context: dg.OpExecutionContext) -> None:
        with rig.engine.connect() as connection:
            seen.append(runs_at_work(connection, [context.run_id]) == {context.run_id})

    @dg.job(executor_def=dg.in_process_executor, resource_defs={"database": rig.resources["database"]})
    def looking() -> None:
        look()

    assert looking.execute_in_process(instance=rig.instance).success
    assert seen == [True]
    assert rig.rows("select count(*) as n from pg_locks where locktype = 'advisory'") == [{"n": 0}]
    for job in ("prepare", "prepare_waiting", "send", "report", "write_sends", "retention"):
        assert "database" in rig.defs.resolve_job_def(job).get_required_resource_defs(), job
    assert set(lost_runs.JOBS) == {"prepare", "prepare_waiting", "send", "report", "write_sends", "retention"}


def test_runs_that_never_began_are_not_held_against_a_campaign(
    rig: PipelineRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that is away for a minute: asked for again with growing pauses, told to people, never stopped."""
    campaign = large(rig, contact_rows(3), prepare_attempts=1)
    monkeypatch.setattr(failures, "LONGEST_PAUSE_S", 0.0)
    for attempt in range(1, 9):
        request = tick(rig, api_files).run_requests[0]
        assert request.run_key == f"{campaign.key}/{attempt}"
        run = rig.instance.create_run_for_job(rig.defs.resolve_job_def("prepare"), tags=request.tags)
        rig.instance.report_run_failed(run, "the broker is away")
        if attempt == 3:
            monkeypatch.setattr(failures, "LONGEST_PAUSE_S", 60.0)
            tick(rig, failed_runs)
            assert rig.campaign(campaign).prepare_attempts == 2, "it is waited a while first"
            monkeypatch.setattr(failures, "LONGEST_PAUSE_S", 0.0)
        tick(rig, failed_runs)
        assert rig.campaign(campaign).state == CampaignState.RECEIVED
    assert rig.rows("select reason, subject from alert") == [
        {"reason": "run_not_begun", "subject": f"campaign:{campaign.key}"}
    ]
