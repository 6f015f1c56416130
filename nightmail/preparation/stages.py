"""From a file to messages: the chain of stages of one campaign, the same for the pipeline, `nightmail check` and benchmarks.

Each asset calls its own stage (:func:`read_file`, :func:`make_contacts`, :func:`make_audience`, :func:`make_messages`);
`check` calls :func:`prepare`, which is all of them in order. What decides is one value, :class:`Preparation`, so that
both judge a file alike. :func:`contract_problems` says whether the file keeps its feed's contract.

>>> tables = StageTables.in_folder("out")
>>> prepared = prepare(Preparation(template=template, hash_key=key), Path("due.csv"), tables)
>>> prepared.counts["contacts"], prepared.problems
(998, ())
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightmail.lake import Lake, TableFile
from nightmail.message_ids import CHECK_TOKEN
from nightmail.organisation.feeds import FeedSettings, PlaceholderSettings
from nightmail.progress import Progress
from nightmail.reasons import remedy, sentence

if TYPE_CHECKING:
    from nightmail.audience import AudiencePolicy, AudienceSummary, KnownPreferences
    from nightmail.contact_files import ContactFileSummary, ReadOptions
    from nightmail.organisation.categories import Category
    from nightmail.organisation.prices import PriceList
    from nightmail.row_checks import ContactRules, ContactsSummary, EarlierCampaign
    from nightmail.templates import MessagesSummary, RenderOptions, Template

STAGES = ("contact_file", "contacts", "audience", "messages")
"""The stages of a preparation, in order."""

TABLES = ("contact_file", "file_rejects", "contacts", "rejects", "warnings", "audience", "messages")
"""The tables that the stages write, in order."""


@dataclass(frozen=True)
class StageTables:
    """Where each stage writes. ``file_rejects`` are the rows that reading itself refused; ``rejects`` holds them too."""

    contact_file: TableFile
    file_rejects: TableFile
    contacts: TableFile
    rejects: TableFile
    warnings: TableFile
    audience: TableFile
    messages: TableFile

    @classmethod
    def in_folder(cls, folder: Path | str) -> StageTables:
        """``contacts.parquet`` and so on, side by side in one folder."""
        return cls(**{name: TableFile(f"{folder}/{name}.parquet") for name in TABLES})

    @classmethod
    def of_campaign(cls, lake: Lake, campaign: str) -> StageTables:
        """The campaign's partitions in the lake."""
        return cls(**{name: lake.table(name, campaign) for name in TABLES})


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """Everything that decides how one file becomes messages. All but the template and the key has a default."""

    template: Template
    hash_key: bytes = field(repr=False)
    """Key of address hashes and contact ids (:meth:`nightmail.settings.Settings.key`)."""
    feed: FeedSettings = field(default_factory=FeedSettings)
    team: str = "check"
    """Path of the team."""
    category: Category | None = None
    """As the organisation has it; without one, name and kind are those of the feed or the template."""
    default_country: str | None = None
    """The feed's, else the team's, else the deployment's country."""
    default_time_zone: str = "UTC"
    """The team's; the feed's own setting wins."""
    campaign_token: str = CHECK_TOKEN
    public_url: str | None = None
    prices: PriceList | None = None
    carriers: Mapping[str, str] = field(default_factory=dict)
    """Carrier by channel, for its prices."""
    now: dt.datetime | None = None
    starts_at: dt.datetime | None = None
    local_start: dt.datetime | None = None
    cut_off: dt.datetime | None = None
    file_name: str | None = None
    limits: Mapping[str, int] = field(default_factory=dict)
    """Limits of reading: fields of :class:`nightmail.contact_files.ReadOptions` ending in ``_limit``."""
    work_folder: Path | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels of the campaign, in order: the feed's that the template has, else the template's."""
        return tuple(c for c in (self.feed.channels or self.template.channels) if c in self.template.channels)

    def read_options(self, rejects: TableFile) -> ReadOptions:
        """How the file is read."""
        from nightmail.contact_files import ReadOptions

        return ReadOptions(
            rejects=rejects,
            mapping=self.feed.mapping,
            known_placeholders=self._columns_by_name(),
            file_name=self.file_name,
            encoding=self.feed.encoding,
            delimiter=self.feed.delimiter,
            sheet=self.feed.sheet,
            work_folder=self.work_folder,
            **self.limits,
        )

    def _category_by_name(self) -> Category:
        from nightmail.organisation.categories import PREDEFINED_CATEGORIES, Category

        if self.feed.category is None:
            return Category.of_kind(self.template.category, self.template.category_kind)
        name = self.feed.category
        return Category.of_kind(name, PREDEFINED_CATEGORIES.get(name, self.template.category_kind))

    def _columns_by_name(self) -> tuple[str, ...]:
        names = dict.fromkeys(self.template.placeholders)
        names.update(dict.fromkeys(self.feed.placeholders))
        for placeholder in self.template.placeholders.values():
            if placeholder.currency_column:
                names[placeholder.currency_column] = None
        return tuple(names)

    def contact_rules(self, file_rejects: TableFile, earlier: tuple[EarlierCampaign, ...] = ()) -> ContactRules:
        """How the rows are judged."""
        from nightmail.row_checks import ContactRules

        return ContactRules(
            default_country=self.default_country,
            channels=self.channels,
            placeholders=placeholder_rules(self.template, self.feed, self.channels),
            template_languages=tuple(self.template.languages),
            default_language=self.feed.default_language or self.template.default_language,
            unique_by=self.feed.unique_by,
            keep=self.feed.keep,
            keep_by=self.feed.keep_by,
            reference_date=(self.starts_at or self.now or dt.datetime.now(dt.UTC)).date(),
            date_order=self.feed.date_order,
            require_external_id=self.feed.require_external_id,
            file_rejects=file_rejects,
            earlier_campaigns=earlier,
        )

    def audience_policy(self) -> AudiencePolicy:
        """Who is sent to, on which channel and when."""
        from nightmail.audience import AudiencePolicy
        from nightmail.organisation.quiet_hours import QuietHours

        feed = self.feed
        further: dict[str, Any] = {}
        if feed.needs_consent is not None:
            further["needs_consent"] = feed.needs_consent
        if feed.once_per_address is not None:
            further["once_per_address"] = feed.once_per_address
        if feed.default_language is not None:
            further["default_language"] = feed.default_language
        if feed.served_countries is not None:
            further["served"] = frozenset(feed.served_countries)
        return AudiencePolicy.for_template(
            self.template,
            team=self.team,
            hash_key=self.hash_key,
            channels=feed.channels or None,
            category=self.category or self._category_by_name(),
            delivery=feed.delivery,
            keep_fallbacks=feed.keep_fallbacks,
            escalate_after=dt.timedelta(seconds=feed.escalate_after_s),
            starts_at=self.starts_at,
            local_start=self.local_start,
            now=self.now,
            cut_off=self.cut_off,
            quiet_hours=QuietHours.parse(feed.quiet_hours) if feed.quiet_hours else None,
            quiet_channels=frozenset(feed.quiet_channels),
            default_country=self.default_country,
            default_time_zone=feed.default_time_zone or self.default_time_zone,
            **further,
        )

    def render_options(self) -> RenderOptions:
        """How bodies are rendered and priced."""
        from nightmail.templates import RenderOptions

        return RenderOptions(
            hash_key=self.hash_key,
            campaign_token=self.campaign_token,
            delivery=self.feed.delivery,
            public_url=self.public_url,
            prices=self.prices,
            price_date=(self.starts_at or self.now or dt.datetime.now(dt.UTC)).date(),
            carriers=self.carriers,
        )


def placeholder_rules(template: Template, feed: FeedSettings, channels: tuple[str, ...]) -> tuple[Any, ...]:
    """What is asked of each placeholder's values: the template's needs, sharpened by the feed's own demands."""
    from nightmail.organisation.feed_choices import ValueType
    from nightmail.row_checks import PlaceholderRule

    rules = []
    for name, placeholder in template.needs(channels).items():
        used = {body for body, names in template.used_by_body.items() if name in names and body[1] in channels}
        needed = {
            body
            for body in used
            if name in template.needed_by_body.get(body, frozenset()) and placeholder.fallback(body[0]) is None
        }
        demand = feed.placeholders.get(name, PlaceholderSettings())
        required = bool(needed) if demand.required is None else demand.required
        bodies = needed if needed and required else used
        rules.append(
            PlaceholderRule(
                name=name,
                type=demand.type or ValueType(placeholder.type.value),
                required=required,
                max_length=demand.max_length or placeholder.max_length,
                allowed_values=demand.allowed_values,
                channels=frozenset(channel for _, channel in bodies),
                languages=frozenset(language for language, _ in bodies),
                date_order=demand.date_order,
                decimal_mark=demand.decimal_mark,
            )
        )
    used_names = {rule.name for rule in rules}
    for name, demand in feed.placeholders.items():
        if name not in used_names:
            rules.append(
                PlaceholderRule(
                    name=name,
                    type=demand.type or ValueType.TEXT,
                    required=bool(demand.required),
                    max_length=demand.max_length,
                    allowed_values=demand.allowed_values,
                    date_order=demand.date_order,
                    decimal_mark=demand.decimal_mark,
                )
            )
    return tuple(rules)


