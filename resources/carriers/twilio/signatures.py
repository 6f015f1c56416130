"""Whether a webhook comes from Twilio: as Twilio's own SDK says, on the raw request.

Twilio signs the address that it was given, so behind a proxy our *public* address counts, not the one that the portal
sees: ``public_url + path + query``. Source: "Validating Signatures from Twilio",
``https://www.twilio.com/docs/usage/webhooks/webhooks-security``.
"""

from __future__ import annotations

import hmac
import re
from binascii import b2a_base64
from collections.abc import Mapping, Sequence

SIGNATURE_HEADER = "X-Twilio-Signature"

_AS_IT_IS = re.compile(
    r"https?://[a-z0-9.-]+(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}))?/[A-Za-z0-9._~/-]+(?:\?[A-Za-z0-9._~=&%+-]+)?"
)
"""Addresses of which the SDK asks for the signature as they are, beside the one with its port, or without: it takes an address
apart and puts it together again, and these come out as they went in."""


class _Form(dict[str, Sequence[str]]):
    """A form as Twilio's validator reads it: every value of a repeated name."""

    def getlist(self, name: str) -> Sequence[str]:
        return self[name]


def signature_fits(auth_token: str, url: str, form: Mapping[str, Sequence[str]], signature: str | None) -> bool:
    """Whether Twilio signed this form post to ``url`` (our public address with path and query).

    ``form`` has every value of every name, as ``urllib.parse.parse_qs(body, keep_blank_values=True)`` gives them.
    """
    if not signature:
        return False
    if _AS_IT_IS.fullmatch(url) and _is_signed_as_it_is(auth_token, url, form, signature):
        return True
    from twilio.request_validator import RequestValidator

    return bool(RequestValidator(auth_token).validate(url, _Form(form), signature))


def _is_signed_as_it_is(auth_token: str, url: str, form: Mapping[str, Sequence[str]], signature: str) -> bool:
    """Whether the signature is that of the address as it is: the SDK computes two on the way to the same answer, and parses
    the address four times, which is a quarter of a receipt's cost. What this denies, the SDK is asked."""
    said = [url]
    for name in sorted(form):
        values = form[name]
        for value in values if len(values) == 1 else sorted(set(values)):
            said += (name, value)
    computed = b2a_base64(hmac.digest(auth_token.encode(), "".join(said).encode(), "sha1"), newline=False)
    return signature.isascii() and hmac.compare_digest(computed, signature.encode())


def signature_of(url: str, form: Mapping[str, str], auth_token: str) -> str:
    """The signature that Twilio would give a form post: for tests and benchmarks, which post some."""
    from twilio.request_validator import RequestValidator

    return str(RequestValidator(auth_token).compute_signature(url, dict(form)))
