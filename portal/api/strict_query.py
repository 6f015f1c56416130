"""A query parameter that an endpoint does not know is an error: a misspelt filter must not show everything."""

from __future__ import annotations

from typing import Any, get_args, get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from portal.problems import FieldProblem, RequestError

_known: dict[int, dict[str, bool]] = {}


def _names(dependant: Dependant) -> dict[str, bool]:
    """The query parameters of an endpoint and of what it depends on; each with whether it may come several times."""
    names = {parameter.alias: _takes_several(parameter.field_info.annotation) for parameter in dependant.query_params}
    for further in dependant.dependencies:
        names |= _names(further)
    return names


def _takes_several(annotation: Any) -> bool:
    """Whether a parameter of this type is a list, or may be one."""
    return get_origin(annotation) in (list, tuple, set, frozenset) or any(map(_takes_several, get_args(annotation)))


def refuse_unknown_query(request: Request) -> None:
    """Raise :class:`RequestError` for a query parameter that the endpoint does not declare, and for one that came twice.

    Of two values only one would be used, and nobody could tell which was meant.
    """
    if not request.query_params:
        return
    route = request.scope["route"]
    known = _known.get(id(route))
    if known is None and isinstance(route, APIRoute):
        known = _known[id(route)] = _names(route.dependant)
    known = known or {}
    problems = []
    for name in sorted(set(request.query_params)):
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            problems.append(FieldProblem(where=f"query.{name[:100]}", message=f"is not known here; there are: {there}"))
        elif not known[name] and len(request.query_params.getlist(name)) > 1:
            problems.append(FieldProblem(where=f"query.{name[:100]}", message="came more than once: give it once"))
    if problems:
        raise RequestError("request_invalid", errors=problems[:20])
