"""Contact files that look like life, made from a seed: the data of every benchmark and of the larger tests.

Fifteen countries; 30 % of the numbers in national form, the rest in the ways people write international ones; 3 % bad
phones, 2 % bad emails, 4 % duplicates in disguise. Also from a shell::

    python -m tests.support.contact_data --rows 1000000 --out /tmp/contacts.csv
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HEADER = (
    "external_id",
    "first_name",
    "last_name",
    "phone",
    "email",
    "country",
    "language",
    "invoice_no",
    "amount",
    "due_date",
)


@dataclass(frozen=True)
class Country:
    """How a country's mobile numbers are written: ``trunk`` before the national number, digits in ``groups``."""

    code: str
    calling: str
    prefixes: tuple[str, ...]
    length: int
    trunk: str
    groups: tuple[int, ...]
    language: str


COUNTRIES = (
    Country("GB", "44", ("73", "74", "78"), 10, "0", (4, 6), "en"),
    Country("DE", "49", ("160", "170", "171", "175"), 10, "0", (3, 7), "de"),
    Country("FR", "33", ("61", "62", "66", "76"), 9, "0", (1, 2, 2, 2, 2), "fr"),
    Country("ES", "34", ("61", "62", "65", "66"), 9, "", (3, 3, 3), "es"),
    Country("IT", "39", ("328", "333", "347"), 10, "", (3, 7), "it"),
    Country("NL", "31", ("61", "62", "64"), 9, "0", (1, 8), "nl"),
    Country("BE", "32", ("47", "48", "49"), 9, "0", (3, 2, 2, 2), "fr"),
    Country("AT", "43", ("664", "676", "699"), 10, "0", (3, 7), "de"),
    Country("CH", "41", ("76", "78", "79"), 9, "0", (2, 3, 2, 2), "de"),
    Country("PL", "48", ("60", "66", "69"), 9, "", (3, 3, 3), "pl"),
    Country("SE", "46", ("70", "72", "73"), 9, "0", (2, 3, 2, 2), "sv"),
    Country("PT", "351", ("91", "92", "93"), 9, "", (3, 3, 3), "pt"),
    Country("US", "1", ("2012", "2123", "3054", "4155", "6466"), 10, "", (3, 3, 4), "en"),
    Country("CA", "1", ("4162", "5143", "6044"), 10, "", (3, 3, 4), "en"),
    Country("AU", "61", ("40", "41", "42", "43"), 9, "0", (3, 3, 3), "en"),
)
_FIRST_NAMES = (  # noqa: SIM905
    "Anna José Zoë Łukasz François Jürgen Björn María Chloé Noël Søren Inês Dörte Ana Luis Emma Liam Olivia Noah Mia "
    "Lucas Léa Hugo Jonas Marta Piotr Giulia Marco Sofia Lars Elsa João Rui Kate Tom Grace Jack Ruby Ava Ethan"
).split()
_LAST_NAMES = (  # noqa: SIM905
    "Müller Schmidt García Fernández Rossi Bianchi Dupont Lefèvre Jansen Peeters Gruber Meier Nowak Wiśniewska "
    "Andersson Silva Santos Smith Jones Brown Taylor O'Neill Tremblay Nguyen Williams Wilson Novák Weiß Öztürk Bäcker"
).split()
_DOMAINS = (  # noqa: SIM905
    "example.com example.org example.net mail.example.com post.example.org web.example.net inbox.example.com "
    "kunden.example.org correo.example.com courriel.example.net"
).split()
_BAD_PHONES = ("12", "n/a", "+999 123 456", "000000000", "call me", "+44 12", "0800", "+49 1")
_BAD_EMAILS = (
    "no email",
    "{}@",
    "{}.example.com",
    "{}@example..com",
    "{} @example.com",
    "@example.com",
    "{}@exa mple.com",
)


@dataclass(frozen=True)
class Made:
    """What was put into a file, for checks."""

    rows: int
    bad_phones: int
    bad_emails: int
    duplicates: int


def _grouped(digits: str, groups: tuple[int, ...], separator: str) -> str:
    parts = []
    start = 0
    for size in groups:
        parts.append(digits[start : start + size])
        start += size
    return separator.join(parts)


