"""The docs say what is so: generated parts are fresh, commands and files that they name exist, packages are explained."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest

from commands import column_meanings, documentation
from tests.test_import_rule import ORDER

CHECKOUT = Path(__file__).resolve().parent.parent
TOP = ("resources", "assets", "sensors", "pipelines", "portal", "commands")
"""The top folders above the domain, from the lowest to the highest."""
PAGES = [*documentation.pages(), CHECKOUT / "CONTRIBUTING.md", CHECKOUT / "CHANGELOG.md"]
_PICTURE = re.compile(r"!\[[^\]]*\]\(([^)]+)\)")
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
_COMMAND = re.compile(r"(?:^|[`$ /])nightmail ((?:[a-z]+ ?)+)(?=[`\s]|$)", re.MULTILINE)
_OPTION = re.compile(r"(?:^|[`$ /])nightmail ([a-z]+(?: [a-z]+)?)[^\n`]*?(--[a-z-]+)", re.MULTILINE)
_MAKE = re.compile(r"(?:`|\$ )make ([a-z -]+)")


def _names(pages: list[Path]) -> list[str]:
    return [str(page.relative_to(CHECKOUT)) for page in pages]


@pytest.mark.parametrize("page", PAGES, ids=_names(PAGES))
def test_generated_parts_are_as_they_would_be_written(page: Path) -> None:
    """`make docs` writes them."""
    text = page.read_text(encoding="utf-8")
    assert text == documentation.written(text), f"{page.name} is stale: run `make docs`"


def test_every_column_of_the_lake_has_a_meaning() -> None:
    without = [
        f"{table}.{field.name}"
        for table, (schema, _) in documentation.lake_tables().items()
        for field in schema
        if not column_meanings.meaning(table, field.name)
    ]
    assert not without


def test_no_meaning_is_left_of_a_column_that_is_gone() -> None:
    tables = documentation.lake_tables()
    gone = [
        f"{table}.{column}"
        for table, columns in column_meanings.COLUMNS.items()
        for column in columns
        if table not in tables or column not in tables[table][0].names
    ]
    assert not gone


def test_every_code_of_every_code_column_is_in_the_data_dictionary() -> None:
    """No column of codes without its list, no code without a meaning, no meaning of a code that is gone."""
    from commands.code_values import CODE_COLUMNS, code_lists

    columns = {
        f"{table}.{field.name}"
        for table, (schema, _) in documentation.lake_tables().items()
        for field in schema
        if field.name in CODE_COLUMNS
    }
    lists = code_lists()
    listed = [column for each in lists for column in each.columns]
    assert sorted(listed) == sorted(columns)
    for each in lists:
        assert set(each.codes) <= set(each.meanings), f"{each.title}: a code has no meaning"
        assert all(each.meanings[code] for code in each.codes)
    used = {id(each.meanings): set[str]() for each in lists}
    for each in lists:
        used[id(each.meanings)] |= set(each.codes)
    gone = {each.title: set(each.meanings) - used[id(each.meanings)] for each in lists}
    assert not any(gone.values()), gone


def test_every_schema_is_in_the_data_dictionary() -> None:
    import pyarrow as pa

    from nightmail.lake import schemas as lake_schemas

    there = {name.lower() for name, value in vars(lake_schemas).items() if isinstance(value, pa.Schema)}
    assert there == set(documentation.lake_tables())


@pytest.mark.parametrize("page", PAGES, ids=_names(PAGES))
def test_links_lead_somewhere(page: Path) -> None:
    broken = [
        target
        for target in _LINK.findall(page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not broken


def test_the_readme_links_every_page() -> None:
    linked = {(CHECKOUT / target).resolve() for target in _LINK.findall((CHECKOUT / "README.md").read_text("utf-8"))}
    assert not {str(page) for page in (CHECKOUT / "docs").glob("*.md")} - {str(target) for target in linked}


def test_pictures_are_shown_and_small() -> None:
    """In the README, or beside the portal's pages on the page that shows them all."""
    pictures = CHECKOUT / "docs" / "pictures"
    pages = [CHECKOUT / "README.md", CHECKOUT / "docs" / "portal.md", pictures / "portal" / "README.md"]
    shown = {(page.parent / target).resolve() for page in pages for target in _PICTURE.findall(page.read_text("utf-8"))}
    there = [path for path in pictures.rglob("*") if path.is_file() and path.suffix != ".md"]
    assert not set(there) - shown
    assert all(picture.stat().st_size < 200_000 for picture in there)


