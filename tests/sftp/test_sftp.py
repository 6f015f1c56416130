"""Files over SFTP, against real OpenSSH and the sandbox's server."""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nightmail.errors import ConfigurationError, UnavailableError
from resources.sftp import (
    SftpCredentialsError,
    SftpFileChangedError,
    SftpFileTooLargeError,
    SftpFolder,
    SftpFolderError,
    SftpHostKeyError,
    SftpUnreachableError,
)
from tests.support.sandbox_process import eventually


def folder_of(connection, server, drop: Path):
    return SftpFolder(connection, posixpath.join(server.base, drop.name))


def names(files):
    return [file.name for file in files]


def test_only_complete_files_are_found(server, connection, drop):
    for name in (
        "people.csv", "b.part", "c.tmp", "d.filepart", "E.PART", ".hidden.csv", "people.csv.result.json",
        "people.csv.rejects.csv", "x~",
    ):  # fmt: skip
        (drop / name).write_text("external_id\n1\n")
    (drop / "archive").mkdir()
    (drop / "archive" / "old.csv").write_text("old")
    folder = folder_of(connection, server, drop)
    assert names(folder.look()) == ["people.csv"]


def test_files_come_oldest_first_whatever_their_names(server, connection, drop):
    for order, name in enumerate(["zebra.csv", "büro 1.csv", "a.csv"]):
        (drop / name).write_text("x")
        os.utime(drop / name, (1_700_000_000 + order, 1_700_000_000 + order))
    found = folder_of(connection, server, drop).look()
    assert names(found) == ["zebra.csv", "büro 1.csv", "a.csv"]
    assert found[0].modified_at == datetime.fromtimestamp(1_700_000_000, UTC)


def test_a_download_is_whole_and_hashed_and_leaves_nothing_aside(server, connection, drop, tmp_path):
    content = os.urandom(3_000_000)
    (drop / "big.bin").write_bytes(content)
    folder = folder_of(connection, server, drop)
    (file,) = folder.look()
    seen = []
    done = folder.download(file, tmp_path / "in" / "big.bin", 10_000_000, progress=seen.append)
    assert done.path.read_bytes() == content and done.sha256 == hashlib.sha256(content).hexdigest()
    assert seen[-1] == len(content) == done.size and done.connections == 1
    assert list((tmp_path / "in").iterdir()) == [done.path]


def test_an_empty_file_can_be_taken_so_that_it_can_be_answered(server, connection, drop, tmp_path):
    (drop / "empty.csv").touch()
    folder = folder_of(connection, server, drop)
    done = folder.download(folder.look()[0], tmp_path / "empty.csv", 100)
    assert done.size == 0 and done.path.read_bytes() == b""


def test_a_file_over_the_limit_is_not_begun(server, connection, drop, tmp_path):
    (drop / "big.csv").write_bytes(b"x" * 1000)
    folder = folder_of(connection, server, drop)
    with pytest.raises(SftpFileTooLargeError) as caught:
        folder.download(folder.look()[0], tmp_path / "big.csv", 999)
    assert caught.value.reason == "file_too_large" and not list(tmp_path.iterdir())


def test_a_file_that_changed_since_it_was_found_is_not_taken(server, connection, drop, tmp_path):
    file = drop / "a.csv"
    file.write_text("one")
    folder = folder_of(connection, server, drop)
    (seen,) = folder.look()
    file.write_text("three")
    with pytest.raises(SftpFileChangedError):
        folder.download(seen, tmp_path / "a.csv", 100)
    file.unlink()
    with pytest.raises(SftpFileChangedError):
        folder.download(seen, tmp_path / "a.csv", 100)
    assert not list(tmp_path.iterdir())


