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

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import yaml

from nightmail.contact_files.column_names import column_key
from nightmail.contact_files.failures import file_error
from nightmail.contact_files.reading import read_contact_file
from nightmail.contact_files.summary import ContactFileSummary, ReadOptions
from nightmail.errors import NightmailError
from nightmail.intake.sampled_columns import dates_of, demands_of, key_of, numbers_of, text_demands
from nightmail.lake import TableFile
from nightmail.lake.schemas import STANDARD_FIELDS
from nightmail.organisation.feed_choices import ValueType
from nightmail.organisation.feeds import FeedSettings, PlaceholderSettings, VolumeRules, feed_settings
from nightmail.preparation.preparation_settings import Preparation
from nightmail.preparation.stage_tables import StageTables
from nightmail.preparation.stages import make_contacts

if TYPE_CHECKING:
    from nightmail.templates import Template

_ROWS_LOOKED_AT = 250_000
_REJECT_LIMIT = 0.05
_NO_KEY = b"nightmail feed draft"
"""Nothing that is hashed leaves the draft."""
_KINDS = {ValueType.DATE: "a date", ValueType.NUMBER: "a number", ValueType.MONEY: "an amount of money"}


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


def draft_contract(sample: Path, base: FeedSettings | None = None, template: Template | None = None) -> ContractDraft:
    """A contract that ``sample`` keeps; what ``base`` states already stays. Raises ContactFileError for a bad file.

    With a template the contract asks for what the template needs and nothing else, and leaves every type to the template:
    a type of the feed's own would change how a value is printed.
    """
    stated = base or FeedSettings()
    with tempfile.TemporaryDirectory(prefix="nightmail-") as folder:
        tables = StageTables.in_folder(folder)
        if template is None:
            options = ReadOptions(
                rejects=tables.file_rejects,
                mapping=stated.mapping,
                encoding=stated.encoding,
                delimiter=stated.delimiter,
                sheet=stated.sheet,
            )
        else:
            options = _preparation(template, stated).read_options(tables.file_rejects)
        summary = read_contact_file(sample, tables.contact_file, options)
        table = next(tables.contact_file.blocks(rows=_ROWS_LOOKED_AT))
        proposed: dict[str, Any] = {"version": stated.version}
        notes: list[str] = []
        _propose_reading(summary, proposed, notes)
        if template is None:
            _propose_columns(table, summary.columns, proposed, notes)
        else:
            _propose_needs(table, _preparation(template, stated), proposed, notes)
        proposed["volume"] = VolumeRules(at_least=max(1, summary.rows // 10), at_most=summary.rows * 10).model_dump()
        notes.append(f"volume allows a tenth to ten times the {summary.rows:,} rows of the sample")
        unique, note = key_of(table)
        proposed["unique_by"] = unique
        notes.append(note)
        settings = feed_settings({**proposed, **stated.stored()}, sample.name)
        share = summary.rows_rejected / summary.rows
        if template is not None:
            made = make_contacts(_preparation(template, settings), tables)
            share = made.rejects / made.rows
    limit = max(_REJECT_LIMIT, math.ceil(100 * share) / 100)
    notes.append(f"reject_limit stops a file of which more than {limit:.0%} of the rows are rejected")
    if limit > _REJECT_LIMIT:
        notes.append(f"{share:.1%} of the sample's rows are rejected: nightmail check says why")
    settings = feed_settings({**proposed, "reject_limit": limit, **stated.stored()}, sample.name)
    return ContractDraft(settings, sample.name, summary.rows, tuple(notes))


def _preparation(template: Template, feed: FeedSettings) -> Preparation:
    return Preparation(template=template, hash_key=_NO_KEY, feed=feed)


def _propose_columns(table: pa.Table, names: Sequence[str], proposed: dict[str, Any], notes: list[str]) -> None:
    """Demands on every column of the sample, for a template that is not known."""
    required: list[str] = []
    placeholders: dict[str, PlaceholderSettings] = {}
    for name in names:
        column = table[name].combine_chunks()
        if column.null_count == len(column):
            notes.append(f"{name} is empty in every row of the sample")
            continue
        always = column.null_count == 0
        if name in STANDARD_FIELDS:
            if always:
                required.append(name)
            continue
        required.append(name)
        placeholders[name], note = demands_of(name, column.drop_null(), always)
        if note:
            notes.append(note)
    if any(rule.type not in (None, ValueType.TEXT) for rule in placeholders.values()):
        notes.append("types are the sample's: with --template none is proposed that changes how a value is printed")
    proposed["required_columns"] = required
    proposed["placeholders"] = {name: rule.model_dump(exclude_none=True) for name, rule in placeholders.items()}


def _propose_needs(table: pa.Table, preparation: Preparation, proposed: dict[str, Any], notes: list[str]) -> None:
    """Demands on the columns that the template needs, by the template's own types."""
    needs = preparation.template.needs(preparation.channels)
    usable = preparation.contact_rules(TableFile("")).usable_fields
    there = [name for name in table.column_names if name != "line"]
    filled = [name for name in there if table[name].null_count == 0]
    placeholders: dict[str, PlaceholderSettings] = {}
    for name, placeholder in needs.items():
        if name in STANDARD_FIELDS:
            continue
        if name not in there:
            notes.append(
                f"the template uses {name}, which the sample has no column for: map one, or give it a fallback"
            )
            continue
        values = table[name].combine_chunks().drop_null()
        if not len(values):
            notes.append(f"{name} is empty in every row of the sample")
            continue
        demand, note = _typed_demands(name, ValueType(placeholder.type.value), placeholder.max_length, values)
        if demand.model_dump(exclude_defaults=True):
            placeholders[name] = demand
        if note:
            notes.append(note)
    wanted = {"external_id", *needs, *usable}
    proposed["required_columns"] = [name for name in filled if name in wanted]
    proposed["placeholders"] = {name: rule.model_dump(exclude_none=True) for name, rule in placeholders.items()}
    unused = [name for name in there if name not in needs and name not in STANDARD_FIELDS]
    if unused:
        notes.append(f"the template does not use {', '.join(unused)}: the contract asks nothing of them")


def _typed_demands(
    name: str, kind: ValueType, max_length: int | None, values: pa.Array
) -> tuple[PlaceholderSettings, str | None]:
    """What the values of a placeholder show beyond the template's type of it, and a sentence on it."""
    if kind is ValueType.TEXT:
        text, note = text_demands(name, values)
        if max_length is not None:
            text.pop("max_length", None)
        return PlaceholderSettings(**text), note
    found = dates_of(values, digits_alone=True) if kind is ValueType.DATE else numbers_of(values)
    if found is None:
        return (
            PlaceholderSettings(),
            f"not every value of {name} in the sample is {_KINDS[kind]}, as the template has it",
        )
    return PlaceholderSettings(**(found[1] if isinstance(found, tuple) else found)), None


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
