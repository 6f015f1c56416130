"""A test message to oneself: the template as it is, with made-up values, to the person's own address and to nobody else.

It goes the way of every message, as a campaign of one row, and is marked as a test wherever it is shown.
"""

from __future__ import annotations

import datetime as dt
import json

from sqlalchemy import Connection, text

from nightmail.access.people import PersonRow
from nightmail.access.principals import Principal
from nightmail.audit import write_entry
from nightmail.campaigns.campaign_rows import TRIAL, CampaignRow, get_campaign
from nightmail.campaigns.counts import record_counts
from nightmail.campaigns.creation import create_campaign
from nightmail.channels import CHANNELS, EMAIL_FIELD
from nightmail.errors import UsageError
from nightmail.intake import queries
from nightmail.intake.send_drafts import DraftRow
from nightmail.organisation.feeds import FeedSettings
from nightmail.organisation.stored_templates import template_content
from nightmail.templates import Template, stored_template
from nightmail.templates.sample_values import sample_cell

MOST = 10
"""Test messages of one draft."""


def trial_channels(template: Template) -> tuple[str, ...]:
    """The channels of a template by which a person can be reached: those that go to an email address, which is all that is known."""
    return tuple(name for name in template.channels if EMAIL_FIELD in CHANNELS[name].fields)


def send_trial(connection: Connection, draft: DraftRow, person: PersonRow, *, by: Principal) -> CampaignRow:
    """Send a draft's template to the person who prepares it, in the caller's transaction.

    It needs no consent, no approval and no waiting, since it goes to who asked for it; that an address is suppressed holds all the
    same. Raises :class:`UsageError` (``trial_not_possible``, ``trial_limit``).
    """
    content = template_content(connection, draft.template_version_id)
    template = stored_template(dict(content or {}))
    channels = trial_channels(template)
    if not channels or by.actor != f"person:{person.id}":
        raise UsageError("trial_not_possible", template=draft.template)
    if int(connection.scalar(text(queries.COUNT_TRIAL), {"id": draft.id}) or 0) > MOST:
        raise UsageError("trial_limit", limit=MOST)
    category, now = connection.execute(text(queries.CATEGORY_OF_VERSION), {"version": draft.template_version_id}).one()
    settings = FeedSettings.model_validate({"channels": channels, "needs_consent": False, "priority": 0})
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
        {"campaign": campaign.id, "line": 1, "row": json.dumps(_row(template, person)), "actor": by.actor},
    )
    write_entry(
        connection,
        actor=by.actor,
        action="send.tested",
        subject=f"send:{draft.id}",
        team_id=draft.team_id,
        detail={"campaign": campaign.key},
    )
    return get_campaign(connection, campaign.id)


def _row(template: Template, person: PersonRow) -> dict[str, str]:
    """The row of a contact file: the person's own address, and made-up values."""
    values = {
        name: sample_cell(name, str(placeholder.type), 0, placeholder.max_length)
        for name, placeholder in template.placeholders.items()
    }
    currencies = {
        placeholder.currency_column: "EUR"
        for placeholder in template.placeholders.values()
        if placeholder.currency_column
    }
    own = {"external_id": f"test-{person.id}", EMAIL_FIELD: person.email, "language": person.language}
    return {**values, **currencies, **own, "time_zone": person.time_zone}
