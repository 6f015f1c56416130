"""UTF-8 that was taken for Windows-1252 and encoded again: ``Zoë`` is ``ZoÃ«``, and the byte order mark ``ï»¿``.

Only a file that begins with such a mark is looked at, and only where all of it can be undone is it taken for one: then
every sign beyond ASCII is two or three that make one, which no text is by chance.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable

CODEC = "nightmail-utf-8-twice"
MARK = "ï»¿"


def _as_bytes(error: UnicodeError) -> tuple[bytes, int]:
    """The five bytes that Windows-1252 leaves undefined, which programs write as the control signs of their numbers."""
    if isinstance(error, UnicodeEncodeError):
        signs = error.object[error.start : error.end]
        if all(ord(sign) < 0x100 for sign in signs):
            return signs.encode("latin-1"), error.end
    raise error


codecs.register_error("nightmail.undefined", _as_bytes)


class _Decoder(codecs.IncrementalDecoder):
    """Decodes twice; what cannot be undone is left to the error handler."""

    def __init__(self, errors: str = "strict") -> None:
        super().__init__(errors)
        make = codecs.getincrementaldecoder("utf-8")
        self._outer, self._inner = make(errors), make(errors)

    def decode(self, data: bytes, final: bool = False) -> str:  # type: ignore[override]
        """The text of some bytes."""
        text = self._outer.decode(data, final)
        return self._inner.decode(text.encode("cp1252", "nightmail.undefined"), final)


def _found(name: str) -> codecs.CodecInfo | None:
    if name.replace("_", "-") != CODEC:
        return None
    utf8 = codecs.lookup("utf-8")
    return codecs.CodecInfo(utf8.encode, utf8.decode, incrementaldecoder=_Decoder, name=CODEC)


codecs.register(_found)


def is_twice_encoded(chunks: Iterable[bytes]) -> bool:
    """Whether valid UTF-8 begins with a byte order mark in disguise and can be undone from end to end."""
    decoder = _Decoder()
    begins = True
    try:
        for chunk in chunks:
            if begins and not chunk.startswith(MARK.encode()):
                return False
            begins = False
            decoder.decode(chunk)
        decoder.decode(b"", True)
    except UnicodeError:
        return False
    return not begins
