"""The registry of reasons: one code for every reject, hold, failure and warning, with a sentence a person understands.

A code never changes its meaning once released. ``sentence`` may hold ``{value}`` and ``{column}`` and further named
fields; ``remedy`` says what to do next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """What a reason explains."""

    FILE = "file"
    """The whole contact file, or the request that brought it, cannot be used."""
    REJECT = "reject"
    """One row cannot be used."""
    DUPLICATE = "duplicate"
    """One row was collapsed into another."""
    WARNING = "warning"
    """Something was noticed; the row stays."""
    HOLD = "hold"
    """A contact is not sent to."""
    FAILURE = "failure"
    """A message was not taken by the carrier, or the hand-off did not happen."""
    SETUP = "setup"
    """A setting, credential or outside part is wrong."""
    REQUEST = "request"
    """A request over HTTP cannot be answered as asked."""


class Surface(Enum):
    """Where a remedy is read: what helps in a shell is no use to a program, nor beside a dropped file."""

    SHELL = "shell"
    API = "api"
    PAGE = "page"
    FILE = "file"
    """A result or reject file beside the upload."""


@dataclass(frozen=True)
class Reason:
    """One entry: stable ``code``, its ``kind``, the ``sentence`` shown to people and the ``remedy``.

    ``remedy`` fits every surface; ``on`` holds the remedies of surfaces where something better can be said.
    """

    code: str
    kind: Kind
    sentence: str
    remedy: str
    on: Mapping[Surface, str] = field(default_factory=dict)


_ENTRIES = (
    # The file as a whole
    Reason("file_empty", Kind.FILE, "The file is empty.", "Upload a file with a header and at least one row."),
    Reason(
        "file_no_rows", Kind.FILE, "The file has a header but no rows.", "Add at least one row and upload it again."
    ),
    Reason(
        "file_no_header",
        Kind.FILE,
        "The first line does not look like a header.",
        "Put the column names in the first line, such as external_id, phone, email.",
    ),
    Reason(
        "file_no_known_column",
        Kind.FILE,
        "No column is known as an address or an external_id: {columns}.",
        "Name a column phone or email, or map one in the feed.",
    ),
    Reason(
        "file_not_text",
        Kind.FILE,
        "The file is not text: it looks like {detected}.",
        "Export it as CSV, XLSX, ODS, JSON Lines or Parquet.",
    ),
    Reason(
        "file_too_large",
        Kind.FILE,
        "The file has {size} bytes; the limit is {limit}.",
        "Split the file, or ask an administrator to raise the limit.",
    ),
    Reason(
        "file_too_many_rows",
        Kind.FILE,
        "The file has more than {limit} rows.",
        "Split the file, or ask an administrator to raise the limit.",
    ),
    Reason(
        "file_too_many_columns",
        Kind.FILE,
        "The file has {columns} columns; the limit is {limit}.",
        "Remove the columns that the template does not use.",
    ),
    Reason(
        "file_column_twice",
        Kind.FILE,
        "The columns {first} and {second} both mean {field}.",
        "Rename or remove one of them, or map them in the feed.",
    ),
    Reason(
        "file_unreadable", Kind.FILE, "The file cannot be read: {detail}.", "Export it again and check that it opens."
    ),
    Reason(
        "file_expands_too_far",
        Kind.FILE,
        "The file unpacks to more than {limit}: it is damaged, or a bomb.",
        "Export it again and upload it without a container, or ask an administrator to raise the limit.",
    ),
    Reason(
        "file_several_inside",
        Kind.FILE,
        "The container holds several files: {names}.",
        "Put one file into a container.",
    ),
    Reason(
        "file_protected",
        Kind.FILE,
        "The file is protected by a password.",
        "Upload it without a password: SFTP and HTTPS encrypt it on its way.",
    ),
    Reason(
        "file_wrong_encoding",
        Kind.FILE,
        "The file is not valid {encoding}: {detail}.",
        "Save it as UTF-8, or correct the encoding in the feed.",
    ),
    Reason("file_no_sheet", Kind.FILE, "The workbook has no {sheet}.", "Name one of its sheets in the feed: {known}."),
    Reason(
        "contract_malformed", Kind.FILE, "The feed's contract cannot be understood: {detail}.", "Correct the contract."
    ),
    Reason(
        "file_already_taken",
        Kind.FILE,
        "The same content was taken before, as campaign {campaign}.",
        "Nothing was sent again. To send it again on purpose, use the option --again or change the file.",
    ),
    Reason(
        "file_over_reject_limit",
        Kind.FILE,
        "{share} of the rows were rejected; the feed allows {limit}.",
        "Correct the rows in the reject file and upload the whole file again.",
    ),
    Reason(
        "file_missing_column",
        Kind.FILE,
        "The template needs the column {column}, which the file does not have.",
        "Add the column, or map another column to it in the feed.",
    ),
    Reason(
        "file_volume",
        Kind.FILE,
        "The file has {rows} rows where the feed expects {expected}.",
        "Check that the export was whole, or change the feed's volume.",
    ),
    Reason(
        "preparation_failed",
        Kind.FILE,
        "The file could not be prepared: the run ended without a result {attempts} times.",
        "An operator is told. The file is kept; nothing was sent.",
    ),
    Reason(
        "table_contract_broken",
        Kind.FILE,
        "The table {table} breaks its contract: {detail}.",
        "Nothing was sent. An operator is told; see the run's checks.",
    ),
    Reason(
        "rows_do_not_reconcile",
        Kind.FILE,
        "The rows of the file are not all accounted for: {detail}.",
        "Nothing was sent. This is a defect of Nightmail: an operator is told; please report it.",
    ),
    Reason(
        "parts_missing",
        Kind.FILE,
        "{missing} of {total} parts of the file have not arrived.",
        "Upload the missing parts; nothing is prepared before all are there.",
    ),
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
        "feed_unknown", Kind.FILE, "There is no feed {value}.", "Use the folder or name of one of your feeds: {known}."
    ),
    Reason("template_unknown", Kind.FILE, "There is no template {value}.", "Use one of: {known}."),
    # Rows
    Reason(
        "row_ragged",
        Kind.REJECT,
        "The row has {found} fields where the header has {expected}.",
        "Check for a missing or extra delimiter, or quote fields that hold one.",
    ),
    Reason(
        "row_unterminated_quote",
        Kind.REJECT,
        "The row opens a quote that is never closed.",
        "Close the quote, or double quotes that belong to the text.",
    ),
    Reason(
        "row_nul_bytes",
        Kind.REJECT,
        "The row holds NUL bytes: it was damaged on its way.",
        "Export the row again.",
    ),
    Reason(
        "row_not_decodable",
        Kind.REJECT,
        "The row holds bytes that are not {encoding}.",
        "Save the whole file in one encoding, best UTF-8.",
    ),
    Reason(
        "row_field_too_large",
        Kind.REJECT,
        "The row has a field of more than {limit} bytes.",
        "Check for a missing line end or quote.",
    ),
    Reason(
        "row_not_json",
        Kind.REJECT,
        "The line is not a JSON object: {detail}.",
        "Write one JSON object per line.",
    ),
    Reason("row_empty", Kind.REJECT, "The row holds nothing but delimiters.", "Remove the row."),
    Reason(
        "row_total",
        Kind.REJECT,
        "The row is a total or a note at the end of the file, not a contact.",
        "Nothing to do, or export the file without totals.",
    ),
    Reason(
        "row_header_again",
        Kind.REJECT,
        "The row repeats the header.",
        "Nothing to do: it looks as if files were joined.",
    ),
    Reason(
        "value_type",
        Kind.REJECT,
        "{value} in the column {column} is not {expected}.",
        "Correct the value, or change the type in the feed's contract.",
    ),
    Reason(
        "value_ambiguous",
        Kind.REJECT,
        "{value} in the column {column} can be read in two ways: {detail}.",
        "Write dates as 2001-12-31 and numbers as 1234.50, or state the form in the feed's contract.",
    ),
    Reason(
        "value_too_long",
        Kind.REJECT,
        "The value in the column {column} is longer than {limit} characters.",
        "Shorten it, or raise the limit in the feed's contract.",
    ),
    Reason(
        "value_not_allowed",
        Kind.REJECT,
        "{value} is not allowed in the column {column}.",
        "Use one of: {allowed}.",
    ),
    Reason(
        "value_required",
        Kind.REJECT,
        "The column {column} is empty, and the feed's contract requires it.",
        "Fill the column.",
    ),
    Reason(
        "no_address",
        Kind.REJECT,
        "The row has no address that the template can use.",
        "Give a phone number or an email address.",
    ),
    Reason(
        "phone_invalid",
        Kind.REJECT,
        "{value} is not a valid phone number.",
        "Write it in international form, such as +49 30 901820.",
    ),
    Reason(
        "phone_country_needed",
        Kind.REJECT,
        "{value} is a national number, and the row has no country.",
        "Write the number with + and the country code, or fill the country column.",
    ),
    Reason(
        "phone_damaged",
        Kind.REJECT,
        "{value} was damaged by a spreadsheet; the digits are lost.",
        "Format the column as text in the spreadsheet and export it again.",
    ),
    Reason(
        "email_invalid",
        Kind.REJECT,
        "{value} is not a valid email address.",
        "Check for typing errors; an address looks like name@example.com.",
    ),
    Reason(
        "external_id_missing",
        Kind.REJECT,
        "The row has no external_id, which this feed needs.",
        "Fill the external_id column.",
    ),
    Reason(
        "country_unknown",
        Kind.REJECT,
        "{value} is not a country.",
        "Use a two-letter code such as DE, or the country's name.",
    ),
    Reason("language_unknown", Kind.REJECT, "{value} is not a language tag.", "Use a tag such as en or pt-BR."),
    Reason("time_zone_unknown", Kind.REJECT, "{value} is not a time zone.", "Use an IANA name such as Europe/Berlin."),
    Reason("birth_date_invalid", Kind.REJECT, "{value} is not a date.", "Write dates as 2001-12-31."),
    Reason(
        "placeholder_missing",
        Kind.REJECT,
        "The placeholder {column} is empty, and the template states no fallback.",
        "Fill the column, or give the placeholder a fallback in the template.",
    ),
    Reason(
        "duplicate_row",
        Kind.DUPLICATE,
        "The row is the same as line {of}.",
        "Nothing to do: the contact is sent to once.",
    ),
    Reason(
        "duplicate_external_id",
        Kind.DUPLICATE,
        "The external_id {value} was already on line {of}.",
        "Nothing to do, or set unique_by in the feed if both rows are meant.",
    ),
    Reason(
        "duplicate_address",
        Kind.DUPLICATE,
        "The address {value} was already on line {of}.",
        "Nothing to do, or give the rows different external_id values.",
    ),
    Reason(
        "duplicate_key",
        Kind.DUPLICATE,
        "The values of {column} were already on line {of}.",
        "Nothing to do, or change unique_by in the feed.",
    ),
    Reason(
        "duplicate_earlier_campaign",
        Kind.DUPLICATE,
        "The contact was already in the campaign {campaign}.",
        "Nothing to do, or shorten the feed's window.",
    ),
    # What was noticed about a value
    Reason(
        "phone_repaired",
        Kind.WARNING,
        "{value} was turned into a quantity by a spreadsheet; all its digits are there, and it was taken as a number.",
        "Format the column as text in the spreadsheet.",
    ),
    Reason(
        "phone_prefix_restored",
        Kind.WARNING,
        "{value} has lost its leading zero or plus sign, as happens in a spreadsheet; it was read as {number}.",
        "Format the column as text in the spreadsheet.",
    ),
    Reason(
        "phone_extension_dropped",
        Kind.WARNING,
        "{value} has an extension, which cannot be dialled; the number without it was taken.",
        "Nothing to do, or give a direct number.",
    ),
    Reason(
        "email_domain_typo",
        Kind.WARNING,
        "The domain of {value} looks like a typing error; {meant} may be meant. It was not changed.",
        "Check the address with the contact.",
    ),
    Reason(
        "date_order_mixed",
        Kind.WARNING,
        "The column {column} has dates with the day first and dates with the month first.",
        "Write dates as 2001-12-31, or state the order in the feed.",
    ),
    Reason(
        "decimal_mark_mixed",
        Kind.WARNING,
        "The column {column} has numbers with a decimal point and numbers with a decimal comma.",
        "Write numbers as 1234.50, or state the decimal mark in the feed.",
    ),
    Reason(
        "birth_date_order_assumed",
        Kind.WARNING,
        "{value} can be read with the day or the month first; the later date was taken.",
        "Write dates as 2001-12-31, or state the order in the feed.",
    ),
    Reason(
        "birth_date_century_assumed",
        Kind.WARNING,
        "{value} does not state the century; the latest past year was taken.",
        "Write dates as 2001-12-31.",
    ),
    # What was noticed in a file
    Reason(
        "file_lines_before_header",
        Kind.WARNING,
        "{count} lines before the header were passed over.",
        "Nothing to do, or export the file without them.",
    ),
    Reason(
        "file_blank_rows",
        Kind.WARNING,
        "{count} rows at the end hold nothing but delimiters and were passed over.",
        "Nothing to do: spreadsheets leave them behind.",
    ),
    Reason(
        "file_column_without_name",
        Kind.WARNING,
        "{count} rows have values in a column without a name; they were not taken.",
        "Give every column a name in the header.",
    ),
    Reason(
        "file_column_renamed",
        Kind.WARNING,
        "The column {value} has a name of Nightmail's own; its placeholder is {column}.",
        "Use the new name in the template, or rename the column.",
    ),
    Reason(
        "file_encoding_unsure",
        Kind.WARNING,
        "The file was read as {encoding}, which is not certain: {detail}.",
        "Save it as UTF-8, or state the encoding in the feed.",
    ),
    Reason(
        "file_mixed_line_ends",
        Kind.WARNING,
        "The file mixes line ends ({detail}).",
        "Nothing to do: it looks as if files were joined.",
    ),
    Reason(
        "file_hidden_rows",
        Kind.WARNING,
        "The sheet has {count} hidden rows; they were read like the others.",
        "Delete hidden rows that must not be sent to.",
    ),
    Reason(
        "file_hidden_columns",
        Kind.WARNING,
        "The sheet has {count} hidden columns; they were read like the others.",
        "Nothing to do, or delete them.",
    ),
    Reason(
        "file_other_sheets",
        Kind.WARNING,
        "The workbook has further sheets, which were not read: {names}.",
        "Upload each sheet as its own file.",
    ),
    Reason(
        "file_merged_cells",
        Kind.WARNING,
        "The sheet has {count} merged ranges; only the first cell of each holds the value.",
        "Split merged cells and fill each row.",
    ),
    Reason(
        "file_formula_cells",
        Kind.WARNING,
        "{count} cells are formulas; the values that were saved with them were taken.",
        "Nothing to do, or paste them as values.",
    ),
    Reason(
        "file_formula_without_value",
        Kind.WARNING,
        "{count} formula cells were saved without a value and are empty.",
        "Open the file in a spreadsheet, save it and upload it again, or paste the cells as values.",
    ),
    Reason(
        "value_formula_text",
        Kind.WARNING,
        "{count} values look like formulas; they were kept as text.",
        "Check that nobody put them there on purpose.",
    ),
    Reason(
        "value_text_formula",
        Kind.WARNING,
        '{count} values were written as ="text" for a spreadsheet; the text was taken.',
        "Nothing to do.",
    ),
    Reason(
        "value_null_word",
        Kind.WARNING,
        "{count} values are words for nothing, such as NULL; they were read as empty.",
        "Nothing to do, or export empty values as nothing.",
    ),
    Reason(
        "value_cell_error",
        Kind.WARNING,
        "{count} values are a spreadsheet's error, such as #N/A; they were read as empty.",
        "Mend the formulas and export the file again.",
    ),
    Reason(
        "row_quote_repaired",
        Kind.WARNING,
        "{count} rows have quotes that are not doubled, or spaces around quotes; they were read as they were meant.",
        "Nothing to do, or double every quote that belongs to a value.",
    ),
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
        "See why with `nightmail suppressions ADDRESS`; if the address is known to work again, lift it with "
        "`nightmail unsuppress ADDRESS`.",
    ),
    Reason(
        "consent_missing",
        Kind.HOLD,
        "The category needs consent, and none is recorded.",
        "Record the contact's consent, or use a service category.",
    ),
    Reason(
        "minor",
        Kind.HOLD,
        "The contact is under the age of consent of their country.",
        "Nothing to do: minors are never sent to.",
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
        "The contact's quiet hours end after the campaign's cut-off.",
        "Send earlier, or set a later cut-off.",
    ),
    # Hand-off
    Reason("carrier_rejected", Kind.FAILURE, "The carrier refused the message.", "See the carrier's error code."),
    Reason(
        "address_refused",
        Kind.FAILURE,
        "The carrier says that the address cannot be reached.",
        "Check the address with the contact.",
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
        "carrier_unavailable",
        Kind.FAILURE,
        "The carrier did not take the message in the time allowed.",
        "Nothing to do: it is retried while the campaign lasts.",
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
        "restored_from_backup",
        Kind.FAILURE,
        "The database was restored from a backup; the message may have been handed off after it was made.",
        "Look it up at the carrier and decide, or wait until the carrier's records settle it.",
    ),
    Reason(
        "refused_alike",
        Kind.FAILURE,
        "The carrier refuses the campaign's messages one like the other; the campaign is paused.",
        "See what they have in common, such as a subject or a link; then cancel the campaign and send it again, or resume it.",
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
        "cut_off_at_risk",
        Kind.WARNING,
        "At the rates that the carriers allow, the campaign ends about {finishes_by}, after its cut-off at {cut_off_at}: "
        "what is not handed off by then is dropped.",
        "Send earlier, set a later cut-off, or raise the carrier's rate.",
    ),
    Reason(
        "suspension_unknown",
        Kind.SETUP,
        "There is no such suspension in force.",
        "List those in force and use one of their numbers.",
    ),
    Reason(
        "alert_unknown",
        Kind.SETUP,
        "There is no such alert.",
        "List them and use one of their numbers.",
    ),
    Reason(
        "suppression_unknown",
        Kind.REQUEST,
        "There is no suppression {value} in force.",
        "List those of an address with `nightmail suppressions ADDRESS` or GET /v1/suppressions.",
    ),
    Reason(
        "suppression_above_team",
        Kind.REQUEST,
        "The suppression was made for {owner}, which is above the team.",
        "Ask somebody who may act for all of those to lift it.",
    ),
    Reason(
        "suppression_asked_for",
        Kind.REQUEST,
        "The person asked for it ({value}). Their wish holds until they agree again: a rule of Nightmail's, for TCPA and GDPR.",
        "Nothing to do, unless they have agreed again and you can prove it: then lift it with --although-asked-for, or "
        "although_asked_for=true in the API.",
    ),
    Reason(
        "address_not_of_channel",
        Kind.REQUEST,
        "{value} is no address of the channel {channel}.",
        "Use one of: {known}.",
    ),
    Reason(
        "addresses_unusable",
        Kind.FILE,
        "{count} lines of the list hold no address that can be used.",
        "Nothing was changed. Correct the lines and give the list again.",
    ),
    Reason("address_column_unknown", Kind.FILE, "The list has no column {value}.", "Use one of: {known}."),
    Reason(
        "message_unknown", Kind.SETUP, "There is no message {value}.", "Use a message id as the delivery report has it."
    ),
    Reason(
        "message_not_in_doubt",
        Kind.SETUP,
        "The message {value} is not in doubt.",
        "Only a message in doubt can be decided by a person.",
    ),
    Reason("decision_unknown", Kind.SETUP, "There is no decision {value}.", "Use one of accepted, failed and resend."),
    Reason(
        "messages_of_another_campaign",
        Kind.SETUP,
        "The messages are not those of this campaign.",
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
    Reason(
        "sftp_file_changed",
        Kind.FILE,
        "The file changed or went away while it was being taken.",
        "Nothing to do: it is taken once it stays as it is.",
    ),
    # Requests over HTTP
    Reason("key_missing", Kind.REQUEST, "The request has no API key.", "Send `Authorization: Bearer <key>`."),
    Reason(
        "key_wrong", Kind.REQUEST, "The API key is not valid.", "Check the key, or ask an administrator for a new one."
    ),
    Reason("key_expired", Kind.REQUEST, "The API key has expired.", "Ask an administrator for a new one."),
    Reason(
        "scope_missing",
        Kind.REQUEST,
        "The API key does not have the scope that this needs.",
        "Ask an administrator for a key with the scope.",
    ),
    Reason("scope_unknown", Kind.SETUP, "There is no scope {value}.", "Use: {known}."),
    Reason("not_found", Kind.REQUEST, "There is nothing at this address.", "See the API's description at /docs."),
    Reason(
        "method_not_allowed",
        Kind.REQUEST,
        "This address does not know this method.",
        "See the header Allow, or the API's description at /docs.",
    ),
    Reason("request_malformed", Kind.REQUEST, "The request cannot be read.", "See the API's description at /docs."),
    Reason(
        "request_invalid",
        Kind.REQUEST,
        "The request has missing or wrong parts.",
        "Correct what `errors` lists and send it again.",
    ),
    Reason("request_too_large", Kind.REQUEST, "The request's body is too large.", "Send less at a time."),
    Reason(
        "request_too_slow",
        Kind.REQUEST,
        "The request's body came too slowly.",
        "Send it again over a better connection; nothing of it was kept.",
    ),
    Reason(
        "upload_truncated",
        Kind.REQUEST,
        "The upload ended before all of it had come.",
        "Send it again; nothing of it was kept.",
    ),
    Reason(
        "media_type",
        Kind.REQUEST,
        "The body's content type is not taken here.",
        "See the API's description at /docs for the types that are.",
    ),
    Reason("too_many_requests", Kind.REQUEST, "Too many requests.", "Wait as long as the header Retry-After says."),
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
        "campaign_unknown", Kind.REQUEST, "There is no such campaign.", "List your campaigns with GET /v1/campaigns."
    ),
    Reason(
        "campaign_state",
        Kind.REQUEST,
        "The campaign's state does not allow this.",
        "Look at its state with GET /v1/campaigns.",
    ),
    Reason("file_unknown", Kind.REQUEST, "There is no such file.", "Use the Location that the upload answered."),
    Reason("not_ready_yet", Kind.REQUEST, "This is not there yet.", "Ask again later, as the header Retry-After says."),
    Reason("webhook_unknown", Kind.REQUEST, "There is no such webhook.", "List your webhooks with GET /v1/webhooks."),
    Reason("team_unknown", Kind.REQUEST, "There is no such team.", "Use your own team or one below it."),
    Reason(
        "webhook_address",
        Kind.REQUEST,
        "The webhook's address cannot be used.",
        "Give a public https:// address.",
    ),
    Reason(
        "event_unknown", Kind.REQUEST, "There is no such event.", "Use the events that the API's description lists."
    ),
    Reason("too_many_webhooks", Kind.REQUEST, "The team has as many webhooks as it may.", "End one of them first."),
    Reason(
        "webhook_given_up",
        Kind.SETUP,
        "A team's webhook took no call for a day.",
        "Mend the address or end the webhook; its owner can see the calls with GET /v1/webhooks.",
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
        "Set the clock of the database's machine if it is wrong; otherwise somebody sends old webhooks again.",
    ),
    Reason("link_invalid", Kind.REQUEST, "This link is not valid.", "Open it from the message as it was received."),
    Reason("link_expired", Kind.REQUEST, "This link no longer holds.", "Use the link of a newer message."),
    Reason(
        "storage_full", Kind.REQUEST, "There is no room left for the file.", "Tell an administrator, and send it again."
    ),
    Reason("busy", Kind.REQUEST, "There is too much to do at the moment.", "Send it again in a few seconds."),
    Reason("disk_full", Kind.SETUP, "There is no room left on the disk.", "Free some room; nothing is lost."),
    Reason("database_unavailable", Kind.SETUP, "The database does not answer.", "Try again in a few seconds."),
    Reason(
        "internal_error", Kind.REQUEST, "Something went wrong on our side.", "Try again, and tell an administrator."
    ),
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
    Reason("channel_unknown", Kind.SETUP, "There is no such channel.", "Use sms, email, voice or chat."),
)

REASONS: dict[str, Reason] = {entry.code: entry for entry in _ENTRIES}
"""Every reason by its code."""

if len(REASONS) != len(_ENTRIES):
    raise AssertionError("a reason code is defined twice")


def sentence(code: str, /, **fields: object) -> str:
    """The sentence of ``code`` with its fields filled in. Raises ``KeyError`` for an unknown code or a missing field."""
    return REASONS[code].sentence.format(**fields)


def remedy(code: str, surface: Surface | None = None, /, **fields: object) -> str:
    """What to do next about ``code``, as read on ``surface``, with its fields filled in.

    Raises ``KeyError`` like :func:`sentence`.
    """
    reason = REASONS[code]
    chosen = reason.remedy if surface is None else reason.on.get(surface, reason.remedy)
    return chosen.format(**fields)


def explain(code: str, surface: Surface | None = None, /, **fields: object) -> str:
    """Sentence and remedy in one line, as result and reject files carry them."""
    return f"{sentence(code, **fields)} {remedy(code, surface, **fields)}"
