"""A setting, a credential or an outside part is wrong, or a command was asked for what is not there."""

from __future__ import annotations

from nightmail.reasons.reason import Kind, Reason

SETUP = (
    Reason(
        "run_failed",
        Kind.SETUP,
        "A run of the pipeline failed.",
        "Look at the run on Dagster's page; another one is started by itself.",
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
        "The settings of the feed cannot be used.",
        "Correct them; docs/provisioning.md lists every setting of a feed.",
    ),
    Reason(
        "template_invalid",
        Kind.SETUP,
        "The template cannot be used.",
        "The message says in which body and on which line; correct it there.",
    ),
    Reason(
        "audio_unusable",
        Kind.SETUP,
        "The audio file of the template cannot be played.",
        "Serve a WAV, MP3 or AIFF file there, with its own Content-Type, or write a text with say.",
    ),
    Reason(
        "template_lacks_channel",
        Kind.SETUP,
        "The template has no body for any of the feed's channels.",
        "Add a body to the template, or change the feed's channels.",
    ),
    Reason(
        "price_list_invalid",
        Kind.SETUP,
        "The price list cannot be used.",
        "The message says what is wrong; correct the file.",
    ),
    Reason("quiet_hours_invalid", Kind.SETUP, "The quiet hours cannot be read.", "Write them as 21:00-08:00."),
    Reason(
        "channel_policy_unknown",
        Kind.SETUP,
        "There is no such channel policy.",
        "Use first_reachable, all_of or escalation.",
    ),
    Reason(
        "carrier_credentials",
        Kind.SETUP,
        "The carrier refused the credentials.",
        "Check the account and secret, then resume the campaign.",
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
        "Add one, and a sender of the team on it, with `nightmail provision`, or lift its suspension.",
    ),
    Reason(
        "suspension_unknown",
        Kind.SETUP,
        "There is no suspension {suspension} in force.",
        "List those in force and use the number of one.",
    ),
    Reason(
        "alert_unknown",
        Kind.SETUP,
        "There is no alert {alert} here.",
        "List the alerts and use the number of one.",
    ),
    Reason(
        "message_unknown", Kind.SETUP, "There is no message {value}.", "Use a message id as the delivery report has it."
    ),
    Reason(
        "message_not_in_doubt",
        Kind.SETUP,
        "The message {value} is not in doubt: it is {state}.",
        "Only a message in doubt can be decided by a person.",
    ),
    Reason("decision_unknown", Kind.SETUP, "There is no decision {value}.", "Use one of accepted, failed and resend."),
    Reason(
        "messages_of_another_campaign",
        Kind.SETUP,
        "The messages are not those of the campaign {campaign}.",
        "Render them again for this campaign.",
    ),
    Reason(
        "carrier_unknown", Kind.SETUP, "There is no such carrier.", "Use one of the adapters in resources/carriers."
    ),
    Reason(
        "carrier_address",
        Kind.SETUP,
        "The address of the carrier's service cannot be used.",
        "Write it as https://api.example.com, or leave it out to use the carrier's own.",
    ),
    # Files over SFTP
    Reason(
        "sftp_unreachable",
        Kind.SETUP,
        "The SFTP server cannot be reached.",
        "Nothing is lost: it is tried again at the next look. Check host, port and network if it lasts.",
    ),
    Reason(
        "sftp_host_key_unknown",
        Kind.SETUP,
        "No host key was agreed for the SFTP server.",
        "Put the key that the server's owner states into the settings.",
    ),
    Reason(
        "sftp_host_key_mismatch",
        Kind.SETUP,
        "The SFTP server's host key is not the one that was agreed.",
        "Ask the server's owner whether the key was changed, and put the new key into the settings only then.",
    ),
    Reason(
        "sftp_credentials",
        Kind.SETUP,
        "The SFTP server refused the login.",
        "Check the user name, and the password or key.",
    ),
    Reason(
        "sftp_folder_missing",
        Kind.SETUP,
        "The folder is not on the SFTP server.",
        "Create the folder, or correct it in the feed.",
    ),
    Reason(
        "sftp_permission",
        Kind.SETUP,
        "The SFTP server does not allow this in the folder.",
        "Give the user the right to read, write and rename in the folder.",
    ),
    Reason(
        "sftp_archive_full",
        Kind.SETUP,
        "The archive folder has too many files of one name and time.",
        "Clear the archive folder.",
    ),
    Reason("scope_unknown", Kind.SETUP, "There is no scope {value}.", "Use: {known}."),
    Reason(
        "webhook_given_up",
        Kind.SETUP,
        "A team's webhook took no call for a day.",
        "Mend the address or end the webhook; its owner can see the calls with GET /v1/webhooks.",
    ),
    Reason("disk_full", Kind.SETUP, "There is no room left on the disk.", "Free some room; nothing is lost."),
    Reason("database_unavailable", Kind.SETUP, "The database does not answer.", "Try again in a few seconds."),
    # The command line and its parts
    Reason(
        "backup_exists",
        Kind.SETUP,
        "There is a file of that name already.",
        "Give another name, or add --force to replace it.",
    ),
    Reason("backup_unusable", Kind.SETUP, "The file is not a backup.", "Give a file that `nightmail db backup` wrote."),
    Reason(
        "backup_unwritable",
        Kind.SETUP,
        "The backup cannot be written there.",
        "Give the path of a new file in a folder that can be written.",
    ),
    Reason(
        "category_unknown",
        Kind.SETUP,
        "The team has no category of that name.",
        "Provision the category first, or name another one.",
    ),
    Reason(
        "database_in_use",
        Kind.SETUP,
        "Something holds the database's tables; nothing was changed.",
        "End `nightmail up` and whatever else reads the database, then try again.",
    ),
    Reason(
        "database_major_version",
        Kind.SETUP,
        "The data folder was made by another major version of PostgreSQL.",
        "Make a backup with the earlier installation, move the folder away, and restore it.",
    ),
    Reason(
        "database_missing",
        Kind.SETUP,
        "There is no database of Nightmail there.",
        "Check that NIGHTMAIL_DATA_DIR or NIGHTMAIL_DATABASE_URL names the one that is meant.",
    ),
    Reason(
        "database_newer",
        Kind.SETUP,
        "The database's schema is newer than this version of Nightmail.",
        "Run the version that made it or a later one, or restore a backup that this one made.",
    ),
    Reason(
        "database_not_configured",
        Kind.SETUP,
        "No database is configured and the local one is not running.",
        "Start it with `nightmail up`, or set NIGHTMAIL_DATABASE_URL.",
    ),
    Reason(
        "database_not_empty",
        Kind.SETUP,
        "The database holds an organisation or tables of others, which a restore would replace.",
        "Make a backup of it, then run the restore with --replace.",
    ),
    Reason(
        "database_not_upgraded",
        Kind.SETUP,
        "The database's schema is older than this version of Nightmail.",
        "Run `nightmail db upgrade`.",
    ),
    Reason(
        "database_program_failed",
        Kind.SETUP,
        "A program of PostgreSQL failed.",
        "Check the database's address, the disk's free space and the versions.",
    ),
    Reason(
        "database_rights",
        Kind.SETUP,
        "The database's user may not do that.",
        "Make it the owner of the database and of its schema public.",
    ),
    Reason("day_invalid", Kind.SETUP, "What was given is not a day.", "Write it as 2026-11-23."),
    Reason("demo_failed", Kind.SETUP, "The demo could not go on.", "Read the logs in its data folder."),
    Reason("arguments_wrong", Kind.SETUP, "The command was not understood.", "Add --help to see what there is."),
    Reason("file_missing", Kind.SETUP, "There is no such file.", "Give the path of a contact file."),
    Reason(
        "folder_unusable", Kind.SETUP, "The folder cannot be made or emptied.", "Give another one, or mend its rights."
    ),
    Reason(
        "key_file_unwritable",
        Kind.SETUP,
        "A new API key cannot be written to its file.",
        "Revoke it, correct the path and provision again.",
    ),
    Reason("lake_unavailable", Kind.SETUP, "The lake cannot be written.", "Check NIGHTMAIL_LAKE_URL and its rights."),
    Reason("options_contradict", Kind.SETUP, "The options exclude each other.", "Give one of them."),
    Reason(
        "organisation_invalid",
        Kind.SETUP,
        "The organisation file cannot be used.",
        "Correct it; docs/provisioning.md explains each key.",
    ),
    Reason("part_ended", Kind.SETUP, "A part ended by itself.", "Read its log."),
    Reason("part_not_ready", Kind.SETUP, "A part was not ready in time.", "Read its log."),
    Reason("port_taken", Kind.SETUP, "A port is used by something else.", "Stop what uses it, or set another port."),
    Reason("reason_unknown", Kind.SETUP, "There is no such reason.", "`nightmail explain` lists all."),
    Reason(
        "report_missing",
        Kind.SETUP,
        "There is no delivery report of that day.",
        "It is written minutes after the first message was sent.",
    ),
    Reason("schedule_invalid", Kind.SETUP, "The schedule is not a cron expression.", "Write it as `0 2 * * *`."),
    Reason(
        "secret_missing",
        Kind.SETUP,
        "A secret is not where its reference says.",
        "Set the environment variable, or create the file, that the reference names.",
    ),
    Reason(
        "senders_at_work",
        Kind.SETUP,
        "Senders are at work on the database.",
        "Stop them first: end `nightmail up`, or the runs of `send` on Dagster's page.",
    ),
    Reason(
        "settings_invalid",
        Kind.SETUP,
        "The settings cannot be used.",
        "Correct the NIGHTMAIL_ variable or the settings file; docs/operations.md lists every setting.",
    ),
    Reason("state_unknown", Kind.SETUP, "There is no such state.", "Use one that `nightmail campaigns` shows."),
    Reason("team_needed", Kind.SETUP, "It is not clear whose this is.", "Add --team, such as acme.billing."),
    Reason("time_invalid", Kind.SETUP, "What was given is not a time to come.", "Write it as 2026-12-01T08:00."),
    Reason(
        "channel_code_taken",
        Kind.SETUP,
        "The channel {channel} has the code {code}, which stands for {other} in the database.",
        "Give the channel a code of its own in nightmail/channels/.",
    ),
    Reason("channel_unknown", Kind.SETUP, "There is no channel {channel}.", "Use one of: {known}."),
)
