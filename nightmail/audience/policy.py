"""The settings that an audience is planned by: channels in order, quiet hours, countries, consent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nightmail.channels import CHANNELS
from nightmail.errors import UsageError
from nightmail.organisation.audience_rules import StatedRules
from nightmail.organisation.categories import MARKETING, Category
from nightmail.organisation.feed_choices import Delivery, parse_delivery
from nightmail.organisation.quiet_hours import QuietHours

if TYPE_CHECKING:
    from nightmail.templates.model import Template


@dataclass(frozen=True, kw_only=True)
class AudiencePolicy:
    """The settings of one campaign's planning, as feed, template and category give them.

    Made by :meth:`for_template`.
    """

    team: str
    """Path of the team: contact ids are stable within it."""
    hash_key: bytes = field(repr=False)
    """Key of address hashes and contact ids (:meth:`nightmail.settings.Settings.key`)."""
    channels: tuple[str, ...]
    """The feed's channels in order; a contact's own order goes first."""
    languages: Mapping[str, tuple[str, ...]]
    """For each channel the languages that the template has a body in."""
    default_language: str = "en"
    category: str = "service"
    needs_consent: bool = False
    """Whether a contact without a recorded consent to the category is held, as for marketing."""
    once_per_address: bool = False
    """Whether a second contact with the same address is held, as for marketing."""
    delivery: Delivery = Delivery.FIRST_REACHABLE
    keep_fallbacks: bool = False
    escalate_after: timedelta = timedelta(minutes=15)
    """How long :attr:`Delivery.ESCALATION` waits for a receipt; read by the senders from the campaign."""
    starts_at: datetime | None = None
    """When sending starts (UTC); ``None``: at once, and ``not_before`` is set only by quiet hours."""
    local_start: datetime | None = None
    """A wall-clock time without zone instead: sending starts at this time in each contact's own zone."""
    now: datetime | None = None
    """The moment of planning (UTC); the clock's, by default."""
    cut_off: datetime | None = None
    quiet_hours: QuietHours | None = None
    quiet_channels: frozenset[str] = field(default_factory=lambda: frozenset(CHANNELS.bound_by_quiet_hours()))
    """Channels that the feed's quiet hours bind; a contact's own quiet hours bind all."""
    default_country: str | None = None
    default_time_zone: str = "UTC"
    country_needed: bool = False
    """Whether a contact whose country is not known is held on channels that go to email addresses as well
    (``country_unsettled``). Numbers tell their country."""
    rules: tuple[StatedRules, ...] = ()
    """What the team and those above it forbid."""
    urgent: bool = False
    """Whether frequency caps do not hold, nor what contacts paused."""
    hosting_region: str | None = None
    """Where this deployment stands: ``eu`` or ``us``."""
    served: frozenset[str] | None = None
    """Countries that may be sent to; by default those of :mod:`nightmail.organisation.served_countries`."""

    @classmethod
    def for_template(
        cls,
        template: Template,
        *,
        team: str,
        hash_key: bytes,
        channels: tuple[str, ...] | None = None,
        category: Category | None = None,
        **further: Any,
    ) -> AudiencePolicy:
        """The policy of a template's audience; ``further`` are other fields.

        ``category`` defaults to the template's. ``channels`` defaults to those of the template that are used by default
        (:attr:`nightmail.channels.Channel.used_by_default`). Channels without a body are dropped. Raises
        :class:`UsageError` (``template_lacks_channel``) when none is left.
        """
        own = tuple(name for name in template.channels if CHANNELS[name].used_by_default) or template.channels
        usable = tuple(name for name in channels or own if name in template.channels)
        if not usable:
            raise UsageError(
                "template_lacks_channel",
                template=template.name,
                channels=", ".join(channels or ()),
                known=", ".join(template.channels),
            )
        category = category or Category.of_kind(template.category, template.category_kind)
        values: dict[str, Any] = {
            "category": category.name,
            "needs_consent": category.needs_consent,
            "once_per_address": category.kind == MARKETING,
            "urgent": category.urgent,
            "default_language": template.default_language,
            **further,
        }
        if not isinstance(values.get("delivery", Delivery.FIRST_REACHABLE), Delivery):
            values["delivery"] = parse_delivery(values["delivery"])
        languages = {channel: template.languages_of(channel) for channel in usable}
        return cls(team=team, hash_key=hash_key, channels=usable, languages=languages, **values)

    @property
    def has_fallbacks(self) -> bool:
        """Whether a contact's further channels are planned as well, beside the first."""
        return self.keep_fallbacks or self.delivery is not Delivery.FIRST_REACHABLE

    @property
    def moment(self) -> datetime:
        """When sending starts at the earliest: ``starts_at``, else now."""
        return self.starts_at or self.now or datetime.now(UTC)

    @property
    def reference_date(self) -> date:
        """The day at which ages are counted."""
        return self.moment.date()
