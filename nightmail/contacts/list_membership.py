"""Who is in a list or a segment: one condition on the contact ``c``, made of every list in it, and what it found.

A list has whom its entries include but for whom they exclude, and excluding wins: also over what another entry includes, and
also when a list excludes that this list includes. Of a list that is itself excluded, its members are excluded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, text

from nightmail.contacts import list_queries as queries
from nightmail.contacts.scopes import Scope, scope_of
from nightmail.contacts.segment_queries import IS_THERE
from nightmail.contacts.segment_reading import read_rule
from nightmail.contacts.segment_rules import Rule, as_json
from nightmail.contacts.segment_sql import Moment, Parameters, rule_condition
from nightmail.contacts.segments import SegmentRow
from nightmail.errors import UsageError
from nightmail.organisation.teams import TeamRow, get_team
from nightmail.store.clock import database_time

DEEPEST = 10
"""Lists within lists."""
LONGEST_CONDITION = 1_000_000
"""Characters of the statement: lists that exclude lists that exclude lists again grow beyond all bounds."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Who is meant, as the condition of a statement with its parameters, and as a document for people and programs."""

    scope: str
    condition: str
    parameters: Mapping[str, Any]
    definition: Mapping[str, Any]
    team: TeamRow
    moment: Moment

    def statement(self, template: str, **parts: str) -> str:
        """One of the room's statements with the condition in it."""
        return template.format(scope=self.scope, condition=self.condition, **parts)


def moment_of_team(connection: Connection, team: TeamRow) -> Moment:
    """Now, and the day that it is for a team."""
    now = database_time(connection)
    return Moment(now, now.astimezone(ZoneInfo(team.time_zone)).date())


def rule_membership(connection: Connection, used: Scope, rule: Rule, *, written: str = ":{name}") -> Membership:
    """Who meets a rule among the contacts that a team uses. ``written`` is how the driver has parameters."""
    moment = moment_of_team(connection, used.team)
    parameters = Parameters(written)
    condition = rule_condition(rule, moment, parameters, used.groups)
    scope = _scope(used.teams, parameters)
    definition = {"lists": [], "segments": [{"rule": as_json(rule)}]}
    return Membership(scope, condition, parameters.values, definition, used.team, moment)


def list_membership(connection: Connection, list_id: int, sender: TeamRow, *, written: str = ":{name}") -> Membership:
    """Who is in a list, among the contacts that the team ``sender`` uses.

    Raises :class:`UsageError`: ``list_cycle``, ``list_too_deep``, or what reading the rule of a segment in it raises.
    """
    graph = ListGraph.below(connection, list_id)
    graph.refuse_cycles(list_id)
    parameters = Parameters(written)
    moment = moment_of_team(connection, sender)
    scopes = _Scopes(connection, sender)
    builder = _Builder(graph, scopes, moment, parameters, graph.segments(connection))
    condition = builder.members(list_id)
    scope = _scope(scopes.of(sender.path).teams, parameters)
    return Membership(scope, condition, parameters.values, builder.definition(), sender, moment)


def segment_membership(
    connection: Connection, segment: SegmentRow, sender: TeamRow, *, written: str = ":{name}"
) -> Membership:
    """Who is in a segment, among the contacts that the team ``sender`` uses.

    Raises :class:`UsageError` for a rule that names what is there no more.
    """
    parameters = Parameters(written)
    moment = moment_of_team(connection, sender)
    scopes = _Scopes(connection, sender)
    condition = _of_segment(scopes.of(segment.team), segment.rule, moment, parameters)
    scope = _scope(scopes.of(sender.path).teams, parameters)
    facts = {"id": segment.id, "name": segment.name, "version": segment.version, "rule": dict(segment.rule)}
    return Membership(scope, condition, parameters.values, {"lists": [], "segments": [facts]}, sender, moment)


def count_members(connection: Connection, membership: Membership) -> int:
    """How many are in it now."""
    statement = membership.statement(queries.COUNT)
    return int(connection.scalar(text(statement), dict(membership.parameters)) or 0)


def sample_members(connection: Connection, membership: Membership, limit: int = 10) -> list[Row[Any]]:
    """The first few who are in it: ``id, contact_id, external_id, phone, landline, email, country, language``. Personal data."""
    statement = membership.statement(queries.SAMPLE, limit=str(int(limit)))
    return list(connection.execute(text(statement), dict(membership.parameters)))


class _Scopes:
    """What teams use, each read once."""

    def __init__(self, connection: Connection, sender: TeamRow) -> None:
        self._connection, self._sender = connection, sender
        self._known: dict[str, Scope] = {}

    def of(self, team: str) -> Scope:
        """What the team at a path uses."""
        if team not in self._known:
            row = self._sender if team == self._sender.path else get_team(self._connection, team)
            self._known[team] = scope_of(self._connection, row)
        return self._known[team]


def _of_segment(used: Scope, rule: Mapping[str, Any], moment: Moment, parameters: Parameters) -> str:
    """The condition of a segment: its rule, by what its own team knows, on the contacts that its own team uses."""
    condition = rule_condition(read_rule(rule, used.vocabulary), moment, parameters, used.groups)
    return f"(c.team_id = any({parameters.add(used.teams, 'integer[]')}) and {condition})"


def _scope(teams: list[int], parameters: Parameters) -> str:
    return f"c.team_id = any({parameters.add(teams, 'integer[]')}) and {IS_THERE}"


