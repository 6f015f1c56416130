"""What a text file is made of, found out in one pass over its bytes before anything is read from it.

The encoding is detected from evidence, and the evidence is reported: a byte order mark, valid UTF-8 beyond ASCII, NUL bytes at
every second place (UTF-16), bytes that only Windows-1252 uses, signs that only make sense in Latin-9. Windows-1252,
Latin-1 and Latin-9 cannot be distinguished with certainty; then the certainty is ``likely`` or ``unsure``.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from nightmail.contact_files.alphabets import better_alphabet
from nightmail.contact_files.failures import file_error
from nightmail.contact_files.twice_encoded import CODEC, is_twice_encoded
from nightmail.contact_files.western_codecs import NeighbourCounts, better_codec

_CHUNK = 8 * 1024 * 1024
_MARKED = "it begins with a byte order mark"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SHOWN = {
    "utf-16-le": "utf-16",
    "utf-16-be": "utf-16",
    "utf-32-le": "utf-32",
    "utf-32-be": "utf-32",
    "cp1252": "windows-1252",
    "latin-1": "iso-8859-1",
    "iso8859-15": "iso-8859-15",
}
UNDECODABLE = "\ufdd0"
"""Stands for bytes that do not decode: a code point that Unicode keeps out of text for good."""
_UNDEFINED_IN_1252 = (0x81, 0x8D, 0x8F, 0x90, 0x9D)
_LATIN_9_LETTERS = (0xA6, 0xA8, 0xB4, 0xB8, 0xBC, 0xBD, 0xBE)


def _mark(error: UnicodeError) -> tuple[str, int]:
    if isinstance(error, UnicodeDecodeError):
        return UNDECODABLE, error.end
    raise error


codecs.register_error("nightmail.mark", _mark)


@dataclass(frozen=True)
class TextSurvey:
    """How a text file is encoded and what its lines end with."""

    codec: str
    """Python's name of the encoding."""
    encoding: str
    """The encoding as shown to people."""
    certainty: str
    """``certain``, ``likely`` or ``unsure``."""
    evidence: str
    skip: int
    """Bytes of a byte order mark."""
    damaged: bool
    """Whether some bytes do not decode; they become :data:`UNDECODABLE`."""
    has_nul: bool
    """Whether there are NUL characters."""
    end: int
    """Where the text ends: a DOS end-of-file sign (Ctrl-Z) at the end is not part of it."""


def survey_text(path: Path, stated: str | None = None) -> TextSurvey:
    """Read the bytes once and tell the encoding. Raises ContactFileError for a stated one that is unknown or wrong."""
    size = path.stat().st_size
    with path.open("rb") as handle:
        head = handle.read(65536)
        handle.seek(max(size - 4, 0))
        tail = handle.read()
    end = size - (len(tail) - len(tail.rstrip(b"\x1a")))
    bom, bom_codec = next(((mark, codec) for mark, codec in _BOMS if head.startswith(mark)), (b"", None))
    if bom_codec is not None and bom_codec != "utf-8" and b"\x00" not in head:
        # No text of lines and delimiters is without NUL in UTF-16: the mark was put before a text in another encoding.
        bom_codec = None
    if stated is not None:
        return _stated(path, stated, bom, bom_codec, end)
    codec = bom_codec or (None if bom else _wide_codec(head))
    if codec is not None and codec != "utf-8":
        decoded = _try(path, codec, len(bom), size)
        evidence = _MARKED if bom else "every second byte is NUL"
        return TextSurvey(
            codec, _SHOWN[codec], "certain" if bom else "likely", evidence, len(bom), decoded.bad > 0, decoded.nul, size
        )
    ascii_only, valid, has_nul = _look_through(path, len(bom), end)
    marked = bom_codec == "utf-8"
    if ascii_only:
        evidence = _MARKED if marked else "it holds nothing beyond ASCII, which all encodings share"
        return TextSurvey("utf-8", "utf-8", "certain", evidence, len(bom), False, has_nul, end)
    if valid and not bom and is_twice_encoded(_chunks(path, 0, end)):
        evidence = "it begins with a byte order mark that was encoded twice, and so was all beyond ASCII"
        return TextSurvey(CODEC, "utf-8, encoded twice", "certain", evidence, 0, False, has_nul, end)
    if valid:
        evidence = _MARKED if marked else "all of its bytes beyond ASCII form valid UTF-8"
        return TextSurvey("utf-8", "utf-8", "certain", evidence, len(bom), False, has_nul, end)
    decoded = _try(path, "utf-8", len(bom), end)
    if marked or decoded.good >= decoded.bad:
        evidence = _MARKED if marked else "its bytes beyond ASCII form valid UTF-8"
        evidence += f", but {decoded.bad} places do not decode"
        return TextSurvey("utf-8", "utf-8", "likely", evidence, len(bom), True, has_nul, end)
    return _single_byte(path, len(bom), end, has_nul)


