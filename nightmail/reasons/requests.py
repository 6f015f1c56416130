"""A request over HTTP cannot be answered as asked."""

from __future__ import annotations

from nightmail.reasons.reason import Kind, Reason, Surface

REQUESTS = (
    Reason(
        "suppression_unknown",
        Kind.REQUEST,
        "There is no suppression {value} in force.",
        "List the suppressions of the address and use one of their numbers.",
        on={
            Surface.SHELL: "List those of an address with `nightmail suppressions ADDRESS`.",
            Surface.API: "List those of an address with GET /v1/suppressions.",
        },
    ),
    Reason(
        "suppression_above_team",
        Kind.REQUEST,
        "The suppression was made for {owner}, which is above the team.",
        "Ask a person with rights for all of those teams to lift it.",
    ),
    Reason(
        "suppression_asked_for",
        Kind.REQUEST,
        "The person asked for it ({value}). Their choice holds until they agree again: Nightmail's rule, "
        "for TCPA and GDPR.",
        "Nothing to do, unless they have agreed again and you can prove it.",
        on={
            Surface.SHELL: "Nothing to do, unless they have agreed again and you can prove it: then lift it with "
            "--although-asked-for.",
            Surface.API: "Nothing to do, unless they have agreed again and you can prove it: then lift it with "
            "although_asked_for=true.",
        },
    ),
    Reason(
        "address_not_of_channel",
        Kind.REQUEST,
        "{value} is no address of the channel {channel}.",
        "Use one of: {known}.",
    ),
    Reason(
        "report_days_wrong",
        Kind.REQUEST,
        "The days from {since} to {until} make no report: the last is before the first, or they are more than {most}.",
        "Give a first day and a last day that is not before it, at most {most} days in all.",
        title="These days make no report.",
    ),
    Reason(
        "report_of_nothing",
        Kind.REQUEST,
        "There is no {what} {name} among those whose reports you may see.",
        "Check the name: a team reads acme.billing, a feed acme.billing/invoices, a campaign as its page shows it.",
        title="There is no team, feed or campaign of that name whose reports you may see.",
    ),
    # Requests over HTTP
    Reason("key_missing", Kind.REQUEST, "The request has no API key.", "Send `Authorization: Bearer <key>`."),
    Reason(
        "key_wrong", Kind.REQUEST, "The API key is not valid.", "Check the key, or ask an administrator for a new one."
    ),
    Reason("key_expired", Kind.REQUEST, "The API key has expired.", "Ask an administrator for a new one."),
    Reason(
        "form_from_elsewhere",
        Kind.REQUEST,
        "The form was sent from another site, so nothing was done.",
        "Open the page here and send its form again.",
    ),
    Reason(
        "form_outdated",
        Kind.REQUEST,
        "The form is from before you signed in or out, so nothing was done.",
        "Go back, reload the page and send it again.",
    ),
    Reason(
        "not_found",
        Kind.REQUEST,
        "There is no {what} here.",
        "See the API's description at /docs.",
        title="There is nothing at this address.",
    ),
    Reason(
        "method_not_allowed",
        Kind.REQUEST,
        "This address does not know this method.",
        "See the header Allow, or the API's description at /docs.",
    ),
    Reason(
        "request_malformed",
        Kind.REQUEST,
        "The request cannot be read: {problem}.",
        "See the API's description at /docs.",
        title="The request cannot be read.",
    ),
    Reason(
        "request_invalid",
        Kind.REQUEST,
        "The request has missing or wrong parts.",
        "Correct what `errors` lists and send it again.",
    ),
    Reason(
        "request_too_large",
        Kind.REQUEST,
        "The request's body is larger than {limit} bytes.",
        "Send less at a time.",
        title="The request's body is too large.",
    ),
    Reason(
        "request_too_slow",
        Kind.REQUEST,
        "The request's body came too slowly.",
        "Send it again over a better connection; nothing of it was kept.",
    ),
    Reason(
        "pipeline_host",
        Kind.REQUEST,
        "{host} is no name of this portal.",
        "Open the portal by its own address; NIGHTMAIL_PUBLIC_URL states the one it has outside.",
        title="The request was sent to another name than the portal's.",
    ),
    Reason(
        "pipeline_by_post",
        Kind.REQUEST,
        "Dagster is asked by POST alone.",
        "Send the query in the body of a POST.",
    ),
    Reason(
        "pipeline_not_understood",
        Kind.REQUEST,
        "The request to Dagster is not passed on: {problem}.",
        "Send one GraphQL document as JSON.",
        title="The request to Dagster is not passed on.",
    ),
    Reason(
        "pipeline_away",
        Kind.REQUEST,
        "Dagster's webserver does not answer: {problem}.",
        "Look at its log, and at NIGHTMAIL_DAGSTER_SOCKET.",
        title="Dagster's webserver does not answer.",
    ),
    Reason(
        "upload_truncated",
        Kind.REQUEST,
        "Not all of the upload arrived: {problem}.",
        "Send it again; nothing of it was kept.",
        title="The upload ended before all of it had come.",
    ),
    Reason(
        "media_type",
        Kind.REQUEST,
        "The body's content type is not taken here.",
        "See the API's description at /docs for the types that are.",
    ),
    Reason(
        "too_many_requests",
        Kind.REQUEST,
        "There are too many {what}.",
        "Wait as long as the header Retry-After says.",
        title="Too many requests.",
    ),
    Reason(
        "idempotency_key_reused",
        Kind.REQUEST,
        "The idempotency key was used before with another request.",
        "Use a new key for a new request.",
    ),
    Reason(
        "idempotency_in_progress",
        Kind.REQUEST,
        "The first request with this idempotency key has not ended yet.",
        "Send it again in a few seconds.",
    ),
    Reason(
        "campaign_unknown",
        Kind.REQUEST,
        "There is no campaign {campaign} here.",
        "List the campaigns and use the key of one.",
        title="There is no such campaign.",
        on={
            Surface.SHELL: "List them with `nightmail campaigns`.",
            Surface.API: "List your campaigns with GET /v1/campaigns.",
        },
    ),
    Reason(
        "campaign_state",
        Kind.REQUEST,
        "The campaign {campaign} is {state}: {problem}.",
        "Look at the campaign's state first.",
        title="The campaign's state does not allow this.",
        on={
            Surface.SHELL: "Look at its state first, with `nightmail campaigns`.",
            Surface.API: "Look at its state with GET /v1/campaigns.",
        },
    ),
    Reason(
        "file_unknown",
        Kind.REQUEST,
        "There is no file {file} here.",
        "Use the Location that the upload answered.",
        title="There is no such file.",
    ),
    Reason(
        "not_ready_yet",
        Kind.REQUEST,
        "The {what} is not there yet.",
        "Ask again later, as the header Retry-After says.",
        title="This is not there yet.",
    ),
    Reason(
        "webhook_unknown",
        Kind.REQUEST,
        "There is no webhook {webhook} here.",
        "List your webhooks with GET /v1/webhooks.",
        title="There is no such webhook.",
    ),
    Reason(
        "team_unknown",
        Kind.REQUEST,
        "There is no team {team} here.",
        "Use one of these or a team below: {known}.",
        title="There is no such team.",
    ),
    Reason(
        "webhook_address",
        Kind.REQUEST,
        "The webhook's address cannot be used: {problem}.",
        "Give a public https:// address.",
        title="The webhook's address cannot be used.",
    ),
    Reason(
        "event_unknown",
        Kind.REQUEST,
        "There is no event {value}.",
        "Use some of: {known}.",
        title="There is no such event.",
    ),
    Reason(
        "too_many_webhooks",
        Kind.REQUEST,
        "The team has {limit} webhooks, as many as it may.",
        "End one of them first.",
        title="The team has as many webhooks as it may.",
    ),
    Reason(
        "webhook_forged",
        Kind.REQUEST,
        "The webhook's signature does not fit its content.",
        "Check the carrier account's webhook secret and the public address in the settings.",
    ),
    Reason(
        "webhook_outdated",
        Kind.REQUEST,
        "The webhook was signed more than three days before or after the database's time.",
        "Set the clock of the database's machine if it is wrong; otherwise old webhooks are being sent again.",
    ),
    Reason("link_invalid", Kind.REQUEST, "This link is not valid.", "Open it from the message as it was received."),
    Reason("link_expired", Kind.REQUEST, "This link no longer holds.", "Use the link of a newer message."),
    Reason(
        "storage_full",
        Kind.REQUEST,
        "There is no room left for the file.",
        "Ask an administrator to free some room, and send it again.",
    ),
    Reason("busy", Kind.REQUEST, "There is too much to do at the moment.", "Send it again in a few seconds."),
    Reason(
        "internal_error",
        Kind.REQUEST,
        "Something went wrong in Nightmail.",
        "Try again, and ask an administrator to read the log.",
        on={Surface.SHELL: "Please report it, with what is below."},
    ),
)
