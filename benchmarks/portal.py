"""How fast the portal's pages answer beside a large ledger, while many people look at it.

``python -m benchmarks.portal --messages 10000000 --people 50 --json`` starts a PostgreSQL and a portal of its own, fills a
ledger, signs people of several roles in, and has each open a page every five seconds and ask for its page's live part every
three. It prints requests per second and, by page, milliseconds (median and 95th percentile) and the most statements that
an answer took. Nothing is left behind. It ends with 1 when a page takes more than :data:`MOST_QUERIES` statements, or answers
with an error.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, text

from benchmarks.counted_portal import HEADER
from benchmarks.portal_ledger import KNOWN, address_of, make_ledger
from benchmarks.receipts import _wait_for

MOST_QUERIES = 12
PAGE_EVERY_S, LIVE_EVERY_S = 5.0, 3.0
ROLES = ("organisation_administrator", "operator", "analyst", "viewer", "dispatcher")
SECRET_KEY = "the key of the portal's benchmark"


def _addresses(engine: Engine) -> dict[str, list[str]]:
    """Every page that is looked at, by its name, each with addresses of which one is chosen. New pages are added here."""
    from nightmail.privacy import address_hash

    with engine.connect() as connection:
        large = connection.scalars(text("select key from campaign where id % 8 = 0 order by id desc limit 5")).all()
        live = connection.scalars(text("select key from campaign where state = 'sending'")).all()
    campaigns = [*large, *live]
    hashes = [address_hash(address_of(person), SECRET_KEY.encode()).hex() for person in range(KNOWN)]
    fixed = {
        "home": "/",
        "campaigns": "/campaigns",
        "campaigns-finished": "/campaigns?state=finished",
        "recipients": "/recipients",
        "messages": "/messages",
        "messages-failed": "/messages?state=failed",
        "alerts": "/alerts",
        "doubts": "/doubts",
        "suspensions": "/suspensions",
        "opt-outs": "/opt-outs",
        "replies": "/replies",
        "reports": "/reports",
        "templates": "/templates",
        "feeds": "/feeds",
        "uploads": "/uploads",
        "approvals": "/approvals",
        "settings": "/settings",
        "audit": "/audit",
    }
    return {name: [address] for name, address in fixed.items()} | {
        "campaign": [f"/campaigns/{key}" for key in campaigns],
        "campaign-messages": [f"/campaigns/{key}/messages" for key in campaigns],
        "campaign-costs": [f"/campaigns/{key}/costs" for key in campaigns],
        "recipient": [f"/recipients/address/{hashed}" for hashed in hashes],
        "campaign-live": [f"/campaigns/{key}/progress" for key in live],
        "campaigns-live": ["/campaigns/rows"],
        "home-live": ["/now"],
    }


@dataclass
class Figures:
    """What was seen of one page."""

    milliseconds: list[float] = field(default_factory=list)
    queries: int = 0
    statuses: set[int] = field(default_factory=set)

    def summary(self) -> dict[str, Any]:
        """The numbers that are printed."""
        ordered = sorted(self.milliseconds)
        return {
            "p50_ms": round(statistics.median(ordered), 1),
            "p95_ms": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 1),
            "queries": self.queries,
            "requests": len(ordered),
            "statuses": sorted(self.statuses),
        }


class Visitor(threading.Thread):
    """A person who looks at one page after the other, and whose browser asks for live parts."""

    def __init__(self, port: int, session: str, pages: dict[str, list[str]], end: float, seed: int) -> None:
        super().__init__()
        self._port, self._session, self._pages, self._end = port, session, pages, end
        self._chance = random.Random(seed)
        self.seen: dict[str, Figures] = defaultdict(Figures)

    def run(self) -> None:
        """Look until the end."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        open_pages = [name for name in self._pages if not name.endswith("-live")]
        self._chance.shuffle(open_pages)
        time.sleep(self._chance.random() * PAGE_EVERY_S)
        number = 0
        while time.monotonic() < self._end:
            name = open_pages[number % len(open_pages)]
            number += 1
            began = time.monotonic()
            self._ask(connection, name)
            if f"{name}-live" in self._pages:
                time.sleep(max(0.0, began + LIVE_EVERY_S - time.monotonic()))
                self._ask(connection, f"{name}-live")
            time.sleep(max(0.0, began + PAGE_EVERY_S - time.monotonic()))
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, name: str) -> None:
        address = self._chance.choice(self._pages[name])
        began = time.perf_counter()
        headers = {"Cookie": f"nightmail_session={self._session}"}
        if name.endswith("-live"):
            headers["HX-Request"] = "true"
        connection.request("GET", address, headers=headers)
        answer = connection.getresponse()
        answer.read()
        figures = self.seen[name]
        figures.milliseconds.append((time.perf_counter() - began) * 1000)
        figures.queries = max(figures.queries, int(answer.headers[HEADER.decode()] or 0))
        figures.statuses.add(answer.status)