def _look_through(path: Path, skip: int, end: int) -> tuple[bool, bool, bool]:
    """Whether the text is ASCII, whether it is valid UTF-8, and whether it has NUL."""
    ascii_only = True
    valid = True
    has_nul = False
    carried = b""
    for chunk in _chunks(path, skip, end):
        has_nul = has_nul or b"\x00" in chunk
        if valid and not (ascii_only and chunk.isascii()):
            ascii_only = False
            piece = carried + chunk
            whole = whole_characters(piece, len(piece))
            valid = _is_utf8(piece[:whole])
            carried = piece[whole:]
    return ascii_only, valid and not carried, has_nul


def whole_characters(data: bytes, place: int) -> int:
    """The last place not after ``place`` before which UTF-8 ends with a whole character."""
    begin = place - 1
    while begin >= max(place - 4, 0) and data[begin] & 0xC0 == 0x80:
        begin -= 1
    if begin < 0 or data[begin] < 0xC0:
        return place
    size = 2 if data[begin] < 0xE0 else 3 if data[begin] < 0xF0 else 4
    return place if begin + size <= place else begin


def _is_utf8(data: bytes) -> bool:
    """Whether bytes are valid UTF-8; Arrow tells it ten times as fast as decoding them."""
    ends = np.array([0, len(data)], np.int64)
    text = pa.Array.from_buffers(pa.large_string(), 1, [None, pa.py_buffer(ends), pa.py_buffer(data)])
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _stated(path: Path, stated: str, bom: bytes, bom_codec: str | None, end: int) -> TextSurvey:
    try:
        codec = codecs.lookup(stated).name
        "".encode(codec)
    except (LookupError, TypeError, ValueError) as error:
        raise file_error("file_wrong_encoding", encoding=stated, detail="there is no such encoding") from error
    if codec in ("utf-8-sig", "utf-16", "utf-32"):
        codec = bom_codec or {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}[codec]
    decoded = _try(path, codec, len(bom) if bom_codec == codec else 0, end)
    if decoded.bad > decoded.good:
        raise file_error("file_wrong_encoding", encoding=stated, detail=f"{decoded.bad} places do not decode")
    skip = len(bom) if bom_codec == codec else 0
    shown = _SHOWN.get(codec, codec)
    return TextSurvey(codec, shown, "certain", "the feed states it", skip, decoded.bad > 0, decoded.nul, end)


@dataclass
class _Decoded:
    good: int = 0
    """Characters beyond ASCII that decode."""
    bad: int = 0
    nul: bool = False


def _try(path: Path, codec: str, skip: int, end: int) -> _Decoded:
    decoded = _Decoded()
    for text in decoded_chunks(path, codec, skip, end):
        bad = text.count(UNDECODABLE)
        decoded.bad += bad
        if not text.isascii():
            decoded.good += int((np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32) > 127).sum()) - bad
        decoded.nul = decoded.nul or "\x00" in text
    return decoded


def decoded_chunks(path: Path, codec: str, skip: int, end: int) -> Iterator[str]:
    """The text of ``path`` in pieces; what does not decode is :data:`UNDECODABLE`."""
    decoder = codecs.getincrementaldecoder(codec)("nightmail.mark")
    for chunk in _chunks(path, skip, end):
        if text := decoder.decode(chunk):
            yield text
    if text := decoder.decode(b"", True):
        yield text