def read_file(
    preparation: Preparation, source: Path, tables: StageTables, progress: Progress | None = None
) -> ContactFileSummary:
    """Stage ``contact_file``. Raises :class:`nightmail.errors.ContactFileError` when the file cannot be used at all."""
    from nightmail.contact_files import read_contact_file

    return read_contact_file(source, tables.contact_file, preparation.read_options(tables.file_rejects), progress)


def make_contacts(
    preparation: Preparation,
    tables: StageTables,
    earlier: tuple[EarlierCampaign, ...] = (),
    progress: Progress | None = None,
) -> ContactsSummary:
    """Stage ``contacts``: writes ``contacts``, ``rejects`` and ``warnings``."""
    from nightmail.row_checks import prepare_contacts

    rules = preparation.contact_rules(tables.file_rejects, earlier)
    return prepare_contacts(tables.contact_file, tables.contacts, tables.rejects, tables.warnings, rules, progress)


def make_audience(
    preparation: Preparation,
    tables: StageTables,
    known: KnownPreferences | None = None,
    progress: Progress | None = None,
) -> AudienceSummary:
    """Stage ``audience``; without ``known`` nobody has chosen anything."""
    from nightmail.audience import KnownPreferences, plan_audience

    return plan_audience(
        tables.contacts, tables.audience, preparation.audience_policy(), known or KnownPreferences.nothing(), progress
    )


