"""Every role, every page, every place in the tree: what the one decision says is what the page answers.

The pages are read from the application. One that declares nothing of who may see it fails in `test_shell.py`; one about something of
a team, of which nobody says here how it is asked for, fails here.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from sqlalchemy import text

from nightmail.access.api_keys import create_key, verify_key
from nightmail.access.decisions import allowed
from nightmail.access.grants import grants_of
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal, person_principal
from nightmail.access.ready_made_roles import READY_MADE
from nightmail.access.roles import make_role
from nightmail.campaigns.suspensions import suspend_channel
from nightmail.consent.merges import merge
from nightmail.consent.suppressions import record_suppressions
from nightmail.contacts.distribution_lists import make_list
from nightmail.contacts.groups import make_group
from nightmail.contacts.segments import make_segment
from nightmail.privacy import address_hash
from portal.web import ROUTERS
from portal.web.signed_in import declared_by
from portal.web.uploads.receiving import UPLOAD_FORMS
from tests.portal.conftest import Organisation, RunningPortal
from tests.portal.web.people import MACHINE, make_person, session_of
from tests.portal.web.sample_attention import campaign_of, message_of, raise_alert_of, reply_of
from tests.portal.web.sample_contacts import BY, KEY, contact_of, import_in
from tests.portal.web.sample_recipients import Ledger, contact_id

OWN = "acme.billing"
TEAMS = {"own": OWN, "upper": "acme", "lower": "acme.billing.north", "sibling": "acme.care", "foreign": "brick"}


@dataclass
class Things:
    """Makes what pages are asked about, each of a team."""

    organisation: Organisation
    numbers: Any = field(default_factory=lambda: count(1))

    def person(self, team: str) -> dict[str, int]:
        """A viewer of the team, with a grant and a session."""
        engine = self.organisation.engine
        person = make_person(engine, role="viewer", team=team, name=f"Vic {next(self.numbers)}")
        session_of(engine, person)
        with engine.connect() as connection:
            session = connection.scalar(text("select max(id) from person_session where person_id = :p"), {"p": person})
            (grant,) = grants_of(connection, person)
        assert session is not None
        return {"person_id": person, "session_id": session, "grant_id": grant.id}

    def role(self, team: str) -> dict[str, int]:
        """A role of the team's own."""
        with self.organisation.engine.begin() as connection:
            name = f"own_{next(self.numbers)}"
            made = make_role(connection, by=MACHINE, team=team, name=name, title=name, permissions=["campaign.see"])
            return {"role_id": made.id}

    def key(self, team: str) -> dict[str, int]:
        """A key of the team."""
        with self.organisation.engine.begin() as connection:
            secret = create_key(
                connection,
                team_id=self.organisation.teams[team],
                name=f"k{next(self.numbers)}",
                permissions=["campaign.see"],
            )
            return {"key_id": verify_key(connection, secret).key_id}

    def alert(self, team: str) -> dict[str, int]:
        """An open alert of the team."""
        return {"alert_id": raise_alert_of(self.organisation, team, f"carrier:{next(self.numbers)}")}

    def suspension(self, team: str) -> dict[str, int]:
        """A suspension of a channel for the team."""
        engine, number = self.organisation.engine, next(self.numbers)
        row = suspend_channel(engine, "sms", reason=f"test {number}", by="test", team_id=self.organisation.teams[team])
        return {"suspension_id": row.id}

    def doubt(self, team: str) -> dict[str, str]:
        """A message in doubt, of a new campaign of the team."""
        campaign = campaign_of(self.organisation.engine, team, "sending")
        return {"message_id": message_of(self.organisation.engine, campaign, state="in_doubt")}

    def campaign(self, team: str) -> dict[str, str]:
        """A new campaign of the team."""
        return {"campaign": campaign_of(self.organisation.engine, team, "sending").key, "line": "2"}

    def account(self, team: str) -> dict[str, int]:
        """A carrier account of the team."""
        made = self._row(
            "insert into carrier_account (name, carrier, channel, team_id) values (:name, 'twilio', 'sms', :team)", team
        )
        return {"account_id": made}

    def sender(self, team: str) -> dict[str, int]:
        """A sender of the team, over an account that belongs to no team."""
        made = self._row(
            "insert into sender (name, address, channel, team_id, carrier_account_id) "
            "select :name, '+15005550006', 'sms', :team, id from carrier_account where name = 'twilio'",
            team,
        )
        return {"sender_id": made}

    def server(self, team: str) -> dict[str, int]:
        """An SFTP server that the team's file names, without any feed."""
        made = self._row(
            "insert into sftp_server (name, host, username, host_key, provisioned_by) "
            "select :name, 'sftp.example', 'x', 'ssh-ed25519 AAAA', path from team where id = :team",
            team,
        )
        return {"server_id": made}

    def webhook(self, team: str) -> dict[str, int]:
        """A webhook of the team."""
        made = self._row(
            "insert into webhook (url, events, secret, team_id) "
            "values ('https://hooks.example/' || :name, '{campaign.finished}', 'derived:1', :team)",
            team,
        )
        return {"webhook_id": made}

    def feed(self, team: str) -> dict[str, int]:
        """A feed of the team, whose template is of the top team."""
        made = self._row(
            "insert into feed (name, team_id, template_id) select :name, :team, id from template where name = 'visit'",
            team,
        )
        return {"feed_id": made}

    def upload(self, team: str) -> dict[str, int]:
        """A file that came to the team."""
        made = self._row(
            "insert into received_file (name, team_id, source, path, size) values (:name, :team, 'portal', 'x', 1)",
            team,
        )
        return {"upload_id": made}

    def template(self, team: str) -> dict[str, int]:
        """A template of the team, with an email."""
        made = self._row(
            "insert into template (name, team_id, category_id) select :name, :team, min(id) from category", team
        )
        content = {
            "name": "x",
            "category": "billing",
            "languages": {"en": {"email": {"subject": "S", "html": "<p>H</p>"}}},
        }
        statement = (
            "insert into template_version (template_id, version, content) values (:id, 1, cast(:content as jsonb))"
        )
        self.organisation.change(statement, id=made, content=json.dumps(content))
        return {"template_id": made, "version": 1}

    def _row(self, statement: str, team: str) -> int:
        values = {"name": f"n{next(self.numbers)}", "team": self.organisation.teams[team]}
        with self.organisation.engine.begin() as connection:
            return int(connection.execute(text(f"{statement} returning id"), values).scalar_one())

    def sent_message(self, team: str) -> dict[str, str]:
        """An email of the team."""
        with self.organisation.engine.begin() as connection:
            return {"message": Ledger(connection, team).message(1, channel="email")}

    def recipient(self, team: str) -> dict[str, str]:
        """A contact of the team to whom a message went."""
        self.sent_message(team)
        return {"kind": "contact", "digest": contact_id(team)}

    def contact(self, team: str) -> dict[str, int]:
        """A contact of the team."""
        made, other = (contact_of(self.organisation.engine, team, f"c{next(self.numbers)}").id for _ in range(2))
        return {"contact_id": made, "other_id": other}

    def contact_import(self, team: str) -> dict[str, int]:
        """An import into the team's address book."""
        return {"import_id": import_in(self.organisation.engine, team)}

    def merge(self, team: str) -> dict[str, int]:
        """Two contacts of the team that became one."""
        first, second = (contact_of(self.organisation.engine, team, f"c{next(self.numbers)}") for _ in range(2))
        with self.organisation.engine.begin() as connection:
            return {"merge_id": merge(connection, first, second, by=BY, key=KEY)[1]}

    def group(self, team: str) -> dict[str, int]:
        """A group of the team."""
        with self.organisation.engine.begin() as connection:
            return {"group_id": make_group(connection, by=MACHINE, team=team, name=f"n{next(self.numbers)}").id}

    def segment(self, team: str) -> dict[str, int]:
        """A segment of the team."""
        with self.organisation.engine.begin() as connection:
            name = f"n{next(self.numbers)}"
            return {"segment_id": make_segment(connection, by=MACHINE, team=team, name=name, rule={"all": []}).id}

    def list(self, team: str) -> dict[str, int]:
        """A distribution list of the team."""
        with self.organisation.engine.begin() as connection:
            return {"list_id": make_list(connection, by=MACHINE, team=team, name=f"n{next(self.numbers)}").id}

    def send(self, team: str) -> dict[str, int]:
        """A send that somebody of the team prepares."""
        made = self._row(
            "insert into send_draft (name, team_id, template_version_id, source, created_by, expires_at) "
            "select :name, :team, min(id), 'file', 'person:0', now() + interval '1 hour' from template_version",
            team,
        )
        return {"send_id": made, "number": 0}

    def suppression(self, team: str) -> dict[str, int]:
        """An address that must not be used by the team."""
        hashed = address_hash(f"+4917012345{next(self.numbers)}", b"test")
        with self.organisation.engine.begin() as connection:
            (made,) = record_suppressions(
                connection, [("sms", hashed)], team_id=self.organisation.teams[team], reason="by_hand", source="test"
            )
        return {"suppression_id": made}

    def reply(self, team: str) -> dict[str, int]:
        """A reply to the team that waits for a decision."""
        return {"reply_id": reply_of(self.organisation.engine, team)}