def _chunks(path: Path, skip: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as handle:
        handle.seek(skip)
        left = end - skip
        while left > 0 and (chunk := handle.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk


def _wide_codec(head: bytes) -> str | None:
    """UTF-16 without a byte order mark: text of any language has NUL at every second place of its line ends and digits."""
    sample = np.frombuffer(head[: len(head) & ~1], np.uint8)
    if sample.size < 4:
        return None
    even = float((sample[0::2] == 0).mean())
    odd = float((sample[1::2] == 0).mean())
    if odd > 0.3 and even < 0.02:
        return "utf-16-le"
    if even > 0.3 and odd < 0.02:
        return "utf-16-be"
    return None


def _single_byte(path: Path, skip: int, end: int, has_nul: bool) -> TextSurvey:
    """Windows-1252, Latin-1 or Latin-9, by the bytes that tell them apart and by what stands beside them."""
    counts = np.zeros(256, np.int64)
    for chunk in _chunks(path, skip, end):
        counts += np.bincount(np.frombuffer(chunk, np.uint8), minlength=256)

    def guessed(codec: str, evidence: str) -> TextSurvey:
        damaged = _try(path, codec, skip, end).bad > 0
        return TextSurvey(codec, codec, "unsure", f"it is not UTF-8, and {evidence}", skip, damaged, has_nul, end)

    if (found := better_alphabet(counts)) is not None:
        return guessed(found.codec, f"its letters are {found.language} as {found.codec}, and strange as Windows-1252")
    high = int(counts[128:].sum())
    controls = int(counts[0x80:0xA0].sum())
    undefined = int(sum(counts[byte] for byte in _UNDEFINED_IN_1252))
    letters = int(counts[0xC0:].sum())
    runs, euro, ligatures, upper_inside = _neighbours(path, skip, end)
    another_script = high > 3 and runs > 0.4 * high
    foreign = another_script or undefined > 0 or upper_inside > 0.3 * max(letters, 1)
    if not another_script and (codec := better_codec(_counted_neighbours(path, skip, end))) is not None:
        return guessed(codec, f"as Windows-1252 its words would hold signs; as {codec} they are letters")
    if foreign:
        strange = "its bytes do not look like a western European text"
        if another_script and (codec := _codec_of_another_script(path, skip, end)) is not None:
            return guessed(codec, f"{strange}; they look like {codec}")
        evidence = f"it is not UTF-8, and {strange}"
        return TextSurvey("cp1252", "windows-1252", "unsure", evidence, skip, undefined > 0, has_nul, end)
    if controls:
        evidence = f"it is not UTF-8, and {controls} of its bytes are letters or signs in Windows-1252 only"
        return TextSurvey("cp1252", "windows-1252", "likely", evidence, skip, False, has_nul, end)
    if euro or ligatures:
        evidence = "it is not UTF-8, and bytes stand for the euro sign or letters as only Latin-9 has them"
        return TextSurvey("iso8859-15", "iso-8859-15", "likely", evidence, skip, False, has_nul, end)
    evidence = "it is not UTF-8, and none of its bytes are those in which Windows-1252 and Latin-1 differ"
    return TextSurvey("latin-1", "iso-8859-1", "likely", evidence, skip, False, has_nul, end)


def _codec_of_another_script(path: Path, skip: int, end: int) -> str | None:
    """The encoding of a text in another script than Latin, where its letters tell it; a guess, however good."""
    from charset_normalizer import from_bytes

    sample = b""
    for chunk in _chunks(path, skip, end):
        sample += b"\n".join(line for line in chunk.splitlines() if not line.isascii())[:_SAMPLE]
        if len(sample) >= _SAMPLE:
            break
    found = from_bytes(sample[:_SAMPLE], cp_isolation=list(_OTHER_SCRIPTS)).best()
    return None if found is None else _OTHER_SCRIPTS.get(found.encoding)


_SAMPLE = 16 * 1024
_OTHER_SCRIPTS = {
    "cp1251": "windows-1251",
    "koi8_r": "koi8-r",
    "cp866": "cp866",
    "cp1253": "windows-1253",
    "cp1255": "windows-1255",
    "cp1256": "windows-1256",
    "cp932": "cp932",
    "euc_jp": "euc-jp",
    "gb18030": "gb18030",
    "big5": "big5",
    "cp949": "cp949",
}
"""Encodings of scripts in which letters beyond ASCII follow one another, and their names."""


def _counted_neighbours(path: Path, skip: int, end: int) -> NeighbourCounts:
    counts = NeighbourCounts()
    for chunk in _chunks(path, skip, end):
        counts.add(chunk)
    return counts


def _neighbours(path: Path, skip: int, end: int) -> tuple[int, int, int, int]:
    """Counts of: bytes beyond ASCII that follow one another; A4 (the euro of Latin-9, for which nobody writes a
    currency sign); the places of Latin-9's own letters between letters; capitals beyond ASCII inside a word."""
    runs = euro = ligatures = upper_inside = 0
    previous = b""
    for piece in _chunks(path, skip, end):
        chunk = previous[-1:] + piece
        previous = piece
        data = np.frombuffer(chunk, np.uint8)
        beyond = data >= 0x80
        runs += int((beyond[1:] & beyond[:-1]).sum())
        euro += int((data == 0xA4).sum())
        ascii_letter = ((data | 0x20) >= 0x61) & ((data | 0x20) <= 0x7A)
        special = np.isin(data, _LATIN_9_LETTERS)
        beside = np.zeros(data.size, bool)
        beside[1:] |= ascii_letter[:-1]
        beside[:-1] &= ascii_letter[1:]
        ligatures += int((special & beside).sum())
        small = (data >= 0x61) & (data <= 0x7A)
        capital = (data >= 0xC0) & (data <= 0xDE)
        upper_inside += int((capital[1:] & small[:-1]).sum())
    return runs, euro, ligatures, upper_inside
