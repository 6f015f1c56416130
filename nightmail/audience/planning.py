"""The stage ``audience``: every contact is planned on a channel or held with a reason, a block of rows at a time.

What forbids a contact altogether (a minor, an opt-out of the category) is looked at first. Then each channel gets a
verdict for each row; the first good one in the contact's own order, else the feed's, is the contact's channel. A contact
without any is held for what stands in the way of the first channel that it has an address for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.audience.known import KnownPreferences
from nightmail.audience.policy import AudiencePolicy
from nightmail.audience.quiet_hours import earliest_time, hours_that_bind, local_moment, zone_for
from nightmail.audience.summary import AudienceSummary
from nightmail.channels import CHANNELS, EMAIL_FIELD
from nightmail.lake import TableFile, column_of
from nightmail.lake.masks import Mask, present, truth
from nightmail.lake.schemas import AUDIENCE, UTC_TIME
from nightmail.organisation.feed_choices import Delivery
from nightmail.organisation.served_countries import SERVED_COUNTRIES, consent_age
from nightmail.privacy.keyed_hashes import (
    Hashes,
    HashIndex,
    address_digests,
    contact_digests,
    from_hex,
    hex_column,
)
from nightmail.progress import Progress
from nightmail.row_checks.channel_addresses import ADDRESS_COLUMNS, channel_addresses
from nightmail.row_checks.language_matching import choose_language
from nightmail.row_checks.number_countries import countries_of_numbers

STAGE = "audience"

_REASONS = (
    "",
    "no_usable_channel",
    "phone_not_mobile",
    "phone_premium",
    "language_not_available",
    "country_not_served",
    "country_unsettled",
    "opted_out",
    "suppressed",
    "category_opted_out",
    "consent_missing",
    "quiet_hours_past_cut_off",
    "address_already_used",
    "minor",
)
"""Verdicts on a row and channel; 0 is good. Earlier ones win where several hold."""
_CODE = {reason: code for code, reason in enumerate(_REASONS)}

_IDENTITY = ("external_id", "phone", EMAIL_FIELD, "phone_2", "landline")
"""What a contact's id is made from: the first that it has. Another order would give known contacts other ids."""

_GOOD, _NO_ADDRESS = 0, _CODE["no_usable_channel"]

_Codes = npt.NDArray[np.uint8]
_Rows = npt.NDArray[np.int64]


def plan_audience(
    contacts: TableFile,
    audience: TableFile,
    policy: AudiencePolicy,
    known: KnownPreferences,
    progress: Progress | None = None,
) -> AudienceSummary:
    """Write ``audience`` for ``contacts``: one row per contact, in the same order of lines.

    >>> summary = plan_audience(tables.contacts, tables.audience, policy, KnownPreferences.nothing())
    >>> summary.contacts == summary.planned + summary.held
    True
    """
    planner = _Planner(policy, known)
    total = contacts.num_rows()
    wanted = ["line", "external_id", *ADDRESS_COLUMNS, "country", "language", "time_zone", "birth_date"]
    with audience.writer(AUDIENCE) as writer:
        for block in contacts.blocks(wanted):
            writer.write(planner.plan(block.combine_chunks()))
            if progress is not None:
                progress(STAGE, writer.rows, total)
    return planner.summary


@dataclass
class _Channel:
    """One channel of one block: where it would go, and what stands in the way."""

    name: str
    address: pa.Array
    hashes: Hashes
    country: pa.Array
    verdicts: _Codes


