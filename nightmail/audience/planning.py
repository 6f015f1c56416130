"""The stage ``audience``: every contact is planned on a channel or held with a reason, a block of rows at a time.

What forbids a contact altogether (a minor, an opt-out of the category) is looked at first. Then each channel gets a
verdict for each row; the first good one in the contact's own order, else the feed's, is the contact's channel. A contact
without any is held for what stands in the way of the first channel that it has an address for.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.audience.addressing import (
    Addressed,
    address_channels,
    contact_country,
    contact_hashes,
    contact_place,
    first_known,
    settle_country,
)
from nightmail.audience.book_ids import BookIds
from nightmail.audience.choices import Choices
from nightmail.audience.decisions import RULES, Decided, decision_rows, rules_as_they_were, rules_version
from nightmail.audience.known import PreferenceSource
from nightmail.audience.known_index import KnownIndex
from nightmail.audience.obstacles import Obstacles
from nightmail.audience.policy import AudiencePolicy
from nightmail.audience.selection import OncePerAddress, in_order, used_channels
from nightmail.audience.start_times import AT_ONCE, Calendar, StartTimes, Times, times_of
from nightmail.audience.summary import AudienceSummary
from nightmail.audience.verdicts import (
    GOOD,
    LINE,
    NO_ADDRESS,
    PREFERENCE,
    REASONS,
    ROW,
    DeciderNames,
    Positions,
    Records,
    Verdicts,
    Whole,
    codes_of,
)
from nightmail.lake import TableFile, column_of
from nightmail.lake.masks import Mask
from nightmail.lake.schemas import AUDIENCE, AUDIENCE_DECISIONS
from nightmail.privacy.keyed_hashes import Hashes, hex_column
from nightmail.progress import Progress
from nightmail.row_checks.channel_addresses import ADDRESS_COLUMNS

STAGE = "audience"
_RECURRING = frozenset({"state", "channel", "reason", "country", "language", "time_zone"})
_WRITTEN = pa.schema(
    [
        field.with_type(pa.dictionary(pa.int32(), pa.string())) if field.name in _RECURRING else field
        for field in AUDIENCE
    ]
)
"""The audience as it is written: by the few values that there are. Readers get texts."""


def plan_audience(
    contacts: TableFile,
    audience: TableFile,
    policy: AudiencePolicy,
    known: PreferenceSource,
    progress: Progress | None = None,
    book_ids: BookIds | None = None,
    decisions: TableFile | None = None,
) -> AudienceSummary:
    """Write ``audience`` for ``contacts``: one row per contact, in the same order of lines.

    ``decisions`` gets what was decided about each of them on each channel (:mod:`nightmail.audience.decisions`).

    Contacts keep their ``book_ids``; without, ids are made from what identifies them in the policy's team.

    Columns are those of :data:`nightmail.lake.schemas.CONTACTS` and :data:`nightmail.lake.schemas.AUDIENCE`.

    >>> summary = plan_audience(tables.contacts, tables.audience, policy, KnownPreferences.nothing())
    >>> summary.contacts == summary.planned + summary.held
    True
    """
    planner = _Planner(policy, known.known_of(contacts, policy, book_ids), book_ids)
    total = contacts.num_rows()
    wanted = ["line", "external_id", *ADDRESS_COLUMNS, "country", "language", "time_zone", "birth_date"]
    # A table from before a column existed has no birth dates that could not be read, which were left out, and no parts of countries.
    wanted += [name for name in ("birth_date_unread", "country_subdivision") if name in contacts.schema().names]
    with ExitStack() as files:
        writer = files.enter_context(audience.writer(_WRITTEN))
        log = None
        if decisions is not None:
            log = files.enter_context(decisions.writer(AUDIENCE_DECISIONS))
            log.set_metadata(RULES, rules_as_they_were(policy, planner.looked_at()))
        for block in contacts.blocks(wanted):
            rows, decided = planner.plan(block.combine_chunks(), logged=log is not None)
            writer.write(rows)
            if log is not None and decided is not None:
                log.write(decided)
            if progress is not None:
                progress(STAGE, writer.rows, total)
    return planner.summary


@dataclass
class _Plan:
    """What was decided about the contacts of a block."""

    contact_hashes: Hashes
    channels: list[Addressed]
    reported: Positions
    """The channel whose address, country and reason a row shows: its first one, or the one that it is held on."""
    reason: Verdicts
    used: Positions
    """The channels of each row in order; -1 fills up, so that a held row has no other."""
    language: pa.DictionaryArray
    zone: pa.DictionaryArray
    times: Times
    """The earliest times of each row's channels, place by place as ``used``."""
    verdicts: Verdicts
    """By row and channel."""
    whole: Whole
    choices: Choices

    @property
    def planned(self) -> Mask:
        """Rows that are sent to."""
        found: Mask = self.used[:, 0] >= 0
        return found


