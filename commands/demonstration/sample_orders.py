"""The demo's smaller files: statements as a program exports them, appointments as a spreadsheet does."""

from __future__ import annotations

import csv
import datetime as dt
import json
from pathlib import Path

from commands.demonstration.sample_contacts import HEADER, SampleRows

APPOINTMENT_HEADER = (
    "id",
    "first_name",
    "mobile",
    "language",
    "place",
    "appointment_date",
    "appointment_time",
    "with_whom",
)


def write_sample_statements(path: Path, rows: int, seed: int = 7, today: dt.date | None = None) -> int:
    """Write the same customers' statements for the email feed, as a program would export them: JSON Lines."""
    made = SampleRows(seed, today or dt.datetime.now(dt.UTC).date())
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as handle:
        for index in range(rows):
            row = dict(zip(HEADER, made.good_row(500_000 + index)[0], strict=True))
            number = row["Customer No"]
            values = {
                "external_id": number,
                "first_name": row["First Name"],
                "email": f"{number.lower()}@example.com" if index % 40 else f"{number.lower()}.example.com",
                "language": row["Language"],
                "country": made.country.code,
                "invoice_no": row["Invoice No"],
                "amount": row["Amount"],
                "due_date": row["Due Date"],
            }
            handle.write(json.dumps(values, ensure_ascii=False) + "\n")
    return rows


def write_sample_appointments(
    path: Path, first: str, unreachable: tuple[str, ...], rows: int = 30, today: dt.date | None = None
) -> int:
    """Write appointments for the escalation feed, as a German spreadsheet writes them: ``first`` is the first row's number,
    ``unreachable`` those of the next rows."""
    day = (today or dt.datetime.now(dt.UTC).date()) + dt.timedelta(days=3)
    names = ("Amelia", "Jürgen", "Begoña", "Siân", "Zeynep", "Íñigo", "Oliver", "Änne")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, delimiter=";")
        writer.writerow(APPOINTMENT_HEADER)
        for index in range(rows):
            known = (first, *unreachable)
            number = known[index] if index < len(known) else f"+4479155001{index:02d}"
            language = ("en", "de", "es")[index % 3]
            place = ("Room 4, High Street 12", "Zimmer 4, Hauptstraße 12", "Sala 4, Calle Mayor 12")[index % 3]
            at = f"{9 + index % 8}:{index % 2 * 30:02d}"
            writer.writerow(
                (
                    f"P{700 + index}",
                    names[index % len(names)],
                    number,
                    language,
                    place,
                    day.isoformat(),
                    at,
                    "Dr. Okafor",
                )
            )
    return rows


def write_sample_warnings(path: Path, rows: int, seed: int = 11, today: dt.date | None = None) -> int:
    """Write warnings of a storm for one text message each: who lives where, as a program exports it."""
    made = SampleRows(seed, today or dt.datetime.now(dt.UTC).date())
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(("external_id", "mobile", "language", "street", "from_time"))
        for index in range(rows):
            row, mobile = made.good_row(700_000 + index)
            street = ("High Street", "Hauptstraße", "rue du Moulin", "Calle Mayor")[index % 4]
            writer.writerow((row[0], mobile, row[6], f"{street} {1 + index % 130}", "18:00"))
    return rows
