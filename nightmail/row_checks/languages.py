"""Languages: BCP 47 tags in canonical form, from tags, ISO 639 codes and names in English, French, German and Spanish."""

from __future__ import annotations

import re
from functools import lru_cache

from nightmail.row_checks.countries import NAME_LANGUAGES, country_codes, folded

_SUBTAGS = re.compile(
    r"""^(?P<language>[a-z]{2,3})
        (?:-(?P<script>[a-z]{4}))?
        (?:-(?P<region>[a-z]{2}|\d{3}))?
        (?P<variants>(?:-(?:[a-z0-9]{5,8}|\d[a-z0-9]{3}))*)
        (?P<extensions>(?:-[a-wy-z0-9](?:-[a-z0-9]{2,8})+)*)
        (?P<private>-x(?:-[a-z0-9]{1,8})+)?$""",
    re.VERBOSE,
)
"""A tag of RFC 5646 in lower case; grandfathered tags and extended language subtags are replaced before."""


@lru_cache(maxsize=1)
def _known_languages() -> frozenset[str]:
    from babel import Locale

    codes = map(str, Locale("en").languages)
    return frozenset(code for code in codes if "_" not in code and code not in {"und", "mul", "zxx", "root"})


@lru_cache(maxsize=1)
def _known_scripts() -> frozenset[str]:
    from babel import Locale

    return frozenset(str(code).lower() for code in Locale("en").scripts)


@lru_cache(maxsize=1)
def _tags_by_name() -> dict[str, str]:
    from babel import Locale

    found: dict[str, str] = {}
    for language in NAME_LANGUAGES:
        for code, name in Locale(language).languages.items():
            found.setdefault(folded(name), code.replace("_", "-"))
    found.setdefault("castellano", "es")
    for code in ("zh_Hans", "zh_Hant", "pt_BR", "pt_PT", "sr_Latn"):
        found.setdefault(folded(Locale.parse(code).languages.get(code, code)), code.replace("_", "-"))
    for code in sorted(_known_languages()):
        try:
            own = Locale(code).get_display_name(code)
        except Exception:  # noqa: S112 - Babel has no data for this language: it has no name of its own here
            continue
        if own:
            found.setdefault(folded(own), code)
    return found


@lru_cache(maxsize=100_000)
def language_tag(text: str) -> str | None:
    """The canonical tag of ``text``, or None: ``EN_us`` is ``en-US``, ``ger`` is ``de``, ``français`` is ``fr``."""
    from babel.core import get_global

    written = text.strip().replace("_", "-").lower().split(".")[0].split("@")[0]
    aliases = get_global("language_aliases")
    written = aliases.get(written, aliases.get(written.replace("-", "_"), written)).replace("_", "-").lower()
    parsed = _SUBTAGS.match(written)
    language = None
    if parsed is not None:
        code = aliases.get(parsed["language"], parsed["language"])
        language = code.split("_")[0].lower() if code else None
    if parsed is None or language not in _known_languages():
        name = _tags_by_name().get(folded(text))
        return None if name is None else language_tag(name)
    tag = [language]
    if parsed["script"]:
        if parsed["script"] not in _known_scripts():
            return None
        tag.append(parsed["script"].title())
    if parsed["region"]:
        region = parsed["region"].upper()
        if region.isalpha() and region not in country_codes():
            successors = get_global("territory_aliases").get(region, ())
            if len(successors) != 1:
                return None
            region = successors[0]
        tag.append(region)
    return "-".join(tag) + (parsed["variants"] or "") + (parsed["extensions"] or "") + (parsed["private"] or "")
