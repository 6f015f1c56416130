"""Addresses of pages about people, roles and keys in the tests' organisation: each makes what its page shows."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Engine, text

from nightmail.access.grants import give_role
from nightmail.access.key_changes import new_key
from nightmail.access.people import Invitation, invite
from nightmail.access.permissions import Permission
from nightmail.access.principals import EVERYWHERE, Principal, system_principal
from nightmail.access.roles import find_role, make_role
from nightmail.campaigns.approval_records import ask_for_approval
from nightmail.campaigns.campaign_rows import get_campaign
from nightmail.campaigns.creation import create_campaign

BY: Principal = system_principal("tests")
LONG_NAME = (
    "عائشة بنت محمد · Ωμέγα Παπαδοπούλου · 山田太郎 · Александра Константиновна · Wolfeschlegelsteinhausenbergerdorff"
)


def person_address(engine: Engine, ending: str = "") -> str:
    """A person with two roles, one of them until a day."""
    with engine.begin() as connection:
        invitation = Invitation(
            email="aisha.papadopoulou@acme.example",
            name=LONG_NAME,
            country="DE",
            of_age=True,
            team="acme.billing",
            roles=["operator"],
            time_zone="Europe/Berlin",
        )
        person, _token = invite(connection, invitation, by=BY)
        until = dt.datetime(2027, 1, 31, tzinfo=dt.UTC)
        role = find_role(connection, "auditor", "acme")
        give_role(connection, by=BY, person_id=person.id, role=role, team="acme", expires_at=until)
    return f"/people/{person.id}{ending}"


def disable_address(engine: Engine) -> str:
    """The question before a person is disabled."""
    return person_address(engine, "/disable")


def reset_address(engine: Engine) -> str:
    """The question before somebody's ways to log in are forgotten."""
    return person_address(engine, "/reset")


def withdraw_address(engine: Engine) -> str:
    """The question before a role is withdrawn."""
    with engine.begin() as connection:
        invitation = Invitation(
            email="bo@acme.example", name="Bo Example", country="DE", of_age=True, team="acme.billing"
        )
        person, _token = invite(connection, invitation, by=BY)
        role = find_role(connection, "viewer", "acme.billing")
        grant = give_role(connection, by=BY, person_id=person.id, role=role, team="acme.billing")
    return f"/people/{person.id}/withdraw/{grant.id}"


def role_address(engine: Engine, ending: str = "") -> str:
    """A team's own role, which somebody has."""
    with engine.begin() as connection:
        role = make_role(
            connection,
            by=BY,
            team="acme",
            name="night_shift",
            title="Night shift",
            description="Keeps what runs at night going.",
            permissions=["campaign.see", "campaign.control", "alert.see", "alert.close"],
        )
        invitation = Invitation(
            email="bo@acme.example", name="Bo Example", country="DE", of_age=True, team="acme", roles=["night_shift"]
        )
        invite(connection, invitation, by=BY)
    return f"/roles/{role.id}{ending}"


def change_role_address(engine: Engine) -> str:
    """The form of an own role."""
    return role_address(engine, "/change")


def remove_role_address(engine: Engine) -> str:
    """The question before a role is removed."""
    return role_address(engine, "/remove")


def key_address(engine: Engine, ending: str = "") -> str:
    """A key that is taken from two networks."""
    with engine.begin() as connection:
        key, _secret = new_key(
            connection,
            by=BY,
            team="acme.billing",
            name="billing export",
            permissions=["file.upload", "campaign.see", "report.see"],
            allowed_networks=["192.0.2.0/24", "2001:db8::/32"],
        )
    return f"/api-keys/{key.id}{ending}"


def revoke_address(engine: Engine) -> str:
    """The question before a key ends."""
    return key_address(engine, "/revoke")


def rights_address(engine: Engine) -> str:
    """Who may see personal data at a team, and whether one person may."""
    person_address(engine)
    with engine.begin() as connection:
        invitation = Invitation(
            email="bo@acme.example",
            name="Bo Example",
            country="DE",
            of_age=True,
            team=EVERYWHERE,
            roles=["organisation_administrator"],
        )
        invite(connection, invitation, by=BY)
    return f"/rights?permission={Permission.CAMPAIGN_SEE}&team=acme.billing&person=aisha.papadopoulou@acme.example"


def approvals_address(engine: Engine) -> str:
    """A campaign that waits for approval."""
    with engine.begin() as connection:
        feed = connection.execute(
            text(
                "select f.id, f.team_id, p.category_id, v.id as version from feed f join template p on p.id = f.template_id "
                "join template_version v on v.template_id = p.id order by f.id limit 1"
            )
        ).one()
        made = create_campaign(
            connection,
            team_id=feed.team_id,
            feed_id=feed.id,
            template_version_id=feed.version,
            category_id=feed.category_id,
            actor="tests",
            source="api",
        )
        for state in ("checking", "awaiting_approval"):
            connection.execute(
                text("update campaign set state = :state where id = :id"), {"state": state, "id": made.id}
            )
        reason = {"reason": "volume_unusual", "message": "60 recipients; the feed's usual file has 20."}
        ask_for_approval(connection, get_campaign(connection, made.id), reason, actor="tests")
    return "/approvals"


def filled(address: str, engine: Engine) -> str:
    """``address`` of a list, with something in it."""
    person_address(engine)
    role_address(engine)
    key_address(engine)
    return address
