"""What becomes of each column of a file: the standard field that it fills, or the placeholder whose values it holds.

The feed's own mapping comes first, then what the program that exported the file is known to mean, then the synonyms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nightmail.contact_files.column_names import (
    BRACKETS,
    OWN_KEYS,
    WEAK_FIELD_OF,
    clean_name,
    column_key,
    is_name,
    placeholder_name,
    standard_field,
)
from nightmail.contact_files.exporters import Exporter, exporter_of
from nightmail.contact_files.failures import file_decision, file_error, file_warning
from nightmail.contact_files.summary import FileDecision, FileWarning
from nightmail.lake.schemas import CONTACTS, STANDARD_FIELDS

_RESERVED = frozenset(CONTACTS.names) - frozenset(STANDARD_FIELDS)
_SLOTS = {"phone": ("phone", "phone_2"), "landline": ("landline",), "email": ("email",), "country": ("country",)}
"""The fields that values of one kind fill, in the order in which a row has them."""


@dataclass(frozen=True)
class Gathering:
    """Columns of which a row's values fill one or two fields, one after the other."""

    columns: tuple[str, ...]
    """Columns of the table, in order of preference."""
    slots: tuple[str, ...]
    """The fields: the first value found fills the first, the next one the second."""
    moves_up: bool = False
    """Whether a value of a later column fills a field whose own column is empty in the row."""


@dataclass(frozen=True)
class ColumnPlan:
    """What becomes of each column of the file."""

    header: tuple[str, ...]
    """As written, cleaned of spaces around; one per column of the file."""
    targets: tuple[str | None, ...]
    """The column of the table for each; None where it is dropped."""
    copies: Mapping[str, str]
    """Placeholders that the template uses whose values stand in another column: placeholder to column."""
    own_rejects: bool
    """Whether our own reject columns are among them."""
    warnings: tuple[FileWarning, ...]
    gatherings: tuple[Gathering, ...] = ()
    """Where several columns fill one field."""
    added: tuple[str, ...] = ()
    """Fields that no column of the file is, and values of other columns fill."""
    null_words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What the program that exported the file writes where there is no value, by column."""
    decisions: tuple[FileDecision, ...] = ()

    @property
    def mapping(self) -> dict[str, str]:
        """Header as written to column of the table, for the columns that are kept."""
        return {name: target for name, target in zip(self.header, self.targets, strict=True) if target is not None}

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of the table after ``line``."""
        return (*(target for target in self.targets if target is not None), *self.added, *self.copies)


@dataclass
class _Planning:
    """The columns while they are given their targets."""

    names: tuple[str, ...]
    keys: tuple[str, ...]
    known: Mapping[str, str]
    """Placeholders of the template by key."""
    targets: list[str | None]
    settled: list[bool]
    holder: dict[str, int] = field(default_factory=dict)
    """The column that has each target."""
    by: dict[int, str] = field(default_factory=dict)
    """What decided a column's standard field."""
    leftover: set[int] = field(default_factory=set)
    """Columns that mean a standard field which another column has."""

    def take(self, index: int, target: str, by: str | None = None) -> None:
        """Give a column its target. Raises ContactFileError where another has it."""
        first = self.holder.get(target)
        if first is not None:
            raise file_error("file_column_twice", first=self.names[first], second=self.names[index], field=target)
        self.holder[target] = index
        self.targets[index] = target
        self.settled[index] = True
        if by is not None:
            self.by[index] = by

    def open_columns(self, keys: Sequence[str]) -> list[int]:
        """The columns with these keys, in their order, that have no target yet."""
        return [index for key in keys for index, own in enumerate(self.keys) if own == key and not self.settled[index]]


def plan_columns(
    header: Sequence[str],
    mapping: Mapping[str, str] | None = None,
    known_placeholders: Iterable[str] = (),
    several: bool = False,
) -> ColumnPlan:
    """Which column means what. Raises ContactFileError (``file_column_twice``) when two mean the same.

    ``several`` says that cells hold several addresses (``a ::: b``): then there is a ``phone_2`` beside ``phone``.
    """
    names = tuple(clean_name(name) if is_name(name, mapping) else "" for name in header)
    keys = tuple(column_key(name) for name in names)
    own = tuple(OWN_KEYS.get(key) for key in keys)
    known = {column_key(name): name for name in known_placeholders if name not in STANDARD_FIELDS}
    planning = _Planning(
        names, keys, known, [None] * len(names), [bool(own[i]) or not names[i] for i in range(len(names))]
    )
    _take_stated(planning, {column_key(name): target for name, target in (mapping or {}).items()})
    exporter = exporter_of(names)
    gatherings = [] if exporter is None else _take_exported(planning, exporter)
    _take_synonyms(planning)
    warnings = _take_placeholders(planning)
    held = planning.holder
    several = several or exporter is not None
    added = ("phone_2",) if several and "phone" in held and "phone_2" not in held else ()
    there = {*held, *added}
    gatherings += [
        Gathering((slots[0], *(name for name in slots[1:] if name in held)), tuple(s for s in slots if s in there))
        for slots in _SLOTS.values()
        if slots[0] in held and slots[0] != "country" and not any(slots[0] in one.slots for one in gatherings)
    ]
    return ColumnPlan(
        names,
        tuple(planning.targets),
        _copies(planning, exporter),
        any(own),
        tuple(warnings),
        tuple(replace(one, slots=tuple(s for s in one.slots if s in there)) for one in gatherings),
        added,
        {} if exporter is None else exporter.null_words,
        tuple(_decisions(planning, gatherings)),
    )


