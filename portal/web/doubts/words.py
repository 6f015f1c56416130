"""What can be decided about a message in doubt, and what each decision leads to, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from nightmail.sending.doubt_decisions import Decision
from nightmail.sending.doubt_lists import DoubtfulMessage
from portal.web.translating import gettext, marked

LABELS: Mapping[Decision, str] = {
    Decision.ACCEPTED: marked("The carrier has it"),
    Decision.FAILED: marked("It was not sent, and shall not be"),
    Decision.RESEND: marked("Send it again"),
}
SAID: Mapping[Decision, str] = {
    Decision.ACCEPTED: marked("It counts as accepted."),
    Decision.FAILED: marked("It counts as failed and is not sent."),
    Decision.RESEND: marked("It is queued and will be sent again."),
}
OUTCOMES: Mapping[str, str] = {
    "accepted": marked("taken"),
    "rejected": marked("refused"),
    "retry_later": marked("to be tried again"),
    "in_doubt": marked("in doubt"),
}


def decision_of(word: str) -> Decision | None:
    """The decision that a form's word means."""
    return Decision(word) if word in set(Decision) else None


def decision_label(decision: Decision) -> str:
    """A decision in the reader's language."""
    return gettext(LABELS[decision])


def said_of(decision: Decision) -> str:
    """What a decision did, once it was made."""
    return gettext(SAID[decision])


def outcome_of_attempt(outcome: str) -> str:
    """What came of a hand-off, in the reader's language."""
    return gettext(OUTCOMES[outcome]) if outcome in OUTCOMES else outcome


def consequences(message: DoubtfulMessage) -> list[tuple[str, str, str]]:
    """What may be decided about a message, each with its label and what it leads to; sending again only where it is possible."""
    failed = (
        gettext("It counts as failed. The contact's next channel takes over now.")
        if message.has_next
        else gettext("It counts as failed. The contact has no further channel: nothing else is sent to them.")
    )
    options = [
        (
            Decision.ACCEPTED,
            gettext(
                "It counts as accepted and is not sent again. What the carrier reports later is taken as for any other."
            ),
        ),
        (Decision.FAILED, failed),
    ]
    if message.may_be_sent_again:
        options.append((Decision.RESEND, again(message.campaign_state)))
    return [(str(decision), decision_label(decision), more) for decision, more in options]


def again(campaign_state: str) -> str:
    """What sending again leads to, by the state of the campaign."""
    if campaign_state == "paused":
        return gettext(
            "It will be sent again once the campaign is resumed. If the carrier did take it, the person gets it twice."
        )
    if campaign_state == "finished":
        return gettext(
            "It will be sent again at once, and the campaign goes back to sending. If the carrier did take it, the person gets it twice."
        )
    return gettext("It will be sent again within seconds. If the carrier did take it, the person gets it twice.")


def consequences_of_all(campaign_state: str) -> list[tuple[str, str, str]]:
    """The same for every message in doubt of a campaign."""
    options = [
        (
            Decision.ACCEPTED,
            gettext(
                "They count as accepted and are not sent again. What the carrier reports later is taken as for any other."
            ),
        ),
        (
            Decision.FAILED,
            gettext("They count as failed. Where a contact has a further channel, it takes over now."),
        ),
    ]
    if campaign_state not in ("cancelled", "stopped"):
        options.append((Decision.RESEND, _all_again(campaign_state)))
    return [(str(decision), _label_of_all(decision), more) for decision, more in options]


_LABELS_OF_ALL: Mapping[Decision, str] = {
    Decision.ACCEPTED: marked("The carrier has them"),
    Decision.FAILED: marked("They were not sent, and shall not be"),
    Decision.RESEND: marked("Send them again"),
}


def _label_of_all(decision: Decision) -> str:
    return gettext(_LABELS_OF_ALL[decision])


def _all_again(campaign_state: str) -> str:
    if campaign_state == "paused":
        return gettext(
            "They will be sent again once the campaign is resumed. Whoever's message the carrier did take gets it twice."
        )
    if campaign_state == "finished":
        return gettext(
            "They will be sent again at once, and the campaign goes back to sending. Whoever's message the carrier did take gets it twice."
        )
    return gettext("They will be sent again within seconds. Whoever's message the carrier did take gets it twice.")
