"""Every role, every endpoint, every place in the tree: what the one decision says is what the endpoint answers.

The endpoints are read from the application. One that needs no permission, of which nobody has decided what it does about personal
data, or that nobody says here how to ask, fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Connection, text

from nightmail.access.api_keys import create_key, verify_key
from nightmail.access.decisions import allowed
from nightmail.access.permissions import Permission
from nightmail.access.principals import system_principal
from nightmail.access.ready_made_roles import READY_MADE
from nightmail.consent.merges import merge
from nightmail.contacts.contact_changes import set_removed
from nightmail.contacts.contact_listing import find_contact
from nightmail.contacts.groups import make_group
from nightmail.privacy import address_hash
from portal.api.rights import PERSONAL_DATA, api_routes
from tests.portal.conftest import SECRET_KEY, Organisation, PortalStarter, RunningPortal

OWN = "acme.billing"
TEAMS = {"own": OWN, "upper": "acme", "lower": "acme.billing.north", "sibling": "acme.care", "foreign": "brick"}
ROLES: dict[str, frozenset[Permission]] = {
    **{role.name: role.permissions for role in READY_MADE},
    "everything but personal data": frozenset(Permission) - {Permission.PERSONAL_SEE},
    "nothing but personal data": frozenset({Permission.PERSONAL_SEE}),
}
NUMBER = "+491701234567"
YES = frozenset({200, 201, 202, 204, 409})
"""What an endpoint answers that does what it is asked, or says that the thing's state does not allow it."""