def _take_stated(planning: _Planning, stated: Mapping[str, str]) -> None:
    """What the feed maps."""
    for index, key in enumerate(planning.keys):
        if planning.settled[index] or key not in stated:
            continue
        target = stated[key]
        planning.settled[index] = True
        if target:
            meant = target if target in STANDARD_FIELDS else planning.known.get(column_key(target), target)
            planning.take(index, meant, "the feed maps it")


def _take_exported(planning: _Planning, exporter: Exporter) -> list[Gathering]:
    """What the columns of a known export mean."""
    by = f"{exporter.name} exports it so"
    gatherings: list[Gathering] = []
    for slot, keys in (*exporter.address_columns, ("country", exporter.first_of.get("country", ()))):
        columns = planning.open_columns(keys)
        slots = [name for name in _SLOTS[slot] if name not in planning.holder]
        if slot not in slots:
            # The feed says which column it is.
            planning.leftover.update(columns)
            continue
        for index, target in zip(columns, slots, strict=False):
            planning.take(index, target, by)
        planning.leftover.update(columns[len(slots) :])
        if len(columns) > 1:
            gatherings.append(Gathering(tuple(map(str, columns)), tuple(slots), moves_up=True))
    for target, keys in exporter.first_of.items():
        columns = planning.open_columns(keys) if target != "country" and target not in planning.holder else []
        if columns:
            planning.take(columns[0], target, by)
            planning.leftover.update(columns[1:])
    planning.leftover.update(planning.open_columns(tuple(exporter.not_fields)))
    _take_leftover(planning)
    return [
        replace(one, columns=tuple(planning.targets[int(index)] or "" for index in one.columns)) for one in gatherings
    ]


def _take_leftover(planning: _Planning) -> None:
    """Columns whose field another one has are placeholders under their own names."""
    for index in sorted(planning.leftover):
        if not planning.settled[index]:
            name = placeholder_name(planning.names[index])
            free = name not in STANDARD_FIELDS and name not in _RESERVED and name not in planning.holder
            planning.take(index, planning.known.get(planning.keys[index]) or (name if free else f"other_{name}"))


def _take_synonyms(planning: _Planning) -> None:
    """What a column's name means."""
    by_others = frozenset(planning.holder)
    for index, name in enumerate(planning.names):
        found = None if planning.settled[index] else standard_field(name)
        if found in by_others:
            planning.leftover.add(index)
        elif found is not None:
            planning.take(index, found, "its name means that")
    for index, key in enumerate(planning.keys):
        weak = None if planning.settled[index] or key in planning.known else WEAK_FIELD_OF.get(key)
        if weak is not None and (weak not in planning.holder or planning.keys[planning.holder[weak]] == key):
            planning.take(index, weak, "its name means that, and no other column is one")


def _take_placeholders(planning: _Planning) -> list[FileWarning]:
    """All other columns are placeholders."""
    warnings: list[FileWarning] = []
    exact = frozenset(planning.keys)
    for index, key in enumerate(planning.keys):
        if planning.settled[index]:
            continue
        name = planning.names[index]
        unit_aside = column_key(BRACKETS.sub(" ", name))
        known = planning.known
        meant = known.get(key) or (None if unit_aside in exact else known.get(unit_aside))
        target = meant or placeholder_name(name) or f"column_{index + 1}"
        if index in planning.leftover:
            target = known.get(key) or f"other_{target}"
        elif target in _RESERVED:
            warnings.append(file_warning("file_column_renamed", value=name, column=f"{target}_column"))
            target = f"{target}_column"
        planning.take(index, target)
    return warnings


def _copies(planning: _Planning, exporter: Exporter | None) -> dict[str, str]:
    """Placeholders that are filled from a standard field, or from a column that the export has under another name."""
    held, known = planning.holder, planning.known
    copies = {
        known[planning.keys[index]]: target
        for target, index in held.items()
        if target in STANDARD_FIELDS and planning.keys[index] in known and known[planning.keys[index]] not in held
    }
    for key, columns in ({} if exporter is None else exporter.placeholders).items():
        source = next((index for own in columns for index, met in enumerate(planning.keys) if met == own), None)
        target = None if source is None else planning.targets[source]
        if key in known and known[key] not in held and target is not None:
            copies[known[key]] = target
    return copies


def _decisions(planning: _Planning, gatherings: Sequence[Gathering]) -> list[FileDecision]:
    """What was decided about columns, where the name alone does not say it."""
    found: list[FileDecision] = []
    for index, by in sorted(planning.by.items()):
        target, name = planning.targets[index], planning.names[index]
        if target is not None and column_key(target) != planning.keys[index]:
            found.append(file_decision("decided_column", column=target, value=name, evidence=by))
    for one in gatherings:
        if len(one.columns) > len(one.slots):
            order = ", ".join(planning.names[planning.holder[column]] for column in one.columns)
            found.append(
                file_decision("decided_address_order", column=one.slots[0], slots=" and ".join(one.slots), order=order)
            )
    return found
