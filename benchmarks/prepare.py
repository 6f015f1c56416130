"""How fast a file becomes contacts and messages: the pipeline's own stages, measured, with a row-by-row peer beside them.

::

    python -m benchmarks.prepare --rows 1000000 --until contacts --json

Each stage is the function that the asset of its name calls. The data is made beforehand, in another process, by
:mod:`tests.support.contact_data`. ``cpu_s`` is the CPU time of all threads, ``peak_rss_mb`` the highest resident memory
during the stage. The peer does the same as ``contact_file`` and ``contacts`` the way that is usual: csv, phonenumbers and
email-validator, row by row, to files on disk, at 20,000 rows; its contacts are compared with ours, column by column
(``agrees``). Modules are imported and their tables made before anything is measured, the peer's too: runs are forked from
a process that has done so (:mod:`pipelines.preloading`). Great Expectations (``--expectations``) and PostgreSQL (``--postgres``) are measured apart, since they
are not part of preparing.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

PEER_ROWS = 20_000
TEMPLATE = {
    "name": "invoice_due",
    "category": "billing",
    "default_language": "en",
    "placeholders": {
        "amount": {"type": "money"},
        "due_date": {"type": "date"},
        "first_name": {"type": "text", "fallback": "customer", "max_length": 40},
    },
    "languages": {
        "en": {
            "sms": "Dear {{ first_name }}, invoice {{ invoice_no }} of {{ amount }} is due on {{ due_date }}.",
            "email": {
                "subject": "Invoice {{ invoice_no }}",
                "text": "Dear {{ first_name }}, invoice {{ invoice_no }} of {{ amount }} is due on {{ due_date }}.",
                "html": "<p>Dear {{ first_name }}, invoice {{ invoice_no }} of {{ amount }} is due on {{ due_date }}.</p>",
            },
        },
        "de": {
            "sms": "Guten Tag {{ first_name }}, Rechnung {{ invoice_no }} über {{ amount }} ist am {{ due_date }} fällig."
        },
    },
}


@dataclass(frozen=True)
class Measured:
    """One stage."""

    rows: int
    wall_s: float
    cpu_s: float
    rows_per_cpu_s: int
    peak_rss_mb: int


def measured(rows: int, work: Callable[[], Any]) -> Measured:
    """Run ``work`` once and measure it."""
    _reset_peak()
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Measured(rows, round(wall, 3), round(cpu, 3), round(rows / cpu), _peak_mb())


def _reset_peak() -> None:
    """Reset the peak of resident memory, where the system can (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def _peak_mb() -> int:
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return round(int(status.split("VmHWM:")[1].split()[0]) / 1024)
    except (OSError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return round(peak / 1024**2 if platform.system() == "Darwin" else peak / 1024)


def peer(path: Path, rows: int, folder: Path) -> int:
    """The usual way: each row through csv, phonenumbers and email-validator, to files on disk; gives the contacts.

    It does what ``contact_file`` and ``contacts`` do to this data, and no more: number, type, region and time zone of the
    phone, the email, amount and date exactly, duplicates by external_id, a file of contacts and one of rejects.
    """
    import phonenumbers
    from email_validator import EmailNotValidError, validate_email
    from phonenumbers.timezone import time_zones_for_number

    from nightmail.row_checks.time_zones import country_time_zone, single_zone

    seen: dict[str, int] = {}
    contacts = 0
    with (
        path.open(encoding="utf-8", newline="") as handle,
        (folder / "peer-contacts.csv").open("w", encoding="utf-8", newline="") as good,
        (folder / "peer-rejects.csv").open("w", encoding="utf-8", newline="") as bad,
    ):
        reader = csv.DictReader(handle)
        written, rejected = csv.writer(good), csv.writer(bad)
        written.writerow(PEER_COLUMNS)
        for number, row in enumerate(reader):
            if number == rows:
                break
            line = reader.line_num
            phone = email = kind = None
            country = row["country"]
            zone = country_time_zone(country)
            try:
                parsed = phonenumbers.parse(row["phone"], country)
                if phonenumbers.is_valid_number(parsed):
                    phone = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
                    kind = phonenumbers.number_type(parsed)
                    if zone is None and phonenumbers.region_code_for_number(parsed) == country:
                        zone = single_zone(tuple(time_zones_for_number(parsed)))
                else:
                    rejected.writerow([line, "phone", row["phone"], "phone_invalid"])
            except phonenumbers.NumberParseException:
                rejected.writerow([line, "phone", row["phone"], "phone_invalid"])
            try:
                email = validate_email(row["email"], check_deliverability=False).normalized
            except EmailNotValidError:
                rejected.writerow([line, "email", row["email"], "email_invalid"])
            amount, due = Decimal(row["amount"]), dt.date.fromisoformat(row["due_date"])
            first = seen.setdefault(row["external_id"], line)
            if first != line:
                rejected.writerow([line, "external_id", row["external_id"], f"duplicate of line {first}"])
            elif phone or email:
                contacts += 1
                names = (row["first_name"], row["last_name"], row["invoice_no"])
                written.writerow(
                    [line, row["external_id"], phone, kind, email, country, row["language"], zone, *names, amount, due]
                )
    return contacts


PEER_COLUMNS = (
    "line",
    "external_id",
    "phone",
    "phone_type",
    "email",
    "country",
    "language",
    "time_zone",
    "first_name",
    "last_name",
    "invoice_no",
    "amount",
    "due_date",
)
"""What the peer writes of each contact; ``phone_type`` is the number of phonenumbers."""


def agrees(folder: Path, contacts: Any, last_line: int) -> bool:
    """Whether the peer found the same contacts as the stages up to a line, with the same numbers, addresses and zones."""
    import pyarrow.compute as pc
    from phonenumbers import PhoneNumberType

    from nightmail.row_checks.phone_types import TYPE_NAMES

    types = {str(getattr(PhoneNumberType, name)): label for name, label in TYPE_NAMES.items()}
    with (folder / "peer-contacts.csv").open(encoding="utf-8", newline="") as handle:
        theirs = [{**row, "phone_type": types.get(row["phone_type"], "")} for row in csv.DictReader(handle)]
    ours = contacts.read(list(PEER_COLUMNS))
    ours = ours.filter(pc.less_equal(ours["line"], last_line)).to_pylist()
    return theirs == [{name: "" if value is None else str(value) for name, value in row.items()} for row in ours]


def import_everything() -> None:
    """Import what both sides use, down to what is imported where it is used first, and have tables made as before a run."""
    import email_validator  # noqa: F401
    import phonenumbers.timezone  # noqa: F401
    import pyarrow as pa

    import nightmail.audience.planning
    import nightmail.contact_files.csv_reading
    import nightmail.row_checks.contacts_stage
    import nightmail.templates.rendering  # noqa: F401
    from nightmail.row_checks.reference_data import load_reference_data

    load_reference_data()
    pa.array([""])


def run(rows: int, until: str, *, seed: int, expectations: bool, postgres: bool) -> dict[str, Any]:
    """All measurements as one JSON-ready answer."""
    from nightmail.preparation.preparation_settings import Preparation
    from nightmail.preparation.stage_tables import StageTables
    from nightmail.preparation.stages import (
        make_audience,
        make_contacts,
        make_messages,
        read_file,
    )
    from nightmail.templates import load_template

    import_everything()
    with tempfile.TemporaryDirectory(prefix="nightmail-benchmark-") as name:
        folder = Path(name)
        source = folder / "contacts.csv"
        maker = [sys.executable, "-m", "tests.support.contact_data", "--rows", str(rows), "--seed", str(seed)]
        subprocess.run([*maker, "--out", str(source)], check=True, stdout=subprocess.DEVNULL)
        tables = StageTables.in_folder(name)
        preparation = Preparation(template=load_template(TEMPLATE), hash_key=b"benchmark key of 32 bytes length")
        stages: dict[str, Measured] = {
            "contact_file": measured(rows, lambda: read_file(preparation, source, tables)),
            "contacts": measured(rows, lambda: make_contacts(preparation, tables)),
        }
        if until == "messages":
            stages["audience"] = measured(tables.contacts.num_rows(), lambda: make_audience(preparation, tables))
            stages["messages"] = measured(tables.audience.num_rows(), lambda: make_messages(preparation, tables))
        cpu = sum(stage.cpu_s for stage in stages.values())
        total = Measured(
            rows,
            round(sum(stage.wall_s for stage in stages.values()), 3),
            round(cpu, 3),
            round(rows / cpu),
            max(stage.peak_rss_mb for stage in stages.values()),
        )
        peer_rows = min(PEER_ROWS, rows)
        beside = measured(peer_rows, lambda: peer(source, peer_rows, folder))
        to_contacts = stages["contact_file"].cpu_s + stages["contacts"].cpu_s
        answer: dict[str, Any] = {
            "stages": {stage: asdict(figures) for stage, figures in stages.items()},
            "total": asdict(total),
            "peer": asdict(beside),
            "ratio": round(rows / to_contacts / beside.rows_per_cpu_s, 1),
            "agrees": agrees(folder, tables.contacts, last_line=peer_rows + 1),
            "outcome": {
                "contacts": tables.contacts.num_rows(),
                "rejects": tables.rejects.num_rows(),
                "file_mb": round(source.stat().st_size / 1e6, 1),
            },
        }
        apart: dict[str, Any] = {}
        if expectations:
            apart["great_expectations"] = asdict(_expectations(preparation, tables))
        if postgres:
            apart["postgresql_copy"] = asdict(_postgres(tables))
        if apart:
            answer["apart"] = apart
        return answer


def _expectations(preparation: Any, tables: Any) -> Measured:
    """The contract of the contacts table, as the asset check runs it, after Great Expectations is imported."""
    from nightmail.preparation.table_contracts import contacts_contract
    from nightmail.preparation.table_validation import validate

    contract = contacts_contract(preparation, tables.contacts.schema().names)
    validate("contacts", tables.contacts, contract)
    rows = tables.contacts.num_rows()
    return measured(rows, lambda: validate("contacts", tables.contacts, contract))


def _postgres(tables: Any) -> Measured:
    """The contacts' lines and addresses into PostgreSQL by COPY: what the database itself takes, without the ledger."""
    import psycopg

    from nightmail.store.local_server import LocalServer

    with tempfile.TemporaryDirectory(prefix="nightmail-benchmark-pg-") as name:
        Path(name).chmod(0o755)
        server = LocalServer(Path(name) / "pg")
        server.start()
        try:
            with psycopg.connect(server.superuser_url().replace("+psycopg", "")) as connection:
                connection.execute("create table made (line bigint, phone text, email text)")

                def copy() -> None:
                    with connection.cursor().copy("copy made from stdin") as pipe:
                        for block in tables.contacts.blocks(["line", "phone", "email"]):
                            for row in zip(*(column.to_pylist() for column in block.columns), strict=True):
                                pipe.write_row(row)
                    connection.commit()

                return measured(tables.contacts.num_rows(), copy)
        finally:
            server.stop()


def _shown(answer: dict[str, Any]) -> str:
    lines = [f"{'':22}{'rows':>10}{'wall s':>9}{'CPU s':>9}{'rows/CPU s':>12}{'peak MB':>9}"]
    entries = {**answer["stages"], "total": answer["total"], "peer": answer["peer"], **answer.get("apart", {})}
    for name, figures in entries.items():
        lines.append(
            f"{name:22}{figures['rows']:>10,}{figures['wall_s']:>9.2f}{figures['cpu_s']:>9.2f}"
            f"{figures['rows_per_cpu_s']:>12,}{figures['peak_rss_mb']:>9,}"
        )
    lines.append(f"file to contacts is {answer['ratio']} times as fast as the peer")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--until", choices=("contacts", "messages"), default="messages")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--expectations", action="store_true", help="measure Great Expectations as well")
    parser.add_argument("--postgres", action="store_true", help="measure PostgreSQL's COPY as well")
    arguments = parser.parse_args()
    answer = run(
        arguments.rows,
        arguments.until,
        seed=arguments.seed,
        expectations=arguments.expectations,
        postgres=arguments.postgres,
    )
    print(json.dumps(answer, indent=2) if arguments.json else _shown(answer))


if __name__ == "__main__":
    main()