@dataclass
class Things:
    """Makes what endpoints are asked about, each of a team."""

    organisation: Organisation
    teams: dict[str, int] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: count(1))
    lake: str = ""
    """Where a portal keeps its tables, for a test that asks for something in them."""

    def insert(self, statement: str, **values: Any) -> int:
        with self.organisation.engine.begin() as connection:
            return int(connection.execute(text(f"{statement} returning id"), values).scalar_one())

    def campaign(self, team: str, state: str = "received") -> Any:
        made = self.organisation.campaign(team)
        if state != "received":
            self.organisation.move(made, "checking", "ready", state)
        return made

    def doubt(self, team: str) -> tuple[str, str]:
        campaign = self.campaign(team, "sending")
        return campaign.key, self.organisation.message(campaign, line=2 + next(self.numbers), state="in_doubt")

    def reply(self, team: str, kind: str = "probable_stop") -> int:
        statement = (
            "insert into reply (event_key, team_id, channel, kind, address, address_hash, sent_to, text, received_at) "
            "values (:key, :team, 'sms', :kind, :number, 'h', :sent_to, :text, now())"
        )
        number = next(self.numbers)
        return self.insert(
            statement,
            key=f"e{number}",
            team=self.teams[team],
            kind=kind,
            number=NUMBER,
            sent_to=f"+1500555{number:04d}",
            text=_mark(team),
        )

    def suspension(self, team: str) -> int:
        statement = "insert into suspension (team_id, channel, reason, by) values (:team, 'voice', :reason, 'test')"
        return self.insert(statement, team=self.teams[team], reason=_mark(team))

    def suppression(self, team: str) -> int:
        statement = (
            "insert into suppression (team_id, channel, address_hash, category, reason, source) "
            "values (:team, 'sms', :hash, :category, 'by_hand', :source)"
        )
        hashed = address_hash(NUMBER, SECRET_KEY.encode())
        number = next(self.numbers)
        return self.insert(
            statement, team=self.teams[team], hash=hashed, category=f"c{number}", source=f"{_mark(team)}"
        )

    def alert(self, team: str) -> int:
        statement = (
            "insert into alert (reason, subject, message, team_id) values ('in_doubt', :subject, :message, :team)"
        )
        return self.insert(statement, subject=f"a{next(self.numbers)}", message=_mark(team), team=self.teams[team])

    def webhook(self, team: str) -> int:
        statement = (
            "insert into webhook (team_id, url, events, secret) values (:team, :url, '{message.receipts}', 'env:X')"
        )
        return self.insert(statement, team=self.teams[team], url=f"https://127.0.0.1:9/{_mark(team)}")

    def key(self, team: str) -> int:
        with self.organisation.engine.begin() as connection:
            secret = create_key(
                connection,
                team_id=self.teams[team],
                name=f"{_mark(team)} {next(self.numbers)}",
                permissions=["key.see"],
            )
            return verify_key(connection, secret).key_id

    def file(self, team: str) -> int:
        statement = (
            "insert into received_file (team_id, feed_id, name, source, path, size, state) "
            "values (:team, :feed, :name, 'api', :path, 1, 'refused')"
        )
        number = next(self.numbers)
        feed = self.organisation.feeds[team]
        return self.insert(statement, team=self.teams[team], feed=feed, name=f"f{number}.csv", path=f"p{number}")

    def contact(self, team: str) -> int:
        statement = "insert into contact (team_id, contact_id, external_id, phone) values (:team, :contact, :id, '+491701234567')"
        number = next(self.numbers)
        return self.insert(statement, team=self.teams[team], contact=f"{number:032x}", id=f"EXT-{number}")

    def attribute(self, team: str) -> int:
        statement = "insert into contact_attribute (team_id, name, type, created_by) values (:team, :name, 'text', 'x')"
        return self.insert(statement, team=self.teams[team], name=f"a{next(self.numbers)}")

    def note(self, team: str) -> tuple[int, int]:
        contact = self.contact(team)
        statement = "insert into contact_note (contact_id, text, created_by) values (:contact, 'Rang.', 'x')"
        return contact, self.insert(statement, contact=contact)

    def segment(self, team: str) -> int:
        statement = "insert into segment (team_id, name, rule, changed_by) values (:team, :name, '{\"all\": []}', 'x')"
        return self.insert(statement, team=self.teams[team], name=f"{_mark(team)} {next(self.numbers)}")

    def list(self, team: str) -> int:
        statement = "insert into distribution_list (team_id, name, changed_by) values (:team, :name, 'x')"
        made = self.insert(statement, team=self.teams[team], name=f"{_mark(team)} {next(self.numbers)}")
        entry = "insert into list_entry (list_id, kind, target_id) values (:list, 'contact', :contact)"
        self.insert(entry, list=made, contact=self.contact(team))
        return made

    def template(self, team: str) -> str:
        """A template of the team's own, with a body for everybody."""
        name = f"t_{next(self.numbers)}"
        template = self.insert(
            "insert into template (team_id, name, category_id) select :team, :name, id from category order by id limit 1",
            team=self.teams[team],
            name=name,
        )
        content = '{"category": "service", "languages": {"en": {"sms": "Hello"}}}'
        statement = (
            "insert into template_version (template_id, version, content) values (:id, 1, cast(:content as jsonb))"
        )
        self.insert(statement, id=template, content=content)
        return name

    def contact_import(self, team: str) -> int:
        """An import that waits to be applied."""
        return self._import(team)

    def applied_import(self, team: str) -> int:
        """One that was applied, and changed nothing."""
        return self._import(team, "applied")

    def _import(self, team: str, state: str = "checked") -> int:
        statement = (
            "insert into contact_import (team_id, source, mode, name, size, sha256, state, created_by) "
            "values (:team, 'api', 'update', :name, 1, '', :state, 'x')"
        )
        return self.insert(statement, team=self.teams[team], name=_mark(team), state=state)

    def removed_contact(self, team: str) -> int:
        number = self.contact(team)
        with self.organisation.engine.begin() as connection:
            by = system_principal("test")
            set_removed(connection, find_contact(connection, by, number), by=by, removed=True)
        return number

    def group(self, team: str) -> int:
        with self.organisation.engine.begin() as connection:
            name = f"{_mark(team)} {next(self.numbers)}"
            return make_group(connection, by=system_principal("test"), team=team, name=name).id

    def merge(self, team: str) -> int:
        with self.organisation.engine.begin() as connection:
            by = system_principal("test")
            first, second = (find_contact(connection, by, self.contact(team)) for _ in range(2))
            return merge(connection, first, second, by=by, key=SECRET_KEY.encode())[1]

    def entry(self, team: str) -> None:
        from nightmail.audit import write_entry

        with self.organisation.engine.begin() as connection:
            write_entry(connection, actor="test", action="test.done", subject=_mark(team), team_id=self.teams[team])


