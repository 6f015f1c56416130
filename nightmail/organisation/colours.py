"""Colours of a team's own on pages for recipients: how well they can be told from what lies behind them (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

import colorsys

LEAST_CONTRAST = 4.5
"""Of text of any size and what lies behind it, for level AA."""
LIGHT_CARD = "#ffffff"
DARK_CARD = "#1b1f2b"
"""What the pages' text lies on, by day and by night. The style sheet says the same; a test holds both together."""


def contrast(one: str, other: str) -> float:
    """The contrast of two colours (``#rrggbb``), from 1 to 21.

    >>> round(contrast("#000000", "#ffffff"))
    21
    """
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def readable_on(background: str, colour: str, least: float = LEAST_CONTRAST) -> str:
    """``colour`` if it is readable on ``background``, else the nearest of its hue that is: darker on light, lighter on dark."""
    if contrast(colour, background) >= least:
        return colour
    hue, lightness, saturation = colorsys.rgb_to_hls(*(part / 255 for part in _parts(colour)))
    towards = 0.0 if _luminance(background) > 0.18 else 1.0
    # The lightness that is just enough lies between the colour's own and black or white.
    enough, short = towards, lightness
    for _ in range(12):
        middle = (enough + short) / 2
        if contrast(_written(colorsys.hls_to_rgb(hue, middle, saturation)), background) >= least:
            enough = middle
        else:
            short = middle
    return _written(colorsys.hls_to_rgb(hue, enough, saturation))


def text_on(background: str) -> str:
    """Black or white: whichever is the more readable on a colour. One of the two always has a contrast over 4.5."""
    return max(("#ffffff", "#000000"), key=lambda colour: contrast(colour, background))


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _written(parts: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def _luminance(colour: str) -> float:
    red, green, blue = (
        part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4
        for part in _parts(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
