"""A query parameter that an endpoint does not know is an error: a misspelt filter must not show everything."""

from __future__ import annotations

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from portal.problems import FieldProblem, RequestError

_known: dict[int, frozenset[str]] = {}


def _names(dependant: Dependant) -> frozenset[str]:
    """The query parameters of an endpoint and of what it depends on."""
    own = frozenset(parameter.alias for parameter in dependant.query_params)
    return own.union(*(_names(further) for further in dependant.dependencies))


def refuse_unknown_query(request: Request) -> None:
    """Raise :class:`RequestError` for a query parameter that the endpoint does not declare."""
    if not request.query_params:
        return
    route = request.scope["route"]
    known = _known.get(id(route))
    if known is None and isinstance(route, APIRoute):
        known = _known[id(route)] = _names(route.dependant)
    unknown = sorted(set(request.query_params) - (known or frozenset()))
    if unknown:
        message = f"is not known here; there are: {', '.join(sorted(known or ())) or 'none'}"
        problems = [FieldProblem(where=f"query.{name[:100]}", message=message) for name in unknown[:20]]
        raise RequestError("request_invalid", errors=problems)
