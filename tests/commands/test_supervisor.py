"""Children of `up` and `demo`: nothing is left running, what ends by itself is told, ports are looked at first."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from commands.supervisor import StopRequested, Supervisor, answers, free_port, refuse_taken_port
from nightmail.errors import ConfigurationError, UnavailableError

pytestmark = pytest.mark.real_parts

WAITING = "import time\nprint('{\"ready\": true}', flush=True)\nwhile True: time.sleep(0.1)"
WITH_A_CHILD = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print('{\"child\": %d}' % child.pid, flush=True)\ntime.sleep(60)"
)
STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('{}', flush=True)\ntime.sleep(60)"


def _python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", code]


def test_what_a_child_says_first_is_given_and_it_is_stopped_at_the_end(tmp_path: Path) -> None:
    with Supervisor(tmp_path / "logs", tmp_path) as supervisor:
        child, line = supervisor.start_told("part", _python(WAITING), timeout_s=20)
        assert line.strip() == '{"ready": true}'
        assert child.process is not None
        pid = child.process.pid
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)
    assert (tmp_path / "logs" / "part.log").read_text()


def test_what_a_child_started_ends_with_it(tmp_path: Path) -> None:
    with Supervisor(tmp_path / "logs", tmp_path) as supervisor:
        _, line = supervisor.start_told("part", _python(WITH_A_CHILD), timeout_s=20)
        grandchild = int(line.split(":")[1].strip(" }\n"))
        watched = psutil.Process(grandchild)
    # It is killed when the block ends; the system takes a moment to bury it.
    with contextlib.suppress(psutil.NoSuchProcess):
        deadline = time.monotonic() + 20
        while watched.is_running() and watched.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_child_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commands.supervisor.STOP_PATIENCE_S", 0.5)
    with Supervisor(tmp_path / "logs", tmp_path) as supervisor:
        child, _ = supervisor.start_told("part", _python(STUBBORN), timeout_s=20)
    assert child.process is not None
    assert child.process.returncode == -signal.SIGKILL


def test_children_are_stopped_when_the_work_fails(tmp_path: Path) -> None:
    child = None
    with pytest.raises(ZeroDivisionError), Supervisor(tmp_path / "logs", tmp_path) as supervisor:
        child, _ = supervisor.start_told("part", _python(WAITING), timeout_s=20)
        1 / 0  # noqa: B018
    assert child is not None
    assert child.process is not None
    assert child.process.poll() is not None


def test_a_child_that_ends_by_itself_is_told_with_its_last_words(tmp_path: Path) -> None:
    with Supervisor(tmp_path / "logs", tmp_path) as supervisor:
        supervisor.start("part", _python("print('the port is taken'); raise SystemExit(3)"))
        with pytest.raises(UnavailableError) as caught:
            supervisor.wait_for("the part", lambda: False, timeout_s=30)
    assert caught.value.reason == "part_ended"
    assert "code 3" in caught.value.message
    assert "the port is taken" in caught.value.message
    assert str(tmp_path / "logs" / "part.log") in caught.value.remedy


def test_waiting_has_an_end(tmp_path: Path) -> None:
    with Supervisor(tmp_path / "logs", tmp_path) as supervisor, pytest.raises(UnavailableError) as caught:
        supervisor.wait_for("the part", lambda: False, timeout_s=0.3)
    assert caught.value.reason == "part_not_ready"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_waiting_and_the_handlers_are_given_back(tmp_path: Path, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Supervisor(tmp_path / "logs", tmp_path) as supervisor:
        threading.Timer(0.2, os.kill, (os.getpid(), number)).start()
        with pytest.raises(StopRequested):
            supervisor.wait_for("nothing", lambda: False, timeout_s=30)
        assert supervisor.stopping
    assert signal.getsignal(number) is before


def test_a_taken_port_is_refused_with_the_setting_that_changes_it() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ConfigurationError) as caught:
            refuse_taken_port("127.0.0.1", other.getsockname()[1], "the portal", "NIGHTMAIL_PORTAL_PORT")
    assert caught.value.reason == "port_taken"
    assert "NIGHTMAIL_PORTAL_PORT" in caught.value.remedy
    refuse_taken_port("127.0.0.1", free_port(), "the portal", "NIGHTMAIL_PORTAL_PORT")


def test_nothing_answers_where_nothing_listens() -> None:
    assert not answers(f"http://127.0.0.1:{free_port()}/health")


def test_up_refuses_a_taken_port_before_it_starts_anything(tmp_path: Path) -> None:
    import subprocess

    from commands.local import CHECKOUT

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = subprocess.run(
            [sys.executable, "-m", "commands", "up"],
            cwd=CHECKOUT,
            env={
                "PATH": os.environ["PATH"],
                "NIGHTMAIL_DATA_DIR": str(tmp_path / "data"),
                "NIGHTMAIL_PORTAL_PORT": str(other.getsockname()[1]),
            },
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 5
    assert "port_taken" in done.stderr
    assert not (tmp_path / "data").exists()
