"""Runs whose process is not there, ended within seconds.

A daemon that is killed leaves runs that Dagster believes to be at work: they would hold the places of others, above all
of senders. The next daemon ends them, and does not wait for the minutes that Dagster's run monitoring gives a run to start.
"""

from __future__ import annotations

import logging
import time
from typing import Protocol

import dagster as dg
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus

from sensors.run_tags import ENDED_TAG

_LOST_LOOK_S = 2.0
LOST_AFTER_S = 8.0
"""A run whose process is not seen for so long has none: processes end a moment before or after their last event."""
_WITH_A_PROCESS = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
_log = logging.getLogger("dagster.daemon.WarmRunLauncher")


class Launcher(Protocol):
    """What is asked of the launcher of runs."""

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the run's process is alive."""
        ...

    def launched(self, run_id: str) -> bool:
        """Whether this very launcher started the run's process, not one in a daemon before."""
        ...


class LostRuns:
    """Ends runs whose process is not there, so that they hold no place and are seen to have failed."""

    def __init__(self, instance: dg.DagsterInstance, launcher: Launcher) -> None:
        self._instance = instance
        self._launcher = launcher
        self._missed_since: dict[str, float] = {}

    def watch(self) -> None:
        """Look every few seconds for as long as the process lives."""
        while True:
            try:
                self.look()
            except Exception as error:
                # The database may be away for a while; the next look finds the same runs.
                _log.warning("lost runs were not looked for: %s", type(error).__name__)
            time.sleep(_LOST_LOOK_S)

    def look(self) -> list[str]:
        """Look once; return the ids of the runs that were ended."""
        missed: dict[str, float] = {}
        ended = []
        now = time.monotonic()
        for run in self._instance.get_runs(dg.RunsFilter(statuses=list(_WITH_A_PROCESS))):
            if self._launcher.check_run_worker_health(run).status is not WorkerStatus.NOT_FOUND:
                continue
            missed[run.run_id] = self._missed_since.get(run.run_id, now)
            if now - missed[run.run_id] >= LOST_AFTER_S:
                self._end(run.run_id)
                ended.append(run.run_id)
        self._missed_since = missed
        return ended

    def _end(self, run_id: str) -> None:
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.status not in _WITH_A_PROCESS:
            return
        if not self._launcher.launched(run_id):
            self._instance.add_run_tags(run_id, {ENDED_TAG: "true"})
        if run.status == dg.DagsterRunStatus.CANCELING:
            self._instance.report_run_canceled(run, "The run's process is not there any more.")
        else:
            self._instance.report_run_failed(run, "The run's process is not there: it, or its daemon, was killed.")