def test_a_file_cut_short_during_the_transfer_is_not_taken(server, connection, drop, tmp_path):
    file = drop / "a.bin"
    file.write_bytes(os.urandom(4_000_000))
    folder = folder_of(connection, server, drop)
    (seen,) = folder.look()

    def cut(done):
        if done < 1_000_000:
            os.truncate(file, 1_000_000)

    with pytest.raises(SftpFileChangedError):
        folder.download(seen, tmp_path / "a.bin", 10_000_000, progress=cut)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_said_and_nothing_is_lost(server, connection, drop):
    (drop / "a.csv").write_bytes(b"x" * 100_000)
    folder = folder_of(connection, server, drop)
    (seen,) = folder.look()
    full = drop / "local"
    full.mkdir()
    (full / "a.csv.part").symlink_to("/dev/full")
    with pytest.raises(UnavailableError) as caught:
        folder.download(seen, full / "a.csv", 1_000_000)
    assert caught.value.reason == "disk_full" and names(folder.look()) == ["a.csv"]


def test_answers_are_written_beside_and_replace_older_ones(server, connection, drop):
    folder = folder_of(connection, server, drop)
    for number in (1, 2):
        written = folder.write_beside("a.csv.result.json", json.dumps({"number": number}).encode())
    assert json.loads((drop / "a.csv.result.json").read_text()) == {"number": 2}
    assert written.size == (drop / "a.csv.result.json").stat().st_size
    assert sorted(path.name for path in drop.iterdir()) == ["a.csv.result.json"]


def test_a_large_answer_comes_from_a_file(server, connection, drop, tmp_path):
    answer = tmp_path / "rejects.csv"
    answer.write_bytes(os.urandom(1_500_000))
    folder_of(connection, server, drop).write_beside("a.csv.rejects.csv", answer)
    assert (drop / "a.csv.rejects.csv").read_bytes() == answer.read_bytes()


