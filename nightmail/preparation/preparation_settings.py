"""Everything that decides how one file becomes messages: one value, and what each stage takes from it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nightmail.audience import AudiencePolicy
from nightmail.contact_files import ReadOptions
from nightmail.lake import TableFile
from nightmail.message_ids import CHECK_TOKEN
from nightmail.organisation.audience_rules import StatedRules
from nightmail.organisation.categories import PREDEFINED_CATEGORIES, Category
from nightmail.organisation.feed_choices import ValueType
from nightmail.organisation.feeds import FeedSettings, PlaceholderSettings
from nightmail.organisation.prices import PriceList
from nightmail.organisation.quiet_hours import QuietHours
from nightmail.row_checks import ContactRules, EarlierCampaign, PlaceholderRule
from nightmail.templates import RenderOptions, Template


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
    rules: tuple[StatedRules, ...] = ()
    """What the team and those above it forbid."""
    hosting_region: str | None = None
    """Where this deployment stands."""
    from_book: bool = False
    """Whether the file was written from the address book, so that it says each contact's id."""
    campaign_token: str = CHECK_TOKEN
    preview: bool = False
    """Whether what comes out is to be looked at alone: links in it open nothing."""
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
            rules=self.rules,
            hosting_region=self.hosting_region,
            **further,
        )

    def render_options(self) -> RenderOptions:
        """How bodies are rendered and priced."""
        return RenderOptions(
            hash_key=self.hash_key,
            campaign_token=self.campaign_token,
            preview=self.preview,
            delivery=self.feed.delivery,
            public_url=self.public_url,
            prices=self.prices,
            price_date=(self.starts_at or self.now or dt.datetime.now(dt.UTC)).date(),
            carriers=self.carriers,
        )


def placeholder_rules(template: Template, feed: FeedSettings, channels: tuple[str, ...]) -> tuple[Any, ...]:
    """What is asked of each placeholder's values: the template's needs, sharpened by the feed's own demands."""
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
                currency=placeholder.currency,
                currency_column=placeholder.currency_column,
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
