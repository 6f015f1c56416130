"""Email addresses: verdict and normal form, equal to those of ``email-validator`` without deliverability.

:func:`judge_email` asks the library about one address; :func:`judge_emails` judges a whole column. What is written in ASCII and
without quotes is decided by patterns, the rest by the library. A test holds both to the same verdicts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake.masks import present, truth
from nightmail.row_checks.byte_spans import Spans, word
from nightmail.row_checks.email_domains import typing_errors
from nightmail.row_checks.unseen_signs import SPACES, UNSEEN

_ATOM = r"[A-Za-z0-9_!#$%&'*+\-/=?^`{|}~]+"
_LABEL = r"[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*"
_LAST_LABEL = r"(?:[A-Za-z0-9]+-+)*[A-Za-z0-9]*[A-Za-z]"
_SHAPE = rf"^{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_LAST_LABEL}$"
"""Every address in ASCII without quotes has this shape. Lengths, ``--`` and reserved names are looked at besides."""
_ORDINARY = (
    r"^[a-z0-9_!#$%&'*+\-/=?^`{|}~]+(?:\.[a-z0-9_!#$%&'*+\-/=?^`{|}~]+)*@"
    r"(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+(?:[a-z0-9]+-)*[a-z0-9]*[a-z]$"
)
"""The same in small letters and without ``--`` in the domain: most addresses, and all of these are their own normal form."""
_PLAIN = r"^[ !#-~]*$"
"""ASCII without quotes and control characters."""
_SHORT = 63
"""Bytes up to which neither an address nor a label of its domain can be too long."""


@dataclass(frozen=True)
class EmailVerdicts:
    """The verdicts on a column: arrays of strings, as long as the column; all are null where it is null."""

    address: pa.Array
    reason: pa.Array
    """``email_invalid`` or null."""
    typo: pa.Array
    """The domain that was probably meant, where the domain looks like a typing error."""


_AROUND = "".join(sign for sign in f"{UNSEEN}{SPACES} " if unicodedata.category(sign) != "Cc")
"""Signs that nobody sees and that copying from a page leaves around an address; control characters are not among them."""
_DEBRIS_IN_FRONT = r"^(?:(?i:mailto:)|[=<(\[{;,:>\s])+"
_DEBRIS_BEHIND = r"[>)\]};,:.\s]+$"
_WITH_NAME = r"^[^<>@]+<([^<>@\s]+@[^<>@\s]+)>$"
"""An address with its person's name, as RFC 5322 writes them."""
_MAY_BE_DEBRIS = r"^(?i:mailto:)|^[=<(\[{;,:>]|[>)\]};,:.]$"

_DEBRIS_FIRST = np.isin(np.arange(256), [ord(sign) for sign in "=<([{;,:>"])
_DEBRIS_LAST = np.isin(np.arange(256), [ord(sign) for sign in ">)]};,:."])
_SEVEN, _SMALL_LETTERS = word(b"\xff" * 7), word(b"       ")
_MAILTO = word(b"mailto:")


