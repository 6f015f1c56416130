"""How a team's pages for recipients look and what they link to: the setting ``recipient_pages``."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from sqlalchemy import Connection, text

from nightmail.organisation.colours import DARK_CARD, LEAST_CONTRAST, LIGHT_CARD, contrast, readable_on
from nightmail.organisation.queries import STATED_ABOVE

Colour = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]
_Line = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")]


class RecipientPages(BaseModel):
    """What recipients see of the team. Every part may be left out: the page then shows the team's name in its own colours."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: _Line | None = Field(None, description="What recipients know the team as; empty: the team's name")
    logo_text: Annotated[_Line, Field(max_length=32)] | None = Field(
        None, description="The wordmark above the page; empty: the name"
    )
    colour: Colour | None = Field(None, description="The team's colour by day, readable on white: `#1d4ed8`")
    colour_dark: Colour | None = Field(
        None, description="The same by night, readable on dark; empty: lightened from `colour` until it is"
    )
    privacy_notice: Annotated[str, Field(max_length=500, pattern=r"^https://[^\s\"'<>]+$")] | None = Field(
        None, description="Where the team's privacy notice stands: an `https://` address"
    )

    @field_validator("colour", "colour_dark")
    @classmethod
    def _in_small_letters(cls, colour: str | None) -> str | None:
        return None if colour is None else colour.lower()

    @model_validator(mode="after")
    def _readable(self) -> Self:
        stated = (("colour", self.colour, LIGHT_CARD), ("colour_dark", self.colour_dark, DARK_CARD))
        for name, colour, card in stated:
            if colour is not None and contrast(colour, card) < LEAST_CONTRAST:
                raise ValueError(
                    f"{name} {colour} cannot be read on the page's {card}: its contrast is {contrast(colour, card):.1f}:1 "
                    f"and must be {LEAST_CONTRAST}:1 at least; the nearest colour that is readable is "
                    f"{readable_on(card, colour)}"
                )
        return self

    @property
    def colours(self) -> tuple[str, str] | None:
        """The colour by day and by night; ``None`` where the team states none."""
        if self.colour is None:
            return None
        return self.colour, self.colour_dark or readable_on(DARK_CARD, self.colour)


def recipient_pages(connection: Connection, team: str) -> RecipientPages:
    """The setting of the team at a path, or of the nearest team above it that states it."""
    stated = connection.scalar(text(STATED_ABOVE), {"team": team, "name": "recipient_pages"})
    return RecipientPages() if stated is None else RecipientPages.model_validate(stated)
