"""Addresses as a person types or lists them, brought into the form by which suppressions know them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from nightmail.channels import CHANNELS
from nightmail.errors import ContactFileError, UsageError
from nightmail.organisation.teams import find_team
from nightmail.privacy import AddressHash, address_hash, mask
from nightmail.row_checks.emails import judge_email

LISTED_LINES = 1_000
"""Unusable lines of a list that an error names at the most."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address as suppressions know it: by its keyed hash, and to people by its mask."""

    masked: str
    channels: tuple[str, ...]
    """The channels that such an address is used on."""
    hash: AddressHash = field(repr=False)


def country_for(connection: Connection, team: str | None, default: str | None) -> str | None:
    """The country of national phone numbers: that of the team at a path, else ``default``, which is the deployment's."""
    found = None if team is None else find_team(connection, team)
    return (found and found.country) or default


def read_address(written: str, *, country: str | None, hash_key: bytes) -> Address:
    """A phone number or an email address in any form, brought into the form that contacts get.

    Raises :class:`UsageError` (``phone_invalid``, ``phone_country_needed``, ``phone_damaged``, ``email_invalid``).
    """
    from nightmail.row_checks.phones import judge_phone

    if "@" in written:
        address, reason, channels = judge_email(written), "email_invalid", CHANNELS.for_emails()
    else:
        verdict = judge_phone(written, country)
        address, reason, channels = verdict.number, verdict.reason or "phone_invalid", CHANNELS.for_numbers()
    if address is None:
        raise UsageError(reason, value=mask(written.strip()))
    return Address(mask(address), channels, address_hash(address, hash_key))


def channels_of(address: Address, channel: str | None) -> tuple[str, ...]:
    """The channels to suppress an address on: ``channel``, or all that it is used on.

    Raises :class:`UsageError` (``address_not_of_channel``) for a channel that such an address is not used on.
    """
    if channel is None:
        return address.channels
    if channel not in address.channels:
        known = ", ".join(address.channels)
        raise UsageError("address_not_of_channel", value=address.masked, channel=channel, known=known)
    return (channel,)


def read_addresses(
    lines: Iterable[tuple[int, str]], *, country: str | None, hash_key: bytes, channel: str | None = None
) -> list[Address]:
    """The addresses of a list, each once, from its numbered lines.

    Raises :class:`ContactFileError` (``addresses_unusable``) if a single one cannot be used; its detail ``lines`` names
    each with its reason, up to :data:`LISTED_LINES`.
    """
    found: dict[AddressHash, Address] = {}
    unusable = 0
    listed: list[dict[str, Any]] = []
    for line, written in lines:
        try:
            address = read_address(written, country=country, hash_key=hash_key)
            channels_of(address, channel)
        except UsageError as error:
            unusable += 1
            if len(listed) < LISTED_LINES:
                listed.append({"line": line, "reason": error.reason, "message": error.message, "remedy": error.remedy})
        else:
            found[address.hash] = address
    if unusable:
        facts = {"unusable": unusable, "lines": listed}
        raise ContactFileError("addresses_unusable", count=f"{unusable:,}", facts=facts)
    return list(found.values())
