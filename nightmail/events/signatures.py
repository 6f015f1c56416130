"""How a call to a webhook is proved to be ours: Standard Webhooks, https://www.standardwebhooks.com.

Three headers go with a call: ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, which is ``v1,`` and the
base64 of an HMAC-SHA256 over ``id.timestamp.body``.
"""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import secrets

from nightmail.settings import read_secret

_DERIVED = "derived:"
_SECRET_BYTES = 32


def new_secret_reference() -> str:
    """Return the reference of a new secret, which is stored in place of the secret: it follows from the deployment's key."""
    return f"{_DERIVED}{secrets.token_hex(16)}"


def signing_key(reference: str, key: bytes) -> bytes:
    """Return the bytes that sign a webhook's calls: derived from the deployment's ``key``, or the secret of a reference.

    A reference is ``derived:…``, ``env:NAME`` or ``file:PATH``; any other text is the secret itself.
    """
    if reference.startswith(_DERIVED):
        return hmac.digest(key, f"nightmail webhook {reference}".encode(), "sha256")[:_SECRET_BYTES]
    secret = read_secret(reference) if reference.startswith(("env:", "file:")) else reference
    if secret.startswith("whsec_"):
        return base64.b64decode(secret.removeprefix("whsec_"))
    return secret.encode()


def shown_secret(signing: bytes) -> str:
    """Return a signing key as its owner gets it: ``whsec_`` and its base64."""
    return f"whsec_{base64.b64encode(signing).decode()}"


def signed_headers(name: str, content: bytes, signing: bytes, now: dt.datetime) -> dict[str, str]:
    """Return the headers that prove the call ``name`` with the body ``content``, made at ``now``."""
    timestamp = str(int(now.timestamp()))
    digest = hmac.digest(signing, f"{name}.{timestamp}.".encode() + content, "sha256")
    return {
        "webhook-id": name,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
