"""The stage ``messages``: every planned contact's messages, rendered, measured and priced, a block of rows at a time.

Contacts and audience have the same lines in the same order, so that blocks of both are walked side by side. A block's
size follows from the template's, so that memory does not grow with the bodies; a block whose texts grow beyond
:data:`BLOCK_TEXT_BYTES` all the same is halved. A message that cannot be rendered (too long, empty, failing on a value)
gives way to the contact's next channel; a contact with none left becomes held, and the audience is then written again, aside
and renamed, so that counts reconcile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.channels import CHANNELS, Unit
from nightmail.lake import BLOCK_ROWS, TableFile, column_of
from nightmail.lake.schemas import AUDIENCE, MESSAGES
from nightmail.message_ids import message_ids
from nightmail.organisation.feed_choices import Delivery
from nightmail.privacy.keyed_hashes import address_digests, hex_column
from nightmail.progress import Progress
from nightmail.row_checks.channel_addresses import ADDRESS_COLUMNS, channel_addresses
from nightmail.row_checks.language_matching import choose_language
from nightmail.row_checks.number_countries import countries_of_numbers
from nightmail.templates.audience_blocks import Block, RenderedRows, Rows, channels_in, rewrite, side_by_side
from nightmail.templates.bodies import CompiledBody, compile_bodies
from nightmail.templates.body_texts import BodyTexts, Disagreement, SystemLinks
from nightmail.templates.columns import TextsTooLarge
from nightmail.templates.message_costs import Costs, Pricing
from nightmail.templates.model import Template
from nightmail.templates.segments import measure
from nightmail.templates.speech import estimated_minutes
from nightmail.templates.summary import NOWHERE, MessagesSummary, RenderOptions

STAGE = "messages"
BLOCK_TEXT_BYTES = 512 * 1024 * 1024
"""The most that the messages of one block take before it is halved."""

_BLOCK_BYTES = 48 * 1024 * 1024
_LEAST_ROWS = 2_000


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
    bodies = compile_bodies(template, rendering.public_url or NOWHERE, rendering.carriers)
    if not rendering.columnar:
        for body in bodies.values():
            body.columnar = False
    while True:
        try:
            return _Renderer(template, rendering, bodies).run(contacts, audience, messages, progress)
        except Disagreement as found:
            # Blocks already written may hold what the sample did not show, so all is rendered again.
            found.body.columnar = False


class _Renderer:
    def __init__(
        self, template: Template, options: RenderOptions, bodies: Mapping[tuple[str, str], CompiledBody]
    ) -> None:
        day = options.price_date or datetime.now(UTC).date()
        self.template = template
        self.options = options
        self.bodies = bodies
        self.channels = template.channels
        self.summary = MessagesSummary()
        links = SystemLinks(
            public_url=options.public_url or NOWHERE,
            signing_key=options.signing_key or options.hash_key,
            day=day,
            preview=options.preview,
        )
        self._texts = BodyTexts(template, links, options.sample_rows)
        self._pricing = Pricing(options.prices, options.carriers, day)
        self._changes: list[pa.Table] = []

    def run(
        self, contacts: TableFile, audience: TableFile, messages: TableFile, progress: Progress | None
    ) -> MessagesSummary:
        """Render all blocks and write them."""
        total, done = contacts.num_rows(), 0
        block_rows = self._block_rows(channels_in(audience))
        columns = self._columns_read(contacts.schema().names)
        with messages.writer(MESSAGES) as writer:
            for contact_block, audience_block in side_by_side(contacts, audience, columns, block_rows):
                for block in self._blocks(contact_block, audience_block):
                    for table in block.messages():
                        writer.write(table)
                    if block.changed.any():
                        self._changes.append(self._changed_audience(block))
                done += contact_block.num_rows
                if progress is not None:
                    progress(STAGE, done, total)
        if self._changes:
            rewrite(audience, pa.concat_tables(self._changes).combine_chunks())
        return self.summary

    def _columns_read(self, there: list[str]) -> list[str]:
        used = sorted({name for body in self.bodies.values() for name in body.names})
        used += [p.currency_column for p in self.template.placeholders.values() if p.currency_column]
        used += [f"{name}_currency" for name in used]
        wanted = ["line", *ADDRESS_COLUMNS, "country"]
        return wanted + [name for name in dict.fromkeys(used) if name in there and name not in wanted]

    def _block_rows(self, channels: set[str]) -> int:
        """Rows that can be rendered at once: fewer the longer the bodies of the audience's channels are."""
        by_language = Counter[str]()
        for (language, channel), body in self.bodies.items():
            by_language[language] += body.size if channel in channels else 0
        size = max(by_language.values(), default=0)
        return int(min(BLOCK_ROWS, max(_LEAST_ROWS, _BLOCK_BYTES // (2 * size + 200))))

    # --- A block -----------------------------------------------------------------------------------------------------

    def _blocks(self, contacts: pa.Table, audience: pa.Table) -> Iterator[Block]:
        """The rows as a rendered block, or as two where their values make the texts too large for one."""
        before = deepcopy(self.summary)
        try:
            yield self._render(contacts, audience)
            return
        except TextsTooLarge:
            self.summary = before
        half = contacts.num_rows // 2
        for part in (slice(0, half), slice(half, None)):
            yield from self._blocks(contacts[part].combine_chunks(), audience[part].combine_chunks())

    def _render(self, contacts: pa.Table, audience: pa.Table) -> Block:
        block = Block.of(contacts, audience, self.channels)
        self.summary.contacts += int((block.channels[:, 0] >= 0).sum()) if block.channels.shape[1] else 0
        languages = column_of(audience, "language").dictionary_encode()
        language_codes = pc.fill_null(languages.indices, len(languages.dictionary)).to_numpy(zero_copy_only=False)
        tags = [*languages.dictionary.to_pylist(), None]
        for place in range(block.channels.shape[1]):
            pending = np.flatnonzero(block.channels[:, place] >= 0)
            while len(pending):
                failed: list[Rows] = []
                here = block.channels[pending, place]
                for code in np.unique(here).tolist():
                    channel = self.channels[code]
                    on_channel = pending[here == code]
                    chosen = self._languages(channel, tags)[language_codes[on_channel]]
                    for language in np.unique(chosen).tolist():
                        some = on_channel[chosen == language]
                        body = self.bodies.get((language, channel))
                        failed.append(
                            block.fail(some, "language_not_available")
                            if body is None
                            else self._messages(block, some, body, place)
                        )
                pending = np.sort(np.concatenate(failed))
                if len(pending):
                    # The channel gives way to the next one, which takes its place and step.
                    pending = block.give_way(pending, place)
        return block

    def _languages(self, channel: str, tags: list[str | None]) -> npt.NDArray[np.object_]:
        available, default = self.template.languages_of(channel), self.template.default_language
        return np.array([choose_language(tag, available, default) or "" for tag in tags], dtype=object)

    # --- Messages on one channel in one language -----------------------------------------------------------------------

    def _messages(self, block: Block, rows: Rows, body: CompiledBody, step: int) -> Rows:
        """Render the rows' messages; gives the rows for which that failed."""
        taken = None if len(rows) == block.contacts.num_rows else pa.array(rows)

        def take(column: pa.Array) -> pa.Array:
            return column if taken is None else column.take(taken)

        lines = take(column_of(block.contacts, "line"))
        ids = message_ids(self.options.campaign_token, lines, body.channel, step)
        rendered = self._texts.render(body, block.contacts, ids, take, self.summary.characters)
        self.summary.compared += rendered.compared
        if rendered.row_by_row:
            self.summary.row_by_row[f"{body.language}/{body.channel}"] += rendered.row_by_row
        texts, reasons = rendered.texts, rendered.reasons
        good = reasons == ""
        bad = np.flatnonzero(~good)
        for reason in np.unique(reasons[bad]).tolist():
            block.fail(rows[bad[reasons[bad] == reason]], reason)
        if not good.all():
            keep = pa.array(good)
            texts = {name: column.filter(keep) for name, column in texts.items()}
            kept = rows[good]
            if len(kept):
                self._add(block, kept, body, step, texts, ids.filter(keep), lines.filter(keep))
        elif len(rows):
            self._add(block, rows, body, step, texts, ids, lines)
        if len(block.changed) > 1 and sum(entry.table.nbytes for entry in block.rendered) > BLOCK_TEXT_BYTES:
            raise TextsTooLarge
        return rows[bad]

    def _add(
        self,
        block: Block,
        rows: Rows,
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
        units, costs = self._charges(body, texts["body"], country)
        is_queued = step == 0 or self.options.delivery is Delivery.ALL_OF
        nothing = pa.nulls(count, pa.string())
        table = pa.table(
            {
                "message_id": ids,
                "line": lines,
                "contact_id": audience["contact_id"],
                "channel": _repeat(body.channel, count),
                "step": pa.array(np.full(count, step, dtype=np.int16)),
                "state": _repeat("queued" if is_queued else "standby", count),
                "address": address,
                "address_hash": hashes,
                "country": country,
                "language": _repeat(body.language, count),
                "subject": texts.get("subject", nothing),
                "body": texts["body"],
                "html": texts.get("html", nothing),
                "segments": pa.array(units, pa.int32()),
                "cost": costs.amounts,
                "currency": costs.currencies,
                "not_before": audience["not_before"]
                if block.waits is None
                else block.waits.on(rows, self.channels.index(body.channel)),
            },
            schema=MESSAGES,
        )
        block.rendered.append(RenderedRows(rows, table))
        self.summary.count_messages(body.channel, body.language, units, costs, is_queued=is_queued)

    def _address_facts(
        self, block: Block, rows: Rows, channel: str, step: int, address: pa.Array, audience: pa.Table
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

    def _charges(self, body: CompiledBody, column: pa.Array, country: pa.Array) -> tuple[npt.NDArray[np.int64], Costs]:
        """The units of what is charged, in the channel's :attr:`~nightmail.channels.Channel.price_unit`, and their costs."""
        unit = CHANNELS[body.channel].price_unit
        if unit is Unit.SEGMENT:
            measured = measure(column)
            costs = self._pricing.costs(body.channel, country, measured.segments)
            self.summary.characters.add(measured, costs.unit_micros, costs.currencies)
            return measured.segments, costs
        if unit is Unit.MINUTE:
            characters = pc.utf8_length(column).to_numpy(zero_copy_only=False).astype(np.int64) - body.frame_characters
            units = estimated_minutes(characters, plays=body.plays)
        else:
            units = np.ones(len(column), dtype=np.int64)
        return units, self._pricing.costs(body.channel, country, units)

    # --- The audience ------------------------------------------------------------------------------------------------

    def _changed_audience(self, block: Block) -> pa.Table:
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
                if block.waits is not None:
                    codes = [code for code in block.channels[row].tolist() if code >= 0]
                    times = [block.waits.on(np.array([row]), code)[0].as_py() for code in codes]
                    table["not_before"][at], table["fallbacks_not_before"][at] = times[0], times[1:]
                continue
            reason = block.first_reason[row]
            self.summary.held += 1
            self.summary.by_reason[reason] += 1
            table["state"][at], table["reason"][at], table["not_before"][at] = "held", reason, None
            table["fallbacks_not_before"][at] = None
        return pa.table(table, schema=AUDIENCE)


def _repeat(value: str, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), count)
