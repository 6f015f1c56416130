"""What kind of thing a recipient said and what that led to, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from nightmail.conversations.reply_lists import ReadReply
from nightmail.receipts.undecided import ReplyDecision
from portal.web.translating import gettext, marked

KINDS: Mapping[str, str] = {
    "text": marked("Said something"),
    "key": marked("Pressed a key"),
    "stop": marked("Asked for an end"),
    "start": marked("Asked to go on"),
    "help": marked("Asked for help"),
    "probable_stop": marked("Probably asks for an end"),
}
TONES: Mapping[str, str] = {"stop": "warn", "start": "good", "help": "info", "probable_stop": "bad"}


def kind_label(kind: str) -> str:
    """What kind of thing was said."""
    return gettext(KINDS[kind]) if kind in KINDS else kind


def kind_tone(kind: str) -> str:
    """How a kind is meant."""
    return TONES.get(kind, "mute")


def kind_choices() -> list[tuple[str, str]]:
    """The choices of a filter by kind."""
    return [("", gettext("Any")), *((kind, gettext(label)) for kind, label in KINDS.items())]


def led_to(row: ReadReply) -> str:
    """What a reply led to; empty where it led to nothing that is known."""
    if row.waits:
        return gettext("waits for a decision; no marketing meanwhile")
    if row.decision == ReplyDecision.OPT_OUT:
        return gettext("was made an opt-out")
    if row.decision == ReplyDecision.NO_OPT_OUT:
        return gettext("was found to be no opt-out")
    if row.kind == "stop":
        return gettext("an opt-out")
    if row.kind == "start":
        return gettext("the end of their own opt-out, where they were proved to be the writer")
    if row.kind == "help":
        return gettext("an automatic answer, where the team has one")
    return ""
