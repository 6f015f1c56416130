"""What a person names on the command line: refused with the command's error where it does not exist."""

from __future__ import annotations

from pathlib import Path

from nightmail.errors import UsageError


def refuse_unknown_channel(channel: str | None) -> None:
    """Raise :class:`UsageError` (``channel_unknown``) for a channel that does not exist; ``None`` means all."""
    from nightmail.channels import CHANNELS

    if channel is not None:
        CHANNELS.named(channel)


def refuse_missing_file(file: Path) -> None:
    """Raise :class:`UsageError` (``file_missing``) for a path where there is no file."""
    if not file.is_file():
        raise UsageError(
            "file_missing", file=file, problem="it is a folder" if file.is_dir() else "there is no such file"
        )
