"""Files come in over HTTP whole or not at all, once, and become campaigns of the key's own team."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from nightmail.access.permissions import Permission
from portal.api.uploads import remove_abandoned
from tests.portal.conftest import Organisation, PortalStarter, RunningPortal

CSV = b"external_id,phone,time\n1,+491701234567,9\n2,+491701234568,10\n"
PATH = "/v1/contact-files?feed=visits&name=visits.csv"


def files_in(portal: RunningPortal) -> list[Path]:
    """What lies in the folder of incoming files."""
    folder = portal.settings.incoming_dir
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


def raw_upload(portal: RunningPortal, key: str, length: int, *pieces: bytes, path: str = PATH) -> socket.socket:
    """A request whose body is sent by hand."""
    address = urlsplit(portal.url)
    connection = socket.create_connection((address.hostname, address.port), timeout=30)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: {length}\r\n\r\n"
    connection.sendall(head.encode())
    for piece in pieces:
        connection.sendall(piece)
    return connection


def test_an_upload_becomes_a_campaign(portal: RunningPortal, organisation: Organisation) -> None:
    """202 with the campaign's address; the file is stored as it came and its campaign is received."""
    key = organisation.key(Permission.FILE_UPLOAD, Permission.CAMPAIGN_SEE, Permission.MESSAGE_SEE)
    answer = portal.api("POST", PATH, key, content=CSV)
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert (body["state"], body["feed"], body["team"], body["size"]) == ("taken", "visits", "acme.billing", len(CSV))
    assert body["sha256"] == hashlib.sha256(CSV).hexdigest()
    campaign = portal.api("GET", answer.headers["location"], key).json()
    assert (campaign["id"], campaign["state"], campaign["source"]) == (body["campaign"], "received", "api")
    (stored,) = organisation.rows("select stored_path, campaign_id from received_file")
    assert Path(stored["stored_path"]).read_bytes() == CSV
    assert files_in(portal) == [Path(stored["stored_path"])]
    assert portal.api("GET", f"/v1/contact-files/{body['id']}", key).json()["campaign"] == body["campaign"]


def test_a_file_for_a_team_of_another_region_is_refused_and_not_kept(
    portal: RunningPortal, organisation: Organisation
) -> None:
    """The deployment of the team's own region takes it."""
    key = organisation.key(Permission.FILE_UPLOAD)
    organisation.change("update team set region = 'us' where path = 'acme.billing'")
    answer = portal.api("POST", PATH, key, content=CSV)
    assert (answer.status_code, answer.json()["reason"]) == (422, "team_of_other_region"), answer.text
    assert files_in(portal) == []
    assert organisation.rows("select 1 from received_file") == []


def test_a_start_without_an_offset_is_in_the_teams_zone(portal: RunningPortal, organisation: Organisation) -> None:
    """As on the command line; in a form as in the query."""
    organisation.change("update team set time_zone = 'Europe/Berlin'")
    key = organisation.key()
    year = datetime.now(UTC).year + 1
    start = f"{year}-07-01T08:00"
    by_query = portal.api("POST", f"{PATH}&at={start}", key, content=CSV)
    form = {"file": ("b.csv", CSV + b"8,+491701234599,9\n"), "feed": (None, "visits"), "at": (None, start)}
    by_form = portal.api("POST", "/v1/contact-files", key, files=form)
    for answer in (by_query, by_form):
        assert answer.status_code == 202, answer.text
        campaign = portal.api("GET", answer.headers["location"], key).json()
        assert datetime.fromisoformat(campaign["scheduled_at"]) == datetime(year, 7, 1, 6, tzinfo=UTC)


