"""What the columns of a contact file are: which field each header means, and the names of the others.

Case, spaces, ``_``, ``-``, no-break spaces, accents and anything in brackets do not matter. Standard fields are known
by their names and by synonyms in English, French, German and Spanish; a feed's own mapping wins; every other column is
a placeholder's values.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nightmail.contact_files.failures import file_error, file_warning
from nightmail.contact_files.summary import OWN_COLUMNS, ROW_COLUMN, FileWarning
from nightmail.errors import ContactFileError
from nightmail.lake.schemas import CONTACTS, STANDARD_FIELDS
from nightmail.privacy import mask

_SYNONYMS: dict[str, str] = {
    "external_id": """
        external id, external identifier, external reference, external ref, external key, ext id, ext ref,
        customer id, customer identifier, customer number, customer no, customer nr, customer num, customer ref,
        customer reference, customer code, customer key, cust id, cust no, client id, client number, client no,
        client ref, client code, contact id, contact key, member id, member number, member no, membership number,
        id client, identifiant client, identifiant externe, id externe, numero client, numero de client, n client,
        no client, num client, code client, reference client, ref client,
        kundennummer, kundennr, kunden nr, kunden id, kundenid, kd nr, kdnr, externe id, externe kennung,
        externe nummer, mitgliedsnummer, mitglieds nr, kundenkennung,
        id cliente, id de cliente, id del cliente, numero de cliente, numero cliente, num cliente, n cliente,
        no cliente, codigo cliente, codigo de cliente, codigo del cliente, identificador de cliente,
        identificador externo, id externo, referencia cliente, numero de socio""",
    "phone": """
        phone, phone number, phone no, phone nr, phone num, phone 1, phone number 1, phone mobile, mobile phone 1,
        primary phone, main phone, telephone, telephone number, telephone no, telephone 1, telephone mobile,
        tel, tel no, tel nr, tel number, tel 1, tel mobile, mobile, mobile number, mobile no, mobile phone, mobile 1,
        mobile phone number, mobile telephone, mobile tel, mobile num, cell, cell no, cell number, cell phone, cellular,
        cell phone number, cell phone no, mobile phone no, cellular phone, cellular number, msisdn, gsm, gsm number, sms, sms number, sms phone,
        contact number, contact phone, contact phone number, customer phone, customer phone number, phone cell,
        numero de telephone, numero telephone, n de telephone, n telephone, no de telephone, no telephone, num tel,
        num telephone, n tel, portable, telephone portable, tel portable, numero de portable, numero portable,
        n de tel, no de tel, no portable, numero de telephone portable, numero de telephone mobile, telephone principal,
        n portable, n de portable, num portable, numero de mobile, numero mobile, n mobile, numero de gsm,
        telefon, telefonnummer, telefonnr, telefon nr, telefon 1, tel nummer, handy, handynummer, handynr, handy nr,
        mobil, mobiltelefon, mobilnummer, mobil nr, mobiltel, mobilfunk, mobilfunknummer, mobiltelefonnummer,
        telefonnummer mobil, handy 1, mobil 1, haupttelefon,
        telefon mobil, tel mobil, rufnummer, mobilrufnummer, natel, natelnummer, recipient number, destination number,
        telefono, telefono 1, numero de telefono, numero telefono, num telefono, n telefono, n de telefono,
        no de telefono, tfno, tlf, tlfno, tel movil, movil, telefono movil, numero de movil, numero movil, n movil,
        no movil, num movil, movil 1, telefono principal, celular, numero de celular, numero celular, telefono celular, tel celular""",
    "phone_2": """
        phone 2, phone number 2, second phone, secondary phone, second phone number, secondary phone number,
        alternative phone, alternate phone, alt phone, alternative number, other phone, additional phone, backup phone,
        telephone 2, tel 2, mobile 2, mobile phone 2, mobile number 2, cell 2, cell phone 2, second mobile,
        numero de telephone 2, deuxieme telephone, second telephone, autre telephone, portable 2, autre numero,
        telefon 2, telefonnummer 2, zweite telefonnummer, zweites telefon, zweitnummer, weitere telefonnummer,
        alternative telefonnummer, handy 2, handynummer 2, mobil 2,
        telefono 2, numero de telefono 2, segundo telefono, otro telefono, telefono alternativo, movil 2, celular 2,
        telefono secundario, telephone secondaire""",
    "landline": """
        landline, land line, landline number, landline phone, land line number, fixed line, fixed phone, fixed number,
        fixed line number, home phone, home phone number, home telephone, home tel, house phone, phone home,
        phone landline, telephone landline,
        fixe, telephone fixe, tel fixe, ligne fixe, numero fixe, numero de fixe, telephone domicile, tel domicile,
        festnetz, festnetznummer, festnetznr, festnetz nr, telefon festnetz, tel festnetz, festnetztelefon,
        telefon privat, tel privat, privattelefon, telefonnummer festnetz, festnetzanschluss,
        fijo, telefono fijo, tel fijo, numero fijo, linea fija, telefono de casa, telefono particular""",
    "email": """
        email, e mail, mail, email address, e mail address, mail address, email id, email 1, email addr, emailaddr,
        email address 1, e mail address 1, primary email, contact email, customer email, electronic mail, email adress,
        courriel, mel, adresse email, adresse e mail, adresse mail, adresse courriel, adresse electronique,
        adresse de courriel, adresse de messagerie, courrier electronique,
        email adresse, e mail adresse, e mail adr, mailadresse, mail adresse, elektronische adresse,
        correo, correo electronico, correo e, e correo, direccion de correo, direccion de correo electronico,
        direccion correo, direccion email, direccion de email, email cliente, correo 1""",
    "country": """
        country, country code, countrycode, country iso, country iso code, iso country, iso country code, country name,
        country region, country of residence, residence country, iso2, iso 3166, country iso2,
        pays, code pays, nom du pays, pays de residence, pays iso,
        nation, land, landercode, laendercode, landeskennung, landerkennung, laenderkennung, landerkennzeichen, laenderkennzeichen, landerkurzel,
        laenderkuerzel, landeskennzeichen, landeskurzel, land iso, wohnsitzland,
        pais, codigo pais, codigo de pais, codigo del pais, pais de residencia, nombre del pais""",
    "language": """
        language, lang, language code, lang code, locale, preferred language, preferred lang, language preference,
        contact language, correspondence language, customer language,
        langue, code langue, langue preferee, langue de correspondance, langue de contact, langue du client,
        sprache, sprachcode, sprachkennung, sprachkennzeichen, sprachkurzel, sprachkuerzel, bevorzugte sprache,
        korrespondenzsprache, kundensprache, wunschsprache,
        idioma, lengua, codigo de idioma, codigo idioma, idioma preferido, idioma de contacto""",
    "time_zone": """
        time zone, timezone, tz, tzid, tz name, time zone name, timezone name, time zone id, iana time zone, tz database,
        fuseau horaire, fuseau, zone horaire, zeitzone, zeit zone, zona horaria, huso horario, huso""",
    "birth_date": """
        birth date, birthdate, date of birth, dob, birthday, birth day, born, born on, date birth, customer dob,
        date de naissance, date naissance, date de naiss, date naiss, naissance, ne le, nee le, nele, ddn, jour de naissance,
        geburtsdatum, geburtstag, geboren, geboren am, geb datum, gebdatum, geb dat, geb,
        fecha de nacimiento, fecha nacimiento, nacimiento, f nacimiento, fec nacimiento, fecha nac, f nac, cumpleanos""",
}

_WEAK_SYNONYMS: dict[str, str] = {
    "external_id": """
        id, uid, uuid, guid, identifier, key, user id, userid, subscriber id, person id, patient id, student id,
        employee id, recipient id, recipient key, account id, crm id, record id,
        identifiant, matricule, kennung, kunde, personalnummer, identificador, usuario id, id usuario""",
}
"""Names that mean the field only when no other column does."""

_RESERVED = frozenset(CONTACTS.names) - frozenset(STANDARD_FIELDS)
_BRACKETS = re.compile(r"\s*[\(\[\{][^\)\]\}]*[\)\]\}]\s*")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ZERO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


def column_key(header: str) -> str:
    """What is left of a header when case, accents and everything but letters and digits are ignored.

    >>> column_key("  N° de Téléphone "), column_key("First-Name") == column_key("firstName")
    ('ndetelephone', True)
    """
    plain = unicodedata.normalize("NFKD", header)
    return "".join(letter for letter in plain.casefold() if letter.isalnum())


def placeholder_name(header: str) -> str:
    """The name of a placeholder's column: ``Invoice No`` is ``invoice_no``, ``dueDate`` is ``due_date``.

    Empty when the header holds no letter or digit.
    """
    plain = unicodedata.normalize("NFKD", header.translate(_ZERO_WIDTH))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = _CAMEL.sub("_", plain)
    name = "".join(letter if letter.isalnum() else "_" for letter in plain.casefold())
    name = re.sub("_+", "_", name).strip("_")
    name = "".join(letter for letter in name if letter == "_" or f"a{letter}".isidentifier())
    return f"_{name}" if name and not name.isidentifier() else name


def _table(entries: Mapping[str, str]) -> dict[str, str]:
    return {column_key(words): field for field, text in entries.items() for words in text.split(",")}


_FIELD_OF = _table(_SYNONYMS) | {column_key(field): field for field in STANDARD_FIELDS}
_WEAK_FIELD_OF = _table(_WEAK_SYNONYMS)
_OWN_KEYS = {column_key(name): name for name in (*OWN_COLUMNS, ROW_COLUMN)}


def standard_field(header: str) -> str | None:
    """The standard field that a header means by its name or a synonym, in any supported language."""
    found = _FIELD_OF.get(column_key(header))
    if found is None and _BRACKETS.search(header):
        found = _FIELD_OF.get(column_key(_BRACKETS.sub(" ", header)))
    return found


@dataclass(frozen=True)
class ColumnPlan:
    """What becomes of each column of the file."""

    header: tuple[str, ...]
    """As written, cleaned of spaces around; one per column of the file."""
    targets: tuple[str | None, ...]
    """The column of the table for each; None where it is dropped."""
    copies: Mapping[str, str]
    """Placeholders that the template uses whose values stand in a standard field's column: placeholder to field."""
    own_rejects: bool
    """Whether our own reject columns are among them."""
    warnings: tuple[FileWarning, ...]

    @property
    def mapping(self) -> dict[str, str]:
        """Header as written to column of the table, for the columns that are kept."""
        return {name: target for name, target in zip(self.header, self.targets, strict=True) if target is not None}

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of the table after ``line``."""
        return tuple(target for target in self.targets if target is not None) + tuple(self.copies)


def plan_columns(
    header: Sequence[str], mapping: Mapping[str, str] | None = None, known_placeholders: Iterable[str] = ()
) -> ColumnPlan:
    """Which column means what. Raises ContactFileError (``file_column_twice``) when two mean the same."""
    names = tuple(_clean(name) if is_name(name, mapping) else "" for name in header)
    keys = tuple(column_key(name) for name in names)
    own = tuple(_OWN_KEYS.get(key) for key in keys)
    stated = {column_key(name): target for name, target in (mapping or {}).items()}
    known = {column_key(name): name for name in known_placeholders if name not in STANDARD_FIELDS}
    targets: list[str | None] = [None] * len(names)
    settled = [bool(own[index]) or not names[index] for index in range(len(names))]
    holder: dict[str, int] = {}
    warnings: list[FileWarning] = []

    def take(index: int, target: str) -> None:
        first = holder.get(target)
        if first is not None:
            raise file_error("file_column_twice", first=names[first], second=names[index], field=target)
        holder[target] = index
        targets[index] = target
        settled[index] = True

    for index, key in enumerate(keys):
        if not settled[index] and names[index] and key in stated:
            target = stated[key]
            settled[index] = True
            if target:
                take(index, target if target in STANDARD_FIELDS else known.get(column_key(target), target))
    by_feed = frozenset(holder)
    overruled: list[int] = []
    for index, name in enumerate(names):
        field = None if settled[index] else standard_field(name)
        if field in by_feed:
            overruled.append(index)
        elif field is not None:
            take(index, field)
    for index, key in enumerate(keys):
        field = None if settled[index] or key in known else _WEAK_FIELD_OF.get(key)
        if field is not None and (field not in holder or keys[holder[field]] == key):
            take(index, field)
    exact = frozenset(keys)
    for index, key in enumerate(keys):
        if settled[index]:
            continue
        unit_aside = column_key(_BRACKETS.sub(" ", names[index]))
        meant = known.get(key) or (None if unit_aside in exact else known.get(unit_aside))
        target = meant or placeholder_name(names[index]) or f"column_{index + 1}"
        if index in overruled:
            target = known.get(key) or f"other_{target}"
        elif target in _RESERVED:
            warnings.append(file_warning("file_column_renamed", value=names[index], column=f"{target}_column"))
            target = f"{target}_column"
        take(index, target)
    copies = {
        known[keys[index]]: target
        for target, index in holder.items()
        if target in STANDARD_FIELDS and keys[index] in known and known[keys[index]] not in holder
    }
    return ColumnPlan(names, tuple(targets), copies, any(own), tuple(warnings))


def _clean(name: str) -> str:
    return " ".join(name.translate(_ZERO_WIDTH).replace("\x00", "").split())


_UNNAMED = re.compile(r"unnamed: ?\d+(_level_\d+)?(\.\d+)?", re.IGNORECASE)
"""What pandas calls a column that has no name in the spreadsheet."""


def is_name(cell: str, mapping: Mapping[str, str] | None = None) -> bool:
    """Whether a header's cell names its column: it is not empty, nor pandas' word for that, unless the feed maps it."""
    if _UNNAMED.fullmatch(cell.strip()):
        return column_key(cell) in map(column_key, mapping or {})
    return bool(cell.strip())


def columns_with_name(header: Sequence[str], mapping: Mapping[str, str] | None = None) -> int:
    """The columns up to the last one that has a name."""
    return max((place + 1 for place, cell in enumerate(header) if is_name(cell, mapping)), default=0)


_LONGEST_NAME = 200
"""Characters of a column's name; also keeps patterns away from texts that would take them long."""
_DIGITS = re.compile(r"[\s()+./\-]*(?:\d[\s()+./\-]*)+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_DATE = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([ T].*)?")
_HOLDS_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.\w|\+\d(?:[ ()./-]{0,2}\d){7}")
"""No column is called by somebody's address or number, whatever stands around it."""
_YEAR = re.compile(r"\d{1,4}")
"""A column may be named 2026 or 1, beside columns that are known."""
_NUMBER = re.compile(r"[-+]?[\d.,\s]*\d[\d.,\s]*[%€$£]?")