class _Planner:
    """Plans one campaign, block by block; addresses that are used once are remembered between blocks."""

    def __init__(self, policy: AudiencePolicy, known: KnownIndex, book_ids: BookIds | None) -> None:
        self.policy = policy
        self._known, self._book_ids = known, book_ids
        self.summary = AudienceSummary()
        self._deciders = DeciderNames()
        self._obstacles = Obstacles(policy, known, self._deciders)
        self._calendar = Calendar(policy)
        self._version = rules_version(policy.rules)
        self._once = OncePerAddress(fallbacks=policy.has_fallbacks) if policy.once_per_address else None

    def looked_at(self) -> dict[str, list[str]]:
        """What is looked at on each channel, in order: first what the row and the contact's choices say whatever the channel."""
        found = {
            name: [ROW, PREFERENCE, *self._obstacles.looked_at(name, self._calendar.closed[name])]
            for name in self.policy.channels
        }
        return {name: [*looked, *([LINE] if self._once is not None else ())] for name, looked in found.items()}

    def plan(self, block: pa.Table, *, logged: bool = False) -> tuple[pa.Table, pa.Table | None]:
        """The audience's rows of one block of contacts; where it is ``logged``, what was decided on each channel too."""
        plan = self._decide(block)
        country = self._reported_country(plan)
        self._count(plan, country)
        decided = None
        if logged:
            decided = decision_rows(
                Decided(
                    lines=block["line"],
                    channels=self.policy.channels,
                    order=plan.choices.order,
                    verdicts=plan.verdicts,
                    deciders=np.stack([each.deciders for each in plan.channels], axis=1),
                    records=np.stack([each.records for each in plan.channels], axis=1),
                    consents=self._consents(plan.channels),
                    whole=plan.whole,
                    statements=self._known.choices.statements(plan.choices.found),
                ),
                self._deciders.names,
                self._version,
            )
        return self._rows(block, plan, country), decided

    def _consents(self, channels: list[Addressed]) -> Records | None:
        """The consents that let rows through, by row and channel; ``None`` where none is needed."""
        found = [each.consents for each in channels if each.consents is not None]
        return np.stack(found, axis=1) if len(found) == len(channels) else None

    def _decide(self, block: pa.Table) -> _Plan:
        policy = self.policy
        hashes = contact_hashes(block, policy) if self._book_ids is None else self._book_ids.at(block["line"])
        choices = self._known.choices.of(hashes)
        language = first_known(choices.language, column_of(block, "language"), pa.scalar(policy.default_language))
        zone = first_known(choices.time_zone, column_of(block, "time_zone"), pa.scalar(policy.default_time_zone))
        channels = address_channels(block, policy, self._deciders.code(ROW))
        country = contact_country(block, channels, policy)
        where = contact_place(block, country)
        languages, zones = language.dictionary_encode(), zone.dictionary_encode()
        start_times = StartTimes(self._calendar, zones, where.dictionary_encode(), choices)
        consents = self._known.consents.find(hashes)
        for addressed in channels:
            settle_country(addressed, country)
            self._obstacles.judge(addressed, languages, consents)
            start_times.mark_late(addressed, self._deciders)
            self._obstacles.judge_caps(addressed, hashes)
        whole = self._whole(block, country, choices)
        verdicts = self._verdicts(channels, whole.verdicts)
        if self._once is not None:
            marked = self._once.apply(channels, verdicts, choices.order, block["line"].to_numpy())
            for addressed, (lost, lines) in zip(channels, marked, strict=True):
                addressed.mark(lost, "address_already_used", self._deciders.code(LINE), lines)
        used = used_channels(verdicts, choices.order, fallbacks=policy.has_fallbacks)
        reported = _reported(verdicts, choices.order, used)
        reason = verdicts[np.arange(len(reported)), reported]
        return _Plan(
            contact_hashes=hashes,
            channels=channels,
            reported=reported,
            reason=np.where(used[:, 0] >= 0, GOOD, np.where(whole.verdicts != GOOD, whole.verdicts, reason)),
            used=used,
            language=languages,
            zone=zones,
            times=start_times.on_used(used),
            verdicts=verdicts,
            whole=whole,
            choices=choices,
        )

    def _whole(self, block: pa.Table, country: pa.Array, choices: Choices) -> Whole:
        """What forbids a contact altogether, and what says so."""
        whole = Whole(np.zeros(block.num_rows, dtype=np.uint8), np.zeros(block.num_rows, dtype=np.int16))
        by_row, by_preference = self._deciders.code(ROW), self._deciders.code(PREFERENCE)
        whole.mark(self._obstacles.minors(block, country), "minor", by_row)
        whole.mark(self._obstacles.unread_birth_dates(block), "birth_date_unread", by_row)
        whole.mark(choices.category_out, "category_opted_out", by_preference)
        whole.mark(choices.paused, "paused_by_contact", by_preference)
        return whole

    def _verdicts(self, channels: list[Addressed], whole: Verdicts) -> Verdicts:
        """The verdicts by row and channel, where what forbids a contact altogether stands on each that it has."""
        verdicts = np.stack([addressed.verdicts for addressed in channels], axis=1)
        rows = np.flatnonzero(whole)
        if len(rows):
            some = verdicts[rows]
            verdicts[rows] = np.where(some == NO_ADDRESS, NO_ADDRESS, whole[rows, None])
        return verdicts

    def _reported_country(self, plan: _Plan) -> pa.Array:
        country = pa.nulls(len(plan.reported), pa.string())
        for position, addressed in enumerate(plan.channels):
            here = plan.reported == position
            country = addressed.country if here.all() else pc.if_else(pa.array(here), addressed.country, country)
        return country

    def _rows(self, block: pa.Table, plan: _Plan, country: pa.Array) -> pa.Table:
        hashes = np.zeros((block.num_rows, 2), dtype=np.uint64)
        for position, addressed in enumerate(plan.channels):
            here = plan.reported == position
            hashes[here] = addressed.hashes[here]
        reasons = pa.array(REASONS[1:], pa.string())
        return pa.table(
            {
                "line": block["line"],
                "contact_id": hex_column(plan.contact_hashes),
                "state": pa.DictionaryArray.from_arrays(pa.array(plan.planned.astype(np.int32)), ["held", "planned"]),
                **self._channel_columns(plan.used),
                "reason": pa.DictionaryArray.from_arrays(
                    pa.array(plan.reason.astype(np.int32) - 1, mask=plan.reason == GOOD), reasons
                ),
                "address_hash": hex_column(hashes),
                "country": country.dictionary_encode(),
                "language": plan.language,
                "time_zone": plan.zone,
                "not_before": times_of(plan.times[:, 0]),
                "fallbacks_not_before": _fallbacks_not_before(plan),
            },
            schema=_WRITTEN,
        )

    def _channel_columns(self, used: Positions) -> dict[str, pa.Array]:
        """The columns ``channel`` and ``fallbacks``, made from the few sequences of channels that there are."""
        names = self.policy.channels
        base = len(names) + 1
        codes = np.zeros(len(used), dtype=np.int64)
        for place in range(used.shape[1]):
            codes = codes * base + used[:, place] + 1
        encoded = pa.array(codes).dictionary_encode()
        distinct, indices = encoded.dictionary.to_numpy(), codes_of(encoded)
        sequences: list[list[str]] = []
        for code in distinct.tolist():
            digits = [code // base**power % base for power in reversed(range(used.shape[1]))]
            sequences.append([names[digit - 1] for digit in digits if digit])
        channel = pa.array([sequence[0] if sequence else None for sequence in sequences], pa.string())
        fallbacks = pa.array([sequence[1:] for sequence in sequences], pa.list_(pa.string()))
        taken = pa.array(indices.astype(np.int32))
        return {"channel": channel.take(taken).dictionary_encode(), "fallbacks": fallbacks.take(taken)}

    def _count(self, plan: _Plan, country: pa.Array) -> None:
        planned = plan.planned
        held_for = np.unique(plan.reason[~planned], return_counts=True)
        first_channels = ((plan.used[:, 0] == position).sum() for position in range(len(self.policy.channels)))
        countries = pc.value_counts(country.filter(pa.array(planned))).to_pylist()
        self.summary.add(
            planned=int(planned.sum()),
            by_channel=dict(zip(self.policy.channels, map(int, first_channels), strict=True)),
            by_reason={REASONS[code]: int(count) for code, count in zip(*held_for, strict=True)},
            by_country={entry["values"] or "": entry["counts"] for entry in countries},
            not_before=plan.times[:, 0][planned & (plan.times[:, 0] != AT_ONCE)],
        )


def _fallbacks_not_before(plan: _Plan) -> pa.Array:
    """The column of the times of further channels; null throughout where no row of the block has any time to wait for."""
    rows = len(plan.times)
    further = plan.used[:, 1:] >= 0
    if not further.any() or (plan.times[plan.used >= 0] == AT_ONCE).all():
        return pa.nulls(rows, AUDIENCE.field("fallbacks_not_before").type)
    offsets = np.concatenate(([0], np.cumsum(further.sum(axis=1))))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), times_of(plan.times[:, 1:][further]))


def _reported(verdicts: Verdicts, order: Positions, used: Positions) -> Positions:
    """Positions of the channels that rows are reported on; a held row's is the first that it has an address for."""
    reported = used[:, 0].copy()
    rows = np.flatnonzero(reported < 0)
    if len(rows):
        ordered = in_order(verdicts[rows], order[rows])
        reported[rows] = order[rows, (ordered != NO_ADDRESS).argmax(axis=1)]
    return reported
