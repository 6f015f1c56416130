"""What a merge holds, and what two contacts have in common, in the words of the pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nightmail.contacts.duplicates import Proposal
from portal.web.channel_words import channel_label
from portal.web.translating import gettext


def held_words(choices: Mapping[str, Any] | None) -> list[str]:
    """A sentence for each thing that is held because two contacts that were merged stated different things."""
    found = [_sentence(each) for each in (choices or {}).get("held", ())]
    channels = sorted({each["channel"] for each in (choices or {}).get("opted_out", ())})
    if channels:
        named = ", ".join(map(channel_label, channels))
        found.append(
            gettext("One of them opted out: the addresses of the other are opted out too (%(channels)s).")
            % {"channels": named}
        )
    return list(dict.fromkeys(filter(None, found)))


def likeness_words(proposal: Proposal) -> str:
    """Why two contacts are proposed."""
    if proposal.why == "same_address":
        return gettext("The same address")
    also = {
        "number_end": gettext("the same end of a number"),
        "mailbox": gettext("the same name of a mailbox"),
        "birth_date": gettext("the same day of birth"),
    }
    return ", ".join((gettext("Nearly the same name"), *(also[each] for each in proposal.also)))


def _sentence(held: Mapping[str, Any]) -> str:
    channel = channel_label(held["channel"]) if held.get("channel") else gettext("every channel")
    facts = {"category": held.get("category"), "channel": channel, "until": (held.get("until") or "")[:10]}
    value = held.get("value")
    match held["what"]:
        case "consent_withdrawn":
            return gettext("%(category)s, %(channel)s: one of them withdrew the consent.") % facts
        case "consent_expired":
            return (
                gettext("%(category)s, %(channel)s: the consent is not certain for every address of both; ask anew.")
                % facts
            )
        case "consent_given":
            return (
                gettext("%(category)s, %(channel)s: the consent ends on %(until)s, as that of one of them does.")
                % facts
            )
        case "topics":
            return gettext("Not wanted by one of them: %(topics)s.") % {"topics": ", ".join(value or ())}
        case "topics_in":
            named = ", ".join(value or ()) or gettext("no topic")
            return gettext("Of the topics that need consent, both want only: %(topics)s.") % {"topics": named}
        case "paused_until":
            return gettext("One of them paused until %(until)s.") % {"until": str(value)[:10]}
        case "quiet_from":
            return gettext("The quiet hours of both are quiet.")
    return ""
