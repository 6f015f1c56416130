"""The address book of a large team: how fast contacts come in, and how fast one of them is found.

``python -m benchmarks.address_book --contacts 1000000 --json`` starts a PostgreSQL of its own, writes a contact file of
invented people, imports it into a team's book, once as it is done and some rows one at a time, and searches for what people type. Nothing is left behind.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from benchmarks.address_book_imports import measure_imports
from benchmarks.address_book_people import write_people
from benchmarks.address_book_search import TEAM, measure_search

SECRET_KEY = "a key of the benchmark alone ..."


def measure(contacts: int, work: Path) -> dict[str, Any]:
    """Every figure, in a folder for the server and the file."""
    from commands.local import maintained
    from nightmail.settings import settings
    from nightmail.store.engine import normalised_url
    from nightmail.store.local_server import PRODUCT_DATABASE, LocalServer

    # The server's files are another user's where it is started by root.
    work.chmod(0o755)
    server = LocalServer(work / "postgres")
    server.start()
    try:
        engine = create_engine(normalised_url(server.url()))
        maintained(server).upgrade()
        with engine.begin() as connection:
            connection.execute(
                text("insert into team (path, name, country) values (:team, 'Bench', 'GB')"), {"team": TEAM}
            )
        superuser = create_engine(normalised_url(server.superuser_url(PRODUCT_DATABASE)))
        file = work / "people.csv"
        write_people(file, contacts)
        imported = measure_imports(engine, server, file, contacts, work)
        with superuser.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("vacuum analyze"))
            size = connection.scalar(
                text("select pg_total_relation_size('contact') + pg_total_relation_size('contact_search')")
            )
        found = measure_search(engine, settings().key(), contacts)
        engine.dispose()
        superuser.dispose()
        figures = {"contacts": contacts, **imported, **found, "bytes_per_contact": int(size or 0) // contacts}
        return {name: round(value, 2) if isinstance(value, float) else value for name, value in figures.items()}
    finally:
        server.stop()


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nightmail-book-") as folder:
        os.environ |= {"NIGHTMAIL_DATA_DIR": folder, "NIGHTMAIL_SECRET_KEY": SECRET_KEY}
        figures = measure(arguments.contacts, Path(folder))
    if arguments.json:
        json.dump(figures, sys.stdout)
        print()
        return
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):>24}  {value}")


if __name__ == "__main__":
    main()
