"""Child processes of ``up`` and ``demo``: started in order, waited for until they answer, watched, stopped all.

Each writes to its own file in the log folder. A child that ends unexpectedly ends all of them, and its last lines are shown. On
Ctrl-C or SIGTERM every child gets SIGTERM, then after a while SIGKILL; each is the leader of its own process group, so
that what it started (Dagster's runs) ends with it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from nightmail.errors import ConfigurationError, UnavailableError

STOP_PATIENCE_S = 15.0
LOG_TAIL_LINES = 15


@dataclass
class Child:
    """One process: what it is called, how it runs, where it writes."""

    name: str
    arguments: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def ended(self) -> bool:
        """Whether it was started and is no longer there."""
        return self.process is not None and self.process.poll() is not None

    def tail(self) -> str:
        """The last lines of its log."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-LOG_TAIL_LINES:])


class StopRequested(Exception):  # noqa: N818 - not an error: the person wants to end
    """SIGTERM or SIGINT arrived while waiting."""


class Supervisor:
    """Starts and stops children; a context manager that leaves nothing running behind.

    >>> with Supervisor(log_dir) as supervisor:
    ...     supervisor.start("portal", ["uvicorn", "portal.application:app"])
    ...     supervisor.wait_for("portal", lambda: answers("http://127.0.0.1:8321/health"), timeout_s=60)
    """

    def __init__(self, logs: Path, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.logs = logs
        self.folder = folder
        self.environment = dict(environment or {})
        self.children: list[Child] = []
        self._stop = threading.Event()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._asked_to_stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_all()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _asked_to_stop(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether a signal asked to stop."""
        return self._stop.is_set()

    def start(self, name: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Child:
        """Start a child; its output goes to ``logs/<name>.log``."""
        child = Child(name, arguments, self.logs / f"{name}.log", environment or {})
        with child.log.open("ab") as log:
            child.process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={**os.environ, **self.environment, **child.environment},
                start_new_session=True,
            )
        self.children.append(child)
        return child

    def start_told(self, name: str, arguments: Sequence[str], timeout_s: float) -> tuple[Child, str]:
        """Start a child that says in its first line of output what others need to know; give that line as well."""
        # The log may hold what an earlier start said.
        log = self.logs / f"{name}.log"
        before = log.stat().st_size if log.exists() else 0
        child = self.start(name, arguments)
        line = ""

        def said() -> bool:
            nonlocal line
            text = child.log.read_bytes()[before:].decode("utf-8", errors="replace")
            found = [
                entry for entry in text.splitlines(keepends=True) if entry.startswith("{") and entry.endswith("\n")
            ]
            line = found[-1] if found else ""
            return bool(line)

        self.wait_for(child.name, said, timeout_s)
        return child, line

    def wait_for(
        self, what: str, ready: Callable[[], bool], timeout_s: float, tick: Callable[[], None] | None = None
    ) -> None:
        """Wait until ``ready``. Raises :class:`UnavailableError` when a child ended or the time is over."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            self.check_children()
            if self._stop.is_set():
                raise StopRequested
            if time.monotonic() > deadline:
                raise UnavailableError("part_not_ready", part=what, seconds=f"{timeout_s:.0f}", logs=self.logs)
            if tick is not None:
                tick()
            self._stop.wait(0.1)

    def check_children(self) -> None:
        """Raise :class:`UnavailableError` when a child ended unexpectedly."""
        for child in self.children:
            if child.ended:
                assert child.process is not None
                raise UnavailableError(
                    "part_ended", part=child.name, code=child.process.returncode, tail=child.tail(), log=child.log
                )

    def watch(self, tick: Callable[[], None]) -> None:
        """Wait until a signal asks to stop, with a ``tick`` now and then for what is no child.

        Raises :class:`UnavailableError` when a child ends unexpectedly.
        """
        while not self._stop.wait(0.5):
            self.check_children()
            tick()

    def stop(self, child: Child) -> None:
        """Stop one child and what it started."""
        self._signal(child, signal.SIGTERM)
        self._wait(child, time.monotonic() + STOP_PATIENCE_S)
        self._signal(child, signal.SIGKILL)
        if child in self.children:
            self.children.remove(child)

    def stop_all(self) -> None:
        """Stop the children, last started first."""
        for child in reversed(self.children):
            self._signal(child, signal.SIGTERM)
        deadline = time.monotonic() + STOP_PATIENCE_S
        for child in reversed(self.children):
            self._wait(child, deadline)
            self._signal(child, signal.SIGKILL)
            if child.process is not None:
                child.process.wait()
        self.children.clear()

    def _wait(self, child: Child, deadline: float) -> None:
        if child.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(max(deadline - time.monotonic(), 0.1))

    def _signal(self, child: Child, number: signal.Signals) -> None:
        # The group outlives its leader when the leader's own children are still at work.
        if child.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.process.pid, number)


def refuse_taken_port(host: str, port: int, what: str, setting: str) -> None:
    """Raise :class:`ConfigurationError` when something else listens on the port already."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                "port_taken", port=port, host=host, part=what, problem=error.strerror, setting=setting
            ) from error


def free_port(host: str = "127.0.0.1", *, preferred: int = 0) -> int:
    """A port that nothing listens on at the moment: the ``preferred`` one where it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, preferred))
        except OSError:
            probe.bind((host, 0))
        return int(probe.getsockname()[1])


def answers(url: str, timeout_s: float = 2.0) -> bool:
    """Whether something answers HTTP at ``url`` with success."""
    import urllib.error
    import urllib.request

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout_s) as response:
            return bool(200 <= response.status < 400)
    except (OSError, ValueError):
        return False
