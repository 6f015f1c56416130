"""The sandbox's processes, and a receiver of webhooks, for tests of every room."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

from sandbox.behaviour import Behaviour

ROOT = Path(__file__).resolve().parents[2]


class SandboxProcess:
    """One process of the sandbox; ``told`` is the line of JSON that it printed."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{module} ended with {self._process.wait()}")
        self.told: dict[str, Any] = json.loads(line)

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> int:
        self._process.terminate()
        code = self._process.wait(timeout=20)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code


class RunningCarriers(SandboxProcess):
    """The carriers' stand-ins."""

    def __init__(self, state_dir: Path, *arguments: str) -> None:
        super().__init__("sandbox.carriers", "--state-dir", str(state_dir), *arguments)
        self.base_url: str = self.told["base_url"]

    def ask(self, path: str = "", content: object = None) -> Any:
        """Speak to the control endpoint: GET without content, POST with."""
        data = None if content is None else json.dumps(content).encode()
        with urlopen(Request(self.told["control_url"] + path, data=data)) as response:
            return json.loads(response.read())

    def faults(self, *rules: dict[str, Any]) -> None:
        self.ask("/faults", {"rules": list(rules)})

    def behave(self, **settings: Any) -> None:
        self.ask("/behaviour", settings)

    def behave_well(self) -> None:
        """No faults, no webhooks, and people who take every message and call at once and do nothing else.

        The shares of the stand-ins' own mix are drawn by address: one email in three hundred would be complained of
        or unsubscribed from, and which one depends on the tests that ran before.
        """
        everyone = Behaviour(
            delay_s=0.02,
            spread_s=0.02,
            sms={"delivered": 1},
            email={"delivered": 1},
            voice={"human": 1},
            open_share=0,
            click_share=0,
            spam_share=0,
            unsubscribe_share=0,
        )
        self.behave(**everyone.as_json())
        self.faults()
        self.ask("/webhooks", {"base": None})

    def accepted(self) -> list[dict[str, Any]]:
        """Every line of the witness so far."""
        # The last line may be half written yet.
        whole, _, _ = Path(self.told["accepted"]).read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def accepted_ids(self) -> list[str]:
        return [row["message_id"] for row in self.accepted()]

    def accepted_of(self, token: str) -> list[str]:
        """The ids of a campaign's messages in the order in which they were accepted, as often as they were."""
        return [message_id for message_id in self.accepted_ids() if message_id and message_id.startswith(token)]


@dataclass
class Posted:
    """One webhook as it came."""

    url: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}


class WebhookReceiver:
    """Keeps every webhook; ``answer`` may return a status and a body."""

    def __init__(self, answer: Callable[[Posted], tuple[int, bytes]] | None = None) -> None:
        self.posted: list[Posted] = []
        self._arrived: queue.Queue[Posted] = queue.Queue()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                parts = urlsplit(self.path)
                query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
                posted = Posted(receiver.base_url + self.path, parts.path, query, dict(self.headers), body)
                status, content = answer(posted) if answer else (200, b"")
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                receiver.posted.append(posted)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def wait_for(self, fits: Callable[[list[Posted]], bool], timeout_s: float = 20) -> list[Posted]:
        """Wait until the webhooks so far fit."""
        until = time.monotonic() + timeout_s
        while not fits(list(self.posted)):
            if time.monotonic() > until:
                raise AssertionError(f"the webhooks did not come: {[(p.path, p.query) for p in self.posted]}")
            time.sleep(0.01)
        return list(self.posted)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def eventually(fits: Callable[[], Any], timeout_s: float = 20) -> Any:
    """Wait until something is true, and return it."""
    until = time.monotonic() + timeout_s
    while not (result := fits()):
        if time.monotonic() > until:
            raise AssertionError("it did not come true in time")
        time.sleep(0.02)
    return result
