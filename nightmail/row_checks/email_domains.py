"""Domains that look like a typing error of a well-known mail provider's. A hint is a warning; no address is ever changed."""

from __future__ import annotations

from functools import lru_cache
from string import ascii_lowercase

_PROVIDERS = (
    "aol.com",
    "btinternet.com",
    "comcast.net",
    "freenet.de",
    "gmail.com",
    "googlemail.com",
    "hotmail.be",
    "hotmail.co.uk",
    "hotmail.com",
    "hotmail.de",
    "hotmail.es",
    "hotmail.fr",
    "hotmail.it",
    "icloud.com",
    "laposte.net",
    "orange.fr",
    "outlook.com",
    "outlook.de",
    "outlook.es",
    "outlook.fr",
    "t-online.de",
    "telefonica.net",
    "wanadoo.fr",
    "yahoo.co.uk",
    "yahoo.com",
    "yahoo.de",
    "yahoo.es",
    "yahoo.fr",
    "yahoo.it",
    "ymail.com",
)
_SHORTEST_NAME = 5
"""Shorter names, such as ``aol``, are one letter away from too many others."""

_COM = ("con", "cm", "cmo", "ocm", "om", "vom", "xom", "comm", "coom", "ccom", "cpm", "cim", "c0m", "co", "col", "cop")

_REAL = frozenset(
    {"email.com", "mail.com", "gmal.com", "grail.com", "gail.com", "small.com", "orange.com", "cloud.com", "iclou.com"}
    - {"gmal.com", "iclou.com"}
    | {f"{letter}mail.com" for letter in ascii_lowercase}
    | {"grange.fr", "range.fr", "oranger.fr", "oranges.fr", "lapostes.net", "outlooks.com", "freenets.de"}
)
"""Domains that exist in their own right, however close they are."""


def _one_slip(name: str) -> set[str]:
    """What a slip of the finger makes of ``name``: a letter left out, doubled, changed, added, or two exchanged."""
    found = set()
    for at in range(len(name) + 1):
        before, after = name[:at], name[at:]
        if after:
            found.add(before + after[1:])
            found.update(before + letter + after[1:] for letter in ascii_lowercase)
        if len(after) > 1:
            found.add(before + after[1] + after[0] + after[2:])
        found.update(before + letter + after for letter in ascii_lowercase)
    return found - {name, ""}


@lru_cache(maxsize=1)
def typing_errors() -> dict[str, str]:
    """The domain that was probably meant, by the domain as written."""
    found: dict[str, str] = {}
    for provider in _PROVIDERS:
        name, _, ending = provider.partition(".")
        if len(name) >= _SHORTEST_NAME:
            for slip in _one_slip(name):
                found.setdefault(f"{slip}.{ending}", provider)
        found[f"{name}{ending}"] = provider
        if ending == "com":
            found.update({f"{name}.{slip}": provider for slip in _COM})
            found[f"{name}.com.com"] = provider
            found[f"{name}..com"] = provider
    for real in (*_REAL, *_PROVIDERS):
        found.pop(real, None)
    return found
