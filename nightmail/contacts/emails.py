"""Email addresses: verdict and normal form, equal to those of ``email-validator`` without deliverability.

:func:`judge_email` asks the library about one address; :func:`judge_emails` judges a whole column. What is written in ASCII and
without quotes is decided by patterns, the rest by the library. A test holds both to the same verdicts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.contacts.email_domains import typing_errors

INVISIBLE = (
    "\u00a0\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
"""Characters that nobody sees and that copying from a page leaves around an address; they are no part of it."""

_ATOM = r"[A-Za-z0-9_!#$%&'*+\-/=?^`{|}~]+"
_LABEL = r"[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*"
_LAST_LABEL = r"(?:[A-Za-z0-9]+-+)*[A-Za-z0-9]*[A-Za-z]"
_SHAPE = rf"^{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_LAST_LABEL}$"
"""Every address in ASCII without quotes has this shape. Lengths, ``--`` and reserved names are looked at besides."""
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


def judge_email(text: str) -> str | None:
    """The normal form of an address, or None if it is not valid."""
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(text.strip().strip(INVISIBLE).strip(), check_deliverability=False).normalized
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


def _in_lower_case(addresses: Iterable[str]) -> list[str]:
    """Valid plain addresses with their domain, and a local part such as ``Info``, in lower case."""
    _, mailboxes = _reserved()
    found = []
    for address in addresses:
        local, _, domain = address.partition("@")
        lower = local.lower()
        found.append(f"{lower if lower in mailboxes else local}@{domain.lower()}")
    return found


def judge_emails(values: pa.Array) -> EmailVerdicts:
    """The verdicts on ``values``, which have no white space around them."""
    nothing = pa.scalar(None, pa.string())
    shaped = pc.match_substring_regex(values, _SHAPE)
    # Only what is shaped like an address can be one, unless it has quotes or other scripts: then the library is asked.
    short = pc.and_(shaped, pc.less_equal(pc.binary_length(values), _SHORT))
    domains = _domains(values, short).dictionary_encode()
    known = [_plain_domain(domain) for domain in domains.dictionary.to_pylist()]
    sure = pa.array([plain for plain, _ in known], pa.bool_()).take(domains.indices)
    typo = pa.array([meant for _, meant in known], pa.string()).take(domains.indices)
    lower = pc.equal(pc.ascii_lower(values), values)
    address = pc.if_else(pc.and_kleene(sure, lower), values, nothing)
    mixed = _true(pc.and_kleene(sure, pc.invert(lower)))
    if mixed.any():
        taken = values.filter(pa.array(mixed)).to_pylist()
        address = pc.replace_with_mask(address, pa.array(mixed), pa.array(_in_lower_case(taken), pa.string()))
    unsure = ~_true(sure) & values.is_valid().to_numpy(zero_copy_only=False)
    if unsure.any():
        where = pa.array(unsure)
        left = values.filter(where)
        ask = _true(pc.or_(pc.invert(pc.match_substring_regex(left, _PLAIN)), shaped.filter(where)))
        verdicts: list[str | None] = [None] * len(left)
        for at in np.flatnonzero(ask).tolist():
            verdicts[at] = _judge_odd(left[at].as_py())
        hints = [None if verdict is None else typing_errors().get(verdict.rpartition("@")[2]) for verdict in verdicts]
        address = pc.replace_with_mask(address, where, pa.array(verdicts, pa.string()))
        typo = pc.replace_with_mask(typo, where, pa.array(hints, pa.string()))
    invalid = pc.and_(pc.is_valid(values), pc.is_null(address))
    reason = pc.if_else(invalid, pa.scalar("email_invalid"), nothing)
    return EmailVerdicts(address, reason, typo)


@lru_cache(maxsize=200_000)
def _plain_domain(domain: str) -> tuple[bool | None, str | None]:
    """Whether addresses of a well-shaped domain are valid without asking, and the domain that was probably meant."""
    reserved, _ = _reserved()
    domain = domain.lower()
    if "--" in domain or reserved.search(f"@{domain}"):
        return None, None
    return True, typing_errors().get(domain)


def _domains(values: pa.Array, where: pa.Array) -> pa.Array:
    """What stands after the one ``@`` of the values that the mask ``where`` chooses; null for the others."""
    rows = len(values)
    chosen = np.flatnonzero(_true(where))
    _, offset_buffer, data_buffer = values.buffers()
    if not len(chosen):
        return pa.nulls(rows, pa.string())
    offsets = np.frombuffer(offset_buffer, dtype=np.int32, count=values.offset + rows + 1)[values.offset :]
    data = np.frombuffer(data_buffer, dtype=np.uint8)
    start = (
        offsets[:-1][chosen]
        + pc.find_substring(values, "@").to_numpy(zero_copy_only=False)[chosen].astype(np.int32)
        + 1
    )
    length = offsets[1:][chosen] - start
    sizes = np.zeros(rows, dtype=np.int32)
    sizes[chosen] = length
    ends = np.zeros(rows + 1, dtype=np.int32)
    np.cumsum(sizes, out=ends[1:])
    within = np.arange(int(ends[-1]), dtype=np.int32) + np.repeat(start - ends[chosen], length)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(ends), pa.py_buffer(data[within]), _bitmap(chosen, rows))


def _bitmap(chosen: np.ndarray, rows: int) -> pa.Buffer:
    """The validity of an array in which just the rows ``chosen`` are not null."""
    valid = np.zeros(rows, dtype=bool)
    valid[chosen] = True
    return pa.py_buffer(np.packbits(valid, bitorder="little"))


def _true(mask: pa.Array) -> np.ndarray:
    """A mask with false where ``mask`` is null."""
    return np.asarray(pc.fill_null(mask, False).to_numpy(zero_copy_only=False))
