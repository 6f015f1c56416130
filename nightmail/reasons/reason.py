"""What a reason is: a stable code, the kind of thing it explains, a sentence and a remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from string import Formatter


class Kind(Enum):
    """What a reason explains."""

    FILE = "file"
    """The whole contact file, or the request that brought it, cannot be used."""
    REJECT = "reject"
    """One row cannot be used."""
    DUPLICATE = "duplicate"
    """One row was collapsed into another."""
    WARNING = "warning"
    """Something was noticed; the row stays."""
    APPROVAL = "approval"
    """A campaign waits for a person's approval."""
    HOLD = "hold"
    """A contact is not sent to."""
    FAILURE = "failure"
    """A message was not taken by the carrier, or the hand-off did not happen."""
    SETUP = "setup"
    """A setting, credential or outside part is wrong."""
    REQUEST = "request"
    """A request over HTTP cannot be answered as asked."""
    DECISION = "decision"
    """Something was decided for a whole file; the sentence says by what."""


class Surface(Enum):
    """Where a remedy is read: what helps in a shell is no use to a program, nor beside a dropped file."""

    SHELL = "shell"
    API = "api"
    PAGE = "page"
    FILE = "file"
    """A result or reject file beside the upload."""


@dataclass(frozen=True)
class Reason:
    """One entry: stable ``code``, its ``kind``, the ``sentence`` shown to people and the ``remedy``.

    ``remedy`` fits every surface; ``on`` holds the remedies of surfaces where something better can be said. ``title`` is the
    sentence without its fields, where it has any: problem documents show it, the same for every occurrence.
    """

    code: str
    kind: Kind
    sentence: str
    remedy: str
    title: str = ""
    on: Mapping[Surface, str] = field(default_factory=dict)

    @property
    def fields(self) -> frozenset[str]:
        """The names of the fields that the sentence and the remedies of every surface need."""
        texts = (self.sentence, self.remedy, *self.on.values())
        return frozenset(name for text in texts for _, name, _, _ in Formatter().parse(text) if name)

    def remedy_on(self, surface: Surface | None) -> str:
        """The remedy as read on ``surface``, its fields not filled in."""
        return self.remedy if surface is None else self.on.get(surface, self.remedy)
