"""Sealed secrets: small values that the database keeps but cannot read, such as the secret of an authenticator app.

Sealed with AES-256-GCM under a key that is derived from the deployment's (HKDF, RFC 5869), one for each purpose. A
sealed value is bound to its context, so that one row's value is worth nothing in another row.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

_NONCE_BYTES = 12
_VERSION = b"\x01"


def derived_key(key: bytes, purpose: str) -> bytes:
    """Return 32 bytes for one ``purpose``, derived from the deployment's key: knowing one tells nothing of the others."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(hashes.SHA256(), 32, salt=None, info=f"nightmail {purpose}".encode()).derive(key)


def seal(value: bytes, key: bytes, purpose: str, context: str) -> bytes:
    """Return ``value`` sealed under the deployment's ``key``, for ``purpose`` and bound to ``context``."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _VERSION + nonce + AESGCM(derived_key(key, purpose)).encrypt(nonce, value, context.encode())


def unseal(sealed: bytes, key: bytes, purpose: str, context: str) -> bytes | None:
    """Return what was sealed; ``None`` where the key has changed, or the value was, or belongs elsewhere."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    start = len(_VERSION) + _NONCE_BYTES
    if len(sealed) <= start or sealed[:1] != _VERSION:
        return None
    try:
        return AESGCM(derived_key(key, purpose)).decrypt(sealed[1:start], sealed[start:], context.encode())
    except InvalidTag:
        return None


def keyed_digest(value: str, key: bytes, purpose: str) -> bytes:
    """Return 32 bytes (HMAC-SHA-256) of a short secret: who has the database alone cannot guess it."""
    return hmac.digest(derived_key(key, purpose), value.encode(), sha256)
