"""Who looks where: each finder answers with what this person may see, at most :data:`MOST` of a kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from nightmail.access.people import list_people
from nightmail.access.permissions import Permission
from nightmail.campaigns.campaign_lists import CampaignFilter, find_campaigns
from nightmail.intake.feed_overviews import list_feeds
from nightmail.organisation.team_tree import teams_named
from nightmail.recipients.message_details import message_known
from nightmail.templates.template_listing import list_templates
from portal.web.campaigns.words import state_label
from portal.web.navigation import sections_for
from portal.web.signed_in import SignedIn
from portal.web.translating import gettext

MOST = 20


@dataclass(frozen=True)
class Found:
    """One thing that fits."""

    address: str
    name: str
    note: str = ""


@dataclass(frozen=True)
class Group:
    """What one finder found."""

    label: str
    found: tuple[Found, ...]


Finder = Callable[[Connection, SignedIn, str], Group]


def find(connection: Connection, me: SignedIn, wanted: str) -> tuple[Group, ...]:
    """The groups in which something fits ``wanted``."""
    groups = (finder(connection, me, wanted) for finder in FINDERS)
    return tuple(group for group in groups if group.found)


def _pages(_connection: Connection, me: SignedIn, wanted: str) -> Group:
    words = wanted.casefold().split()
    links = [link for section in sections_for(me, "") for link in section.links]
    fitting = [link for link in links if all(word in f"{link.label} {link.description}".casefold() for word in words)]
    found = tuple(Found(link.address, link.label, link.description) for link in fitting[:MOST])
    return Group(gettext("Pages"), found)


def _people(connection: Connection, me: SignedIn, wanted: str) -> Group:
    people = list_people(connection, me.principal, search=wanted, limit=MOST) if me.may(Permission.PEOPLE_SEE) else []
    return Group(
        gettext("People"), tuple(Found(f"/people/{person.id}", person.name, person.email) for person in people)
    )


def _teams(connection: Connection, me: SignedIn, wanted: str) -> Group:
    teams = teams_named(connection, me.teams(Permission.TEAM_SEE), wanted, limit=MOST)
    return Group(gettext("Teams"), tuple(Found(f"/teams/{team.path}", team.name, team.path) for team in teams))


def _campaigns(connection: Connection, me: SignedIn, wanted: str) -> Group:
    fitting = CampaignFilter(teams=me.teams(Permission.CAMPAIGN_SEE), search=wanted)
    rows = find_campaigns(connection, fitting, limit=MOST) if fitting.teams else []
    found = tuple(Found(f"/campaigns/{row.key}", row.key, state_label(row.state)) for row in rows)
    return Group(gettext("Campaigns"), found)


def _feeds(connection: Connection, me: SignedIn, wanted: str) -> Group:
    feeds = list_feeds(connection, me.teams(Permission.FEED_SEE), search=wanted, limit=MOST)
    return Group(gettext("Feeds"), tuple(Found(f"/feeds/{feed.id}", feed.name, feed.team) for feed in feeds))


def _templates(connection: Connection, me: SignedIn, wanted: str) -> Group:
    teams = me.teams(Permission.TEMPLATE_SEE)
    templates = list_templates(connection, teams, search=wanted, limit=MOST) if teams else []
    found = tuple(Found(f"/templates/{each.id}", each.name, each.team) for each in templates)
    return Group(gettext("Templates"), found)


def _messages(connection: Connection, me: SignedIn, wanted: str) -> Group:
    there = me.may(Permission.MESSAGE_SEE) and message_known(connection, me.principal, wanted)
    return Group(gettext("Messages"), (Found(f"/messages/{wanted}", wanted),) if there else ())


FINDERS: tuple[Finder, ...] = (_pages, _campaigns, _feeds, _templates, _people, _teams, _messages)
"""What is asked, in the order of the page."""
