"""A feed's contract: what its files must be, as YAML that people write, review and keep under version control.

The contract is the file's part of :class:`nightmail.organisation.feeds.FeedSettings` and has its form: mapping, required columns,
types and allowed values of placeholders, volume, limit of rejects, what makes a row unique. :func:`draft_contract` proposes
one from a sample file, with a sentence on each thing that it took from the sample; a person then corrects it.

>>> print(contract_yaml(draft_contract(Path("due.csv"))))  # doctest: +SKIP
# Contract of a feed, drafted from due.csv (1,000 rows). Correct it, then use it: nightmail check FILE --feed-settings THIS
version: 1
required_columns:
- phone
- amount
...
"""

from __future__ import annotations

import datetime as dt
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from nightmail.contact_files.column_names import column_key
from nightmail.contact_files.failures import file_error
from nightmail.contact_files.reading import read_contact_file
from nightmail.contact_files.summary import ContactFileSummary, ReadOptions
from nightmail.errors import NightmailError
from nightmail.lake import TableFile
from nightmail.lake.schemas import STANDARD_FIELDS
from nightmail.organisation.feed_choices import ValueType
from nightmail.organisation.feeds import FeedSettings, PlaceholderSettings, VolumeRules, feed_settings
from nightmail.row_checks.date_orders import DAY_FIRST, MONTH_FIRST, DateConvention
from nightmail.row_checks.dates import DateColumn
from nightmail.row_checks.money import NumberConvention, judge_numbers

_ROWS_LOOKED_AT = 250_000
_LENGTHS = (10, 20, 40, 60, 80, 120, 200, 400, 1000, 4000)
_MONEY = re.compile(
    r"amount|price|total|balance|fee|cost|sum$|due$|betrag|preis|saldo|gebuhr|kosten|montant|prix|solde|frais|importe|precio|"
    r"saldo|coste",
)
_IDENTIFIER = re.compile(
    r"(^|_)(id|no|nr|num|number|code|ref|reference|zip|plz|postcode|nummer|numero|codigo|pin|otp)$"
)
_SMALL_SETS = 10


@dataclass(frozen=True)
class ContractDraft:
    """A proposed contract, and why each part of it was proposed."""

    settings: FeedSettings
    source: str
    rows: int
    notes: tuple[str, ...] = field(default_factory=tuple)


