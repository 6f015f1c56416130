"""The columns of every lake table, which analysts and other programs rely on. docs/data-dictionary.md explains each.

Lines are those of the uploaded file, counted from 1 with the header (a spreadsheet's row number). Times are UTC.
Money is decimal in the currency beside it. ``*_hash`` is the keyed hash of an address (:mod:`nightmail.privacy`).

The day or campaign of a partition stands in its folder's name and in no column: a reader that makes a column of the name
(Hive's convention: DuckDB, pandas, Spark) refuses a folder whose files have it as well, in another type.
"""

from __future__ import annotations

import pyarrow as pa

from nightmail.channels import ADDRESS_FIELDS, EMAIL_FIELD

UTC_TIME = pa.timestamp("us", tz="UTC")
MONEY = pa.decimal128(14, 6)

STANDARD_FIELDS = (
    "external_id",
    *ADDRESS_FIELDS,
    "country",
    "language",
    "time_zone",
    "birth_date",
)
"""Columns of a contact file with a meaning of their own; every other column is a placeholder's values."""

IDENTITY_FIELDS = ("external_id", "phone", EMAIL_FIELD, "phone_2", "landline")
"""What a contact's id is made from: the first that it has. Another order would give known contacts other ids."""

CONTACTS = pa.schema(
    [
        pa.field("line", pa.int64(), nullable=False),
        pa.field("external_id", pa.string()),
        pa.field("phone", pa.string()),
        pa.field("phone_type", pa.string()),
        pa.field("phone_2", pa.string()),
        pa.field("phone_2_type", pa.string()),
        pa.field("landline", pa.string()),
        pa.field("landline_type", pa.string()),
        pa.field(EMAIL_FIELD, pa.string()),
        pa.field("country", pa.string()),
        pa.field("language", pa.string()),
        pa.field("time_zone", pa.string()),
        pa.field("birth_date", pa.date32()),
        pa.field("birth_date_unread", pa.bool_()),
        pa.field("country_subdivision", pa.string()),
    ]
)
"""The fixed columns of ``contacts``; one further column per placeholder follows, under the placeholder's name."""

