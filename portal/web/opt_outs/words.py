"""Why an address is not used, what said so and what that stops, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from nightmail.consent.suppressions import BY_HAND, COMPLAINT, HARD_BOUNCE, OPTED_OUT, PROBABLE_OPT_OUT, SuppressionRow
from portal.web.channel_words import channel_label
from portal.web.translating import gettext, marked

REASONS: Mapping[str, str] = {
    OPTED_OUT: marked("Opted out"),
    COMPLAINT: marked("Complaint"),
    HARD_BOUNCE: marked("Address does not work"),
    BY_HAND: marked("By hand"),
    PROBABLE_OPT_OUT: marked("Probably asks for an end"),
}
TONES: Mapping[str, str] = {OPTED_OUT: "info", COMPLAINT: "warn", HARD_BOUNCE: "mute", PROBABLE_OPT_OUT: "warn"}


def reason_label(reason: str) -> str:
    """Why an address is not used."""
    return gettext(REASONS[reason]) if reason in REASONS else reason


def reason_tone(reason: str) -> str:
    """How a reason is meant."""
    return TONES.get(reason, "mute")


def reason_choices() -> list[tuple[str, str]]:
    """The choices of a filter by reason."""
    return [("", gettext("Any")), *((reason, gettext(label)) for reason, label in REASONS.items())]


def source_label(source: str, names: Mapping[str, str]) -> str:
    """What made a suppression; ``names`` are people's by how the audit log names them."""
    if source == "reply":
        return gettext("their reply")
    if source == "unsubscribe_link":
        return gettext("the link in a message")
    if source == "preference_page":
        return gettext("their own page")
    kind, _, rest = source.partition(":")
    if kind == "receipt":
        return gettext("a receipt of %(carrier)s") % {"carrier": rest}
    if kind == "carrier":
        return gettext("the carrier's answer %(code)s") % {"code": rest}
    return names.get(source, source)


def scope_of(row: SuppressionRow) -> str:
    """What a suppression stops: channel, category and teams, in one sentence."""
    values = {"channel": channel_label(row.channel), "category": row.category or "", "team": row.team or ""}
    if row.team is None:
        if row.category is None:
            return gettext("%(channel)s: every category, all teams") % values
        return gettext("%(channel)s: category %(category)s, all teams") % values
    if row.category is None:
        return gettext("%(channel)s: every category, %(team)s and the teams below") % values
    return gettext("%(channel)s: category %(category)s, %(team)s and the teams below") % values
