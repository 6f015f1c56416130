"""SQL stands in the domain, beside what it is about: the doors and Dagster's rooms call functions. Held by reading the source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
STATEMENTS = {"text", "select", "insert", "update", "delete", "func", "literal_column"}
"""What SQLAlchemy makes statements from."""


@pytest.mark.parametrize("room", ["assets", "sensors", "pipelines", "portal", "commands"])
def test_a_room_above_the_domain_holds_no_sql(room: str) -> None:
    wrong = set()
    for path in sorted((CHECKOUT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "sqlalchemy":
                found = {name.name for name in node.names} & STATEMENTS or {"insert"} & {node.module.rpartition(".")[2]}
                if found:
                    wrong.add(str(path.relative_to(CHECKOUT)))
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("exec_driver_sql", "text"):
                wrong.add(str(path.relative_to(CHECKOUT)))
    assert not wrong
