"""Words around a phone number: labels and extensions are known, any other letter makes the number unreadable.

``phonenumbers`` turns three letters or more into the digits of a telephone's keypad and leaves out fewer: in a file, the note
``0664 1234567 Eva`` would become a stranger's number. Here letters count as digits only in a whole vanity number.

Sources: ITU-T E.161 (keypad), ITU-T E.123 (how numbers and extensions are written), RFC 3966 (``tel:``), the keypad numbers of the North
American Numbering Plan, ACMA's smartnumbers (Australia) and the Number Administration Deed (New Zealand).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from nightmail.row_checks.countries import folded

_LABELS = frozenset(
    [
        "tel",
        "telf",
        "tlf",
        "tlfn",
        "tln",
        "tfno",
        "tfn",
        "telefon",
        "telefono",
        "telefone",
        "telefoon",
        "telephone",
        "telefoni",
        "telefonszam",
        "telefonnummer",
        "telnr",
        "telno",
        "phone",
        "ph",
        "fon",
        "mobile",
        "mobil",
        "mob",
        "mobiel",
        "mobilni",
        "mobilnummer",
        "mobilnr",
        "mobiltelefon",
        "mobiltelefonnummer",
        "movil",
        "cell",
        "cellphone",
        "cel",
        "celular",
        "cellulare",
        "portable",
        "port",
        "gsm",
        "handy",
        "handynr",
        "handynummer",
        "natel",
        "puhelin",
        "puh",
        "kannykka",
        "matkapuhelin",
        "kom",
        "komorka",
        "komorkowy",
        "contact",
        "kontakt",
        "nr",
        "no",
        "num",
        "number",
        "nummer",
        "numero",
        "call",
        "sms",
        "whatsapp",
        "wa",
        "signal",
        "telegram",
        "viber",
        "home",
        "work",
        "office",
        "private",
        "privat",
        "priv",
        "prive",
        "privado",
        "privato",
        "business",
        "buro",
        "buero",
        "geschaftlich",
        "geschaeftlich",
        "gesch",
        "dienstlich",
        "dienst",
        "main",
        "direct",
        "direkt",
        "casa",
        "trabajo",
        "ufficio",
        "lavoro",
        "domicile",
        "travail",
        "bureau",
        "callto",
        "smsto",
        "τηλ",
        "τηλεφωνο",
        "κιν",
        "κινητο",
        "тел",
        "телефон",
        "моб",
        "мобильныи",
        "電話",
        "電話番号",
        "携帯",
        "携帯電話",
        "手機",
        "手机",
        "行動電話",
        "手提電話",
        "טל",
        "טלפון",
        "נייד",
        "هاتف",
        "جوال",
        "موبايل",
        "محمول",
        "تليفون",
    ]
)
"""Words that say what a number is, in the languages of the served countries, as :func:`folded` folds them."""
_LETTERS_AS_LABELS = frozenset("tmphwc")
"""Single letters that stand for such words (``M +43 664 ...``, ``07400 123456 (h)``). No letter that looks like a digit is among them."""
_EXTENSIONS_OF_THE_LIBRARY = frozenset(
    {"ext", "xt", "extn", "xtn", "extension", "xtension", "extensión", "x", "int", "доб", "anexo"}
)
_OTHER_EXTENSIONS = frozenset(
    [
        "dw",
        "durchwahl",
        "dwahl",
        "nebenstelle",
        "nst",
        "apparat",
        "app",
        "kl",
        "klappe",
        "poste",
        "interno",
        "ramal",
        "toestel",
        "tst",
        "wew",
        "wewn",
        "wewnetrzny",
        "anknytning",
        "ankn",
        "linja",
        "alanumero",
        "lokal",
        "lokalnr",
        "linka",
        "klapka",
        "mellek",
        "εσωτ",
        "εσωτερικο",
        "内線",
        "分機",
        "שלוחה",
    ]
)
"""Words before an extension that ``phonenumbers`` does not know, folded."""

_WORD = re.compile(r"[^\W\d_]+(?:[.'’][^\W\d_]+)*", re.UNICODE)
_FIRST_OF_A_NUMBER = re.compile(r"[(（]?[+＋\d]")
_LAST_DIGIT = re.compile(r"\d(?=\D*$)")
_TEL_ADDRESS = re.compile(r"^tel:[+\d().\s-]+(?:;(?:ext|isub|phone-context)=[\w.+-]+)*$", re.IGNORECASE)
_NUMBERED_LABEL = re.compile(r"^\d[\s:.)/-]+\(?[+0]")
"""What follows a label and is its number, as in ``Handy 2 0664 1234567``."""
_NUMBER_IN_BRACKETS_BEHIND = re.compile(r"\d\D*[(（][^()（）]*\d[^()（）]*[)）]\W*$")
_NUMBER_IN_BRACKETS_IN_FRONT = re.compile(r"^\W*[(（][^()（）]*[)）]\W*$")
_SIGN_BETWEEN_DIGITS = re.compile(r"\d[^\d#]*[*•●…?_][^\d#]*\d")
"""A digit that is masked, as in ``0664 12*4567``."""


@dataclass(frozen=True, slots=True)
class WithoutWords:
    """A number without the words around it, for ``phonenumbers`` to read."""

    number: str
    extension: bool = False
    """Whether an extension was taken off that the library would not have recognised."""
    words: bool = False
    """Whether words behind the number were taken off."""
    vanity_of: int | None = None
    """The calling code of the countries in which the letters are digits, where ``number`` is a vanity number."""


def without_words(text: str) -> WithoutWords | None:
    """``text`` without labels and extensions; None where it has letters or signs that belong to no number."""
    if not any(map(str.isdigit, text)):
        return WithoutWords(text)
    if any(unicodedata.category(character) in ("No", "Nl") for character in text) or _SIGN_BETWEEN_DIGITS.search(text):
        return None
    if _NUMBER_IN_BRACKETS_BEHIND.search(text) and not _NUMBER_IN_BRACKETS_IN_FRONT.match(text):
        return None
    if not any(map(str.isalpha, text)) or _TEL_ADDRESS.match(text):
        return WithoutWords(text)
    vanity = _vanity_calling_code(text)
    if vanity is not None:
        return WithoutWords(text, vanity_of=vanity)
    start = _FIRST_OF_A_NUMBER.search(text)
    assert start is not None
    label, number = text[: start.start()], text[start.start() :]
    if not all(_is_label(word, alone=True) for word in _words(label)) or (
        label.strip() and _NUMBERED_LABEL.match(number)
    ):
        return None
    last = _LAST_DIGIT.search(number)
    assert last is not None
    number, behind = number[: last.end()], number[last.end() :]
    words = _words(behind)
    bracketed = behind.strip().startswith(("(", "（"))
    if not all(_is_label(word, alone=bracketed) or _is_extension(word) for word in words):
        return None
    between = _words(number)
    if not between:
        return WithoutWords(number, words=bool(words))
    if len(between) > 1 or words:
        return None
    word = between[0].casefold()
    if word in _EXTENSIONS_OF_THE_LIBRARY:
        return WithoutWords(number)
    if folded(word) in _OTHER_EXTENSIONS:
        return WithoutWords(number[: number.index(between[0])], extension=True)
    return None


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text))


def _is_label(word: str, *, alone: bool) -> bool:
    """Whether a word is a label; a single letter is one where it stands ``alone``: before the number, or in brackets."""
    name = folded(word).replace(" ", "")
    return name in _LABELS or (alone and name in _LETTERS_AS_LABELS)


def _is_extension(word: str) -> bool:
    return len(word) > 1 and (word.casefold() in _EXTENSIONS_OF_THE_LIBRARY or folded(word) in _OTHER_EXTENSIONS)


_VANITY = (
    # Any of the last seven places of a toll-free or premium number of North America.
    (1, re.compile(r"^(?:\+?1)?(?:8(?:00|22|33|44|55|66|77|88)|900)(?=.{7}$)[0-9A-Z]*$")),
    # All that follows the prefix of a service: Australia's 13, 1300 and 1800, New Zealand's 0800, 0508 and 0900.
    (61, re.compile(r"^(?:\+?61|0)?(?:1[38]00|13)[A-Z]+$")),
    (64, re.compile(r"^(?:\+?64|0)(?:800|508|900)[A-Z]+$")),
)
"""Calling codes of the countries that have vanity numbers, with their shapes in capitals without punctuation."""
_LEAST_VANITY_LETTERS = 3
_PUNCTUATION = str.maketrans("", "", " ().-\u00a0")


def _vanity_calling_code(text: str) -> int | None:
    """The calling code of a whole vanity number such as ``1-800-FLOWERS``, None for any other text.

    Its letters stand in the places of digits of a special service's number, which is nobody's own.
    """
    plain = text.translate(_PUNCTUATION).upper()
    if sum(map(str.isalpha, plain)) < _LEAST_VANITY_LETTERS:
        return None
    return next((code for code, shape in _VANITY if shape.match(plain)), None)
