"""The settings of a feed as one typed model: what ``feed.settings`` and ``campaign.settings`` hold as JSON.

Everything has a default, so that ``{}`` is a feed. A campaign carries its feed's settings as they were when it was
made; ``nightmail check`` and campaigns without a feed use the defaults. Unknown names are refused, so that a typing
error in a provisioning file is found when it is read and not when a send goes wrong.

>>> feed_settings({"channels": ["sms"], "unique_by": ["external_id", "invoice"]}).keep
<Keep.FIRST: 'first'>
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from nightmail.channels import CHANNELS
from nightmail.channels.names import ChannelName
from nightmail.errors import ConfigurationError
from nightmail.organisation.feed_choices import Delivery, Keep, ValueType
from nightmail.organisation.four_eyes import FourEyes
from nightmail.organisation.quiet_hours import QuietHours
from nightmail.organisation.team_settings import TIME_OF_DAY, ReportDrop


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ApprovalRules(_Model):
    """When a campaign waits for a person (``awaiting_approval``) instead of being sent."""

    first_file: bool = Field(True, description="The first file of a feed waits")
    over_contacts: int | None = Field(None, ge=1, description="A campaign of more contacts than this waits")
    unusual_volume: bool = Field(True, description="A file far larger or smaller than the feed's last ones waits")
    volume_factor: float = Field(5.0, gt=1, description="How many times the usual number of rows is unusual")
    always: bool = Field(False, description="Every campaign of the feed waits")
    four_eyes: FourEyes | None = Field(None, description="When who made a campaign of the feed may not approve it")

    @classmethod
    def none(cls) -> ApprovalRules:
        """Nothing waits: for demonstrations, and for feeds whose source is trusted."""
        return cls(first_file=False, over_contacts=None, unusual_volume=False)


class VolumeRules(_Model):
    """How many rows a file may have; outside of it the campaign is stopped."""

    at_least: int = Field(1, ge=0, description="Rows that a file must have")
    at_most: int | None = Field(None, ge=1, description="Rows that a file may have")


class PlaceholderSettings(_Model):
    """What the feed demands of a placeholder's values, beyond what the template says."""

    type: ValueType | None = Field(None, description="text, number, money or date; empty: the template's")
    required: bool | None = Field(None, description="Whether a row needs a value; empty: as the template says")
    max_length: int | None = Field(None, ge=1, description="Characters")
    allowed_values: tuple[str, ...] = Field((), description="The values allowed; empty allows all")
    date_order: Literal["day_first", "month_first"] | None = None
    decimal_mark: Literal[".", ","] | None = None