def make_messages(preparation: Preparation, tables: StageTables, progress: Progress | None = None) -> MessagesSummary:
    """Stage ``messages``. Contacts that cannot be rendered turn to held: ``audience`` is then written again."""
    from nightmail.templates import render_messages

    return render_messages(
        tables.contacts, tables.audience, tables.messages, preparation.template, preparation.render_options(), progress
    )


@dataclass(frozen=True)
class ContractProblem:
    """One way in which a file breaks its feed's contract; nothing of such a file is sent."""

    reason: str
    message: str
    remedy: str

    def as_dict(self) -> dict[str, str]:
        """JSON-ready values."""
        return {"reason": self.reason, "message": self.message, "remedy": self.remedy}


def _problem(reason: str, **fields: object) -> ContractProblem:
    return ContractProblem(reason, sentence(reason, **fields), remedy(reason, **fields))


def needed_columns(preparation: Preparation) -> tuple[str, ...]:
    """The columns that a file must have: the feed's ``required_columns``, and those the template cannot do without."""
    names = dict.fromkeys(preparation.feed.required_columns)
    for rule in placeholder_rules(preparation.template, preparation.feed, preparation.channels):
        # Country and time zone follow from a number where the file does not state them; each row is judged by itself.
        if rule.required and rule.name not in ("country", "time_zone"):
            names[rule.name] = None
    return tuple(names)