def _mark(team: str) -> str:
    return f"mark-{team.replace('.', '-').replace('_', '-')}-end"


@dataclass(frozen=True)
class Asked:
    """A request about something of a team. With ``shows`` the answer is a list, which has this if and only if it may be seen."""

    path: str
    json: Any = None
    content: bytes | None = None
    shows: str | None = None
    of_above: str = "absent"
    """What is told of a thing of a team above: a suppression holds for the teams below, which see it and may not lift it."""


def _campaign(suffix: str, state: str = "received", body: Any = None) -> Callable[[Things, str], Asked]:
    return lambda things, team: Asked(f"/v1/campaigns/{things.campaign(team, state).key}{suffix}", body)


def _of(make: str, path: str, body: Any = None) -> Callable[[Things, str], Asked]:
    """About one thing, made anew."""
    return lambda things, team: Asked(path.format(getattr(things, make)(team)), body)


def _listed(make: str, path: str, **more: Any) -> Callable[[Things, str], Asked]:
    """About the list in which a thing of the team is, or is not."""

    def asked(things: Things, team: str) -> Asked:
        getattr(things, make)(team)
        return Asked(path, shows=_mark(team), **more)

    return asked


def _doubt(things: Things, team: str, path: str) -> Asked:
    campaign, message = things.doubt(team)
    return Asked(path.format(campaign=campaign, message=message), {"decision": "failed"})


def _doubts(things: Things, team: str) -> Asked:
    campaign, _ = things.doubt(team)
    return Asked("/v1/doubts?limit=500", shows=f'"{campaign}"')


def _campaigns(things: Things, team: str) -> Asked:
    return Asked("/v1/campaigns?limit=500", shows=f'"{things.campaign(team).key}"')


def _upload(things: Things, team: str) -> Asked:
    name = f"u{next(things.numbers)}.csv"
    return Asked(f"/v1/contact-files?feed={team}/visits&name={name}", content=b"external_id,phone\n1,+491701234567\n")


def _single(_: Things, team: str) -> Asked:
    return Asked("/v1/messages", {"feed": f"{team}/visits", "recipients": [{"phone": NUMBER, "values": {"time": "9"}}]})


def _new_key(things: Things, team: str) -> Asked:
    return Asked("/v1/keys", {"name": f"n{next(things.numbers)}", "permissions": ["key.see"], "team": team})


def _suspend(_: Things, team: str) -> Asked:
    return Asked("/v1/suspensions", {"channel": "email", "reason": "matrix", "team": team})


def _recipient(things: Things, team: str) -> Asked:
    campaign = things.campaign(team)
    things.organisation.message(campaign, address=NUMBER)
    return Asked(f"/v1/recipients?who={NUMBER.replace('+', '%2B')}", shows=f'"{campaign.key}"')


def _suppress(_: Things, team: str) -> Asked:
    return Asked("/v1/suppressions", {"address": NUMBER, "channel": "sms", "team": team})


def _listed_of(make: str, path: str) -> Callable[[Things, str], Asked]:
    """About the list that a team's things stand in, asked for by the team."""

    def asked(things: Things, team: str) -> Asked:
        getattr(things, make)(team)
        return Asked(f"{path}?limit=500&team={team}", shows=_mark(team))

    return asked


def _named(path: str, **body: Any) -> Callable[[Things, str], Asked]:
    """A new thing of a team under a name of its own."""
    return lambda things, team: Asked(path, {"name": f"n {next(things.numbers)}", "team": team, **body})


def _consent(things: Things, team: str, path: str) -> Asked:
    category = things.organisation.rows("select name from category where team_id is null order by id limit 1")
    name = (
        category[0]["name"]
        if category
        else things.organisation.rows("select name from category order by id limit 1")[0]["name"]
    )
    return Asked(path, {"contact": f"C-{next(things.numbers)}", "category": name, "how": "call", "team": team})


