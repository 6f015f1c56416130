"""What an identity provider publishes: its metadata (OpenID Connect Discovery) and its keys, asked for within bounds.

Every answer is bounded in time and size and no redirect is followed. Documents are kept for minutes; keys are fetched anew for a
token that names one that is not known, but not more often than once a minute.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from nightmail.errors import ConfigurationError, UnavailableError

MOST_BYTES = 512 * 1024
TIMEOUT_S = 8.0
KEPT_S = 600.0
LEAST_BETWEEN_S = 60.0
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class ProviderDocuments:
    """The documents of providers, shared by requests; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, Mapping[str, Any]]] = {}

    def metadata(self, provider: str, issuer: str) -> Mapping[str, Any]:
        """The metadata of an issuer, whose endpoints are safe to go to.

        Raises :class:`UnavailableError` (``provider_away``) and :class:`ConfigurationError` (``provider_wrong``).
        """
        address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        if not is_safe_address(address):
            raise ConfigurationError("provider_wrong", provider=provider, problem="its issuer is no https:// address")
        return self._document(provider, address, KEPT_S, lambda found: _check_metadata(provider, issuer, found))

    def keys(self, provider: str, metadata: Mapping[str, Any], *, anew: bool = False) -> Mapping[str, Any]:
        """The keys by which the provider signs; ``anew`` where a token names one that is not among those kept."""
        return self._document(
            provider,
            str(metadata["jwks_uri"]),
            LEAST_BETWEEN_S if anew else KEPT_S,
            lambda found: _check_keys(provider, found),
        )

    def _document(self, provider: str, address: str, kept_s: float, check: Any) -> Mapping[str, Any]:
        with self._lock:
            at, document = self._kept.get(address, (0.0, None))
        if document is not None and time.monotonic() - at < kept_s:
            return document
        fresh = fetch_json(provider, "GET", address)
        check(fresh)
        with self._lock:
            self._kept[address] = (time.monotonic(), fresh)
        return fresh


def fetch_json(provider: str, method: str, address: str, **request: Any) -> dict[str, Any]:
    """One request to a provider, and its JSON.

    Raises :class:`UnavailableError` (``provider_away``) where no answer came in time or it is a server's error, and
    :class:`ConfigurationError` (``provider_wrong``) where the answer is no JSON object, too large or a refusal.
    """
    deadline = time.monotonic() + TIMEOUT_S
    headers = {"Accept": "application/json", **request.pop("headers", {})}
    try:
        with (
            httpx.Client(timeout=httpx.Timeout(5.0, connect=3.0), follow_redirects=False) as client,
            client.stream(method, address, headers=headers, **request) as answer,
        ):
            if answer.status_code >= 500 or answer.status_code == 429:
                raise UnavailableError("provider_away", provider=provider)
            body = bytearray()
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > MOST_BYTES:
                    raise ConfigurationError("provider_wrong", provider=provider, problem="its answer is too large")
                if time.monotonic() > deadline:
                    raise UnavailableError("provider_away", provider=provider)
            return _read(provider, answer, bytes(body))
    except (httpx.HTTPError, httpx.InvalidURL, OSError):
        raise UnavailableError("provider_away", provider=provider) from None


def is_safe_address(address: str) -> bool:
    """Whether an address is ``https``, or ``http`` on this machine, and carries no credentials."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False
    if not host or parts.username or parts.password or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)


def _read(provider: str, answer: httpx.Response, body: bytes) -> dict[str, Any]:
    import json

    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if answer.status_code != 200 or not isinstance(found, dict):
        said = found.get("error") if isinstance(found, dict) else None
        problem = f"it answered {answer.status_code}" + (f" ({said[:60]})" if isinstance(said, str) else "")
        raise ConfigurationError("provider_wrong", provider=provider, problem=problem)
    return found


def _check_metadata(provider: str, issuer: str, found: Mapping[str, Any]) -> None:
    # OpenID Connect Discovery 4.3: an issuer that names another one is an impostor, or a wrong setting.
    if found.get("issuer") != issuer:
        raise ConfigurationError("provider_wrong", provider=provider, problem="its metadata name another issuer")
    for name in _ENDPOINTS:
        if not isinstance(found.get(name), str) or not is_safe_address(found[name]):
            raise ConfigurationError("provider_wrong", provider=provider, problem=f"its {name} is no https:// address")


def _check_keys(provider: str, found: Mapping[str, Any]) -> None:
    if not isinstance(found.get("keys"), list):
        raise ConfigurationError("provider_wrong", provider=provider, problem="its keys cannot be read")
