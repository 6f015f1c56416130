"""The demo that stays up: its link logs in once, and everybody of its organisation finds pages that answer."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from commands.demonstration.tour import OTHERS
from commands.local import CHECKOUT
from tests.support.demo_environment import environment_of
from tests.support.portal_visitor import PortalVisitor

pytestmark = pytest.mark.end_to_end

PATIENCE_S = 500
_LINK = re.compile(r'href="(/[a-z-]*)"')


class RunningDemo:
    """A demo in a folder of its own, and what it has printed so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._printed = (folder / "printed").open("w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "commands", "demo", "--rows", "100", "--keep"],
            cwd=CHECKOUT,
            env=environment_of(folder),
            stdout=self._printed,
            stderr=subprocess.STDOUT,
        )

    @property
    def printed(self) -> str:
        return (self.folder / "printed").read_text(encoding="utf-8")

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first place where the output matches."""
        until = time.monotonic() + PATIENCE_S
        while (found := re.search(pattern, self.printed, re.MULTILINE)) is None:
            assert self.process.poll() is None, self.printed[-4000:]
            assert time.monotonic() < until, self.printed[-4000:]
            time.sleep(0.2)
        return found

    def stop(self) -> int:
        """End it as Ctrl-C does; gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=90)
        self._printed.close()
        return code


@pytest.fixture
def demo() -> Iterator[RunningDemo]:
    # PostgreSQL's user must be able to enter every folder above its own.
    folder = Path(tempfile.mkdtemp(prefix="nightmail-test-demo-portal-"))
    folder.chmod(0o755)
    running = RunningDemo(folder)
    yield running
    running.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(900)
def test_the_link_logs_in_once_and_each_persons_pages_answer(demo: RunningDemo) -> None:
    last = demo.wait_for(r"^demo: rows=\d+ .*$")
    link = demo.wait_for(r"^portal: (http://\S+?)(/demonstration/\S+)$")
    assert link.start() < last.start()
    portal: Any = SimpleNamespace(url=link[1])
    visitor = PortalVisitor(portal)
    entered = visitor.get(link[2])
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert "Ada Lindqvist" in visitor.follow(entered).text
    again = PortalVisitor(portal).get(link[2])
    assert again.status_code == 410
    assert "was used before" in again.text
    _every_page_of_the_navigation_answers(visitor)
    assert "seeded" in visitor.get("/campaigns").text.lower()
    password = demo.wait_for(r"with the password (\S+) at")[1]
    for email in OTHERS:
        person = PortalVisitor(portal)
        person.follow(person.log_in(email, password))
        assert person.signed_in, email
        _every_page_of_the_navigation_answers(person)
    assert demo.stop() == 0
    assert _of_folder(demo.folder) == []


def _every_page_of_the_navigation_answers(visitor: PortalVisitor) -> None:
    page = visitor.get("/").text
    navigation = "".join(re.findall(r"<nav.*?</nav>", page, re.DOTALL))
    addresses = sorted(set(_LINK.findall(navigation)))
    assert len(addresses) > 2, page[:2000]
    answers = {address: visitor.get(address).status_code for address in addresses}
    assert set(answers.values()) == {200}, answers


def _of_folder(folder: Path) -> list[str]:
    """Command lines of processes that work in the demo's folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(folder) in line and process.pid != os.getpid():
            found.append(line)
    return found
