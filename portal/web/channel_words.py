"""What channels are called on pages."""

from __future__ import annotations

from nightmail.channels import CHANNELS
from portal.web.translating import gettext, marked

_TRANSLATED = (marked("Text message"), marked("Email"), marked("Call"), marked("Web chat"))
"""The labels of the channels that the product brings: these are in the catalogues, another channel's is shown as it states it."""


def channel_label(channel: str) -> str:
    """A channel's name in the request's language."""
    return gettext(CHANNELS[channel].label) if channel in CHANNELS else channel


def channel_choices() -> list[tuple[str, str]]:
    """The choices of a filter by channel."""
    return [("", gettext("Any")), *((name, channel_label(name)) for name in CHANNELS)]
