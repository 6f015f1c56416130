"""The texts of one body for some rows: values made ready, rendered, compared with Jinja2's own output, and judged.

Bodies that map to columns are rendered by columns, and a sample of them again by Jinja2; where the two differ, the body is
rendered row by row from then on (:class:`Disagreement`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.channels import CHANNELS, BodyKind, Unit
from nightmail.lake import column_of
from nightmail.lake.masks import Mask, present
from nightmail.privacy.signed_links import Purpose, link_column, link_path, preview_link_column
from nightmail.templates.bodies import CompiledBody
from nightmail.templates.columns import CompiledText
from nightmail.templates.gsm7 import CharacterCosts
from nightmail.templates.model import SYSTEM_PLACEHOLDERS, Placeholder, Template
from nightmail.templates.segments import utf16_units
from nightmail.templates.speech import spoken_text
from nightmail.templates.summary import SUBJECT_CHARACTERS
from nightmail.templates.value_columns import ValueColumn

CHAT_LINK_DAYS = 30
"""Days for which a chat's link holds."""

_LINKS = {
    "unsubscribe_url": Purpose.UNSUBSCRIBE,
    "preferences_url": Purpose.PREFERENCES,
    "chat_url": Purpose.CHAT,
}
_SUBJECT_BREAKS = r"[\s\x00-\x1F\x7F\x{0085}\x{2028}\x{2029}]+"


class Disagreement(Exception):  # noqa: N818
    """A body's columnar rendering is not what Jinja2 makes of it: it is rendered row by row from then on."""

    def __init__(self, body: CompiledBody) -> None:
        super().__init__(f"{body.language}/{body.channel}")
        self.body = body


@dataclass(frozen=True, kw_only=True)
class SystemLinks:
    """What Nightmail fills in itself: signed links of each message. ``day`` is the day of the rendering.

    Of a ``preview`` they are as long as signed ones, so that texts have the segments and the cost of those that are sent, and hold
    no signature.
    """

    public_url: str
    signing_key: bytes
    day: date
    preview: bool = False

    def column(self, name: str, ids: pa.Array) -> pa.Array:
        """The values of one of :data:`~nightmail.templates.model.SYSTEM_PLACEHOLDERS` for messages of these ids."""
        if name == "message_id":
            return ids
        purpose = _LINKS[name]
        expires: date | None = self.day + timedelta(days=CHAT_LINK_DAYS) if purpose is Purpose.CHAT else None
        if self.preview:
            tokens = preview_link_column(ids, purpose, expires)
        else:
            tokens = link_column(ids, purpose, self.signing_key, expires)
        return pc.binary_join_element_wise(f"{self.public_url.rstrip('/')}{link_path(purpose)}", tokens, "")


@dataclass(frozen=True)
class RenderedTexts:
    """A body's texts by part, with the reason of each row for which it failed (empty where it did not)."""

    texts: Mapping[str, pa.Array]
    reasons: npt.NDArray[np.object_]
    compared: int
    """Texts that were rendered again by Jinja2 and found equal."""
    row_by_row: int
    """Rows rendered by Jinja2 itself, since the body does not map to columns."""


