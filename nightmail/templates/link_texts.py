"""The address of a link as the text part shows it: no scheme that runs code, and values checked as in the HTML."""

from __future__ import annotations

import re
from collections.abc import MutableSequence

from nightmail.templates.model import SYSTEM_PLACEHOLDERS
from nightmail.templates.text_layout import MARK, marked

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.\-]*):")
_RUNNING = frozenset(
    {"javascript", "data", "vbscript", "file", "blob", "about", "filesystem", "view-source", "livescript"}
)
"""Schemes that run code or show what the sender made up: never shown."""
_UNDECIDED = re.compile(r"[^/?#:]*:?")
_NAME = re.compile(r"[A-Za-z_]\w*")


def shown_address(address: str, tags: MutableSequence[str]) -> str:
    """The address of a link to show, with marks for the tags of the template in it; empty where none is to be shown.

    ``tags`` are the sources of the template's tags; a value that begins the address goes through ``web_address``, and is
    added to them as a new one.
    """
    address = address.strip()
    literal = MARK.sub("", re.sub(r"[\t\r\n]", "", address)).lstrip("".join(map(chr, range(33))))
    scheme = _SCHEME.match(literal)
    if not address or address.startswith("#") or (scheme is not None and scheme[1].lower() in _RUNNING):
        return ""
    if scheme is not None and scheme[1].lower() == "mailto":
        return address[len("mailto:") :].partition("?")[0] if not MARK.match(address) else address
    return _checked(_pieces(address), tags)


def _pieces(address: str) -> list[str]:
    """The address in pieces: texts and marks by turns, so that those at odd places are marks."""
    return re.split(f"({MARK.pattern.replace('(', '(?:')})", address)


def _checked(pieces: list[str], tags: MutableSequence[str]) -> str:
    parts: list[str] = []
    is_decided = False
    at = 0
    while at < len(pieces):
        piece = pieces[at]
        at += 1
        mark = MARK.fullmatch(piece)
        if mark is None:
            is_decided = is_decided or bool(piece)
            parts.append(piece)
            continue
        source = tags[int(mark[1])]
        if source.startswith("{%"):
            is_decided = is_decided and not source.startswith(("{% el", "{% end"))
            parts.append(piece)
        elif is_decided or _expression(source) in SYSTEM_PLACEHOLDERS:
            parts.append(piece)
        else:
            joined, rest, at = _beginning(pieces, at - 1, tags)
            tags.append(f"{{{{ {joined}|web_address }}}}")
            parts += [marked(len(tags) - 1), rest]
            is_decided = True
    return "".join(parts)


def _beginning(pieces: list[str], at: int, tags: MutableSequence[str]) -> tuple[str, str, int]:
    """The values and texts that begin an address, joined, up to where its kind is decided; the rest of that piece."""
    members: list[str] = []
    rest = ""
    while at < len(pieces):
        mark = MARK.fullmatch(pieces[at])
        if mark is not None and tags[int(mark[1])].startswith("{%"):
            break
        if mark is not None:
            expression = _expression(tags[int(mark[1])])
            members.append(expression if _NAME.fullmatch(expression) else f"({expression})")
        elif pieces[at]:
            found = _UNDECIDED.match(pieces[at])
            begun = found[0] if found is not None else ""
            rest = pieces[at][len(begun) :]
            if begun:
                quoted = begun.replace("\\", "\\\\").replace('"', '\\"')
                members.append(f'"{quoted}"')
            if rest:
                at += 1
                break
        at += 1
    return (members[0] if len(members) == 1 else f"({' ~ '.join(members)})"), rest, at


def _expression(source: str) -> str:
    return source.removeprefix("{{").removesuffix("}}").strip()
