"""Countries as people write them, to the two-letter code of ISO 3166-1.

Codes of ISO 3166-1 and 3166-2, abbreviations with and without dots, and names: CLDR's in English, French, German and Spanish, and
in every language of the served countries (:mod:`nightmail.row_checks.served_languages`). A name of two countries is not understood.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from nightmail.row_checks.served_languages import served_locales

NAME_LANGUAGES = ("en", "fr", "de", "es")
"""The languages whose names are looked up first; those of the served countries' other languages are read when these do not do."""

_ALSO_CALLED = {
    "aland inseln": "AX",
    "america": "US",
    "angleterre": "GB",
    "anglia": "GB",
    "anglie": "GB",
    "argentina republica": "AR",
    "argentine": "AR",
    "birma": "MM",
    "birmania": "MM",
    "birmanie": "MM",
    "bonaire saint eustache et saba": "BQ",
    "bonaire sint eustatius and saba": "BQ",
    "bonaire sint eustatius und saba": "BQ",
    "bosnia": "BA",
    "bouvet insel": "BV",
    "brd": "DE",
    "britain": "GB",
    "british virgin islands": "VG",
    "bundesrepublik": "DE",
    "burma": "MM",
    "burquina faso": "BF",
    "cape verde": "CV",
    "cayman inseln": "KY",
    "ceska republika": "CZ",
    "china people s republic of": "CN",
    "christmas ile": "CX",
    "comores islas": "KM",
    "confederacion suiza": "CH",
    "confederation suisse": "CH",
    "congo brazzaville": "CG",
    "congo democratic republic of the": "CD",
    "congo kinshasa": "CD",
    "congo republica democratica del": "CD",
    "congo the democratic republic of the": "CD",
    "corea republica de": "KR",
    "corea republica democratica popular de": "KP",
    "coree republique de": "KR",
    "coree republique populaire democratique de": "KP",
    "costa de marfil": "CI",
    "czech republic": "CZ",
    "democratic people s republic of korea": "KP",
    "democratic republic of congo": "CD",
    "democratic republic of the congo": "CD",
    "demokratische republik kongo": "CD",
    "demokratische volksrepublik korea": "KP",
    "eau": "AE",
    "ee uu": "US",
    "eesti vabariik": "EE",
    "eeuu": "US",
    "egypt arab": "EG",
    "eire": "IE",
    "el": "GR",
    "elfenbeinkuste": "CI",
    "engeland": "GB",
    "england": "GB",
    "estados unidos da america": "US",
    "estados unidos de america": "US",
    "etats unis d amerique": "US",
    "eua": "US",
    "falkland islands malvinas": "FK",
    "faroer inseln": "FO",
    "federacion rusa": "RU",
    "federation de russie": "RU",
    "francaise": "FR",
    "franzosisch guyana": "GF",
    "franzosische": "FR",
    "french": "FR",
    "gabonese": "GA",
    "gran bretagna": "GB",
    "gran bretana": "GB",
    "grande bretagne": "GB",
    "great britain": "GB",
    "groot brittannie": "GB",
    "grossbritannien": "GB",
    "heard island and mcdonald islands": "HM",
    "heiliger stuhl": "VA",
    "hellas": "GR",
    "hellenic": "GR",
    "hellenische": "GR",
    "holanda": "NL",
    "holland": "NL",
    "hollande": "NL",
    "holy see": "VA",
    "hong kong": "HK",
    "hong kong special administrative region of china": "HK",
    "hongkong": "HK",
    "inghilterra": "GB",
    "inglaterra": "GB",
    "insel man": "IM",
    "iran islamic": "IR",
    "isla de san martin zona holandesa": "SX",
    "islas bermudas": "BM",
    "islas comores": "KM",
    "islas maldivas": "MV",
    "italian": "IT",
    "ivory coast": "CI",
    "kap verde": "CV",
    "kirghizistan": "KG",
    "kokos keeling inseln": "CC",
    "korea democratic people s republic of": "KP",
    "korea demokratische volksrepublik": "KP",
    "korea north": "KP",
    "korea republic of": "KR",
    "korea republik": "KR",
    "korea south": "KR",
    "ksa": "SA",
    "kyrgyz": "KG",
    "lao": "LA",
    "latvijas republika": "LV",
    "lebanese": "LB",
    "libya": "LY",
    "lietuvos respublika": "LT",
    "macao": "MO",
    "macao special administrative region of china": "MO",
    "macau": "MO",
    "macedoine": "MK",
    "macedonia": "MK",
    "mazedonien": "MK",
    "mejico": "MX",
    "mexican": "MX",
    "micronesie etats federes de": "FM",
    "moldau": "MD",
    "moldavia": "MD",
    "moldavie": "MD",
    "noord ierland": "GB",
    "nordirland": "GB",
    "north korea": "KP",
    "northern ireland": "GB",
    "palastina": "PS",
    "palestina": "PS",
    "palestine": "PS",
    "pitcairn": "PN",
    "portuguese": "PT",
    "repubblica ceca": "CZ",
    "repubblica italiana": "IT",
    "republic of china": "TW",
    "republic of congo": "CG",
    "republic of ireland": "IE",
    "republic of korea": "KR",
    "republic of the congo": "CG",
    "republica checa": "CZ",
    "republica de corea": "KR",
    "republica del congo": "CG",
    "republica democratica del congo": "CD",
    "republik kongo": "CG",
    "republik korea": "KR",
    "republika hrvatska": "HR",
    "republika slovenija": "SI",
    "republique de coree": "KR",
    "republique democratique du congo": "CD",
    "republique du congo": "CG",
    "republique tcheque": "CZ",
    "reunion ile de la": "RE",
    "rsa": "ZA",
    "russian federation": "RU",
    "russie federation de": "RU",
    "russische": "RU",
    "rwandese": "RW",
    "rzeczpospolita polska": "PL",
    "saint helena ascension and tristan da cunha": "SH",
    "saint martin niederlandischer teil": "SX",
    "saint siege": "VA",
    "saint vincent and the grenadines": "VC",
    "sainte helene ascension et tristan da cunha": "SH",
    "salomon iles": "SB",
    "salomoninseln": "SB",
    "samoa estadounidense": "AS",
    "santa sede": "VA",
    "schotland": "GB",
    "schottland": "GB",
    "schweizerische eidgenossenschaft": "CH",
    "scotland": "GB",
    "scozia": "GB",
    "slovak": "SK",
    "slovak republic": "SK",
    "slovenska republika": "SK",
    "south georgia and the south sandwich islands": "GS",
    "south korea": "KR",
    "st helena ascension und tristan da cunha": "SH",
    "stati uniti d america": "US",
    "svalbard und jan mayen": "SJ",
    "svizzera": "CH",
    "swaziland": "SZ",
    "swiss confederation": "CH",
    "syrian": "SY",
    "syrian arab": "SY",
    "syrienne": "SY",
    "taiwan chinesische provinz": "TW",
    "taiwan province de chine": "TW",
    "taiwan province of china": "TW",
    "taiwan provincia de china": "TW",
    "the netherlands": "NL",
    "togolese": "TG",
    "tschechische republik": "CZ",
    "turkey": "TR",
    "turquia": "TR",
    "turquie": "TR",
    "u s": "US",
    "u s a": "US",
    "uae": "AE",
    "uk": "GB",
    "united kingdom of great britain and northern ireland": "GB",
    "united states minor outlying islands": "UM",
    "united states of america": "US",
    "usa": "US",
    "vae": "AE",
    "vatican": "VA",
    "vaticano": "VA",
    "vatikan": "VA",
    "vereinigte staaten von amerika": "US",
    "vereinigtes konigreich von grossbritannien und nordirland": "GB",
    "verenigde staten van amerika": "US",
    "viet nam": "VN",
    "virgin islands british": "VG",
    "virgin islands of the united states": "VI",
    "virgin islands u s": "VI",
    "virgin islands us": "VI",
    "wales": "GB",
    "weihnachtsinseln": "CX",
    "westsamoa": "WS",
    "ελλασ": "GR",
    "الامارات": "AE",
    "السعودية": "SA",
    "中國香港": "HK",
    "中華民國": "TW",
    "日本国": "JP",
    "日本國": "JP",
    "臺灣": "TW",
    "香港": "HK",
}
"""Names that people write and that are not in CLDR's lists, folded as :func:`folded` folds. ``EL`` is the EU's code for Greece."""

