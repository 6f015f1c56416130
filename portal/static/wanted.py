"""Which files of which npm packages the portal serves: these are copied, nothing else of a package is kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WantedFile:
    """A file of a package, and the name that it is served under."""

    name: str
    package: str
    path: str


_INTER = "@fontsource-variable/inter"

WANTED_FILES = (
    WantedFile("htmx.js", "htmx.org", "dist/htmx.min.js"),
    WantedFile("webauthn.js", "@simplewebauthn/browser", "dist/bundle/index.umd.min.js"),
    WantedFile("inter-latin.woff2", _INTER, "files/inter-latin-wght-normal.woff2"),
    WantedFile("inter-latin-ext.woff2", _INTER, "files/inter-latin-ext-wght-normal.woff2"),
    WantedFile("inter-cyrillic.woff2", _INTER, "files/inter-cyrillic-wght-normal.woff2"),
    WantedFile("inter-greek.woff2", _INTER, "files/inter-greek-wght-normal.woff2"),
)

AXE = WantedFile("axe.js", "axe-core", "axe.min.js")
"""What tests inspect pages with: fetched for development, served to nobody."""

WANTED_ICONS = (
    "adjustments-horizontal",
    "arrow-down-tray",
    "arrow-path",
    "arrow-right-start-on-rectangle",
    "arrow-up-tray",
    "bars-3",
    "beaker",
    "bell-alert",
    "book-open",
    "building-office-2",
    "calculator",
    "chart-bar",
    "chat-bubble-left-right",
    "check",
    "check-circle",
    "chevron-down",
    "chevron-left",
    "chevron-right",
    "chevron-up",
    "clipboard-document",
    "clipboard-document-check",
    "clock",
    "cog-6-tooth",
    "command-line",
    "computer-desktop",
    "cube",
    "document-magnifying-glass",
    "document-text",
    "envelope",
    "exclamation-circle",
    "exclamation-triangle",
    "eye",
    "finger-print",
    "funnel",
    "globe-alt",
    "hand-raised",
    "home",
    "identification",
    "inbox",
    "information-circle",
    "key",
    "language",
    "link",
    "lock-closed",
    "magnifying-glass",
    "megaphone",
    "minus-circle",
    "moon",
    "no-symbol",
    "paper-airplane",
    "pause",
    "pencil-square",
    "phone",
    "play",
    "plus",
    "question-mark-circle",
    "queue-list",
    "rectangle-group",
    "rectangle-stack",
    "scale",
    "server-stack",
    "shield-check",
    "signal",
    "square-3-stack-3d",
    "stop",
    "sun",
    "tag",
    "trash",
    "user-circle",
    "user-group",
    "user-plus",
    "users",
    "wrench-screwdriver",
    "x-circle",
    "x-mark",
)
"""Icons of heroicons (20 px, solid) that templates name."""