def _list_campaign(things: Things, team: str) -> Asked:
    made = things.list(team)
    name = things.organisation.rows("select name from distribution_list where id = :id", id=made)[0]["name"]
    return Asked("/v1/campaigns", {"template": things.template(team), "list": name, "team": team})


def _contacts(things: Things, team: str) -> Asked:
    return Asked("/v1/contacts?limit=500", shows=f'"id":{things.contact(team)},')


def _new_contact(things: Things, team: str) -> Asked:
    return Asked("/v1/contacts", {"external_id": f"n{next(things.numbers)}", "team": team})


def _member(things: Things, team: str, path: str) -> Asked:
    return Asked(path.format(things.group(team)), {"members": [f"nobody {things.contact(team)}"]})


def _new_group(things: Things, team: str) -> Asked:
    return Asked("/v1/groups", {"name": f"n {next(things.numbers)}", "team": team})


def _decide(things: Things, team: str) -> Asked:
    return Asked("/v1/merges", {"keep": things.contact(team), "other": things.contact(team)})


def _register(_: Things, team: str) -> Asked | None:
    """A webhook is of the key's own team: there is no other to ask for."""
    return (
        Asked("/v1/webhooks", {"url": "https://127.0.0.1:9/x", "events": ["message.receipts"]}) if team == OWN else None
    )


