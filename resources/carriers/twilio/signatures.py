"""Whether a webhook comes from Twilio: by Twilio's own SDK, on the raw request.

Twilio signs the address that it was given, so behind a proxy our *public* address counts, not the one that the portal
sees: ``public_url + path + query``. Source: "Validating Signatures from Twilio",
``https://www.twilio.com/docs/usage/webhooks/webhooks-security``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SIGNATURE_HEADER = "X-Twilio-Signature"


class _Form(dict[str, Sequence[str]]):
    """A form as Twilio's validator reads it: every value of a repeated name."""

    def getlist(self, name: str) -> Sequence[str]:
        return self[name]


def signature_fits(auth_token: str, url: str, form: Mapping[str, Sequence[str]], signature: str | None) -> bool:
    """Whether Twilio signed this form post to ``url`` (our public address with path and query).

    ``form`` has every value of every name, as ``urllib.parse.parse_qs(body, keep_blank_values=True)`` gives them.
    """
    from twilio.request_validator import RequestValidator

    if not signature:
        return False
    return bool(RequestValidator(auth_token).validate(url, _Form(form), signature))


def signature_of(url: str, form: Mapping[str, str], auth_token: str) -> str:
    """The signature that Twilio would give a form post: for tests and benchmarks, which post some."""
    from twilio.request_validator import RequestValidator

    return str(RequestValidator(auth_token).compute_signature(url, dict(form)))
