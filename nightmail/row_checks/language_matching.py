"""Which of the languages that something is written in a person gets: one rule for rows, audience and bodies.

Languages match by what they are, not by the letters of their tags: Unicode CLDR's likely subtags give each tag its script
(``zh-TW`` is Traditional Chinese, ``zh-Hant``), its parent locales say which regions are near (``es-MX`` is near ``es-419``),
and macrolanguages join their members (``nb`` and ``nn`` are ``no``). Another script is another language: a reader of Traditional
Chinese never gets Simplified Chinese.

>>> choose_language("zh-TW", ("en", "zh-Hans", "zh-Hant"), "en")
'zh-Hant'
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from nightmail.row_checks.languages import language_tag

_MACROLANGUAGES = {
    **dict.fromkeys(("cdo", "cjy", "gan", "hak", "hsn", "nan", "wuu", "yue"), "zh"),
    **dict.fromkeys(("acm", "acq", "aeb", "afb", "apc", "apd", "arq", "ars", "ary", "arz", "ayl"), "ar"),
    **dict.fromkeys(("prs",), "fa"),
}
"""Members of macrolanguages (ISO 639-3) that CLDR does not count as the macrolanguage itself, by their tags."""


@lru_cache(maxsize=4096)
def language_chain(language: str) -> tuple[str, ...]:
    """``language`` and its parents, the nearest first; none of them is written in another script.

    >>> language_chain("zh-MO")
    ('zh-MO', 'zh-Hant-MO', 'zh-Hant-HK', 'zh-HK', 'zh-Hant')
    """
    found = dict.fromkeys([language])
    waiting = [language_tag(language) or language]
    for tag in waiting:
        found.update(dict.fromkeys(_narrower_first(tag)))
        waiting += [parent for parent in _parents(tag) if parent not in waiting]
    base = waiting[0].split("-")[0]
    if base in _MACROLANGUAGES:
        _, script, region = _full(waiting[0])
        macro = "-".join(part for part in (_MACROLANGUAGES[base], script, region) if part)
        found.update(dict.fromkeys(language_chain(macro)))
    # A parent comes before what it shares with others: "pt-PT" before "pt".
    ordered = sorted(found, key=lambda tag: (tag != language, tag.split("-")[0] != base, -_specific(tag)))
    return tuple(ordered)


def choose_language(language: str | None, available: Iterable[str], default: str) -> str | None:
    """The best of ``available`` for a person of ``language``, spelled as there; ``None`` when nothing fits.

    That is the tag or its nearest parent (:func:`language_chain`), else a sister of it: the same language in the same script of
    another region, the one that shares the nearest parent. Without either, ``default`` or its nearest parent.
    """
    offered = tuple(available)
    if language:
        chosen = _nearest(language, offered) or _sister(language, offered)
        if chosen is not None:
            return chosen
    return _nearest(default, offered)


@lru_cache(maxsize=4096)
def _nearest(language: str, available: tuple[str, ...]) -> str | None:
    as_written = {tag.casefold(): tag for tag in available}
    canonical = {(language_tag(tag) or tag).casefold(): tag for tag in reversed(available)}
    for tag in language_chain(language):
        found = as_written.get(tag.casefold()) or canonical.get(tag.casefold())
        if found is not None:
            return found
    return None


@lru_cache(maxsize=4096)
def _sister(language: str, available: tuple[str, ...]) -> str | None:
    chain = language_chain(language_tag(language) or language)
    base, likely_region = chain[-1].split("-")[0], _full(chain[-1])[2]
    best: tuple[int, bool, str] | None = None
    for tag in available:
        theirs = language_chain(language_tag(tag) or tag)
        shared = next((place for place, parent in enumerate(chain) if parent in theirs), None)
        if shared is None or theirs[-1].split("-")[0] != base:
            continue
        rank = (shared, _full(theirs[0])[2] != likely_region, tag)
        best = rank if best is None else min(best, rank)
    return None if best is None else best[2]


def _narrower_first(tag: str) -> list[str]:
    """The tag without its variants, then with its script, then without its region, then without both if CLDR implies them."""
    language, script, _ = _full(tag)
    parts = [part for part in tag.split("-")[1:] if len(part) in (2, 3, 4)]
    own_region = next((part for part in parts if _is_region(part)), "")
    found = []
    if own_region:
        if _full(f"{language}-{own_region}")[1] == script:
            found.append(f"{language}-{own_region}")
        if script:
            found.append(f"{language}-{script}-{own_region}")
    if script:
        found.append(f"{language}-{script}")
    if not script or _full(language)[1] == script:
        found.append(language)
    return found


def _parents(tag: str) -> list[str]:
    """CLDR's parent locales of a tag and of its forms; only parents that are the same language or its macrolanguage."""
    from babel.core import get_global

    exceptions = get_global("parent_exceptions")
    found = []
    for form in _narrower_first(tag):
        parent = exceptions.get(form.replace("-", "_"))
        if parent is None:
            continue
        parent = parent.replace("_", "-")
        # CLDR lets Haitian inherit from French as spoken in Haiti; that is no language of a Haitian reader.
        if parent.split("-")[0] == tag.split("-", maxsplit=1)[0] or "-" not in parent:
            found.append(parent)
    return found


@lru_cache(maxsize=4096)
def _full(tag: str) -> tuple[str, str, str]:
    """Language, script and region of a tag, as CLDR's likely subtags fill them in; empty where they do not know."""
    from babel.core import get_global

    likely = get_global("likely_subtags")
    language, *rest = tag.split("-")
    script = next((part for part in rest[:1] if len(part) == 4 and part.isalpha()), "")
    region = next((part for part in rest[:2] if _is_region(part)), "")
    for key in (f"{language}_{script}_{region}", f"{language}_{region}", f"{language}_{script}", language):
        filled = likely.get(key.replace("__", "_").strip("_"))
        if filled is not None:
            _, likely_script, likely_region = filled.split("_")[:3]
            return language, script or likely_script, region or likely_region
    return language, script, region


def _is_region(part: str) -> bool:
    return (len(part) == 2 and part.isalpha()) or (len(part) == 3 and part.isdigit())


def _specific(tag: str) -> int:
    """How much a tag states: a region weighs more than a script, since a script is implied mostly."""
    parts = tag.split("-")[1:]
    return 2 * any(_is_region(part) for part in parts) + any(len(part) == 4 for part in parts)
