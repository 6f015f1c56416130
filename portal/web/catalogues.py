"""Bring the catalogues up to the portal's texts: ``python -m portal.web.catalogues``, as `make translations` does.

Texts are found in the templates and in the code of ``portal/web``; each language's file gets those that are new, loses those
that are gone, and is sorted, so that two people's additions seldom meet. What is not translated is listed, and fails the suite.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from nightmail.access.permissions import PERMISSION_MEANINGS
from nightmail.access.ready_made_roles import READY_MADE
from nightmail.contacts.segment_sentences import texts as texts_of_sentences
from portal.web.translating import DOMAIN, LANGUAGES, TRANSLATIONS

_WEB = Path(__file__).parent
_METHODS = [("**.py", "python"), ("**.html", "jinja2")]
_OPTIONS: dict[str, dict[str, Any]] = {
    "**.html": {"trimmed": "true", "silent": "false", "trim_blocks": "true", "lstrip_blocks": "true"}
}
_KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "marked": None,
}
_PLACES = re.compile(r"%\(\w+\)[sd]|\{\w*\}")
TRANSLATED = tuple(language for language in LANGUAGES if language != "en")


def extracted() -> Catalog:
    """Every text of the pages, in English."""
    catalogue = Catalog(charset="utf-8")
    found = extract_from_dir(_WEB, _METHODS, _OPTIONS, keywords=_KEYWORDS)
    for _file, _line, message, _comments, context in found:
        catalogue.add(message, context=context)
    for text in _of_the_domain():
        catalogue.add(text)
    return catalogue


def _of_the_domain() -> Iterator[str]:
    """Texts that the domain states and pages show: what permissions allow, the ready-made roles, and how a segment's rule is said."""
    yield from PERMISSION_MEANINGS.values()
    yield from texts_of_sentences()
    for role in READY_MADE:
        yield role.title
        yield role.description


def stored(language: str) -> Catalog:
    """A language's catalogue as it is kept; empty when there is none."""
    file = _file(language)
    if not file.is_file():
        return Catalog(locale=language, charset="utf-8")
    with file.open("rb") as source:
        return read_po(source, locale=language)


def brought_up(language: str) -> Catalog:
    """A language's catalogue with the texts of now: translations that are there stay, new texts are empty."""
    old = stored(language)
    catalogue = Catalog(locale=language, charset="utf-8", header_comment="", fuzzy=False)
    for message in extracted():
        if message.id:
            known = old.get(_key(message), context=message.context)
            catalogue.add(message.id, known.string if known is not None else "", context=message.context)
    return catalogue


def written(catalogue: Catalog) -> bytes:
    """A catalogue as its file: sorted, without dates, names and places in the code."""
    text = io.BytesIO()
    write_po(text, catalogue, sort_output=True, omit_header=True, no_location=True, width=120)
    header = (
        f'msgid ""\nmsgstr ""\n"Language: {catalogue.locale}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Plural-Forms: {catalogue.plural_forms}\\n"\n\n'
    )
    return header.encode() + text.getvalue()


def faults(catalogue: Catalog) -> list[str]:
    """What is not translated, or has other places than the English text."""
    wrong = []
    for message in catalogue:
        if not message.id:
            continue
        strings = [
            text or "" for text in (message.string if isinstance(message.string, tuple | list) else (message.string,))
        ]
        english = message.id if isinstance(message.id, tuple | list) else (message.id,)
        places = {place for text in english for place in _PLACES.findall(text)}
        if not all(strings) or message.fuzzy:
            wrong.append(f"not translated: {english[0]}")
        elif any(set(_PLACES.findall(text)) - places for text in strings) or places - {
            place for text in strings for place in _PLACES.findall(text)
        }:
            wrong.append(f"other places: {english[0]}")
    return wrong


def main() -> int:
    """Write every catalogue; 1 when something is not translated."""
    status = 0
    for language in TRANSLATED:
        catalogue = brought_up(language)
        file = _file(language)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(written(catalogue))
        wrong = faults(catalogue)
        status = max(status, bool(wrong))
        sys.stdout.write(f"{language}: {len(catalogue)} texts, {len(wrong)} to mend\n")
        sys.stdout.writelines(f"  {line}\n" for line in wrong)
    return status


def _key(message: Message) -> Any:
    return message.id[0] if isinstance(message.id, tuple | list) else message.id


def _file(language: str) -> Path:
    return TRANSLATIONS / language / "LC_MESSAGES" / f"{DOMAIN}.po"


if __name__ == "__main__":
    sys.exit(main())