def _written(country: Country, national: str, style: int) -> str:
    """A number as people write it; styles 0 to 29 are national forms, the others international ones."""
    if style < 30:
        if country.calling == "1":
            return f"({national[:3]}) {national[3:6]}-{national[6:]}" if style < 15 else national
        if style < 12:
            return country.trunk + _grouped(national, country.groups, " ")
        if style < 20:
            return country.trunk + _grouped(national, country.groups, "-")
        return country.trunk + national
    if style < 70:
        return f"+{country.calling}{national}"
    if style < 88:
        return f"+{country.calling} {_grouped(national, country.groups, ' ')}"
    if style < 93 and country.trunk:
        return f"+{country.calling} ({country.trunk}){_grouped(national, country.groups, ' ')}"
    if style < 97 and country.calling not in ("1", "61"):
        return f"00{country.calling} {national}"
    return f"+{country.calling}-{_grouped(national, country.groups, '-')}"


def contact_rows(rows: int, seed: int = 7) -> Iterator[tuple[list[str], str]]:
    """The rows, each with what is wrong with it: empty, ``phone``, ``email``, ``both`` or ``duplicate``."""
    random = np.random.default_rng(seed)
    block = 50_000
    for start in range(0, rows, block):
        size = min(block, rows - start)
        draw = {
            name: random.integers(0, high, size).tolist()
            for name, high in (
                ("country", len(COUNTRIES)),
                ("digits", 10**9),
                ("prefix", 60),
                ("style", 100),
                ("first", len(_FIRST_NAMES)),
                ("last", len(_LAST_NAMES)),
                ("domain", len(_DOMAINS)),
                ("amount", 500_000),
                ("day", 28),
                ("month", 12),
                ("back", 5_000),
                ("odd", 8),
                ("fault", 1000),
            )
        }
        made: list[tuple[list[str], Country, str]] = []
        for index in range(size):
            fault = draw["fault"][index]
            style = draw["style"][index]
            if fault >= 960 and made:
                row, country, national = made[-1 - draw["back"][index] % len(made)]
                again = row.copy()
                again[3] = _written(country, national, style)
                again[4] = row[4].upper() if style % 2 else row[4]
                yield again, "duplicate"
                continue
            country = COUNTRIES[draw["country"][index]]
            prefix = country.prefixes[draw["prefix"][index] % len(country.prefixes)]
            national = prefix + f"{draw['digits'][index]:09d}"[: country.length - len(prefix)]
            first = _FIRST_NAMES[draw["first"][index]]
            last = _LAST_NAMES[draw["last"][index]]
            number = start + index + 1
            email = f"{first[:1].lower()}.user{number}@{_DOMAINS[draw['domain'][index]]}"
            if not email.isascii():
                email = f"user{number}@{_DOMAINS[draw['domain'][index]]}"
            phone = _written(country, national, style)
            wrong = ""
            if fault < 30:
                phone = _BAD_PHONES[draw["odd"][index] % len(_BAD_PHONES)]
                wrong = "phone"
            if 29 <= fault < 49:
                email = _BAD_EMAILS[draw["odd"][index] % len(_BAD_EMAILS)].format(first)
                wrong = "both" if wrong else "email"
            cents = draw["amount"][index]
            row = [
                f"C{number:08d}",
                first,
                last,
                phone,
                email,
                country.code,
                country.language,
                f"INV-{draw['digits'][index] % 10**7:07d}",
                f"{cents // 100}.{cents % 100:02d}",
                f"2026-{draw['month'][index] + 1:02d}-{draw['day'][index] + 1:02d}",
            ]
            if not wrong:
                made.append((row, country, national))
            yield row, wrong


def write_contact_csv(path: Path, rows: int, seed: int = 7) -> Made:
    """Write ``rows`` rows as CSV (UTF-8, comma, LF); the same seed makes the same file."""
    counts = {"": 0, "phone": 0, "email": 0, "both": 0, "duplicate": 0}
    with path.open("w", encoding="utf-8", newline="") as handle:
        handle.write(",".join(HEADER) + "\n")
        lines: list[str] = []
        for row, wrong in contact_rows(rows, seed):
            counts[wrong] += 1
            lines.append(",".join(row))
            if len(lines) == 50_000:
                handle.write("\n".join(lines) + "\n")
                lines.clear()
        if lines:
            handle.write("\n".join(lines) + "\n")
    return Made(rows, counts["phone"] + counts["both"], counts["email"] + counts["both"], counts["duplicate"])


def main() -> None:
    """Write a file and say what is in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    print(write_contact_csv(arguments.out, arguments.rows, arguments.seed))


if __name__ == "__main__":
    main()
