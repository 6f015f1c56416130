"""The sensor of files on SFTP, against the sandbox's server: taken once, answered beside, archived."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pysequoia
import pytest

from nightmail.lake.schemas import DELIVERY_REPORT
from nightmail.preparation import waiting_campaigns
from nightmail.settings import settings
from nightmail.store.states import CampaignState
from resources.sftp import servers as sftp_servers
from resources.sftp.servers import SftpServersResource
from sensors.sftp_files import sftp_files
from tests.sftp.conftest import Server
from tests.support.pipeline_rig import PHONES, PipelineRig, contact_rows

pytestmark = pytest.mark.usefixtures("at_once")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> Iterator[None]:
    """A file is complete as soon as it is seen."""
    monkeypatch.setenv("NIGHTMAIL_FILE_SETTLE_S", "0")
    settings.cache_clear()
    yield
    sftp_servers.close_watches()


@pytest.fixture(autouse=True)
def runs_of_their_own(rig: PipelineRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as large, so that the requests of a tick name its campaigns; a sender is there already."""
    monkeypatch.setitem(waiting_campaigns._LIMITS, "bytes", -1)
    rig.instance.create_run_for_job(rig.defs.resolve_job_def("send"))


@pytest.fixture
def folder(
    rig: PipelineRig, sandboxed: Server, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Path:
    """The feed's folder, as this machine sees it."""
    monkeypatch.setenv("RIG_SFTP_PASSWORD", sandboxed.password or "")
    name = f"inbox-{request.node.name[:40]}-{time.time_ns()}"
    rig.change(
        "insert into sftp_server (name, host, port, username, password_secret, host_key) "
        "values ('drop', :host, :port, 'acme', 'env:RIG_SFTP_PASSWORD', :key)",
        host=sandboxed.settings.host,
        port=sandboxed.settings.port,
        key=sandboxed.settings.host_key,
    )
    rig.change("update feed set sftp_server_id = (select id from sftp_server), folder = :folder", folder=f"/{name}")
    made = sandboxed.home / name
    made.mkdir()
    return made


def tick(rig: PipelineRig, cursor: str | None = None) -> Any:
    resources = {**rig.resources, "sftp_servers": SftpServersResource()}
    with dg.build_sensor_context(instance=rig.instance, cursor=cursor, resources=resources) as context:
        return sftp_files(context)


def tick_until_taken(rig: PipelineRig, cursor: str | None = None) -> Any:
    """Tick until a file is taken that was put aside before, as ticks come one after the other."""
    deadline = time.monotonic() + 60
    while True:
        found = tick(rig, cursor)
        if not isinstance(found, dg.SkipReason):
            return found
        assert time.monotonic() < deadline


def drop(folder: Path, name: str, content: str) -> Path:
    file = folder / name
    file.write_text(content)
    return file


def test_small_files_ask_for_one_preparer(rig: PipelineRig, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files of a tick are a preparer's; the next tick finds it at work."""
    monkeypatch.setitem(waiting_campaigns._LIMITS, "bytes", 10_000)
    for number in (1, 2):
        drop(folder, f"{number}.csv", contact_rows(2, 10 * number))
    asked = tick(rig)
    assert [r.job_name for r in asked.run_requests] == ["prepare_waiting"]
    rig.instance.create_run_for_job(rig.defs.resolve_job_def("prepare_waiting"))
    assert isinstance(tick(rig, asked.cursor), dg.SkipReason)


def test_a_file_is_taken_archived_prepared_and_answered(rig: PipelineRig, folder: Path) -> None:
    """The whole way of one file, with its result and reject files beside it."""
    content = contact_rows(6) + "C9,nonsense,Bob,1\n"
    drop(folder, "due.csv", content)
    asked = tick(rig)
    assert [r.job_name for r in asked.run_requests] == ["prepare"]
    assert not (folder / "due.csv").exists()
    assert (folder / "archive" / "due.csv").read_text() == content
    campaign = rig.campaign(asked.run_requests[0].partition_key)
    assert campaign.source == "sftp"
    rig.prepare(campaign)
    assert isinstance(tick(rig, asked.cursor), dg.SkipReason)
    result = json.loads((folder / "due.csv.result.json").read_text())
    assert result["campaign"] == campaign.key
    assert result["state"] == "sending"
    assert result["counts"] == {
        "rows": 7,
        "rejects": 1,
        "duplicates": 0,
        "contacts": 6,
        "planned": 6,
        "held": 0,
        "messages": 6,
        "queued": 6,
        "standby": 0,
    }
    assert result["rejects"] == [
        {"reason": "phone_invalid", "rows": 1, "remedy": "Write it in international form, such as +49 30 901820."}
    ]
    assert result["settings"]["default_country"] == "GB"
    with (folder / result["rejects_file"]).open(encoding="utf-8-sig", newline="") as handle:
        (row,) = csv.DictReader(handle)
    assert row["phone"] == "nonsense"
    assert row["nightmail_line"] == "8"


def test_our_own_answers_are_not_taken_for_uploads(rig: PipelineRig, folder: Path) -> None:
    """However often the folder is looked at, the reject file lies there untouched."""
    drop(folder, "due.csv", contact_rows(6) + "C9,nonsense,Bob,1\n")
    rig.prepare(rig.campaign(tick(rig).run_requests[0].partition_key))
    for _ in range(3):
        tick(rig)
    assert {file.name for file in folder.iterdir() if file.is_file()} == {"due.csv.result.json", "due.csv.rejects.csv"}
    assert len(rig.rows("select 1 from campaign")) == 1


def test_a_corrected_reject_file_is_sent_for_what_was_corrected(rig: PipelineRig, folder: Path) -> None:
    """Mended in place and dropped under its own name: only the mended row is sent to."""
    drop(folder, "due.csv", contact_rows(6) + "C8,nonsense,Bob,1\nC9,rubbish,Eve,2\n")
    rig.prepare(rig.campaign(tick(rig).run_requests[0].partition_key))
    tick(rig)
    rejects = folder / "due.csv.rejects.csv"
    rejects.write_bytes(rejects.read_bytes().replace(b"nonsense", PHONES[77].encode()))
    second = rig.campaign(tick(rig).run_requests[0].partition_key)
    assert rig.prepare(second).success
    second = rig.campaign(second)
    assert second.state == CampaignState.SENDING
    assert (second.counts["rows"], second.counts["contacts"], second.counts["rejects"]) == (2, 1, 1)
    tick(rig)
    assert (folder / "due.csv.rejects.csv.result.json").exists()
    assert b"rubbish" in (folder / "due.csv.rejects.csv").read_bytes()


def test_the_same_content_again_is_answered_with_the_earlier_campaign(rig: PipelineRig, folder: Path) -> None:
    """Another name, and the very same file put back: neither is sent again."""
    drop(folder, "due.csv", contact_rows(3))
    first = tick(rig).run_requests[0].partition_key
    rig.prepare(rig.campaign(first))
    drop(folder, "copy.csv", contact_rows(3))
    archived = folder / "archive" / "due.csv"
    stat = archived.stat()
    back = drop(folder, "due.csv", contact_rows(3))
    os.utime(back, (stat.st_atime, stat.st_mtime))
    assert isinstance(tick(rig), dg.SkipReason)
    tick(rig)
    assert len(rig.rows("select 1 from campaign")) == 1
    for name in ("copy.csv", "due.csv"):
        result = json.loads((folder / f"{name}.result.json").read_text())
        assert result["campaign"] == first
        if name == "copy.csv":
            assert result["problem"]["reason"] == "file_already_taken"
    assert not (folder / "copy.csv").exists()
    assert not (folder / "due.csv").exists()


def test_a_file_still_written_is_left_alone(rig: PipelineRig, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name, or because its size changes between looks."""
    monkeypatch.setenv("NIGHTMAIL_FILE_SETTLE_S", "0.2")
    settings.cache_clear()
    drop(folder, "due.csv.part", contact_rows(3))
    growing = drop(folder, "due.csv", contact_rows(3))
    deadline = time.monotonic() + 0.6
    while time.monotonic() < deadline:
        with growing.open("a") as handle:
            handle.write("C7,07400100007,Eve,3\n")
        assert isinstance(tick(rig), dg.SkipReason)
    deadline = time.monotonic() + 20
    while isinstance(tick(rig), dg.SkipReason):
        assert time.monotonic() < deadline
    assert (folder / "archive" / "due.csv").exists()
    assert (folder / "due.csv.part").exists()


def test_a_marker_says_that_a_file_is_complete(rig: PipelineRig, folder: Path) -> None:
    """Without its marker a file waits; both are archived."""
    rig.feed(marker_suffix=".done")
    drop(folder, "due.csv", contact_rows(3))
    assert isinstance(tick(rig), dg.SkipReason)
    drop(folder, "due.csv.done", "")
    assert len(tick(rig).run_requests) == 1
    assert {file.name for file in (folder / "archive").iterdir()} == {"due.csv", "due.csv.done"}


def test_a_file_over_the_limit_is_refused_with_an_answer(
    rig: PipelineRig, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It becomes no campaign, and the uploader is told why."""
    monkeypatch.setenv("NIGHTMAIL_MAXIMUM_FILE_BYTES", "50")
    settings.cache_clear()
    drop(folder, "due.csv", contact_rows(9))
    tick(rig)
    tick(rig)
    result = json.loads((folder / "due.csv.result.json").read_text())
    assert result["state"] == "refused"
    assert result["problem"]["reason"] == "file_too_large"
    assert rig.rows("select 1 from campaign") == []
    assert (folder / "archive" / "due.csv").exists()


def test_a_stopped_campaign_is_answered_with_its_problem(rig: PipelineRig, folder: Path) -> None:
    """The result file says that nothing was sent, and why."""
    drop(folder, "due.csv", "external_id,phone\nC1,07400100001\n")
    rig.prepare(rig.campaign(tick(rig).run_requests[0].partition_key))
    tick(rig)
    result = json.loads((folder / "due.csv.result.json").read_text())
    assert result["state"] == "stopped"
    assert result["problem"]["reason"] == "file_missing_column"


def test_a_feed_without_answers_gets_none(rig: PipelineRig, folder: Path) -> None:
    """Some source systems choke on files that they did not write."""
    rig.feed(answer=False)
    drop(folder, "due.csv", contact_rows(3) + "C9,nonsense,Bob,1\n")
    rig.prepare(rig.campaign(tick(rig).run_requests[0].partition_key))
    tick(rig)
    assert [file.name for file in folder.iterdir()] == ["archive"]
    assert rig.rows("select 1 from received_file where answered_at is null") == []


def test_a_server_that_refuses_raises_one_alert_until_it_is_well(
    rig: PipelineRig, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong credentials: an operator is told once, nothing is lost, and the alert ends by itself."""
    right = os.environ["RIG_SFTP_PASSWORD"]
    monkeypatch.setenv("RIG_SFTP_PASSWORD", "wrong")
    drop(folder, "due.csv", contact_rows(3))
    for _ in range(2):
        assert isinstance(tick(rig), dg.SkipReason)
    alerts = rig.rows("select reason, subject, message from alert where resolved_at is null")
    assert [(a["reason"], a["subject"]) for a in alerts] == [("sftp_credentials", "sftp:drop")]
    assert "wrong" not in alerts[0]["message"]
    monkeypatch.setenv("RIG_SFTP_PASSWORD", right)
    assert len(tick(rig).run_requests) == 1
    assert rig.rows("select 1 from alert where resolved_at is null") == []


def test_one_missing_folder_holds_up_no_other_feed(rig: PipelineRig, folder: Path) -> None:
    """The feed whose folder is there gets its file taken; the other one's folder is told of."""
    rig.change(
        "insert into feed (team_id, name, template_id, sftp_server_id, folder) "
        "select team_id, 'lost', template_id, sftp_server_id, '/nowhere' from feed"
    )
    drop(folder, "due.csv", contact_rows(3))
    assert len(tick(rig).run_requests) == 1
    assert [row["reason"] for row in rig.rows("select reason from alert")] == ["sftp_folder_missing"]


def test_a_feed_that_cannot_be_used_holds_up_no_other_and_loses_nothing(rig: PipelineRig, folder: Path) -> None:
    """Its category is not there: its file stays on the server, people are told, and it is taken once that is mended."""
    rig.change(
        "insert into feed (team_id, name, template_id, sftp_server_id, folder, settings) "
        """select team_id, 'lost', template_id, sftp_server_id, folder || '/lost', '{"category": "tips"}' from feed"""
    )
    (folder / "lost").mkdir()
    drop(folder, "due.csv", contact_rows(3))
    drop(folder / "lost", "other.csv", contact_rows(3, 10))
    first = tick(rig)
    assert len(first.run_requests) == 1
    assert [row["reason"] for row in rig.rows("select reason from alert")] == ["category_unknown"]
    assert (folder / "lost" / "other.csv").exists()
    rig.change("insert into category (name, kind) values ('tips', 'service')")
    taken = tick_until_taken(rig, first.cursor)
    assert rig.campaign(taken.run_requests[-1].partition_key).category == "tips"
    assert rig.rows("select 1 from alert where resolved_at is null") == []


def test_the_file_of_a_team_of_another_region_stays_on_the_server(rig: PipelineRig, folder: Path) -> None:
    """People are told: the deployment of its own region takes it."""
    rig.change("update team set region = 'us' where path = 'acme.billing'")
    drop(folder, "due.csv", contact_rows(3))
    assert isinstance(tick(rig), dg.SkipReason)
    assert [row["reason"] for row in rig.rows("select reason from alert")] == ["team_of_other_region"]
    assert (folder / "due.csv").exists()
    assert rig.rows("select 1 from received_file") == []


def test_a_transfer_that_breaks_is_taken_at_the_next_look(rig: PipelineRig, folder: Path, sandboxed: Server) -> None:
    """The server goes away in mid-transfer again and again: the file is taken whole in the end, once."""
    drop(folder, "due.csv", contact_rows(20_000))
    faults = sandboxed.state / "faults.json"
    faults.write_text(json.dumps({"drop_after_bytes": 65536, "count": 4}))
    deadline = time.monotonic() + 60
    found = tick(rig)
    while isinstance(found, dg.SkipReason):
        assert time.monotonic() < deadline
        found = tick(rig)
    faults.unlink(missing_ok=True)
    campaign = rig.campaign(found.run_requests[0].partition_key)
    assert rig.prepare(campaign, "contact_file").success
    assert rig.campaign(campaign).counts["rows"] == 20_000
    assert len(rig.rows("select 1 from campaign")) == 1


def test_a_file_in_no_feeds_folder_is_answered_and_stays(rig: PipelineRig, folder: Path, sandboxed: Server) -> None:
    """It was dropped one folder too high: the uploader reads which folders there are; nothing is lost or sent."""
    stray, note = sandboxed.home / "due.csv", sandboxed.home / "read.me"
    answer = sandboxed.home / "due.csv.result.json"
    try:
        stray.write_text(contact_rows(3))
        note.write_text("no contact file")
        assert isinstance(tick(rig), dg.SkipReason)
        told = json.loads(answer.read_text())
        assert told["problem"]["reason"] == "feed_unknown"
        assert f"/{folder.name}" in told["problem"]["remedy"]
        assert stray.read_text() == contact_rows(3)
        assert not (sandboxed.home / "read.me.result.json").exists()
        written = answer.stat().st_mtime_ns
        tick(rig)
        assert answer.stat().st_mtime_ns == written
        assert rig.rows("select 1 from received_file") == []
        stray.rename(folder / "due.csv")
        assert len(tick(rig).run_requests) == 1
    finally:
        for left in (stray, note, answer):
            left.unlink(missing_ok=True)


def test_a_file_whose_name_is_not_utf_8_is_taken_and_answered_like_any_other(rig: PipelineRig, folder: Path) -> None:
    """A Windows client's name in code page 1252, beside a file with an ordinary name."""
    name = os.fsdecode(b"b\xfcro.csv")
    drop(folder, name, contact_rows(2))
    drop(folder, "due.csv", contact_rows(3, 10))
    asked = tick(rig)
    assert len(asked.run_requests) == 2
    for request in asked.run_requests:
        rig.prepare(rig.campaign(request.partition_key))
    tick(rig, asked.cursor)
    assert (folder / "archive" / name).exists()
    assert (folder / f"{name}.result.json").exists()
    assert (folder / "due.csv.result.json").exists()
    assert rig.rows("select 1 from alert") == []


def test_a_server_that_lists_names_alone_is_asked_for_the_rest(
    rig: PipelineRig, folder: Path, sandboxed: Server
) -> None:
    """No type, size or time in its listing, as some servers on Windows: folders are still told from files."""
    (sandboxed.state / "faults.json").write_text(json.dumps({"bare": True}))
    try:
        drop(folder, "due.csv", contact_rows(3))
        (folder / "looks.csv").mkdir()
        assert len(tick(rig).run_requests) == 1
        assert (folder / "archive" / "due.csv").exists()
        assert [row["name"] for row in rig.rows("select name from received_file")] == ["due.csv"]
    finally:
        (sandboxed.state / "faults.json").unlink()


def test_a_link_is_said_and_left(rig: PipelineRig, folder: Path) -> None:
    """What it points to may be outside of the home."""
    drop(folder, "due.csv", contact_rows(3))
    (folder / "way-out.csv").symlink_to("/etc/passwd")
    assert len(tick(rig).run_requests) == 1
    assert (folder / "way-out.csv").is_symlink()
    told = json.loads((folder / "way-out.csv.result.json").read_text())
    assert told["problem"]["reason"] == "sftp_file_is_link"
    assert [row["name"] for row in rig.rows("select name from received_file")] == ["due.csv"]


def test_yesterdays_answers_go_to_the_archive_with_todays_file(rig: PipelineRig, folder: Path) -> None:
    """Today's file has no rejects: yesterday's reject file must not lie beside today's result."""
    drop(folder, "due.csv", contact_rows(3) + "C9,nonsense,Bob,1\n")
    first = tick(rig)
    rig.prepare(rig.campaign(first.run_requests[0].partition_key))
    tick(rig, first.cursor)
    assert (folder / "due.csv.rejects.csv").exists()
    drop(folder, "due.csv", contact_rows(3, 20))
    second = tick(rig, first.cursor)
    assert not (folder / "due.csv.rejects.csv").exists()
    rig.prepare(rig.campaign(second.run_requests[0].partition_key))
    tick(rig, second.cursor)
    result = json.loads((folder / "due.csv.result.json").read_text())
    assert (result["counts"]["rows"], result["rejects_file"]) == (3, None)
    assert {path.name.split(".")[0] for path in (folder / "archive").iterdir()} == {"due"}
    assert len(list((folder / "archive").glob("*rejects.csv"))) == 1
    assert not list(folder.glob("*.rejects.csv"))


def test_a_corrected_reject_file_is_an_upload_and_no_old_answer(rig: PipelineRig, folder: Path) -> None:
    """It is taken although a new file of the first one's name is taken in the same look."""
    drop(folder, "due.csv", contact_rows(3) + "C9,nonsense,Bob,1\n")
    first = tick(rig)
    rig.prepare(rig.campaign(first.run_requests[0].partition_key))
    tick(rig, first.cursor)
    rejects = folder / "due.csv.rejects.csv"
    rejects.write_bytes(rejects.read_bytes().replace(b"nonsense", PHONES[77].encode()))
    drop(folder, "due.csv", contact_rows(3, 20))
    second = tick(rig, first.cursor)
    assert len(second.run_requests) == 2
    taken = rig.rows("select name from received_file where state = 'taken' order by id")
    assert sorted(row["name"] for row in taken) == ["due.csv", "due.csv", "due.csv.rejects.csv"]


def test_a_folder_that_cannot_be_written_holds_up_no_other_feed(
    rig: PipelineRig, folder: Path, sandboxed: Server
) -> None:
    """Its file is sent once, what fails is told, and the server's other feed goes on."""
    rig.change(
        "insert into feed (team_id, name, template_id, sftp_server_id, folder) "
        "select team_id, 'other', template_id, sftp_server_id, folder || '/other' from feed"
    )
    (folder / "other").mkdir()
    faults = {"operations": [{"operation": "rename", "status": 3, "path": "due.csv", "count": 10_000}]}
    (sandboxed.state / "faults.json").write_text(json.dumps(faults))
    try:
        drop(folder, "due.csv", contact_rows(3))
        drop(folder / "other", "more.csv", contact_rows(3, 10))
        first = tick(rig)
        for _ in range(2):
            tick(rig, first.cursor)
        assert len(rig.rows("select 1 from campaign")) == 2
        assert (folder / "other" / "archive" / "more.csv").exists()
        (alert,) = rig.rows("select reason, subject, message from alert where resolved_at is null")
        assert alert["reason"] == "sftp_permission"
        assert alert["subject"].endswith("/due.csv")
    finally:
        (sandboxed.state / "faults.json").unlink()


def test_an_upload_that_goes_on_after_the_archive_loses_no_row(
    rig: PipelineRig, folder: Path, sandboxed: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client pauses in the middle of a row for longer than any wait, then writes on into the archived file."""
    monkeypatch.setenv("NIGHTMAIL_FILE_SETTLE_S", "0.01")
    settings.cache_clear()
    content = contact_rows(40)
    cut = content.index("\n", 500) + 12
    with sandboxed.connect() as connection:
        upload = connection.client().open(f"/{folder.name}/due.csv", "w")
        upload.write(content[:cut].encode())
        upload.flush()
        first = tick_until_taken(rig)
        upload.write(content[cut:].encode())
        upload.close()
    assert (folder / "archive" / "due.csv").read_text() == content
    campaign = rig.campaign(first.run_requests[0].partition_key)
    rig.prepare(campaign)
    assert rig.campaign(campaign).counts["contacts"] < 40
    second = tick_until_taken(rig, first.cursor)
    rest = rig.campaign(second.run_requests[0].partition_key)
    rig.prepare(rest)
    rest = rig.campaign(rest)
    assert rest.state == CampaignState.AWAITING_APPROVAL
    assert rig.campaign(campaign).counts["contacts"] + rest.counts["contacts"] == 40
    assert rest.counts["rows"] == 40
    (alert,) = rig.rows("select reason, message, campaign_id from alert where resolved_at is null")
    assert (alert["reason"], alert["campaign_id"]) == ("sftp_file_grew", rest.id)
    tick(rig, second.cursor)
    told = json.loads((folder / "due.csv.result.json").read_text())
    assert (told["campaign"], told["state"]) == (rest.key, "awaiting_approval")
    for _ in range(2):
        tick(rig, second.cursor)
    assert len(rig.rows("select 1 from campaign")) == 2


def test_a_file_that_is_put_again_after_its_beginning_was_taken_sends_nobody_twice(
    rig: PipelineRig, folder: Path
) -> None:
    """The client died in the middle of a row, and put the whole file again when its beginning had long been taken."""
    content = contact_rows(40)
    drop(folder, "due.csv", content[: content.index("\n", 500) + 12])
    first = tick_until_taken(rig)
    campaign = rig.campaign(first.run_requests[0].partition_key)
    rig.prepare(campaign)
    drop(folder, "due.csv", content)
    second = tick_until_taken(rig, first.cursor)
    rest = rig.campaign(second.run_requests[0].partition_key)
    rig.prepare(rest)
    rest = rig.campaign(rest)
    assert rest.state == CampaignState.AWAITING_APPROVAL
    assert rig.campaign(campaign).counts["contacts"] + rest.counts["contacts"] == 40
    (alert,) = rig.rows("select reason, campaign_id from alert where resolved_at is null")
    assert (alert["reason"], alert["campaign_id"]) == ("sftp_file_grew", rest.id)
    # The same again is the same content, and another file of the name is another file.
    drop(folder, "due.csv", content)
    assert isinstance(tick(rig, second.cursor), dg.SkipReason)
    drop(folder, "due.csv", contact_rows(50, start=100))
    third = tick_until_taken(rig, second.cursor)
    assert [rig.campaign(each.partition_key).state for each in third.run_requests] == [CampaignState.RECEIVED]


def test_a_time_that_is_set_after_the_upload_is_no_change(rig: PipelineRig, folder: Path) -> None:
    """``sftp put -p`` sets the time when the content is there already."""
    drop(folder, "due.csv", contact_rows(3))
    first = tick(rig)
    os.utime(folder / "archive" / "due.csv", (1_700_000_000, 1_700_000_000))
    deadline = time.monotonic() + 30
    while not rig.rows("select 1 from received_file where archived_modified_at < '2024-01-01'"):
        tick(rig, first.cursor)
        assert time.monotonic() < deadline
    assert len(rig.rows("select 1 from campaign")) == 1
    assert rig.rows("select 1 from alert") == []


def test_an_encrypted_file_is_read_and_its_answers_are_encrypted(
    rig: PipelineRig, folder: Path, tmp_path: Path
) -> None:
    """Twice the same rows are twice the same content, however they were encrypted."""
    key = pysequoia.Tsk.generate("Acme <acme@x.example>")
    (tmp_path / "private.key").write_text(str(key))
    (tmp_path / "public.key").write_text(str(key.extract_certificate()))
    rig.change(
        "update team set settings = cast(:settings as jsonb) where path = 'acme'",
        settings=json.dumps(
            {"openpgp": {"decrypt": f"file:{tmp_path}/private.key", "encrypt_to": f"file:{tmp_path}/public.key"}}
        ),
    )
    rows = (contact_rows(3) + "C9,nonsense,Bob,1\n").encode()
    for name in ("due.csv.pgp", "again.csv.gpg"):
        (folder / name).write_bytes(pysequoia.encrypt(recipients=[key.extract_certificate()], bytes=rows))
    first = tick(rig)
    assert len(first.run_requests) == 1
    rig.prepare(rig.campaign(first.run_requests[0].partition_key))
    tick(rig, first.cursor)

    def opened(name: str) -> bytes:
        found: bytes = pysequoia.decrypt(decryptor=key.decryptor(), bytes=(folder / name).read_bytes()).bytes
        return found

    told = {name: json.loads(opened(f"{name}.result.json.pgp")) for name in ("due.csv.pgp", "again.csv.gpg")}
    (taken,) = [name for name in told if "counts" in told[name]]
    (repeated,) = set(told) - {taken}
    assert told[taken]["counts"]["rows"] == 4
    assert told[repeated]["problem"]["reason"] == "file_already_taken"
    assert b"nonsense" in opened(f"{taken.rsplit('.', 1)[0]}.rejects.csv.pgp")
    assert {path.suffix for path in folder.iterdir() if path.is_file()} == {".pgp"}
    for _ in range(2):
        tick(rig, first.cursor)
    assert len(rig.rows("select 1 from received_file where state <> 'answer'")) == 2


def test_an_encrypted_file_without_a_key_is_refused_with_what_to_do(rig: PipelineRig, folder: Path) -> None:
    """No answer in the clear goes back for what came encrypted; people are told."""
    key = pysequoia.Tsk.generate("Acme <acme@x.example>")
    content = pysequoia.encrypt(recipients=[key.extract_certificate()], bytes=contact_rows(3).encode())
    (folder / "due.csv.pgp").write_bytes(content)
    assert isinstance(tick(rig), dg.SkipReason)
    (row,) = rig.rows("select state, problem from received_file")
    assert (row["state"], row["problem"]["reason"]) == ("refused", "file_encrypted")
    assert (folder / "archive" / "due.csv.pgp").exists()
    assert [alert["reason"] for alert in rig.rows("select reason from alert")] == ["openpgp_key"]
    assert not list(folder.glob("*.json*"))


def test_yesterdays_report_is_dropped_once_for_the_team_and_for_the_feed(rig: PipelineRig, folder: Path) -> None:
    """Rows of the team's own day, from the UTC days around it; other teams' and other feeds' rows are left out."""
    rig.change(
        "update team set time_zone = 'America/New_York', settings = cast(:settings as jsonb) where path = 'acme'",
        settings=json.dumps({"report": {"sftp_server": "drop", "folder": f"/{folder.name}/reports", "at": "00:00"}}),
    )
    rig.change("update team set time_zone = 'America/New_York'")
    rig.change(
        "update feed set settings = settings || cast(:report as jsonb)",
        report=json.dumps({"report": {"folder": f"/{folder.name}/reports", "format": "parquet", "at": "00:00"}}),
    )
    (folder / "reports").mkdir()
    zone = ZoneInfo("America/New_York")
    yesterday = dt.datetime.now(zone).date() - dt.timedelta(days=1)
    for shift in (0, 1):
        rows = [
            {"team": "acme.billing", "feed": "invoices", "message_id": f"a{shift}", "team_date": yesterday},
            {"team": "acme.billing", "feed": "other", "message_id": f"b{shift}", "team_date": yesterday},
            {"team": "acmeetc", "feed": "invoices", "message_id": f"c{shift}", "team_date": yesterday},
            {"team": "acme", "feed": None, "message_id": f"d{shift}", "team_date": yesterday - dt.timedelta(days=1)},
        ]
        day = yesterday + dt.timedelta(days=shift)
        filled = [report_row(day=day, **row) for row in rows]
        table = rig.resources["lake"].table("delivery_report", str(day), "day")
        with table.writer(DELIVERY_REPORT) as writer:
            writer.write(pa.Table.from_pylist(filled, DELIVERY_REPORT))
    for _ in range(2):
        tick(rig)
    named = f"delivery_report.acme.{yesterday}.csv"
    of_feed = f"delivery_report.acme.billing.invoices.{yesterday}.parquet"
    assert {path.name for path in (folder / "reports").iterdir()} == {named, of_feed}
    with (folder / "reports" / named).open(newline="") as handle:
        assert [row["message_id"] for row in csv.DictReader(handle)] == ["a0", "b0", "a1", "b1"]
    read = pq.read_table(folder / "reports" / of_feed)
    assert (read["message_id"].to_pylist(), read.schema.names) == (["a0", "a1"], ["day", *DELIVERY_REPORT.names])
    assert read["day"].to_pylist() == [yesterday, yesterday + dt.timedelta(days=1)]
    assert len(rig.rows("select 1 from report_drop")) == 2
    assert rig.rows("select 1 from alert") == []


def report_row(**given: Any) -> dict[str, Any]:
    """A row of the delivery report with a value in every column that needs one."""
    plain: dict[Any, Any] = {pa.string(): "x", pa.int64(): 2, pa.date32(): dt.date(2026, 1, 1)}
    needed = {field.name: plain.get(field.type) for field in DELIVERY_REPORT if not field.nullable}
    return needed | given
