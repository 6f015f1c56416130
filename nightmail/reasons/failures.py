"""A message was not taken by its carrier, or the hand-off did not happen."""

from __future__ import annotations

from nightmail.reasons.reason import Kind, Reason

FAILURES = (
    # Hand-off
    Reason("carrier_rejected", Kind.FAILURE, "The carrier refused the message.", "See the carrier's error code."),
    Reason(
        "address_refused",
        Kind.FAILURE,
        "The carrier says that the address cannot be reached.",
        "Check the address with the contact.",
    ),
    Reason(
        "carrier_unavailable",
        Kind.FAILURE,
        "The carrier did not take the message in the time allowed.",
        "Nothing to do: it is retried while the campaign lasts.",
    ),
    Reason(
        "carrier_failed_over",
        Kind.FAILURE,
        "The carrier account is down: the next account of the team takes over its messages, step by step.",
        "Nothing to do: they come back by themselves when it accepts again. Ask the carrier what is wrong.",
    ),
    Reason(
        "retries_exhausted",
        Kind.FAILURE,
        "The carrier put the message off too many times.",
        "Send it again in a new campaign.",
    ),
    Reason(
        "in_doubt",
        Kind.FAILURE,
        "It is not known whether the carrier took the message.",
        "Look it up at the carrier and decide.",
    ),
    Reason(
        "sandbox_off",
        Kind.FAILURE,
        "The message was handed to the sandbox, which was switched off since: it reached nobody.",
        "Send it in a new campaign.",
    ),
    Reason(
        "text_deleted",
        Kind.FAILURE,
        "The message's text is deleted, as the team's retention says.",
        "Mark it as accepted or failed, or send it in a new campaign.",
    ),
    Reason("campaign_cancelled", Kind.FAILURE, "The campaign was cancelled before the hand-off.", "Nothing to do."),
    Reason(
        "past_cut_off",
        Kind.FAILURE,
        "The campaign's cut-off passed before the hand-off.",
        "Send it again in a new campaign.",
    ),
    Reason("earlier_channel_delivered", Kind.FAILURE, "An earlier channel reached the contact.", "Nothing to do."),
    Reason(
        "channel_suspended",
        Kind.FAILURE,
        "The channel is suspended.",
        "Nothing to do: the message waits until the suspension is lifted.",
    ),
    Reason(
        "fell_to_next_channel",
        Kind.FAILURE,
        "The channel was suspended, and the team lets such messages fall to the contact's next channel.",
        "Nothing to do: lifting the suspension does not bring it back.",
    ),
    Reason(
        "restored_from_backup",
        Kind.FAILURE,
        "The database was restored from a backup, or a server took over that may lack the last of it: what it holds as unsent "
        "may have gone out since.",
        "Compare with the carrier's records: decide about a message in doubt, and send a file again of which nothing went out.",
    ),
    Reason(
        "refused_alike",
        Kind.FAILURE,
        "The carrier refuses the campaign's messages one like the other; the campaign is paused.",
        "See what they have in common, such as a subject or a link; then cancel the campaign and send it again, or resume it.",
    ),
)
