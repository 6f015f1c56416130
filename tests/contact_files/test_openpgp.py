"""Contact files encrypted with OpenPGP: only the team's key opens them, whole, and no bomb gets far."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pysequoia
import pytest

from nightmail.contact_files.openpgp import decrypt_file, encrypt, is_encrypted, plain_name
from nightmail.errors import ConfigurationError, ContactFileError
from nightmail.organisation.team_settings import OpenPgpKeys

ROWS = b"external_id,phone\n1,+447700900123\n"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> pysequoia.Tsk:
    return pysequoia.Tsk.generate("Acme billing <billing@acme.example>")


@pytest.fixture
def keys(key: pysequoia.Tsk, tmp_path: Path) -> OpenPgpKeys:
    (tmp_path / "private.key").write_text(str(key))
    (tmp_path / "public.key").write_text(str(key.extract_certificate()))
    return OpenPgpKeys(decrypt=f"file:{tmp_path}/private.key", encrypt_to=f"file:{tmp_path}/public.key")


def encrypted(key: pysequoia.Tsk, folder: Path, content: bytes = ROWS, *, armor: bool = True) -> Path:
    source = folder / "due.csv.pgp"
    source.write_bytes(pysequoia.encrypt(recipients=[key.extract_certificate()], bytes=content, armor=armor))
    return source


@pytest.mark.parametrize("armor", [True, False])
def test_a_file_is_decrypted_whole(key: pysequoia.Tsk, keys: OpenPgpKeys, tmp_path: Path, armor: bool) -> None:
    decrypt_file(encrypted(key, tmp_path, armor=armor), tmp_path / "due.csv", keys, 1_000)
    assert (tmp_path / "due.csv").read_bytes() == ROWS


def test_without_a_key_of_the_team_nothing_is_read(key: pysequoia.Tsk, tmp_path: Path) -> None:
    with pytest.raises(ContactFileError) as caught:
        decrypt_file(encrypted(key, tmp_path), tmp_path / "due.csv", OpenPgpKeys(), 1_000)
    assert caught.value.reason == "file_encrypted"


@pytest.mark.parametrize("damage", ["other key", "changed", "cut short", "not encrypted"])
def test_what_cannot_be_trusted_is_refused_and_leaves_nothing(
    damage: str, key: pysequoia.Tsk, keys: OpenPgpKeys, tmp_path: Path
) -> None:
    """A byte that was changed on its way is found by the message's own integrity protection (RFC 9580, 5.13)."""
    source = encrypted(
        pysequoia.Tsk.generate("Other <o@x.example>") if damage == "other key" else key, tmp_path, armor=False
    )
    content = bytearray(source.read_bytes())
    if damage == "changed":
        content[-30] ^= 1
    source.write_bytes({"cut short": bytes(content[:-40]), "not encrypted": ROWS}.get(damage, bytes(content)))
    with pytest.raises(ContactFileError) as caught:
        decrypt_file(source, tmp_path / "due.csv", keys, 1_000)
    assert caught.value.reason == "file_not_decrypted"
    assert not list(tmp_path.glob("due.csv")) and not list(tmp_path.glob("*.part"))


def test_a_bomb_stops_at_the_limit(key: pysequoia.Tsk, keys: OpenPgpKeys, tmp_path: Path) -> None:
    source = encrypted(key, tmp_path, b"0" * 5_000_000)
    with pytest.raises(ContactFileError) as caught:
        decrypt_file(source, tmp_path / "due.csv", keys, 100_000)
    assert caught.value.reason == "file_expands_too_far"
    assert not list(tmp_path.glob("due.csv*part"))


def test_an_answer_opens_with_the_uploaders_key_alone(key: pysequoia.Tsk, keys: OpenPgpKeys, tmp_path: Path) -> None:
    answer = encrypt(b"line,reason\n", keys)
    assert pysequoia.decrypt(decryptor=key.decryptor(), bytes=answer).bytes == b"line,reason\n"
    (tmp_path / "public.key").write_text("no key")
    with pytest.raises(ConfigurationError) as caught:
        encrypt(b"x", keys)
    assert caught.value.reason == "openpgp_key"


@pytest.mark.needs_program("gpg")
def test_what_gnupg_encrypts_is_read_and_what_is_answered_it_reads(tmp_path: Path) -> None:
    """The program that uploaders most likely have, with keys of its own."""
    # The path of its agent's socket may have 107 bytes at most, fewer than pytest's folders.
    with tempfile.TemporaryDirectory(prefix="gpg-") as home:
        try:
            _exchange_with_gnupg(home, tmp_path)
        finally:
            subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False, capture_output=True)


def _exchange_with_gnupg(home: str, folder: Path) -> None:
    def gpg(*arguments: str) -> bytes:
        command = ["gpg", "--homedir", home, "--batch", "--yes", "--trust-model", "always", "--passphrase", ""]
        return subprocess.run([*command, *arguments], check=True, capture_output=True).stdout

    gpg("--quick-generate-key", "billing@acme.example")
    (folder / "private.key").write_bytes(gpg("--armor", "--pinentry-mode", "loopback", "--export-secret-keys"))
    (folder / "public.key").write_bytes(gpg("--armor", "--export"))
    keys = OpenPgpKeys(decrypt=f"file:{folder}/private.key", encrypt_to=f"file:{folder}/public.key")
    (folder / "due.csv").write_bytes(ROWS)
    gpg("-r", "billing@acme.example", "-o", str(folder / "due.csv.gpg"), "-e", str(folder / "due.csv"))
    decrypt_file(folder / "due.csv.gpg", folder / "read.csv", keys, 1_000)
    assert (folder / "read.csv").read_bytes() == ROWS
    (folder / "answer.pgp").write_bytes(encrypt(b"answer\n", keys))
    assert gpg("-d", str(folder / "answer.pgp")) == b"answer\n"


@pytest.mark.parametrize(
    ("name", "inside"),
    [("due.csv.pgp", "due.csv"), ("due.csv.GPG", "due.csv"), ("due.asc", "due"), ("due.csv", "due.csv")],
)
def test_the_name_inside(name: str, inside: str) -> None:
    assert plain_name(name) == inside
    assert is_encrypted(name) is (name != inside)
