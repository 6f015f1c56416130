"""The docs say what is so: generated parts are fresh, commands and files that they name exist, packages are explained."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from commands import documentation

CHECKOUT = Path(__file__).resolve().parent.parent
PAGES = [*documentation.pages(), CHECKOUT / "CONTRIBUTING.md", CHECKOUT / "CHANGELOG.md"]
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
        if not documentation.meaning(table, field.name)
    ]
    assert not without


def test_no_meaning_is_left_of_a_column_that_is_gone() -> None:
    tables = documentation.lake_tables()
    gone = [
        f"{table}.{column}"
        for table, columns in documentation.COLUMNS.items()
        for column in columns
        if table not in tables or column not in tables[table][0].names
    ]
    assert not gone


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
    page = (CHECKOUT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    explained = {name for row in rows for name in re.findall(r"`([a-z0-9-]+)`", row)}
    assert explained == wanted


def test_requirements_name_no_index_and_pin_everything_by_hash() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (CHECKOUT / name).read_text(encoding="utf-8")
        assert "://" not in text
        entries = re.split(r"\n(?=[A-Za-z0-9])", text)
        unpinned = [entry.split()[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry]
        assert not unpinned
