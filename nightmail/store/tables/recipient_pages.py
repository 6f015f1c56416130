"""What recipients prove on their own pages: that an address is theirs, by a code that was sent there."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from nightmail.store.tables.base import NOW, Base


class AddressCode(Base):
    """A code that was sent to an address for a team, and what came of it; neither address nor code can be read here.

    ``code_hash`` is keyed by the deployment's key. Whoever types the code in time gets a proof for their browser, of which
    ``proof_hash`` (SHA-256) is kept. ``outcome`` is what the carrier said of the hand-off; empty as long as it says nothing.
    """

    __tablename__ = "address_code"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    channel: Mapped[str]
    address_hash: Mapped[bytes]
    code_hash: Mapped[bytes]
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    expires_at: Mapped[dt.datetime]
    outcome: Mapped[str | None]
    used_at: Mapped[dt.datetime | None]
    proof_hash: Mapped[bytes | None]
    proof_until: Mapped[dt.datetime | None]
    __table_args__ = (
        Index("ix_address_code_address", "address_hash", "created_at"),
        Index("ix_address_code_team", "team_id", "created_at"),
    )
