"""The stage ``messages``: every planned contact's messages, rendered, measured and priced, a block of rows at a time.

Contacts and audience have the same lines in the same order, so that blocks of both are walked side by side. A block's
size follows from the template's, so that memory does not grow with the bodies. A message that cannot be rendered (too
long, empty, failing on a value) gives way to the contact's next channel; a contact with none left becomes held, and the
audience is then written again, aside and renamed, so that counts reconcile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.channels import CHANNELS, BodyKind, Unit
from nightmail.lake import BLOCK_ROWS, TableFile, column_of
from nightmail.lake.masks import Mask, present
from nightmail.lake.schemas import AUDIENCE, MESSAGES, MONEY
from nightmail.message_ids import message_ids
from nightmail.organisation.feed_choices import Delivery
from nightmail.privacy.keyed_hashes import address_digests, hex_column
from nightmail.privacy.signed_links import Purpose, link_column, link_path
from nightmail.progress import Progress
from nightmail.row_checks.channel_addresses import ADDRESS_COLUMNS, channel_addresses
from nightmail.row_checks.language_matching import choose_language
from nightmail.row_checks.number_countries import countries_of_numbers
from nightmail.templates import speech
from nightmail.templates.bodies import CompiledBody, compile_bodies
from nightmail.templates.columns import CompiledText, ValueColumn
from nightmail.templates.model import SYSTEM_PLACEHOLDERS, Placeholder, Template
from nightmail.templates.segments import count_segments, utf16_units
from nightmail.templates.summary import (
    NOWHERE,
    SUBJECT_CHARACTERS,
    MessagesSummary,
    RenderOptions,
)

STAGE = "messages"
CHAT_LINK_DAYS = 30
"""Days for which a chat's link holds."""

_BLOCK_BYTES = 48 * 1024 * 1024
_LEAST_ROWS = 2_000
_SUBJECT_BREAKS = r"[\s\x00-\x1F\x7F\x{0085}\x{2028}\x{2029}]+"
_MICRO = Decimal(1_000_000)

_Rows = npt.NDArray[np.int64]


class _Disagreement(Exception):  # noqa: N818
    """A body's columnar rendering is not what Jinja2 makes of it: it is rendered row by row from then on."""

    def __init__(self, body: CompiledBody) -> None:
        super().__init__(f"{body.language}/{body.channel}")
        self.body = body


def render_messages(
    contacts: TableFile,
    audience: TableFile,
    messages: TableFile,
    template: Template,
    rendering: RenderOptions,
    progress: Progress | None = None,
) -> MessagesSummary:
    """Write ``messages`` for the planned rows of ``audience``; rewrite ``audience`` if rows turned to held.

    >>> summary = render_messages(tables.contacts, tables.audience, tables.messages, template, options)
    >>> summary.messages == summary.queued + summary.standby
    True
    """
    bodies = compile_bodies(template, rendering.public_url or NOWHERE)
    if not rendering.columnar:
        for body in bodies.values():
            body.columnar = False
    while True:
        try:
            return _Renderer(template, rendering, bodies).run(contacts, audience, messages, progress)
        except _Disagreement as found:
            # Blocks already written may hold what the sample did not show, so all is rendered again.
            found.body.columnar = False


@dataclass
class _Rendered:
    """The rendered messages of some rows of a block, on one channel and in one language."""

    rows: _Rows
    table: pa.Table


@dataclass
class _Block:
    """One block of contacts with its audience, and what rendering made of it."""

    contacts: pa.Table
    audience: pa.Table
    channels: npt.NDArray[np.int8]
    """The channels of each row in order, as indices of the template's channels; -1 fills up."""
    first_reason: npt.NDArray[np.object_]
    changed: Mask
    rendered: list[_Rendered] = field(default_factory=list)
    addresses: dict[str, pa.Array] = field(default_factory=dict)


