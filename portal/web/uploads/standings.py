"""Where a file stands, in the reader's words: the label, and the tone of its badge."""

from __future__ import annotations

from collections.abc import Mapping

from nightmail.intake.upload_listing import Standing
from portal.web.translating import gettext, marked

_WORDS: Mapping[Standing, tuple[str, str]] = {
    Standing.WAITS_FOR_PARTS: (marked("Waits for other parts"), "info"),
    Standing.REFUSED: (marked("Not taken"), "bad"),
    Standing.REPEATED: (marked("Taken before"), "warn"),
    Standing.BEING_CHECKED: (marked("Being checked"), "info"),
    Standing.AWAITING_APPROVAL: (marked("Waits for approval"), "warn"),
    Standing.TO_BE_SENT: (marked("To be sent"), "info"),
    Standing.SENDING: (marked("Being sent"), "info"),
    Standing.PAUSED: (marked("Paused"), "warn"),
    Standing.FINISHED: (marked("Finished"), "good"),
    Standing.CANCELLED: (marked("Cancelled"), "mute"),
    Standing.STOPPED: (marked("Stopped"), "bad"),
}
_SOURCES: Mapping[str, str] = {
    "sftp": marked("SFTP"),
    "api": marked("API"),
    "portal": marked("Portal"),
    "command": marked("Command line"),
}


def standing_words() -> dict[Standing, tuple[str, str]]:
    """The label and the tone of each standing."""
    return {standing: (gettext(label), tone) for standing, (label, tone) in _WORDS.items()}


def source_words() -> dict[str, str]:
    """What each way in is called."""
    return {source: gettext(label) for source, label in _SOURCES.items()}
