"""Who an actor of the audit log is, for people."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlalchemy import Connection

from nightmail.access.people import names_of_people

_PERSON = re.compile(r"person:[0-9]{1,9}")


def actor_names(connection: Connection, actors: Iterable[str]) -> dict[str, str]:
    """Actors as they are shown: a person by name; a key, a command's user or a part of the product as it is kept."""
    actors = set(actors)
    numbers = {actor: int(actor[7:]) for actor in actors if _PERSON.fullmatch(actor)}
    names = names_of_people(connection, numbers.values()) if numbers else {}
    return {actor: names.get(numbers.get(actor, 0), actor) for actor in actors}
