"""Teams, people and their roles, as tests of access need them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from sqlalchemy import Connection, Engine, text

from nightmail.access.grants import give_role
from nightmail.access.principals import Principal, person_principal, system_principal
from nightmail.access.roles import find_role

ROOT = system_principal("root")
TEAMS = ("acme", "acme.billing", "acme.billing.north", "acme.care", "brick", "brick.shop")


@dataclass
class Rights:
    """Two organisations, and the people that a test makes in them."""

    connection: Connection
    teams: dict[str, int] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)

    def person(self, name: str, *held: str, state: str = "active", invited_by: Principal | None = None) -> Principal:
        """A person ``name`` who holds roles, each as ``role@team`` (nothing after ``@``: everywhere)."""
        if name not in self.people:
            values = {
                "email": f"{name.lower()}@example.com",
                "name": name,
                "state": state,
                "by": (invited_by or ROOT).actor,
            }
            statement = (
                "insert into person (email, name, state, created_by) values (:email, :name, :state, :by) returning id"
            )
            self.people[name] = int(self.connection.execute(text(statement), values).scalar_one())
        for each in held:
            role, _, team = each.partition("@")
            found = find_role(self.connection, role, team)
            give_role(self.connection, by=ROOT, person_id=self.people[name], role=found, team=team)
        return self.again(name)

    def again(self, name: str) -> Principal:
        """The person as they are now."""
        return person_principal(self.connection, self.people[name])

    def audit(self) -> list[str]:
        """Who did what to whom, the oldest first."""
        rows = self.connection.execute(text("select actor, action, object from audit order by id"))
        return [f"{row.actor} {row.action} {row.object}" for row in rows]


@pytest.fixture
def rights(database: Engine) -> Iterator[Rights]:
    """The two organisations in a transaction of their own."""
    with database.connect() as connection:
        made = Rights(connection)
        for path in TEAMS:
            above = made.teams.get(path.rpartition(".")[0])
            statement = "insert into team (parent_id, path, name) values (:above, :path, :path) returning id"
            values = {"above": above, "path": path}
            made.teams[path] = int(connection.execute(text(statement), values).scalar_one())
        yield made
