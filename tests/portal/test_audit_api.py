"""The audit log over HTTP: of one's own team and those below, with who and from where; its export leaves an entry."""

from __future__ import annotations

import json

from nightmail.access.permissions import Permission
from nightmail.audit import write_entry
from tests.portal.conftest import Organisation, RunningPortal
from tests.support.sandbox_process import eventually


def test_a_key_reads_what_was_done_in_its_teams(portal: RunningPortal, organisation: Organisation) -> None:
    with organisation.engine.begin() as connection:
        for team in (None, "acme.care", "acme.billing"):
            write_entry(
                connection,
                actor="person:1",
                action="feed.changed",
                subject=str(team),
                team_id=organisation.teams[team] if team else None,
                before={"channels": ["sms"]},
                after={"channels": ["email"]},
            )

    def seen(team: str, query: str = "") -> list[str]:
        key = organisation.key(Permission.AUDIT_SEE, team=team)
        answer = portal.api("GET", f"/v1/audit?action=feed.{query}", key)
        return [item["subject"] for item in answer.json()["items"]]

    assert seen("acme") == ["acme.billing", "acme.care", "None"]
    assert seen("acme", "&team=acme.care") == seen("acme.care") == ["acme.care"]
    assert seen("acme.care", "&team=acme.billing") == seen("acme", "&until=2020-01-01T00:00:00Z") == []
    key = organisation.key(Permission.AUDIT_SEE, team="acme")
    first = portal.api("GET", "/v1/audit?action=feed.&limit=2", key)
    assert [item["subject"] for item in first.json()["items"]] == ["acme.billing", "acme.care"]
    assert first.json()["items"][0]["after"] == {"channels": ["email"]}
    rest = portal.api("GET", first.links["next"]["url"], key)
    assert [item["subject"] for item in rest.json()["items"]] == ["None"]
    other = organisation.key(Permission.ALERT_SEE, team="acme")
    assert portal.api("GET", "/v1/audit", other).status_code == 403
    assert portal.api("GET", "/v1/audit?actr=x", key).status_code == 422


def test_an_export_is_lines_and_an_entry_that_says_from_where(
    portal: RunningPortal, organisation: Organisation
) -> None:
    key = organisation.key(Permission.AUDIT_SEE, team="acme")
    with organisation.engine.begin() as connection:
        write_entry(connection, actor="a", action="b.c", subject="x")
    answer = portal.api("GET", "/v1/audit/export?action=b.c", key)
    assert [json.loads(line)["subject"] for line in answer.text.splitlines()] == ["x"]
    (entry,) = portal.api("GET", "/v1/audit?action=audit.exported", key).json()["items"]
    assert entry["actor"].startswith("key:") and entry["detail"]["action"] == "b.c"
    assert entry["origin"] == "127.0.0.1"


def test_the_portal_seals_what_is_written(portal: RunningPortal, organisation: Organisation) -> None:
    """Within its interval, without anybody asking for it."""
    with organisation.engine.begin() as connection:
        write_entry(connection, actor="a", action="b.c", subject="x")
    eventually(lambda: organisation.rows("select 1 as one from audit_seal"), 60)
