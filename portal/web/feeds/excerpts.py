"""What an organisation file would say of something, as its excerpt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def yaml_excerpt(section: str, entry: Mapping[str, Any]) -> str:
    """An entry of a list of the organisation file, under the name of its section."""
    import yaml

    return yaml.safe_dump({section: [dict(entry)]}, allow_unicode=True, sort_keys=False, width=100)