_FORMS_OF_STATE = frozenset(
    re.findall(
        r"\w+",
        """
    and arab arabe arabische bolivarian bolivariana bolivarienne bolivarische bundesrepublik commonwealth
    confederation d de del democratic democratica democratique demokratische der des du ducado duche duchy
    eastern el estado estados et etat etats federal federale federated federation federativa federative
    foderation foderierte former furstentum gran grand grossherzogtum haschemitisches hashemite independent
    islamic islamica islamique islamische kingdom konigreich la las le les los of oriental people peoples
    plurinacional plurinational plurinationaler populaire popular principado principality principaute reino
    republic republica republik republique royaume s socialist sovereign sozialistische staat staaten state
    states sultanat sultanate sultanato the und uni unida unidos unie union unis united vereinigte vereinigtes
    volksrepublik von y yugoslav
        """,
    )
)
"""Words that stand around the name proper in official names: ``Iran, Islamic Republic of``, ``Königreich Belgien``."""
_BRACKETS = re.compile(r"\([^)]*\)")

_WITHOUT_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_WITHOUT_STROKES = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "đ": "d"})
_NOT_COUNTRIES = frozenset({"EU", "EZ", "UN", "ZZ", "QO", "XA", "XB"})


def folded(text: str) -> str:
    """``text`` in lower case without accents and punctuation, in single spaces: what names are compared by."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("&", " and ").translate(_WITHOUT_STROKES))
    kept = "".join(
        character if character.isalnum() else " " for character in plain if not unicodedata.combining(character)
    )
    return " ".join(kept.split())


@lru_cache(maxsize=1)
def country_codes() -> frozenset[str]:
    """All two-letter codes of countries and territories."""
    from babel import Locale

    return frozenset(
        code
        for code in map(str, Locale("en").territories)
        if len(code) == 2 and code.isalpha() and code not in _NOT_COUNTRIES
    )


@lru_cache(maxsize=1)
def _codes_by_name() -> dict[str, str]:
    from babel import Locale
    from babel.core import get_global

    codes = country_codes()
    found: dict[str, str] = {}
    for language in NAME_LANGUAGES:
        for code, name in Locale(language).territories.items():
            if code in codes:
                for spelling in (name, _with_saint(name), _BRACKETS.sub("", name)):
                    found.setdefault(folded(spelling), code)
                if language == "de":
                    found.setdefault(folded(name.translate(_WITHOUT_UMLAUTS)), code)
    found.update(_ALSO_CALLED)
    # Babel's aliases hold the three-letter and numeric codes, and codes that are no longer used.
    for alias, successors in get_global("territory_aliases").items():
        if len(successors) == 1 and successors[0] in codes:
            found.setdefault(alias.casefold(), successors[0])
    found.update({code.casefold(): code for code in codes})
    return found


@lru_cache(maxsize=1)
def _codes_by_served_name() -> dict[str, str | None]:
    """Names in the languages of the served countries; None where two countries are called so."""
    codes = country_codes()
    found: dict[str, str | None] = {}
    for _, locale in served_locales():
        for code, name in locale.territories.items():
            if code not in codes:
                continue
            for spelling in {folded(name), folded(_BRACKETS.sub("", name))}:
                if found.setdefault(spelling, code) != code:
                    found[spelling] = None
    return found


@lru_cache(maxsize=100_000)
def country_code(text: str) -> str | None:
    """The two-letter code of the country that ``text`` names, or None: ``de``, ``DEU``, ``276``, ``Allemagne``, ``U.K.``, ``GB-ENG``."""
    from phonenumbers import SUPPORTED_REGIONS

    if text in SUPPORTED_REGIONS:  # the commonest form needs no names to be loaded
        return text
    names = _codes_by_name()
    name = folded(text)
    found = names.get(name)
    if found is not None or not any(map(str.isalpha, text)):
        return found
    words = name.split()
    if len(words) > 1 and all(len(word) == 1 for word in words):  # U.A.E.
        return names.get("".join(words))
    subdivision = _SUBDIVISION.match(text)
    if subdivision is not None:
        return _country_of_subdivision(*subdivision.groups())
    found = names.get(folded(_BRACKETS.sub("", text))) or names.get(_name_proper(text))
    if found is not None:
        return found
    served = _codes_by_served_name()
    return served.get(name) or served.get(folded(_BRACKETS.sub("", text)))


_SUBDIVISION = re.compile(r"^([A-Z]{2})-([A-Z0-9]{1,3})$")
"""A code of ISO 3166-2: the country's, a hyphen, one to three letters or digits."""


def _country_of_subdivision(country: str, part: str) -> str | None:
    """The country of a code of ISO 3166-2; None for what is as well a language as it is spoken in a country, such as ``IT-CH``."""
    from babel.core import get_global

    if _codes_by_name().get(country.casefold()) is None:
        return None
    spoken = get_global("territory_languages").get(part, {})
    return None if country.lower() in spoken else _codes_by_name()[country.casefold()]


def subdivision_code(text: str) -> str | None:
    """The part of a country that ``text`` names by its code of ISO 3166-2, such as ``DE-BY``; None for anything else."""
    named = _SUBDIVISION.match(text)
    return None if named is None or country_code(text) != named[1] else text


def _with_saint(name: str) -> str:
    return re.sub(r"\bSt\.", "Saint", name)


def _name_proper(text: str) -> str:
    """An official name without what is said of the state before and after it; nothing where that leaves no name."""
    words = folded(_BRACKETS.sub("", text)).split()
    while words and words[0] in _FORMS_OF_STATE:
        words.pop(0)
    while words and words[-1] in _FORMS_OF_STATE:
        words.pop()
    name = " ".join(words)
    return name if len(name) > 2 else ""
