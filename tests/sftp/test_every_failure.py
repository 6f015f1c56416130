"""Every operation of an SFTP server fails with every status, or cuts the connection, in every phase of a file's life.

Whatever fails, and however often at first: other files go on, nothing is lost, nothing is taken twice, and every answer is
written whole in the end.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from nightmail.settings import settings
from resources.sftp import put_aside
from resources.sftp import servers as sftp_servers
from resources.sftp.servers import SftpServersResource
from sandbox.sftp_faults import OPERATIONS
from sensors import watching
from sensors.sftp_files import sftp_files
from tests.sftp.conftest import Server
from tests.support.pipeline_fixtures import data_dir, rig  # noqa: F401
from tests.support.pipeline_rig import PipelineRig, contact_rows
from tests.support.sandbox_process import eventually

STATUSES = range(9)
"""Of version 3 of the protocol (draft-ietf-secsh-filexfer-02, section 7): 0 says that all is well although nothing was done."""
USED = tuple(name for name in OPERATIONS if name not in ("fstat", "setstat", "fsetstat", "lstat"))
"""Those that a file's life uses on a server that lists types, sizes and times."""
FAULTS = [(operation, status) for operation in USED for status in STATUSES]


@pytest.fixture
def folder(
    rig: PipelineRig,  # noqa: F811
    sandboxed: Server,
    monkeypatch: pytest.MonkeyPatch,
    data_dir: Path,  # noqa: F811
) -> Iterator[Path]:
    """The feed's folder. Files are whole at once, and what failed is tried again at once."""
    monkeypatch.setenv("NIGHTMAIL_FILE_SETTLE_S", "0")
    monkeypatch.setenv("RIG_SFTP_PASSWORD", sandboxed.password or "")
    monkeypatch.setattr(put_aside, "FIRST_WAIT_S", 0.0)
    monkeypatch.setattr(watching, "WATCH_S", 0.0)
    settings.cache_clear()
    rig.change(
        "insert into sftp_server (name, host, port, username, password_secret, host_key) "
        "values ('drop', :host, :port, 'acme', 'env:RIG_SFTP_PASSWORD', :key)",
        host=sandboxed.settings.host,
        port=sandboxed.settings.port,
        key=sandboxed.settings.host_key,
    )
    name = f"failing-{time.time_ns()}"
    rig.change("update feed set sftp_server_id = (select id from sftp_server), folder = :folder", folder=f"/{name}")
    made = sandboxed.home / name
    made.mkdir()
    yield made
    (sandboxed.state / "faults.json").unlink(missing_ok=True)
    sftp_servers.close_watches()


def tick(rig: PipelineRig) -> Any:  # noqa: F811
    resources = {**rig.resources, "sftp_servers": SftpServersResource()}
    with dg.build_sensor_context(instance=rig.instance, resources=resources) as context:
        return sftp_files(context)


def taken(rig: PipelineRig, name: str) -> list[dict[str, Any]]:  # noqa: F811
    return rig.rows(
        "select r.state, c.key from received_file r left join campaign c on c.id = r.campaign_id "
        "where r.name = :name and r.state <> 'answer'",
        name=name,
    )


def until_answered(rig: PipelineRig, folder: Path, name: str, content: str, *, rejects: bool) -> None:  # noqa: F811
    """Tick until the file is archived and every answer is there and whole. A new file is prepared once it was taken."""
    prepared = False
    for _ in range(12):
        tick(rig)
        rows = taken(rig, name)
        assert len(rows) <= 1, "taken twice"
        if rows and rows[0]["state"] == "taken" and not prepared:
            rig.prepare(rig.campaign(rows[0]["key"]))
            prepared = True
        result, reject_file = folder / f"{name}.result.json", folder / f"{name}.rejects.csv"
        if (folder / "archive" / name).exists() and result.exists() and (reject_file.exists() or not rejects):
            break
    assert not (folder / name).exists() and (folder / "archive" / name).read_text() == content
    assert json.loads(result.read_text())["file"] == name
    if rejects:
        assert reject_file.read_text(encoding="utf-8-sig").count("\n") == 2


@pytest.mark.parametrize("operation", USED)
def test_whatever_an_operation_answers_nothing_is_lost_or_taken_twice(
    operation: str,
    rig: PipelineRig,  # noqa: F811
    folder: Path,
    sandboxed: Server,
) -> None:
    """Each status, then a cut connection, at the first three calls of the operation in a file's life.

    Most files have the content of the first one: they are taken, archived and answered like any other, and need no run.
    """
    faults = sandboxed.state / "faults.json"
    names = []

    def live(fault: dict[str, Any], content: str, *, rejects: bool = False) -> None:
        faults.write_text(json.dumps({"operations": [{"operation": operation, "count": 2, **fault}]}))
        names.append(f"due{len(names) + 1}.csv")
        (folder / names[-1]).write_text(content)
        until_answered(rig, folder, names[-1], content, rejects=rejects)

    first = contact_rows(3) + "X1,nonsense,Bob,1\n"
    live({"status": 4}, first, rejects=True)
    for fault in ({"cut": True}, *({"status": status} for status in STATUSES)):
        for after in range(3):
            live({"after": after, **fault}, first)
    live({"cut": True, "after": 1}, contact_rows(3, 3) + "X2,nonsense,Bob,1\n", rejects=True)
    faults.unlink()
    tick(rig)
    rows = rig.rows("select name, state from received_file where state <> 'answer' order by id")
    assert sorted(row["name"] for row in rows) == sorted(names)
    assert [row["state"] for row in rows].count("repeated") == len(names) - 2
    # What was put aside for its failures is looked at again a moment later; its alert is closed then.
    eventually(lambda: tick(rig) is not None and rig.rows("select 1 from alert where resolved_at is null") == [])
