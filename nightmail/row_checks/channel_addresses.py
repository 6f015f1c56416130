"""Which of a contact's addresses each channel goes to: the same choice for planning and for rendering."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.channels import CHANNELS, EMAIL_FIELD, PHONE_FIELDS, AddressKind
from nightmail.lake import column_of
from nightmail.lake.masks import Mask, present, truth
from nightmail.row_checks.phone_types import PREMIUM_TYPES, SMS_TYPES

ADDRESS_COLUMNS = (*(column for field in PHONE_FIELDS for column in (field, f"{field}_type")), EMAIL_FIELD)
"""The columns of ``contacts`` that :func:`channel_addresses` reads."""

_UNSPEAKABLE_TYPES = PREMIUM_TYPES | {"pager", "voicemail"}


@dataclass(frozen=True)
class ChannelAddresses:
    """The address of each row on a channel. Where ``usable`` is false, the address (if any) cannot be used, and
    ``premium`` says whether that is because of its price.
    """

    address: pa.Array
    usable: Mask
    premium: Mask


def channel_addresses(block: pa.Table, channel: str) -> ChannelAddresses:
    """The addresses of a block of contacts on a channel: the first of each row that it can use, by the kinds it takes.

    A text message takes the first number that can get one (a number of unknown type is given the benefit of the doubt);
    a call takes the first that costs an ordinary price.
    """
    first, *others = (_of_kind(block, kind) for kind in CHANNELS[channel].addresses)
    found = first
    for other in others:
        address = pc.coalesce(pc.if_else(pa.array(found.usable), found.address, None), other.address)
        usable = found.usable | other.usable
        found = ChannelAddresses(address, usable, other.premium & ~usable)
    return found


def _of_kind(block: pa.Table, kind: AddressKind) -> ChannelAddresses:
    if kind.is_number:
        return _first_number(block, text=kind is AddressKind.TEXT_NUMBER)
    address = column_of(block, EMAIL_FIELD)
    usable = present(address)
    return ChannelAddresses(address, usable, np.zeros(len(usable), dtype=bool))


def _first_number(block: pa.Table, *, text: bool) -> ChannelAddresses:
    rows = block.num_rows
    usable, premium, reported = (np.zeros(rows, dtype=bool) for _ in range(3))
    address = pa.nulls(rows, pa.string())
    for name in PHONE_FIELDS:
        number = column_of(block, name)
        there = present(number)
        if not there.any():
            continue
        types = column_of(block, f"{name}_type")
        fits = types_in(types, SMS_TYPES) | ~present(types) if text else ~types_in(types, _UNSPEAKABLE_TYPES)
        take = there & fits & ~usable
        # A number that cannot be used is reported: the reason why not is what the contact is held for.
        report = there & ~fits & ~usable & ~reported
        premium |= report & types_in(types, PREMIUM_TYPES)
        reported |= report
        usable |= take
        change = take | report
        address = number if change.all() else pc.if_else(pa.array(change), number, address)
    return ChannelAddresses(address, usable, premium & ~usable)


def types_in(types: pa.Array, wanted: frozenset[str]) -> Mask:
    """Where the type is one of ``wanted``."""
    return truth(pc.is_in(types, pa.array(sorted(wanted))))
