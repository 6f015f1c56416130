"""A run launcher whose processes are warm: each run is forked from one process that has imported everything.

A run's process takes two to five seconds of CPU to import Dagster, the definitions and Great Expectations; a fork of a
process that has done so takes hundredths. Two hundred small files are then minutes of work, and the first message of a
file does not wait for imports.

It is for one machine, where the daemon runs: ``dagster.yaml`` names it. On a cluster the launcher there (Celery,
Kubernetes) takes its place. The warm process is started with the daemon and has the code of that moment: after a
change of code restart the daemon. Runs end when the daemon goes away, as those of Dagster's own launcher end with
their code server.

A daemon that is killed leaves runs that Dagster believes to be at work: they would hold the places of others, above all
of senders. The next daemon ends those whose process is not there (:class:`LostRuns`), within seconds and not after the
minutes that Dagster's run monitoring gives a run to start.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, RunLauncher, WorkerStatus
from dagster._serdes import ConfigurableClass, ConfigurableClassData

from sensors.run_tags import ENDED_TAG

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

PRELOADED = [
    "dagster._cli.api",
    "dagster._grpc.impl",
    "dagster_postgres",
    "pipelines.definitions",
    "great_expectations",
    "babel.numbers",
    "babel.dates",
    "phonenumbers",
    "email_validator",
    "pipelines.preloading",
]
"""What the warm process imports. A module that is not there is passed over."""

PID_TAG = "nightmail/pid"
HOST_TAG = "nightmail/host"
BORN_TAG = "nightmail/process_started"
_WATCH_S = 1.0
_LOST_LOOK_S = 2.0
LOST_AFTER_S = 8.0
"""A run whose process is not seen for so long has none: processes end a moment before or after their last event."""
_WITH_A_PROCESS = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
_log = logging.getLogger("dagster.daemon.WarmRunLauncher")


class WarmRunLauncher(RunLauncher, ConfigurableClass):
    """Forks each run from a warm process on this machine."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)
        self._processes: dict[str, BaseProcess] = {}
        self._launching: set[str] = set()
        self._lock = threading.Lock()
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """How the instance's settings made this."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing to configure."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> WarmRunLauncher:  # noqa: ARG003
        """As Dagster makes it from ``dagster.yaml``."""
        return cls(inst_data)

    def warm_up(self) -> None:
        """Start the warm process, if it is not there; it imports while others go on."""
        from multiprocessing import forkserver

        os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
        forkserver.ensure_running()

    def launch_run(self, context: LaunchRunContext) -> None:
        """Fork a process for the run."""
        os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
        run_id = context.dagster_run.run_id
        process = self._context.Process(
            target=execute_run, args=(run_id, self._instance.get_ref(), os.getpid()), name=f"run-{run_id[:8]}"
        )
        self._launching.add(run_id)
        try:
            with self._lock:
                for ended in [key for key, each in self._processes.items() if not each.is_alive()]:
                    del self._processes[ended]
                process.start()
                self._processes[run_id] = process
        finally:
            self._launching.discard(run_id)

    def terminate(self, run_id: str) -> bool:
        """Ask the run's process to end; from any process on the same machine."""
        run = self._instance.get_run_by_id(run_id)
        pid = None if run is None else process_of(run)
        if run is None or pid is None:
            return False
        self._instance.report_run_canceling(run)
        try:
            os.kill(pid, signal.SIGINT)
        except ProcessLookupError:
            return False
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring asks after the processes."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the run's process is alive."""
        if run.tags.get(HOST_TAG) not in (None, socket.gethostname()):
            return CheckRunHealthResult(WorkerStatus.UNKNOWN, "The run is on another machine.")
        own = self._processes.get(run.run_id)
        at_work = process_of(run) is not None or (own is not None and own.is_alive())
        if at_work or run.run_id in self._launching:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "The run's process is not there.", transient=False)

    def launched(self, run_id: str) -> bool:
        """Whether this very launcher started the run's process, not one in a daemon before."""
        return run_id in self._processes

    def join(self, timeout: int = 30) -> None:
        """Wait for the runs that this process launched."""
        deadline = time.monotonic() + timeout
        for process in list(self._processes.values()):
            process.join(max(0.0, deadline - time.monotonic()))

    def dispose(self) -> None:
        """Nothing: runs end by themselves, or with the daemon."""


