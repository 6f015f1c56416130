"""Who is in a campaign: the ids of its contacts and the hashes of their addresses, by which a store is asked what it knows of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nightmail.audience.addressing import contact_hashes
from nightmail.audience.book_ids import BookIds
from nightmail.audience.policy import AudiencePolicy
from nightmail.lake import TableFile
from nightmail.lake.schemas import IDENTITY_FIELDS
from nightmail.privacy.keyed_hashes import Hashes, address_digests
from nightmail.row_checks.channel_addresses import ADDRESS_COLUMNS, channel_addresses


@dataclass(frozen=True)
class People:
    """Each contact and each address once."""

    contacts: Hashes
    addresses: Hashes


def people_of(contacts: TableFile, policy: AudiencePolicy, book_ids: BookIds | None = None) -> People:
    """The contacts of a table, and the addresses that the policy's channels would go to."""
    ids: list[Hashes] = []
    addresses: list[Hashes] = []
    for block in contacts.blocks(list(dict.fromkeys(["line", *IDENTITY_FIELDS, *ADDRESS_COLUMNS]))):
        whole = block.combine_chunks()
        ids.append(contact_hashes(whole, policy) if book_ids is None else book_ids.at(whole["line"]))
        for name in policy.channels:
            found = channel_addresses(whole, name).address.drop_null()
            addresses.append(address_digests(found.to_pylist(), policy.hash_key))
    return People(_once(ids), _once(addresses))


def _once(hashes: list[Hashes]) -> Hashes:
    found: Hashes = np.unique(np.concatenate(hashes), axis=0)
    return found
