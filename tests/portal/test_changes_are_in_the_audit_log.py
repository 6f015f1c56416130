"""Every endpoint of the API that changes something leaves an entry of who did it, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from nightmail.access.api_keys import create_key, verify_key
from nightmail.access.permissions import Permission
from nightmail.access.principals import system_principal
from nightmail.contacts.import_modes import ImportMode
from nightmail.contacts.import_rows import take_import
from nightmail.contacts.imports import check_import
from nightmail.lake import Lake
from portal.api.rights import api_routes
from tests.portal.conftest import Organisation, PortalStarter
from tests.portal.test_rights_matrix import ASKED, OWN, Asked, Things, things

__all__ = ["things"]

Route = tuple[str, str]

CHANGING = [(method, path) for method, path, _ in api_routes() if method in ("POST", "PUT", "PATCH", "DELETE")]
WITHOUT_AN_ENTRY: Mapping[Route, str] = {
    (
        "POST",
        "/v1/webhooks/{webhook_id}/test",
    ): "has the registered address called once with nothing in it, which its calls list",
    ("POST", "/v1/segments/count"): "tries a rule that is not kept",
}
"""The endpoints that leave none, each with the reason."""


def _in_state(state: str, action: str) -> Callable[[Things, str], Asked]:
    """An action on a campaign that has gone through states to one that allows it."""

    def asked(made: Things, team: str) -> Asked:
        campaign = made.organisation.campaign(team)
        made.organisation.move(campaign, *state.split())
        return Asked(f"/v1/campaigns/{campaign.key}/{action}")

    return asked


def _import_to_apply(made: Things, team: str) -> Asked:
    """An import of one contact that was looked at."""
    file = Path(made.lake).parent / "people.csv"
    file.write_text("external_id,phone\nE1,+491701234567\n")
    by = system_principal("test")
    with made.organisation.engine.begin() as connection:
        how = {"source": "api", "name": "people.csv", "size": 9, "sha256": "", "stored_path": file}
        number = take_import(connection, team, ImportMode.ADD, by=by, **how)
    check_import(made.organisation.engine, Lake(made.lake), number)
    return Asked(f"/v1/contacts/imports/{number}/apply", {})


def _members(things: Things, team: str, way: str) -> Asked:
    """A contact that is not in the group yet, or is."""
    group, contact = things.group(team), things.contact(team)
    (known,) = things.organisation.rows("select external_id from contact where id = :id", id=contact)
    if way:
        things.organisation.change(
            "insert into contact_group_member (group_id, contact_id, added_by) values (:group, :contact, 'test')",
            group=group,
            contact=contact,
        )
    return Asked(f"/v1/groups/{group}/members{way}", {"members": [known["external_id"]]})


ALLOWED: Mapping[Route, Callable[[Things, str], Asked | None]] = {
    ("POST", "/v1/groups/{group}/members"): lambda things, team: _members(things, team, ""),
    ("POST", "/v1/groups/{group}/members/remove"): lambda things, team: _members(things, team, "/remove"),
    ("POST", "/v1/campaigns/{campaign}/approve"): _in_state("checking awaiting_approval", "approve"),
    ("POST", "/v1/contacts/imports/{number}/apply"): _import_to_apply,
    ("POST", "/v1/campaigns/{campaign}/resume"): _in_state("checking ready sending paused", "resume"),
}
"""How an endpoint is asked where the matrix of rights is content with a refusal by the thing's state."""


def test_each_change_by_the_api_leaves_an_entry(
    start_portal: PortalStarter, organisation: Organisation, things: Things
) -> None:
    portal = start_portal(api_requests_per_s=1e6, webhook_private_addresses=True)
    things.lake = portal.settings.lake
    with organisation.engine.begin() as connection:
        key = create_key(connection, team_id=things.teams[OWN], name="who changes", permissions=tuple(Permission))
        actor = verify_key(connection, key).actor
    wrong: list[str] = []
    found: dict[Route, list[str]] = {}
    for method, path in CHANGING:
        request = (ALLOWED.get((method, path)) or ASKED[method, path])(things, OWN)
        assert request is not None
        newest = organisation.rows("select coalesce(max(id), 0) as id from audit")[0]["id"]
        body = {"content": request.content} if request.content is not None else {"json": request.json}
        answer = portal.api(method, request.path, key, **body)
        if answer.status_code not in (200, 201, 202, 204):
            wrong.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
            continue
        written = "select action from audit where id > :newest and actor = :actor order by id"
        found[method, path] = [row["action"] for row in organisation.rows(written, newest=newest, actor=actor)]
    silent = {route for route, actions in found.items() if not actions}
    assert not wrong, "\n".join(wrong)
    assert silent == set(WITHOUT_AN_ENTRY), found
