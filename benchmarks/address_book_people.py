"""Invented people for an address book, as many as are asked for and the same ones each time: for ``benchmarks.address_book``."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from itertools import product
from pathlib import Path

COLUMNS = ("external_id", "name", "phone", "email", "language", "country", "city")
_FIRST = (
    *[
        "Anna",
        "Ben",
        "Clara",
        "David",
        "Eva",
        "Finn",
        "Greta",
        "Hugo",
        "Ida",
        "Jonas",
        "Karla",
        "Leo",
        "Mia",
        "Noah",
        "Olga",
        "Paul",
        "Rosa",
        "Samir",
        "Tilda",
        "Umut",
        "Vera",
        "Wim",
        "Yara",
    ],
    *[
        "Zoë",
        "Łukasz",
        "José",
        "Björn",
        "Aoife",
        "Søren",
        "Renée",
        "Nuño",
        "Çelik",
        "Ольга",
        "Иван",
        "Γιώργος",
        "Ελένη",
        "小明",
        "花子",
        "민준",
        "서연",
        "नीता",
        "रवि",
        "อารี",
        "Mehmet",
        "Fatima",
    ],
)
_BEGIN = [
    "ba",
    "be",
    "bo",
    "da",
    "de",
    "do",
    "fa",
    "fi",
    "ga",
    "go",
    "ha",
    "he",
    "ka",
    "ko",
    "la",
    "le",
    "ma",
    "me",
    "mi",
    "na",
    "no",
    "pa",
    "pe",
    "ra",
    "ro",
    "sa",
    "schm",
    "schn",
    "sta",
    "ta",
    "to",
    "va",
    "vo",
    "wa",
    "we",
    "zi",
]
_MIDDLE = [
    "ber",
    "den",
    "fer",
    "gel",
    "hal",
    "ken",
    "ler",
    "man",
    "mer",
    "nen",
    "rich",
    "ring",
    "sen",
    "ster",
    "tel",
    "ter",
    "ven",
    "wald",
]
_END = ("", "a", "berg", "e", "er", "eva", "hoff", "i", "mann", "o", "ov", "s", "sen", "ski", "son", "stein")
_LAST = tuple("".join(parts).capitalize() for parts in product(_BEGIN, _MIDDLE, _END))
_COUNTRIES = (("GB", "en"), ("DE", "de"), ("FR", "fr"), ("ES", "es"))
_CITIES = ("Aachen", "Bilbao", "Cardiff", "Dijon", "Essen", "Glasgow", "Lyon", "Malaga")


def people(contacts: int) -> Iterator[tuple[str, ...]]:
    """So many people, with the values of :data:`COLUMNS`. Surnames are as uneven as they are: the first of them are frequent."""
    draw = random.Random(16)
    for number in range(contacts):
        first = draw.choice(_FIRST)
        last = _LAST[int(len(_LAST) * draw.random() ** 2)]
        country, language = draw.choice(_COUNTRIES)
        local = f"{last.lower()}.{number:x}"
        yield (
            *(f"C-{number:07d}", f"{first} {last}", f"+44740{number:07d}", f"{local}@example.com"),
            *(language, country, draw.choice(_CITIES)),
        )


def write_people(destination: Path, contacts: int) -> None:
    """Write them as a contact file."""
    with destination.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(COLUMNS)
        writer.writerows(people(contacts))


def searches(contacts: int, count: int) -> list[str]:
    """What people type: parts of names, both names, parts of numbers and addresses, ids; of people who are there, and not."""
    draw = random.Random(61)
    known = list(people(min(contacts, 20_000)))
    typed: list[str] = []
    while len(typed) < count:
        number, name, phone, address, *_ = draw.choice(known)
        first, last = name.split()
        size = draw.randint(3, max(3, len(last)))
        at = draw.randint(0, max(0, len(last) - size))
        typed += [
            last[at : at + size],
            last,
            f"{first} {last}",
            f"{last[:4]} {first[:2]}",
            first,
            last[:2],
            phone,
            f"0{phone[3:7]} {phone[7:]}",
            phone[-6:],
            phone[5:10],
            address,
            address.split("@")[0],
            address[: draw.randint(4, 12)],
            number,
            number[2:],
            f"{last}x{last}",
        ]
    return typed[:count]
