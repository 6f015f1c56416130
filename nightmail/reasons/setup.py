"""A setting, a credential or an outside part is wrong, or a command names what does not exist."""

from __future__ import annotations

from nightmail.reasons.reason import Kind, Reason, Surface

SETUP = (
    Reason(
        "run_failed",
        Kind.SETUP,
        "{count} runs of the job {job} failed, the last one {run}.",
        "Look at the run on Dagster's page; Dagster starts another one.",
        title="A run of the pipeline failed.",
    ),
    Reason(
        "team_of_other_region",
        Kind.SETUP,
        "The team {team} is hosted in {region}, and this deployment in {own}.",
        "Use the deployment of the team's region.",
        title="The team is hosted in another region.",
    ),
    Reason(
        "no_team_of_region",
        Kind.SETUP,
        "None of the organisation's teams is hosted in {region}, which this deployment is for; they are hosted in {regions}.",
        "Set NIGHTMAIL_REGION to the region of this deployment, or state the region of the teams that it is for.",
        title="None of the organisation's teams is hosted in this deployment's region.",
    ),
    Reason(
        "server_taken_over",
        Kind.SETUP,
        "Another server of the database took over that may lack the last of what was sent: {campaigns} campaigns are paused, and "
        "{messages} messages are in doubt.",
        "The carriers' records settle what they show. Decide the rest as after a restore, then resume the campaigns. A synchronous "
        "standby spares it: docs/operations.md.",
        title="Another server of the database took over that may lack the last of what was sent.",
    ),
    Reason(
        "standby_lost",
        Kind.SETUP,
        "Commits of the database have ceased to wait for its standby: nothing is handed off for three minutes, then sending goes on "
        "without one.",
        "Bring the standby back. From now on do not make it the server until commits wait for it again: it lacks what was sent.",
    ),
    Reason(
        "run_not_begun",
        Kind.SETUP,
        "{count} runs in a row for the campaign {campaign} did not begin, the last one {run}.",
        "See on Dagster's page why: is the launcher's broker or the cluster away? Runs are asked for again every few seconds, and "
        "none of them is held against the campaign.",
        title="Runs of the pipeline do not begin.",
    ),
    Reason(
        "feed_late",
        Kind.SETUP,
        "The feed {feed} had no file by {expected}.",
        "Ask the data team for the file, or change the feed's expected_by.",
    ),
    Reason(
        "feed_settings_invalid",
        Kind.SETUP,
        "The settings of the feed {feed} cannot be used: {problem}.",
        "Correct them; docs/provisioning.md lists every setting of a feed.",
        title="The settings of the feed cannot be used.",
    ),
    Reason(
        "template_invalid",
        Kind.SETUP,
        "{place}{problem}.",
        "{advice}",
    ),
    Reason(
        "audio_unusable",
        Kind.SETUP,
        "The audio file {url} cannot be played: {problem}.",
        "Serve a WAV, MP3 or AIFF file there, with its own Content-Type, or write a text with say.",
        title="The audio file of the template cannot be played.",
    ),
    Reason(
        "template_lacks_channel",
        Kind.SETUP,
        "The template {template} has no body for {channels}.",
        "Add a body to the template, or use one of its channels: {known}.",
        title="The template has no body for any of the feed's channels.",
    ),
    Reason(
        "price_list_invalid",
        Kind.SETUP,
        "The price list {file} cannot be used: {problem}.",
        "Correct it; docs/operations.md shows its form.",
        title="The price list cannot be used.",
    ),
    Reason(
        "quiet_hours_invalid",
        Kind.SETUP,
        "{value} are not quiet hours.",
        "Write them as 21:00-08:00.",
        title="The quiet hours cannot be read.",
    ),
    Reason(
        "channel_policy_unknown",
        Kind.SETUP,
        "There is no channel policy {value}.",
        "Use one of: {known}.",
        title="There is no such channel policy.",
    ),
    Reason(
        "carrier_credentials",
        Kind.SETUP,
        "The carrier account's credentials cannot be used: {problem}.",
        "Check the account and secret, then resume the campaign.",
        title="The carrier refused the credentials.",
    ),
    Reason(
        "reply_unknown",
        Kind.SETUP,
        "There is no reply {reply} here.",
        "List the replies and use the number of one.",
        on={
            Surface.SHELL: "List them with `nightmail replies`, and use the number of one.",
            Surface.API: "List them with GET /v1/replies, and use the number of one.",
        },
    ),
    Reason(
        "reply_not_undecided",
        Kind.SETUP,
        "The reply {reply} waits for no decision: it is {kind}.",
        "Suppress the address, or lift its suppression, instead.",
    ),
    Reason(
        "webhook_of_another_account",
        Kind.SETUP,
        "A webhook named a message that went over another carrier account than the one that signed it. It moved nothing.",
        "Find out who posts it: an account of the carrier is set up twice, or somebody uses its secret.",
    ),
    Reason(
        "mailbox_unusable",
        Kind.SETUP,
        "The mailbox cannot be read: {problem}.",
        "Check its address, user, secret and folder in the organisation file. It is tried again by itself.",
        title="A mailbox for replies cannot be read.",
    ),
    Reason(
        "mail_put_aside",
        Kind.SETUP,
        "A message in a mailbox for replies cannot be read. It is left out, and the others are taken.",
        "Read it in the mailbox by a mail program, and do what it asks: it may be an opt-out.",
    ),
    Reason(
        "carrier_error_unknown",
        Kind.SETUP,
        "The carrier answered with an error that is not in the table of errors.",
        "Look the code up at the carrier; messages that got it are not sent again.",
    ),
    Reason(
        "no_carrier",
        Kind.SETUP,
        "The team has no carrier account for this channel that works.",
        "Add one, and a sender of the team on it, to the organisation file and provision it, or lift its suspension.",
        on={
            Surface.SHELL: "Add one, and a sender of the team on it, with `nightmail provision`, or lift its suspension "
            "with `nightmail lift`."
        },
    ),
    Reason(
        "suspension_unknown",
        Kind.SETUP,
        "There is no suspension {suspension} in force.",
        "List those in force and use the number of one.",
        title="There is no such suspension in force.",
        on={
            Surface.SHELL: "List those in force with `nightmail campaigns --suspensions`, and use the number of one.",
            Surface.API: "List those in force with GET /v1/suspensions, and use the number of one.",
        },
    ),
    Reason(
        "alert_unknown",
        Kind.SETUP,
        "There is no alert {alert} here.",
        "List the alerts and use the number of one.",
        title="There is no such alert.",
        on={
            Surface.SHELL: "List them with `nightmail alerts`, and use the number of one.",
            Surface.API: "List them with GET /v1/alerts, and use the number of one.",
        },
    ),
    Reason(
        "message_unknown",
        Kind.SETUP,
        "There is no message {value} here.",
        "Use a message id as the delivery report has it.",
        title="There is no such message.",
    ),
    Reason(
        "message_not_in_doubt",
        Kind.SETUP,
        "The message {value} is not in doubt: it is {state}.",
        "Only a message in doubt can be decided by a person.",
        title="The message is not in doubt.",
    ),
    Reason(
        "decision_unknown",
        Kind.SETUP,
        "There is no decision {value}.",
        "Use one of: {known}.",
        title="There is no such decision.",
    ),
    Reason(
        "messages_of_another_campaign",
        Kind.SETUP,
        "The messages are not those of the campaign {campaign}.",
        "Render them again for this campaign.",
        title="The messages are not those of this campaign.",
    ),
    Reason(
        "carrier_unknown",
        Kind.SETUP,
        "There is no carrier {value}.",
        "Use one of: {known}.",
        title="There is no such carrier.",
    ),
    Reason(
        "carrier_address",
        Kind.SETUP,
        "The address {value} of the carrier's service cannot be used: {problem}.",
        "Write it as {form}.",
        title="The address of the carrier's service cannot be used.",
    ),
    Reason(
        "sandbox_ended",
        Kind.SETUP,
        "{channel} went to the sandbox until now, and does not any more. What was made for it waits: {campaigns}.",
        "A paused campaign goes on to real people when it is resumed, and ends when it is cancelled; a stopped one is "
        "sent again as a new file.",
        title="The sandbox ended for a channel while campaigns used it.",
    ),
    Reason(
        "sandbox_feeds",
        Kind.SETUP,
        "These feeds' folders are on the sandbox's SFTP server: {feeds}.",
        "Give each an sftp_server and folder of your own, or neither, in the organisation file, and provision it.",
        title="Feeds' folders are on the sandbox's SFTP server.",
        on={
            Surface.SHELL: "Give each an sftp_server and folder of your own, or neither, in the organisation file, and run "
            "`nightmail provision`; or add --yes: then their files come by the API alone."
        },
    ),
    Reason(
        "sandbox_missing",
        Kind.SETUP,
        "There is no sandbox here for that.",
        "Start Nightmail on this machine while no carrier account is active: that makes it.",
        on={Surface.SHELL: "`nightmail up` makes it where no carrier account is active."},
    ),
    Reason(
        "sandbox_beside_real",
        Kind.SETUP,
        "Messages of {channel} go over the carrier account {account}: the sandbox cannot be on beside it.",
        "Take the account out of the organisation file and retire it first.",
        title="A real account carries that channel.",
        on={
            Surface.SHELL: "Take the account out of the organisation file and retire it first: `nightmail provision FILE --prune`."
        },
    ),
    # Files over SFTP
    Reason(
        "webhook_given_up",
        Kind.SETUP,
        "The webhook {webhook} was given up: {problem}. Its events are lost to it.",
        "Mend the address or end the webhook; its owner can see the calls with GET /v1/webhooks.",
        title="A team's webhook was given up.",
    ),
    Reason(
        "disk_full",
        Kind.SETUP,
        "There is not enough room on the disk: {problem}.",
        "Free some room; nothing is lost.",
        title="There is no room left on the disk.",
    ),
    Reason(
        "database_unavailable",
        Kind.SETUP,
        "The database does not answer: {problem}.",
        "Try again in a few seconds.",
        title="The database does not answer.",
        on={
            Surface.SHELL: "Check that it runs, that NIGHTMAIL_DATABASE_URL names it and that its disk has room; `nightmail "
            "doctor` says more."
        },
    ),
)
