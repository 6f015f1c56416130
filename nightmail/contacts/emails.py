"""Email addresses: verdict and normal form, equal to those of ``email-validator`` without deliverability."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\u00a0"
"""Characters that nobody sees and that copying from a web page leaves around an address."""


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


def judge_emails(values: pa.Array) -> EmailVerdicts:
    """The verdicts on ``values``."""
    seen: dict[str, str | None] = {}
    addresses: list[str | None] = []
    reasons: list[str | None] = []
    for value in values.to_pylist():
        if value is None:
            addresses.append(None)
            reasons.append(None)
            continue
        if value not in seen:
            seen[value] = judge_email(value)
        addresses.append(seen[value])
        reasons.append(None if seen[value] is not None else "email_invalid")
    return EmailVerdicts(
        pa.array(addresses, pa.string()), pa.array(reasons, pa.string()), pa.nulls(len(values), pa.string())
    )
