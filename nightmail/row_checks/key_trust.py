"""Keys that identify nobody: damaged by a spreadsheet, or words and figures that stand for nothing.

Five people with the ``external_id`` ``8.94424E+18`` are five people: a spreadsheet rounded their ids to six digits. The same holds for ``N/A``,
``0`` and the UUID of zeros. Such a key is none, and the contact's address takes its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.contact_files.failures import file_decision
from nightmail.contact_files.summary import FileDecision
from nightmail.lake.masks import truth
from nightmail.row_checks.byte_spans import Spans
from nightmail.row_checks.findings import Findings

_FILLERS = frozenset(
    """
    n/a|na|n.a.|n.a|n/v|n.v.|n/d|n.d.|nd|none|null|(null)|nil|nan|nat|unknown|unkn|unk|undefined|undef|unspecified|unassigned|
    not available|not applicable|not set|not known|not found|missing|empty|blank|(blank)|(empty)|(none)|no data|no id|noid|without id|
    anonymous|anonym|anonymus|guest|default|dummy|test|todo|tbd|tba|true|false|yes|no|ok|[object object]|
    unbekannt|unbek.|leer|(leer)|ohne|keine|kein|keine angabe|k.a.|k. a.|nicht vorhanden|nicht bekannt|
    inconnu|inconnue|néant|neant|aucun|aucune|sans|vide|non renseigné|non renseigne|
    desconocido|desconocida|ninguno|ninguna|sin datos|sin id|s/n|s.n.|vacío|vacio|no disponible|
    sconosciuto|sconosciuta|nessuno|nessuna|vuoto|assente|desconhecido|nenhum|vazio|sem dados|
    onbekend|geen|leeg|ukjent|ukendt|ingen|okänd|saknas|tuntematon|ei ole|tyhjä|óþekkt|
    nieznany|brak|puste|neznámý|neznámá|žádný|neznámy|ismeretlen|nincs|necunoscut|nepoznato|nepoznat|neznano|nėra|puudub|
    неизвестно|нет|няма|неизвестен|άγνωστο|άγνωστος|κενό|bilinmiyor|yok|غير معروف|لا يوجد|לא ידוע|אין|უცნობი|不明|なし|無|无|未知|空白
    """.replace("\n", "")
    .replace("    ", "")
    .split("|")
)
"""Words for nothing in the languages of the served countries, in lower case."""
_FILLER_WORDS = pa.array(sorted(word.strip() for word in _FILLERS if word.strip()), pa.string())
_DAMAGED = (
    r"^[-+]?\d(?:[.,]\d+)?[eE]\+\d{2,3}$"  # a quantity, rounded to a few digits
    r"|^\d{15}0{2,}$"  # an integer of more than fifteen digits: a spreadsheet keeps fifteen (IEEE 754)
    r"|^#+$|^#[A-Z/0!?]+[!?]?$"  # a column that was too narrow, or an error
)
_NOTHING = (
    r"^[-+]?[0.,\-_/\\*#?~\s]*$"  # zeros and punctuation, the UUID of zeros among them (RFC 9562, 5.9)
    r"|^[fF]{8}-[fF]{4}-[fF]{4}-[fF]{4}-[fF]{12}$"  # RFC 9562, 5.10
    r"|^[xX]+$|^-1$"
)
_LONGEST_WORD = 64
"""Bytes of the longest filler, with room."""


def is_no_key(column: pa.Array) -> npt.NDArray[np.bool_]:
    """A mask of the values of a column of text, plain or by distinct values, that identify nobody."""
    if len(column) == column.null_count:
        return np.zeros(len(column), dtype=bool)
    if pa.types.is_dictionary(column.type):
        wrong = is_no_key(column.dictionary)
        return np.asarray(np.append(wrong, False)[pc.fill_null(column.indices, len(wrong)).to_numpy()])
    found = _may_be_none(column)
    rows = np.flatnonzero(found)
    if len(rows):
        text = column.take(pa.array(rows)).cast(pa.string())
        word = pc.is_in(pc.utf8_lower(text), value_set=_FILLER_WORDS)
        damaged = pc.match_substring_regex(text, f"{_DAMAGED}|{_NOTHING}")
        found[rows] = truth(pc.or_(word, damaged))
    return found


def _may_be_none(column: pa.Array) -> npt.NDArray[np.bool_]:
    """A mask of the values that need a closer look, by their first and last bytes: ``C-1041`` does not."""
    spans = Spans.of(column)
    size = spans.length
    first = spans.data.take(spans.start, mode="clip")
    last = spans.data.take(spans.start + size - 1, mode="clip")
    third_last = spans.data.take(spans.start + size - 3, mode="clip")
    fourth_last = spans.data.take(spans.start + size - 4, mode="clip")
    digit_last = last - _ZERO < _TEN
    digit_first = first - _ZERO < _TEN
    zero_last = last == _ZERO
    found = ~digit_last & ~digit_first & (size <= _LONGEST_WORD)
    found |= digit_last & ((third_last == _PLUS) | (fourth_last == _PLUS))
    found |= zero_last & ((first == _ZERO) | (size >= _ROUNDED))
    found |= ~digit_first & (first < _LETTERS)
    found &= size > 0
    if column.null_count:
        found &= truth(pc.is_valid(column))
    return np.asarray(found)


_ZERO, _PLUS, _LETTERS, _TEN = np.uint8(ord("0")), np.uint8(ord("+")), np.uint8(ord("A")), np.uint8(10)
_ROUNDED = 17


@dataclass
class KeyTrust:
    """Takes the keys of one contact file that identify nobody for what they are, and counts them."""

    headers: Mapping[str, str]
    """The columns that make a contact unique and hold text, each with its name in the file."""
    _counts: dict[str, int] = field(default_factory=dict)
    _examples: dict[str, str] = field(default_factory=dict)

    def trusted_ids(self, ids: pa.Array, findings: Findings) -> pa.Array:
        """The column ``external_id`` without values that identify nobody, which are noted."""
        wrong = self.look_at("external_id", ids, findings)
        return pc.if_else(pa.array(~wrong), ids, pa.scalar(None, ids.type)) if wrong.any() else ids

    def look_at(self, name: str, values: pa.Array, findings: Findings) -> npt.NDArray[np.bool_]:
        """Note the values of a column of a key that identify nobody; gives a mask of them."""
        wrong = is_no_key(values)
        if wrong.any():
            findings.add(wrong, name, values, "key_not_trusted")
            self._counts[name] = self._counts.get(name, 0) + int(wrong.sum())
            self._examples.setdefault(name, values[int(wrong.argmax())].as_py())
        return wrong

    def decisions(self) -> Iterable[FileDecision]:
        """What was decided for whole columns."""
        for name, count in self._counts.items():
            example = self._examples[name]
            fields = {"header": self.headers.get(name, name), "rows": f"{count:,}", "example": example}
            yield file_decision("decided_key_by_address", column=name, count=count, **fields)
