"""Where each channel would go: the address of every contact of a block, its keyed hash and its country."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.audience.policy import AudiencePolicy
from nightmail.audience.verdicts import CODE, GOOD, NO_ADDRESS, Verdicts
from nightmail.channels import CHANNELS, Channel
from nightmail.lake import column_of
from nightmail.lake.masks import present, truth
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


def contact_hashes(block: pa.Table, policy: AudiencePolicy) -> Hashes:
    """The hash of every contact of a block: its id within the team."""
    identity = pc.coalesce(*(column_of(block, name) for name in IDENTITY_FIELDS), pa.scalar(""))
    return contact_digests(policy.team, identity.to_pylist(), policy.hash_key)


def address_channels(block: pa.Table, policy: AudiencePolicy) -> list[Addressed]:
    """The policy's channels, in its order, with the addresses of a block of contacts."""
    made: list[Addressed] = []
    for name in policy.channels:
        found = channel_addresses(block, name)
        verdicts = np.where(found.usable, GOOD, CODE["phone_not_mobile"]).astype(np.uint8)
        verdicts[found.premium] = CODE["phone_premium"]
        verdicts[~present(found.address)] = NO_ADDRESS
        made.append(_addressed(CHANNELS[name], found.address, verdicts, made, policy.hash_key))
    return made


def _addressed(
    channel: Channel, address: pa.Array, verdicts: Verdicts, made: list[Addressed], hash_key: bytes
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
    return Addressed(channel, address, hashes, country, verdicts)


def contact_country(block: pa.Table, channels: list[Addressed], policy: AudiencePolicy) -> pa.Array:
    """The country of every contact of a block: the row's own, else a number's, else the feed's."""
    numbers = [each.country for each in channels if each.channel.takes_numbers]
    default = pa.scalar(policy.default_country, pa.string())
    if not numbers and pc.any(pc.is_null(column_of(block, "country"))).as_py():
        phone = column_of(block, "phone")
        if phone.null_count < len(phone):
            numbers = [countries_of_numbers(phone)]
    return pc.coalesce(column_of(block, "country"), *numbers, default)


def settle_country(addressed: Addressed, of_contact: pa.Array) -> None:
    """Give email addresses the country of their contact: they tell none themselves."""
    if addressed.channel.takes_emails:
        addressed.country = pc.coalesce(addressed.country, of_contact)
