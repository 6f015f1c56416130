"""The two states of the preference page: locked, with what the link alone may do, and open, with what is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from fastapi import Response
from sqlalchemy import Connection

from nightmail.channels import CHANNELS
from nightmail.consent.address_codes import AddressOfTeam, has_open_code
from nightmail.consent.own_addresses import OwnAddresses
from nightmail.consent.own_choices import companies, standing
from nightmail.consent.unsubscribing import Subscription
from nightmail.privacy.signed_links import Purpose, link_path
from portal.pages import page
from portal.recipient_pages.choice_forms import (
    Fields,
    Form,
    channel_choices,
    fields_of,
    language_choices,
    topic_choices,
)
from portal.recipient_pages.look import Look
from portal.recipient_pages.preference_words import Words
from portal.recipient_pages.topic_words import channel_label
from resources.carriers import CARRIERS

_STYLE = (Path(__file__).parent / "choices.css").read_text("utf-8")
MOST_RANKS = 4


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A recipient on their page: the message that they came by, the team's look and words, and what they have proved."""

    subscription: Subscription
    look: Look
    words: Words
    address: AddressOfTeam
    own: OwnAddresses | None
    """What the address book has of them."""
    proof: str
    proved: bool
    sandbox: tuple[str, ...]
    token: str
    form: Form
    secure: bool
    """Whether the browser speaks HTTPS."""
    key: bytes = field(repr=False)

    @property
    def has_moved(self) -> bool:
        """Whether the book says that the link's address is not the contact's any more: its holder speaks for the address alone."""
        return self.own is not None and self.own.address(self.subscription.address_hash) is None

    @property
    def reached_at(self) -> str | None:
        """The address that a code goes to, where it is still known."""
        known = self.own.address(self.subscription.address_hash) if self.own else None
        return known or self.subscription.address


@dataclass(frozen=True, slots=True)
class Notice:
    """What the page says of what was just done, or not done."""

    text: str
    good: bool = False


def locked_page(
    connection: Connection,
    visit: Visit,
    notice: Notice | None = None,
    *,
    fault: str = "",
    stopped: bool = False,
    status: int = 200,
) -> Response:
    """What everybody with the link sees. ``fault`` is what is wrong with the code that was typed."""
    return _page(
        connection,
        visit,
        "preferences",
        status,
        notice=notice,
        fault=fault,
        stopped=stopped,
        code_sent=has_open_code(connection, visit.address),
    )


def open_page(
    connection: Connection,
    visit: Visit,
    notice: Notice | None = None,
    *,
    faults: Mapping[str, str] | None = None,
    fields: Fields | None = None,
    status: int = 200,
) -> Response:
    """What is chosen, to be changed. ``fields`` are as they were typed where they have ``faults``."""
    offered = standing(connection, visit.subscription)
    return _page(
        connection,
        visit,
        "own_choices",
        status,
        notice=notice,
        faults=faults or {},
        fields=fields or fields_of(offered.chosen),
        standing=offered,
        topics=topic_choices(offered, visit.words),
        channels=channel_choices(offered, visit.words),
        ranks=min(len(offered.channels), MOST_RANKS),
        languages=language_choices(offered),
        zones=_zones(),
    )


def _page(connection: Connection, visit: Visit, layout: str, status: int, **values: object) -> Response:
    look = visit.look
    return page(
        layout,
        status,
        sheet=_STYLE + look.sheet,
        language=visit.words.language,
        words=visit.words,
        here=f"{link_path(Purpose.PREFERENCES)}{visit.token}",
        wordmark=look.wordmark,
        privacy_notice=look.privacy_notice,
        companies=_companies(connection, visit),
        sandbox=visit.sandbox,
        **values,
    )


def _companies(connection: Connection, visit: Visit) -> list[tuple[str, str, str]]:
    """Who sees the recipient's data: each company once, the channels that it delivers on, and where it is hosted."""
    found: dict[tuple[str, str], list[str]] = {}
    for account in companies(connection, visit.subscription):
        carrier = CARRIERS.of_account(account.carrier)
        # A stand-in on this machine is no company, and sees nobody's data.
        if carrier is None or account.settings.get("sandbox") is True:
            continue
        own = f"{visit.words['who_own']} ({urlsplit(str(account.settings.get('base_url') or '')).hostname or carrier.label})"
        name = carrier.label if carrier.is_company else own
        region = visit.words.get(f"in_{account.region}", "") if carrier.is_company else ""
        label = channel_label(visit.words.language, CHANNELS[account.channel].label)
        channels = found.setdefault((name, region), [])
        if label not in channels:
            channels.append(label)
    return [(name, ", ".join(channels), region) for (name, region), channels in found.items()]


@lru_cache(maxsize=1)
def _zones() -> list[tuple[str, list[tuple[str, str]]]]:
    """The time zones by region: names as tables have them, and as people read them."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for zone in sorted(available_timezones()):
        region, _, place = zone.partition("/")
        if place and region not in ("Etc", "posix", "right", "SystemV"):
            groups.setdefault(region, []).append((zone, place.replace("_", " ").replace("/", ", ")))
    return [("", [("UTC", "UTC")]), *groups.items()]