def looks_like_value(cell: str) -> bool:
    """Whether a cell is surely a value and no column's name: an address, a number, a date, a formula."""
    text = cell.strip()
    if len(text) > _LONGEST_NAME:
        return True
    return bool(text) and bool(
        _EMAIL.fullmatch(text)
        or _DATE.fullmatch(text)
        or _NUMBER.fullmatch(text)
        or (_DIGITS.fullmatch(text) and sum(map(str.isdigit, text)) >= 3)
        or text.startswith("=")
    )


def looks_like_address(cell: str) -> bool:
    """Whether a cell looks like an email address or a phone number."""
    text = cell.strip()
    if len(text) > _LONGEST_NAME:
        return False
    return bool(_EMAIL.fullmatch(text) or (_DIGITS.fullmatch(text) and sum(map(str.isdigit, text)) >= 7))


def header_score(cells: Sequence[str], mapping: Mapping[str, str] | None = None) -> int:
    """How surely a line is the header: 0 is no header, 1 is possible, more is the number of known columns plus one."""
    filled = [cell for cell in cells if cell.strip()]
    if any(len(cell) > _LONGEST_NAME or _HOLDS_ADDRESS.search(cell) for cell in filled):
        return 0
    stated = {column_key(name) for name in (mapping or {})}
    known = 0
    for cell in filled:
        key = column_key(cell)
        if standard_field(cell) or key in stated or key in _WEAK_FIELD_OF or key in _OWN_KEYS:
            known += 1
    values = [cell for cell in filled if looks_like_value(cell) and not (known and _YEAR.fullmatch(cell.strip()))]
    if not filled or any(map(looks_like_address, values)) or (values and known < 2):
        return 0
    return 1 + known