class FeedSettings(_Model):
    """A feed's contract (what its files must be) and policy (what is done with them)."""

    version: int = Field(1, ge=1, description="Of the contract: raise it with every change, so that results name it")

    kind: Literal["messages", "contacts", "preferences"] = Field(
        "messages",
        description="messages: a file is sent; contacts: it goes into the address book; preferences: it says what contacts chose",
    )
    import_mode: Literal["add", "update", "replace", "remove"] = Field(
        "update", description="For kind contacts: what a file does to the address book"
    )

    # The file
    mapping: dict[str, str] = Field(
        default_factory=dict, description="Column header to standard field or placeholder; an empty name drops it"
    )
    encoding: str | None = Field(None, description="Text encoding, where it shall not be found out")
    delimiter: str | None = Field(None, min_length=1, max_length=1, description="Of a CSV file")
    sheet: str | None = Field(None, description="Of a spreadsheet; empty: the first visible one")
    required_columns: tuple[str, ...] = Field((), description="Columns that a file must have, by their mapped names")
    placeholders: dict[str, PlaceholderSettings] = Field(default_factory=dict, description="Demands on their values")
    volume: VolumeRules = VolumeRules()
    reject_limit: float = Field(0.25, ge=0, le=1, description="Share of rejected rows over which nothing is sent")
    reject_limit_from_rows: int = Field(
        20, ge=1, description="Files with fewer rows than this are judged by their rows alone"
    )
    shared_key_limit: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Share of rows over which nothing is sent that a key of three addresses or more takes for one contact",
    )

    # The rows
    unique_by: tuple[str, ...] = Field(("external_id",), description="Columns that make a contact unique")
    keep: Keep = Field(Keep.FIRST, description="Which of several duplicate rows is kept")
    keep_by: str | None = Field(None, description="The column for keep: most_recent")
    require_external_id: bool = False
    date_order: Literal["day_first", "month_first"] | None = Field(None, description="Of birth dates")
    window_days: int = Field(
        0, ge=0, le=366, description="Contacts of the feed's campaigns in so many days are duplicates; 0: none"
    )
    same_content: Literal["refuse", "send"] = Field("refuse", description="What is done with the same content again")

    # The audience
    channels: tuple[ChannelName, ...] = Field((), description="Channels in order; empty: the template's")
    delivery: Delivery = Field(Delivery.FIRST_REACHABLE, description="first_reachable, all_of or escalation")
    keep_fallbacks: bool = Field(False, description="Whether further channels stand by when the first is refused")
    escalate_after_s: int = Field(900, ge=1, description="For escalation: seconds without delivery before the next")
    default_language: str | None = Field(None, description="Language of rows without one; empty: the template's")
    default_time_zone: str | None = Field(None, description="Of contacts whose zone is not known; empty: the team's")
    quiet_hours: str | None = Field(None, description="Hours in which nothing is sent, such as 21:00-08:00")
    quiet_channels: tuple[ChannelName, ...] = Field(
        default_factory=CHANNELS.bound_by_quiet_hours, description="Channels that quiet_hours bind"
    )
    served_countries: tuple[str, ...] | None = Field(None, description="Countries sent to; empty: the served list")
    category: str | None = Field(None, description="In place of the template's category")
    needs_consent: bool | None = Field(None, description="In place of what the category's kind says")
    once_per_address: bool | None = Field(None, description="In place of what the category's kind says")

    # The send
    senders: dict[ChannelName, str] = Field(default_factory=dict, description="Name of the team's sender by channel")
    priority: int = Field(5, ge=0, le=9, description="0 goes first")
    send_at: str | None = Field(
        None, pattern=TIME_OF_DAY, description="Time of day at which sending starts; empty: at once"
    )
    send_in: Literal["team", "recipient"] = Field(
        "team", description="Whose clocks send_at, and an `at` without an offset, are read from"
    )
    cut_off_after_s: int | None = Field(None, ge=1, description="Seconds after the start at which the rest is dropped")
    cut_off: str | None = Field(
        None, pattern=TIME_OF_DAY, description="Team's time of day at which the rest is dropped"
    )
    approval: ApprovalRules = ApprovalRules()
    prepare_attempts: int = Field(3, ge=1, le=10, description="How often a crashed preparation is tried")

    # The folder
    expected_by: str | None = Field(
        None,
        pattern=TIME_OF_DAY,
        description="Team's time of day by which a file must have come, or an alert is raised",
    )
    settle_s: float | None = Field(
        None, ge=0, le=3600, description="Seconds for which a file must not change; empty: the deployment's"
    )
    marker_suffix: str | None = Field(
        None, description="A file is complete when a second one with this suffix (such as .done) lies beside it"
    )
    parts: bool = Field(False, description="Files named like name.1of3.csv form one campaign when all are there")
    report: ReportDrop | None = Field(
        None, description="Where the day's delivery report of the feed is dropped: sftp_server, folder, format, at"
    )
    answer: bool = Field(True, description="Whether result and reject files are written beside the upload")
    standing_source: Literal["folder", "contacts"] = Field(
        "folder", description="For feeds with a schedule: files of the folder, or the team's contact book"
    )

    @field_validator("quiet_hours")
    @classmethod
    def _quiet_hours_are_hours(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                QuietHours.parse(value)
            except Exception as error:
                raise ValueError(str(error)) from None
        return value

    @field_validator("default_time_zone")
    @classmethod
    def _time_zone_is_known(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (KeyError, ValueError, OSError):
                raise ValueError(f"{value} is not a time zone; use an IANA name such as Europe/Berlin") from None
        return value

    @model_validator(mode="after")
    def _keep_by_goes_with_most_recent(self) -> FeedSettings:
        if (self.keep is Keep.MOST_RECENT) != (self.keep_by is not None):
            raise ValueError("keep: most_recent and keep_by go together")
        return self

    @property
    def sends(self) -> bool:
        """Whether files of the feed are sent; those of the other kinds change the address book alone."""
        return self.kind == "messages"

    def stored(self) -> dict[str, Any]:
        """JSON-ready values, without the defaults."""
        return self.model_dump(mode="json", exclude_defaults=True)


def feed_settings(values: Mapping[str, Any] | None, feed: str = "") -> FeedSettings:
    """The settings that JSON or YAML values mean. Raises :class:`ConfigurationError` naming each wrong setting."""
    try:
        return FeedSettings.model_validate(dict(values or {}))
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in each['loc']) or 'settings'}: {each['msg']}" for each in error.errors()
        )
        raise ConfigurationError("feed_settings_invalid", feed=feed or "(none)", problem=wrong) from None


def next_time_of_day(text: str, zone: str, after: dt.datetime) -> dt.datetime:
    """The next moment (UTC) at which it is ``HH:MM`` in ``zone``, at or after ``after``."""
    here = ZoneInfo(zone)
    local = after.astimezone(here)
    wanted = dt.time.fromisoformat(text)
    for days in range(3):
        moment = dt.datetime.combine(local.date() + dt.timedelta(days=days), wanted, tzinfo=here).astimezone(dt.UTC)
        if moment >= after:
            return moment
    raise AssertionError("a time of day comes every day")
