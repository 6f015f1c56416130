"""Alerts over HTTP: of one's own team and those below, and closed once."""

from __future__ import annotations

from nightmail.access.permissions import Permission
from nightmail.campaigns.alerts import raise_alert
from tests.portal.conftest import Organisation, RunningPortal


def raised(organisation: Organisation, team: str | None, subject: str) -> int:
    with organisation.engine.begin() as connection:
        raise_alert(
            connection,
            reason="run_failed",
            subject=subject,
            message="A run failed.",
            team_id=organisation.teams[team] if team else None,
        )
    (row,) = organisation.rows(f"select id from alert where subject = '{subject}'")
    return int(row["id"])


def test_alerts_are_seen_by_their_team_and_those_above(portal: RunningPortal, organisation: Organisation) -> None:
    """What is no team's is shown to a key of a top team only."""
    of_all, care, billing = (
        raised(organisation, team, subject)
        for team, subject in ((None, "job:report"), ("acme.care", "care"), ("acme.billing", "billing"))
    )

    def seen(team: str) -> list[int]:
        answer = portal.api("GET", "/v1/alerts", organisation.key(Permission.ALERT_SEE, team=team))
        return [item["id"] for item in answer.json()["items"]]

    assert seen("acme") == [billing, care, of_all]
    assert seen("acme.care") == [care]
    assert seen("acme.billing") == [billing]
    first = portal.api("GET", "/v1/alerts?limit=2", organisation.key(Permission.ALERT_SEE, team="acme"))
    rest = portal.api("GET", first.links["next"]["url"], organisation.key(Permission.ALERT_SEE, team="acme"))
    assert [item["id"] for item in rest.json()["items"]] == [of_all]


def test_an_alert_is_closed_by_who_sees_it(portal: RunningPortal, organisation: Organisation) -> None:
    of_all, care = raised(organisation, None, "job:report"), raised(organisation, "acme.care", "care")
    key = organisation.key(Permission.ALERT_SEE, Permission.ALERT_CLOSE, team="acme.care")
    for alert in (of_all, care + 1):
        refused = portal.api("POST", f"/v1/alerts/{alert}/close", key)
        assert (refused.status_code, refused.json()["reason"]) == (404, "alert_unknown")
        assert "`nightmail" not in refused.json()["remedy"]
    only_reads = organisation.key(Permission.ALERT_SEE, team="acme.care")
    assert portal.api("POST", f"/v1/alerts/{care}/close", only_reads).status_code == 403
    closed = portal.api("POST", f"/v1/alerts/{care}/close", key)
    assert closed.status_code == 200 and closed.json()["closed_at"]
    assert portal.api("POST", f"/v1/alerts/{care}/close", key).json() == closed.json()
    assert portal.api("GET", "/v1/alerts", key).json()["items"] == []
    (listed,) = portal.api("GET", "/v1/alerts?closed=true", key).json()["items"]
    assert listed == closed.json()
    assert organisation.rows("select actor like 'key:%' as by_key from audit where action = 'alert.closed'") == [
        {"by_key": True}
    ]
