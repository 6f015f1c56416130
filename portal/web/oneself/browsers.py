"""A browser by the name that people know it by, from what it says of itself: enough to tell one's own sessions apart."""

from __future__ import annotations

_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    *(("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("CrOS", "ChromeOS")),
    *(("Mac OS", "macOS"), ("Linux", "Linux")),
)


def browser_of(user_agent: str | None) -> str:
    """``Firefox, Windows``; the beginning of what it says where neither is known, ``""`` where it says nothing."""
    said = user_agent or ""
    known = [next((name for sign, name in names if sign in said), "") for names in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, known)) or said[:40]
