"""The XML inside a workbook's container: read by parts, in pieces, with nothing of it believed.

A document type is refused, and with it every entity; parts that are read whole have a limit.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from xml.etree.ElementTree import ParseError
from xml.parsers import expat

from defusedxml.common import DefusedXmlException

from nightmail.contact_files.failures import file_error, readable_size

_SMALL_XML = 32 * 1024 * 1024
_CHUNK = 4 * 1024 * 1024

XML_ERRORS = (
    ParseError,
    expat.ExpatError,
    DefusedXmlException,
    zipfile.BadZipFile,
    zlib.error,
    KeyError,
    OSError,
    ValueError,
    EOFError,
    NotImplementedError,
    RuntimeError,
)


class ElementHandler(Protocol):
    """Takes the elements of one part, by their local names."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def text(self, content: str) -> None:
        """Text between elements."""

    def end(self, name: str) -> None:
        """An element ends."""


def small_part(archive: zipfile.ZipFile, name: str) -> bytes:
    """A part as a whole. Raises ContactFileError where it is larger than such parts are."""
    if archive.getinfo(name).file_size > _SMALL_XML:
        raise file_error("file_expands_too_far", limit=readable_size(_SMALL_XML))
    return archive.read(name)


def xml_chunks(path: Path, part: str) -> Iterator[bytes]:
    """The bytes of one part, in pieces that end after a ``>``."""
    with zipfile.ZipFile(path) as archive, archive.open(part) as handle:
        waiting = b""
        while chunk := handle.read(_CHUNK):
            waiting += chunk
            end = waiting.rfind(b">") + 1
            if end:
                yield waiting[:end]
                waiting = waiting[end:]
            elif len(waiting) > _SMALL_XML:
                raise ValueError("a tag or a text without an end")
        if waiting:
            yield waiting


def local_name(name: str) -> str:
    """An element's or attribute's name without its namespace."""
    return name.rsplit("}", 1)[-1]


def walk(path: Path, part: str, handler: ElementHandler, wanted: frozenset[str]) -> None:
    """Give the elements of one part to ``handler``.

    A sheet has millions of elements, so expat is used as it is, with what defusedxml forbids forbidden here as well: a
    document type, and with it every entity.
    """
    parser = expat.ParserCreate(namespace_separator="}")
    names: dict[str, str] = {}

    def local(name: str) -> str:
        found = names.get(name)
        if found is None:
            found = names[name] = local_name(name)
        return found

    def start(name: str, attributes: dict[str, str]) -> None:
        if (element := local(name)) in wanted:
            handler.start(element, {local(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        if (element := local(name)) in wanted:
            handler.end(element)

    def refuse(*_: object) -> None:
        raise DefusedXmlException("a document type is not part of a workbook")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = handler.text
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    with zipfile.ZipFile(path) as archive, archive.open(part) as handle:
        while chunk := handle.read(_CHUNK):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