def _sign_in(engine: Engine, people: int) -> list[str]:
    from tests.portal.web.people import make_person, session_of

    return [
        session_of(engine, make_person(engine, role=ROLES[n % len(ROLES)], team="acme" if n % 3 else "acme.team2"))
        for n in range(people)
    ]


def measure(messages: int, people: int, seconds: float) -> dict[str, Any]:
    """Start everything, look, stop everything; the figures."""
    from commands.local import maintained
    from nightmail.store.engine import normalised_url
    from nightmail.store.local_server import PRODUCT_DATABASE, LocalServer

    folder = Path(tempfile.mkdtemp(prefix="nightmail-bench-portal-"))
    folder.chmod(0o755)
    server = LocalServer(folder / "pg")
    server.start()
    portal = None
    try:
        maintained(server).upgrade()
        superuser = create_engine(normalised_url(server.superuser_url(PRODUCT_DATABASE)))
        began = time.monotonic()
        make_ledger(superuser, messages, SECRET_KEY.encode())
        loaded_s = time.monotonic() - began
        with superuser.connect() as connection:
            made = int(connection.scalar(text("select sum(messages) from campaign_tally")) or 0)
        engine = create_engine(normalised_url(server.url()))
        sessions, pages = _sign_in(engine, people), _addresses(engine)
        with socket.create_server(("127.0.0.1", 0)) as found:
            port = int(found.getsockname()[1])
        environment = {
            **os.environ,
            "NIGHTMAIL_DATA_DIR": str(folder),
            "NIGHTMAIL_DATABASE_URL": server.url(),
            "NIGHTMAIL_SECRET_KEY": SECRET_KEY,
        }
        portal = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.counted_portal", "--port", str(port)], env=environment
        )
        _wait_for(port)
        figures = _look(port, sessions, pages, seconds)
        superuser.dispose()
        engine.dispose()
        return {"messages": made, "people": people, "load_s": round(loaded_s), **figures}
    finally:
        if portal is not None:
            portal.terminate()
            portal.wait(30)
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _look(port: int, sessions: list[str], pages: dict[str, list[str]], seconds: float) -> dict[str, Any]:
    # What the first request of a process compiles is no page's own.
    warm = Visitor(port, sessions[0], pages, time.monotonic(), 0)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    for name in pages:
        warm._ask(connection, name)
    began = time.monotonic()
    visitors = [
        Visitor(port, session, pages, began + seconds, number) for number, session in enumerate(sessions, start=1)
    ]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    took = time.monotonic() - began
    together: dict[str, Figures] = {}
    for visitor in visitors:
        for name, seen in visitor.seen.items():
            figures = together.setdefault(name, Figures())
            figures.milliseconds += seen.milliseconds
            figures.queries = max(figures.queries, seen.queries)
            figures.statuses |= seen.statuses
    asked = sum(len(figures.milliseconds) for figures in together.values())
    return {
        "requests_per_s": round(asked / took, 1),
        "pages": {name: together[name].summary() for name in sorted(together)},
    }


def main() -> None:
    """The command ``python -m benchmarks.portal``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.portal", description=str(__doc__).split("\n\n")[0])
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    figures = measure(arguments.messages, arguments.people, arguments.seconds)
    pages: dict[str, dict[str, Any]] = figures["pages"]
    if arguments.json:
        print(json.dumps(figures))
    else:
        print({name: value for name, value in figures.items() if name != "pages"})
        for name, page in pages.items():
            print(f"{name:22} {page}")
    wrong = [
        name
        for name, page in pages.items()
        if page["queries"] > MOST_QUERIES or any(status >= 500 for status in page["statuses"])
    ]
    if wrong:
        print(f"too many statements, or errors: {', '.join(wrong)}", file=sys.stderr)
        raise SystemExit(1)


if __name__ == "__main__":
    main()
