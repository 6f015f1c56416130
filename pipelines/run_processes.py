"""The process of a run: how it is found again, what it does, and that it ends with the daemon that forked it."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import threading
import time
from typing import Any

import dagster as dg
import psutil

from sensors.run_tags import ENDED_TAG

PID_TAG = "nightmail/pid"
HOST_TAG = "nightmail/host"
BORN_TAG = "nightmail/process_started"
_WATCH_S = 1.0


def process_of(run: dg.DagsterRun) -> int | None:
    """The id of a run's process, if it is alive on this machine; another process of that id began at another time."""
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
        # The run itself says so: a daemon that is killed right after the fork could not.
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


def _born(pid: int | None) -> float:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def _no_stream(_event: dg.DagsterEvent) -> None:
    """Do nothing: events are in the event log, and no program reads them from the process."""


def _end_with(daemon_pid: int, instance: dg.DagsterInstance, run_id: str) -> None:
    with contextlib.suppress(psutil.Error):
        daemon = psutil.Process(daemon_pid)
        while daemon.is_running() and daemon.status() != psutil.STATUS_ZOMBIE:
            time.sleep(_WATCH_S)
    try:
        instance.add_run_tags(run_id, {ENDED_TAG: "true"})
    finally:
        os.kill(os.getpid(), signal.SIGINT)
