"""Number formats of a workbook that show more than the number: leading zeros, or a plus before a phone number."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from defusedxml import ElementTree

from nightmail.contact_files.workbook_xml import local_name, small_part


@dataclass(frozen=True)
class PaddedFormat:
    """A number format that shows a whole number with leading zeros or a plus."""

    digits: int
    plus: bool

    def text(self, number: str) -> str:
        """The number as the format shows its digits."""
        return ("+" if self.plus else "") + number.zfill(self.digits)


_FORMAT_TOKEN = re.compile(r'"([^"]*)"|\\(.)|_.|\*.|\[[^\]]*\]|(.)', re.DOTALL)


def padded_format(code: str) -> PaddedFormat | None:
    """What a number format's code does to a whole number; None when it shows nothing but its digits, or a fraction.

    >>> padded_format("00000"), padded_format('0#" "##" "##" "##" "##').digits, padded_format("#,##0.00")
    (PaddedFormat(digits=5, plus=False), 10, None)
    """
    section = code.split(";", 1)[0]
    places = 0
    forced = 0
    plus = False
    for literal, escaped, plain in _FORMAT_TOKEN.findall(section):
        text = literal or escaped
        if text:
            plus = plus or (places == 0 and text.strip().startswith("+"))
            if any(letter.isalnum() for letter in text):
                return None
        elif plain in ("0", "#", "?"):
            places += 1
            if plain == "0" and not forced:
                forced = places
        elif plain == "+":
            plus = plus or places == 0
        elif plain and plain not in " -()/":
            return None
    digits = places - forced + 1 if forced else 0
    return PaddedFormat(digits, plus) if digits > 1 or plus else None


def padded_styles(path: Path) -> dict[str, PaddedFormat]:
    """The cell styles of a workbook, by number, that pad whole numbers."""
    with zipfile.ZipFile(path) as archive:
        if "xl/styles.xml" not in archive.namelist():
            return {}
        styles = ElementTree.fromstring(small_part(archive, "xl/styles.xml"))
    formats: dict[str, PaddedFormat] = {}
    padded: dict[str, PaddedFormat] = {}
    for element in styles.iter():
        if local_name(element.tag) == "numFmt":
            found = padded_format(element.get("formatCode") or "")
            if found is not None:
                formats[element.get("numFmtId") or ""] = found
    for element in styles.iter():
        if local_name(element.tag) == "cellXfs":
            for number, style in enumerate(element):
                found = formats.get(style.get("numFmtId") or "")
                if found is not None:
                    padded[str(number)] = found
    return padded
