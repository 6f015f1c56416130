"""Two weeks of the demo's organisation: which file came when, and how its campaign ended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from commands.demonstration.customers import Customers
    from nightmail.demonstration.campaigns import PastFile
    from nightmail.demonstration.outcomes import Answer

BILLING, OPERATIONS, NORTH = "acme.billing", "acme.operations", "acme.operations.north"
HEALTH, MARKETING, IBERIA = "acme.health", "acme.marketing", "acme.marketing.iberia"
_FEEDS = {
    "invoices": (BILLING, "invoice", "sftp", "csv"),
    "statements": (BILLING, "statement", "api", "jsonl"),
    "planned-work": (OPERATIONS, "work", "sftp", "csv"),
    "meter-readings": (OPERATIONS, "meter", "sftp", "csv"),
    "storm-warnings": (NORTH, "storm", "api", "csv"),
    "appointments": (HEALTH, "appointment", "api", "csv"),
    "results": (HEALTH, "results", "portal", "csv"),
    "spring": (MARKETING, "offer", "sftp", "csv"),
    "ofertas": (IBERIA, "oferta", "sftp", "csv"),
}
"""Of each feed: its team, the kind of its files, how they come, and in which form."""
SIGNED = "sian.llewellyn@acme.example"
SIGNED_FOR_MARKETING = "francoise.lefevre@acme.example"


@dataclass(frozen=True)
class Planned:
    """A file: ``days`` ago at ``hour`` (UTC), or ``minutes`` ago. ``end`` is a campaign's state; ``more`` is for the campaign."""

    feed: str
    rows: int
    days: int = 0
    hour: int = 0
    minutes: int = 0
    end: str = "finished"
    wrong: float = 0.03
    kind: str = ""
    starts_in_h: int = 0
    more: tuple[tuple[str, Any], ...] = ()


PLAN = (
    Planned("invoices", 280, 14, 4),
    Planned("planned-work", 130, 13, 18),
    Planned("appointments", 90, 13, 9, more=(("approved_by", SIGNED),)),
    Planned("statements", 240, 12, 6),
    Planned("spring", 340, 11, 10, more=(("approved_by", SIGNED_FOR_MARKETING), ("consents", 0.7))),
    Planned("invoices", 250, 10, 4),
    Planned("meter-readings", 380, 10, 5),
    Planned("planned-work", 110, 9, 18),
    Planned("appointments", 70, 9, 8, more=(("approved_by", SIGNED),)),
    Planned("storm-warnings", 420, 8, 16, more=(("rate_per_s", 30.0),)),
    Planned("invoices", 270, 7, 4),
    Planned("ofertas", 170, 7, 9, more=(("approved_by", SIGNED_FOR_MARKETING), ("consents", 0.8))),
    Planned("invoices", 80, 6, 11, end="stopped", wrong=0.4),
    Planned("invoices", 78, 6, 12),
    Planned("statements", 230, 5, 6),
    Planned("results", 60, 5, 13),
    Planned(
        "spring",
        300,
        4,
        10,
        end="cancelled",
        more=(("approved_by", SIGNED_FOR_MARKETING), ("handed_off", 0.35), ("consents", 0.7)),
    ),
    Planned("planned-work", 120, 4, 18),
    Planned("meter-readings", 340, 3, 5, more=(("doubts", 4),)),
    Planned("invoices", 260, 3, 4),
    Planned("appointments", 80, 2, 8, more=(("approved_by", SIGNED),)),
    Planned("storm-warnings", 200, 2, 16, more=(("rate_per_s", 30.0),)),
    Planned("invoices", 290, 1, 4),
    Planned("results", 70, 1, 13),
    Planned("ofertas", 150, 1, 15, end="stopped", kind="unfinished"),
    Planned("invoices", 240, minutes=400),
    Planned("statements", 220, minutes=300),
    Planned("meter-readings", 320, minutes=180, end="paused", more=(("handed_off", 0.48),)),
    Planned("spring", 200, minutes=150, end="scheduled", starts_in_h=14, more=(("approved_by", SIGNED_FOR_MARKETING),)),
    Planned("appointments", 60, minutes=70, end="awaiting_approval"),
    Planned("planned-work", 140, minutes=45, end="scheduled", starts_in_h=9),
    Planned("ofertas", 160, minutes=20, end="awaiting_approval", more=(("consents", 0.8),)),
)
"""What came, roughly in the order of time."""


def arrival(planned: Planned, now: dt.datetime) -> dt.datetime:
    """When a planned file came."""
    if planned.minutes:
        return now - dt.timedelta(minutes=planned.minutes)
    day = now - dt.timedelta(days=planned.days)
    return day.replace(hour=planned.hour, minute=3, second=planned.rows % 60, microsecond=0)


def past_files(
    customers: Customers, now: dt.datetime, first_number: int, people: Mapping[str, int]
) -> Iterator[PastFile]:
    """The files of :data:`PLAN`, the oldest first, with the campaigns' numbers from ``first_number`` on.

    ``people`` are the numbers of who approved, by address.
    """
    from nightmail.demonstration.campaigns import PastFile
    from nightmail.store.states import CampaignState

    in_order = sorted(PLAN, key=lambda planned: arrival(planned, now))
    for place, planned in enumerate(in_order):
        team, kind, source, suffix = _FEEDS[planned.feed]
        at = arrival(planned, now)
        name = f"{planned.feed}-{at:%H%M}.{suffix}"
        more = dict(planned.more)
        if "approved_by" in more:
            more["approved_by"] = f"person:{people[more['approved_by']]}"
        yield PastFile(
            number=first_number + place,
            team=team,
            feed=planned.feed,
            content=customers.write(planned.kind or kind, name, planned.rows, at.date(), wrong=planned.wrong),
            source=source,
            at=at,
            end=CampaignState(planned.end),
            starts_at=now + dt.timedelta(hours=planned.starts_in_h) if planned.starts_in_h else None,
            answers=_answers(planned.feed),
            **more,
        )


def _answers(feed: str) -> tuple[Answer, ...]:
    """What some recipients of a feed's messages write."""
    from nightmail.demonstration.outcomes import Answer

    common = (
        Answer("stop", ("STOP", "Stop", "STOPP", "ARRET"), 0.006),
        Answer(
            "probable_stop",
            ("please leave me alone", "Who are you? Don't text me again", "Lassen Sie das bitte"),
            0.001,
        ),
    )
    own = {
        "invoices": Answer(
            "text", ("Thank you, I will pay on Friday.", "Ich habe schon bezahlt.", "Which invoice is this?"), 0.02
        ),
        "meter-readings": Answer("text", ("04418", "It shows 21907", "Der Stand ist 7730", "23 118"), 0.09),
        "appointments": Answer("text", ("YES", "JA", "SI", "NO", "Can I come at ten instead?"), 0.45),
        "storm-warnings": Answer("text", ("Danke!", "Is the school open?", "When is it over?"), 0.015),
        "results": Answer("text", ("شكرا", "תודה", "Can my daughter fetch it?"), 0.04),
    }
    return (*common, own[feed]) if feed in own else common
