"""The code server as a process: it answers, ends on SIGTERM, and does not start without the deployment's key."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dagster._grpc.client import DagsterGrpcClient

from commands.supervisor import free_port
from nightmail.settings import settings

CHECKOUT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.real_parts


def test_the_code_server_ends_on_sigterm(database_url: str, tmp_path: Path) -> None:
    """Dagster's own command waits for ever for a thread of its own, and has to be killed."""
    port = free_port()
    environment = {**os.environ, "NIGHTMAIL_DATABASE_URL": database_url, "NIGHTMAIL_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "pipelines.code_server", "--port", str(port)]
    refused = subprocess.run(
        command, cwd=CHECKOUT, env=environment, check=False, capture_output=True, text=True, timeout=120
    )
    assert refused.returncode == 5, refused.stderr
    assert "NIGHTMAIL_SECRET_KEY" in refused.stderr and "Traceback" not in refused.stderr
    environment["NIGHTMAIL_SECRET_KEY"] = "a key of tests that is long enough"
    process = subprocess.Popen(command, cwd=CHECKOUT, env=environment)
    try:
        client = DagsterGrpcClient(port=port, host="127.0.0.1")
        deadline = time.monotonic() + 120
        while True:
            assert process.poll() is None, "the code server ended"
            assert time.monotonic() < deadline
            try:
                assert client.ping("hello")["echo"] == "hello"
                break
            except Exception:
                time.sleep(0.2)
        assert "pipelines.definitions" in str(client.list_repositories())
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert time.monotonic() - asked < 15
    finally:
        process.kill()
        settings.cache_clear()
