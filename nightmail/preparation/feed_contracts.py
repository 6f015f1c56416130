"""What a feed's files must be, as people read it: its columns with their types and demands, and a sample file to take.

It follows from the same rules that judge the rows (:func:`nightmail.preparation.preparation_settings.placeholder_rules`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nightmail.channels import CHANNELS, EMAIL_FIELD, PHONE_FIELDS
from nightmail.organisation.feeds import FeedSettings
from nightmail.preparation.preparation_settings import placeholder_rules
from nightmail.templates.model import Template
from nightmail.templates.sample_values import sample_cell

SAMPLE_ROWS = 2
_NOBODYS_NUMBERS = ("+12025550123", "+12025550145")
"""Of the line numbers 555-0100 to 555-0199, which the North American plan keeps for stories: valid, and nobody's, so that a
sample that is sent by mistake reaches no one."""
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class ContractColumn:
    """One column. ``type`` is a placeholder's type, or ``external_id``, ``number``, ``email`` or ``language``."""

    name: str
    type: str
    required: bool
    one_of_addresses: bool = False
    """Whether any one of the columns of this mark suffices."""
    max_length: int | None = None
    allowed_values: tuple[str, ...] = ()
    header: str = ""
    """What the feed's files call it, where that is another name."""
    example: str | None = None
    """What a sample has, where its type does not say it."""


@dataclass(frozen=True, slots=True)
class FeedContract:
    """The columns of a feed's files in the order of a sample, and the channels that they are for."""

    columns: tuple[ContractColumn, ...]
    channels: tuple[str, ...]

    def sample(self) -> bytes:
        """A file that keeps the contract: a header and :data:`SAMPLE_ROWS` rows, as CSV in UTF-8 with a mark.

        Its people are made up, and their addresses are nobody's.
        """
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow([column.header or column.name for column in self.columns])
        for row in range(SAMPLE_ROWS):
            writer.writerow([_cell(column, row) for column in self.columns])
        return _BOM + text.getvalue().encode()


def feed_contract(template: Template, feed: FeedSettings) -> FeedContract:
    """The contract of a feed with these settings that sends this template."""
    channels = tuple(name for name in (feed.channels or template.channels) if name in template.channels)
    headers = {meant: header for header, meant in feed.mapping.items() if meant}
    fields = dict.fromkeys(field for channel in channels for field in CHANNELS[channel].fields)
    columns = [
        ContractColumn("external_id", "external_id", _asked(feed, "external_id") or feed.require_external_id),
        *(
            ContractColumn(name, "email" if name == EMAIL_FIELD else "number", _asked(feed, name), True)
            for name in _first_addresses(tuple(fields), feed)
        ),
    ]
    if len(template.languages) > 1:
        columns.append(ContractColumn("language", "language", _asked(feed, "language")))
    named = {column.name for column in columns}
    columns += [
        ContractColumn(
            rule.name,
            str(rule.type),
            rule.required or _asked(feed, rule.name),
            max_length=rule.max_length,
            allowed_values=tuple(rule.allowed_values),
        )
        for rule in placeholder_rules(template, feed, channels)
        if rule.name not in named
    ]
    named = {column.name for column in columns}
    others = dict.fromkeys((*feed.required_columns, *feed.unique_by))
    columns += [ContractColumn(name, "text", True) for name in others if name not in named]
    return FeedContract(tuple(replace(each, header=headers.get(each.name, "")) for each in columns), channels)


_BOOK: Mapping[str, tuple[ContractColumn, ...]] = {
    "contacts": (
        ContractColumn("external_id", "external_id", False),
        ContractColumn("name", "text", False, example="Anna Berg"),
        ContractColumn("phone", "number", False, True),
        ContractColumn(EMAIL_FIELD, "email", False, True),
        ContractColumn("language", "language", False),
        ContractColumn("tags", "tags", False, example="member, newsletter"),
    ),
    "preferences": (
        ContractColumn("external_id", "external_id", True),
        ContractColumn("channels", "channels", False, example="email, sms"),
        ContractColumn("topics_in", "topics", False, example=""),
        ContractColumn("topics_out", "topics_out", False, example=""),
        ContractColumn("quiet_hours", "hours", False, example="21:00-08:00"),
        ContractColumn("time_zone", "zone", False, example="Europe/Berlin"),
        ContractColumn("language", "language", False),
        ContractColumn("paused_until", "pause", False, example=""),
        ContractColumn("stated_at", "moment", False, example="2027-01-15T09:30:00Z"),
    ),
}


def book_contract(feed: FeedSettings) -> FeedContract:
    """The contract of a feed whose files are not sent: the columns that change the address book."""
    headers = {meant: header for header, meant in feed.mapping.items() if meant}
    return FeedContract(tuple(replace(each, header=headers.get(each.name, "")) for each in _BOOK[feed.kind]), ())


def _asked(feed: FeedSettings, name: str) -> bool:
    return name in feed.required_columns


def _first_addresses(fields: Sequence[str], feed: FeedSettings) -> list[str]:
    """The address columns worth naming: of several for phone numbers, the first, and those that the feed asks for."""
    numbers = [name for name in fields if name in PHONE_FIELDS]
    return [name for name in fields if name not in numbers[1:] or _asked(feed, name)]


def _cell(column: ContractColumn, row: int) -> str:
    if column.example is not None:
        return column.example
    if column.allowed_values:
        return column.allowed_values[row % len(column.allowed_values)]
    if column.type == "external_id":
        return str(1001 + row)
    if column.type == "number" and column.one_of_addresses:
        return _NOBODYS_NUMBERS[row % 2]
    if column.type == EMAIL_FIELD:
        return ("anna@example.com", "ben@example.com")[row % 2]
    if column.type == "language":
        return ""
    return sample_cell(column.name, column.type, row, column.max_length)
