"""What decided about a contact on a channel, as pages say it."""

from __future__ import annotations

from collections.abc import Mapping

from nightmail.audience.verdicts import (
    CATEGORY,
    CHANNEL,
    CONSENT,
    FEED,
    LINE,
    PREFERENCE,
    QUIET_HOURS,
    ROW,
    SERVED,
    SUPPRESSION,
    TEMPLATE,
)
from portal.web.translating import gettext, marked

_WORDS: Mapping[str, str] = {
    ROW: marked("The row of the file"),
    PREFERENCE: marked("What the contact chose"),
    TEMPLATE: marked("The template's languages"),
    SERVED: marked("The countries that are served"),
    CHANNEL: marked("The channel, which needs a country"),
    FEED: marked("The feed, which asks for a country"),
    SUPPRESSION: marked("Suppressions"),
    CONSENT: marked("Consents"),
    CATEGORY: marked("The category, which needs consent"),
    QUIET_HOURS: marked("Quiet hours and the campaign's cut-off"),
    LINE: marked("Whether another line has the address"),
}
_WITH_RECORD: Mapping[str, str] = {
    SUPPRESSION: marked("Suppression %(record)s"),
    CONSENT: marked("Consent %(record)s"),
    LINE: marked("Line %(record)s has the address"),
}
_RULES: Mapping[str, str] = {
    "frequency_caps": marked("Frequency cap %(number)s of %(team)s"),
    "holidays": marked("Holiday rule %(number)s of %(team)s"),
    "blackout_days": marked("Blackout days %(number)s of %(team)s"),
    "countries": marked("Country rule %(number)s of %(team)s"),
    "outside_region": marked("Hosting region, by %(team)s"),
}


def decider_words(name: str, record: int | None = None) -> str:
    """What decides, or is looked at, in the request's language; with ``record``, which one of it."""
    if record is not None and name in _WITH_RECORD:
        return gettext(_WITH_RECORD[name]) % {"record": record}
    if name in _WORDS:
        return gettext(_WORDS[name])
    team, _, where = name.partition("/")
    kind, _, at = where.partition("/")
    if kind not in _RULES:
        return name
    return gettext(_RULES[kind]) % {"team": team, "number": int(at or 0) + 1}
