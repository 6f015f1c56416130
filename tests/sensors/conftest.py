"""The pipeline's fixtures, and sensors that look once."""

from __future__ import annotations

import pytest

from sensors import watching
from tests.sftp.conftest import sandboxed
from tests.support.pipeline_fixtures import data_dir, rig

__all__ = ["data_dir", "one_look", "rig", "sandboxed"]


@pytest.fixture(autouse=True)
def one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick that finds nothing ends after its first look."""
    monkeypatch.setattr(watching, "WATCH_S", 0.0)
