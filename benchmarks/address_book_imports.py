"""How fast a contact file comes into an empty address book, and beside it the same one row at a time.

CPU seconds are user and system time of this process and of PostgreSQL together. ``import_rows_per_cpu_s`` is from the file to
contacts that a campaign takes; that each is found by any part of its name or address comes after it, and is stated apart.
"""

from __future__ import annotations

import csv
import hashlib
import resource
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Engine, text

from nightmail.access.principals import system_principal
from nightmail.contacts.contact_changes import make_contact
from nightmail.contacts.import_modes import ImportMode
from nightmail.contacts.import_rows import take_import
from nightmail.contacts.import_searching import make_searchable
from nightmail.contacts.imports import apply_import, check_import
from nightmail.lake import Lake
from nightmail.settings import settings
from nightmail.store.local_server import LocalServer

TEAM = "bench"
ONE_BY_ONE = 2_000
"""Rows that go one at a time."""
_BY = system_principal("benchmark")


def measure_imports(engine: Engine, server: LocalServer, file: Path, contacts: int, work: Path) -> dict[str, Any]:
    """Import ``file`` of so many ``contacts`` into the empty team ``bench``, which they stay in, and give the figures."""
    clock = _Clock(server)
    with engine.begin() as connection:
        team_id = int(connection.execute(text("select id from team where path = :team"), {"team": TEAM}).scalar_one())
    rows = _first_rows(file)
    alone = clock.of(lambda: _one_by_one(engine, rows))
    with engine.begin() as connection:
        connection.execute(text("delete from contact where team_id = :team"), {"team": team_id})
    lake = Lake(str(work / "lake"))
    number = _taken(engine, file)
    checked = clock.of(lambda: check_import(engine, lake, number))
    applied = clock.of(lambda: apply_import(engine, lake, number, by=_BY, searchable=False))
    found = clock.of(lambda: make_searchable(engine, team_id, settings().key()))
    if applied.result.counts["new"] != contacts or found.result != contacts:
        raise RuntimeError(f"{applied.result.counts} of {contacts} contacts came")
    taken = checked.cpu_s + applied.cpu_s
    row_by_row = len(rows) / alone.cpu_s
    return {
        "import_rows_per_cpu_s": contacts / taken,
        "import_wall_s": checked.wall_s + applied.wall_s,
        "import_client_cpu_s": checked.client_s + applied.client_s,
        "import_server_cpu_s": checked.server_s + applied.server_s,
        "search_rows_per_cpu_s": contacts / found.cpu_s,
        "import_and_search_rows_per_cpu_s": contacts / (taken + found.cpu_s),
        "row_by_row_per_cpu_s": row_by_row,
        "ratio": contacts / (taken + found.cpu_s) / row_by_row,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _taken(engine: Engine, file: Path) -> int:
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    with engine.begin() as connection:
        return take_import(
            connection,
            TEAM,
            ImportMode.UPDATE,
            by=_BY,
            source="command",
            name=file.name,
            size=file.stat().st_size,
            sha256=digest,
            stored_path=file,
        )


def _first_rows(file: Path) -> list[dict[str, str]]:
    fields = (
        "external_id",
        "name",
        "phone",
        "phone_2",
        "landline",
        "email",
        "country",
        "language",
        "time_zone",
        "birth_date",
    )
    rows = []
    with file.open(encoding="utf-8", newline="") as content:
        for row in csv.DictReader(content):
            rows.append({name: row[name] for name in fields if row.get(name)})
            if len(rows) == ONE_BY_ONE:
                break
    return rows


def _one_by_one(engine: Engine, rows: list[dict[str, str]]) -> None:
    """Each contact by the function that pages and the API call, in a transaction of its own."""
    key = settings().key()
    for row in rows:
        with engine.begin() as connection:
            make_contact(connection, by=_BY, team=TEAM, stated=row, key=key)


class _Measured:
    """What something gave, and what it took."""

    def __init__(self, result: Any, wall_s: float, client_s: float, server_s: float) -> None:
        self.result, self.wall_s, self.client_s, self.server_s = result, wall_s, client_s, server_s

    @property
    def cpu_s(self) -> float:
        return self.client_s + self.server_s


class _Clock:
    """CPU seconds of this process and of a database server."""

    def __init__(self, server: LocalServer) -> None:
        pid = int((server.folder / "postmaster.pid").read_text().split("\n", 1)[0])
        self._server = psutil.Process(pid)

    def of(self, work: Callable[[], Any]) -> _Measured:
        """Do ``work`` and measure it."""
        client, server, wall = time.process_time(), self._server_cpu(), time.perf_counter()
        result = work()
        return _Measured(result, time.perf_counter() - wall, time.process_time() - client, self._server_cpu() - server)

    def _server_cpu(self) -> float:
        total = 0.0
        for each in [self._server, *self._server.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total