def test_figures_that_speak_for_nightmail_were_measured() -> None:
    """What `why.md` promises stands in `operations.md`, with the command that measured it."""
    why = (CHECKOUT / "docs" / "why.md").read_text(encoding="utf-8").partition("## What was measured")[2]
    operations = (CHECKOUT / "docs" / "operations.md").read_text(encoding="utf-8")
    figures = [line.split("|")[2].strip() for line in why.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(figures) > 5
    assert not [figure for figure in figures[1:] if figure not in operations]


def test_words_are_explained_in_one_place() -> None:
    """The glossary explains each word once, and no other page has a table of words."""
    glossary = (CHECKOUT / "docs" / "glossary.md").read_text(encoding="utf-8")
    words = [line.split("|")[1].strip() for line in glossary.splitlines() if line.startswith("| ")]
    words = [word for word in words if word not in ("word", "---")]
    assert len(words) == len(set(words)) > 30
    others = [page.name for page in PAGES if page.name != "glossary.md" and "| word | is |" in page.read_text("utf-8")]
    assert not others


@pytest.mark.parametrize("page", PAGES, ids=_names(PAGES))
def test_commands_that_are_named_exist(page: Path) -> None:
    """`nightmail db upgrade` is a command; words after a command's name may be anything."""
    known = {name for name, _ in documentation.commands()}
    groups = {name.split(" ", 1)[0] for name in known if " " in name}
    wrong = []
    for words in _COMMAND.findall(page.read_text(encoding="utf-8")):
        parts = words.split()
        name = " ".join(parts[:2]) if parts[0] in groups else parts[0]
        if name not in known and not (parts[0] in groups and len(parts) == 1):
            wrong.append(words.strip())
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=_names(PAGES))
def test_options_that_are_named_exist(page: Path) -> None:
    options = {
        name: {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        for name, command in documentation.commands()
    }
    wrong = []
    for words, option in _OPTION.findall(page.read_text(encoding="utf-8")):
        name = words if words in options else words.split()[0]
        if name in options and option not in options[name] | {"--help"}:
            wrong.append(f"nightmail {name} {option}")
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=_names(PAGES))
def test_make_targets_that_are_named_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = [word for words in _MAKE.findall(page.read_text(encoding="utf-8")) for word in words.split()]
    assert [word for word in named if word not in targets] == []


def test_every_direct_package_is_explained_and_no_other() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = {
        re.split(r"[\[=<>!~; ]", requirement, maxsplit=1)[0].lower()
        for requirement in [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    }
    browser_files = json.loads((CHECKOUT / "portal" / "static" / "package.json").read_text(encoding="utf-8"))
    wanted |= browser_files["dependencies"].keys() | browser_files["devDependencies"].keys()
    page = (CHECKOUT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    explained = {name for row in rows for name in re.findall(r"`([@a-z0-9./-]+)`", row)}
    assert explained == wanted


def test_requirements_name_no_index_and_pin_everything_by_hash() -> None:
    for name in ("requirements.txt", "requirements-dev.txt", "portal/static/requirements-node.txt"):
        text = (CHECKOUT / name).read_text(encoding="utf-8")
        assert "://" not in text
        entries = re.split(r"\n(?=[A-Za-z0-9])", text)
        unpinned = [entry.split()[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry]
        assert not unpinned
    lock = json.loads((CHECKOUT / "portal" / "static" / "package-lock.json").read_text(encoding="utf-8"))
    packages = [entry for name, entry in lock["packages"].items() if name]
    assert packages
    assert all(entry["integrity"].startswith("sha512-") and "resolved" not in entry for entry in packages)


WALKS = ("## One row, from file to report", "## One receipt, from webhook to report")
_STEP = re.compile(r"`([a-z_]+/[\w/]+\.py)`(?:\s*→)?")
_ARROW = re.compile(r"`([a-z_]+/[\w/]+\.py)`\s*→\s*(?=`([a-z_]+/[\w/]+\.py)`)")


def _walks() -> dict[str, str]:
    text = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
    return {heading: text.partition(heading)[2].partition("\n## ")[0] for heading in WALKS}


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imports(path: str) -> set[str]:
    """The modules that a file imports, also by way of a package that has their names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((CHECKOUT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    for package in [name.replace(".", "/") for name in found if (CHECKOUT / name.replace(".", "/")).is_dir()]:
        inside = ast.parse((CHECKOUT / package / "__init__.py").read_text(encoding="utf-8"))
        found |= {node.module for node in ast.walk(inside) if isinstance(node, ast.ImportFrom) and node.module}
    return found


@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_through_the_code_follows_the_code(walk: str) -> None:
    """Every file is there, and each imports the one that the arrow points to."""
    text = _walks()[walk]
    assert len(_STEP.findall(text)) > 15
    assert not [path for path in _STEP.findall(text) if not (CHECKOUT / path).is_file()]
    arrows = _ARROW.findall(text)
    assert len(arrows) > 10
    assert not [(left, right) for left, right in arrows if _module(right) not in _imports(left)]


@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_goes_one_way(walk: str) -> None:
    """No arrow goes up the rooms, and none is walked in both directions."""
    arrows = set(_ARROW.findall(_walks()[walk]))
    assert not [(left, right) for left, right in arrows if (right, left) in arrows]
    assert not [(left, right) for left, right in arrows if _rank(right) > _rank(left)]


def _rank(path: str) -> int:
    """The place of a file's room: those of the domain in their order, then the top folders in theirs."""
    first, second = path.split("/")[:2]
    return ORDER.index(second.removesuffix(".py")) if first == "nightmail" else len(ORDER) + TOP.index(first)


def test_the_page_lists_the_rooms_of_the_domain_in_their_order() -> None:
    """Architecture says it in words, the import rule holds it."""
    text = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.partition("### Inside `nightmail/`")[2].partition("\n## ")[0]
    listed = [
        name for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    ]
    assert tuple(listed) == ORDER
