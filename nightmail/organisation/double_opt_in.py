"""How a team asks for consents that are to be confirmed: the setting ``double_opt_in``."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, text

from nightmail.organisation.queries import STATED_ABOVE

_Word = Annotated[str, Field(min_length=2, max_length=20, pattern=r"^[^\W\d_]+$")]
_Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]


class DoubleOptIn(BaseModel):
    """What holds of requests for consents. Every part may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    expires_days: int = Field(7, ge=1, le=60, description="A request that is not confirmed within so many days is over")
    words: dict[_Language, _Word] = Field(
        default_factory=dict,
        description="The word that confirms as an answer, by language: `{en: YES}`; empty: YES, JA, OUI, SÍ",
    )


def double_opt_in(connection: Connection, team: str) -> DoubleOptIn:
    """The setting of the team at a path, or of the nearest team above it that states it."""
    stated = connection.scalar(text(STATED_ABOVE), {"team": team, "name": "double_opt_in"})
    return DoubleOptIn() if stated is None else DoubleOptIn.model_validate(stated)
