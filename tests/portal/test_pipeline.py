"""Dagster behind the portal: who may look, who may operate, and that no other page of a browser can."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from commands.deployment import answers_on
from nightmail.access.permissions import Permission
from portal.pipeline.operations import NotUnderstoodError, asked_by
from tests.portal.conftest import Organisation
from tests.portal.web.people import make_person, session_of
from tests.support.running_portal import PortalStarter, RunningPortal
from tests.support.sandbox_process import ROOT, eventually

QUERY = {"query": "query V { version }"}
STOP = {"query": "mutation M { setAutoMaterializePaused(paused: true) }"}
SEE, OPERATE = (Permission.PIPELINE_SEE,), (Permission.PIPELINE_SEE, Permission.PIPELINE_OPERATE)
SignedIn = Callable[..., httpx.Client]


@pytest.fixture(scope="module")
def dagster() -> Iterator[Path]:
    """Dagster's own webserver on a socket, with an instance that has no code."""
    with tempfile.TemporaryDirectory(prefix="nm-dag-") as name:
        home = Path(name)
        (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
        (home / "workspace.yaml").write_text("load_from: []\n")
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "pipelines.webserver", "--socket", str(home / "web.sock")),
                *("-w", str(home / "workspace.yaml")),
            ],
            cwd=ROOT,
            env={**os.environ, "DAGSTER_HOME": str(home), "PYTHONPATH": str(ROOT)},
        )
        try:
            eventually(lambda: process.poll() is not None or answers_on(home / "web.sock"), 120)
            assert process.poll() is None
            yield home / "web.sock"
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture
def portal(start_portal: PortalStarter, dagster: Path) -> RunningPortal:
    return start_portal(dagster_socket=dagster)


@pytest.fixture
def person(organisation: Organisation, portal: RunningPortal) -> Iterator[SignedIn]:
    made: list[httpx.Client] = []

    def sign_in(*permissions: Permission, team: str = "acme") -> httpx.Client:
        client = httpx.Client(base_url=portal.url, timeout=60, trust_env=False, headers={"Origin": portal.url})
        number = make_person(organisation.engine, *permissions, team=team)
        client.cookies.set("nightmail_session", session_of(organisation.engine, number))
        made.append(client)
        return client

    yield sign_in
    for client in made:
        client.close()


def _operated(organisation: Organisation) -> list[Any]:
    return [row["d"] for row in organisation.rows("select detail as d from audit where action = 'pipeline.operated'")]


def test_who_may_see_reads_and_who_may_operate_changes(person: SignedIn, organisation: Organisation) -> None:
    viewer, operator = person(*SEE), person(*OPERATE)
    for client in (viewer, operator):
        page = client.get("/pipeline/")
        assert page.status_code == 200 and '"assetPrefix":"/pipeline"' in page.text
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert client.post("/pipeline/graphql", json=QUERY).json()["data"]["version"]
    refused = viewer.post("/pipeline/graphql", json=STOP)
    assert (refused.status_code, refused.json()["reason"]) == (403, "not_permitted")
    assert _operated(organisation) == []
    assert operator.post("/pipeline/graphql", json=STOP).status_code == 200
    assert _operated(organisation) == [{"operations": ["setAutoMaterializePaused"]}]
    report = "/pipeline/report_asset_materialization/sends"
    assert viewer.post(report, json={}).status_code == 403
    assert operator.post(report, json={}).status_code == 200


