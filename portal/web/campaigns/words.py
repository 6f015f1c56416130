"""What campaigns are called on pages: their states, what they are made of, what becomes of messages."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from nightmail.store.states import CampaignState
from portal.web.translating import gettext, marked

_S = CampaignState

STATES: Mapping[str, tuple[str, str]] = {
    _S.RECEIVED: (marked("Received"), "info"),
    _S.CHECKING: (marked("Being checked"), "info"),
    _S.AWAITING_APPROVAL: (marked("Waits for approval"), "warn"),
    _S.READY: (marked("Ready"), "info"),
    _S.SCHEDULED: (marked("Scheduled"), "mute"),
    _S.SENDING: (marked("Sending"), "info"),
    _S.PAUSED: (marked("Paused"), "warn"),
    _S.FINISHED: (marked("Finished"), "good"),
    _S.CANCELLED: (marked("Cancelled"), "mute"),
    _S.STOPPED: (marked("Stopped"), "bad"),
}
"""Each state's name and tone."""

OVER = (_S.FINISHED, _S.CANCELLED, _S.STOPPED)
MOVES_BY_ITSELF = (_S.RECEIVED, _S.CHECKING, _S.SENDING)
"""States in which figures change while one looks."""
STATE_GROUPS: Mapping[str, tuple[CampaignState, ...]] = {
    "open": tuple(state for state in _S if state not in OVER),
    "over": OVER,
}
"""Several states under one name, for filters."""
GROUP_LABELS = {"open": marked("Not over"), "over": marked("Over")}

SOURCES = {
    "api": marked("API"),
    "sftp": marked("SFTP"),
    "portal": marked("Portal"),
    "command": marked("Command line"),
    "single": marked("Single messages"),
    "list": marked("A distribution list"),
    "segment": marked("A segment"),
}


def state_label(state: str) -> str:
    """A campaign's state in the request's language."""
    return gettext(STATES[state][0]) if state in STATES else state


def state_tone(state: str) -> str:
    """How a state is meant: ``good``, ``info``, ``warn``, ``bad`` or ``mute``."""
    return STATES[state][1] if state in STATES else "mute"


def source_label(source: str) -> str:
    """Where a campaign came from."""
    return gettext(SOURCES[source]) if source in SOURCES else source


def state_choices() -> list[tuple[str, str]]:
    """The choices of a filter by state."""
    groups = [(name, gettext(label)) for name, label in GROUP_LABELS.items()]
    return [("", gettext("Any")), *groups, *((str(state), state_label(state)) for state in _S)]


def by_dots(key: str) -> Markup:
    """A campaign's key that breaks into lines after its dots, and not within its day.

    >>> by_dots("2026-11-23.acme.7f3a9c")
    Markup('<span class="unbroken">2026-11-23</span>.<wbr>acme.<wbr>7f3a9c')
    """
    day, *rest = str(key).split(".")
    return Markup(".<wbr>").join([Markup('<span class="unbroken">{}</span>').format(day), *rest])