def test_an_answer_is_never_seen_half_written(server, connection, drop):
    """A reader who looks all the time sees one answer or the other, whole."""
    folder = folder_of(connection, server, drop)
    contents = [letter * 300_000 for letter in (b"a", b"b")]
    folder.write_beside("a.result.json", contents[0])
    seen: set[bytes] = set()
    stop = threading.Event()

    def read():
        while not stop.is_set():
            seen.add((drop / "a.result.json").read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(10):
        folder.write_beside("a.result.json", contents[turn % 2])
    stop.set()
    reader.join()
    assert seen <= set(contents)


def test_a_corrected_reject_file_under_its_own_name_is_a_contact_file(server, connection, drop):
    folder = folder_of(connection, server, drop)
    ours = folder.write_beside("a.csv.rejects.csv", b"external_id,nightmail_reason\n1,phone_invalid\n")
    assert folder.look() == [] and folder.look([ours]) == []
    (drop / "a.csv.rejects.csv").write_text("external_id,phone\n1,+447700900123\n")
    assert names(folder.look([ours])) == ["a.csv.rejects.csv"]
    assert folder.look() == []


def test_an_archived_file_is_moved_and_never_over_another(server, connection, drop):
    folder = folder_of(connection, server, drop)
    now = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    archived = []
    for content in ("one", "two", "three"):
        (drop / "people.csv.gz").write_text(content)
        (file,) = folder.look()
        archived.append(folder.archive(file, now))
        assert folder.look() == []
    kept = {path.name: path.read_text() for path in (drop / "archive").iterdir()}
    assert kept == {
        "people.csv.gz": "one",
        "people.20261123T020000Z.csv.gz": "two",
        "people.20261123T020000Z-2.csv.gz": "three",
    }
    assert [file.name for file in archived] == list(kept) or len(set(archived)) == 3


def test_a_new_file_under_the_same_name_is_not_archived_for_the_old_one(server, connection, drop):
    folder = folder_of(connection, server, drop)
    file = drop / "a.csv"
    file.write_text("old")
    (seen,) = folder.look()
    file.write_text("newer")
    assert folder.archive(seen) is None and file.read_text() == "newer"
    file.unlink()
    assert folder.archive(seen) is None


def test_a_missing_folder_and_a_forbidden_one_are_told_apart(server, connection, drop):
    with pytest.raises(SftpFolderError) as caught:
        SftpFolder(connection, posixpath.join(server.base, "nowhere")).look()
    assert caught.value.reason == "sftp_folder_missing" and caught.value.remedy
    if os.geteuid() == 0:
        return
    drop.chmod(0o500)
    try:
        with pytest.raises(SftpFolderError) as caught:
            folder_of(connection, server, drop).write_beside("a.result.json", b"{}")
        assert caught.value.reason == "sftp_permission"
    finally:
        drop.chmod(0o700)


def test_another_host_key_than_the_agreed_one_is_refused(server):
    with pytest.raises(SftpHostKeyError) as caught:
        server.connect(host_key=server.other_host_key).check()
    assert caught.value.reason == "sftp_host_key_mismatch" and isinstance(caught.value, ConfigurationError)


def test_an_unknown_host_is_refused_and_not_learnt(server, tmp_path):
    known = tmp_path / "known_hosts"
    known.touch()
    for changes in ({"host_key": None}, {"host_key": None, "known_hosts": known}, {"host_key": "nonsense"}):
        with pytest.raises(SftpHostKeyError) as caught:
            server.connect(**changes).check()
        assert caught.value.reason == "sftp_host_key_unknown"
    assert known.read_text() == ""
    with pytest.raises(SftpHostKeyError):
        server.connect(host_key=None, known_hosts=tmp_path / "missing").check()


def test_a_known_hosts_file_is_enough(server, tmp_path):
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{server.settings.port} {server.settings.host_key}\n")
    assert "answers" in server.connect(host_key=None, known_hosts=known).check()


def test_wrong_credentials_are_said_without_showing_them(server, tmp_path):
    from tests.sftp.conftest import keygen

    stranger = keygen(tmp_path / "stranger").read_text()
    for changes in ({"private_key": stranger}, {"private_key": None, "password": "secret-word"}):
        with pytest.raises(SftpCredentialsError) as caught:
            server.connect(**changes).check()
        assert caught.value.reason == "sftp_credentials" and "secret-word" not in str(caught.value)
        assert "secret-word" not in repr(server.connect(**changes).settings)


@pytest.mark.parametrize("key", ["", "not a key", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"])
def test_a_key_that_cannot_be_read_is_said_before_connecting(server, key):
    with pytest.raises(SftpCredentialsError):
        server.connect(private_key=key, port=1).check()


def test_a_key_with_a_passphrase(server, tmp_path):
    from tests.sftp.conftest import keygen

    locked = keygen(tmp_path / "locked", passphrase="open sesame").read_text()
    with pytest.raises(SftpCredentialsError):
        server.connect(private_key=locked).check()
    # The right passphrase opens the key; the server then refuses it as a stranger's.
    with pytest.raises(SftpCredentialsError) as caught:
        server.connect(private_key=locked, passphrase="open sesame").check()
    assert "the server refused it" in caught.value.message


@pytest.mark.parametrize("changes", [{"port": 1}, {"host": "no-such-host.invalid"}])
def test_a_server_that_is_away_is_unreachable(server, changes):
    with pytest.raises(SftpUnreachableError) as caught:
        server.connect(**changes).check()
    assert caught.value.reason == "sftp_unreachable" and caught.value.remedy


def test_a_server_that_never_speaks_is_given_up(server):
    """A port that is open with nobody behind it must not hold a sensor for ever."""
    import socket

    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        with pytest.raises(SftpUnreachableError):
            server.connect(port=mute.getsockname()[1], connect_timeout_s=0.5).check()


def test_a_connection_that_broke_while_idle_is_opened_anew(server, drop):
    """Sensors keep theirs between ticks, and servers close idle ones: that is no reason for an alert."""
    (drop / "a.csv").write_text("x")
    connection = server.connect()
    folder = folder_of(connection, server, drop)
    assert names(folder.look()) == ["a.csv"]
    transport = connection._ssh.get_transport()
    transport.sock.close()
    eventually(lambda: not transport.is_active())
    assert names(folder.look()) == ["a.csv"] and connection.opened == 2
    connection.close()