def without_debris(values: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Addresses without brackets, ``mailto:``, an equals sign and the like around them, and a mask of those that had some.

    The syntax of addresses allows some of it, such as ``=anna@example.com``; nobody is called so.
    """
    spans = Spans.of(values)
    first = spans.data.take(spans.start, mode="clip")
    last = spans.data.take(spans.start + spans.length - 1, mode="clip")
    rows = np.flatnonzero(
        _DEBRIS_FIRST[first] | _DEBRIS_LAST[last] | (spans.first_words() & _SEVEN | _SMALL_LETTERS == _MAILTO)
    )
    concerned = np.zeros(len(values), dtype=bool)
    if len(rows):
        concerned[rows] = truth(pc.match_substring_regex(values.take(pa.array(rows)), _MAY_BE_DEBRIS))
    if not concerned.any():
        return values, concerned
    where = pa.array(concerned)
    text = pc.replace_substring_regex(values.filter(where), _WITH_NAME, r"\1")
    text = pc.replace_substring_regex(text, _DEBRIS_IN_FRONT, "")
    text = pc.replace_substring_regex(text, _DEBRIS_BEHIND, "")
    return pc.replace_with_mask(values, where, text), concerned


def judge_email(text: str) -> str | None:
    """The normal form of an address, or None if it is not valid."""
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(text.strip(_AROUND), check_deliverability=False).normalized
    except EmailNotValidError:
        return None


@lru_cache(maxsize=200_000)
def _judge_odd(text: str) -> str | None:
    return judge_email(text)


@lru_cache(maxsize=1)
def _reserved() -> tuple[re.Pattern[str], frozenset[str]]:
    """The pattern of reserved domains, and the local parts whose case does not matter, as the library has them."""
    from email_validator import SPECIAL_USE_DOMAIN_NAMES
    from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

    names = "|".join(re.escape(name) for name in SPECIAL_USE_DOMAIN_NAMES)
    return re.compile(rf"[@.](?:{names})$"), frozenset(CASE_INSENSITIVE_MAILBOX_NAMES)


def judge_emails(values: pa.Array) -> EmailVerdicts:
    """The verdicts on ``values``, which have no white space around them."""
    nothing = pa.scalar(None, pa.string())
    spans = Spans.of(values)
    rows = np.flatnonzero(truth(pc.match_substring_regex(values, _ORDINARY)) & (spans.length <= _SHORT))
    domains = _domains(spans, rows)
    first, which = domains.distinct()
    known = [_plain_domain(domain) for domain in domains.texts(first)]
    decided = np.zeros(len(values), dtype=bool)
    decided[rows] = np.array([plain for plain, _ in known], dtype=bool)[which]
    typo = pa.nulls(len(values), pa.string())
    if any(meant for _, meant in known):
        hints = np.full(len(values), len(known), dtype=np.int32)
        hints[rows] = which
        typo = pa.array([*(meant for _, meant in known), None], pa.string()).take(pa.array(hints))
    address = values
    unusual = ~decided & present(values)
    if unusual.any():
        where = pa.array(unusual)
        addresses, meant = _judge_unusual(values.filter(where))
        address = _with(values, np.flatnonzero(unusual), addresses)
        if any(meant):
            typo = pc.replace_with_mask(typo, where, pa.array(meant, pa.string()))
    invalid = pc.and_(pc.is_valid(values), pc.is_null(address))
    reason = pc.if_else(invalid, pa.scalar("email_invalid"), nothing)
    return EmailVerdicts(address, reason, typo)


def _with(values: pa.Array, rows: np.ndarray, addresses: Sequence[str | None]) -> pa.Array:
    """``values`` with ``addresses`` in some rows; most of these are as long as they were, in small letters, or nothing."""
    _, offset_buffer, data_buffer = values.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32)[values.offset : values.offset + len(values) + 1]
    valid = present(values).copy()
    valid[rows] = [address is not None for address in addresses]
    text = bytearray(data_buffer)
    places = zip(offsets[rows].tolist(), offsets[rows + 1].tolist(), addresses, strict=True)
    for begin, end, address in places:
        if address is None:
            continue
        written = address.encode()
        if len(written) != end - begin:
            mask = np.zeros(len(values), dtype=bool)
            mask[rows] = True
            return pc.replace_with_mask(values, pa.array(mask), pa.array(addresses, pa.string()))
        text[begin:end] = written
    validity = pa.array(valid).buffers()[1]
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(text), validity)


def _judge_unusual(values: pa.Array) -> tuple[list[str | None], list[str | None]]:
    """The verdicts on addresses one by one, and the domains that were probably meant."""
    _, mailboxes = _reserved()
    shaped = pc.match_substring_regex(values, _SHAPE)
    # Only what is shaped like an address can be one, unless it has quotes or other scripts: then the library is asked.
    ask = pc.or_(shaped, pc.invert(pc.match_substring_regex(values, _PLAIN)))
    addresses: list[str | None] = [None] * len(values)
    hints: list[str | None] = [None] * len(values)
    places = np.flatnonzero(truth(ask))
    asked = values.take(pa.array(places)).to_pylist()
    is_shaped = truth(shaped)[places].tolist()
    for place, text, in_shape in zip(places.tolist(), asked, is_shaped, strict=True):
        local, _, domain = text.partition("@")
        domain = domain.lower()
        plain, meant = _plain_domain(domain) if in_shape and len(text) <= _SHORT else (False, None)
        if plain:
            lower = local.lower()
            addresses[place], hints[place] = f"{lower if lower in mailboxes else local}@{domain}", meant
            continue
        address = _judge_odd(text)
        if address is not None:
            addresses[place], hints[place] = address, typing_errors().get(address.rpartition("@")[2])
    return addresses, hints


@lru_cache(maxsize=200_000)
def _plain_domain(domain: str) -> tuple[bool, str | None]:
    """Whether addresses of a well-shaped domain in small letters are valid without asking, and the domain probably meant."""
    reserved, _ = _reserved()
    if "--" in domain or reserved.search(f"@{domain}"):
        return False, None
    return True, typing_errors().get(domain)


def _domains(spans: Spans, rows: np.ndarray) -> Spans:
    """What stands after the one ``@`` of the values of ``rows``."""
    signs = np.flatnonzero(spans.data == ord("@"))
    start = spans.start[rows]
    domain = signs[np.searchsorted(signs, start)] + 1
    return Spans(spans.data, domain, start + spans.length[rows] - domain)
