"""What contacts got lately over all campaigns of a team's tree, asked of the ledger for one block of contacts at a time."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
from sqlalchemy import Engine, text

from nightmail.audience.caps import Counts
from nightmail.organisation.audience_rules import StatedCap
from nightmail.preparation import queries
from nightmail.privacy.keyed_hashes import Hashes, hex_column
from nightmail.store.copying import copy_table

_COUNTED = pa.schema([pa.field("place", pa.int64()), pa.field("sends", pa.int64())])


class SendsInStore:
    """Sends in the ledger, but those of the campaign itself: what was accepted, and what is on its way."""

    def __init__(self, engine: Engine, moment: dt.datetime, campaign_id: int | None = None) -> None:
        self._engine = engine
        self._values = {"moment": moment, "campaign": campaign_id}

    def to_contacts(self, stated: StatedCap, contacts: Hashes) -> Counts:
        """How many campaigns that the cap counts wrote to each contact within its window, or are about to."""
        return self._count(queries.SENDS_TO_CONTACTS, stated, contacts)

    def to_addresses(self, stated: StatedCap, addresses: Hashes) -> Counts:
        """The same for each address."""
        return self._count(queries.SENDS_TO_ADDRESSES, stated, addresses)

    def _count(self, query: str, stated: StatedCap, hashes: Hashes) -> Counts:
        counts = np.zeros(len(hashes), dtype=np.int64)
        if not len(hashes):
            return counts
        with self._engine.begin() as connection:
            connection.execute(text(queries.MAKE_WANTED))
            raw = connection.connection.driver_connection
            assert raw is not None
            with raw.cursor() as cursor, cursor.copy("copy cap_wanted (place, hash) from stdin") as copy:
                # Digits and tabs need no quoting.
                lines = (f"{at}\t{digest}\n" for at, digest in enumerate(hex_column(hashes).to_pylist()) if digest)
                copy.write("".join(lines))
            connection.execute(text("analyze cap_wanted"))
            values = {
                **self._values,
                "team": stated.team,
                "days": stated.cap.days,
                "categories": list(stated.cap.categories),
                "channels": list(stated.cap.channels),
            }
            found = copy_table(connection, query, values, _COUNTED)
        counts[found["place"].to_numpy()] = found["sends"].to_numpy()
        return counts
