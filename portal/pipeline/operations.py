"""What a request asks of Dagster: to read, or to change something. Told by parsing the GraphQL that it would run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse

MAXIMUM_TOKENS = 20_000
"""More than the largest of Dagster's own documents has, by far."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A GraphQL request that was understood. ``body`` is what is passed on: that and nothing else of what came."""

    operates: bool
    """Whether any operation of the document is something else than a query."""
    subscribes: bool
    names: tuple[str, ...]
    body: bytes


class NotUnderstoodError(ValueError):
    """The request is not one GraphQL document in JSON."""


def asked_by(raw: bytes | str) -> Asked:
    """What a GraphQL request in JSON asks. Raises :class:`NotUnderstoodError`.

    All operations of a document count, whichever is named: what is run is for Dagster to pick.
    """
    try:
        given = json.loads(raw)
    except ValueError as error:
        raise NotUnderstoodError("no JSON") from error
    return asked(given)


def asked(given: Any) -> Asked:
    """The same of JSON that was read."""
    if not isinstance(given, dict) or not isinstance(given.get("query"), str):
        raise NotUnderstoodError("no single document")
    try:
        document = parse(given["query"], no_location=True, max_tokens=MAXIMUM_TOKENS)
    except (GraphQLError, RecursionError) as error:
        raise NotUnderstoodError("no GraphQL") from error
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    kept = {name: given[name] for name in ("query", "variables", "operationName") if given.get(name) is not None}
    return Asked(
        operates=any(node.operation is not OperationType.QUERY for node in operations),
        subscribes=any(node.operation is OperationType.SUBSCRIPTION for node in operations),
        names=tuple(_name(node) for node in operations if node.operation is OperationType.MUTATION),
        body=json.dumps(kept).encode(),
    )


def _name(node: OperationDefinitionNode) -> str:
    """The fields that a mutation calls: what it is called itself is the client's to say."""
    called = [getattr(getattr(field, "name", None), "value", "...") for field in node.selection_set.selections]
    return ", ".join(called)[:200]
