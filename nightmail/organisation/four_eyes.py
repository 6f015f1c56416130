"""Where approval by another person is demanded: by a team, a feed, or a send's size."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, text

from nightmail.organisation.queries import FOUR_EYES_ABOVE


class FourEyes(BaseModel):
    """When whoever made a campaign may not approve it. Each part that is stated demands it on its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    always: bool = Field(False, description="Every campaign waits for another person")
    over_contacts: int | None = Field(None, ge=0, description="A campaign of more contacts than this does")
    over_cost: dict[str, Decimal] | None = Field(
        None, description="A campaign that is estimated to cost more than this does, by currency"
    )

    def demanded_by(self, contacts: int, costs: Mapping[str, Any]) -> str | None:
        """What of it demands another person: ``always``, ``contacts`` or ``cost``; ``None`` when nothing does.

        A cost in a currency for which no bound is stated cannot be compared, and so is over it.
        """
        if self.always:
            return "always"
        if self.over_contacts is not None and contacts > self.over_contacts:
            return "contacts"
        if self.over_cost is not None and any(
            currency not in self.over_cost or Decimal(str(amount)) > self.over_cost[currency]
            for currency, amount in costs.items()
        ):
            return "cost"
        return None


def four_eyes_demanded(
    connection: Connection, team: str, feed: FourEyes | None, *, contacts: int, costs: Mapping[str, Any]
) -> tuple[str, str] | None:
    """Who demands another person, and by which rule: ``("the team acme", "contacts")``; ``None`` when nobody does.

    Of a team and those above it each is asked: a lower team cannot take back what an upper one demands.
    """
    if feed is not None and (rule := feed.demanded_by(contacts, costs)) is not None:
        return "the feed", rule
    for row in connection.execute(text(FOUR_EYES_ABOVE), {"team": team}):
        if (rule := FourEyes.model_validate(row.four_eyes).demanded_by(contacts, costs)) is not None:
            return f"the team {row.path}", rule
    return None
