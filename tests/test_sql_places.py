"""SQL stands in the domain, beside what it is about: the doors and the sensors call functions. Held by reading the source."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
STATEMENTS = {"text", "select", "insert", "update", "delete", "func", "literal_column"}
"""What SQLAlchemy makes statements from."""
LONGEST = 5
"""Lines of a statement that may stand where it is executed; a longer one is named, in the room's ``queries.py``."""


def _trees(*rooms: str) -> list[tuple[str, ast.Module]]:
    return [
        (str(path.relative_to(CHECKOUT)), ast.parse(path.read_text(encoding="utf-8")))
        for room in rooms
        for path in sorted((CHECKOUT / room).rglob("*.py"))
        if "migrations" not in path.parts
    ]


@pytest.mark.parametrize("room", ["portal", "sensors", "assets", "pipelines", "commands"])
def test_a_door_holds_no_sql(room: str) -> None:
    wrong = set()
    for path, tree in _trees(room):
        for node in ast.walk(tree):
            imported = {name.name for name in node.names} if isinstance(node, ast.ImportFrom) else set()
            if imported & STATEMENTS and (getattr(node, "module", "") or "").partition(".")[0] == "sqlalchemy":
                wrong.add(path)
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("exec_driver_sql", "text"):
                wrong.add(path)
    assert not wrong


def test_a_long_statement_has_a_name() -> None:
    wrong = []
    for path, tree in _trees("nightmail", "resources"):
        if path.endswith("/queries.py"):
            continue
        for node in ast.walk(tree):
            name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
            if isinstance(node, ast.Call) and name in ("text", "execute", "exec_driver_sql", "scalar", "scalars"):
                for argument in node.args[:1]:
                    lines = (argument.end_lineno or 0) - argument.lineno + 1
                    if isinstance(argument, ast.Constant | ast.JoinedStr | ast.BinOp) and lines > LONGEST:
                        wrong.append(f"{path}:{argument.lineno}")
    assert not wrong


def test_no_statement_takes_the_name_of_another() -> None:
    """Of two constants of one name the later one would be run in the place of both."""
    twice = []
    for path in sorted(CHECKOUT.glob("nightmail/**/*queries.py")):
        names = Counter(
            target.id
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        )
        twice += [f"{path.relative_to(CHECKOUT)}: {name}" for name, count in names.items() if count > 1]
    assert not twice