MADE: Mapping[str, Callable[[Things, str], Mapping[str, int | str]]] = {
    "person_id": Things.person,
    "role_id": Things.role,
    "key_id": Things.key,
    "alert_id": Things.alert,
    "suspension_id": Things.suspension,
    "suppression_id": Things.suppression,
    "reply_id": Things.reply,
    "message_id": Things.doubt,
    "campaign": Things.campaign,
    "path": lambda _, team: {"path": team},
    "account_id": Things.account,
    "sender_id": Things.sender,
    "server_id": Things.server,
    "webhook_id": Things.webhook,
    "feed_id": Things.feed,
    "upload_id": Things.upload,
    "template_id": Things.template,
    "message": Things.sent_message,
    "kind": Things.recipient,
    "contact_id": Things.contact,
    "import_id": Things.contact_import,
    "merge_id": Things.merge,
    "group_id": Things.group,
    "segment_id": Things.segment,
    "list_id": Things.list,
    "send_id": Things.send,
}
"""How something of a team is made, by the parameter of a page's address that names it."""
SEEN_BY: Mapping[str, Permission] = {
    "person_id": Permission.PEOPLE_SEE,
    "role_id": Permission.PEOPLE_SEE,
    "key_id": Permission.KEY_SEE,
    "alert_id": Permission.ALERT_SEE,
    "suspension_id": Permission.CHANNEL_SUSPEND,
    "suppression_id": Permission.SUPPRESSION_SEE,
    "reply_id": Permission.REPLY_SEE,
    "message_id": Permission.MESSAGE_SEE,
    "campaign": Permission.MESSAGE_SEE,
    "path": Permission.TEAM_SEE,
    "account_id": Permission.CARRIER_SEE,
    "sender_id": Permission.CARRIER_SEE,
    "server_id": Permission.FEED_SEE,
    "webhook_id": Permission.WEBHOOK_EDIT,
    "feed_id": Permission.FEED_SEE,
    "upload_id": Permission.FILE_SEE,
    "template_id": Permission.TEMPLATE_SEE,
    "message": Permission.MESSAGE_SEE,
    "kind": Permission.MESSAGE_SEE,
    "contact_id": Permission.CONTACT_SEE,
    "import_id": Permission.CONTACT_SEE,
    "merge_id": Permission.CONTACT_SEE,
    "group_id": Permission.CONTACT_SEE,
    "segment_id": Permission.CONTACT_SEE,
    "list_id": Permission.CONTACT_SEE,
    "send_id": Permission.CAMPAIGN_SEND,
}
"""What it takes to see that something is there at all."""
OF_ONE_PERSON = frozenset({"send_id"})
"""What is its maker's alone: nobody else finds it, whatever they hold (`test_send.py` has its maker)."""
SEEN_FROM_BELOW = frozenset(
    {("GET", "/roles/{role_id}"), ("GET", "/suspensions/{suspension_id}"), ("GET", "/opt-outs/{suppression_id}")}
)
"""A team's role can be given at the teams below, which see it; its suspensions and suppressions hold their messages back."""


