"""A PostgreSQL server of a test's own and its standby, each on a socket of its own: for what happens when one takes over."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from nightmail.store.local_server import OWNER_ROLE, WORKING_ROLE, LocalServer

PORT = 5432


class ServerAndStandby:
    """The server is started and has the product's databases; :meth:`make_standby` copies it as it is then."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="nightmail-test-standby-"))
        self.folder.chmod(0o755)
        self.server = LocalServer(self.folder / "first" / "pg")
        self.server.start()
        self._owner = self.server.folder.owner()
        self.socket = parse_qs(urlsplit(self.server.url()).query)["host"][0]
        self.standby, self.standby_socket = self.folder / "second" / "pg", self.folder / "second" / "socket"

    def administer(self, *statements: str) -> None:
        """Run statements as the server's superuser."""
        with psycopg.connect(self.server.superuser_url(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def make_standby(self) -> None:
        """Copy the server, and let the copy follow it."""
        self.standby_socket.mkdir(parents=True)
        if os.getuid() == 0:
            for folder in (self.standby.parent, self.standby_socket):
                shutil.chown(folder, self._owner)
        source = f"host={self.socket} user=postgres application_name=standby"
        self._run("pg_basebackup", "-D", self.standby, "-d", source, "-c", "fast", "-X", "stream", "-R")
        self._start_standby()

    def _start_standby(self) -> None:
        options = f"-k {self.standby_socket} -p {PORT} -c listen_addresses=''"
        log = self.standby.parent / "log"
        self._run("pg_ctl", "-D", self.standby, "-l", log, "-o", options, "-w", "-t", "60", "start")

    def follow(self, whether: bool) -> None:
        """Let the standby follow the server, or fall behind it from now on."""
        with psycopg.connect(self._standby_superuser(), autocommit=True) as connection:
            if whether:
                connection.execute("alter system reset primary_conninfo")
            else:
                connection.execute("alter system set primary_conninfo = ''")
            connection.execute("select pg_reload_conf()")
            waited = "select count(*) = 0 from pg_stat_wal_receiver"
            while not whether and connection.execute(waited).fetchone() != (True,):
                pass

    def kill_server(self) -> None:
        """End the server as a loss of power does."""
        self._run("pg_ctl", "-D", self.server.folder, "-m", "immediate", "-w", "stop")

    def promote(self) -> None:
        """Make the standby the server."""
        self._run("pg_ctl", "-D", self.standby, "-w", "-t", "60", "promote")

    def url(self, role: str = WORKING_ROLE, *, standby: bool = False) -> str:
        """The URL of both, of which the one is taken that can be written to, or of the standby alone."""
        if standby:
            return f"postgresql://{role}@/nightmail?host={self.standby_socket}&port={PORT}"
        return f"postgresql://{role}@/nightmail?host={self.socket},{self.standby_socket}&port={PORT},{PORT}"

    def owner_url(self) -> str:
        """The URL of the server for who owns the tables."""
        return self.url(OWNER_ROLE)

    def _standby_superuser(self) -> str:
        return f"postgresql://postgres@/postgres?host={self.standby_socket}&port={PORT}"

    def close(self) -> None:
        """Stop both and delete them."""
        for folder in (self.standby, self.server.folder):
            if (folder / "postmaster.pid").exists():
                self._run("pg_ctl", "-D", folder, "-m", "immediate", "-w", "stop")
        self.server._forget()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str | Path) -> None:
        user = self._owner if os.getuid() == 0 else None
        done = subprocess.run(
            [LocalServer.binaries() / program, *arguments],
            user=user,
            group=user,
            cwd="/",
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if program == "pg_basebackup" else subprocess.DEVNULL,
            text=True,
        )
        assert done.returncode == 0, (program, done.stderr)