ASKED: Mapping[tuple[str, str], Callable[[Things, str], Asked | None]] = {
    ("POST", "/v1/contact-files"): _upload,
    ("GET", "/v1/contact-files/{file_id}"): _of("file", "/v1/contact-files/{}"),
    ("POST", "/v1/messages"): _single,
    ("GET", "/v1/feeds"): lambda _, team: Asked("/v1/feeds?limit=500", shows=f'"{team}/visits"'),
    ("GET", "/v1/campaigns"): _campaigns,
    ("GET", "/v1/campaigns/{campaign}"): _campaign(""),
    ("POST", "/v1/campaigns/{campaign}/approve"): _campaign("/approve"),
    ("POST", "/v1/campaigns/{campaign}/pause"): _campaign("/pause", "sending"),
    ("POST", "/v1/campaigns/{campaign}/resume"): _campaign("/resume", "sending"),
    ("POST", "/v1/campaigns/{campaign}/cancel"): _campaign("/cancel", "sending"),
    ("GET", "/v1/campaigns/{campaign}/messages"): _campaign("/messages"),
    ("GET", "/v1/campaigns/{campaign}/contacts/{line}"): _campaign("/contacts/2"),
    ("GET", "/v1/campaigns/{campaign}/replies"): _campaign("/replies"),
    ("GET", "/v1/campaigns/{campaign}/rejects.csv"): _campaign("/rejects.csv"),
    ("GET", "/v1/campaigns/{campaign}/report"): _campaign("/report"),
    ("GET", "/v1/reports"): lambda _, team: Asked(f"/v1/reports?team={team}"),
    ("GET", "/v1/reports/export"): lambda _, team: Asked(f"/v1/reports/export?team={team}"),
    ("GET", "/v1/doubts"): _doubts,
    ("POST", "/v1/doubts/{message}"): lambda things, team: _doubt(things, team, "/v1/doubts/{message}"),
    ("POST", "/v1/campaigns/{campaign}/doubts"): lambda things, team: _doubt(
        things, team, "/v1/campaigns/{campaign}/doubts"
    ),
    ("GET", "/v1/suspensions"): _listed("suspension", "/v1/suspensions"),
    ("POST", "/v1/suspensions"): _suspend,
    ("DELETE", "/v1/suspensions/{suspension_id}"): _of("suspension", "/v1/suspensions/{}"),
    ("GET", "/v1/suppressions"): _listed(
        "suppression", f"/v1/suppressions?address={NUMBER.replace('+', '%2B')}", of_above="yes"
    ),
    ("POST", "/v1/suppressions"): _suppress,
    ("DELETE", "/v1/suppressions/{suppression_id}"): lambda things, team: Asked(
        f"/v1/suppressions/{things.suppression(team)}", of_above="suppression_above_team"
    ),
    ("POST", "/v1/campaigns"): _list_campaign,
    ("GET", "/v1/segments"): _listed_of("segment", "/v1/segments"),
    ("POST", "/v1/segments"): _named("/v1/segments", rule={"all": []}),
    ("POST", "/v1/segments/count"): lambda _, team: Asked("/v1/segments/count", {"rule": {"all": []}, "team": team}),
    ("GET", "/v1/segments/{segment_id}"): _of("segment", "/v1/segments/{}"),
    ("PATCH", "/v1/segments/{segment_id}"): _of("segment", "/v1/segments/{}", {"version": 1, "description": "x"}),
    ("DELETE", "/v1/segments/{segment_id}"): _of("segment", "/v1/segments/{}"),
    ("GET", "/v1/consents"): lambda _, team: Asked(f"/v1/consents?contact=C-1&team={team}"),
    ("POST", "/v1/consents"): lambda things, team: _consent(things, team, "/v1/consents"),
    ("GET", "/v1/consents/evidence"): lambda _, team: Asked(f"/v1/consents/evidence?contact=C-1&team={team}"),
    ("GET", "/v1/consents/texts"): lambda _, team: Asked(f"/v1/consents/texts?team={team}"),
    ("POST", "/v1/consents/texts"): lambda _, team: Asked(
        "/v1/consents/texts", {"name": "join", "text": "Yes.", "team": team}
    ),
    ("POST", "/v1/consents/withdrawals"): lambda things, team: _consent(things, team, "/v1/consents/withdrawals"),
    ("GET", "/v1/preferences"): lambda _, team: Asked(f"/v1/preferences?contact=C-1&team={team}"),
    ("POST", "/v1/preferences"): lambda _, team: Asked(
        "/v1/preferences", {"contact": "C-1", "changes": {"language": "en"}, "team": team}
    ),
    ("GET", "/v1/lists"): _listed_of("list", "/v1/lists"),
    ("POST", "/v1/lists"): _named("/v1/lists"),
    ("GET", "/v1/lists/{list_id}"): _of("list", "/v1/lists/{}"),
    ("GET", "/v1/lists/{list_id}/entries"): _of("list", "/v1/lists/{}/entries"),
    ("PATCH", "/v1/lists/{list_id}"): _of("list", "/v1/lists/{}", {"version": 1, "entries": []}),
    ("DELETE", "/v1/lists/{list_id}"): _of("list", "/v1/lists/{}"),
    ("POST", "/v1/contacts/imports"): lambda things, team: Asked(
        f"/v1/contacts/imports?mode=add&name=n{next(things.numbers)}.csv&team={team}",
        content=b"external_id,phone\nE1,+491701234567\n",
    ),
    ("GET", "/v1/contacts/imports"): _listed_of("contact_import", "/v1/contacts/imports"),
    ("GET", "/v1/contacts/imports/{number}"): _of("contact_import", "/v1/contacts/imports/{}"),
    ("POST", "/v1/contacts/imports/{number}/apply"): _of("contact_import", "/v1/contacts/imports/{}/apply", {}),
    ("POST", "/v1/contacts/imports/{number}/discard"): _of("contact_import", "/v1/contacts/imports/{}/discard"),
    ("POST", "/v1/contacts/imports/{number}/undo"): _of("applied_import", "/v1/contacts/imports/{}/undo"),
    ("GET", "/v1/contacts/imports/{number}/rejects.csv"): _of("contact_import", "/v1/contacts/imports/{}/rejects.csv"),
    ("GET", "/v1/recipients"): _recipient,
    ("GET", "/v1/contacts/attributes"): lambda _, team: Asked(f"/v1/contacts/attributes?team={team}"),
    ("POST", "/v1/contacts/attributes"): lambda things, team: Asked(
        "/v1/contacts/attributes", {"name": f"a{next(things.numbers)}", "team": team}
    ),
    ("PATCH", "/v1/contacts/attributes/{attribute}"): _of(
        "attribute", "/v1/contacts/attributes/{}", {"label": "Tariff"}
    ),
    ("POST", "/v1/contacts/attributes/{attribute}/remove"): _of("attribute", "/v1/contacts/attributes/{}/remove", {}),
    ("GET", "/v1/contacts"): _contacts,
    ("POST", "/v1/contacts"): _new_contact,
    ("GET", "/v1/contacts/export"): lambda _, team: Asked(f"/v1/contacts/export?team={team}"),
    ("GET", "/v1/contacts/{contact}"): _of("contact", "/v1/contacts/{}"),
    ("PATCH", "/v1/contacts/{contact}"): _of("contact", "/v1/contacts/{}", {"version": 1, "name": "Zoë"}),
    ("POST", "/v1/contacts/{contact}/remove"): _of("contact", "/v1/contacts/{}/remove", {"version": 1}),
    ("POST", "/v1/contacts/{contact}/restore"): _of("removed_contact", "/v1/contacts/{}/restore", {"version": 2}),
    ("GET", "/v1/contacts/{contact}/changes"): _of("contact", "/v1/contacts/{}/changes"),
    ("GET", "/v1/contacts/{contact}/notes"): _of("contact", "/v1/contacts/{}/notes"),
    ("DELETE", "/v1/contacts/{contact}/notes/{note}"): lambda things, team: Asked(
        "/v1/contacts/{}/notes/{}".format(*things.note(team))
    ),
    ("POST", "/v1/contacts/{contact}/notes"): _of("contact", "/v1/contacts/{}/notes", {"text": "Rang."}),
    ("GET", "/v1/groups"): _listed("group", "/v1/groups"),
    ("POST", "/v1/groups"): _new_group,
    ("PATCH", "/v1/groups/{group}"): _of("group", "/v1/groups/{}", {"version": 1, "description": "Changed"}),
    ("GET", "/v1/groups/{group}/members"): _of("group", "/v1/groups/{}/members"),
    ("POST", "/v1/groups/{group}/members"): lambda things, team: _member(things, team, "/v1/groups/{}/members"),
    ("POST", "/v1/groups/{group}/members/remove"): lambda things, team: _member(
        things, team, "/v1/groups/{}/members/remove"
    ),
    ("POST", "/v1/groups/{group}/remove"): _of("group", "/v1/groups/{}/remove", {"version": 1}),
    ("GET", "/v1/merges/proposals"): lambda _, team: Asked(f"/v1/merges/proposals?team={team}"),
    ("GET", "/v1/merges"): lambda things, team: Asked("/v1/merges", shows=f'"id":{things.merge(team)},'),
    ("POST", "/v1/merges"): _decide,
    ("POST", "/v1/merges/{number}/undo"): _of("merge", "/v1/merges/{}/undo"),
    ("GET", "/v1/alerts"): _listed("alert", "/v1/alerts?limit=500"),
    ("POST", "/v1/alerts/{alert_id}/close"): _of("alert", "/v1/alerts/{}/close"),
    ("GET", "/v1/replies"): lambda things, team: Asked("/v1/replies?limit=500", shows=f'"id":{things.reply(team)},'),
    ("POST", "/v1/replies/{reply_id}/decision"): _of("reply", "/v1/replies/{}/decision", {"decision": "no_opt_out"}),
    ("POST", "/v1/webhooks"): _register,
    ("GET", "/v1/webhooks"): _listed("webhook", "/v1/webhooks?limit=500"),
    ("GET", "/v1/webhooks/{webhook_id}"): _of("webhook", "/v1/webhooks/{}"),
    ("DELETE", "/v1/webhooks/{webhook_id}"): _of("webhook", "/v1/webhooks/{}"),
    ("POST", "/v1/webhooks/{webhook_id}/test"): _of("webhook", "/v1/webhooks/{}/test"),
    ("GET", "/v1/webhooks/{webhook_id}/calls"): _of("webhook", "/v1/webhooks/{}/calls"),
    ("GET", "/v1/audit"): _listed("entry", "/v1/audit?limit=500&action=test.done"),
    ("GET", "/v1/audit/export"): _listed("entry", "/v1/audit/export?action=test.done"),
    ("GET", "/v1/keys"): _listed("key", "/v1/keys?limit=500"),
    ("POST", "/v1/keys"): _new_key,
    ("POST", "/v1/keys/{key_id}/rotate"): _of("key", "/v1/keys/{}/rotate", {"overlap_hours": 1}),
    ("DELETE", "/v1/keys/{key_id}"): _of("key", "/v1/keys/{}"),
}
"""How each endpoint is asked about something of a team."""