class WarmRunQueue(dg.QueuedRunCoordinator):
    """Dagster's run queue, which in the daemon warms the launcher up at once.

    The launcher itself is made by Dagster only when the first run is launched, which is when it should be warm already.
    """

    def register_instance(self, instance: dg.DagsterInstance) -> None:
        """Take the instance, and warm up where runs are launched."""
        super().register_instance(instance)
        if warms_up():
            threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    def _warm_up(self) -> None:
        launcher = self._instance.run_launcher
        if isinstance(launcher, WarmRunLauncher):
            launcher.warm_up()
            LostRuns(self._instance, launcher).watch()


class LostRuns:
    """Ends runs whose process is not there, so that they hold nobody's place and are seen to have failed."""

    def __init__(self, instance: dg.DagsterInstance, launcher: WarmRunLauncher) -> None:
        self._instance = instance
        self._launcher = launcher
        self._missed_since: dict[str, float] = {}

    def watch(self) -> None:
        """Look every few seconds for as long as the process lives."""
        while True:
            try:
                self.look()
            except Exception as error:
                # The database may be away for a while; what is lost now is lost then.
                _log.warning("lost runs were not looked for: %s", type(error).__name__)
            time.sleep(_LOST_LOOK_S)

    def look(self) -> list[str]:
        """One look; gives the runs that it ended."""
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


def warms_up() -> bool:
    """Whether this process is the daemon that runs are forked for. A run is a child of it, and is given its arguments."""
    return _is_daemon(sys.argv) and multiprocessing.parent_process() is None


def _is_daemon(arguments: list[str]) -> bool:
    program = os.path.basename(arguments[0]) if arguments else ""  # noqa: PTH119 - a bare name, no path to follow
    return arguments[1:2] == ["run"] and (program == "dagster-daemon" or "_daemon" in arguments[0])


def _born(pid: int | None) -> float:
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def process_of(run: dg.DagsterRun) -> int | None:
    """The process of a run, if it is alive on this machine; told from another one with the same number by its start."""
    import psutil

    if run.tags.get(HOST_TAG) != socket.gethostname() or PID_TAG not in run.tags:
        return None
    try:
        process = psutil.Process(int(run.tags[PID_TAG]))
        alive = process.status() != psutil.STATUS_ZOMBIE
        same = abs(process.create_time() - float(run.tags.get(BORN_TAG, "0"))) < 1.0
    except (psutil.Error, ValueError):
        return None
    return process.pid if alive and same else None


def execute_run(run_id: str, instance_ref: Any, daemon_pid: int) -> None:
    """The run's process, just forked: execute it, and end when the daemon goes away."""
    from dagster._cli.api import _execute_run_command_body

    with dg.DagsterInstance.from_ref(instance_ref) as instance:
        # By the run itself, so that a daemon that is killed right after the fork leaves none that nobody can find.
        born = {PID_TAG: str(os.getpid()), HOST_TAG: socket.gethostname(), BORN_TAG: f"{_born(os.getpid()):.2f}"}
        instance.add_run_tags(run_id, born)
        watch = (daemon_pid, instance, run_id)
        threading.Thread(target=_end_with, args=watch, name="daemon-watch", daemon=True).start()
        before = time.process_time()
        _execute_run_command_body(run_id, instance, _no_stream, set_exit_code_on_failure=False)
        spent = time.process_time() - before
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        run = instance.get_run_by_id(run_id)
        if run is not None:
            instance.report_engine_event(f"The run used {spent:.2f} s of CPU and at most {memory} MB of memory.", run)


def _no_stream(_event: dg.DagsterEvent) -> None:
    """Events are in the event log; nobody reads them from the process."""


def _end_with(daemon_pid: int, instance: dg.DagsterInstance, run_id: str) -> None:
    import psutil

    with contextlib.suppress(psutil.Error):
        daemon = psutil.Process(daemon_pid)
        while daemon.is_running() and daemon.status() != psutil.STATUS_ZOMBIE:
            time.sleep(_WATCH_S)
    try:
        instance.add_run_tags(run_id, {ENDED_TAG: "true"})
    finally:
        os.kill(os.getpid(), signal.SIGINT)
