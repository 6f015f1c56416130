"""A Postfix of a folder: its own configuration, queue and port, beside whatever else the machine runs."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_DAEMONS = Path("/usr/lib/postfix/sbin")
_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
daemon_directory = {daemons}
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
relayhost = [127.0.0.1]:{sink}
default_process_limit = 100
smtp_host_lookup = native
smtp_tls_security_level = none
smtpd_peername_lookup = no
smtpd_client_connection_rate_limit = 0
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
"""
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
pickup unix n - n 60 1 pickup
showq unix n - n - - showq
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
postlog unix-dgram n - n - 1 postlogd
"""
_QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")


@dataclass(frozen=True)
class Postfix:
    """One that runs: its first process, its port, and the program that gives it messages by SMTP."""

    master: int
    port: int
    source: str


@contextlib.contextmanager
def postfix(folder: Path, sink_port: int) -> Iterator[Postfix | str]:
    """Run Postfix with ``sink_port`` as where all goes; gives a sentence instead where this machine cannot."""
    reason = _missing()
    if reason:
        yield reason
        return
    port = _free_port()
    configuration = folder / "etc"
    configuration.mkdir(parents=True)
    folder.chmod(0o755)
    (configuration / "main.cf").write_text(_MAIN.format(folder=folder, daemons=_DAEMONS, sink=sink_port))
    (configuration / "master.cf").write_text(_MASTER.format(port=port))
    _make_queues(folder)
    # `-d` keeps it in the foreground.
    master = subprocess.Popen(
        [str(_DAEMONS / "master"), "-c", str(configuration), "-d"],
        env={**os.environ, "MAIL_CONFIG": str(configuration)},
        start_new_session=True,
    )
    try:
        _until_it_answers(port)
        yield Postfix(master.pid, port, shutil.which("smtp-source") or "/usr/sbin/smtp-source")
    finally:
        master.terminate()
        master.wait(timeout=30)


def _missing() -> str:
    if not (_DAEMONS / "master").exists() or shutil.which("smtp-source") is None:
        return "Postfix is not installed: Debian's package postfix"
    if os.geteuid():
        return "Postfix starts as root alone"
    return ""


def _make_queues(folder: Path) -> None:
    owner = pwd.getpwnam("postfix")
    drop = grp.getgrnam("postdrop").gr_gid
    (folder / "data").mkdir()
    os.chown(folder / "data", owner.pw_uid, owner.pw_gid)
    (folder / "spool" / "pid").mkdir(parents=True)
    for name in _QUEUES:
        (folder / "spool" / name).mkdir(mode=0o700)
        os.chown(folder / "spool" / name, owner.pw_uid, 0)
    for name, mode in (("public", 0o710), ("maildrop", 0o730)):
        (folder / "spool" / name).mkdir()
        os.chown(folder / "spool" / name, owner.pw_uid, drop)
        (folder / "spool" / name).chmod(mode)


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def _until_it_answers(port: int) -> None:
    given_up = time.monotonic() + 30
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as asked:
                if asked.recv(10).startswith(b"220"):
                    return
        except OSError:
            pass
        if time.monotonic() > given_up:
            raise RuntimeError("Postfix did not start within 30 s")
        time.sleep(0.05)
