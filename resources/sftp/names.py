"""Names on SFTP servers, which are bytes (draft-ietf-secsh-filexfer-02, section 4), as text that PostgreSQL and JSON take.

A name in UTF-8 is itself. Each byte of a name that is not UTF-8 becomes a character of Unicode's private use area, so that
the name can be stored, compared and turned back into its bytes.
"""

from __future__ import annotations

import re

_PRIVATE = 0xEF00
"""Bytes 0x80 to 0xFF stand at U+EF80 to U+EFFF, as in the MirOS project's OPTU-8 encoding."""
_STANDING_FOR_BYTES = re.compile("[\uef80-\uefff]")
_UNREADABLE = re.compile("[\udc80-\udcff]")


def text_of(name: bytes) -> str:
    """The name as text. :func:`bytes_of` gives the bytes back, whatever they are."""
    text = name.decode("utf-8", "surrogateescape")
    # A name that holds one of these characters itself is taken byte by byte, or it would come back as another.
    text = _STANDING_FOR_BYTES.sub(lambda m: "".join(chr(byte + _PRIVATE) for byte in m[0].encode()), text)
    return _UNREADABLE.sub(lambda m: chr(ord(m[0]) - 0xDC00 + _PRIVATE), text)


def bytes_of(name: str) -> bytes:
    """The bytes of a name that :func:`text_of` made."""
    return _STANDING_FOR_BYTES.sub(lambda m: chr(ord(m[0]) - _PRIVATE + 0xDC00), name).encode(
        "utf-8", "surrogateescape"
    )


def shown(name: str) -> str:
    """The name for people and logs: a byte that is not UTF-8 as ``\\xfc``, control characters as escapes."""
    found = _STANDING_FOR_BYTES.sub(lambda m: f"\\x{ord(m[0]) - _PRIVATE:02x}", name)
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in found)
