"""How fast an audience is planned: every rule against large snapshots, with the row-by-row way beside it.

::

    python -m benchmarks.audience --contacts 1000000 --json

A million contacts in 60 zones meet two million preferences, half a million suppressions, a million consents, a cap over five
million recent messages, quiet hours, holidays and country rules; the numbers follow ``--contacts``. The snapshots are Parquet
files here, and what is measured apart (``snapshot_cpu_s``) is reading them and making them ready to be looked up in; how
long PostgreSQL takes to give them is not. ``contacts_per_cpu_s`` counts all of :func:`nightmail.audience.plan_audience`, the
tables and the log of decisions written. The peer decides row by row with dictionaries, for 20,000 contacts (``agrees``: it
decides the same).
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from nightmail.audience import CONSENTS, PREFERENCES, SUPPRESSIONS, AudiencePolicy, KnownPreferences, plan_audience
from nightmail.audience.caps import Counts
from nightmail.audience.closed_days import ClosedDays, load_calendars
from nightmail.audience.known_index import KnownIndex
from nightmail.audience.quiet_hours import earliest_time, hours_that_bind
from nightmail.lake import TableFile
from nightmail.lake.schemas import CONTACTS
from nightmail.organisation.audience_rules import AudienceRules, StatedCap, StatedRules
from nightmail.organisation.quiet_hours import QuietHours
from nightmail.privacy import address_hash, contact_ids
from nightmail.privacy.hash_groups import HashGroups
from nightmail.privacy.keyed_hashes import Hashes, address_digests, contact_digests, from_hex, hex_column
from nightmail.row_checks.reference_data import load_reference_data

KEY = b"benchmark key of 32 bytes length"
TEAM = "acme.shop"
PEER_CONTACTS = 20_000
MOMENT = dt.datetime(2026, 12, 25, 19, 30, tzinfo=dt.UTC)
CUT_OFF = MOMENT + dt.timedelta(days=4)
QUIET = QuietHours.parse("21:00-08:00")
RULES = {
    "frequency_caps": [{"categories": ["offers"], "messages": 3, "days": 30}],
    "holidays": [{}],
    "blackout_days": [{"from": "2026-12-27", "until": "2026-12-27", "countries": ["FR"]}],
    "countries": [{"channels": ["sms"], "deny": ["GB"]}],
}
PREFIXES = {"DE": "+4917", "FR": "+3361", "GB": "+4479", "NL": "+3161", "AT": "+4366"}
SNAPSHOTS = ("preferences", "suppressions", "consents", "recent")


class CountedSends:
    """What contacts got lately, counted: as the database answers for a block of contacts."""

    def __init__(self, recent: pa.Table) -> None:
        counted = recent.group_by("address_hash").aggregate([("address_hash", "count")])
        self._addresses = HashGroups(from_hex(counted["address_hash"]))
        counts = np.append(counted["address_hash_count"].to_numpy(), 0)
        self._counts = counts[self._addresses.first_rows(np.arange(len(counts) - 1))]

    def to_contacts(self, stated: StatedCap, contacts: Hashes) -> Counts:  # noqa: ARG002
        """None by contact: all are found by their address."""
        return np.zeros(len(contacts), dtype=np.int64)

    def to_addresses(self, stated: StatedCap, addresses: Hashes) -> Counts:  # noqa: ARG002
        """How many each address got; -1 finds the zero at the end."""
        found: Counts = self._counts[self._addresses.find(addresses)]
        return found


def make(folder: Path, contacts: int, seed: int) -> None:
    """Write contacts and snapshots; half of what is known is of people who are not in the campaign."""
    random = np.random.default_rng(seed)
    zones = sorted(zone for zone in available_timezones() if zone.startswith(("Europe/", "America/")))[:60]
    countries = list(PREFIXES)
    country = random.integers(0, len(countries), contacts)
    digits = pc.utf8_lpad(pa.array(np.arange(contacts)).cast(pa.string()), 7, "0")
    phone = pc.binary_join_element_wise(
        pa.array([f"{PREFIXES[code]}1" for code in countries]).take(pa.array(country)), digits, ""
    )
    ids = pc.binary_join_element_wise("c", digits, "")
    table = {
        "line": np.arange(2, contacts + 2),
        "external_id": ids,
        "phone": phone,
        "phone_type": pa.repeat("mobile", contacts),
        "email": pc.binary_join_element_wise(ids, "example.com", "@"),
        "country": pa.array(countries).take(pa.array(country)),
        "language": pa.array(["en", "de"]).take(pa.array(random.integers(0, 2, contacts))),
        "time_zone": pa.array(zones).take(pa.array(random.integers(0, len(zones), contacts))),
    }
    columns = [table.get(f.name, pa.nulls(contacts, f.type)) for f in CONTACTS]
    TableFile(f"{folder}/contacts.parquet").write(
        pa.table([pa.array(c) if isinstance(c, np.ndarray) else c for c in columns], names=CONTACTS.names).cast(
            CONTACTS
        )
    )
    known = contact_digests(TEAM, ids.to_pylist(), KEY)
    strangers = random.integers(1, 2**63, (contacts, 2), dtype=np.uint64)
    everybody = np.concatenate([known, strangers])
    rows = len(everybody)

    def of(values: list[Any], kind: pa.DataType) -> pa.Array:
        return pa.array(values, kind).take(pa.array(random.integers(0, len(values), rows)))

    own = random.random(rows) < 0.2
    preferences: dict[str, Any] = {
        "contact_id": hex_column(everybody),
        "channels": of([None, ["email", "sms"], ["sms"]], pa.list_(pa.string())),
        "categories_out": of([None, None, None, ["news"], ["offers"]], pa.list_(pa.string())),
        "statements": pa.ListArray.from_arrays(
            pa.array(np.arange(rows + 1, dtype=np.int32)), pa.array(random.permutation(rows))
        ),
        "quiet_from": pa.array(np.where(own, "20:00", ""), mask=~own),
        "quiet_until": pa.array(np.where(own, "09:00", ""), mask=~own),
    }
    write(folder, "preferences", PREFERENCES, preferences, rows)
    numbers = address_digests(phone.to_pylist(), KEY)
    half = contacts // 4
    write(
        folder,
        "suppressions",
        SUPPRESSIONS,
        {
            "id": pa.array(random.permutation(2 * half)),
            "address_hash": hex_column(np.concatenate([numbers[::4][:half], strangers[:half]])),
        },
        2 * half,
    )
    consents = {
        "id": pa.array(random.permutation(contacts)),
        "contact_id": hex_column(known),
        "category": pa.repeat("offers", contacts),
    }
    write(folder, "consents", CONSENTS, consents, contacts)
    recent = numbers[random.integers(0, contacts, 5 * contacts)]
    pa.parquet.write_table(pa.table({"address_hash": hex_column(recent)}), folder / "recent.parquet")


def write(folder: Path, name: str, schema: pa.Schema, columns: dict[str, Any], rows: int) -> None:
    """Write a snapshot; what is not stated is null, or false."""
    filled = [columns.get(f.name, pa.nulls(rows, f.type)) for f in schema]
    plain = pa.schema([pa.field(f.name, f.type) for f in schema])
    pa.parquet.write_table(pa.table(filled, names=schema.names).cast(plain), folder / f"{name}.parquet")


def policy() -> AudiencePolicy:
    """Marketing by SMS, then email, on Christmas Day."""
    return AudiencePolicy(
        team=TEAM,
        hash_key=KEY,
        channels=("sms", "email"),
        languages={"sms": ("en", "de"), "email": ("en", "de")},
        category="offers",
        needs_consent=True,
        now=MOMENT,
        cut_off=CUT_OFF,
        quiet_hours=QUIET,
        rules=(StatedRules("acme", 1, AudienceRules.model_validate(RULES)),),
    )


def load(folder: Path) -> KnownPreferences:
    """The snapshots, as tables."""
    tables = {name: pa.parquet.read_table(folder / f"{name}.parquet") for name in SNAPSHOTS}
    recent = CountedSends(tables.pop("recent"))
    return KnownPreferences(**tables, recent=recent)


@dataclass(frozen=True)
class Ready:
    """What is known, ready to be looked up in."""

    index: KnownIndex

    def known_of(self, *_asked: object) -> KnownIndex:
        """All of it."""
        return self.index


def ready(known: KnownPreferences) -> Ready:
    """The snapshots, as planning looks things up in them."""
    return Ready(known.ready(policy()))


def peer(folder: Path, contacts: int) -> tuple[float, list[tuple[str, str | None]]]:
    """The same rules row by row: the CPU seconds, and what became of each contact."""
    rows = TableFile(f"{folder}/contacts.parquet").read().slice(0, contacts).to_pylist()
    suppressed = set(pa.parquet.read_table(folder / "suppressions.parquet")["address_hash"].to_pylist())
    preferences = {
        row["contact_id"]: row
        for row in pa.parquet.read_table(folder / "preferences.parquet").slice(0, contacts).to_pylist()
    }
    agreed = set(pa.parquet.read_table(folder / "consents.parquet")["contact_id"].to_pylist())
    counted = pc.value_counts(pa.parquet.read_table(folder / "recent.parquet")["address_hash"]).to_pylist()
    got = {each["values"]: each["counts"] for each in counted}
    closed = ClosedDays.on(policy().rules, "offers", "sms")
    began, found = time.process_time(), []
    for row in rows:
        contact = contact_ids(TEAM, [row["external_id"]], KEY)[0]
        wish = preferences.get(contact, {})
        order = list(dict.fromkeys([*(wish.get("channels") or []), "sms", "email"]))
        verdicts = [_verdict(row, channel, contact, wish, suppressed, agreed, got, closed) for channel in order]
        if "offers" in (wish.get("categories_out") or []):
            verdicts = ["category_opted_out" for _ in order]
        good = [channel for channel, verdict in zip(order, verdicts, strict=True) if verdict is None]
        found.append(("planned", good[0]) if good else ("held", verdicts[0]))
    return time.process_time() - began, found


def _verdict(
    row: dict[str, Any],
    channel: str,
    contact: str,
    wish: dict[str, Any],
    suppressed: set[str],
    agreed: set[str],
    got: dict[str, int],
    closed: ClosedDays,
) -> str | None:
    hashed = address_hash(row["phone" if channel == "sms" else "email"], KEY).hex()
    if channel == "sms" and row["country"] == "GB":
        return "country_denied"
    if hashed in suppressed:
        return "suppressed"
    if contact not in agreed:
        return "consent_missing"
    hours = hours_that_bind(QUIET if channel == "sms" else None, wish.get("quiet_from"), wish.get("quiet_until"))
    zone = ZoneInfo(row["time_zone"])
    earliest = earliest_time(MOMENT, zone, hours, lambda day: closed.why(day, row["country"]) is not None)
    if earliest is None or earliest >= CUT_OFF:
        return "quiet_hours_past_cut_off"
    return "frequency_cap" if got.get(hashed, 0) >= 3 else None


def run(contacts: int, seed: int) -> dict[str, Any]:
    """All figures as one JSON-ready answer."""
    with tempfile.TemporaryDirectory(prefix="nightmail-benchmark-") as name:
        folder = Path(name)
        made = _in_another_process(folder, contacts, seed)
        # As the process has them that runs are forked from.
        load_reference_data()
        load_calendars()
        began = time.process_time()
        known = ready(load(folder))
        snapshot = time.process_time() - began
        tables = [TableFile(f"{folder}/{table}.parquet") for table in ("contacts", "audience", "audience_decisions")]
        wall, began = time.perf_counter(), time.process_time()
        summary = plan_audience(tables[0], tables[1], policy(), known, decisions=tables[2])
        cpu, wall = time.process_time() - began, time.perf_counter() - wall
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        few = min(contacts, PEER_CONTACTS)
        peer_cpu, decided = peer(folder, few)
        ours = tables[1].read(["state", "channel", "reason"]).slice(0, few).to_pylist()
        return {
            "contacts": contacts,
            "contacts_per_cpu_s": round(contacts / cpu),
            "snapshot_cpu_s": round(snapshot, 2),
            "peak_rss_mb": peak,
            "ratio": round(contacts / cpu / (few / peer_cpu), 1),
            "agrees": decided == [(row["state"], row["channel"] or row["reason"]) for row in ours],
            "wall_s": round(wall, 2),
            "decisions_mb": round((folder / "audience_decisions.parquet").stat().st_size / 1e6, 2),
            "held": dict(summary.by_reason),
            "planned": summary.planned,
            "made_s": made,
        }


def _in_another_process(folder: Path, contacts: int, seed: int) -> float:
    import multiprocessing

    began = time.perf_counter()
    maker = multiprocessing.get_context("spawn").Process(target=make, args=(folder, contacts, seed))
    maker.start()
    maker.join()
    if maker.exitcode:
        sys.exit("the data could not be made")
    return round(time.perf_counter() - began, 1)


def main() -> None:
    """Run it and print the answer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="one line of JSON alone")
    chosen = parser.parse_args()
    answer = run(chosen.contacts, chosen.seed)
    print(json.dumps(answer) if chosen.json else "\n".join(f"{name}: {value}" for name, value in answer.items()))


if __name__ == "__main__":
    main()
