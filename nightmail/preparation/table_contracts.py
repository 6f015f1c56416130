"""The contract of each table: what must hold of it before anything downstream may be sent.

What belongs here: expectations on whole tables. What does not: the verdict on a single row
(:mod:`nightmail.row_checks`, :mod:`nightmail.audience`), and the checking itself (:mod:`nightmail.preparation.table_validation`).
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from nightmail.channels import CHANNELS, EMAIL_FIELD, PHONE_FIELDS, BodyKind
from nightmail.lake import TableFile
from nightmail.preparation.expectations import Expectation
from nightmail.preparation.file_contract import needed_columns
from nightmail.preparation.preparation_settings import Preparation
from nightmail.templates.sources import prints_braces

E164 = r"^\+[1-9][0-9]{5,14}$"
ADDRESS = r"^(?:\+[1-9][0-9]{5,14}|[^@\s]+@[^@\s]+)$"
EMAIL = r"^[^@\s]+@[^@\s]+$"


def contact_file_contract(preparation: Preparation, corrections: bool = False) -> list[Expectation]:
    """The columns that the template and the feed need are there, and the volume is what the feed allows."""
    volume = preparation.feed.volume
    contract = [
        Expectation("ExpectColumnToExist", {"column": name}, f"the column {name} is missing")
        for name in ("line", *needed_columns(preparation))
    ]
    contract.append(
        Expectation(
            "ExpectTableRowCountToBeBetween",
            {"min_value": 0 if corrections else volume.at_least, "max_value": volume.at_most},
            "the number of rows is outside the feed's volume",
        )
    )
    contract.append(
        Expectation("ExpectColumnValuesToBeUnique", {"column": "line"}, "two rows claim the same line of the file")
    )
    return contract


def contacts_contract(preparation: Preparation, columns: Iterable[str]) -> list[Expectation]:
    """Keys are unique, addresses normalised, and every contact can be reached on a channel of the template."""
    names = set(columns)
    contract = [
        Expectation("ExpectColumnValuesToBeUnique", {"column": "line"}, "two contacts claim the same line"),
        Expectation("ExpectColumnValuesToNotBeNull", {"column": "line"}, "a contact has no line"),
    ]
    contract += [
        Expectation(
            "ExpectColumnValuesToMatchRegex",
            {"column": name, "regex": E164},
            f"{name} holds numbers that are not E.164",
        )
        for name in PHONE_FIELDS
        if name in names
    ]
    contract.append(
        Expectation(
            "ExpectColumnValuesToMatchRegex",
            {"column": EMAIL_FIELD, "regex": EMAIL},
            "email holds texts that are no addresses",
        )
    )
    if preparation.feed.unique_by == ("external_id",) and "external_id" in names:
        contract.append(
            Expectation(
                "ExpectColumnValuesToBeUnique", {"column": "external_id"}, "two contacts have the same external_id"
            )
        )
    contract.append(
        Expectation(
            "ExpectColumnValuesToMatchRegex", {"column": "country", "regex": "^[A-Z]{2}$"}, "country holds no ISO code"
        )
    )
    return contract


def audience_contract() -> list[Expectation]:
    """Every contact is planned on a channel or held with a reason."""
    return [
        Expectation("ExpectColumnValuesToBeUnique", {"column": "line"}, "a contact stands twice in the audience"),
        Expectation(
            "ExpectColumnValuesToBeInSet",
            {"column": "state", "value_set": ["planned", "held"]},
            "a contact is neither planned nor held",
        ),
        Expectation(
            "ExpectColumnValuesToNotBeNull", {"column": "reason"}, "a held contact has no reason", {"state": "held"}
        ),
        Expectation(
            "ExpectColumnValuesToBeInSet",
            {"column": "channel", "value_set": list(CHANNELS)},
            "a planned contact has a channel that does not exist",
            {"state": "planned"},
        ),
        Expectation(
            "ExpectColumnValuesToNotBeNull",
            {"column": "channel"},
            "a planned contact has no channel",
            {"state": "planned"},
        ),
        Expectation("ExpectColumnValuesToNotBeNull", {"column": "contact_id"}, "a contact has no contact_id"),
    ]


def messages_contract(preparation: Preparation, contacts: TableFile) -> list[Expectation]:
    """No unfilled placeholder, nothing empty, nothing over a channel's limit, every id once.

    Values are data: rows of ``contacts`` that hold a brace themselves may have ``{{`` in their messages.
    """
    contract = [
        Expectation("ExpectColumnValuesToBeUnique", {"column": "message_id"}, "a message id stands twice"),
        Expectation(
            "ExpectColumnValuesToMatchRegex", {"column": "address", "regex": ADDRESS}, "an address is not normalised"
        ),
        Expectation(
            "ExpectColumnValuesToBeInSet",
            {"column": "channel", "value_set": list(CHANNELS)},
            "a channel does not exist",
        ),
        Expectation(
            "ExpectColumnValuesToBeInSet",
            {"column": "state", "value_set": ["queued", "standby"]},
            "a message is neither queued nor on standby",
        ),
        Expectation(
            "ExpectColumnValuesToBeBetween", {"column": "segments", "min_value": 1}, "a message has no segments"
        ),
    ]
    for channel in CHANNELS.values():
        if channel.body is not BodyKind.TEXT:
            continue
        contract.append(
            Expectation(
                "ExpectColumnValueLengthsToBeBetween",
                {"column": "body", "min_value": 1, "max_value": channel.most_characters},
                f"a text is empty or over the limit of {channel}",
                {"channel": channel.name},
            )
        )
    if not prints_braces(preparation.template):
        apart = _lines_with_braces(contacts, preparation.template.placeholders)
        contract += [
            Expectation(
                "ExpectColumnValuesToNotMatchRegex",
                {"column": column, "regex": r"\{\{|\{%"},
                f"a {column} holds a placeholder that was not filled in",
                apart=apart,
            )
            for column in ("body", "subject")
        ]
    return contract


def _lines_with_braces(contacts: TableFile, names: Iterable[str]) -> frozenset[int]:
    """The lines whose values of these columns hold a brace."""
    schema = contacts.schema()
    texts = [name for name in names if name in schema.names and pa.types.is_string(schema.field(name).type)]
    lines: set[int] = set()
    for block in contacts.blocks(["line", *texts]):
        for name in texts:
            holding = pc.fill_null(pc.match_substring(block[name], "{"), False)
            lines.update(block["line"].filter(holding).to_pylist())
    return frozenset(lines)
