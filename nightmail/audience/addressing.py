"""Where each channel would go: the address of every contact of a block, its keyed hash and its country."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.audience.policy import AudiencePolicy
from nightmail.audience.verdicts import CODE, GOOD, NO_ADDRESS, Deciders, Records, Verdicts
from nightmail.channels import CHANNELS, Channel
from nightmail.lake import column_of
from nightmail.lake.masks import Mask, present, truth
from nightmail.lake.schemas import IDENTITY_FIELDS
from nightmail.privacy.keyed_hashes import Hashes, address_digests, contact_digests
from nightmail.row_checks.channel_addresses import channel_addresses
from nightmail.row_checks.number_countries import countries_of_numbers


@dataclass
class Addressed:
    """One channel of one block: where it would go, and what stands in the way so far."""

    channel: Channel
    address: pa.Array
    hashes: Hashes
    country: pa.Array
    """The number's; null for email addresses until :func:`settle_country`."""
    verdicts: Verdicts
    deciders: Deciders
    records: Records
    consents: Records | None = None
    """The consents by which rows were let through; ``None`` where none is needed."""

    def mark(self, where: Mask, reason: str, by: int, records: Records | None = None) -> None:
        """Give the reason to the rows that have none yet, with what decided it: the first that is found stays."""
        rows = np.flatnonzero(where & (self.verdicts == GOOD))
        if not len(rows):
            return
        self.verdicts[rows] = CODE[reason]
        self.deciders[rows] = by
        if records is not None:
            self.records[rows] = records[rows]


def contact_hashes(block: pa.Table, policy: AudiencePolicy) -> Hashes:
    """The hash of every contact of a block: its id within the team."""
    identity = pc.coalesce(*(column_of(block, name) for name in IDENTITY_FIELDS), pa.scalar(""))
    return contact_digests(policy.team, identity.to_pylist(), policy.hash_key)


def address_channels(block: pa.Table, policy: AudiencePolicy, by_row: int) -> list[Addressed]:
    """The policy's channels, in its order, with the addresses of a block of contacts; ``by_row`` is the decider of those without."""
    made: list[Addressed] = []
    for name in policy.channels:
        found = channel_addresses(block, name)
        verdicts = np.where(found.usable, GOOD, CODE["phone_not_mobile"]).astype(np.uint8)
        verdicts[found.premium] = CODE["phone_premium"]
        verdicts[~present(found.address)] = NO_ADDRESS
        made.append(_addressed(CHANNELS[name], found.address, verdicts, made, policy.hash_key, by_row))
    return made


def _addressed(
    channel: Channel, address: pa.Array, verdicts: Verdicts, made: list[Addressed], hash_key: bytes, by_row: int
) -> Addressed:
    """Hashes and countries are taken from a channel that goes to the same addresses, where there is one."""
    hashes = np.zeros((len(address), 2), dtype=np.uint64)
    country = pa.nulls(len(address), pa.string())
    open_rows = present(address)
    for other in made:
        if not channel.shares_addresses(other.channel):
            continue
        same = open_rows & truth(pc.equal(other.address, address))
        hashes[same] = other.hashes[same]
        country = pc.if_else(pa.array(same), other.country, country)
        open_rows &= ~same
    if open_rows.any():
        rows = np.flatnonzero(open_rows)
        some = address if len(rows) == len(address) else address.take(pa.array(rows))
        hashes[rows] = address_digests(some.to_pylist(), hash_key)
        if channel.takes_numbers:
            numbers = pc.if_else(pc.starts_with(some, "+"), some, None) if channel.takes_emails else some
            country = pc.replace_with_mask(country, pa.array(open_rows), countries_of_numbers(numbers))
    deciders = np.where(verdicts == GOOD, 0, by_row).astype(np.int16)
    return Addressed(channel, address, hashes, country, verdicts, deciders, np.full(len(address), -1, dtype=np.int64))


def contact_country(block: pa.Table, channels: list[Addressed], policy: AudiencePolicy) -> pa.Array:
    """The country of every contact of a block: the row's own, else a number's, else the feed's."""
    numbers = [each.country for each in channels if each.channel.takes_numbers]
    default = pa.scalar(policy.default_country, pa.string())
    if not numbers and pc.any(pc.is_null(column_of(block, "country"))).as_py():
        phone = column_of(block, "phone")
        if phone.null_count < len(phone):
            numbers = [countries_of_numbers(phone)]
    return first_known(column_of(block, "country"), *numbers, default)


def first_known(*columns: pa.Array | pa.Scalar) -> pa.Array:
    """The first value of each row that is not null. Columns that have nothing, and those after one that has all, are not looked at."""
    kept: list[pa.Array | pa.Scalar] = []
    for column in columns:
        if isinstance(column, pa.Array) and len(column) and column.null_count == len(column):
            continue
        kept.append(column)
        if isinstance(column, pa.Array) and not column.null_count:
            break
    found = kept[0] if len(kept) == 1 else pc.coalesce(*kept)
    # Of columns without any value a scalar alone may be left.
    return found if isinstance(found, pa.Array) else pa.repeat(found, len(columns[0]))


def contact_place(block: pa.Table, country: pa.Array) -> pa.Array:
    """Where every contact is: the part of the country that its row names, such as ``DE-BY``, else the country."""
    if "country_subdivision" not in block.column_names:
        return country
    part = column_of(block, "country_subdivision")
    if part.null_count == len(part):
        return country
    of_country = pc.equal(pc.utf8_slice_codeunits(part, 0, 2), country)
    return pc.if_else(pc.fill_null(of_country, False), part, country)


def settle_country(addressed: Addressed, of_contact: pa.Array) -> None:
    """Give email addresses the country of their contact: they tell none themselves."""
    if addressed.channel.takes_emails:
        addressed.country = pc.coalesce(addressed.country, of_contact)
