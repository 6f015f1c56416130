"""The channel that a person names on the command line."""

from __future__ import annotations


def refuse_unknown_channel(channel: str | None) -> None:
    """Raise :class:`UsageError` (``channel_unknown``) for a channel that there is not; none at all is all of them."""
    from nightmail.channels import CHANNELS

    if channel is not None:
        CHANNELS.named(channel)
