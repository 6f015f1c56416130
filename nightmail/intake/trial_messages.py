"""A test message: the template as it is, with made-up values, to the person's own address or a phone that their team states for tests.

It goes the way of every message, as a campaign of one row, and is marked as a test wherever it is shown.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.access.people import PersonRow
from nightmail.access.principals import Principal
from nightmail.audit import write_entry
from nightmail.campaigns.campaign_rows import TRIAL, CampaignRow, get_campaign
from nightmail.campaigns.counts import record_counts
from nightmail.campaigns.creation import create_campaign
from nightmail.channels import CHANNELS, EMAIL_FIELD, PHONE_FIELDS
from nightmail.errors import UsageError
from nightmail.intake import queries
from nightmail.intake.send_drafts import DraftRow
from nightmail.organisation.feeds import FeedSettings
from nightmail.organisation.stored_templates import template_content
from nightmail.organisation.team_settings import trial_numbers
from nightmail.templates import Template, stored_template
from nightmail.templates.sample_values import sample_cell

OWN = EMAIL_FIELD
"""The way to one's own address."""
MOST = 10
"""Test messages of one draft."""


@dataclass(frozen=True, slots=True)
class TrialWay:
    """Where a test can go: the address of who asks for it, or a phone that the team states for tests."""

    word: str
    """How a form names it."""
    channels: tuple[str, ...]
    field: str
    address: str
    name: str
    """Of the phone; empty: one's own address."""


def trial_ways(connection: Connection, team: str, template: Template, person: PersonRow) -> list[TrialWay]:
    """Where a test of a team's template can go, one's own address first. Nobody is reached by a number that they typed themselves."""
    by_email = tuple(name for name in template.channels if EMAIL_FIELD in CHANNELS[name].fields)
    own = [TrialWay(OWN, by_email, EMAIL_FIELD, person.email, "")] if by_email else []
    by_number = [name for name in template.channels if CHANNELS[name].takes_numbers]
    phones = trial_numbers(connection, team) if by_number else ()
    return own + [
        TrialWay(f"{channel}:{_digest(phone.number)}", (channel,), PHONE_FIELDS[0], phone.number, phone.name)
        for channel in by_number
        for phone in phones
    ]


def send_trial(
    connection: Connection, draft: DraftRow, person: PersonRow, *, by: Principal, way: str = OWN
) -> tuple[CampaignRow, TrialWay]:
    """Send a draft's template to the person who prepares it, or to a phone of their team's, in the caller's transaction.

    It needs no consent, no approval and no waiting, since it goes to who asked for it, or to who gave their phone for that; that an
    address is suppressed holds all the same. Raises :class:`UsageError` (``trial_not_possible``, ``trial_limit``).
    """
    content = template_content(connection, draft.template_version_id)
    template = stored_template(dict(content or {}))
    ways = {each.word: each for each in trial_ways(connection, draft.team, template, person)}
    if way not in ways or by.actor != f"person:{person.id}":
        raise UsageError("trial_not_possible", template=draft.template)
    to = ways[way]
    if int(connection.scalar(text(queries.COUNT_TRIAL), {"id": draft.id}) or 0) > MOST:
        raise UsageError("trial_limit", limit=MOST)
    category, now = connection.execute(text(queries.CATEGORY_OF_VERSION), {"version": draft.template_version_id}).one()
    settings = FeedSettings.model_validate({"channels": to.channels, "needs_consent": False, "priority": 0})
    campaign = create_campaign(
        connection,
        team_id=draft.team_id,
        template_version_id=draft.template_version_id,
        category_id=category,
        source="single",
        actor=by.actor,
        name="test",
        settings=settings.stored(),
        priority=0,
        accepts_until=now - dt.timedelta(seconds=1),
    )
    record_counts(connection, campaign.id, {TRIAL: True})
    connection.execute(
        text(queries.ADD_SINGLE_MESSAGE),
        {"campaign": campaign.id, "line": 1, "row": json.dumps(_row(template, person, to)), "actor": by.actor},
    )
    write_entry(
        connection,
        actor=by.actor,
        action="send.tested",
        subject=f"send:{draft.id}",
        team_id=draft.team_id,
        detail={"campaign": campaign.key, "channels": list(to.channels), "phone": to.name or None},
    )
    return get_campaign(connection, campaign.id), to


def _digest(number: str) -> str:
    """What stands for a number in a form: a page need not show it in full."""
    return hashlib.sha256(number.encode()).hexdigest()[:16]


def _row(template: Template, person: PersonRow, to: TrialWay) -> dict[str, str]:
    """The row of a contact file: the address that the test goes to, and made-up values."""
    values = {
        name: sample_cell(name, str(placeholder.type), 0, placeholder.max_length)
        for name, placeholder in template.placeholders.items()
    }
    currencies = {
        placeholder.currency_column: "EUR"
        for placeholder in template.placeholders.values()
        if placeholder.currency_column
    }
    own = {"external_id": f"test-{person.id}", to.field: to.address, "language": person.language}
    return {**values, **currencies, **own, "time_zone": person.time_zone}