class BodyTexts:
    """Renders the bodies of one template; ``sample_rows`` of each body are compared in its first block."""

    def __init__(self, template: Template, links: SystemLinks, sample_rows: int) -> None:
        self._template = template
        self._links = links
        self._sample_rows = sample_rows
        self._compared: set[tuple[int, int]] = set()

    def render(
        self,
        body: CompiledBody,
        contacts: pa.Table,
        ids: pa.Array,
        take: Callable[[pa.Array], pa.Array],
        characters: CharacterCosts,
    ) -> RenderedTexts:
        """Render ``body`` for messages of these ids, whose rows ``take`` picks from a column of ``contacts``.

        ``characters`` counts those that a template with ``prefer: gsm7`` has replaced.
        Raises :class:`Disagreement`, and :class:`~nightmail.templates.columns.TextsTooLarge` for more than one row.
        """
        columns = self._columns(body, contacts, ids, take)
        texts: dict[str, pa.Array] = {}
        compared = 0
        for part, text in body.texts.items():
            texts[part], same = self._text(body, text, columns, len(ids))
            compared += same
        if "subject" in texts:
            texts["subject"] = _one_line(texts["subject"])
        if self._template.prefers_gsm7 and CHANNELS[body.channel].price_unit is Unit.SEGMENT:
            texts["body"] = characters.prefer_gsm7(texts["body"])
        by_rows = len(ids) if not (body.columnar and body.main.maps) else 0
        return RenderedTexts(texts, _reasons(body, texts, len(ids)), compared, by_rows)

    def _columns(
        self, body: CompiledBody, contacts: pa.Table, ids: pa.Array, take: Callable[[pa.Array], pa.Array]
    ) -> dict[str, ValueColumn]:
        names = contacts.schema.names
        columns: dict[str, ValueColumn] = {}
        for name in body.names:
            if name in SYSTEM_PLACEHOLDERS:
                columns[name] = ValueColumn.of_texts(self._links.column(name, ids))
                continue
            placeholder = self._template.placeholders.get(name, Placeholder(name))
            currency = None
            # The rows' checks leave the currency of each amount there; a column of the file may hold signs.
            currency_column = f"{name}_currency"
            if currency_column not in names and placeholder.currency_column:
                currency_column = placeholder.currency_column
            if placeholder.type == "money" and currency_column in names:
                currency = take(column_of(contacts, currency_column))
            raw = take(column_of(contacts, name)) if name in names else None
            columns[name] = ValueColumn(raw, len(ids), placeholder, body.language, currency)
        return columns

    def _text(
        self, body: CompiledBody, text: CompiledText, columns: Mapping[str, ValueColumn], rows: int
    ) -> tuple[pa.Array, int]:
        """One text of a body, and the rows of it that were compared."""
        if not (body.columnar and text.maps):
            return pa.array(text.by_rows(columns, range(rows)), pa.string()), 0
        found = text.by_columns(columns, rows)
        compared = (id(body), id(text))
        wanted = self._sample_rows if compared not in self._compared else max(self._sample_rows // 8, 2)
        self._compared.add(compared)
        sample = _sample(rows, wanted)
        if found.take(pa.array(sample)).to_pylist() != text.by_rows(columns, sample.tolist()):
            raise Disagreement(body)
        return found, len(sample)


def _reasons(body: CompiledBody, texts: Mapping[str, pa.Array], rows: int) -> npt.NDArray[np.object_]:
    """Why each row's message cannot be sent; empty where it can."""
    reasons = np.full(rows, "", dtype=object)

    def mark(where: Mask, reason: str) -> None:
        reasons[where & (reasons == "")] = reason

    for column in texts.values():
        if column.null_count:
            mark(~present(column), "render_failed")
    # What failed is measured as empty; it has its reason already.
    whole = {name: pc.fill_null(column, "") if column.null_count else column for name, column in texts.items()}
    channel = CHANNELS[body.channel]
    if channel.most_characters is not None:
        mark(utf16_units(whole["body"]) > channel.most_characters, "body_too_long")
    if channel.most_bytes is not None:
        parts = [whole[name] for name in ("body", "html") if name in whole]
        size = sum(pc.binary_length(part).to_numpy(zero_copy_only=False).astype(np.int64) for part in parts)
        mark(size > channel.most_bytes, "body_too_long")
    if "subject" in whole:
        mark(utf16_units(whole["subject"]) > SUBJECT_CHARACTERS, "body_too_long")
        mark(_blank(whole["subject"]), "body_empty")
    if channel.body is BodyKind.SPEECH:
        mark(_blank_speech(body, whole["body"]), "body_empty")
    else:
        mark(_blank(whole.get("html", whole["body"])), "body_empty")
    return reasons


def _sample(rows: int, wanted: int) -> npt.NDArray[np.int64]:
    """Rows to compare: the first, the last, and some between that the count of rows picks, the same each time."""
    if rows <= wanted:
        return np.arange(rows, dtype=np.int64)
    picked = np.random.default_rng(rows).integers(0, rows, max(wanted - 2, 0))
    found: npt.NDArray[np.int64] = np.unique(np.concatenate(([0, rows - 1], picked)))[: max(wanted, 2)]
    return found


def _one_line(column: pa.Array) -> pa.Array:
    """Subjects: no line break or other control character may get into a header."""
    if pc.any(pc.match_substring_regex(column, r"[\t\r\n\x00-\x1F\x7F\x{0085}\x{2028}\x{2029}]|^\s|\s$|\s\s")).as_py():
        return pc.utf8_trim_whitespace(pc.replace_substring_regex(column, _SUBJECT_BREAKS, " "))
    return column


def _blank(column: pa.Array) -> Mask:
    found: Mask = pc.equal(pc.binary_length(pc.utf8_trim_whitespace(column)), 0).to_numpy(zero_copy_only=False)
    return found


def _blank_speech(body: CompiledBody, column: pa.Array) -> Mask:
    """Calls that would say nothing at all: only possible where hardly more than the markup is there."""
    if body.plays:
        return np.zeros(len(column), dtype=bool)
    short = pc.utf8_length(column).to_numpy(zero_copy_only=False) - body.frame_characters < 200
    blank = np.zeros(len(column), dtype=bool)
    for row in np.flatnonzero(short).tolist():
        blank[row] = not spoken_text(column[row].as_py())
    return blank
