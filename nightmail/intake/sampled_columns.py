"""What the values of a sample's columns show: types, lengths, sets of few values, and columns that tell the rows apart.

A set of few values is proposed as the allowed ones only where a column is called as such sets are (a status, a tariff):
names and other data of people are never made a list of.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake.schemas import STANDARD_FIELDS
from nightmail.organisation.feed_choices import ValueType
from nightmail.organisation.feeds import FeedSettings, PlaceholderSettings
from nightmail.row_checks.date_orders import DAY_FIRST, MONTH_FIRST, DateConvention
from nightmail.row_checks.dates import DateColumn
from nightmail.row_checks.money import NumberConvention, judge_numbers

_LENGTHS = (10, 20, 40, 60, 80, 120, 200, 400, 1000, 4000)
_MONEY = re.compile(
    r"amount|price|total|balance|fee|cost|sum$|due$|betrag|preis|saldo|gebuhr|kosten|montant|prix|solde|frais|importe|precio|"
    r"saldo|coste",
)
_IDENTIFIER = re.compile(
    r"(^|_)(id|no|nr|num|number|code|ref|reference|zip|plz|postcode|nummer|numero|codigo|pin|otp)$"
)
_SMALL_SETS = 10
_LEAST_VALUES, _LEAST_PER_VALUE = 30, 5
"""Values of a column, and of them for each different one, before it shows a set."""
_OF_A_SET = re.compile(
    r"(^|_)(status|state|stage|phase|kind|type|category|class|level|tier|plan|tariff|product|channel|segment|priority|"
    r"salutation|gender|currency|unit|flag|art|typ|zustand|stufe|klasse|kategorie|tarif|produkt|kanal|anrede|geschlecht|"
    r"statut|etat|niveau|classe|categorie|produit|civilite|devise|estado|nivel|clase|categoria|tarifa|producto|canal|moneda)$"
)
"""How columns are called that hold one of few words."""
_OF_PEOPLE = re.compile(
    r"name|nom|apellido|prenom|surname|street|strasse|address|adresse|direccion|city|ort$|ville|ciudad|company|firma|contact|"
    r"kontakt|person|owner|agent|manager|user|kunde|client|cliente|mail|phone|telefon|tel$|iban|konto|account|birth|geburt|"
    r"note|comment|remark|bemerkung|hinweis"
)
_PERSONAL_VALUE = (
    r"@|\d{5}|\d[ -]\d{3}|^[A-Z]{2}\d{2}[A-Z0-9 ]{8}|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}|\p{Lu}\p{Ll}+[ ,]+\p{Lu}"
)
"""An address, a number, a date, or two words with capitals, as somebody's names."""
_YES_OR_NO = frozenset(("yes", "no", "true", "false", "y", "n", "ja", "nein", "j", "oui", "non", "si", "sí", "0", "1"))


def demands_of(name: str, values: pa.Array, always: bool) -> tuple[PlaceholderSettings, str | None]:
    """What a column's values show, as demands on it; ``values`` has no nulls and is not empty."""
    stated: dict[str, Any] = {"required": always}
    identifier = bool(_IDENTIFIER.search(name)) or _padded(values)
    if not identifier:
        dates = dates_of(values)
        if dates is not None:
            return PlaceholderSettings(type=ValueType.DATE, **stated, **dates), None
        numbers = numbers_of(values)
        if numbers is not None:
            currency, mark = numbers
            kind = ValueType.MONEY if currency or _MONEY.search(name) else ValueType.NUMBER
            return PlaceholderSettings(type=kind, **stated, **mark), None
    text, note = text_demands(name, values)
    return PlaceholderSettings(type=ValueType.TEXT, **stated, **text), note


def text_demands(name: str, values: pa.Array) -> tuple[dict[str, Any], str | None]:
    """What a column of texts shows: its few values, or how long they may be; and a sentence on it."""
    distinct = pc.unique(values)
    few = 1 < len(distinct) <= _SMALL_SETS and len(values) >= max(_LEAST_PER_VALUE * len(distinct), _LEAST_VALUES)
    if few and is_of_a_set(name, distinct):
        allowed = tuple(sorted(distinct.to_pylist()))
        return {"allowed_values": allowed}, (
            f"{name} has {len(allowed)} different values in the sample; remove allowed_values if others may come"
        )
    note = f"{name} has {len(distinct)} different values in the sample; state allowed_values if no others may come"
    longest = int(pc.max(pc.utf8_length(values)).as_py())
    length = next((limit for limit in _LENGTHS if limit >= 2 * longest), None)
    return {"max_length": length}, note if few else None


def is_of_a_set(name: str, distinct: pa.Array) -> bool:
    """Whether a column's few values are words of a set, such as a status, and surely no data of people."""
    if _OF_PEOPLE.search(name) or pc.any(pc.match_substring_regex(distinct, _PERSONAL_VALUE)).as_py():
        return False
    return bool(_OF_A_SET.search(name)) or {value.casefold() for value in distinct.to_pylist()} <= _YES_OR_NO


def _padded(values: pa.Array) -> bool:
    """Whether digits with leading zeros show that a column holds codes rather than numbers."""
    return bool(pc.any(pc.match_substring_regex(values, r"^0\d+$")).as_py())


def dates_of(values: pa.Array, *, digits_alone: bool = False) -> dict[str, Any] | None:
    """What dates show of their order; None where not every value is a date.

    Digits alone (``20261123``) are dates only where ``digits_alone`` says that such are meant.
    """
    if not digits_alone and bool(pc.any(pc.match_substring_regex(values, r"^\d+$")).as_py()):
        return None
    convention = DateConvention()
    convention.look_at(values)
    verdicts = DateColumn(convention, dt.datetime.now(dt.UTC).date()).judge(values)
    if verdicts.invalid.any():
        return None
    order = convention.order
    return {"date_order": order} if order in (DAY_FIRST, MONTH_FIRST) else {}


def numbers_of(values: pa.Array) -> tuple[bool, dict[str, Any]] | None:
    """Whether numbers have a currency, and what they show of their decimal mark; None where not every value is a number."""
    convention = NumberConvention()
    convention.look_at(values)
    verdicts = judge_numbers(values, convention)
    if verdicts.invalid.any() or convention.mixed:
        return None
    mark = convention.mark
    return convention.currency_seen, {"decimal_mark": mark} if mark == "," else {}


def key_of(table: pa.Table) -> tuple[tuple[str, ...], str]:
    """The columns that tell the rows of the sample apart, and a sentence on it."""
    names = [name for name in table.column_names if name != "line"]
    if "external_id" not in names or table["external_id"].null_count:
        return FeedSettings().unique_by, "unique_by is the usual one; the sample has no external_id in every row"
    repeated = table.num_rows - len(pc.unique(table["external_id"]))
    if repeated <= 0.1 * table.num_rows:
        return ("external_id",), f"unique_by is external_id; {repeated:,} rows of the sample repeat one"
    for name in names:
        column = table[name]
        if name in STANDARD_FIELDS or column.null_count or not _IDENTIFIER.search(name):
            continue
        pairs = pc.binary_join_element_wise(table["external_id"], column, "\x1f")
        if table.num_rows - len(pc.unique(pairs)) <= 0.02 * table.num_rows:
            return ("external_id", name), f"unique_by is external_id with {name}: together they tell the rows apart"
    return ("external_id",), f"unique_by is external_id, though {repeated:,} rows of the sample repeat one: check this"
