"""What goes into rendering, and what is known of the messages afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from nightmail.message_ids import CHECK_TOKEN
from nightmail.organisation.feed_choices import Delivery
from nightmail.organisation.prices import PriceList
from nightmail.templates.gsm7 import CharacterCosts
from nightmail.templates.message_costs import Costs

SUBJECT_CHARACTERS = 900
"""A header line may have 998 bytes (RFC 5322); this leaves room for its encoding's frame."""

NOWHERE = "https://nightmail.invalid"
"""Stands for the public address where none is configured: such a link can never lead anywhere."""


@dataclass(frozen=True, kw_only=True)
class RenderOptions:
    """How to render, beside the template. All have defaults for ``nightmail check`` but the key."""

    hash_key: bytes = field(repr=False)
    """Key of address hashes, as in the audience's policy."""
    signing_key: bytes | None = field(default=None, repr=False)
    """Key of the signed links (:mod:`nightmail.privacy.signed_links`); ``hash_key`` when none is given."""
    campaign_token: str = CHECK_TOKEN
    """The first part of every message id."""
    delivery: Delivery = Delivery.FIRST_REACHABLE
    """As in the audience's policy: says whether fallbacks are ``queued`` (all of) or ``standby``."""
    preview: bool = False
    """Whether the messages are to be looked at alone: their links say so, and open nothing."""
    public_url: str | None = None
    """Address of the portal: unsubscribe and chat links and the keys of a call lead there."""
    prices: PriceList | None = None
    """Without one, messages have no cost."""
    price_date: date | None = None
    """The day whose prices hold; today by default."""
    carriers: Mapping[str, str] = field(default_factory=dict)
    """Carrier by channel, for its prices (by default the price list's only one) and for the address of keys pressed in calls."""
    sample_rows: int = 40
    """Rows of each body whose columnar rendering is compared with Jinja2's own in the first block; an eighth in others."""
    columnar: bool = True
    """False renders everything row by row by Jinja2: for comparing."""


@dataclass
class MessagesSummary:
    """The counts of one rendering; ``as_dict`` is free of personal data."""

    contacts: int = 0
    """Planned contacts that came in."""
    messages: int = 0
    queued: int = 0
    standby: int = 0
    held: int = 0
    """Contacts that turned from planned into held here."""
    dropped: int = 0
    """Messages that could not be rendered for contacts that keep another one."""
    segments: int = 0
    by_channel: Counter[str] = field(default_factory=Counter)
    by_language: Counter[str] = field(default_factory=Counter)
    by_reason: Counter[str] = field(default_factory=Counter)
    """Contacts held here, by reason."""
    costs: dict[str, Decimal] = field(default_factory=dict)
    """Estimated cost of the queued messages, by currency."""
    standby_costs: dict[str, Decimal] = field(default_factory=dict)
    """What the standby messages would cost beside, if all were sent."""
    unpriced: int = 0
    """Messages for which the price list has no price."""
    compared: int = 0
    """Bodies that were rendered again by Jinja2 itself and found equal."""
    row_by_row: Counter[str] = field(default_factory=Counter)
    """Messages rendered row by row by Jinja2, by ``language/channel``: their templates do not map to columns."""
    characters: CharacterCosts = field(default_factory=CharacterCosts)
    """What characters outside of the GSM 7-bit alphabet add to text messages."""

    def count_messages(
        self, channel: str, language: str, units: npt.NDArray[np.int64], costs: Costs, *, is_queued: bool
    ) -> None:
        """Count messages of one channel and language, of so many units and at these costs."""
        count = len(units)
        self.messages += count
        if is_queued:
            self.queued += count
        else:
            self.standby += count
        self.segments += int(units.sum())
        self.by_channel[channel] += count
        self.by_language[language] += count
        totals = self.costs if is_queued else self.standby_costs
        for currency, amount in costs.totals.items():
            totals[currency] = totals.get(currency, Decimal(0)) + amount
        self.unpriced += costs.unpriced

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values; money as text."""
        return {
            "contacts": self.contacts,
            "messages": self.messages,
            "queued": self.queued,
            "standby": self.standby,
            "held": self.held,
            "dropped": self.dropped,
            "segments": self.segments,
            "by_channel": dict(sorted(self.by_channel.items())),
            "by_language": dict(sorted(self.by_language.items())),
            "by_reason": dict(sorted(self.by_reason.items())),
            "costs": {currency: str(amount) for currency, amount in sorted(self.costs.items())},
            "standby_costs": {currency: str(amount) for currency, amount in sorted(self.standby_costs.items())},
            "unpriced": self.unpriced,
            "compared": self.compared,
            "row_by_row": dict(sorted(self.row_by_row.items())),
            "characters": self.characters.as_dict(),
        }
