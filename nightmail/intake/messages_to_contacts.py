"""A single message to one contact of the address book: it joins a feed's open campaign, as those of programs do.

By a feed of the contact's own team its ids of people are the book's, so that what the contact chose, agreed to and got holds. By a
feed of a team below, with which the contact is shared, the message is a campaign of its own that states the contact's id, as one
of a list does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection

from nightmail.access.decisions import allowed, require, teams_with
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.audit import write_entry
from nightmail.campaigns.campaign_rows import OF_BOOK, get_campaign
from nightmail.campaigns.counts import record_counts
from nightmail.contacts.contact_listing import ContactRow
from nightmail.contacts.list_files import ID_COLUMN
from nightmail.errors import UsageError
from nightmail.intake.feed_campaigns import create_feed_campaign
from nightmail.intake.feed_overviews import FeedOverview, list_feeds
from nightmail.intake.single_messages import Joined, add_rows, join_open_campaign
from nightmail.organisation.stored_feeds import FeedRow
from nightmail.organisation.teams import is_at_or_below
from nightmail.store.clock import database_time

MOST_FEEDS = 200


def may_write_to(contact: ContactRow, by: Principal) -> bool:
    """Whether ``by`` may send to a contact by some feed: for its team, or for one below it with which it is shared."""
    if contact.removed_at is not None:
        return False
    return allowed(by, Permission.CAMPAIGN_SEND, contact.team).yes or bool(contact.shared and _below(contact, by))


def feeds_to_contact(connection: Connection, contact: ContactRow, *, by: Principal) -> list[FeedOverview]:
    """The feeds by which ``by`` may write to a contact, by name; none to a contact that is removed."""
    if not may_write_to(contact, by):
        return []
    teams = [contact.team] if allowed(by, Permission.CAMPAIGN_SEND, contact.team).yes else _below(contact, by)
    found = list_feeds(connection, teams, limit=MOST_FEEDS)
    return [each for each in found if each.sends and (contact.shared or each.team == contact.team)]


def _below(contact: ContactRow, by: Principal) -> list[str]:
    """The teams below a contact's at which ``by`` may send."""
    return [team for team in teams_with(by, Permission.CAMPAIGN_SEND) if is_at_or_below(team, contact.team)]


def row_of_contact(contact: ContactRow, values: Mapping[str, str]) -> dict[str, str]:
    """The row of a contact file that a contact is, with the values of placeholders."""
    known = {name: str(value) for name, value in contact.fields().items() if value is not None and name != "name"}
    return {**{name: value for name, value in values.items() if value}, **known}


def message_contact(
    connection: Connection,
    feed: FeedRow,
    contact: ContactRow,
    values: Mapping[str, str],
    *,
    by: Principal,
    window_s: int,
) -> Joined:
    """Send a feed's template to one contact, in the caller's transaction.

    Raises :class:`NightmailError` (``not_permitted``) and :class:`UsageError` (``feed_unknown``: of a team that does not use the
    contact; ``contact_unknown``: it is removed).
    """
    require(by, Permission.CAMPAIGN_SEND, feed.team)
    if feed.team != contact.team and not (contact.shared and is_at_or_below(feed.team, contact.team)):
        raise UsageError("feed_unknown", value=f"{feed.team}/{feed.name}", known="-")
    if contact.removed_at is not None:
        raise UsageError("contact_unknown", contact=contact.id)
    row = row_of_contact(contact, values)
    if feed.team == contact.team:
        joined = join_open_campaign(connection, feed, [row], actor=by.actor, window_s=window_s)
    else:
        joined = _campaign_of_its_own(connection, feed, {**row, ID_COLUMN: contact.contact_id}, by)
    write_entry(
        connection,
        actor=by.actor,
        action="message.asked_for",
        subject=f"contact:{contact.contact_id}",
        team_id=feed.team_id,
        detail={"campaign": joined.campaign.key, "feed": f"{feed.team}/{feed.name}"},
    )
    return joined


def _campaign_of_its_own(connection: Connection, feed: FeedRow, row: Mapping[str, str], by: Principal) -> Joined:
    """A campaign that nobody joins, since the id of a contact is believed there."""
    update = {"mapping": {name: name for name in row}, "unique_by": (ID_COLUMN,)}
    stated = replace(feed, settings=feed.settings.model_copy(update=update))
    closed = database_time(connection) - dt.timedelta(seconds=1)
    campaign = create_feed_campaign(connection, stated, source="single", actor=by.actor, accepts_until=closed)
    record_counts(connection, campaign.id, {OF_BOOK: True})
    lines = add_rows(connection, campaign, [row], actor=by.actor)
    return Joined(get_campaign(connection, campaign.id), lines, closed)
