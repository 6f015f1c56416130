"""Duplicates among a large team's contacts: what it costs to compare their names, and which of those that were made are found.

``python -m benchmarks.near_names --contacts 1000000 --json``: invented people, and of one in a thousand a second contact with a letter
of the name exchanged and the same end of the number. The reading from the database is not counted.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import time
from dataclasses import dataclass
from datetime import date

from benchmarks.address_book_people import people
from nightmail.contacts.duplicates import named, near_names


@dataclass(slots=True)
class _Row:
    id: int
    name: str
    birth_date: date | None
    addresses: list[str]


def measure(contacts: int) -> dict[str, float]:
    """CPU seconds, memory, and how many of the pairs that were made are proposed."""
    draw = random.Random(19)
    rows: list[_Row] = []
    made: set[tuple[int, int]] = set()
    for number, (_, name, phone, email, *_) in enumerate(people(contacts)):
        rows.append(_Row(len(rows), name, None, [phone, email]))
        first, last = name.split()
        if number % 1_000 == 0 and len(last) > 6 and last.isascii():
            at = draw.randrange(1, len(last) - 1)
            made.add((len(rows) - 1, len(rows)))
            rows.append(_Row(len(rows), f"{first} {last[:at]}{last[at + 1 :]}", None, [f"+35{phone[3:]}"]))
    began = time.process_time()
    compared = named(rows)
    keyed = time.process_time()
    found = near_names(compared, most=len(made) + 200)
    ended = time.process_time()
    proposed = {(each.first_id, each.second_id) for each in found}
    return {
        "contacts": len(rows),
        "cpu_s": round(ended - began, 2),
        "read_names_cpu_s": round(keyed - began, 2),
        "compare_cpu_s": round(ended - keyed, 2),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "made": len(made),
        "found": len(made & proposed),
    }


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure(arguments.contacts)
    if arguments.json:
        json.dump(figures, sys.stdout)
        print()
        return
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):>24}  {value}")


if __name__ == "__main__":
    main()