def _pages() -> Iterator[tuple[str, str, Permission]]:
    """Method, path and permission of every page that declares one."""
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute):
                needed = [word for word in _declared(route.dependant) if word not in ("anyone", "recently", "public")]
                for method in sorted(route.methods or ()):
                    for permission in needed:
                        yield method, route.path, Permission(permission)


def _declared(dependant: Dependant) -> list[str]:
    found = [declared_by(below.call) for below in dependant.dependencies]
    return [word for word in found if word] + [word for below in dependant.dependencies for word in _declared(below)]


def _subject(path: str) -> str | None:
    """The parameter of an address that says whose something is; the first of several."""
    found = re.findall(r"{(\w+)}", path)
    return found[0] if found else None


def test_pages_about_something_of_a_team_are_in_the_matrix() -> None:
    pages = list(_pages())
    assert len(pages) > 30
    assert {_subject(path) for _, path, _ in pages} - {None} <= set(MADE), "say here how such a thing is made"


def test_what_the_decision_says_is_what_each_page_answers(organisation: Organisation, portal: RunningPortal) -> None:
    """A page that somebody may not see is not there: the same answer as for an address that does not exist."""
    _further_teams(organisation)
    things = Things(organisation)
    wrong: list[str] = []
    asked = 0
    for role in READY_MADE:
        client, principal = _signed_in(organisation, portal, role.name)
        with client:
            for method, path, permission in _pages():
                subject = _subject(path)
                holds = permission in role.permissions
                for place, team in TEAMS.items() if holds and subject else (("own", OWN),):
                    named = MADE[subject](things, team) if subject else {}
                    expected = holds and (subject is None or _may(principal, method, path, permission, subject, team))
                    status = _status(client, method, path.format(**named), organisation.feeds[OWN])
                    asked += 1
                    if (status not in (403, 404)) != expected or status >= 500:
                        wrong.append(f"{role.name}: {method} {path} of the {place} team: {status}")
    assert not wrong, f"{len(wrong)} of {asked}:\n" + "\n".join(wrong[:60])