def test_a_start_by_each_recipients_own_clock(portal: RunningPortal, organisation: Organisation) -> None:
    """As the request states it, or as the feed does; the campaign says so, and one moment is had by asking for it."""
    key = organisation.key()
    wanted = f"{datetime.now(UTC).year + 1}-07-01T08:00:00"

    def upload(row: int, more: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        content = CSV + f"{row},+4917012345{row},9\n".encode()
        if form is None:
            answer = portal.api("POST", f"{PATH}{more}", key, content=content)
        else:
            files: dict[str, Any] = {"file": ("b.csv", content), **{name: (None, text) for name, text in form.items()}}
            answer = portal.api("POST", "/v1/contact-files", key, files=files)
        if answer.status_code != 202:
            return dict(answer.json())
        return dict(portal.api("GET", f"/v1/campaigns/{answer.json()['campaign']}", key).json())

    stated = upload(10, f"&at={wanted}&send_in=recipient")
    by_form = upload(11, "", {"feed": "visits", "at": wanted, "send_in": "recipient"})
    organisation.change("""update feed set settings = settings || '{"send_in": "recipient"}'""")
    by_feed = upload(12, f"&at={wanted}")
    for campaign in (stated, by_form, by_feed):
        assert campaign["local_start"] == wanted
        assert campaign["scheduled_at"] == f"{wanted[:4]}-06-30T18:00:00Z"
    moment = upload(13, f"&at={wanted}Z&send_in=team")
    assert (moment["local_start"], moment["scheduled_at"]) == (None, f"{wanted}Z")
    with_offset = upload(14, f"&at={wanted}Z")
    assert with_offset["reason"] == "time_invalid" and "offset" in with_offset["detail"]
    assert upload(15, "&send_in=team")["errors"][0]["where"] == "query.send_in"
    assert upload(16, "", {"feed": "visits", "at": wanted, "send_in": "all"})["errors"][0]["where"] == "body.send_in"


def test_an_upload_is_told_that_it_cannot_make_its_cut_off(portal: RunningPortal, organisation: Organisation) -> None:
    """By the file's rows at the carrier's rate, from the time that is asked for; as many units as last time's rows had."""
    organisation.change("update carrier_account set settings = settings || '{\"rate_per_s\": 0.1}'")
    organisation.change('update feed set settings = \'{"cut_off_after_s": 25, "channels": ["sms"]}\'')
    key = organisation.key(Permission.FILE_UPLOAD, Permission.CAMPAIGN_SEE, Permission.MESSAGE_SEE)
    start = datetime(datetime.now(UTC).year + 1, 7, 1, 8, tzinfo=UTC)

    def upload(rows: int, number: int) -> dict[str, Any]:
        lines = "".join(f"{number}{row},+4917012345{row:02d},9\n" for row in range(rows))
        answer = portal.api(
            "POST",
            f"{PATH}&at={start:%Y-%m-%dT%H:%M:%SZ}",
            key,
            content=f"external_id,phone,time\n{lines}".encode(),
        )
        assert answer.status_code == 202, answer.text
        body: dict[str, Any] = answer.json()
        for again in (f"/v1/contact-files/{body['id']}", answer.headers["location"]):
            told = portal.api("GET", again, key).json()
            assert all(told[name] == body[name] for name in ("finishes_by", "cut_off_at", "late", "late_warning"))
        assert datetime.fromisoformat(body["cut_off_at"]) == start + timedelta(seconds=25)
        return body

    for rows, late in ((2, False), (3, True)):
        body = upload(rows, rows)
        assert datetime.fromisoformat(body["finishes_by"]) == start + timedelta(seconds=10 * rows)
        assert body["late"] is late
        assert (body["late_warning"] or {}).get("reason") == ("cut_off_at_risk" if late else None)
    # Its texts were long: three segments for two rows that were sent of four.
    organisation.change(
        'update campaign set loaded_at = now(), counts = \'{"rows": 4, "units": {"sms": 6}}\' where key = :key',
        key=body["campaign"],
    )
    assert datetime.fromisoformat(upload(2, 7)["finishes_by"]) == start + timedelta(seconds=30)
    # Nobody is alerted by an estimate: who asked was told.
    assert organisation.rows("select * from alert") == []


def test_a_form_is_taken_too(portal: RunningPortal, organisation: Organisation) -> None:
    """What a browser or curl -F sends: the feed and the file as parts, in either order, larger than one piece."""
    rows = b"".join(b"%d,+4917012%05d,9\n" % (number, number) for number in range(100_000))
    content = b"external_id,phone,time\n" + rows
    answer = portal.api(
        "POST",
        "/v1/contact-files",
        organisation.key(Permission.FILE_UPLOAD),
        files={"file": ("grüße.csv", content), "feed": (None, "visits"), "again": (None, "true")},
    )
    assert answer.status_code == 202, answer.text
    assert (answer.json()["name"], answer.json()["size"]) == ("grüße.csv", len(content))
    (stored,) = files_in(portal)
    assert stored.read_bytes() == content


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"--b\r\nContent-Disposition: form-data; name=file; filename=a.csv\r\n\r\nabc", "upload_truncated"),
        (b"this is no form", "request_malformed"),
        (b"--b\r\nContent-Disposition: form-data; name=feed\r\n\r\nvisits\r\n--b--\r\n", "request_invalid"),
    ],
)
def test_a_broken_form_leaves_nothing_behind(
    portal: RunningPortal, organisation: Organisation, body: bytes, reason: str
) -> None:
    """A form cut short, no form at all, a form without a file."""
    answer = portal.api(
        "POST",
        "/v1/contact-files",
        organisation.key(Permission.FILE_UPLOAD),
        content=body,
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    assert (answer.json()["reason"], answer.status_code // 100) == (reason, 4)
    assert files_in(portal) == []


def test_the_same_key_and_body_are_answered_alike_and_another_body_is_refused(
    portal: RunningPortal, organisation: Organisation
) -> None:
    """A repeated request is done once, even when the first answer was lost."""
    key = organisation.key(Permission.FILE_UPLOAD)
    headers = {"Idempotency-Key": "6b1f"}
    first = portal.api("POST", PATH, key, content=CSV, headers=headers)
    second = portal.api("POST", PATH, key, content=CSV, headers=headers)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert second.headers["location"] == first.headers["location"]
    assert second.headers["idempotency-replayed"] == "true"
    other = portal.api("POST", PATH, key, content=CSV + b"3,+491701234569,11\n", headers=headers)
    assert (other.status_code, other.json()["reason"]) == (422, "idempotency_key_reused")
    assert len(organisation.rows("select * from campaign")) == 1
    assert len(files_in(portal)) == 1


def test_the_same_content_again_is_refused_unless_it_is_meant(
    portal: RunningPortal, organisation: Organisation
) -> None:
    """409 names the campaign that has the content; `again=true` sends it once more."""
    key = organisation.key(Permission.FILE_UPLOAD)
    first = portal.api("POST", PATH, key, content=CSV).json()
    refused = portal.api("POST", PATH.replace("visits.csv", "other.csv"), key, content=CSV)
    assert (refused.status_code, refused.json()["reason"]) == (409, "file_already_taken")
    assert refused.json()["campaign"] == first["campaign"]
    assert len(files_in(portal)) == 1
    meant = portal.api("POST", f"{PATH}&again=true", key, content=CSV)
    assert meant.status_code == 202
    assert meant.json()["campaign"] != first["campaign"]


def test_who_may_upload(portal: RunningPortal, organisation: Organisation) -> None:
    """No key, a wrong one, one that was revoked or has expired, one without the scope, another team's feed."""
    from sqlalchemy import text

    assert portal.client.post(PATH, content=CSV).json()["reason"] == "key_missing"
    right = organisation.key(Permission.FILE_UPLOAD)
    wrong = right[:-3] + ("abc" if right[-3:] != "abc" else "abd")
    refused = portal.api("POST", PATH, wrong, content=CSV)
    assert (refused.status_code, refused.json()["reason"]) == (401, "key_wrong")
    assert "Bearer" in refused.headers["www-authenticate"]
    assert portal.api("POST", PATH, "nonsense", content=CSV).json()["reason"] == "key_wrong"
    scope = portal.api("POST", PATH, organisation.key(Permission.CAMPAIGN_SEE, Permission.MESSAGE_SEE), content=CSV)
    assert (scope.status_code, scope.json()["reason"]) == (403, "permission_missing")
    foreign = portal.api("POST", "/v1/contact-files?feed=acme.care/visits&name=a.csv", right, content=CSV)
    assert (foreign.status_code, foreign.json()["reason"]) == (404, "feed_unknown")
    above = organisation.key(Permission.FILE_UPLOAD, team="acme")
    assert (
        portal.api("POST", "/v1/contact-files?feed=acme.care/visits&name=a.csv", above, content=CSV).status_code == 202
    )
    with organisation.engine.begin() as connection:
        connection.execute(text("update api_key set expires_at = now() - interval '1 second'"))
    assert portal.api("POST", PATH, right, content=CSV).json()["reason"] == "key_expired"
    with organisation.engine.begin() as connection:
        connection.execute(text("update api_key set revoked_at = now()"))
    assert portal.api("POST", PATH, right, content=CSV).json()["reason"] == "key_wrong"


@pytest.mark.parametrize(
    ("path", "content", "status", "reason"),
    [
        (PATH.replace("visits&", "nothing&"), CSV, 404, "feed_unknown"),
        (PATH, b"", 422, "file_empty"),
        ("/v1/contact-files?feed=visits", CSV, 422, "request_invalid"),
        (f"{PATH}&at=yesterday", CSV, 422, "request_invalid"),
        (f"{PATH}&at=2020-01-01T08:00:00Z", CSV, 422, "time_invalid"),
        (f"{PATH}&at=9999-12-31T23:59:59-12:00", CSV, 422, "time_invalid"),
        (f"{PATH}&at=0001-01-01T00:00:00%2B14:00", CSV, 422, "time_invalid"),
        (PATH.replace("visits.csv", "../../etc/passwd"), CSV, 422, "request_invalid"),
    ],
)
def test_an_upload_that_cannot_be_taken(
    portal: RunningPortal, organisation: Organisation, path: str, content: bytes, status: int, reason: str
) -> None:
    """A clear answer each, and nothing is kept."""
    answer = portal.api("POST", path, organisation.key(Permission.FILE_UPLOAD), content=content)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["remedy"]
    assert files_in(portal) == []


def test_a_file_over_the_limit(start_portal: PortalStarter, organisation: Organisation) -> None:
    """Refused before a byte is read when its length is announced, else at the first byte too many."""
    portal = start_portal(maximum_file_bytes=100_000)
    key = organisation.key(Permission.FILE_UPLOAD)
    announced = portal.api("POST", PATH, key, content=b"x" * 200_000)
    assert (announced.status_code, announced.json()["reason"]) == (413, "request_too_large")

    def pieces() -> object:
        for _ in range(110):
            yield b"x" * 1_000

    streamed = portal.api("POST", PATH, key, content=pieces())
    assert (streamed.status_code, streamed.json()["reason"]) == (413, "file_too_large")
    assert files_in(portal) == []


def test_a_truncated_upload_leaves_nothing_behind(portal: RunningPortal, organisation: Organisation) -> None:
    """The client goes away in mid-upload: no file, no campaign, and the portal goes on."""
    key = organisation.key(Permission.FILE_UPLOAD)
    connection = raw_upload(portal, key, 1_000_000, CSV)
    end = time.monotonic() + 10
    while not files_in(portal):
        assert time.monotonic() < end, "the upload did not begin"
    connection.close()
    while files_in(portal):
        assert time.monotonic() < end, "the upload was not cleared away"
        time.sleep(0.01)
    assert organisation.rows("select * from received_file") == []
    assert portal.api("POST", PATH, key, content=CSV).status_code == 202


def test_a_full_disk_is_told_and_leaves_nothing_behind(
    portal: RunningPortal, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """507 with a time to come again; no campaign, no file; with room again the same file is taken."""
    key = organisation.key(Permission.FILE_UPLOAD)
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if bytes(data).startswith(CSV[:20]):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    with monkeypatch.context() as disk:
        disk.setattr(os, "write", full)
        answer = portal.api("POST", PATH, key, content=CSV)
    assert (answer.status_code, answer.json()["reason"]) == (507, "storage_full")
    assert int(answer.headers["retry-after"]) > 0
    assert files_in(portal) == [] and organisation.rows("select * from received_file") == []
    assert portal.api("POST", PATH, key, content=CSV).status_code == 202


def test_a_digest_that_does_not_fit(portal: RunningPortal, organisation: Organisation) -> None:
    """Content-Digest tells a damaged upload from a whole one."""
    key = organisation.key(Permission.FILE_UPLOAD)
    right = base64.b64encode(hashlib.sha256(CSV).digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"").digest()).decode()
    damaged = portal.api("POST", PATH, key, content=CSV, headers={"Content-Digest": f"sha-256=:{wrong}:"})
    assert (damaged.status_code, damaged.json()["reason"]) == (400, "upload_truncated")
    assert files_in(portal) == []
    whole = portal.api("POST", PATH, key, content=CSV, headers={"Content-Digest": f"sha-256=:{right}:"})
    assert whole.status_code == 202


def test_a_slow_client_is_given_up(start_portal: PortalStarter, organisation: Organisation) -> None:
    """A body that stops coming is answered 408, and the connection is closed."""
    portal = start_portal(upload_pause_s=0.3)
    connection = raw_upload(portal, organisation.key(Permission.FILE_UPLOAD), 1_000, b"external_id,")
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"reason": "request_too_slow"' in answer
    assert files_in(portal) == []


def test_what_a_crash_left_behind_is_removed(portal: RunningPortal, organisation: Organisation) -> None:
    """After a day an upload that is not registered goes; a registered one, and one that may be under way, stay."""
    key = organisation.key(Permission.FILE_UPLOAD)
    assert portal.api("POST", PATH, key, content=CSV).status_code == 202
    (kept,) = files_in(portal)
    incoming = portal.settings.incoming_dir
    for name in ("api-1", "api-2"):
        (incoming / name).mkdir()
        (incoming / name / ".upload.part").write_bytes(CSV)
    for old in (kept, incoming / "api-1" / ".upload.part"):
        os.utime(old, (1, 1))
    assert remove_abandoned(organisation.engine, incoming) == 1
    assert sorted(files_in(portal)) == sorted([kept, incoming / "api-2" / ".upload.part"])


def test_too_many_requests_of_one_key(start_portal: PortalStarter, organisation: Organisation) -> None:
    """429 with Retry-After; another key is not touched by it."""
    portal = start_portal(api_requests_per_s=0.5)
    key, other = organisation.key(), organisation.key()
    answers = [portal.api("GET", "/v1/campaigns", key) for _ in range(4)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert portal.api("GET", "/v1/campaigns", other).status_code == 200
