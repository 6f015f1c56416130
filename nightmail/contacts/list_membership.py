"""Who is in a list or a segment: one condition on the contact ``c``, made of every list in it, and what it found.

A list has whom its entries include but for whom they exclude, and excluding wins: also over what another entry includes, and
also when a list excludes that this list includes. Of a list that is itself excluded, its members are excluded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, text

from nightmail.contacts import list_queries as queries
from nightmail.contacts.scopes import Scope, scope_of, scopes_of
from nightmail.contacts.segment_queries import IS_THERE
from nightmail.contacts.segment_reading import read_rule
from nightmail.contacts.segment_rules import Rule, as_json
from nightmail.contacts.segment_sql import Moment, Parameters, rule_condition
from nightmail.contacts.segments import SegmentRow
from nightmail.errors import UsageError
from nightmail.organisation.teams import TeamRow

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


def moment_of(used: Scope) -> Moment:
    """The time that it is, and the day that it is for a team."""
    return Moment(used.now, used.now.astimezone(ZoneInfo(used.team.time_zone)).date())


def rule_membership(used: Scope, rule: Rule, *, written: str = ":{name}") -> Membership:
    """Who meets a rule among the contacts that a team uses. ``written`` is how the driver has parameters."""
    moment = moment_of(used)
    parameters = Parameters(written)
    condition = rule_condition(rule, moment, parameters, used.groups)
    definition = {"lists": [], "segments": [{"rule": as_json(rule)}]}
    return _membership(used, condition, parameters, definition, moment)


def list_membership(connection: Connection, list_id: int, sender: str, *, written: str = ":{name}") -> Membership:
    """Who is in a list, among the contacts that the team at the path ``sender`` uses: in two statements, whatever is in it.

    Raises :class:`UsageError`: ``team_unknown``, ``list_cycle``, ``list_too_deep``, or what reading the rule of a segment in it
    raises.
    """
    graph = ListGraph.below(connection, list_id)
    graph.refuse_cycles(list_id)
    scopes = _scopes(connection, sender, (segment.team for segment in graph.segments.values()))
    parameters = Parameters(written)
    moment = moment_of(scopes[sender])
    builder = _Builder(graph, scopes, moment, parameters)
    condition = builder.members(list_id)
    return _membership(scopes[sender], condition, parameters, builder.definition(), moment)


def segment_membership(
    connection: Connection, segment: SegmentRow, sender: str, *, written: str = ":{name}"
) -> Membership:
    """Who is in a segment, among the contacts that the team at the path ``sender`` uses.

    Raises :class:`UsageError`: ``team_unknown``, or what a rule raises that names what is there no more.
    """
    scopes = _scopes(connection, sender, [segment.team])
    parameters = Parameters(written)
    moment = moment_of(scopes[sender])
    condition = _of_segment(scopes[segment.team], segment.rule, moment, parameters)
    facts = {"id": segment.id, "name": segment.name, "version": segment.version, "rule": dict(segment.rule)}
    return _membership(scopes[sender], condition, parameters, {"lists": [], "segments": [facts]}, moment)


def count_members(connection: Connection, membership: Membership) -> int:
    """How many are in it now."""
    statement = membership.statement(queries.COUNT)
    return int(connection.scalar(text(statement), dict(membership.parameters)) or 0)


def sample_members(connection: Connection, membership: Membership, limit: int = 10) -> list[Row[Any]]:
    """The first few who are in it: ``id, contact_id, external_id, phone, landline, email, country, language``. Personal data."""
    statement = membership.statement(queries.SAMPLE, limit=str(int(limit)))
    return list(connection.execute(text(statement), dict(membership.parameters)))


def _scopes(connection: Connection, sender: str, others: Iterable[str]) -> dict[str, Scope]:
    """What the sending team uses, and the teams of segments."""
    found = scopes_of(connection, [sender, *others])
    if sender not in found:
        found[sender] = scope_of(connection, sender)
    return found


def _membership(
    used: Scope, condition: str, parameters: Parameters, definition: Mapping[str, Any], moment: Moment
) -> Membership:
    """Those whom the condition holds, among the contacts that the team uses."""
    return Membership(_scope(used.teams, parameters), condition, parameters.values, definition, used.team, moment)


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


@dataclass(frozen=True, slots=True)
class _Segment:
    """A segment that lists name."""

    id: int
    name: str
    version: int
    team: str
    rule: Mapping[str, Any]


@dataclass
class ListGraph:
    """A list and all lists in it, at whatever depth, and the segments that they name."""

    nodes: dict[int, _Node]
    segments: dict[int, _Segment]

    @classmethod
    def below(cls, connection: Connection, list_id: int) -> ListGraph:
        """The graph below a list, as it is stored."""
        nodes: dict[int, _Node] = {}
        segments: dict[int, _Segment] = {}
        for row in connection.execute(text(queries.ENTRIES_BELOW), {"id": list_id}):
            node = nodes.setdefault(row.list_id, _Node(row.name, row.version, row.team_id))
            if row.kind == "contact":
                node.contacts[row.excluded] = row.entries
            elif row.kind is not None:
                (node.excluded if row.excluded else node.included)[row.kind].append(row.target_id)
            if row.segment is not None:
                made = _Segment(row.target_id, row.segment, row.segment_version, row.segment_team, row.rule)
                segments[row.target_id] = made
        return cls(nodes, dict(sorted(segments.items())))

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


class _Builder:
    """Makes the condition of a list out of those of its parts."""

    def __init__(
        self,
        graph: ListGraph,
        scopes: Mapping[str, Scope],
        moment: Moment,
        parameters: Parameters,
    ) -> None:
        self.graph, self.scopes, self.moment, self.parameters = graph, scopes, moment, parameters
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
        parts += [self._segment(each) for each in side["segment"] if each in self.graph.segments]
        if excluded:
            parts += [self.members(each) for each in side["list"]]
        return parts

    def _segment(self, segment_id: int) -> str:
        if segment_id not in self._conditions:
            row = self.graph.segments[segment_id]
            used = self.scopes[row.team]
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
            {"id": row.id, "name": row.name, "version": row.version, "rule": row.rule}
            for row in self.graph.segments.values()
        ]
        return {"lists": lists, "segments": segments}
