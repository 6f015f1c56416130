"""Texts that outgrow memory: a block is halved until its texts fit, and what is written is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nightmail.templates import columns, load_template
from nightmail.templates import rendering as rendering_module
from tests.templates.test_rendering import EMAIL, MOBILE, Tables

BODIES = {
    "a value many times": "{{ x }}" * 40,
    "an expression that makes more of a value": "{{ x|replace('a', 'abcdefghij') }}",
    "a loop": "{% for i in x|split('a') %}{{ i }}{{ x }}{% endfor %}",
    "a condition": "{% if x %}{{ x }}{{ x }}{% else %}-{% endif %}",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("limit", [1, 2_000, 20_000])
def test_halved_blocks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, limit: int) -> None:
    """The messages, their order, what is held and every count."""
    rows: list[dict[str, Any]] = [{**MOBILE, **EMAIL, "x": "a b " * (at * 13 % 29)} for at in range(1, 24)]
    template = load_template({"languages": {"en": {"sms": body, "email": {"subject": "s", "text": body}}}})
    (tmp_path / "whole").mkdir()
    (tmp_path / "halved").mkdir()
    policy = {"channels": ("sms", "email")}
    whole = Tables(tmp_path / "whole")
    expected = whole.render(template, rows, policy=policy).as_dict()
    monkeypatch.setattr(columns, "COLUMN_BYTES", limit)
    monkeypatch.setattr(rendering_module, "BLOCK_TEXT_BYTES", limit * 4)
    halved = Tables(tmp_path / "halved")
    found = halved.render(template, rows, policy=policy).as_dict()
    assert halved.read() == whole.read()
    assert halved.audience.read().to_pylist() == whole.audience.read().to_pylist()
    assert {**found, "compared": 0} == {**expected, "compared": 0}


def test_one_row_beyond_every_limit_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is rendered up to where it is certain to be too long, and held for that; the others are sent."""
    monkeypatch.setattr(columns, "COLUMN_BYTES", 3_000_000)
    template = load_template({"languages": {"en": {"sms": "{{ x }}" * 100}}})
    summary = Tables(tmp_path).render(template, [{**MOBILE, "x": "a" * 100_000}, {**MOBILE, "x": "a"}])
    assert dict(summary.by_reason) == {"body_too_long": 1}
    assert summary.messages == 1
