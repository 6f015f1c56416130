"""The channel that a person names on the command line."""

from __future__ import annotations

from nightmail.errors import UsageError


def refuse_unknown_channel(channel: str | None) -> None:
    """Raise :class:`UsageError` (``channel_unknown``) for a channel that there is not; none at all is all of them."""
    from nightmail.message_ids import CHANNELS

    if channel is not None and channel not in CHANNELS:
        raise UsageError("channel_unknown", f"There is no channel {channel}.", f"Use: {', '.join(CHANNELS)}.")
