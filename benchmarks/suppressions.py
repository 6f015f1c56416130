"""What a small campaign pays for a long list of suppressions: looked up by its hashes, and read whole as large campaigns do.

::

    python -m benchmarks.suppressions --suppressions 1000000 --contacts 100 --json

It starts a PostgreSQL of its own, and plans the audience of one campaign beside no suppression and beside a million, half of its
contacts among them. Each way has a process of its own, and its seconds are the middle of several rounds: ``look_up`` and
``read`` have the seconds and megabytes that the million adds. ``chosen`` is the way that the product takes. ``by_contacts`` has
both ways for larger campaigns beside the million, from which the sizes in :mod:`nightmail.preparation.stored_preferences` come.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Engine, create_engine, text

from nightmail.audience import AudiencePolicy, people_of, plan_audience
from nightmail.lake import TableFile
from nightmail.lake.schemas import CONTACTS
from nightmail.preparation.recent_sends import SendsInStore
from nightmail.preparation.stored_inputs import known_preferences
from nightmail.preparation.stored_preferences import lookup_is_cheaper
from nightmail.privacy.keyed_hashes import address_digests

KEY = b"benchmark key of 32 bytes length"
TEAM = "acme.shop"
ROUNDS = 5
FEW = (1_000, 10_000, 50_000)
"""Sizes of campaigns at which both ways are measured."""


def policy() -> AudiencePolicy:
    """A service message by SMS, then email."""
    return AudiencePolicy(
        team=TEAM,
        hash_key=KEY,
        channels=("sms", "email"),
        languages={"sms": ("en",), "email": ("en",)},
    )


def write_contacts(folder: Path, contacts: int) -> TableFile:
    """Contacts with a number and an address each."""
    rows = np.arange(contacts)
    columns = {
        "line": pa.array(rows + 2),
        "external_id": pa.array([f"c{at:07}" for at in rows]),
        "phone": pa.array([f"+4917{at:08}" for at in rows]),
        "phone_type": pa.repeat("mobile", contacts),
        "email": pa.array([f"c{at:07}@example.com" for at in rows]),
    }
    table = TableFile(f"{folder}/contacts-{contacts}.parquet")
    table.write(pa.table([columns.get(f.name, pa.nulls(contacts, f.type)) for f in CONTACTS], schema=CONTACTS))
    return table


def suppress(engine: Engine, suppressions: int, contacts: int) -> None:
    """Suppress every second number of the campaign, and strangers."""
    own = address_digests([f"+4917{at:08}" for at in range(0, contacts, 2)], KEY)
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into suppression (team_id, channel, address_hash, reason, source) "
                "select t.id, 'sms', decode(md5(n::text), 'hex'), 'by_hand', 'bench' from team t, generate_series(1, :n) n "
                "where t.path = :team"
            ),
            {"n": suppressions - len(own), "team": TEAM},
        )
        connection.execute(
            text(
                "insert into suppression (team_id, channel, address_hash, reason, source) "
                "select id, 'sms', :h, 'by_hand', 'bench' from team where path = :team"
            ),
            [{"h": each.tobytes(), "team": TEAM} for each in own],
        )


def plan(url: str, contacts: TableFile, folder: Path, look_up: bool) -> tuple[float, float, int]:
    """Plan the audience: seconds and CPU seconds of the middle of several rounds, and the megabytes at the peak."""
    engine = create_engine(url)
    walls, cpus = [], []
    audience, log = (TableFile(f"{folder}/{name}-{look_up}.parquet") for name in ("audience", "decisions"))
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        settled = policy()
        with engine.connect() as connection:
            known = known_preferences(connection, TEAM, people_of(contacts, settled) if look_up else None)
        known = replace(known, recent=SendsInStore(engine, settled.moment))
        plan_audience(contacts, audience, settled, known, decisions=log)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    engine.dispose()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return statistics.median(walls), statistics.median(cpus), peak


def apart(*given: Any) -> tuple[float, float, int]:
    """:func:`plan` in a process of its own: memory that one way used is not counted for the other."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(plan, given)


def measure(engine: Engine, url: str, suppressions: int, contacts: int, folder: Path) -> dict[str, Any]:
    """All figures as one JSON-ready answer."""
    with engine.begin() as connection:
        connection.execute(text("insert into team (path, name) values ('acme', 'Acme'), (:t, 'Shop')"), {"t": TEAM})
    tables = {count: write_contacts(folder, count) for count in (contacts, *FEW)}
    ways = {"look_up": True, "read": False}
    beside_none = {way: apart(url, tables[contacts], folder, look_up) for way, look_up in ways.items()}
    suppress(engine, suppressions, contacts)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze suppression"))
    answer: dict[str, Any] = {"suppressions": suppressions, "contacts": contacts}
    for way, look_up in ways.items():
        without, beside = beside_none[way], apart(url, tables[contacts], folder, look_up)
        answer[way] = {
            "s": round(beside[0], 3),
            "extra_s": round(beside[0] - without[0], 3),
            "extra_cpu_s": round(beside[1] - without[1], 3),
            "extra_mb": beside[2] - without[2],
        }
    with engine.connect() as connection:
        chosen = lookup_is_cheaper(connection, TEAM, contacts)
        answer["chosen"] = "look_up" if chosen else "read"
        answer["by_contacts"] = {
            count: {way: round(apart(url, tables[count], folder, look_up)[0], 2) for way, look_up in ways.items()}
            | {"chosen": "look_up" if lookup_is_cheaper(connection, TEAM, count) else "read"}
            for count in FEW
        }
    return answer


def run(suppressions: int, contacts: int, work: Path) -> dict[str, Any]:
    """The figures, on a server in a folder."""
    from commands.local import maintained
    from nightmail.store.engine import normalised_url
    from nightmail.store.local_server import LocalServer

    # The server's files are another user's where it is started by root.
    work.chmod(0o755)
    server = LocalServer(work / "postgres")
    server.start()
    try:
        url = normalised_url(server.url())
        maintained(server).upgrade()
        engine = create_engine(url)
        try:
            return measure(engine, url, suppressions, contacts, work)
        finally:
            engine.dispose()
    finally:
        server.stop()


def main() -> None:
    """Run it and print the answer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--suppressions", type=int, default=1_000_000)
    parser.add_argument("--contacts", type=int, default=100)
    parser.add_argument("--json", action="store_true", help="one line of JSON alone")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nightmail-benchmark-") as folder:
        answer = run(chosen.suppressions, chosen.contacts, Path(folder))
    print(json.dumps(answer) if chosen.json else "\n".join(f"{name}: {value}" for name, value in answer.items()))


if __name__ == "__main__":
    main()