def test_every_endpoint_needs_a_permission_and_is_in_the_matrix() -> None:
    routes = {(method, path): needed for method, path, needed in api_routes()}
    assert [route for route, needed in routes.items() if not needed] == []
    assert set(routes) == set(ASKED), "say here how the endpoint is asked"
    assert set(routes) == set(PERSONAL_DATA), "decide what it does without personal.see: portal/api/rights.py"


@pytest.fixture
def things(organisation: Organisation) -> Things:
    made = Things(organisation, organisation.teams)
    with organisation.engine.begin() as connection:
        for path in TEAMS.values():
            if path not in made.teams:
                made.teams[path] = _team(connection, path, made.teams)
            if path not in organisation.feeds:
                organisation.feeds[path] = _feed(connection, made.teams[path])
    return made


def _team(connection: Connection, path: str, teams: Mapping[str, int]) -> int:
    statement = text("insert into team (path, name, parent_id) values (:path, :path, :above) returning id")
    above = teams.get(path.rpartition(".")[0])
    return int(connection.execute(statement, {"path": path, "above": above}).scalar_one())


def _feed(connection: Connection, team: int) -> int:
    statement = text(
        "insert into feed (team_id, name, template_id) select :team, 'visits', id from template limit 1 returning id"
    )
    return int(connection.execute(statement, {"team": team}).scalar_one())


