"""The addresses that the address book has of a recipient: whose a link's address is today, and what else is theirs.

A number or a mailbox changes hands. Who proves an address speaks for a contact only as long as the book says that it is the
contact's; of a contact that stands in no book, the message itself is all that is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from nightmail.channels import ADDRESS_FIELDS, CHANNELS
from nightmail.consent.own_choice_queries import FURTHER_ADDRESSES, IN_THE_BOOK
from nightmail.consent.unsubscribing import Subscription
from nightmail.organisation.teams import team_ids_upwards
from nightmail.privacy import AddressHash, address_hash


@dataclass(frozen=True, slots=True)
class OwnAddresses:
    """A contact's addresses by their hashes, each with the standard field that it stands in."""

    known: dict[AddressHash, tuple[str, str]] = field(repr=False)

    def address(self, hashed: AddressHash) -> str | None:
        """The address of a hash, if it is the contact's."""
        found = self.known.get(hashed)
        return None if found is None else found[1]

    def on_channels(self) -> set[tuple[str, AddressHash]]:
        """Each address on each channel that uses its field."""
        return {
            (channel.name, hashed)
            for hashed, (name, _) in self.known.items()
            for channel in CHANNELS.values()
            if name in channel.fields
        }


def own_addresses(connection: Connection, subscription: Subscription, *, key: bytes) -> OwnAddresses | None:
    """What the book of the team, or of one above it, has of the recipient; ``None`` where they stand in none."""
    teams = team_ids_upwards(connection, subscription.path)
    row = connection.execute(text(IN_THE_BOOK), {"teams": teams, "contact": subscription.contact_id}).first()
    if row is None:
        return None
    stated = [(name, getattr(row, name)) for name in ADDRESS_FIELDS]
    further = connection.execute(text(FURTHER_ADDRESSES), {"contact": row.id})
    known = {
        address_hash(address, key): (name, address)
        for name, address in (*stated, *((each.kind, each.address) for each in further))
        if address
    }
    return OwnAddresses(known)
