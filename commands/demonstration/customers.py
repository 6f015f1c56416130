"""The demo's customers over two weeks: the same people in each file that a team sends, with what real files have wrong.

Names are drawn and numbers are made: no person among them exists.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from commands.demonstration.sample_contacts import SampleRows

CUSTOMERS = 900
_STREETS = ("High Street", "Hauptstraße", "rue du Moulin", "Calle Mayor", "Mill Lane", "Am Bach", "Church Road")
_SCRIPTS = (
    ("ar", ("ليلى", "عمر", "سلمى", "يوسف")),
    ("he", ("נועה", "יוסף", "תמר", "אורי")),
    ("el", ("Αθηνά", "Γιώργος", "Ελένη", "Νίκος")),
)
_WRONG_NUMBERS = ("n/a", "12345", "+44 7912 34", "unknown", "see notes", "+33 6 12")


@dataclass(frozen=True)
class Customer:
    """One customer; ``mobile`` in international form."""

    number: str
    first_name: str
    last_name: str
    mobile: str
    email: str
    country: str
    language: str


class Customers:
    """Everybody that the organisation knows, and the files that name some of them."""

    def __init__(self, folder: Path, seed: int = 20261130) -> None:
        self.folder = folder
        self.chance = random.Random(seed)  # noqa: S311 - a reproducible sample, no secret
        made = SampleRows(seed, dt.date(2026, 11, 30))
        self.everybody = []
        for index in range(CUSTOMERS):
            row, mobile = made.good_row(index)
            country = made.country
            self.everybody.append(
                Customer(row[0], row[1], row[2], mobile, row[4], country.code, row[6] or country.language)
            )

    def write(self, kind: str, name: str, rows: int, day: dt.date, *, wrong: float = 0.03) -> Path:
        """Write a file of a ``kind`` (a key of :data:`KINDS`) as its team sends it on ``day``; ``wrong`` is the share of bad rows."""
        values_of = KINDS[kind]
        chosen = self.chance.sample(self.everybody, min(rows, len(self.everybody)))
        made = [values_of(customer, index, day, self.chance) for index, customer in enumerate(chosen)]
        made = [self._spoiled(row) if self.chance.random() < wrong else row for row in made]
        for _ in range(max(1, rows // 80)):
            made.insert(self.chance.randrange(len(made)), dict(self.chance.choice(made)))
        path = self.folder / f"{day:%Y-%m-%d}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".jsonl":
            lines = (json.dumps(row, ensure_ascii=False) for row in made)
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        else:
            _write_csv(path, made)
        return path

    def _spoiled(self, row: Mapping[str, str]) -> dict[str, str]:
        from nightmail.channels import EMAIL_FIELD

        spoiled = dict(row)
        if "mobile" in row:
            spoiled["mobile"] = self.chance.choice(_WRONG_NUMBERS)
        if EMAIL_FIELD in row:
            spoiled[EMAIL_FIELD] = row[EMAIL_FIELD].replace("@", ".")
        return spoiled


def _write_csv(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _invoice(customer: Customer, index: int, day: dt.date, chance: random.Random) -> dict[str, str]:
    return {
        "external_id": customer.number,
        "first_name": customer.first_name,
        "mobile": customer.mobile,
        "language": customer.language,
        "invoice_no": f"INV-{day:%y%m%d}-{index + 1:04d}",
        "amount": f"{chance.randint(900, 250_000) / 100:.2f}",
        "due_date": (day + dt.timedelta(days=chance.randint(7, 28))).isoformat(),
    }


def _statement(customer: Customer, index: int, day: dt.date, chance: random.Random) -> dict[str, str]:
    invoice = _invoice(customer, index, day, chance)
    del invoice["mobile"]
    return {**invoice, "email": _email(customer), "country": customer.country}


def _work(customer: Customer, index: int, day: dt.date, chance: random.Random) -> dict[str, str]:
    return {
        "external_id": customer.number,
        "mobile": customer.mobile,
        "email": customer.email,
        "language": customer.language,
        "street": f"{_STREETS[index % len(_STREETS)]} {chance.randint(1, 120)}",
        "work_date": (day + dt.timedelta(days=4)).isoformat(),
        "from_time": f"{8 + index % 3}:00",
        "until_time": f"{12 + index % 4}:30",
    }


def _storm(customer: Customer, index: int, day: dt.date, chance: random.Random) -> dict[str, str]:
    work = _work(customer, index, day, chance)
    return {name: work[name] for name in ("external_id", "mobile", "language", "street")} | {"from_time": "18:00"}


def _meter(customer: Customer, _index: int, day: dt.date, chance: random.Random) -> dict[str, str]:
    return {
        "external_id": customer.number,
        "first_name": customer.first_name,
        "mobile": customer.mobile,
        "email": customer.email,
        "language": customer.language,
        "meter": f"M{chance.randint(100_000, 999_999)}",
        "until": (day + dt.timedelta(days=9)).isoformat(),
    }


def _appointment(customer: Customer, index: int, day: dt.date, _chance: random.Random) -> dict[str, str]:
    places = {"de": "Zimmer 4, Hauptstraße 12", "es": "Sala 4, Calle Mayor 12"}
    return {
        "id": customer.number,
        "first_name": customer.first_name,
        "mobile": customer.mobile,
        "language": customer.language,
        "place": places.get(customer.language, "Room 4, High Street 12"),
        "appointment_date": (day + dt.timedelta(days=3)).isoformat(),
        "appointment_time": f"{9 + index % 8}:{index % 2 * 30:02d}",
        "with_whom": ("Dr. Okafor", "Dra. Peña", "Dr. Yılmaz")[index % 3],
    }


def _results(customer: Customer, index: int, _day: dt.date, chance: random.Random) -> dict[str, str]:
    language, names = _SCRIPTS[index % 3] if index % 4 else ("en", (customer.first_name,))
    return {
        "id": customer.number,
        "first_name": chance.choice(names),
        "mobile": customer.mobile,
        "email": customer.email,
        "language": language,
        "place": "High Street 12",
    }


def _offer(customer: Customer, index: int, day: dt.date, _chance: random.Random) -> dict[str, str]:
    return {
        "external_id": customer.number,
        "first_name": customer.first_name,
        "email": _email(customer),
        "mobile": customer.mobile,
        "country": customer.country,
        "language": customer.language,
        "discount": "15",
        "code": f"advent{index % 7}",
        "valid_until": (day + dt.timedelta(days=21)).isoformat(),
    }


def _oferta(customer: Customer, index: int, day: dt.date, chance: random.Random) -> dict[str, str]:
    offer = _offer(customer, index, day, chance)
    del offer["mobile"]
    return {**offer, "country": ("ES", "PT")[index % 2], "language": ("es", "pt")[index % 2]}


def _unfinished(customer: Customer, index: int, day: dt.date, chance: random.Random) -> dict[str, str]:
    """A file of an export that went wrong: without the column that the template cannot do without."""
    oferta = _oferta(customer, index, day, chance)
    del oferta["code"]
    return oferta


def _email(customer: Customer) -> str:
    return customer.email or f"{customer.number.lower()}@example.net"


KINDS: Mapping[str, Callable[[Customer, int, dt.date, random.Random], dict[str, str]]] = {
    "invoice": _invoice,
    "statement": _statement,
    "work": _work,
    "storm": _storm,
    "meter": _meter,
    "appointment": _appointment,
    "results": _results,
    "offer": _offer,
    "oferta": _oferta,
    "unfinished": _unfinished,
}
"""What a row of each kind of file holds."""
