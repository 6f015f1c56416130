"""How long a search in a large address book takes: half of ``benchmarks.address_book``."""

from __future__ import annotations

import statistics
import time
from typing import Any

from sqlalchemy import Engine

from benchmarks.address_book_people import searches
from nightmail.contacts.contact_listing import ContactFilter, list_contacts, search_contacts

TEAM = "bench"
SEARCHES = 320
SHOWN = 50


def measure_search(engine: Engine, key: bytes, contacts: int) -> dict[str, Any]:
    """Search for what people type, each time for a page of the portal, and page through the list."""
    typed = searches(contacts, SEARCHES)
    times: list[tuple[float, str]] = []
    found = 0
    wanted = ContactFilter((TEAM,))
    with engine.connect() as connection:
        for words in typed[:16]:
            search_contacts(connection, wanted, words, key=key, limit=SHOWN)
        for words in typed:
            begin = time.perf_counter()
            found += bool(search_contacts(connection, wanted, words, key=key, limit=SHOWN))
            times.append((time.perf_counter() - begin, words))
        pages: list[float] = []
        before: int | None = None
        for _ in range(40):
            begin = time.perf_counter()
            page = list_contacts(connection, wanted, before=before, limit=SHOWN)
            pages.append(time.perf_counter() - begin)
            before = page[-1].id if page else None
    ordered = sorted(each for each, _ in times)
    slowest, words = max(times)
    return {
        "search_p50_ms": round(1000 * statistics.median(ordered), 1),
        "search_p95_ms": round(1000 * ordered[int(len(ordered) * 0.95)], 1),
        "search_max_ms": round(1000 * slowest, 1),
        "search_slowest": words,
        "searches": len(typed),
        "searches_that_found": found,
        "list_page_max_ms": round(1000 * max(pages), 1),
    }