@dataclass
class _Node:
    """One list of a graph, with its entries by kind: those of contacts are counted only."""

    name: str
    version: int
    team_id: int
    included: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    excluded: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    contacts: dict[bool, int] = field(default_factory=dict)


@dataclass
class ListGraph:
    """A list and all lists in it, at whatever depth."""

    nodes: dict[int, _Node]

    @classmethod
    def below(cls, connection: Connection, list_id: int) -> ListGraph:
        """The graph below a list, as it is stored."""
        nodes: dict[int, _Node] = {}
        for row in connection.execute(text(queries.ENTRIES_BELOW), {"id": list_id}):
            node = nodes.setdefault(row.list_id, _Node(row.name, row.version, row.team_id))
            if row.kind == "contact":
                node.contacts[row.excluded] = row.entries
            elif row.kind is not None:
                (node.excluded if row.excluded else node.included)[row.kind].append(row.target_id)
        return cls(nodes)

    def inner(self, list_id: int) -> list[int]:
        """The lists that a list names, included or excluded."""
        node = self.nodes.get(list_id)
        return [] if node is None else [*node.included["list"], *node.excluded["list"]]

    def refuse_cycles(self, list_id: int) -> None:
        """Raise :class:`UsageError` (``list_cycle``, ``list_too_deep``) with the path of names."""
        done: set[int] = set()
        path: list[int] = []
        waiting: list[tuple[int, Iterator[int]]] = []

        def enter(each: int) -> None:
            path.append(each)
            if len(path) > DEEPEST:
                raise UsageError("list_too_deep", most=DEEPEST, path=self._named(path))
            waiting.append((each, iter(self.inner(each))))

        enter(list_id)
        while waiting:
            current, inner = waiting[-1]
            following = next(inner, None)
            if following is None:
                waiting.pop()
                path.pop()
                done.add(current)
            elif following in path:
                raise UsageError("list_cycle", path=self._named([*path[path.index(following) :], following]))
            elif following not in done or len(path) >= DEEPEST:
                enter(following)

    def _named(self, path: list[int]) -> str:
        return " > ".join(self.nodes[each].name if each in self.nodes else str(each) for each in path)

    def included_lists(self, list_id: int) -> list[int]:
        """A list and the lists that it includes, at whatever depth."""
        found = [list_id]
        for each in found:
            node = self.nodes.get(each)
            found += [inner for inner in (node.included["list"] if node else ()) if inner not in found]
        return found

    def segments(self, connection: Connection) -> dict[int, Row[Any]]:
        """The segments that lists of the graph name."""
        ids = sorted(
            {
                each
                for node in self.nodes.values()
                for side in (node.included, node.excluded)
                for each in side["segment"]
            }
        )
        rows = connection.execute(text(queries.SEGMENTS_BY_ID), {"ids": ids}) if ids else ()
        return {row.id: row for row in rows}


class _Builder:
    """Makes the condition of a list out of those of its parts."""

    def __init__(
        self,
        graph: ListGraph,
        scopes: _Scopes,
        moment: Moment,
        parameters: Parameters,
        segments: Mapping[int, Row[Any]],
    ) -> None:
        self.graph, self.scopes, self.moment, self.parameters = graph, scopes, moment, parameters
        self.segments = segments
        self._conditions: dict[int, str] = {}

    def members(self, list_id: int) -> str:
        """The condition of being in a list."""
        lists = self.graph.included_lists(list_id)
        included = [part for each in lists for part in self._parts(each, excluded=False)]
        excluded = [part for each in lists for part in self._parts(each, excluded=True)]
        if not included:
            return "false"
        found = f"({' or '.join(included)})"
        condition = f"({found} and not ({' or '.join(excluded)}))" if excluded else found
        if len(condition) > LONGEST_CONDITION:
            raise UsageError("list_too_deep", most=DEEPEST, path=self.graph.nodes[list_id].name)
        return condition

    def _parts(self, list_id: int, *, excluded: bool) -> list[str]:
        node = self.graph.nodes.get(list_id)
        if node is None:
            return []
        side = node.excluded if excluded else node.included
        parts = []
        named = []
        if node.contacts.get(excluded):
            number = self.parameters.add(list_id, "integer")
            named.append(queries.CONTACTS_OF_ENTRIES.format(list=number, excluded="true" if excluded else "false"))
        named += [queries.MEMBERS_OF_GROUPS.format(group=self.parameters.add(each, "bigint")) for each in side["group"]]
        if named:
            parts.append(f"c.id in ({' union all '.join(named)})")
        parts += [self._segment(each) for each in side["segment"] if each in self.segments]
        if excluded:
            parts += [self.members(each) for each in side["list"]]
        return parts

    def _segment(self, segment_id: int) -> str:
        if segment_id not in self._conditions:
            row = self.segments[segment_id]
            used = self.scopes.of(row.team)
            self._conditions[segment_id] = _of_segment(used, row.rule, self.moment, self.parameters)
        return self._conditions[segment_id]

    def definition(self) -> dict[str, Any]:
        """Every list of the graph as it is now, and the segments in them: names, versions and rules, but no contact."""
        lists = [
            {
                "id": list_id,
                "name": node.name,
                "version": node.version,
                "included": {"contacts": node.contacts.get(False, 0), **node.included},
                "excluded": {"contacts": node.contacts.get(True, 0), **node.excluded},
            }
            for list_id, node in self.graph.nodes.items()
        ]
        segments = [
            {"id": row.id, "name": row.name, "version": row.version, "rule": row.rule} for row in self.segments.values()
        ]
        return {"lists": lists, "segments": segments}
