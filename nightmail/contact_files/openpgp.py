"""Contact files and answers encrypted with OpenPGP (RFC 9580): decrypted with a team's key, encrypted to an uploader's.

What an encrypted file unpacks to is not known before it is unpacked, so that is done in a process of its own, which may
write and compute so much and no more.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

from nightmail.errors import ConfigurationError, ContactFileError
from nightmail.organisation.team_settings import OpenPgpKeys
from nightmail.settings import read_secret

SUFFIXES = (".pgp", ".gpg", ".asc")
"""Names of encrypted files end so, in any case of letters."""
CPU_SECONDS = 600
MEMORY_BYTES = 2 * 1024**3
_CHECKOUT = Path(__file__).parents[2]


def is_encrypted(name: str) -> bool:
    """Whether a file's name says that it is encrypted."""
    return name.casefold().endswith(SUFFIXES)


def plain_name(name: str) -> str:
    """The name of the file inside: ``due.csv`` for ``due.csv.pgp``."""
    return name.rsplit(".", 1)[0] if is_encrypted(name) else name


def decrypt_file(source: Path, destination: Path, keys: OpenPgpKeys, maximum_bytes: int) -> None:
    """Decrypt ``source`` to ``destination``, aside and then by a rename.

    Raises :class:`ContactFileError`: ``file_encrypted`` where the team has no key, ``file_not_decrypted`` where the key
    does not fit or the content was changed, ``file_expands_too_far`` where more than ``maximum_bytes`` come out.
    """
    if keys.decrypt is None:
        raise ContactFileError("file_encrypted")
    aside = destination.with_name(f"{destination.name}.part")
    order = {"source": str(source), "destination": str(aside), "maximum": maximum_bytes}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "nightmail.contact_files.openpgp"],
            input=json.dumps(order | {"key": read_secret(keys.decrypt)}).encode(),
            capture_output=True,
            cwd=_CHECKOUT,
            timeout=2 * CPU_SECONDS,
            check=False,
        )
        answer = json.loads(done.stdout or b"{}")
        if answer.get("too_large") or (aside.exists() and aside.stat().st_size > maximum_bytes):
            raise ContactFileError("file_expands_too_far", limit=maximum_bytes)
        if not answer.get("well"):
            raise ContactFileError("file_not_decrypted", problem=answer.get("problem") or "the process ended early")
        aside.replace(destination)
    finally:
        aside.unlink(missing_ok=True)


def encrypt(content: bytes, keys: OpenPgpKeys) -> bytes:
    """``content`` encrypted to the uploader's key, with armour. Raises :class:`ConfigurationError` (``openpgp_key``)."""
    import pysequoia

    assert keys.encrypt_to is not None
    try:
        recipient = pysequoia.Cert.from_bytes(read_secret(keys.encrypt_to).encode())
        encrypted: bytes = pysequoia.encrypt(recipients=[recipient], bytes=content)
    except Exception as error:
        raise ConfigurationError("openpgp_key", problem=_one_line(error)) from error
    return encrypted


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


def _main() -> None:
    """The far end of :func:`decrypt_file`: reads the order from standard input, answers on standard output."""
    import pysequoia

    order = json.loads(sys.stdin.buffer.read())
    for kind, most in (
        (resource.RLIMIT_FSIZE, order["maximum"] + 1),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    answer: dict[str, object]
    try:
        key = pysequoia.Tsk.from_bytes(order["key"].encode())
        pysequoia.decrypt_file(order["source"], order["destination"], decryptor=key.decryptor())
        answer = {"well": True}
    except Exception as error:
        too_large = Path(order["destination"]).exists() and (
            Path(order["destination"]).stat().st_size > order["maximum"] or "large" in str(error).casefold()
        )
        answer = {"too_large": too_large, "problem": _one_line(error)}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    _main()
