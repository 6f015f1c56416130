"""Fixtures of the folders that test the pipeline; each folder's conftest imports them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from nightmail.settings import settings
from tests.support.pipeline_rig import PipelineRig


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder of the test's own, which the settings name."""
    monkeypatch.setenv("NIGHTMAIL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("RIG_TOKEN", "a-token")
    for name in ("NIGHTMAIL_PUBLIC_URL", "NIGHTMAIL_DATABASE_URL", "NIGHTMAIL_SETTINGS_FILE"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    yield tmp_path / "data"
    settings.cache_clear()


@pytest.fixture
def rig(database: Engine, database_url: str, data_dir: Path, tmp_path: Path) -> PipelineRig:
    """The pipeline over an organisation with one feed."""
    return PipelineRig(database, database_url, tmp_path)