def _status(client: httpx.Client, method: str, path: str, feed: int) -> int:
    """What a request is answered; 500 where the portal ends the connection instead."""
    sent: dict[str, Any] = {"data": {}} if method == "POST" else {}
    if method == "POST" and path in UPLOAD_FORMS:
        # A form with a file shows its token before the file, and is read no further without.
        sent = {"files": {"csrf": (None, client.headers["X-CSRF-Token"]), "feed": (None, str(feed))}}
    try:
        return client.request(method, path, **sent).status_code
    except httpx.ReadError:
        return 500


def _may(principal: Principal, method: str, path: str, permission: Permission, subject: str, team: str) -> bool:
    if subject in OF_ONE_PERSON:
        return False
    if (method, path) in SEEN_FROM_BELOW and OWN.startswith(f"{team}."):
        return True
    return all(allowed(principal, each, team).yes for each in (permission, SEEN_BY[subject]))


def _signed_in(organisation: Organisation, portal: RunningPortal, role: str) -> tuple[httpx.Client, Principal]:
    person = make_person(organisation.engine, role=role, team=OWN, name=role)
    token = session_of(organisation.engine, person)
    with organisation.engine.connect() as connection:
        statement = text("select csrf_secret from person_session where person_id = :person")
        secret = bytes(connection.execute(statement, {"person": person}).scalar_one())
        principal = person_principal(connection, person)
    headers = {"Accept": "text/html", "X-CSRF-Token": hmac.digest(secret, b"csrf", "sha256").hex()}
    client = httpx.Client(base_url=portal.url, timeout=30, trust_env=False, headers=headers)
    client.cookies.set("nightmail_session", token)
    return client, principal


def _further_teams(organisation: Organisation) -> None:
    with organisation.engine.begin() as connection:
        for path in TEAMS.values():
            if path not in organisation.teams:
                above = organisation.teams.get(path.rpartition(".")[0])
                statement = text("insert into team (path, name, parent_id) values (:path, :path, :above) returning id")
                made = connection.execute(statement, {"path": path, "above": above}).scalar_one()
                organisation.teams[path] = int(made)
