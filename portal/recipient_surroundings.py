"""What the history of a recipient needs of the deployment, as the portal has it."""

from __future__ import annotations

from nightmail.lake import Lake
from nightmail.recipients.history import Surroundings
from portal.state import Portal
from resources.carriers import CARRIERS


def surroundings_of(portal: Portal) -> Surroundings:
    """The key of hashes, the carriers' words, the lake and the default country."""
    settings = portal.settings
    return Surroundings(
        hash_key=settings.key(),
        meaning_of=CARRIERS.meaning_of,
        lake=Lake(settings.lake),
        default_country=settings.default_country,
    )
