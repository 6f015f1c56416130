"""Takes the place of ``conftest.py`` in Jinja2's tests: their templates are read and rendered as bodies.

An environment is asked for by its options there; a body has none, so the tests that are run are those that hold for bodies.
Names that a test does not give are empty, as a column that a file does not have.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jinja2 import TemplateSyntaxError

from nightmail.templates.environments import BodyEnvironment, Markup, environment
from nightmail.templates.errors import TemplateError
from nightmail.templates.language import compiled_body, parse_body
from nightmail.templates.names import names_in


class _Body:
    def __init__(self, source: str, markup: Markup) -> None:
        try:
            tree = parse_body(source, "en", markup, where="en/sms", line=1).tree
        except TemplateError as error:
            raise TemplateSyntaxError(error.message, error.line or 1) from error
        self._names = names_in(tree)
        self._compiled = compiled_body(tree, environment("en", markup))

    def render(self, *args: Any, **values: Any) -> str:
        given = dict(*args, **values)
        return self._compiled.render({**dict.fromkeys(self._names, ""), **given})


class Bodies(BodyEnvironment):
    """An environment whose templates are bodies."""

    def __init__(self, autoescape: bool = False, **options: Any) -> None:
        assert set(options) <= {"trim_blocks", "lstrip_blocks"}, options
        super().__init__("en", Markup.XML if autoescape else Markup.TEXT)

    def from_string(self, source: Any, *_: Any, **__: Any) -> Any:
        return _Body(str(source), self.markup)


@pytest.fixture
def env() -> Bodies:
    return Bodies()


@pytest.fixture(autouse=True)
def environments_are_bodies(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if hasattr(request.module, "Environment"):
        monkeypatch.setattr(request.module, "Environment", Bodies)
    yield
