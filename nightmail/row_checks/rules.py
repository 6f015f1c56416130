"""The rules by which the rows of a contact file are judged: the feed's and the template's demands, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from nightmail.channels import ADDRESS_FIELDS, CHANNELS, SMS
from nightmail.contact_files.summary import FileDecision
from nightmail.lake import TableFile
from nightmail.organisation.feed_choices import Keep, ValueType


@dataclass(frozen=True, kw_only=True)
class PlaceholderRule:
    """One placeholder that some body of the template uses, or that the feed's contract describes."""

    name: str
    """The placeholder, which is a column of the ``contact_file`` table."""
    type: ValueType = ValueType.TEXT
    required: bool = True
    """Whether a row needs a value. False where the template states a fallback."""
    max_length: int | None = None
    """Characters, for text."""
    allowed_values: tuple[str, ...] = ()
    """The values that the contract allows; empty allows all."""
    channels: frozenset[str] = frozenset()
    """The channels whose bodies use it; empty means all. A row without an address for any of them need not fill it."""
    languages: frozenset[str] = frozenset()
    """The languages whose bodies use it; empty means all."""
    date_order: str | None = None
    """``day_first`` or ``month_first`` for a date, when the feed states it; found out from the column otherwise."""
    decimal_mark: str | None = None
    """``.`` or ``,`` for numbers and money, when the feed states it; found out from the column otherwise."""
    currency: str | None = None
    """The currency (ISO 4217) that the template writes amounts in. None: that of the cell, if it states one."""
    currency_column: str | None = None
    """The column that holds the currency of each row; by default ``<name>_currency``, if the file has it."""


@dataclass(frozen=True, kw_only=True)
class EarlierCampaign:
    """A campaign of the same feed inside its window: whom it had is not sent to again."""

    campaign: str
    contacts: TableFile
    """Its ``contacts`` table."""


@dataclass(frozen=True, kw_only=True)
class ContactRules:
    """How the rows of one contact file are judged. All has a default that suits a file without a feed."""

    default_country: str | None = None
    """The feed's or else the team's country (ISO 3166-1 alpha-2), for national numbers in rows without a country."""
    channels: tuple[str, ...] = (SMS.name,)
    """The channels that the template has bodies for and the feed uses."""
    placeholders: tuple[PlaceholderRule, ...] = ()
    template_languages: tuple[str, ...] = ()
    """The languages that the template has bodies in; a row's language picks one of them."""
    default_language: str | None = None
    """The template's language for rows without one of :attr:`template_languages`."""
    unique_by: tuple[str, ...] = ("external_id",)
    """The columns that make a contact unique. A row with none of them filled is unique by its addresses. Empty: only
    rows that are equal in address and all values collapse."""
    keep: Keep = Keep.FIRST
    keep_by: str | None = None
    """The column for :attr:`Keep.MOST_RECENT`."""
    reference_date: date | None = None
    """The day on which ages and centuries are judged; today (UTC) if None."""
    date_order: str | None = None
    """``day_first`` or ``month_first`` for birth dates, when the feed states it."""
    require_external_id: bool = False
    address_needed: bool = True
    """Whether a row needs an address that can be used. False where it only says who is meant: then an external_id will do."""
    file_rejects: TableFile | None = None
    """What :func:`nightmail.contact_files.read_contact_file` rejected; carried on into ``rejects``."""
    earlier_campaigns: tuple[EarlierCampaign, ...] = ()

    @property
    def usable_fields(self) -> tuple[str, ...]:
        """The address fields that can carry one of :attr:`channels`, in the order of :data:`nightmail.channels.ADDRESS_FIELDS`."""
        usable = {name for channel in self.channels for name in CHANNELS[channel].fields}
        return tuple(name for name in ADDRESS_FIELDS if name in usable)


@dataclass(frozen=True, kw_only=True)
class ContactsSummary:
    """What became of the rows. ``rows == rejects + duplicates + contacts`` always; all count distinct rows of the file."""

    rows: int
    rejects: int
    """Rows with at least one reject line that is not ``duplicate_*``."""
    duplicates: int
    contacts: int
    warnings: int
    """Lines of the warnings table."""
    by_reason: dict[str, int] = field(default_factory=dict)
    """Rows by reason, of the rejects table. A row may have several reasons."""
    warnings_by_reason: dict[str, int] = field(default_factory=dict)
    phone_metadata_version: str = ""
    """The version of the phone numbers' metadata that the verdicts rest on."""
    default_country: str | None = None
    shared_keys: int = 0
    """Duplicates of a row with another address, by keys that stand on rows of three addresses or more."""
    decisions: tuple[FileDecision, ...] = ()
    """What was decided for whole columns, and by what."""

    def as_dict(self) -> dict[str, object]:
        """JSON-ready values, without personal data."""
        return {
            "rows": self.rows,
            "rejects": self.rejects,
            "duplicates": self.duplicates,
            "contacts": self.contacts,
            "warnings": self.warnings,
            "by_reason": dict(self.by_reason),
            "warnings_by_reason": dict(self.warnings_by_reason),
            "phone_metadata_version": self.phone_metadata_version,
            "default_country": self.default_country,
            "shared_keys": self.shared_keys,
            "decisions": [decision.as_dict() for decision in self.decisions],
        }
