"""Runs whose process is not there any more, whatever launched them and wherever they worked.

A run holds an advisory lock while its process lives (:mod:`nightmail.store.run_locks`). One that Dagster believes to be at work
and whose lock has been free for some seconds is lost: it is ended, so that it holds no place and its work is taken up by
another one. No launcher is asked: Celery and Kubernetes notice a worker that vanished late, or never.
"""

from __future__ import annotations

import time

import dagster as dg

from nightmail.store.run_locks import runs_at_work, server_is_new, take_free_lock
from resources.database import DatabaseResource
from sensors.run_tags import LOST_TAG

LOST_AFTER_S = 6.0
"""A run takes its lock a moment after it began, and frees it a moment before its last event."""
BEGINS_WITHIN_S = 60.0
"""A run that was launched counts for so long although its process has not begun: a pod is made, a worker is waited for."""
AT_WORK = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
LAUNCHED = (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING)
JOBS = ("prepare", "prepare_waiting", "send", "report", "write_sends", "retention")
"""The jobs whose runs hold a lock: those that use the database."""
_MOST = 500
_PAUSE_S = 1.0


def end_lost_runs(instance: dg.DagsterInstance, database: DatabaseResource) -> list[str]:
    """End the runs whose process is not there, after looking for some seconds; return their ids."""
    missed = _without_lock(instance, database)
    deadline = time.monotonic() + LOST_AFTER_S
    while missed and time.monotonic() < deadline:
        time.sleep(_PAUSE_S)
        missed &= _without_lock(instance, database)
    return [run_id for run_id in sorted(missed) if _end(instance, database, run_id)]


def runs_of(instance: dg.DagsterInstance, database: DatabaseResource, job: str) -> int:
    """Return how many runs of a job are at work, by the locks that they hold, or are about to begin."""
    waiting = (dg.DagsterRunStatus.QUEUED, *LAUNCHED, *AT_WORK)
    records = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=list(waiting)), limit=_MOST)
    if not records:
        return 0
    with database.connect() as connection:
        at_work = runs_at_work(connection, [record.dagster_run.run_id for record in records])
        fresh = server_is_new(connection)
    now = time.time()
    count = 0
    for record in records:
        status, age = record.dagster_run.status, now - record.update_timestamp.timestamp()
        queued = status == dg.DagsterRunStatus.QUEUED
        begins = age < (BEGINS_WITHIN_S if status in LAUNCHED else LOST_AFTER_S)
        count += record.dagster_run.run_id in at_work or queued or begins or (fresh and status in AT_WORK)
    return count


def _without_lock(instance: dg.DagsterInstance, database: DatabaseResource) -> set[str]:
    runs = {
        run.run_id
        for run in instance.get_runs(dg.RunsFilter(statuses=list(AT_WORK)), limit=_MOST)
        if run.job_name in JOBS
    }
    if not runs:
        return set()
    with database.connect() as connection:
        return set() if server_is_new(connection) else runs - runs_at_work(connection, runs)


def _end(instance: dg.DagsterInstance, database: DatabaseResource, run_id: str) -> bool:
    with database.begin() as connection:
        # Held until it is written: a run that begins after all waits for it, and then finds that it is over.
        free = take_free_lock(connection, run_id)
        run = instance.get_run_by_id(run_id)
        if not free or run is None or run.status not in AT_WORK:
            return False
        if run.status == dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, "The run's process is not there any more.")
        else:
            instance.add_run_tags(run_id, {LOST_TAG: "true"})
            instance.report_run_failed(run, "The run's process is not there: it, or its host, was lost.")
    return True
