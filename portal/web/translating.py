"""The language of a page: whose turn it is, and Babel's catalogues.

Texts stand in English in templates (``{% trans %}``, ``_("...")``) and in code (``gettext``); the catalogues in
``portal/web/translations`` hold the others. The language belongs to the request that is being answered: it is set once, by
:mod:`portal.web.signed_in`, and read wherever a text is made.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from contextvars import ContextVar
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

LANGUAGES: dict[str, str] = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español"}
"""The languages of the portal by their tags, each by its own name."""

TRANSLATIONS = Path(__file__).parent / "translations"
DOMAIN = "portal"

_log = logging.getLogger("nightmail.portal")
_language: ContextVar[str] = ContextVar("nightmail_portal_language", default="en")


def speak(language: str) -> None:
    """Answer the rest of this request in ``language``, or in English where the portal does not know it."""
    _language.set(language if language in LANGUAGES else "en")


def spoken_language() -> str:
    """The language in which this request is answered."""
    return _language.get()


def accepted_language(header: str) -> str:
    """The best of the portal's languages for an ``Accept-Language`` header (RFC 9110 §12.5.4)."""
    wishes: list[tuple[float, int, str]] = []
    for place, part in enumerate(header.split(",")[:20]):
        tag, _, parameter = part.partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            weight = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            weight = 0.0
        wishes.append((-weight, place, tag.strip().partition("-")[0].lower()))
    for weight, _place, language in sorted(wishes):
        if language in LANGUAGES and weight < 0:
            return language
    return "en"


def gettext(text: str) -> str:
    """``text`` in the request's language."""
    return _catalogue(_language.get()).gettext(text)


def ngettext(one: str, many: str, count: int) -> str:
    """The form of a text that fits ``count``, in the request's language."""
    return _catalogue(_language.get()).ngettext(one, many, count)


def pgettext(context: str, text: str) -> str:
    """``text`` as it is said in ``context``: for one English word that is several words elsewhere."""
    return _catalogue(_language.get()).pgettext(context, text)


def npgettext(context: str, one: str, many: str, count: int) -> str:
    """:func:`ngettext` in a context."""
    return _catalogue(_language.get()).npgettext(context, one, many, count)


def marked(text: str) -> str:
    """``text`` itself: marks it for the catalogues where it is stated, to be translated where it is shown."""
    return text


def translated(text: str) -> str:
    """A text that was :func:`marked`, in the request's language: a plain text, which a template escapes as any other."""
    return gettext(text) if text else ""


@lru_cache(maxsize=len(LANGUAGES))
def _catalogue(language: str) -> NullTranslations:
    """A language's catalogue, compiled from its ``.po`` file in memory: nothing is built and nothing can be stale."""
    file = TRANSLATIONS / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    if not file.is_file():
        return NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with file.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def load_catalogues(languages: Sequence[str] = tuple(LANGUAGES)) -> None:
    """Read the catalogues before the first page asks for them."""
    for language in languages:
        _catalogue(language)