class _Planner:
    def __init__(self, policy: AudiencePolicy, known: KnownPreferences) -> None:
        self.policy = policy
        self.summary = AudienceSummary()
        self.served = SERVED_COUNTRIES if policy.served is None else policy.served
        self.moment = policy.moment
        self._suppressed = {channel: _suppression_index(known, channel, None) for channel in policy.channels}
        self._declined = {
            channel: _suppression_index(known, channel, None, opted_out=True) for channel in policy.channels
        }
        self._opted_out = {channel: _suppression_index(known, channel, policy.category) for channel in policy.channels}
        self._preferences = known.preferences.combine_chunks()
        self._preference_index = HashIndex(from_hex(known.preferences["contact_id"]))
        self._consents = {channel: _consent_index(known, channel, policy.category) for channel in policy.channels}
        self._used: list[Hashes] = []
        self._earliest: dict[tuple[str | None, str | None, str | None, bool], datetime | None] = {}

    def plan(self, block: pa.Table) -> pa.Table:
        """The audience's rows of one block of contacts."""
        policy, rows = self.policy, block.num_rows
        contact_hashes = self._contact_hashes(block)
        chosen = self._chosen_by(contact_hashes)
        language = pc.coalesce(chosen.language, column_of(block, "language"), pa.scalar(policy.default_language))
        zone = pc.coalesce(chosen.time_zone, column_of(block, "time_zone"), pa.scalar(policy.default_time_zone))
        channels = self._channels(block)
        contact_country = self._contact_country(block, channels)
        not_before: dict[bool, npt.NDArray[np.int64]] = {}
        for channel in channels:
            self._judge_language(channel, language)
            self._judge_country(channel, contact_country)
            self._judge_known(channel, contact_hashes)
            binding = channel.name in policy.quiet_channels
            if binding not in not_before:
                not_before[binding] = self._not_before(zone, chosen, binding)
            _mark(channel.verdicts, not_before[binding] == _NEVER, "quiet_hours_past_cut_off")
        whole = np.zeros(rows, dtype=np.uint8)
        _mark(whole, self._minors(block, contact_country), "minor")
        _mark(whole, chosen.category_out, "category_opted_out")
        for channel in channels:
            channel.verdicts[whole != _GOOD] = np.where(
                channel.verdicts[whole != _GOOD] == _NO_ADDRESS, _NO_ADDRESS, whole[whole != _GOOD]
            )
        verdicts = np.stack([channel.verdicts for channel in channels], axis=1)
        if policy.once_per_address:
            self._once_per_address(channels, verdicts, chosen.order)
        used = self._used_channels(verdicts, chosen.order)
        return self._table(
            block=block,
            contact_hashes=contact_hashes,
            channels=channels,
            verdicts=verdicts,
            whole=whole,
            order=chosen.order,
            used=used,
            language=language,
            zone=zone,
            times=self._times(channels, used, not_before),
        )

    # --- What is known -----------------------------------------------------------------------------------------------

    def _contact_hashes(self, block: pa.Table) -> Hashes:
        identity = pc.coalesce(
            *(column_of(block, name) for name in _IDENTITY),
            pa.scalar(""),
        )
        return contact_digests(self.policy.team, identity.to_pylist(), self.policy.hash_key)

    def _chosen_by(self, contact_hashes: Hashes) -> _Chosen:
        rows, count = len(contact_hashes), len(self.policy.channels)
        order = np.tile(np.arange(count, dtype=np.int64), (rows, 1))
        found = self._preference_index.find(contact_hashes)
        hits = np.flatnonzero(found >= 0)
        nothing = pa.nulls(rows, pa.string())
        if not len(hits):
            return _Chosen(order, np.zeros(rows, dtype=bool), nothing, nothing, nothing, nothing)
        matched = self._preferences.take(pa.array(found[hits])).combine_chunks()

        def spread(values: pa.Array) -> pa.Array:
            indices = np.full(rows, -1, dtype=np.int64)
            indices[hits] = np.arange(len(hits))
            return values.take(pa.array(indices, mask=indices < 0))

        wishes = pc.binary_join(column_of(matched, "channels"), " ").dictionary_encode()
        orders = np.array(
            [self._order(wish.split()) for wish in wishes.dictionary.to_pylist()] + [list(range(count))], dtype=np.int64
        )
        codes = pc.fill_null(wishes.indices, len(orders) - 1).to_numpy(zero_copy_only=False)
        order[hits] = orders[codes]
        out = np.zeros(rows, dtype=bool)
        out[hits] = _holds(column_of(matched, "categories_out"), lambda names: self.policy.category in names)
        if self.policy.needs_consent:
            out[hits] |= _holds(column_of(matched, "categories_in"), lambda names: self.policy.category not in names)
        texts = (spread(column_of(matched, name)) for name in ("quiet_from", "quiet_until", "time_zone", "language"))
        return _Chosen(order, out, *texts)

    def _order(self, wish: list[str]) -> list[int]:
        """Positions of the feed's channels: those the contact named first, in its order, then the others."""
        channels = self.policy.channels
        named = [channels.index(name) for name in dict.fromkeys(wish) if name in channels]
        return named + [position for position in range(len(channels)) if position not in named]

    # --- Addresses ---------------------------------------------------------------------------------------------------

    def _channels(self, block: pa.Table) -> list[_Channel]:
        made: list[_Channel] = []
        for name in self.policy.channels:
            found = channel_addresses(block, name)
            verdicts = np.where(found.usable, _GOOD, _CODE["phone_not_mobile"]).astype(np.uint8)
            verdicts[found.premium] = _CODE["phone_premium"]
            verdicts[~present(found.address)] = _NO_ADDRESS
            made.append(self._channel(name, found.address, verdicts, made))
        return made

    def _channel(self, name: str, address: pa.Array, verdicts: _Codes, made: list[_Channel]) -> _Channel:
        """Hashes and countries are taken from a channel that goes to the same addresses, where there is one."""
        hashes = np.zeros((len(address), 2), dtype=np.uint64)
        country = pa.nulls(len(address), pa.string())
        open_rows = present(address)
        kinds = CHANNELS[name]
        for other in made:
            if not kinds.shares_addresses(CHANNELS[other.name]):
                continue
            same = open_rows & truth(pc.equal(other.address, address))
            hashes[same] = other.hashes[same]
            country = pc.if_else(pa.array(same), other.country, country)
            open_rows &= ~same
        if open_rows.any():
            rows = np.flatnonzero(open_rows)
            some = address if len(rows) == len(address) else address.take(pa.array(rows))
            hashes[rows] = address_digests(some.to_pylist(), self.policy.hash_key)
            if kinds.takes_numbers:
                numbers = pc.if_else(pc.starts_with(some, "+"), some, None) if kinds.takes_emails else some
                country = pc.replace_with_mask(country, pa.array(open_rows), countries_of_numbers(numbers))
        return _Channel(name, address, hashes, country, verdicts)

    def _contact_country(self, block: pa.Table, channels: list[_Channel]) -> pa.Array:
        numbers = [channel.country for channel in channels if CHANNELS[channel.name].takes_numbers]
        default = pa.scalar(self.policy.default_country, pa.string())
        if not numbers and pc.any(pc.is_null(column_of(block, "country"))).as_py():
            phone = column_of(block, "phone")
            if phone.null_count < len(phone):
                numbers = [countries_of_numbers(phone)]
        return pc.coalesce(column_of(block, "country"), *numbers, default)

    # --- Verdicts ----------------------------------------------------------------------------------------------------

    def _judge_language(self, channel: _Channel, language: pa.Array) -> None:
        available = self.policy.languages.get(channel.name, ())
        bad = _by_value(language, lambda tag: choose_language(tag, available, self.policy.default_language) is None)
        _mark(channel.verdicts, bad, "language_not_available")

    def _judge_country(self, channel: _Channel, contact_country: pa.Array) -> None:
        kinds = CHANNELS[channel.name]
        if kinds.takes_emails:
            channel.country = pc.coalesce(channel.country, contact_country)
        has_country = present(channel.country)
        _mark(channel.verdicts, has_country & _by_value(channel.country, self._not_served), "country_not_served")
        if kinds.needs_country or self.policy.country_needed:
            _mark(channel.verdicts, ~has_country, "country_unsettled")

    def _not_served(self, country: str | None) -> bool:
        return country is not None and country not in self.served

    def _judge_known(self, channel: _Channel, contact_hashes: Hashes) -> None:
        verdicts = channel.verdicts
        _mark(verdicts, self._declined[channel.name].contains(channel.hashes), "opted_out")
        _mark(verdicts, self._suppressed[channel.name].contains(channel.hashes), "suppressed")
        _mark(verdicts, self._opted_out[channel.name].contains(channel.hashes), "category_opted_out")
        if self.policy.needs_consent:
            _mark(verdicts, ~self._consents[channel.name].contains(contact_hashes), "consent_missing")

    def _minors(self, block: pa.Table, country: pa.Array) -> Mask:
        born = column_of(block, "birth_date")
        if born.null_count == len(born):
            return np.zeros(len(born), dtype=bool)
        on = self.policy.reference_date
        limits = country.dictionary_encode()
        of_age = [_years_before(on, consent_age(code).age) for code in limits.dictionary.to_pylist()]
        of_age.append(_years_before(on, consent_age(None).age))
        codes = pc.fill_null(limits.indices, len(of_age) - 1)
        latest = pa.array(of_age, pa.date32()).take(codes)
        return truth(pc.greater(born, latest))

    def _not_before(self, zone: pa.Array, chosen: _Chosen, binding: bool) -> npt.NDArray[np.int64]:
        """Microseconds since 1970 of the earliest time of each row, :data:`_AT_ONCE` or :data:`_NEVER`."""
        if self.policy.local_start is None and (self.policy.quiet_hours is None or not binding):
            own = present(chosen.quiet_from) & present(chosen.quiet_until)
            if not own.any():
                return np.full(len(zone), _AT_ONCE, dtype=np.int64)
        keys = pc.binary_join_element_wise(
            zone, chosen.quiet_from, chosen.quiet_until, "|", null_handling="replace", null_replacement=""
        ).dictionary_encode()
        times = np.array([self._time(key, binding) for key in keys.dictionary.to_pylist()], dtype=np.int64)
        found: npt.NDArray[np.int64] = times[keys.indices.to_numpy(zero_copy_only=False)]
        return found

    def _time(self, key: str, binding: bool) -> int:
        policy = self.policy
        zone_name, own_from, own_until = key.split("|")
        zone = zone_for(zone_name, policy.default_time_zone)
        start = self.moment
        if policy.local_start is not None:
            start = max(start, local_moment(policy.local_start, zone))
        quiet = hours_that_bind(policy.quiet_hours if binding else None, own_from, own_until)
        earliest = earliest_time(start, zone, quiet)
        if earliest is None or (policy.cut_off is not None and earliest >= policy.cut_off):
            return _NEVER
        return _AT_ONCE if earliest <= self.moment else int(earliest.timestamp() * 1_000_000)

    # --- Choosing ----------------------------------------------------------------------------------------------------

    @property
    def _keeps_fallbacks(self) -> bool:
        return self.policy.keep_fallbacks or self.policy.delivery is not Delivery.FIRST_REACHABLE

    def _used_channels(self, verdicts: _Codes, order: _Rows) -> _Rows:
        """The channels of each row in order, as positions; -1 fills up."""
        good = np.take_along_axis(verdicts, order, axis=1) == _GOOD
        if not self._keeps_fallbacks:
            first = good.argmax(axis=1)
            only = np.zeros_like(good)
            only[np.arange(len(good)), first] = good[np.arange(len(good)), first]
            good = only
        ranks = np.argsort(~good, axis=1, kind="stable")
        return np.where(np.take_along_axis(good, ranks, axis=1), np.take_along_axis(order, ranks, axis=1), -1)

    def _once_per_address(self, channels: list[_Channel], verdicts: _Codes, order: _Rows) -> None:
        """Give each address to the first row that uses it; the others look for another channel, or are held."""
        used_before = HashIndex(np.concatenate(self._used)) if self._used else None
        while True:
            used = self._used_channels(verdicts, order)
            rows, places = np.nonzero(used >= 0)
            positions = used[rows, places]
            hashes = np.empty((len(rows), 2), dtype=np.uint64)
            for position, channel in enumerate(channels):
                of_channel = positions == position
                hashes[of_channel] = channel.hashes[rows[of_channel]]
            by_address = np.lexsort((rows, hashes[:, 1], hashes[:, 0]))
            ordered = hashes[by_address]
            starts = np.ones(len(rows), dtype=bool)
            starts[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
            owners = rows[by_address][np.maximum.accumulate(np.where(starts, np.arange(len(rows)), 0))]
            lost = np.empty(len(rows), dtype=bool)
            lost[by_address] = owners != rows[by_address]
            if used_before is not None:
                lost |= used_before.contains(hashes)
            if not lost.any():
                self._used.append(ordered[starts])
                return
            verdicts[rows[lost], positions[lost]] = _CODE["address_already_used"]

    # --- Writing -----------------------------------------------------------------------------------------------------

    def _table(
        self,
        *,
        block: pa.Table,
        contact_hashes: Hashes,
        channels: list[_Channel],
        verdicts: _Codes,
        whole: _Codes,
        order: _Rows,
        used: _Rows,
        language: pa.Array,
        zone: pa.Array,
        times: npt.NDArray[np.int64],
    ) -> pa.Table:
        rows = block.num_rows
        planned = used[:, 0] >= 0
        # The channel a row is told about: its first one, or the one that it is held on.
        ordered = np.take_along_axis(verdicts, order, axis=1)
        told = np.where(planned, used[:, 0], order[np.arange(rows), (ordered != _NO_ADDRESS).argmax(axis=1)])
        reason = verdicts[np.arange(rows), told]
        reason = np.where(planned, _GOOD, np.where(whole != _GOOD, whole, reason))
        hashes = np.zeros((rows, 2), dtype=np.uint64)
        country = pa.nulls(rows, pa.string())
        for position, channel in enumerate(channels):
            here = told == position
            hashes[here] = channel.hashes[here]
            country = channel.country if here.all() else pc.if_else(pa.array(here), channel.country, country)
        table = pa.table(
            {
                "line": block["line"],
                "contact_id": hex_column(contact_hashes),
                "state": pc.if_else(pa.array(planned), "planned", "held"),
                **self._channel_columns(used),
                "reason": pa.array([*_REASONS[1:]], pa.string()).take(
                    pa.array(reason.astype(np.int64) - 1, mask=reason == _GOOD)
                ),
                "address_hash": hex_column(hashes),
                "country": country,
                "language": language,
                "time_zone": zone,
                "not_before": pa.array(times, mask=~planned | (times == _AT_ONCE))
                .cast(pa.timestamp("us"))
                .cast(UTC_TIME),
            },
            schema=AUDIENCE,
        )
        self._count(planned, reason, used, country, times)
        return table

    def _times(
        self, channels: list[_Channel], used: _Rows, not_before: dict[bool, npt.NDArray[np.int64]]
    ) -> npt.NDArray[np.int64]:
        """The earliest time of each row's first channel; for all of them at once, the latest of theirs."""
        times = np.full(len(used), _AT_ONCE, dtype=np.int64)
        places = used.shape[1] if self.policy.delivery is Delivery.ALL_OF else 1
        for place in range(places):
            for position, channel in enumerate(channels):
                here = used[:, place] == position
                if here.any():
                    theirs = not_before[channel.name in self.policy.quiet_channels]
                    times[here] = np.maximum(times[here], theirs[here])
        return times

    def _channel_columns(self, used: _Rows) -> dict[str, pa.Array]:
        """The columns ``channel`` and ``fallbacks``, made from the few sequences of channels that there are."""
        names = self.policy.channels
        base = len(names) + 1
        codes = np.zeros(len(used), dtype=np.int64)
        for place in range(used.shape[1]):
            codes = codes * base + used[:, place] + 1
        distinct, indices = np.unique(codes, return_inverse=True)
        sequences: list[list[str]] = []
        for code in distinct.tolist():
            digits = [code // base**power % base for power in reversed(range(used.shape[1]))]
            sequences.append([names[digit - 1] for digit in digits if digit])
        channel = pa.array([sequence[0] if sequence else None for sequence in sequences], pa.string())
        fallbacks = pa.array([sequence[1:] for sequence in sequences], pa.list_(pa.string()))
        taken = pa.array(indices.reshape(-1))
        return {"channel": channel.take(taken), "fallbacks": fallbacks.take(taken)}

    def _count(
        self, planned: Mask, reason: _Codes, used: _Rows, country: pa.Array, times: npt.NDArray[np.int64]
    ) -> None:
        summary = self.summary
        summary.contacts += len(planned)
        summary.planned += int(planned.sum())
        summary.held += int((~planned).sum())
        for position, name in enumerate(self.policy.channels):
            count = int((used[:, 0] == position).sum())
            if count:
                summary.by_channel[name] += count
        for code, count in zip(*np.unique(reason[~planned], return_counts=True), strict=True):
            summary.by_reason[_REASONS[code]] += int(count)
        for entry in pc.value_counts(country.filter(pa.array(planned))).to_pylist():
            summary.by_country[entry["values"] or ""] += entry["counts"]
        later = times[planned & (times != _AT_ONCE)]
        summary.delayed += len(later)
        if len(later):
            first, last = (datetime.fromtimestamp(int(edge) / 1e6, UTC) for edge in (later.min(), later.max()))
            summary.first_not_before = min(first, summary.first_not_before or first)
            summary.last_not_before = max(last, summary.last_not_before or last)


_AT_ONCE = np.iinfo(np.int64).min
_NEVER = np.iinfo(np.int64).max


@dataclass
class _Chosen:
    """What the contacts of a block chose; nulls where they did not."""

    order: _Rows
    category_out: Mask
    quiet_from: pa.Array
    quiet_until: pa.Array
    time_zone: pa.Array
    language: pa.Array


def _mark(verdicts: _Codes, where: Mask, reason: str) -> None:
    """Give the verdict to rows that are still good."""
    verdicts[where & (verdicts == _GOOD)] = _CODE[reason]


def _by_value(column: pa.Array, question: Callable[[str | None], bool]) -> Mask:
    """The answer for every row, asked once per distinct value."""
    encoded = column.dictionary_encode()
    answers = np.array([*(question(value) for value in encoded.dictionary.to_pylist()), question(None)], dtype=bool)
    codes = pc.fill_null(encoded.indices, len(answers) - 1).to_numpy(zero_copy_only=False)
    found: Mask = answers[codes]
    return found


def _holds(lists: pa.Array, question: Callable[[set[str]], bool]) -> Mask:
    """The answer for every list that is not null."""
    joined = pc.binary_join(lists, "\x1f")
    return _by_value(joined, lambda text: text is not None and question(set(text.split("\x1f"))))


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def _suppression_index(
    known: KnownPreferences, channel: str, category: str | None, *, opted_out: bool = False
) -> HashIndex:
    """Suppressions on a channel: for all categories (``category`` ``None``), or for just that one; on request only those
    that the address's owner asked for."""
    table = known.suppressions
    if opted_out:
        table = table.filter(pc.fill_null(table["opted_out"], False))
    on_channel = pc.or_kleene(pc.is_null(table["channel"]), pc.equal(table["channel"], channel))
    of_category: Any = pc.is_null(table["category"]) if category is None else pc.equal(table["category"], category)
    return HashIndex(from_hex(table.filter(pc.and_kleene(on_channel, of_category))["address_hash"]))


def _consent_index(known: KnownPreferences, channel: str, category: str) -> HashIndex:
    table = known.consents
    on_channel = pc.or_kleene(pc.is_null(table["channel"]), pc.equal(table["channel"], channel))
    wanted = pc.and_kleene(on_channel, pc.equal(table["category"], category))
    return HashIndex(from_hex(table.filter(wanted)["contact_id"]))