def test_what_the_decision_says_is_what_each_endpoint_answers(start_portal: PortalStarter, things: Things) -> None:
    """12 roles × every endpoint × own, upper, lower, sibling and foreign team, by requests of a key with the role's permissions."""
    portal = start_portal(api_requests_per_s=1e6, webhook_private_addresses=True)
    wrong: list[str] = []
    before: dict[tuple[str, str, str], Asked | None] = {}
    asked = 0
    for role, permissions in ROLES.items():
        with things.organisation.engine.begin() as connection:
            key = create_key(connection, team_id=things.teams[OWN], name=role, permissions=permissions)
            principal = verify_key(connection, key).principal
        for method, path, needed in api_routes():
            for place, team in TEAMS.items():
                may = all(permission in permissions for permission in needed)
                # What is refused changes nothing: it can be asked about again.
                request = before.get((method, path, team)) if not may else None
                request = request or ASKED[method, path](things, team)
                if request is None:
                    continue
                before[method, path, team] = request
                asked += 1
                there = may and all(allowed(principal, permission, team).yes for permission in needed)
                otherwise = request.of_above if OWN.startswith(f"{team}.") else "absent"
                told = _answer(portal, method, key, request)
                expected = "refused" if not may else "yes" if there else otherwise
                if told != expected:
                    wrong.append(f"{role}: {method} {path} of the {place} team: {told}, not {expected}")
    assert not wrong, f"{len(wrong)} of {asked}:\n" + "\n".join(wrong[:40])
    assert asked > 2_000


def _answer(portal: RunningPortal, method: str, key: str, request: Asked) -> str:
    more: dict[str, Any] = {"json": request.json} if request.json is not None else {}
    if request.content is not None:
        more = {"content": request.content}
    answer = portal.api(method, request.path, key, **more)
    if answer.status_code == 403:
        reason = str(answer.json()["reason"])
        return "refused" if reason == "permission_missing" else reason
    if answer.status_code == 404:
        return "absent"
    if answer.status_code not in YES:
        return f"{answer.status_code} {answer.text[:200]}"
    if request.shows is None:
        return "yes"
    return "yes" if request.shows in json.dumps(answer.text) or request.shows in answer.text else "absent"
