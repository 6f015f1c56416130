"""A run launcher whose processes are warm: each run is forked from one process that has imported everything.

A run's process takes two to five seconds of CPU to import Dagster, the definitions and Great Expectations; a fork of a
process that has done so takes hundredths. Two hundred small files are then minutes of work, and the first message of a
file does not wait for imports.

It is for one machine, where the daemon runs: ``dagster.yaml`` names it. On a cluster the launcher there (Celery,
Kubernetes) takes its place. The warm process is started with the daemon and has the code of that moment: after a
change of code restart the daemon. Runs end when the daemon goes away, as those of Dagster's own launcher end with
their code server.
"""

from __future__ import annotations

import multiprocessing
import os
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

from pipelines.lost_runs import LostRuns
from pipelines.run_processes import HOST_TAG, execute_run, process_of

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
    "pipelines.run_processes",
    "pipelines.preloading",
]
"""Modules that the warm process imports; one that is not there is passed over."""


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
        """The settings of the instance that this was made from."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """The settings that there are: none."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> WarmRunLauncher:  # noqa: ARG003
        """Make the launcher, as Dagster does for ``dagster.yaml``."""
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
        """Yes: Dagster's run monitoring asks for the processes."""
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
        """Do nothing: runs end when their work is done, or with the daemon."""


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


def warms_up() -> bool:
    """Whether this process is the daemon that runs are forked for. A run is a child of it, and is given its arguments."""
    return is_daemon(sys.argv) and multiprocessing.parent_process() is None


def is_daemon(arguments: list[str]) -> bool:
    """Whether these are the arguments of Dagster's daemon."""
    program = os.path.basename(arguments[0]) if arguments else ""  # noqa: PTH119 - a bare name, no path to follow
    return arguments[1:2] == ["run"] and (program == "dagster-daemon" or "_daemon" in arguments[0])
