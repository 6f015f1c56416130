"""Faults that the stand-ins commit on purpose, in a reproducible order.

A fault rule is JSON, set at start (``--config``) or later (``POST /_sandbox/faults``):

``{"kind": "500_after", "on": "messages", "share": 0.05, "count": 20, "skip": 3, "to": "+44", "retry_after": 1, "seconds": 2}``

Only ``kind`` is needed. ``on`` is ``messages``, ``calls``, ``mail``, ``lists`` or ``*``; ``share`` is the share of
requests hit (drawn from the seed); ``count`` ends the rule after so many hits; ``skip`` lets so many requests pass first;
``to`` narrows it to requests with a recipient that starts with it.
"""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, fields
from typing import Any

FAULT_KINDS = {
    "429": "answers 429 with Retry-After; nothing is taken",
    "400": "refuses without saying what is wrong",
    "422": "refuses with a status or code that no table knows",
    "500_before": "answers 500; nothing is taken",
    "500_after": "takes the message, then answers 500",
    "503": "answers 503 with Retry-After; nothing is taken",
    "reset_before": "resets the connection; nothing is taken",
    "reset_after": "takes the message, then resets the connection",
    "hang_before": "never answers; nothing is taken",
    "hang_after": "takes the message, then never answers",
    "slow": "takes the message and sends its answer byte by byte over `seconds`",
    "wait": "takes the message and answers after `seconds`",
    "html": "answers 200 with an HTML page, as a proxy in between would; nothing is taken",
    "html_502": "answers 502 with an HTML page; nothing is taken",
    "html_after": "takes the message, then answers with an HTML page",
}
TAKES = frozenset({"500_after", "reset_after", "hang_after", "slow", "wait", "html_after"})
"""Kinds after which the carrier has the message."""


@dataclass
class FaultRule:
    """One rule; see the module."""

    kind: str
    on: str = "*"
    share: float = 1.0
    count: int | None = None
    skip: int = 0
    to: str = ""
    retry_after: float = 1.0
    seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.kind not in FAULT_KINDS:
            raise ValueError(f"no such fault: {self.kind}; known: {', '.join(FAULT_KINDS)}")

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> FaultRule:
        """A rule from its JSON form. Raises ``ValueError`` for what it does not know."""
        unknown = set(content) - {entry.name for entry in fields(cls)}
        if unknown:
            raise ValueError(f"no such field of a fault: {', '.join(sorted(unknown))}")
        return cls(**content)


class Faults:
    """The rules in force; the first that hits a request counts."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311
        self._rules: list[FaultRule] = []
        self.committed: dict[str, int] = {}
        self.hit: dict[str, dict[str, dict[str, int]]] = {}
        """By what was asked for and by kind: how many requests were hit, and how many messages they held."""

    def replace(self, rules: list[dict[str, Any]]) -> None:
        """Put these rules in place of the present ones. Raises ``ValueError`` and keeps the old ones if one is wrong."""
        self._rules = [FaultRule.from_json(rule) for rule in rules]

    def draw(self, on: str, *recipients: str) -> FaultRule | None:
        """The fault to commit on this request to these recipients, if any."""
        for rule in self._rules:
            if rule.on not in ("*", on) or rule.count == 0:
                continue
            if rule.to and not any(recipient.startswith(rule.to) for recipient in recipients):
                continue
            if rule.skip > 0:
                rule.skip -= 1
                continue
            if rule.share < 1.0 and self._random.random() >= rule.share:
                continue
            if rule.count is not None:
                rule.count -= 1
            self.committed[rule.kind] = self.committed.get(rule.kind, 0) + 1
            hit = self.hit.setdefault(on, {}).setdefault(rule.kind, {"requests": 0, "messages": 0})
            hit["requests"] += 1
            hit["messages"] += len(recipients)
            return rule
        return None

    def as_json(self) -> dict[str, Any]:
        """The rules in force and how often each kind was committed."""
        return {"rules": [asdict(rule) for rule in self._rules], "committed": self.committed}
