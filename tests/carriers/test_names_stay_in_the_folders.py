"""No room but the carriers' own knows a company: its name stands in its folder, in its stand-in, and in the docs.

Held by reading the source, comments included, so that a second carrier never finds the first one's habits in the core.
"""

from __future__ import annotations

import re
from pathlib import Path

from resources.carriers import CARRIERS

CHECKOUT = Path(__file__).resolve().parent.parent.parent
ROOMS = ("nightmail", "portal", "commands", "assets", "sensors", "pipelines")
ALLOWED = {
    "nightmail/consent/opt_out_words.py": "a source of the words that opt out",
    "nightmail/channels/sms.py": "the page that the longest text is taken from",
    "nightmail/channels/voice.py": "the page that the longest call document is taken from",
}
"""Files that may name a company, and why."""
_NAME = re.compile("|".join(sorted({*CARRIERS, *(carrier.label for carrier in CARRIERS.values())})), re.IGNORECASE)


def _naming() -> dict[str, str]:
    found = {}
    for room in ROOMS:
        for path in sorted((CHECKOUT / room).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                named = _NAME.search(path.read_text(encoding="utf-8", errors="replace"))
                if named is not None:
                    found[str(path.relative_to(CHECKOUT))] = named[0]
    return found


def test_no_other_room_names_a_carrier() -> None:
    assert {file: name for file, name in _naming().items() if file not in ALLOWED} == {}


def test_every_exception_is_still_one() -> None:
    assert set(ALLOWED) <= set(_naming())