class _Renderer:
    def __init__(
        self, template: Template, options: RenderOptions, bodies: Mapping[tuple[str, str], CompiledBody]
    ) -> None:
        self.template = template
        self.options = options
        self.bodies = bodies
        self.channels = template.channels
        self.summary = MessagesSummary()
        self.public_url = options.public_url or NOWHERE
        self.signing_key = options.signing_key or options.hash_key
        self.day = options.price_date or datetime.now(UTC).date()
        self._changes: list[pa.Table] = []
        self._compared: set[tuple[int, int]] = set()
        self._prices: dict[tuple[str, str | None], tuple[int, str] | None] = {}

    def run(
        self, contacts: TableFile, audience: TableFile, messages: TableFile, progress: Progress | None
    ) -> MessagesSummary:
        present_columns = contacts.schema().names
        wanted = ["line", *ADDRESS_COLUMNS, "country"]
        used = sorted({name for body in self.bodies.values() for name in body.names})
        used += [p.currency_column for p in self.template.placeholders.values() if p.currency_column]
        used += [f"{name}_currency" for name in used]
        wanted += [name for name in dict.fromkeys(used) if name in present_columns and name not in wanted]
        total, done = contacts.num_rows(), 0
        block_rows = self._block_rows(_channels_in(audience))
        with messages.writer(MESSAGES) as writer:
            for contact_block, audience_block in _side_by_side(contacts, audience, wanted, block_rows):
                block = self._render(contact_block, audience_block)
                for table in _in_order(block.rendered):
                    writer.write(table)
                if block.changed.any():
                    self._changes.append(self._changed_audience(block))
                done += contact_block.num_rows
                if progress is not None:
                    progress(STAGE, done, total)
        if self._changes:
            _rewrite(audience, pa.concat_tables(self._changes).combine_chunks())
        return self.summary

    def _block_rows(self, channels: set[str]) -> int:
        """Rows that can be rendered at once: fewer the longer the bodies of the audience's channels are."""
        by_language = Counter[str]()
        for (language, channel), body in self.bodies.items():
            by_language[language] += body.size if channel in channels else 0
        size = max(by_language.values(), default=0)
        return int(min(BLOCK_ROWS, max(_LEAST_ROWS, _BLOCK_BYTES // (2 * size + 200))))

    # --- A block -----------------------------------------------------------------------------------------------------

    def _render(self, contacts: pa.Table, audience: pa.Table) -> _Block:
        rows = contacts.num_rows
        block = _Block(
            contacts=contacts,
            audience=audience,
            channels=self._channels_of(audience),
            first_reason=np.full(rows, None, dtype=object),
            changed=np.zeros(rows, dtype=bool),
        )
        self.summary.contacts += int((block.channels[:, 0] >= 0).sum()) if block.channels.shape[1] else 0
        languages = column_of(audience, "language").dictionary_encode()
        language_codes = pc.fill_null(languages.indices, len(languages.dictionary)).to_numpy(zero_copy_only=False)
        tags = [*languages.dictionary.to_pylist(), None]
        for place in range(block.channels.shape[1]):
            pending = np.flatnonzero(block.channels[:, place] >= 0)
            while len(pending):
                failed: list[_Rows] = []
                here = block.channels[pending, place]
                for code in np.unique(here).tolist():
                    channel = self.channels[code]
                    on_channel = pending[here == code]
                    choice = self._languages(channel, tags)
                    chosen = choice[language_codes[on_channel]]
                    for language in np.unique(chosen).tolist():
                        some = on_channel[chosen == language]
                        body = self.bodies.get((language, channel))
                        failed.append(
                            self._fail(block, some, "language_not_available")
                            if body is None
                            else self._messages(block, some, body, place)
                        )
                pending = np.sort(np.concatenate(failed))
                if len(pending):
                    # The channel gives way to the next one, which takes its place and step.
                    rest = block.channels[pending, place + 1 :]
                    block.channels[pending, place:-1] = rest
                    block.channels[pending, -1] = -1
                    block.changed[pending] = True
                    pending = pending[block.channels[pending, place] >= 0]
        return block

    def _channels_of(self, audience: pa.Table) -> npt.NDArray[np.int8]:
        planned = pc.equal(column_of(audience, "state"), "planned")
        first = pc.if_else(planned, column_of(audience, "channel"), None)
        following = pc.binary_join(column_of(audience, "fallbacks"), " ")
        joined = pc.binary_join_element_wise(
            first, following, " ", null_handling="replace", null_replacement=""
        ).dictionary_encode()
        width = max(len(self.channels), 1)
        sequences = np.full((len(joined.dictionary), width), -1, dtype=np.int8)
        for position, text in enumerate(joined.dictionary.to_pylist()):
            if text.startswith(" "):
                continue  # held
            names = [name for name in text.split() if name in self.channels]
            sequences[position, : len(names)] = [self.channels.index(name) for name in names]
        found: npt.NDArray[np.int8] = sequences[joined.indices.to_numpy(zero_copy_only=False)]
        return found

    def _languages(self, channel: str, tags: list[str | None]) -> npt.NDArray[np.object_]:
        available, default = self.template.languages_of(channel), self.template.default_language
        return np.array([choose_language(tag, available, default) or "" for tag in tags], dtype=object)

    def _fail(self, block: _Block, rows: _Rows, reason: str) -> _Rows:
        for row in rows.tolist():
            if block.first_reason[row] is None:
                block.first_reason[row] = reason
        return rows

    # --- Messages on one channel in one language -----------------------------------------------------------------------

    def _messages(self, block: _Block, rows: _Rows, body: CompiledBody, place: int) -> _Rows:
        """Render the rows' messages; gives the rows for which that failed."""
        taken = None if len(rows) == block.contacts.num_rows else pa.array(rows)

        def take(column: pa.Array) -> pa.Array:
            return column if taken is None else column.take(taken)

        lines = take(column_of(block.contacts, "line"))
        step = place
        ids = message_ids(self.options.campaign_token, lines, body.channel, step)
        columns = self._columns(block, body, ids, take)
        texts = {name: self._text(body, text, columns, len(rows)) for name, text in body.texts.items()}
        if "subject" in texts:
            texts["subject"] = _one_line(texts["subject"])
        reasons = self._judge(body, texts, len(rows))
        good = reasons == ""
        bad = np.flatnonzero(~good)
        for reason in np.unique(reasons[bad]).tolist():
            self._fail(block, rows[bad[reasons[bad] == reason]], reason)
        if not good.all():
            keep = pa.array(good)
            texts = {name: column.filter(keep) for name, column in texts.items()}
            kept = rows[good]
            if len(kept):
                self._add(block, kept, body, step, texts, ids.filter(keep), lines.filter(keep))
        elif len(rows):
            self._add(block, rows, body, step, texts, ids, lines)
        return rows[bad]

    def _columns(self, block: _Block, body: CompiledBody, ids: pa.Array, take: Any) -> dict[str, ValueColumn]:
        names = block.contacts.schema.names
        rows = len(ids)
        columns: dict[str, ValueColumn] = {}
        for name in body.names:
            if name in SYSTEM_PLACEHOLDERS:
                columns[name] = ValueColumn.of_texts(self._system(name, ids))
                continue
            placeholder = self.template.placeholders.get(name, Placeholder(name))
            currency = None
            currency_column = placeholder.currency_column or f"{name}_currency"
            if placeholder.type == "money" and currency_column in names:
                currency = take(column_of(block.contacts, currency_column))
            raw = take(column_of(block.contacts, name)) if name in names else None
            columns[name] = ValueColumn(raw, rows, placeholder, body.language, currency)
        return columns

    def _system(self, name: str, ids: pa.Array) -> pa.Array:
        if name == "message_id":
            return ids
        purpose = Purpose.UNSUBSCRIBE if name == "unsubscribe_url" else Purpose.CHAT
        expires: date | None = self.day + timedelta(days=CHAT_LINK_DAYS) if purpose is Purpose.CHAT else None
        tokens = link_column(ids, purpose, self.signing_key, expires)
        return pc.binary_join_element_wise(f"{self.public_url.rstrip('/')}{link_path(purpose)}", tokens, "")

    def _text(self, body: CompiledBody, text: CompiledText, columns: Mapping[str, ValueColumn], rows: int) -> pa.Array:
        key = f"{body.language}/{body.channel}"
        if not (body.columnar and text.maps):
            if text is body.main:
                self.summary.row_by_row[key] += rows
            return pa.array(text.by_rows(columns, range(rows)), pa.string())
        found = text.by_columns(columns, rows)
        compared = (id(body), id(text))
        wanted = self.options.sample_rows if compared not in self._compared else max(self.options.sample_rows // 8, 2)
        self._compared.add(compared)
        sample = _sample(rows, wanted)
        if found.take(pa.array(sample)).to_pylist() != text.by_rows(columns, sample.tolist()):
            raise _Disagreement(body)
        self.summary.compared += len(sample)
        return found

    def _judge(self, body: CompiledBody, texts: Mapping[str, pa.Array], rows: int) -> npt.NDArray[np.object_]:
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

    def _add(
        self,
        block: _Block,
        rows: _Rows,
        body: CompiledBody,
        step: int,
        texts: Mapping[str, pa.Array],
        ids: pa.Array,
        lines: pa.Array,
    ) -> None:
        taken = pa.array(rows)
        count = len(rows)
        if body.channel not in block.addresses:
            block.addresses[body.channel] = channel_addresses(block.contacts, body.channel).address
        address = block.addresses[body.channel].take(taken)
        audience = block.audience.take(taken) if count != block.audience.num_rows else block.audience
        hashes, country = self._address_facts(block, rows, body.channel, step, address, audience)
        units = self._units(body, texts)
        cost, currency = self._costs(body.channel, country, units, queued=self._is_queued(step))
        state = "queued" if self._is_queued(step) else "standby"
        nothing = pa.nulls(count, pa.string())
        table = pa.table(
            {
                "message_id": ids,
                "line": lines,
                "contact_id": audience["contact_id"],
                "channel": _repeat(body.channel, count),
                "step": pa.array(np.full(count, step, dtype=np.int16)),
                "state": _repeat(state, count),
                "address": address,
                "address_hash": hashes,
                "country": country,
                "language": _repeat(body.language, count),
                "subject": texts.get("subject", nothing),
                "body": texts["body"],
                "html": texts.get("html", nothing),
                "segments": pa.array(units, pa.int32()),
                "cost": cost,
                "currency": currency,
                "not_before": audience["not_before"],
            },
            schema=MESSAGES,
        )
        block.rendered.append(_Rendered(rows, table))
        summary = self.summary
        summary.messages += count
        if state == "queued":
            summary.queued += count
        else:
            summary.standby += count
        summary.segments += int(units.sum())
        summary.by_channel[body.channel] += count
        summary.by_language[body.language] += count

    def _is_queued(self, step: int) -> bool:
        return step == 0 or self.options.delivery is Delivery.ALL_OF

    def _address_facts(
        self, block: _Block, rows: _Rows, channel: str, step: int, address: pa.Array, audience: pa.Table
    ) -> tuple[pa.Array, pa.Array]:
        """Hash and country of the addresses: the audience's where it planned this channel first, else computed."""
        if step == 0 and not block.changed[rows].any():
            return column_of(audience, "address_hash"), column_of(audience, "country")
        hashes = hex_column(address_digests(address.to_pylist(), self.options.hash_key))
        known = pc.coalesce(column_of(block.contacts, "country").take(pa.array(rows)), column_of(audience, "country"))
        kinds = CHANNELS[channel]
        if not kinds.takes_numbers:
            return hashes, known
        numbers = pc.if_else(pc.starts_with(address, "+"), address, None) if kinds.takes_emails else address
        return hashes, pc.coalesce(countries_of_numbers(numbers), known)

    def _units(self, body: CompiledBody, texts: Mapping[str, pa.Array]) -> npt.NDArray[np.int64]:
        """The count of what is charged, in the channel's :attr:`~nightmail.channels.Channel.price_unit`."""
        column, unit = texts["body"], CHANNELS[body.channel].price_unit
        if unit is Unit.SEGMENT:
            return count_segments(column)
        if unit is Unit.MINUTE:
            characters = pc.utf8_length(column).to_numpy(zero_copy_only=False).astype(np.int64) - body.frame_characters
            return speech.estimated_minutes(characters, plays=body.plays)
        return np.ones(len(column), dtype=np.int64)

    def _costs(
        self, channel: str, country: pa.Array, units: npt.NDArray[np.int64], *, queued: bool
    ) -> tuple[pa.Array, pa.Array]:
        count = len(units)
        if self.options.prices is None:
            return pa.nulls(count, MONEY), pa.nulls(count, pa.string())
        encoded = country.dictionary_encode()
        codes = pc.fill_null(encoded.indices, len(encoded.dictionary)).to_numpy(zero_copy_only=False)
        found = [self._price(channel, code) for code in [*encoded.dictionary.to_pylist(), None]]
        micros = np.array([0 if price is None else price[0] for price in found], dtype=np.int64)[codes] * units
        priced = np.array([price is not None for price in found], dtype=bool)[codes]
        currency = pa.array([None if price is None else price[1] for price in found], pa.string()).take(pa.array(codes))
        totals = self.summary.costs if queued else self.summary.standby_costs
        for code in np.unique(codes).tolist():
            price = found[code]
            if price is not None:
                amount = Decimal(int(micros[codes == code].sum())) / _MICRO
                totals[price[1]] = totals.get(price[1], Decimal(0)) + amount
        self.summary.unpriced += int((~priced).sum())
        words = np.zeros((count, 2), dtype=np.int64)
        words[:, 0] = micros
        validity = None if priced.all() else pa.py_buffer(np.packbits(priced, bitorder="little").tobytes())
        return pa.Array.from_buffers(MONEY, count, [validity, pa.py_buffer(words)]), currency

    def _price(self, channel: str, country: str | None) -> tuple[int, str] | None:
        """Millionths of the currency, and the currency."""
        key = (channel, country)
        if key not in self._prices:
            prices = self.options.prices
            assert prices is not None
            carriers = prices.carriers(channel)
            carrier = self.options.carriers.get(channel) or (carriers[0] if carriers else "")
            price = prices.price(carrier, channel, country, self.day)
            self._prices[key] = None if price is None else (int(price.amount * _MICRO), price.currency)
        return self._prices[key]

    # --- The audience ------------------------------------------------------------------------------------------------

    def _changed_audience(self, block: _Block) -> pa.Table:
        """The block's rows whose first channel gave way: on their next one now, or held."""
        changed = np.flatnonzero(block.changed)
        table = block.audience.take(pa.array(changed)).to_pydict()
        facts = {
            row: (rendered.table["address_hash"][at].as_py(), rendered.table["country"][at].as_py())
            for rendered in block.rendered
            if rendered.table["step"][0].as_py() == 0
            for at, row in enumerate(rendered.rows.tolist())
            if block.changed[row]
        }
        for at, row in enumerate(changed.tolist()):
            names = [self.channels[code] for code in block.channels[row].tolist() if code >= 0]
            table["channel"][at], table["fallbacks"][at] = (names[0] if names else None), names[1:]
            if names:
                self.summary.dropped += 1
                table["address_hash"][at], table["country"][at] = facts[row]
                continue
            reason = block.first_reason[row]
            self.summary.held += 1
            self.summary.by_reason[reason] += 1
            table["state"][at], table["reason"][at], table["not_before"][at] = "held", reason, None
        return pa.table(table, schema=AUDIENCE)


def _side_by_side(
    contacts: TableFile, audience: TableFile, columns: list[str], rows: int
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Blocks of contacts with the audience's rows of the same lines. Raises ``ValueError`` when the lines differ."""
    following = audience.blocks(rows=rows)
    waiting: pa.Table | None = None
    for block in contacts.blocks(columns, rows=rows):
        parts: list[pa.Table] = []
        missing = block.num_rows
        while missing:
            if waiting is None or not waiting.num_rows:
                waiting = next(following, None)
                if waiting is None:
                    raise ValueError("the audience has fewer rows than the contacts")
            part = waiting.slice(0, missing)
            waiting = waiting.slice(part.num_rows)
            parts.append(part)
            missing -= part.num_rows
        beside = pa.concat_tables(parts).combine_chunks() if parts else AUDIENCE.empty_table()
        block = block.combine_chunks()  # noqa: PLW2901
        if not beside["line"].equals(block["line"]):
            raise ValueError("the audience's lines are not those of the contacts")
        yield block, beside


def _channels_in(audience: TableFile) -> set[str]:
    """The channels that the audience is planned on, fallbacks among them."""
    found: set[str] = set()
    for block in audience.blocks(["channel", "fallbacks"]):
        for column in (block["channel"], pc.list_flatten(block["fallbacks"])):
            found |= {name for name in pc.unique(column).to_pylist() if name is not None}
    return found


def _in_order(rendered: list[_Rendered]) -> Iterator[pa.Table]:
    """The messages of a block by line and step."""
    if len(rendered) <= 1:
        yield from (entry.table for entry in rendered)
        return
    whole = pa.concat_tables([entry.table for entry in rendered]).combine_chunks()
    rows = np.concatenate([entry.rows for entry in rendered])
    order = np.lexsort((whole["step"].to_numpy(), rows))
    yield whole.take(pa.array(order))


def _rewrite(audience: TableFile, changes: pa.Table) -> None:
    """Write the audience again with some rows changed, aside and renamed."""
    lines = changes["line"].combine_chunks()
    with audience.writer(AUDIENCE) as writer:
        for block in audience.blocks():
            positions = pc.index_in(block["line"].combine_chunks(), value_set=lines)
            if positions.null_count == len(positions):
                writer.write(block)
                continue
            both = pa.concat_tables([block, changes]).combine_chunks()
            kept = pa.array(np.arange(block.num_rows))
            writer.write(both.take(pc.coalesce(pc.add(positions.cast(pa.int64()), block.num_rows), kept)))


def _sample(rows: int, wanted: int) -> npt.NDArray[np.int64]:
    """Rows to compare: the first, the last, and some between that the count of rows picks, the same each time."""
    if rows <= wanted:
        return np.arange(rows, dtype=np.int64)
    picked = np.random.default_rng(rows).integers(0, rows, max(wanted - 2, 0))
    found: npt.NDArray[np.int64] = np.unique(np.concatenate(([0, rows - 1], picked)))[: max(wanted, 2)]
    return found


def _repeat(value: str, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), count)


def _one_line(column: pa.Array) -> pa.Array:
    """Subjects: no line break or other control sign may get into a header."""
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
        blank[row] = not speech.spoken_text(column[row].as_py())
    return blank