REJECTS = pa.schema(
    [
        pa.field("line", pa.int64(), nullable=False),
        pa.field("column", pa.string()),
        pa.field("value", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("message", pa.string(), nullable=False),
        pa.field("duplicate_of", pa.int64()),
    ]
)
"""Rows that did not become contacts: invalid ones and, with a reason ``duplicate_*``, collapsed ones."""

WARNINGS = pa.schema(
    [
        pa.field("line", pa.int64()),
        pa.field("column", pa.string()),
        pa.field("value", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("message", pa.string(), nullable=False),
    ]
)
"""Warnings about rows that stay contacts, or about the file as a whole (``line`` is null)."""

AUDIENCE = pa.schema(
    [
        pa.field("line", pa.int64(), nullable=False),
        pa.field("contact_id", pa.string(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("channel", pa.string()),
        pa.field("fallbacks", pa.list_(pa.string())),
        pa.field("reason", pa.string()),
        pa.field("address_hash", pa.string()),
        pa.field("country", pa.string()),
        pa.field("language", pa.string()),
        pa.field("time_zone", pa.string()),
        pa.field("not_before", UTC_TIME),
        pa.field("fallbacks_not_before", pa.list_(UTC_TIME)),
    ]
)
"""One row per contact: ``planned`` on ``channel`` (then on ``fallbacks``, in order) or ``held`` for ``reason``."""

AUDIENCE_DECISIONS = pa.schema(
    [
        pa.field("line", pa.int64(), nullable=False),
        pa.field("channels", pa.list_(pa.string()), nullable=False),
        pa.field("verdicts", pa.list_(pa.string()), nullable=False),
        pa.field("decided_by", pa.list_(pa.string()), nullable=False),
        pa.field("records", pa.list_(pa.int64())),
        pa.field("consents", pa.list_(pa.int64())),
        pa.field("preferences", pa.list_(pa.int64())),
        pa.field("rules", pa.string(), nullable=False),
    ]
)
"""One row per contact, the same lines as the audience: what was decided on each of ``channels``, by what and by which record, the
contact's choices that were followed, and the rules."""

MESSAGES = pa.schema(
    [
        pa.field("message_id", pa.string(), nullable=False),
        pa.field("line", pa.int64(), nullable=False),
        pa.field("contact_id", pa.string(), nullable=False),
        pa.field("channel", pa.string(), nullable=False),
        pa.field("step", pa.int16(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("address", pa.string(), nullable=False),
        pa.field("address_hash", pa.string(), nullable=False),
        pa.field("country", pa.string()),
        pa.field("language", pa.string()),
        pa.field("subject", pa.string()),
        pa.field("body", pa.string(), nullable=False),
        pa.field("html", pa.string()),
        pa.field("segments", pa.int32(), nullable=False),
        pa.field("cost", MONEY),
        pa.field("currency", pa.string()),
        pa.field("not_before", UTC_TIME),
    ]
)
"""One row per message: ``state`` is ``queued`` for step 0 of a planned contact, ``standby`` for its fallbacks."""

SENDS = pa.schema(
    [
        pa.field("message_id", pa.string(), nullable=False),
        pa.field("line", pa.int64(), nullable=False),
        pa.field("contact_id", pa.string(), nullable=False),
        pa.field("channel", pa.string(), nullable=False),
        pa.field("step", pa.int16(), nullable=False),
        pa.field("address_hash", pa.string(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("carrier", pa.string()),
        pa.field("carrier_account", pa.string()),
        pa.field("sent_from", pa.string()),
        pa.field("carrier_message_id", pa.string()),
        pa.field("attempts", pa.int32(), nullable=False),
        pa.field("handed_off_at", UTC_TIME),
        pa.field("segments", pa.int32()),
        pa.field("cost", MONEY),
        pa.field("currency", pa.string()),
    ]
)
"""The outcome of each message of one campaign at hand-off, copied from the ledger."""

RECEIPTS = pa.schema(
    [
        pa.field("received_at", UTC_TIME, nullable=False),
        pa.field("occurred_at", UTC_TIME),
        pa.field("message_id", pa.string()),
        pa.field("campaign", pa.string()),
        pa.field("team", pa.string()),
        pa.field("channel", pa.string()),
        pa.field("carrier", pa.string(), nullable=False),
        pa.field("carrier_message_id", pa.string()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("error_code", pa.string()),
        pa.field("duration_s", pa.int32()),
    ]
)
"""Receipts of carriers, by UTC day of arrival."""

REPLIES = pa.schema(
    [
        pa.field("received_at", UTC_TIME, nullable=False),
        pa.field("message_id", pa.string()),
        pa.field("campaign", pa.string()),
        pa.field("team", pa.string()),
        pa.field("contact_id", pa.string()),
        pa.field("channel", pa.string(), nullable=False),
        pa.field("address_hash", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("text", pa.string()),
    ]
)
"""Replies of recipients, by UTC day of arrival; ``kind`` is text, key, stop, start, help or probable_stop. ``text`` is personal data."""

OPT_OUTS = pa.schema(
    [
        pa.field("at", UTC_TIME, nullable=False),
        pa.field("team", pa.string()),
        pa.field("channel", pa.string(), nullable=False),
        pa.field("address_hash", pa.string(), nullable=False),
        pa.field("category", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("how", pa.string(), nullable=False),
        pa.field("message_id", pa.string()),
        pa.field("campaign", pa.string()),
        pa.field("feed", pa.string()),
        pa.field("contact_id", pa.string()),
    ]
)
"""Opt-outs and complaints, by the UTC day on which they came: one row for each team that one holds for."""

QUESTIONS = pa.schema(
    [
        pa.field("answered_at", UTC_TIME, nullable=False),
        pa.field("message_id", pa.string()),
        pa.field("campaign", pa.string()),
        pa.field("team", pa.string()),
        pa.field("contact_id", pa.string()),
        pa.field("channel", pa.string(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("template", pa.string()),
        pa.field("template_version", pa.int32()),
        pa.field("question", pa.string()),
        pa.field("answer", pa.string(), nullable=False),
        pa.field("means", pa.string()),
    ]
)
"""Questions of messages with the keys that answered them, by the UTC day of the answer."""

DELIVERY_REPORT = pa.schema(
    [
        pa.field("team_date", pa.date32(), nullable=False),
        pa.field("team", pa.string(), nullable=False),
        pa.field("feed", pa.string()),
        pa.field("campaign", pa.string(), nullable=False),
        pa.field("template", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("message_id", pa.string()),
        pa.field("line", pa.int64(), nullable=False),
        pa.field("contact_id", pa.string(), nullable=False),
        pa.field("address_hash", pa.string()),
        pa.field("channel", pa.string()),
        pa.field("step", pa.int16()),
        pa.field("country", pa.string()),
        pa.field("language", pa.string()),
        pa.field("state", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("delivered", pa.bool_()),
        pa.field("status", pa.string()),
        pa.field("error_code", pa.string()),
        pa.field("carrier", pa.string()),
        pa.field("carrier_account", pa.string()),
        pa.field("sent_from", pa.string()),
        pa.field("carrier_message_id", pa.string()),
        pa.field("attempts", pa.int32()),
        pa.field("planned_at", UTC_TIME),
        pa.field("handed_off_at", UTC_TIME),
        pa.field("delivered_at", UTC_TIME),
        pa.field("opened_at", UTC_TIME),
        pa.field("clicked_at", UTC_TIME),
        pa.field("status_at", UTC_TIME),
        pa.field("opened", pa.bool_()),
        pa.field("clicked", pa.bool_()),
        pa.field("replied", pa.bool_()),
        pa.field("duration_s", pa.int32()),
        pa.field("segments", pa.int32()),
        pa.field("cost_estimated", MONEY),
        pa.field("cost_estimated_currency", pa.string()),
        pa.field("cost_charged", MONEY),
        pa.field("cost_charged_currency", pa.string()),
        pa.field("cost", MONEY),
        pa.field("currency", pa.string()),
    ]
)
"""One row per message, and one per held contact, by UTC day of first hand-off or of the decision not to send."""

USAGE_REPORT = pa.schema(
    [
        pa.field("team", pa.string(), nullable=False),
        pa.field("feed", pa.string()),
        pa.field("category", pa.string(), nullable=False),
        pa.field("channel", pa.string(), nullable=False),
        pa.field("country", pa.string()),
        pa.field("carrier", pa.string()),
        pa.field("messages", pa.int64(), nullable=False),
        pa.field("segments", pa.int64(), nullable=False),
        pa.field("call_seconds", pa.int64(), nullable=False),
        pa.field("delivered", pa.int64(), nullable=False),
        pa.field("undelivered", pa.int64(), nullable=False),
        pa.field("cost", MONEY),
        pa.field("currency", pa.string()),
    ]
)
"""What each team used and what it cost, by UTC day of first hand-off: accepted messages only, one row per group."""


def conformed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the columns of ``schema``, null where ``table``, which an earlier version wrote, lacks one."""
    return pa.table(
        [
            table[field.name].cast(field.type)
            if field.name in table.column_names
            else pa.nulls(table.num_rows, field.type)
            for field in schema
        ],
        schema=schema,
    )
