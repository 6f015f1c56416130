"""Prism in front of each carrier's own OpenAPI description: what the description does not allow, it refuses."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(os.environ.get("NIGHTMAIL_CONFORMANCE_DIR", ".conformance")).resolve()
START_TIMEOUT_S = 60


def with_explicit_defaults(description: dict[str, Any]) -> dict[str, Any]:
    """The description with OpenAPI's own default for lists in forms (repeated names) said outright.

    Prism reads repeated form fields as a list only where the description has an ``encoding`` for them.
    """
    for path in description["paths"].values():
        for operation in path.values():
            content = operation.get("requestBody", {}).get("content", {}) if isinstance(operation, dict) else {}
            form = content.get("application/x-www-form-urlencoded")
            if form is not None:
                properties = form.get("schema", {}).get("properties", {})
                lists = [name for name, schema in properties.items() if schema.get("type") == "array"]
                form["encoding"] = {name: {"style": "form", "explode": True} for name in lists}
    return description


@pytest.fixture(scope="session")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Starts Prism on a description by its file name, once each, and gives the base URL."""
    running: dict[str, tuple[subprocess.Popen[bytes], str]] = {}

    def start(description: str) -> str:
        if description in running:
            return running[description][1]
        file = FOLDER / description
        assert file.is_file(), f"{file} is missing: run `make conformance`, which fetches it"
        amended = tmp_path_factory.mktemp("descriptions") / description
        amended.write_text(json.dumps(with_explicit_defaults(json.loads(file.read_text()))))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = subprocess.Popen(
            [
                FOLDER / "node_modules/.bin/prism",
                "mock",
                amended,
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
                "--errors",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        url = f"http://127.0.0.1:{port}"
        running[description] = process, url
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(url, timeout=1)
            except urllib.error.HTTPError:
                return url  # it answers, if only that there is nothing at /
            except OSError:
                assert process.poll() is None, "Prism ended at its start"
                time.sleep(0.1)
        raise AssertionError("Prism did not answer")

    yield start
    for process, _ in running.values():
        process.terminate()
        process.wait(10)


@pytest.fixture
def violations() -> Callable[[str, str, bytes, dict[str, str]], list[str]]:
    """What Prism finds wrong in a request that is sent to it as it is: the proof that it looks at all."""

    def send(url: str, method: str, body: bytes, headers: dict[str, str]) -> list[str]:
        request = urllib.request.Request(url, data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                found = json.loads(answer.headers.get("sl-violations", "[]"))
        except urllib.error.HTTPError as error:
            found = json.loads(error.headers.get("sl-violations") or "[]")
            content = json.loads(error.read() or b"{}")
            found += content.get("validation", [])
        return [violation["message"] for violation in found if violation["severity"] == "Error"]

    return send
