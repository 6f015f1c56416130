"""How columns are called: names compared without case, spaces and accents, and the synonyms of the standard fields.

Synonyms are in English, French, German and Spanish; a feed's own mapping wins over them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from nightmail.contact_files.summary import OWN_COLUMNS, ROW_COLUMN
from nightmail.lake.schemas import STANDARD_FIELDS

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

BRACKETS = re.compile(r"\s*[\(\[\{][^\)\]\}]*[\)\]\}]\s*")
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
WEAK_FIELD_OF = _table(_WEAK_SYNONYMS)
OWN_KEYS = {column_key(name): name for name in (*OWN_COLUMNS, ROW_COLUMN)}


def standard_field(header: str) -> str | None:
    """The standard field that a header means by its name or a synonym, in any supported language."""
    found = _FIELD_OF.get(column_key(header))
    if found is None and BRACKETS.search(header):
        found = _FIELD_OF.get(column_key(BRACKETS.sub(" ", header)))
    return found


def clean_name(name: str) -> str:
    """A column's name as written, without signs that nobody sees and with single spaces."""
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
