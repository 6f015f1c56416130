"""Email addresses: verdict and normal form, equal to those of ``email-validator`` without deliverability.

:func:`judge_email` asks the library about one address; :func:`judge_emails` judges a whole column. What is written in ASCII and
without quotes is decided by patterns, the rest by the library. A test holds both to the same verdicts.
"""

from __future__ import annotations

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
def _reserved() -> tuple[str, frozenset[str]]:
    """The pattern of reserved domains, and the local parts whose case does not matter, as the library has them."""
    import re

    from email_validator import SPECIAL_USE_DOMAIN_NAMES
    from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

    names = "|".join(re.escape(name) for name in SPECIAL_USE_DOMAIN_NAMES)
    return rf"(?i)[@.](?:{names})$", frozenset(CASE_INSENSITIVE_MAILBOX_NAMES)


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
    rows = len(values)
    reserved, _ = _reserved()
    shaped = pc.match_substring_regex(values, _SHAPE)
    # Only what is shaped like an address can be one, unless it has quotes or other scripts: then the library is asked.
    sure = pc.and_(shaped, pc.less_equal(pc.binary_length(values), _SHORT))
    sure = pc.and_(sure, pc.invert(pc.match_substring(values, "--")))
    sure = pc.and_(sure, pc.invert(pc.match_substring_regex(values, reserved)))
    lower = pc.equal(pc.ascii_lower(values), values)
    address = pc.if_else(pc.and_(sure, lower), values, pa.scalar(None, pa.string()))
    mixed = _true(pc.and_(sure, pc.invert(lower)))
    if mixed.any():
        taken = values.filter(pa.array(mixed)).to_pylist()
        address = pc.replace_with_mask(address, pa.array(mixed), pa.array(_in_lower_case(taken), pa.string()))
    unsure = ~_true(sure) & values.is_valid().to_numpy(zero_copy_only=False)
    if unsure.any():
        left = values.filter(pa.array(unsure))
        ask = _true(pc.or_(pc.invert(pc.match_substring_regex(left, _PLAIN)), shaped.filter(pa.array(unsure))))
        verdicts: list[str | None] = [None] * len(left)
        for at in np.flatnonzero(ask).tolist():
            verdicts[at] = _judge_odd(left[at].as_py())
        address = pc.replace_with_mask(address, pa.array(unsure), pa.array(verdicts, pa.string()))
    invalid = pc.and_(pc.is_valid(values), pc.is_null(address))
    reason = pc.if_else(invalid, pa.scalar("email_invalid"), pa.scalar(None, pa.string()))
    return EmailVerdicts(address, reason, _typing_errors(address, rows))


def _typing_errors(address: pa.Array, rows: int) -> pa.Array:
    """The domain probably meant, for the addresses whose domain looks like a typing error."""
    if address.null_count == rows:
        return pa.nulls(rows, pa.string())
    domains = pc.replace_substring_regex(address, "^.*@", "").dictionary_encode()
    known = typing_errors()
    meant = pa.array([known.get(domain) for domain in domains.dictionary.to_pylist()], pa.string())
    return meant.take(domains.indices)


def _true(mask: pa.Array) -> np.ndarray:
    """A mask with false where ``mask`` is null."""
    return np.asarray(pc.fill_null(mask, False).to_numpy(zero_copy_only=False))
