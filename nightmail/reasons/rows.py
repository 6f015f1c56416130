"""A row of a contact file cannot be used, or was collapsed into another."""

from __future__ import annotations

from nightmail.reasons.reason import Kind, Reason

ROWS = (
    # Rows
    Reason(
        "row_ragged",
        Kind.REJECT,
        "The row has {found} fields where the header has {expected}.",
        "Check for a missing or extra delimiter, and quote fields that hold one.",
    ),
    Reason(
        "row_unterminated_quote",
        Kind.REJECT,
        "The row opens a quote that is never closed.",
        "Close the quote, or double quotes that belong to the text.",
    ),
    Reason(
        "row_text_after_quote",
        Kind.REJECT,
        "The row has text between a closing quote and the next delimiter.",
        "Put the whole field into quotes and double those inside it, or take the quotes away.",
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
        "value_currency",
        Kind.REJECT,
        "{value} in the column {column} is not in {currency}, in which the template writes it.",
        "Give the amount in {currency}, or let the template take the currency of each row: currency_column, or no currency at all.",
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
        "{value} is a national number, and its country is missing or not understood.",
        "Write the number with + and the country code, or fill the country column.",
    ),
    Reason(
        "phone_damaged",
        Kind.REJECT,
        "{value} was damaged by a spreadsheet; the digits are lost.",
        "Format the column as text in the spreadsheet and export it again.",
    ),
    Reason(
        "phone_letters",
        Kind.REJECT,
        "{value} has letters or signs that are no part of a phone number, such as a note or a masked digit; what is left without "
        "them can be another person's number.",
        "Keep the number alone in its cell, and notes in a column of their own.",
    ),
    Reason(
        "phone_ambiguous",
        Kind.REJECT,
        "{value} can be read as {readings}: it has no + in front, and the column's other numbers do not decide.",
        "Write the number with + and the country code.",
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
    Reason(
        "birth_date_invalid",
        Kind.REJECT,
        "{value} is not a birth date that can be read; the contact is held, since nobody knows its age.",
        "Write dates as 2001-12-31.",
    ),
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
)
