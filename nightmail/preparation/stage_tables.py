"""The tables that the stages of a preparation write, and where each lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nightmail.lake import Lake, TableFile

STAGES = ("contact_file", "contacts", "audience", "messages")
"""The stages of a preparation, in order."""
TABLES = (
    "contact_file",
    "file_rejects",
    "contacts",
    "rejects",
    "warnings",
    "audience",
    "audience_decisions",
    "messages",
)
"""The tables that the stages write, in order."""


@dataclass(frozen=True)
class StageTables:
    """Where each stage writes. ``file_rejects`` are the rows that reading itself refused; ``rejects`` holds them too."""

    contact_file: TableFile
    file_rejects: TableFile
    contacts: TableFile
    rejects: TableFile
    warnings: TableFile
    audience: TableFile
    audience_decisions: TableFile
    messages: TableFile

    @classmethod
    def in_folder(cls, folder: Path | str) -> StageTables:
        """``contacts.parquet`` and so on, side by side in one folder."""
        return cls(**{name: TableFile(f"{folder}/{name}.parquet") for name in TABLES})

    @classmethod
    def of_campaign(cls, lake: Lake, campaign: str) -> StageTables:
        """The campaign's partitions in the lake."""
        return cls(**{name: lake.table(name, campaign) for name in TABLES})
