"""The contact file, or the request that brought it, cannot be used as a whole."""

from __future__ import annotations

from nightmail.reasons.reason import Kind, Reason, Surface

FILES = (
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
        "The file is not a table: it looks like {detected}.",
        "Export it as CSV, XLSX, ODS, JSON Lines or Parquet.",
    ),
    Reason(
        "file_too_large",
        Kind.FILE,
        "The file has {size} bytes; the limit is {limit}.",
        "Split the file, or ask an administrator to raise the limit.",
        title="The file is too large.",
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
        "file_column_unreadable",
        Kind.FILE,
        "The column {column} cannot be read: {detail}.",
        "Write it as text, leave it out of the file, or map it to nothing in the feed.",
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
        "file_encrypted",
        Kind.FILE,
        "The file is encrypted, and its team has no key to decrypt it.",
        "Ask an administrator to give the team an OpenPGP key, or upload it as it is: SFTP and HTTPS encrypt it on its way.",
    ),
    Reason(
        "file_not_decrypted",
        Kind.FILE,
        "The file cannot be decrypted with its team's key: {problem}.",
        "Encrypt it to the public key that the administrator gives you, and upload it again.",
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
        "Nothing was sent again. To send it again on purpose, change the file.",
        title="The same content was taken before.",
        on={
            Surface.SHELL: "Nothing was sent again. To send it again on purpose, add --again.",
            Surface.API: "Nothing was sent again. To send it again on purpose, upload it with again=true.",
        },
    ),
    Reason(
        "file_over_reject_limit",
        Kind.FILE,
        "{share} of the rows were rejected; the feed allows {limit}.",
        "Correct the rows in the reject file and upload the whole file again.",
    ),
    Reason(
        "file_over_shared_key_limit",
        Kind.FILE,
        "{share} of the rows share their key with rows of other addresses and were taken for one contact with them; the feed allows "
        "{limit}.",
        "Check the columns that make a contact unique, change unique_by in the feed, or raise shared_key_limit.",
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
        "An alert was raised for the operators. The file is kept; nothing was sent.",
    ),
    Reason(
        "table_contract_broken",
        Kind.FILE,
        "The table {table} breaks its contract: {detail}.",
        "Nothing was sent. An alert was raised for the operators, who find more in the run's checks.",
    ),
    Reason(
        "rows_do_not_reconcile",
        Kind.FILE,
        "The rows of the file are not all accounted for: {detail}.",
        "Nothing was sent. This is a defect of Nightmail: an alert was raised for the operators, who should report it.",
    ),
    Reason(
        "parts_missing",
        Kind.FILE,
        "{missing} of {total} parts of the file have not arrived.",
        "Upload the missing parts; nothing is prepared before all are there.",
    ),
    Reason(
        "feed_unknown",
        Kind.FILE,
        "There is no feed {value} here.",
        "Use the folder or name of one of your feeds: {known}.",
        title="There is no such feed.",
    ),
    Reason(
        "feed_sends_nothing",
        Kind.FILE,
        "The feed {feed} is of kind {kind}: its files change the address book, and nothing is sent by it.",
        "Use a feed that sends a template.",
        title="The feed sends nothing.",
        on={
            Surface.SHELL: "Use a feed that sends; `nightmail imports new FILE --dry-run` shows what a file would change."
        },
    ),
    Reason(
        "template_unknown",
        Kind.FILE,
        "There is no template {value}.",
        "Use one of: {known}; or the path of a .yaml, .txt or .html file that is there.",
    ),
    Reason(
        "file_foreign_placeholder",
        Kind.FILE,
        "{place}{text} is how another tool writes the column {column}; it would be sent as it stands.",
        "Write {instead} in the template, or put it into raw if it is meant so.",
    ),
    Reason(
        "addresses_unusable",
        Kind.FILE,
        "{count} lines of the list hold no address that can be used.",
        "Nothing was changed. Correct the lines and give the list again.",
    ),
    Reason(
        "address_list_not_text",
        Kind.FILE,
        "The list of addresses is not text: it looks like {detected}.",
        "Export it as CSV.",
    ),
    Reason("address_column_unknown", Kind.FILE, "The list has no column {value}.", "Use one of: {known}."),
)
