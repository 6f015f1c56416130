"""Something was noticed about a row or a file; the row stays."""

from __future__ import annotations

from nightmail.reasons.reason import Kind, Reason

WARNINGS = (
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
        "phone_words_dropped",
        Kind.WARNING,
        "{value} has words around it; it was read as {number}.",
        "Nothing to do, or keep the number alone in its cell.",
    ),
    Reason(
        "email_debris_dropped",
        Kind.WARNING,
        "{value} has signs around the address that are no part of it; it was read as {address}.",
        "Nothing to do, or keep the address alone in its cell.",
    ),
    Reason(
        "email_domain_typo",
        Kind.WARNING,
        "The domain of {value} looks like a typing error; {meant} may be meant. It was not changed.",
        "Check the address with the contact.",
    ),
    Reason(
        "key_not_trusted",
        Kind.WARNING,
        "{value} in the column {column} is damaged or stands for nothing, and identifies nobody; the contact was told apart by its address.",
        "Export the column as text, and leave it empty where there is no key.",
    ),
    Reason(
        "key_shared",
        Kind.WARNING,
        "{value} is the {column} of {rows} rows with {addresses} different addresses; they were taken for one contact.",
        "Check the column, or change unique_by in the feed.",
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
        "birth_date_day_assumed",
        Kind.WARNING,
        "{value} states no day; the last day of the year or month was taken, at which the person is youngest.",
        "Write dates as 2001-12-31.",
    ),
    Reason(
        "birth_date_order_assumed",
        Kind.WARNING,
        "{value} can be read as several dates; the latest was taken, at which the person is youngest.",
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
        "value_further_address",
        Kind.WARNING,
        "{count} rows have further addresses, which were not taken: a contact has two numbers and one email address.",
        "Nothing to do, or put the address that is to be used first.",
    ),
    Reason(
        "value_in_apostrophes",
        Kind.WARNING,
        "{count} values stand between apostrophes, which were kept: too few fields do for them to be the file's quote sign.",
        "Put fields into quotation marks, or take the apostrophes away.",
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
    Reason(
        "row_quoted_whole",
        Kind.WARNING,
        "{count} rows stand in quotes as a whole, as a second program writes them; they were read as rows of fields.",
        "Nothing to do, or export the file from the first program.",
    ),
    Reason(
        "file_byte_order_mark",
        Kind.WARNING,
        "The file begins with a byte order mark that was read in another encoding; it was passed over.",
        "Nothing to do, or save the file as UTF-8.",
    ),
    Reason(
        "cut_off_at_risk",
        Kind.WARNING,
        "At the rates that the carriers allow, the campaign ends about {finishes_by}, after its cut-off at {cut_off_at}: "
        "what is not handed off by then is dropped.",
        "Send earlier, set a later cut-off, or raise the carrier's rate.",
    ),
    # What was noticed in a template
    Reason(
        "template_foreign_placeholder",
        Kind.WARNING,
        "{place}{text} looks like a placeholder of another tool; it would be sent as it stands.",
        "Write {instead} if a value is to stand there.",
    ),
    Reason(
        "template_costly_character",
        Kind.WARNING,
        "{place}{character} ({name}) is not in the GSM 7-bit alphabet: a text message with it has room for 70 characters "
        "a segment instead of 160.",
        "{advice}",
    ),
)