def load_contract(path: Path) -> FeedSettings:
    """The contract in a YAML file. Raises ContactFileError (``contract_malformed``), which names what is wrong."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise file_error("contract_malformed", detail=" ".join(str(error).split())) from error
    if values is not None and not isinstance(values, dict):
        raise file_error("contract_malformed", detail="it is not a mapping of settings")
    try:
        return feed_settings(values, path.name)
    except NightmailError as error:
        raise file_error("contract_malformed", detail=error.message) from error


def draft_contract(sample: Path, base: FeedSettings | None = None) -> ContractDraft:
    """A contract that ``sample`` keeps; what ``base`` states already stays. Raises ContactFileError for a bad file."""
    stated = base or FeedSettings()
    with tempfile.TemporaryDirectory(prefix="nightmail-") as folder:
        table_file, rejects = TableFile(f"{folder}/rows.parquet"), TableFile(f"{folder}/rejects.parquet")
        summary = read_contact_file(
            sample,
            table_file,
            ReadOptions(
                rejects=rejects,
                mapping=stated.mapping,
                encoding=stated.encoding,
                delimiter=stated.delimiter,
                sheet=stated.sheet,
            ),
        )
        table = next(table_file.blocks(rows=_ROWS_LOOKED_AT))
    proposed: dict[str, Any] = {"version": stated.version}
    notes: list[str] = []
    _propose_reading(summary, proposed, notes)
    required: list[str] = []
    placeholders: dict[str, PlaceholderSettings] = {}
    for name in summary.columns:
        column = table[name].combine_chunks()
        filled = len(column) - column.null_count
        if not filled:
            notes.append(f"{name} is empty in every row of the sample")
            continue
        always = column.null_count == 0
        if name in STANDARD_FIELDS:
            if always:
                required.append(name)
            continue
        required.append(name)
        placeholders[name], note = _placeholder(name, column.drop_null(), always)
        if note:
            notes.append(note)
    proposed["required_columns"] = required
    proposed["placeholders"] = {name: rule.model_dump(exclude_none=True) for name, rule in placeholders.items()}
    proposed["volume"] = VolumeRules(at_least=max(1, summary.rows // 10), at_most=summary.rows * 10).model_dump()
    notes.append(f"volume allows a tenth to ten times the {summary.rows:,} rows of the sample")
    proposed["reject_limit"] = 0.05
    notes.append("reject_limit stops a file of which more than 5 % of the rows are rejected")
    unique, note = _unique_by(table)
    proposed["unique_by"] = unique
    notes.append(note)
    settings = feed_settings({**proposed, **stated.stored()}, sample.name)
    return ContractDraft(settings, sample.name, summary.rows, tuple(notes))


def contract_yaml(draft: ContractDraft) -> str:
    """A draft as YAML with its notes as comments; :func:`load_contract` reads it."""
    values = draft.settings.stored()
    values = {"version": draft.settings.version, **{name: value for name, value in values.items() if name != "version"}}
    head = [
        f"# Contract of a feed, drafted from {draft.source} ({draft.rows:,} rows). Correct it, then use it:",
        "#   nightmail check FILE --template TEMPLATE --feed-settings THIS_FILE",
        *(f"# - {note}" for note in draft.notes),
    ]
    return "\n".join(head) + "\n" + yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)


def _propose_reading(summary: ContactFileSummary, proposed: dict[str, Any], notes: list[str]) -> None:
    mapping = {
        written: target
        for written, target in summary.mapping.items()
        if target in STANDARD_FIELDS and column_key(written) != column_key(target)
    }
    if mapping:
        proposed["mapping"] = mapping
        notes.append("mapping states which columns were taken as standard fields")
    if summary.encoding is not None and summary.encoding_certainty != "certain":
        proposed["encoding"] = summary.encoding
        notes.append(f"encoding is {summary.encoding_certainty}, not certain: {summary.encoding_evidence}")
    if summary.sheet is not None:
        proposed["sheet"] = summary.sheet


def _placeholder(name: str, values: pa.Array, always: bool) -> tuple[PlaceholderSettings, str | None]:
    """What a column's values show, as demands on it; ``values`` has no nulls and is not empty."""
    stated: dict[str, Any] = {"required": always}
    identifier = bool(_IDENTIFIER.search(name)) or _padded(values)
    if not identifier:
        dates = _as_dates(values)
        if dates is not None:
            return PlaceholderSettings(type=ValueType.DATE, **stated, **dates), None
        numbers = _as_numbers(values)
        if numbers is not None:
            currency, mark = numbers
            kind = ValueType.MONEY if currency or _MONEY.search(name) else ValueType.NUMBER
            return PlaceholderSettings(type=kind, **stated, **mark), None
    distinct = pc.unique(values)
    if 1 < len(distinct) <= _SMALL_SETS and len(values) >= 5 * len(distinct) and len(values) >= 30:
        allowed = tuple(sorted(distinct.to_pylist()))
        note = f"{name} has {len(allowed)} different values in the sample; remove allowed_values if others may come"
        return PlaceholderSettings(type=ValueType.TEXT, allowed_values=allowed, **stated), note
    longest = int(pc.max(pc.utf8_length(values)).as_py())
    length = next((limit for limit in _LENGTHS if limit >= 2 * longest), None)
    return PlaceholderSettings(type=ValueType.TEXT, max_length=length, **stated), None


def _padded(values: pa.Array) -> bool:
    """Whether digits with leading zeros show that a column holds codes rather than numbers."""
    return bool(pc.any(pc.match_substring_regex(values, r"^0\d+$")).as_py())


def _as_dates(values: pa.Array) -> dict[str, Any] | None:
    if bool(pc.any(pc.match_substring_regex(values, r"^\d+$")).as_py()):
        return None
    convention = DateConvention()
    convention.look_at(values)
    verdicts = DateColumn(convention, dt.datetime.now(dt.UTC).date()).judge(values)
    if verdicts.invalid.any():
        return None
    order = convention.order
    return {"date_order": order} if order in (DAY_FIRST, MONTH_FIRST) else {}


def _as_numbers(values: pa.Array) -> tuple[bool, dict[str, Any]] | None:
    convention = NumberConvention()
    convention.look_at(values)
    verdicts = judge_numbers(values, convention)
    if verdicts.invalid.any() or convention.mixed:
        return None
    mark = convention.mark
    return convention.currency_seen, {"decimal_mark": mark} if mark == "," else {}


def _unique_by(table: pa.Table) -> tuple[tuple[str, ...], str]:
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
