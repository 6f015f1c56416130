"""The countries of the demo's customers: how their numbers are written, and common names. No person among them exists."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SampleCountry:
    """How numbers of a country are written: ``start`` are a mobile number's first digits, ``digits`` those that follow."""

    code: str
    calling: str
    start: str
    digits: int
    trunk: str
    groups: tuple[int, ...]
    language: str
    landline: str
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    weight: int = 1


COUNTRIES = (
    SampleCountry(
        "GB", "44", "7912", 6, "0", (4, 6), "en", "2079460018",
        ("Oliver", "Amelia", "Siân", "Zoë", "Muhammad", "Seán", "Chloë", "Ngaio"),
        ("Smith", "O'Brien", "Llewellyn-Jones", "Okafor", "Patel", "MacDonald", "de la Mare"), 6,
    ),
    SampleCountry(
        "DE", "49", "1511", 7, "0", (4, 7), "de", "30901820",
        ("Jürgen", "Anneliese", "Björn", "Änne", "Günther", "Zeynep", "Sören"),
        ("Müller", "Groß", "Lüdenscheidt", "von Bülow", "Yılmaz", "Schäfer"), 4,
    ),
    SampleCountry(
        "FR", "33", "612", 6, "0", (1, 2, 2, 2, 2), "fr", "142685300",
        ("Françoise", "Loïc", "Maëlys", "Jérôme", "Inès", "Noël", "Aïcha"),
        ("Lefèvre", "D'Aubigné", "Château", "Benoît", "N'Diaye", "Bœuf"), 4,
    ),
    SampleCountry(
        "ES", "34", "612", 6, "", (3, 3, 3), "es", "912345678",
        ("José", "Begoña", "Íñigo", "Ángela", "Nuño"), ("Muñoz", "Ibáñez", "Peña", "Güell i Mas", "Núñez"), 3,
    ),
    SampleCountry(
        "US", "1", "21223", 5, "", (3, 3, 4), "en", "2125550199",
        ("John", "Mary-Kate", "Jesús", "D'Andre", "Kimberly", "Þóra"), ("Johnson", "García", "Nguyễn", "Smith, Jr.", "Lee"), 3,
    ),
    SampleCountry("NL", "31", "612", 6, "0", (1, 8), "en", "201234567", ("Joël", "Saskia"), ("van 't Hoff", "de Vries")),
    SampleCountry("IT", "39", "347", 7, "", (3, 7), "en", "0612345678", ("Niccolò", "Lucia"), ("D'Angelo", "Esposito")),
    SampleCountry("PL", "48", "512", 6, "", (3, 3, 3), "en", "123456789", ("Łukasz", "Małgorzata"), ("Wójcik", "Żak")),
    SampleCountry("SE", "46", "701", 6, "0", (2, 3, 2, 2), "en", "86860000", ("Åsa", "Björn"), ("Öberg", "Lindström")),
    SampleCountry("PT", "351", "912", 6, "", (3, 3, 3), "en", "212345678", ("João", "Conceição"), ("Gonçalves", "Simões")),
    SampleCountry("CH", "41", "781", 6, "0", (2, 3, 2, 2), "de", "446681800", ("Urs", "Élodie"), ("Bürgi", "Aebischer")),
    SampleCountry("GR", "30", "6912", 6, "", (3, 3, 4), "en", "2102345678", ("Αθηνά", "Γιώργος"), ("Παπαδοπούλου", "Νικολαΐδης")),
    SampleCountry("AU", "61", "412", 6, "0", (3, 3, 3), "en", "282345678", ("Matilda", "Jarrah"), ("O'Connor", "Nguyen")),
    SampleCountry("JP", "81", "901", 7, "0", (2, 4, 4), "en", "312345678", ("太郎", "さくら"), ("山田", "佐藤")),
    SampleCountry("IL", "972", "502", 6, "0", (2, 3, 4), "en", "21234567", ("נועה", "יוסף"), ("כהן", "לוי")),
    SampleCountry("ZA", "27", "711", 6, "0", (2, 3, 4), "en", "101234567", ("Thabo", "Anéle"), ("Nkosi", "van der Merwe")),
)  # fmt: skip
NOT_SERVED = (("+55 11 96123 {:04d}", "BR", "Joaquim", "Araújo"), ("+91 81234 5{:04d}", "IN", "अनन्या", "Sharma"))

"""Numbers of countries that are not served, each with its country and a name."""

NAMES = {"GB": "United Kingdom", "DE": "Deutschland", "FR": "France", "ES": "España", "US": "USA"}
"""How a spreadsheet writes the country in place of its code."""
