"""The fields of a contact as people and programs state them, brought into the form that contact files get: by the same checks."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from nightmail.channels import EMAIL_FIELD
from nightmail.errors import NightmailError, UsageError
from nightmail.organisation.feed_choices import ValueType
from nightmail.row_checks.countries import country_code
from nightmail.row_checks.emails import judge_email
from nightmail.row_checks.languages import language_tag
from nightmail.row_checks.time_zones import time_zone_name

LONGEST = 200
LONGEST_VALUE = 1_000
OLDEST = dt.date(1890, 1, 1)
PLAIN = ("external_id", "name")
ADDRESSES = ("phone", "phone_2", "landline", "email")
"""The addresses that campaigns take, which stand in the contact's row."""
KINDS: Mapping[str, tuple[str, ...]] = {"phone": ("phone", "phone_2"), "landline": ("landline",), "email": ("email",)}
"""The fields of each kind of address, in the order in which they are tried; further ones come after them."""
FIELDS = (*PLAIN, *ADDRESSES, "language", "time_zone", "country", "birth_date")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")


@dataclass(frozen=True)
class Attribute:
    """A value that a team keeps of its contacts."""

    name: str
    type: str
    label: str = ""


@dataclass
class Judged:
    """What was stated: ``values`` as they are kept, and what is wrong, by field."""

    values: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    problems: dict[str, NightmailError] = field(default_factory=dict)

    def raise_first(self) -> None:
        """Raise the first of the problems."""
        for problem in self.problems.values():
            raise problem


def judge_fields(
    stated: Mapping[str, Any],
    *,
    attributes: Mapping[str, Any] | None = None,
    known: Mapping[str, Attribute] | None = None,
    country: str | None,
) -> Judged:
    """The fields of :data:`FIELDS` and the attributes that were stated; an empty value takes a field's away."""
    judged = Judged()
    # A number is read by the country that is stated with it.
    of_row = country_code(str(stated.get("country") or "").strip()) or country
    for name, value in stated.items():
        try:
            judged.values[name] = _value(name, value, of_row)
        except NightmailError as error:
            judged.problems[name] = error
    for name, value in (attributes or {}).items():
        found = (known or {}).get(name)
        try:
            judged.attributes[name] = attribute_value(found, name, value)
        except NightmailError as error:
            judged.problems[f"attribute.{name}"] = error
    return judged


def read_contact_address(kind: str, written: str, country: str | None) -> str:
    """An address of a kind, normalised. Raises :class:`UsageError` with the reason that a row of a file would have."""
    # Numbering plans are large: they are read when the first number is.
    from nightmail.row_checks.phones import judge_phone

    if kind not in KINDS:
        raise invalid("kind", f"it is one of {', '.join(KINDS)}")
    if kind == EMAIL_FIELD:
        address = judge_email(written)
        if address is None:
            raise UsageError("email_invalid", value=written[:60])
        return address
    verdict = judge_phone(written, country)
    if verdict.number is None:
        raise UsageError(verdict.reason or "phone_invalid", value=written[:60])
    return verdict.number


def attribute_value(found: Attribute | None, name: str, value: Any) -> Any:
    """The value of an attribute as it is kept: a text, a number, an ISO date or a yes or no. Raises :class:`UsageError`."""
    if found is None:
        raise invalid(name, "the team has no attribute of this name")
    text = "" if value is None else str(value).strip()
    if text == "":
        return None
    if len(text) > LONGEST_VALUE:
        raise invalid(name, f"it has more than {LONGEST_VALUE} characters")
    if found.type in (ValueType.NUMBER, ValueType.MONEY):
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise invalid(name, "it is no number; write it as 1234.5") from None
        if not number.is_finite() or abs(number) > Decimal(10) ** 30:
            raise invalid(name, "it is no number that can be kept")
        return int(number) if number == number.to_integral_value() else float(number)
    if found.type == ValueType.DATE:
        return _day(name, text).isoformat()
    if found.type == "boolean":
        if text.casefold() not in ("true", "false", "yes", "no", "1", "0"):
            raise invalid(name, "it is yes or no")
        return text.casefold() in ("true", "yes", "1")
    return text


def attribute_name(name: str) -> str:
    """A name for an attribute, which is a column of files and a placeholder of templates. Raises :class:`UsageError`."""
    if not _NAME.fullmatch(name):
        raise invalid("name", "letters, digits and _ make a name, 60 at the most, and the first is no digit")
    if name in (*FIELDS, "tags", "further_phones", "further_landlines", "further_emails"):
        raise invalid("name", "a standard field has this name")
    return name


def plain_text(name: str, value: str, most: int = LONGEST, *, lines: bool = False) -> str:
    """A text without space around it and without signs that nobody sees. Raises :class:`UsageError` (``contact_field_invalid``)."""
    text = unicodedata.normalize("NFC", value).strip()
    if len(text) > most:
        raise invalid(name, f"it has more than {most} characters")
    allowed = "\n\t" if lines else ""
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") and sign not in allowed for sign in text):
        raise invalid(name, "it has a character that nobody sees")
    return text


def invalid(name: str, problem: str) -> UsageError:
    """The error of one field."""
    return UsageError("contact_field_invalid", field=name, problem=problem, facts={"field": name})


def _value(name: str, value: Any, country: str | None) -> Any:
    if name not in FIELDS:
        raise invalid(name, "there is no such field")
    if isinstance(value, dt.date):
        value = value.isoformat()
    text = plain_text(name, "" if value is None else str(value), 320 if name in ADDRESSES else LONGEST)
    if not text:
        return None
    if name in ADDRESSES:
        return read_contact_address(name.removesuffix("_2"), text, country)
    found: str | None = text
    if name == "country":
        found = country_code(text)
    elif name == "language":
        found = language_tag(text)
    elif name == "time_zone":
        found = time_zone_name(text)
    elif name == "birth_date":
        return _born(text)
    if found is None:
        raise UsageError(f"{name}_unknown", value=text[:60])
    return found


def _born(text: str) -> dt.date:
    day = _day("birth_date", text)
    if not OLDEST <= day <= dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1):
        raise invalid("birth_date", "nobody who is written to was born on that day")
    return day


def _day(name: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise invalid(name, "it is no day; write it as 2026-12-31") from None
