"""What browsers fetch beside pages: styles, scripts and fonts, each under a name that holds its hash.

Our own files lie in ``portal/static/styles`` and ``portal/static/scripts``; what others make is copied to
``portal/static/built`` by ``make setup`` (:mod:`portal.static.fetching`). A file's address changes with its content, so that a browser
may keep it for ever and never shows an old one.
"""

from __future__ import annotations

import gzip
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from portal.problems import RequestError

STATIC = Path(__file__).resolve().parent.parent / "static"
BUILT = STATIC / "built"
STYLE_LAYERS = ("layers", "fonts", "reset", "tokens", "base", "layout", "parts", "print")
"""The style sheet's files in their order: a later layer wins over an earlier one."""

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
}
_log = logging.getLogger("nightmail.portal")
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class StaticFile:
    """One file as it is served."""

    address: str
    media_type: str
    content: bytes
    compressed: bytes | None


@dataclass(frozen=True)
class StaticFiles:
    """All files: by the name that templates use, and by the name in the address."""

    by_name: Mapping[str, StaticFile]
    by_hashed_name: Mapping[str, StaticFile]
    icons: Mapping[str, str]
    missing: tuple[str, ...]
    """What ``make setup`` has not fetched."""


@router.get("/static/{name}")
@router.head("/static/{name}")
def static_file(name: str, request: Request) -> Response:
    """A file, to be kept for ever: another content has another address."""
    file = static_files().by_hashed_name.get(name)
    if file is None:
        raise RequestError("not_found", what="file")
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Vary": "Accept-Encoding",
    }
    if file.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.compressed, 200, {**headers, "Content-Encoding": "gzip"}, file.media_type)
    return Response(file.content, 200, headers, file.media_type)


def static_address(name: str) -> str:
    """The address of a file by its plain name, such as ``portal.css``; raises ``KeyError`` for one that is not there."""
    return static_files().by_name[name].address


def is_there(name: str) -> bool:
    """Whether a file was fetched: pages work without those that were not."""
    return name in static_files().by_name


def icon(name: str, size: int = 20) -> Markup:
    """An icon as SVG within the page, without a meaning of its own: a word stands beside it or is hidden there."""
    drawing = static_files().icons.get(name, "")
    return Markup(
        '<svg class="icon" width="{0}" height="{0}" viewBox="0 0 20 20" fill="currentColor" aria-hidden="true" '
        'focusable="false">{1}</svg>'
    ).format(size, Markup(drawing))  # noqa: S704 - a drawing from the product's own files


def report_missing() -> None:
    """Say, when the portal starts, which files are not there and what to do."""
    missing = static_files().missing
    if missing:
        _log.error(
            "Files for browsers are missing (%s): pages work, without icons, their own font and passkeys. "
            "Run `make setup`.",
            ", ".join(missing),
        )


@lru_cache(maxsize=1)
def static_files() -> StaticFiles:
    """Every file, read once for the process."""
    from portal.static.wanted import WANTED_FILES, WANTED_ICONS

    files: dict[str, StaticFile] = {}
    for wanted in WANTED_FILES:
        place = BUILT / wanted.name
        if place.is_file():
            files[wanted.name] = _file(wanted.name, place.read_bytes())
    for place in sorted([*(STATIC / "scripts").glob("*.js"), *(STATIC / "pictures").glob("*.svg")]):
        files[place.name] = _file(place.name, place.read_bytes())
    files["portal.css"] = _file("portal.css", _style_sheet(files).encode())
    icons = {
        name: _drawing((BUILT / "icons" / f"{name}.svg").read_text("utf-8"))
        for name in WANTED_ICONS
        if (BUILT / "icons" / f"{name}.svg").is_file()
    }
    missing = [wanted.name for wanted in WANTED_FILES if wanted.name not in files]
    missing += ["icons"] if len(icons) < len(WANTED_ICONS) else []
    by_hashed_name = {file.address.rpartition("/")[2]: file for file in files.values()}
    return StaticFiles(files, by_hashed_name, icons, tuple(missing))


def _file(name: str, content: bytes) -> StaticFile:
    stem, _, suffix = name.rpartition(".")
    address = f"/static/{stem}.{sha256(content).hexdigest()[:16]}.{suffix}"
    compressed = gzip.compress(content, mtime=0) if suffix in ("css", "js", "svg") else None
    return StaticFile(address, _TYPES[f".{suffix}"], content, compressed)


def _style_sheet(files: Mapping[str, StaticFile]) -> str:
    """The layers in one file; a font that was not fetched is left out, and the system's own stands in."""
    text = "\n".join(
        place.read_text("utf-8")
        for layer in STYLE_LAYERS
        for place in sorted((STATIC / "styles").glob(f"{layer}*.css"))
    )

    def addressed(face: re.Match[str]) -> str:
        name = face["name"]
        return face[0].replace(f"url({name})", f"url({files[name].address})") if name in files else ""

    return re.sub(r"@font-face\s*\{[^}]*url\((?P<name>[\w.-]+)\)[^}]*\}", addressed, text)


def _drawing(svg: str) -> str:
    """What stands within the ``svg`` element of an icon's file."""
    found = re.search(r"<svg[^>]*>(.*)</svg>", svg, re.DOTALL)
    return found[1].strip() if found else ""
