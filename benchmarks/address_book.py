"""The address book of a large team: how fast contacts come in, and how fast one of them is found.

``python -m benchmarks.address_book --contacts 1000000 --json`` starts a PostgreSQL of its own, writes a contact file of
invented people, fills a team's book with it and searches for what people type. Nothing is left behind.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, text

from benchmarks.address_book_people import people
from benchmarks.address_book_search import TEAM, measure_search

KEY = b"a key of the benchmark alone ..."
_CONTACTS = (
    "copy contact (team_id, contact_id, external_id, name, phone, email, language, country, attributes, source, address_hashes) "
    "from stdin"
)
_KEYS = "copy contact_search (contact_id, team_id, keys) from stdin"


def fill_book(engine: Engine, contacts: int) -> None:
    """Fill the book of the team by COPY, as an import leaves it."""
    from nightmail.contacts.search_hashes import stored_hashes, team_key
    from nightmail.privacy.hashes import address_hash, contact_ids

    with engine.begin() as connection:
        team = int(connection.execute(text("select id from team where path = :team"), {"team": TEAM}).scalar_one())
        raw: Any = connection.connection.driver_connection
        with raw.cursor() as cursor:
            with cursor.copy(_CONTACTS) as copy:
                for number, name, phone, email, language, country, city in people(contacts):
                    (contact_id,) = contact_ids(TEAM, [number], KEY)
                    hashes = [address_hash(phone, KEY), address_hash(email, KEY)]
                    values = (team, contact_id, number, name, phone, email, language, country)
                    copy.write_row((*values, json.dumps({"city": city}), "import:1", hashes))
            cursor.execute("select external_id, id from contact")
            ids = dict(cursor.fetchall())
            key = team_key(KEY, team)
            with cursor.copy(_KEYS) as copy:
                for number, name, phone, email, *_ in people(contacts):
                    copy.write_row((ids[number], team, stored_hashes((name, number, phone, email), key)))


def measure(contacts: int, work: Path) -> dict[str, Any]:
    """Every figure, in a folder for the server and the file."""
    from commands.local import maintained
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
        begin = time.perf_counter()
        fill_book(engine, contacts)
        filled = time.perf_counter() - begin
        with superuser.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("vacuum analyze"))
            size = connection.scalar(
                text("select pg_total_relation_size('contact') + pg_total_relation_size('contact_search')")
            )
        found = measure_search(engine, KEY, contacts)
        engine.dispose()
        superuser.dispose()
        return {
            "contacts": contacts,
            "filled_s": round(filled, 1),
            "bytes_per_contact": int(size or 0) // contacts,
            **found,
        }
    finally:
        server.stop()


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nightmail-book-") as folder:
        figures = measure(arguments.contacts, Path(folder))
    if arguments.json:
        json.dump(figures, sys.stdout)
        print()
        return
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):>24}  {value}")


if __name__ == "__main__":
    main()
