"""A contact or a message is not sent to, or not yet."""

from __future__ import annotations

from nightmail.reasons.reason import Kind, Reason, Surface

HOLDS = (
    # Holds
    Reason(
        "opted_out",
        Kind.HOLD,
        "The contact opted out, or reported a message as spam.",
        "Nothing to do: the choice is respected.",
    ),
    Reason(
        "category_opted_out",
        Kind.HOLD,
        "The contact opted out of this category.",
        "Nothing to do: the choice is respected.",
    ),
    Reason(
        "suppressed",
        Kind.HOLD,
        "The address is suppressed after a bounce or an error, or by hand.",
        "If the address is known to work again, have its suppression lifted.",
        on={
            Surface.SHELL: "See why with `nightmail suppressions ADDRESS`; if the address is known to work again, lift it "
            "with `nightmail unsuppress ADDRESS`.",
            Surface.API: "See why with GET /v1/suppressions; if the address is known to work again, lift it with DELETE "
            "/v1/suppressions.",
        },
    ),
    Reason(
        "probable_opt_out",
        Kind.HOLD,
        "The contact probably asked for an end in a reply, which a person has yet to read.",
        "Read the reply and decide: until then nothing of marketing is sent to its sender.",
        on={
            Surface.SHELL: "Read it with `nightmail replies --undecided` and decide with its `--opt-out` or `--no-opt-out`: until "
            "then nothing of marketing is sent to its sender.",
            Surface.API: "Read it with GET /v1/replies?undecided=true and decide with POST /v1/replies/ID/decision: until then "
            "nothing of marketing is sent to its sender.",
        },
    ),
    Reason(
        "consent_missing",
        Kind.HOLD,
        "The category needs consent, and none is recorded.",
        "Record the contact's consent, or use a service category.",
    ),
    Reason(
        "consent_expired",
        Kind.HOLD,
        "The contact's consent has ended.",
        "Ask the contact again and record the new consent.",
    ),
    Reason(
        "consent_withdrawn",
        Kind.HOLD,
        "The contact withdrew the consent to this category.",
        "Nothing to do: the choice is respected, until the contact consents again.",
    ),
    Reason(
        "paused_by_contact",
        Kind.HOLD,
        "The contact wants no messages for now.",
        "Nothing to do: send again when the pause is over. Urgent categories go all the same.",
    ),
    Reason(
        "minor",
        Kind.HOLD,
        "The contact is under the age of consent of their country.",
        "Nothing to do: minors are never sent to.",
    ),
    Reason(
        "birth_date_unread",
        Kind.HOLD,
        "The contact's birth date is filled and cannot be read, so that it may be a minor.",
        "Write the birth date as 2001-12-31, or leave it empty.",
    ),
    Reason(
        "country_not_served",
        Kind.HOLD,
        "The contact's country is not served.",
        "Ask an administrator to add the country if it may be sent to.",
    ),
    Reason(
        "country_unsettled",
        Kind.HOLD,
        "The contact's country is not known, so it cannot be checked.",
        "Fill the country column.",
    ),
    Reason(
        "address_already_used",
        Kind.HOLD,
        "Another contact of this campaign has the same address.",
        "Nothing to do: a marketing message goes to an address once.",
    ),
    Reason(
        "no_usable_channel",
        Kind.HOLD,
        "No channel of the feed can reach the contact.",
        "Give an address for one of the feed's channels.",
    ),
    Reason(
        "phone_not_mobile",
        Kind.HOLD,
        "The number is a fixed line, which cannot take an SMS.",
        "Give a mobile number, or add voice to the feed's channels.",
    ),
    Reason("phone_premium", Kind.HOLD, "The number is a premium or special-rate number.", "Give an ordinary number."),
    Reason(
        "body_too_long",
        Kind.HOLD,
        "The rendered text is over the channel's limit.",
        "Shorten the template or the placeholder's value.",
    ),
    Reason(
        "body_empty",
        Kind.HOLD,
        "The rendered text is empty.",
        "Give the template a text that does not depend on the placeholder's value alone.",
    ),
    Reason(
        "render_failed",
        Kind.HOLD,
        "The template fails on the row's values, such as a comparison of an empty value with a number.",
        "Test the placeholder for emptiness in the template, or correct the row's values.",
    ),
    Reason(
        "language_not_available",
        Kind.HOLD,
        "The template has no body in a language for this contact.",
        "Add the language, or set the template's default language.",
    ),
    Reason(
        "quiet_hours_past_cut_off",
        Kind.HOLD,
        "The contact's quiet hours end, or their own time of the start comes, after the campaign's cut-off.",
        "Send earlier, or set a later cut-off.",
    ),
    Reason(
        "country_denied",
        Kind.HOLD,
        "The team, or one above it, does not write to this country on this channel.",
        "If it should, have the team's rules for countries changed.",
    ),
    Reason(
        "outside_region",
        Kind.HOLD,
        "Another hosting region serves the contact's country, and the team holds such contacts back.",
        "Send to them from the deployment of that region.",
    ),
    Reason(
        "holiday",
        Kind.HOLD,
        "It is a public holiday in the contact's country until the campaign's cut-off.",
        "Send on another day, or set a later cut-off.",
    ),
    Reason(
        "blackout_day",
        Kind.HOLD,
        "The team sends nothing on these days, and they last until the campaign's cut-off.",
        "Send on another day, or set a later cut-off.",
    ),
    Reason(
        "frequency_cap",
        Kind.HOLD,
        "The contact or the address got as many messages lately as the team allows.",
        "Send again when the cap's window is over; categories that are urgent are exempt.",
    ),
)
