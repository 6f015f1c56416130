"""A single message to one contact of the address book: it joins a feed's open campaign, as those of programs do.

The feed is one of the contact's own team, whose ids of people are the book's: so that what the contact chose, agreed to and got holds.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from nightmail.access.decisions import allowed, require
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.audit import write_entry
from nightmail.contacts.contact_listing import ContactRow
from nightmail.errors import UsageError
from nightmail.intake.feed_overviews import FeedOverview, list_feeds
from nightmail.intake.single_messages import Joined, join_open_campaign
from nightmail.organisation.stored_feeds import FeedRow

MOST_FEEDS = 200


def feeds_to_contact(connection: Connection, contact: ContactRow, *, by: Principal) -> list[FeedOverview]:
    """The feeds by which ``by`` may write to a contact, by name; none to a contact that is removed."""
    if contact.removed_at is not None or not allowed(by, Permission.CAMPAIGN_SEND, contact.team).yes:
        return []
    found = list_feeds(connection, [contact.team], limit=MOST_FEEDS)
    return [each for each in found if each.team == contact.team and each.sends]


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

    Raises :class:`NightmailError` (``not_permitted``) and :class:`UsageError` (``feed_unknown``: of another team;
    ``contact_unknown``: it is removed).
    """
    require(by, Permission.CAMPAIGN_SEND, feed.team)
    if feed.team != contact.team:
        raise UsageError("feed_unknown", value=f"{feed.team}/{feed.name}", known="-")
    if contact.removed_at is not None:
        raise UsageError("contact_unknown", contact=contact.id)
    joined = join_open_campaign(connection, feed, [row_of_contact(contact, values)], actor=by.actor, window_s=window_s)
    write_entry(
        connection,
        actor=by.actor,
        action="message.asked_for",
        subject=f"contact:{contact.contact_id}",
        team_id=contact.team_id,
        detail={"campaign": joined.campaign.key, "feed": f"{feed.team}/{feed.name}"},
    )
    return joined
