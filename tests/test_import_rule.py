"""The rooms' imports go one way: design §3. Held by reading the source, so that no import has to happen for it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
ROOMS = ("nightmail", "resources", "assets", "sensors", "pipelines", "portal", "sandbox", "commands", "benchmarks")
MAY_IMPORT = {
    "nightmail": set(),
    "resources": {"nightmail"},
    "assets": {"nightmail", "resources"},
    "sensors": {"nightmail", "resources", "assets"},
    "pipelines": {"nightmail", "resources", "assets", "sensors"},
    "portal": {"nightmail", "resources"},
    "sandbox": set(),
    "commands": set(ROOMS) - {"benchmarks"},
    "benchmarks": set(ROOMS),
}
ORDER = (
    *("reasons", "errors", "progress", "settings", "stated_times", "channels", "message_ids"),
    *("lake", "store", "privacy", "audit", "carriers", "organisation", "access"),
    *("contact_files", "row_checks", "templates", "contacts", "consent", "audience"),
    *("campaigns", "forecasts", "preparation", "intake", "sending", "receipts", "conversations"),
    *("reports", "recipients", "events", "provisioning", "inventory", "retention", "demonstration"),
)
"""The rooms of the domain from the lowest to the highest: a room imports only rooms before it."""
FRAMEWORKS = {"dagster", "dagster_postgres", "fastapi", "starlette", "uvicorn", "typer", "rich"}
"""What the domain knows nothing of."""
HEAVY = {
    *("pandas", "pyarrow", "numpy", "great_expectations", "twilio", "sendgrid", "paramiko", "asyncssh", "openpyxl"),
    *(
        "babel",
        "dagster",
        "phonenumbers",
        "fastapi",
        "uvicorn",
        "sqlalchemy",
        "pydantic",
        "alembic",
        "psycopg",
        "jinja2",
    ),
}
"""What no file of the command line may import at its top, since `nightmail --help` would pay for it."""


def _files(room: str) -> list[Path]:
    return sorted(path for path in (CHECKOUT / room).rglob("*.py") if "migrations" not in path.parts)


def _imported(tree: ast.AST, top_only: bool = False) -> set[str]:
    found: set[str] = set()
    nodes = _top_level(tree) if top_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def _top_level(tree: ast.AST) -> list[ast.AST]:
    """The nodes that run when the module is imported: not those of functions, nor those for type checkers alone."""
    found: list[ast.AST] = []
    waiting = list(ast.iter_child_nodes(tree))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting += node.orelse
            continue
        found.append(node)
        waiting += ast.iter_child_nodes(node)
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_below_it(room: str) -> None:
    wrong = []
    for path in _files(room):
        for module in _imported(ast.parse(path.read_text(encoding="utf-8"))):
            other = module.partition(".")[0]
            if other in ROOMS and other != room and other not in MAY_IMPORT[room]:
                wrong.append(f"{path.relative_to(CHECKOUT)} imports {module}")
    assert not wrong


def test_a_room_of_the_domain_imports_only_rooms_below_it() -> None:
    """Imports inside functions and those for type checkers count as well: they are dependencies all the same."""
    rank = {room: place for place, room in enumerate(ORDER)}
    upwards = set()
    for path in _files("nightmail"):
        room = path.relative_to(CHECKOUT).parts[1].removesuffix(".py")
        if room == "__init__":
            continue
        for module in _imported(ast.parse(path.read_text(encoding="utf-8"))):
            parts = module.split(".")
            if parts[0] == "nightmail" and len(parts) > 1 and parts[1] in rank and rank[parts[1]] > rank[room]:
                upwards.add(f"{path.relative_to(CHECKOUT)} imports nightmail.{parts[1]}")
    assert not upwards


def _modules(room: str) -> dict[str, Path]:
    """The files of a room by the name that they are imported by."""
    found = {}
    for path in _files(room):
        parts = path.relative_to(CHECKOUT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def test_no_module_of_the_domain_imports_itself_by_way_of_others() -> None:
    """Imports inside functions and those for type checkers count: they hide a circle, they do not open it."""
    modules = _modules("nightmail")
    imports = {
        name: _imported(ast.parse(path.read_text(encoding="utf-8"))) & modules.keys() - {name}
        for name, path in modules.items()
    }
    circles = set()
    for name in imports:
        seen: set[str] = set()
        waiting = [name]
        while waiting:
            more = imports[waiting.pop()] - seen
            seen |= more
            waiting += more
        if name in seen:
            circles.add(name)
    assert not circles


def test_every_room_of_the_domain_has_its_place() -> None:
    there = {path.relative_to(CHECKOUT).parts[1].removesuffix(".py") for path in _files("nightmail")} - {"__init__"}
    assert there <= set(ORDER)


def test_the_domain_knows_no_framework() -> None:
    wrong = [
        f"{path.relative_to(CHECKOUT)} imports {module}"
        for path in _files("nightmail")
        for module in _imported(ast.parse(path.read_text(encoding="utf-8")))
        if module.partition(".")[0] in FRAMEWORKS
    ]
    assert not wrong


def test_the_command_line_imports_nothing_heavy_at_its_top() -> None:
    """Also not by way of the product's own modules: what `commands.main` imports is followed through all rooms."""
    seen: set[Path] = set()
    wrong = []
    waiting = [CHECKOUT / "commands" / "main.py"]
    while waiting:
        path = waiting.pop()
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        for module in _imported(ast.parse(path.read_text(encoding="utf-8")), top_only=True):
            first = module.partition(".")[0]
            if first in HEAVY:
                wrong.append(f"{path.relative_to(CHECKOUT)} imports {module}")
            if first in ROOMS:
                place = CHECKOUT.joinpath(*module.split("."))
                waiting += [place.with_suffix(".py"), place / "__init__.py"]
                waiting += [folder / "__init__.py" for folder in place.parents if CHECKOUT in folder.parents]
    assert len(seen) > 10
    assert not wrong


def test_every_room_is_checked() -> None:
    """A new folder of Python at the top is a new room, and must be given its place in the rule."""
    there = {
        path.parent.name
        for path in CHECKOUT.glob("*/__init__.py")
        if path.parent.name not in ("tests",) and not path.parent.name.startswith(".")
    }
    assert there == set(ROOMS)