HEADER_WITHIN = 30
"""Lines, blank ones aside, among which the header is looked for."""


def header_among(rows: Sequence[Sequence[str]], mapping: Mapping[str, str] | None = None) -> tuple[int, int] | None:
    """The score and the place of the header among the first rows of a file; None when there is none.

    It is the first row, or the one with the most known columns that comes before any row of data.
    """
    best: tuple[int, int] | None = None
    for index, cells in enumerate(rows[:HEADER_WITHIN]):
        score = header_score(cells, mapping)
        if score > 1 and any(_is_data(earlier, len(cells)) for earlier in rows[:index]):
            break
        if score and (index == 0 or score > 1) and (best is None or score > best[0]):
            best = score, index
    return best


_NO_NAME = re.compile(r"@|(\d\D{0,2}){5}")


def no_known_column(header: Sequence[str]) -> ContactFileError:
    """The error of a header of which no column is known."""
    # Without a header these are a person's values: an address is shown as mask() shows it.
    shown = ", ".join(mask(name.strip()[:40]) if _NO_NAME.search(name) else name.strip()[:40] for name in header[:8])
    return file_error("file_no_known_column", columns=shown + (", ..." if len(header) > 8 else ""))


def _is_data(cells: Sequence[str], width: int) -> bool:
    """Whether a line before a header is a row already: then the file begins without one."""
    return len(cells) == width and any(looks_like_address(cell) for cell in cells)
