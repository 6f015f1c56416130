"""Codes that prove that an address is one's own: six digits sent there, typed into the page they were asked for on.

Few and short-lived: a code holds for :data:`CODE_LASTS` and :data:`MOST_TRIES` tries, the last one sent alone counts, and what
was proved holds for :data:`PROOF_LASTS` in the browser that typed it. An address gets few codes, whoever asks for them and
however often, so that nobody is bombarded; the limits stand in the database, for all replicas.
"""

from __future__ import annotations

import datetime as dt
import hmac
import math
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import Connection, Engine, text

from nightmail.audit import write_entry
from nightmail.consent import address_code_queries as queries
from nightmail.privacy import AddressHash
from nightmail.privacy.sealing import keyed_digest

CODE_LASTS = dt.timedelta(minutes=15)
PROOF_LASTS = dt.timedelta(minutes=30)
MOST_TRIES = 5
BETWEEN_S = 60
"""Seconds between two codes to one address."""
MOST_AN_HOUR, MOST_A_DAY = 3, 6
"""Codes to one address for one team."""
MOST_A_DAY_OF_ALL = 12
"""Codes to one address for all teams together."""
MOST_AN_HOUR_OF_TEAM = 1_000
"""Codes of one team to all addresses."""
_PURPOSE = "codes to addresses"


@dataclass(frozen=True, slots=True)
class AddressOfTeam:
    """Whose a code is: an address on a channel, for one team."""

    team_id: int
    channel: str
    hash: AddressHash = field(repr=False)

    def values(self) -> dict[str, object]:
        """It as parameters of a statement."""
        return {"team": self.team_id, "channel": self.channel, "hash": self.hash}


@dataclass(frozen=True, slots=True)
class NewCode:
    """A code to be sent now; or ``None`` of it, and the seconds after which one may be asked for again."""

    id: int | None
    code: str | None = field(repr=False)
    wait_s: int = 0


class Typed(StrEnum):
    """What a typed code was."""

    RIGHT = "right"
    WRONG = "wrong"
    USED = "used"
    """It was right before, and works once."""
    OVER = "over"
    """Its time is over, or none was sent."""
    TOO_OFTEN = "too_often"
    """It was tried as often as a code may be."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on a typed code; ``proof`` is for the browser that typed the right one."""

    verdict: Typed
    proof: str | None = field(default=None, repr=False)


def make_code(connection: Connection, address: AddressOfTeam, *, key: bytes) -> NewCode:
    """Make a code for an address, unless it got as many as it may. An earlier code ends with this."""
    connection.execute(text(queries.LOCK_ADDRESS), {"hash": address.hash.hex()})
    values = {**address.values(), "most_of_team": MOST_AN_HOUR_OF_TEAM}
    sent = connection.execute(text(queries.SENT_OF_LATE), values).one()
    if sent.last_s is not None and sent.last_s < BETWEEN_S:
        return NewCode(None, None, max(1, math.ceil(BETWEEN_S - sent.last_s)))
    if sent.hour >= MOST_AN_HOUR or sent.hour_of_team >= MOST_AN_HOUR_OF_TEAM:
        return NewCode(None, None, 3_600)
    if sent.day >= MOST_A_DAY or sent.day_of_all >= MOST_A_DAY_OF_ALL:
        return NewCode(None, None, 86_400)
    connection.execute(text(queries.END_EARLIER), address.values())
    code = f"{secrets.randbelow(1_000_000):06d}"
    values = {**address.values(), "code": _digest(address, code, key), "lasts": CODE_LASTS}
    code_id = int(connection.scalars(text(queries.KEEP_CODE), values).one())
    return NewCode(code_id, code)


def keep_outcome(connection: Connection, code_id: int, outcome: str) -> None:
    """Keep what the carrier said of a code's hand-off."""
    connection.execute(text(queries.KEEP_OUTCOME), {"id": code_id, "outcome": outcome})


def judge_code(connection: Connection, address: AddressOfTeam, typed: str, *, key: bytes, message_id: str) -> Judged:
    """Whether ``typed`` is the last code that was sent to an address; a right one is used up with this.

    The caller commits whatever the verdict is: a try counts.
    """
    row = connection.execute(text(queries.COUNT_TRY), {**address.values(), "most": MOST_TRIES}).first()
    if row is None:
        newest = connection.execute(text(queries.NEWEST_CODE), address.values()).first()
        if newest is None or (newest.over and not newest.used):
            return Judged(Typed.OVER)
        return Judged(Typed.USED if newest.used else Typed.TOO_OFTEN)
    digits = "".join(each for each in typed if each.isascii() and each.isdigit())
    if not hmac.compare_digest(_digest(address, digits, key), bytes(row.code_hash)):
        return Judged(Typed.TOO_OFTEN if row.tries >= MOST_TRIES else Typed.WRONG)
    proof = secrets.token_urlsafe(32)
    connection.execute(text(queries.USE_CODE), {"id": row.id, "proof": _proof_hash(proof), "lasts": PROOF_LASTS})
    write_entry(
        connection,
        actor="recipient",
        action="recipient.proved_address",
        subject=message_id,
        team_id=address.team_id,
        detail={"channel": address.channel},
    )
    return Judged(Typed.RIGHT, proof)


def has_open_code(connection: Connection, address: AddressOfTeam) -> bool:
    """Whether a code was sent to an address that may still be typed."""
    newest = connection.execute(text(queries.NEWEST_CODE), address.values()).first()
    return newest is not None and not newest.used and not newest.over and newest.tries < MOST_TRIES


def is_proved(connection: Connection, address: AddressOfTeam, proof: str) -> bool:
    """Whether a browser's proof is of this address and team, and still holds."""
    values = {**address.values(), "proof": _proof_hash(proof)}
    return bool(connection.scalar(text(queries.IS_PROVED), values))


def end_proof(connection: Connection, address: AddressOfTeam, proof: str) -> None:
    """End a proof before its time."""
    connection.execute(text(queries.END_PROOF), {"hash": address.hash, "proof": _proof_hash(proof)})


def delete_old_codes(engine: Engine) -> None:
    """Delete codes that no limit counts any more."""
    with engine.begin() as connection:
        connection.execute(text(queries.DELETE_OLD))


def _digest(address: AddressOfTeam, code: str, key: bytes) -> bytes:
    return keyed_digest(f"{address.team_id}:{address.channel}:{address.hash.hex()}:{code}", key, _PURPOSE)


def _proof_hash(proof: str) -> bytes:
    return sha256(proof.encode()).digest()
