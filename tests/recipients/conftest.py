"""The pipeline's fixtures."""

from tests.support.pipeline_fixtures import data_dir, rig

__all__ = ["data_dir", "rig"]
