"""Email addresses: equal to the library's verdicts; typing errors are hinted at and never changed."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from nightmail.row_checks.email_domains import typing_errors
from nightmail.row_checks.emails import judge_emails

_LOCALS = [
    "anna", "a.b", "o'neil", "x+y", "Info", "POSTMASTER", "ünï", "a..b", ".a", "a.", "a b", '"q r"', '"plain"',
    "用户", "a,b", "a" * 70, "-a-", "{x}", "a(b)", "e\u0301", "", "a\\b", "a\u200bb",
]  # fmt: skip
_DOMAINS = [
    "gmail.com", "Gmail.COM", "example.co.uk", "münchen.de", "xn--mnchen-3ya.de", "a-.de", "-a.de", "a--b.de",
    "ab--c.de", "x.test", "localhost", "foo.local", "x", "1.2.3.4", "[1.2.3.4]", "[IPv6:::1]", "a_b.com", "例え.jp",
    "a..b", "b.c1", "b.1c", "x." + "y" * 64 + ".com", "y" * 63 + ".com", "x" * 200 + ".com", "example.com.",
    "ｅxample.com", "a.b-", "straße.de", "sub.arpa", "EXAMPLE.Test", "☃.net", "", "tést.ONION",
    ".".join(letter * 61 for letter in "abcd") + ".com",
]  # fmt: skip


def asked(text: str) -> str | None:
    """What the library itself says."""
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError:
        return None


def judge(texts: list[str]) -> list[str | None]:
    """The verdicts of the column."""
    found = judge_emails(pa.array(texts, pa.string()))
    assert [reason is None for reason in found.reason.to_pylist()] == [
        address is not None for address in found.address.to_pylist()
    ]
    return found.address.to_pylist()


def test_agrees_with_the_library_on_30_000_addresses() -> None:
    """Verdict and normal form are the library's, for good addresses, bad ones and everything close to them."""
    rng = random.Random(20261123)
    texts = []
    for _ in range(30_000):
        text = f"{rng.choice(_LOCALS)}@{rng.choice(_DOMAINS)}"
        while rng.random() < 0.35 and text:
            at = rng.randrange(len(text))
            sign = rng.choice("@.-_ \"<>()[]\\,;:é\u0301aZ9+'\x7f\u3000＠")
            text = text[:at] + sign + text[at + rng.randrange(2) :]
        texts.append(text.strip() or "@")
    verdicts = judge(texts)
    assert [(text, verdict) for text, verdict in zip(texts, verdicts, strict=True) if verdict != asked(text)] == []
    assert sum(verdict is not None for verdict in verdicts) > 3_000


@settings(max_examples=500, deadline=None)
@given(st.text(st.sampled_from("aZ0.@-_+\"'é ()ß"), min_size=1, max_size=20).map(str.strip).filter(bool))
def test_agrees_on_anything_like_an_address(text: str) -> None:
    """Short strings of the characters that matter."""
    assert judge([text]) == [asked(text)]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Anna.Muster@Example.COM", "Anna.Muster@example.com"),
        ("INFO@Example.com", "info@example.com"),  # RFC 2142: case does not matter here
        ("user@münchen.de", "user@münchen.de"),
        ("user@xn--mnchen-3ya.de", "user@münchen.de"),
        ("\u200banna@example.com\ufeff", "anna@example.com"),  # pasted from a page
        ("anna@example", None),
        ("anna@@example.com", None),
        ("anna@exa mple.com", None),
        ("Anna <anna@example.com>", None),
        ("anna@example.test", None),
        ("mailto:anna@example.com", None),
    ],
)
def test_cases(text: str, address: str | None) -> None:
    """Addresses as people write them."""
    assert judge([text]) == [address]


@pytest.mark.parametrize(
    ("domain", "meant"),
    [
        ("gmial.com", "gmail.com"),
        ("gmail.con", "gmail.com"),
        ("GMAIL.CO", "gmail.com"),
        ("hotmial.com", "hotmail.com"),
        ("yaho.com", "yahoo.com"),
        ("outlok.com", "outlook.com"),
        ("t-onlin.de", "t-online.de"),
        ("wanado.fr", "wanadoo.fr"),
        ("gmail.com", None),
        ("email.com", None),  # exists in its own right
        ("mail.com", None),
        ("ymail.com", None),
        ("example.com", None),
    ],
)
def test_a_typing_error_in_the_domain_is_said_and_not_changed(domain: str, meant: str | None) -> None:
    """The address stays what it was."""
    found = judge_emails(pa.array([f"anna@{domain}"]))
    assert found.typo.to_pylist() == [meant]
    assert found.address.to_pylist() == [f"anna@{domain.lower()}"]


def test_no_provider_is_a_typing_error_of_another() -> None:
    """Hints name domains that are themselves free of hints."""
    hints = typing_errors()
    assert not set(hints.values()) & set(hints)
