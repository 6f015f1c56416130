"""A running identity provider: npm's oidc-provider in a process of its own, on loopback."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.identity_provider.fetching import BUILT, HERE

CLIENT_ID = "nightmail"
CLIENT_SECRET = "a secret of these tests & more: %"


@dataclass
class OidcProvider:
    """The provider that answers at ``issuer``."""

    issuer: str
    process: subprocess.Popen[str]

    def logs_in(self, sub: str, **claims: Any) -> None:
        """From now on whoever comes is ``sub``, with ``claims``: ``email``, ``email_verified``, ``name``, ``groups``."""
        httpx.post(f"{self.issuer}/_account", json={"sub": sub, **claims}, trust_env=False).raise_for_status()

    def refuses(self) -> None:
        """From now on nobody is let in."""
        self.logs_in("nobody", refuses=True)

    def stop(self) -> None:
        """It is away."""
        self.process.kill()
        self.process.wait(20)


@contextmanager
def oidc_provider(redirect_uri: str) -> Iterator[OidcProvider]:
    """A provider whose one client comes back to ``redirect_uri``."""
    assert (BUILT / "node").is_file(), "the identity provider is missing: run `make setup-dev`"
    environment = {"CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET, "REDIRECT_URI": redirect_uri}
    process = subprocess.Popen(
        [BUILT / "node", HERE / "server.mjs"],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = next((line for line in process.stdout if line.startswith("{")), None)
        assert line, "the identity provider did not start"
        yield OidcProvider(json.loads(line)["issuer"], process)
    finally:
        process.kill()
        process.wait(20)
