"""What comes before a request's body is bounded: in time, in size, and in patience with what is no HTTP."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from portal.serving import BoundedHttpProtocol
from tests.portal.conftest import RunningPortal
from tests.support.sandbox_process import ROOT, eventually


def connected(portal: RunningPortal) -> socket.socket:
    address = urlsplit(portal.url)
    assert address.hostname is not None
    return socket.create_connection((address.hostname, address.port or 80), timeout=30)


def everything(connection: socket.socket) -> bytes:
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    return answer


@pytest.mark.parametrize("head", [b"", b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_a_head_that_does_not_come(portal: RunningPortal, monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    """Nothing at all, or a head without an end: 408, and the connection is closed."""
    monkeypatch.setattr(BoundedHttpProtocol, "head_s", 0.2)
    connection = connected(portal)
    connection.sendall(head)
    answer = everything(connection)
    assert answer.startswith(b"HTTP/1.1 408")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["reason"] == "request_too_slow"


def test_a_second_head_that_does_not_come(portal: RunningPortal, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a kept connection the time counts from the head's first byte."""
    monkeypatch.setattr(BoundedHttpProtocol, "head_s", 0.3)
    connection = connected(portal)
    connection.sendall(b"GET /problems/busy HTTP/1.1\r\nHost: x\r\n\r\n")
    assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    connection.sendall(b"GET /problems/busy HTTP/1.1\r\n")
    assert b"HTTP/1.1 408" in everything(connection)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /health HTTP/1.1\r\n" + b"X-Many: " + b"x" * 1000 + b"\r\n", 431),
        (b"GET /health HTTP/1.1\r\nX-Long: " + b"x" * 100_000, 431),
        (b"\x16\x03\x01\x02\x00 this is TLS\r\n\r\n", 400),
    ],
    ids=["many headers", "one long header", "no HTTP"],
)
def test_a_head_that_cannot_be_taken(portal: RunningPortal, sent: bytes, status: int) -> None:
    """Headers without end, and what is no HTTP, are answered as every error is."""
    connection = connected(portal)
    try:
        connection.sendall(sent)
        line = sent.partition(b"\r\n")[2]
        for _ in range(200):
            connection.sendall(line)
    except (BrokenPipeError, ConnectionResetError):
        pass
    try:
        answer = everything(connection)
    except ConnectionResetError:
        return  # it answered and closed while we were still sending
    assert answer.startswith(f"HTTP/1.1 {status}".encode()), answer[:200]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == status


def test_the_portal_as_a_process(database_url: str, tmp_path: Path) -> None:
    """`python -m portal` serves with the settings of its environment, and ends well on SIGTERM. Without the key it does not start."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    environment = {**os.environ, "NIGHTMAIL_DATABASE_URL": database_url, "NIGHTMAIL_DATA_DIR": str(tmp_path)}
    refused = subprocess.run(
        [sys.executable, "-m", "portal", "--port", str(port)],
        cwd=ROOT,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert refused.returncode == 5
    assert "NIGHTMAIL_SECRET_KEY" in refused.stderr
    assert "Traceback" not in refused.stderr
    environment["NIGHTMAIL_SECRET_KEY"] = "a key of tests that is long enough"
    process = subprocess.Popen([sys.executable, "-m", "portal", "--port", str(port)], cwd=ROOT, env=environment)
    try:

        def well() -> bool:
            assert process.poll() is None, "the portal ended"
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                    return bool(json.loads(answer.read())["status"] == "well")
            except OSError:
                return False

        eventually(well, 60)
    finally:
        process.send_signal(signal.SIGTERM)
        ended = process.wait(30)
    assert ended in (0, -signal.SIGTERM)