def file_problems(preparation: Preparation, columns: tuple[str, ...], rows: int) -> tuple[ContractProblem, ...]:
    """What is wrong with a file as read: columns that are missing, too few or too many rows."""
    found = [
        _problem("file_missing_column", column=name) for name in needed_columns(preparation) if name not in columns
    ]
    usable = preparation.contact_rules(TableFile("")).usable_fields
    if usable and not any(name in columns for name in usable):
        found.append(_problem("file_missing_column", column=" / ".join(usable)))
    volume = preparation.feed.volume
    if rows < volume.at_least or (volume.at_most is not None and rows > volume.at_most):
        expected = f"at least {volume.at_least}" + (f" and at most {volume.at_most}" if volume.at_most else "")
        found.append(_problem("file_volume", rows=rows, expected=expected))
    return tuple(found)


def reject_problems(
    preparation: Preparation, rows: int, rejects: int, corrections: bool = False
) -> tuple[ContractProblem, ...]:
    """Whether too many rows were rejected. A reject file of ours, dropped again, may be corrected in a few rows only."""
    feed = preparation.feed
    if not corrections and rows >= feed.reject_limit_from_rows and rejects > rows * feed.reject_limit:
        return (_problem("file_over_reject_limit", share=f"{rejects / rows:.1%}", limit=f"{feed.reject_limit:.1%}"),)
    return ()


def contract_problems(
    preparation: Preparation, contact_file: ContactFileSummary, contacts: ContactsSummary
) -> tuple[ContractProblem, ...]:
    """Everything in which a file breaks its feed's contract; empty when it keeps it."""
    return file_problems(preparation, contact_file.columns, contact_file.rows) + reject_problems(
        preparation, contacts.rows, contacts.rejects, contact_file.own_rejects
    )


@dataclass(frozen=True)
class Prepared:
    """What came out of :func:`prepare`."""

    contact_file: ContactFileSummary
    contacts: ContactsSummary
    audience: AudienceSummary
    messages: MessagesSummary
    problems: tuple[ContractProblem, ...]

    @property
    def counts(self) -> dict[str, int]:
        """``rows, rejects, duplicates, contacts, planned, held, messages, queued, standby``; they reconcile."""
        return campaign_counts(self.contacts.as_dict(), {**self.audience.as_dict()}, self.messages.as_dict())


def campaign_counts(
    contacts: Mapping[str, Any], audience: Mapping[str, Any], messages: Mapping[str, Any]
) -> dict[str, int]:
    """The counts of a campaign from its stages' summaries; what rendering held is moved from planned to held."""
    held_later = int(messages.get("held", 0))
    return {
        "rows": int(contacts["rows"]),
        "rejects": int(contacts["rejects"]),
        "duplicates": int(contacts["duplicates"]),
        "contacts": int(contacts["contacts"]),
        "planned": int(audience["planned"]) - held_later,
        "held": int(audience["held"]) + held_later,
        "messages": int(messages["messages"]),
        "queued": int(messages["queued"]),
        "standby": int(messages["standby"]),
    }


def prepare(
    preparation: Preparation,
    source: Path,
    tables: StageTables,
    known: KnownPreferences | None = None,
    progress: Progress | None = None,
) -> Prepared:
    """All stages in order. Problems with the contract are gathered, not raised, so that everything wrong is seen at once."""
    contact_file = read_file(preparation, source, tables, progress)
    contacts = make_contacts(preparation, tables, progress=progress)
    audience = make_audience(preparation, tables, known, progress)
    messages = make_messages(preparation, tables, progress)
    return Prepared(contact_file, contacts, audience, messages, contract_problems(preparation, contact_file, contacts))