def test_without_permission_or_session_there_is_nothing(person: SignedIn, portal: RunningPortal) -> None:
    other = person(Permission.CAMPAIGN_SEE)
    for path in ("/pipeline/", "/pipeline/graphql", "/pipeline/server_info", "/pipeline/logs/x/y"):
        assert other.get(path).status_code == 404
        assert other.post(path, json=QUERY).status_code == 404
        stranger = httpx.get(f"{portal.url}{path}", trust_env=False)
        assert stranger.status_code in (303, 401) and "Dagster" not in stranger.text


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        # What an image's address, or a form of another page, can have a browser send.
        ("GET", "/pipeline/graphql?query=mutation%7BsetAutoMaterializePaused(paused%3Atrue)%7D", {}),
        ("GET", "/pipeline/graphql?query=%7Bversion%7D", {}),
        ("POST", "/pipeline/graphql", {"data": STOP}),
        ("POST", "/pipeline/graphql", {"content": json.dumps(STOP), "headers": {"Content-Type": "text/plain"}}),
        ("POST", "/pipeline/graphql", {"json": STOP, "headers": {"Origin": "http://elsewhere.example"}}),
        ("POST", "/pipeline/graphql", {"json": STOP, "headers": {"Origin": "null"}}),
        ("POST", "/pipeline/graphql", {"json": QUERY, "headers": {"Origin": ""}}),
        ("POST", "/pipeline/graphql", {"json": STOP, "headers": {"Host": "elsewhere.example:80"}}),
        (
            "POST",
            "/pipeline/graphql",
            {"json": STOP, "headers": {"Host": "elsewhere.example", "Origin": "http://elsewhere.example"}},
        ),
        ("GET", "/pipeline/", {"headers": {"Host": "elsewhere.example"}}),
        ("PUT", "/pipeline/graphql", {"json": QUERY}),
        ("DELETE", "/pipeline/graphql", {}),
        # Not one document, or another one than it seems.
        ("POST", "/pipeline/graphql", {"json": [STOP]}),
        ("POST", "/pipeline/graphql", {"json": {"query": "subscription S { x }"}}),
        ("POST", "/pipeline/graphql", {"json": {"id": "persisted"}}),
        ("POST", "/pipeline/graphql", {"json": {"query": "query {" * 100_000}}),
    ],
)
def test_no_other_page_of_an_operators_browser_operates(
    person: SignedIn, organisation: Organisation, method: str, path: str, more: dict[str, Any]
) -> None:
    answer = person(*OPERATE).request(method, path, **more)
    assert 400 <= answer.status_code < 500
    assert _operated(organisation) == []


def test_every_operation_of_a_document_counts() -> None:
    """Whichever the request names, and whatever else it brings along."""
    both = {"query": f"query A {{ version }} {STOP['query']}", "operationName": "A", "extensions": {"x": 1}}
    asked = asked_by(json.dumps(both))
    assert (
        asked.operates and asked.names == ("setAutoMaterializePaused",) and "extensions" not in json.loads(asked.body)
    )
    # Of a name that comes twice the last one counts, here and in what is passed on.
    twice = asked_by('{"query": "{ version }", "query": "mutation { a }"}')
    assert twice.operates and json.loads(twice.body) == {"query": "mutation { a }"}
    assert not asked_by(json.dumps({"query": "fragment F on Query { mutation } query Q { ...F }"})).operates
    with pytest.raises(NotUnderstoodError):
        asked_by("{")


def test_subscriptions_are_for_operators_of_our_own_pages(person: SignedIn, portal: RunningPortal) -> None:
    address = f"{portal.url.replace('http', 'ws', 1)}/pipeline/graphql"

    def open_socket(client: httpx.Client, origin: str) -> Any:
        cookie = f"nightmail_session={client.cookies['nightmail_session']}"
        return connect(
            address,
            additional_headers={"Cookie": cookie, "Origin": origin},
            subprotocols=["graphql-ws"],  # type: ignore[list-item]
            proxy=None,
        )

    operator = person(*OPERATE)
    for client, origin in ((person(*SEE), portal.url), (operator, "http://elsewhere.example")):
        with pytest.raises(InvalidStatus):
            open_socket(client, origin)
    with open_socket(operator, portal.url) as socket:
        socket.send(json.dumps({"type": "connection_init", "payload": {}}))
        assert json.loads(socket.recv(30))["type"] == "connection_ack"
        socket.send(json.dumps({"id": "1", "type": "start", "payload": STOP}))
        with pytest.raises(ConnectionClosed):
            while True:
                socket.recv(30)


def test_a_webserver_that_is_away_is_said_so(
    start_portal: PortalStarter, organisation: Organisation, tmp_path: Path
) -> None:
    portal = start_portal(dagster_socket=tmp_path / "none.sock")
    client = httpx.Client(base_url=portal.url, trust_env=False)
    client.cookies.set("nightmail_session", session_of(organisation.engine, make_person(organisation.engine, *SEE)))
    assert client.get("/pipeline/").status_code == 503


def test_dagster_shows_all_teams_so_who_sees_some_sees_nothing(person: SignedIn, organisation: Organisation) -> None:
    permissions = (Permission.PIPELINE_SEE, Permission.PIPELINE_OPERATE)
    assert person(*permissions, team="acme.billing").get("/pipeline/").status_code == 404
    whole = person(*permissions)
    assert whole.get("/pipeline/").status_code == 200
    with organisation.engine.begin() as connection:
        connection.execute(text("insert into team (path, name) values ('other', 'Other')"))
    assert whole.get("/pipeline/").status_code == 404
