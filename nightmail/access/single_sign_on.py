"""Login by an identity provider: OpenID Connect, authorization code with PKCE (S256), state and nonce.

What the provider says is believed only as far as its ID token, whose signature, issuer, audience, times and nonce are checked.

>>> address, kept = begin(provider, documents, redirect_uri="https://portal.example/login/returned")
>>> claims = finish(provider, documents, kept, {"code": "...", "state": "..."}, now=now)
>>> claims.subject
'00u1a2b3'
"""

from __future__ import annotations

import datetime as dt
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from nightmail.access.identity_providers import Provider
from nightmail.access.provider_documents import ProviderDocuments, fetch_json
from nightmail.errors import ConfigurationError, NightmailError, UsageError
from nightmail.settings import read_secret

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
"""How an ID token may be signed: by a key that the provider alone has. Never ``none``, never a shared secret."""
LEEWAY_S = 120
"""How far the provider's clock may be from the database's."""
MOST_TOKEN_CHARACTERS = 100_000
MOST_GROUPS = 2_000


@dataclass(frozen=True, slots=True)
class Claims:
    """What a provider says of who logged in. ``groups`` is ``None`` where it says nothing of groups."""

    subject: str
    email: str | None
    email_verified: bool
    name: str | None
    groups: frozenset[str] | None


def begin(
    provider: Provider, documents: ProviderDocuments, *, redirect_uri: str, again: bool = False
) -> tuple[str, dict[str, str]]:
    """Where to lead the browser, and what to keep until it returns. ``again``: the person is to prove anew who they are."""
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    metadata = documents.metadata(provider.name, provider.issuer)
    kept = {
        "provider": provider.name,
        "state": secrets.token_urlsafe(32),
        "nonce": secrets.token_urlsafe(32),
        "verifier": secrets.token_urlsafe(48),
        "redirect_uri": redirect_uri,
        "again": "yes" if again else "",
    }
    more = {"prompt": "login", "max_age": "0"} if again else {}
    address = prepare_grant_uri(
        metadata["authorization_endpoint"],
        client_id=provider.client_id,
        response_type="code",
        redirect_uri=redirect_uri,
        scope=" ".join(dict.fromkeys(("openid", *provider.scopes))),
        state=kept["state"],
        nonce=kept["nonce"],
        code_challenge=create_s256_code_challenge(kept["verifier"]),
        code_challenge_method="S256",
        **more,
    )
    return str(address), kept


def finish(
    provider: Provider,
    documents: ProviderDocuments,
    kept: Mapping[str, str],
    returned: Mapping[str, str],
    *,
    now: dt.datetime,
) -> Claims:
    """Who logged in at the provider. ``returned`` are the parameters with which the browser came back.

    Raises :class:`UsageError` (``provider_refused``), and what :func:`fetch_json` does.
    """
    if not hmac.compare_digest(returned.get("state", "").encode(), kept["state"].encode()):
        raise UsageError("provider_refused", provider=provider.name, problem="the answer belongs to another login")
    if returned.get("error") or not returned.get("code"):
        raise UsageError("provider_refused", provider=provider.name, problem="the login was not completed there")
    metadata = documents.metadata(provider.name, provider.issuer)
    # RFC 9207: an answer that names its issuer must name this one (mix-up of two providers).
    if returned.get("iss", provider.issuer) != provider.issuer:
        raise UsageError("provider_refused", provider=provider.name, problem="the answer is another provider's")
    tokens = _exchanged(provider, metadata, kept, returned["code"])
    claims = _checked(provider, documents, metadata, tokens, kept, now)
    return _claims(provider, claims)


def _exchanged(
    provider: Provider, metadata: Mapping[str, Any], kept: Mapping[str, str], code: str
) -> Mapping[str, Any]:
    """The tokens for a code."""
    from authlib.oauth2.auth import ClientAuth
    from authlib.oauth2.rfc6749.parameters import prepare_token_request

    body = prepare_token_request(
        "authorization_code", redirect_uri=kept["redirect_uri"], code=code[:4_000], code_verifier=kept["verifier"]
    )
    secret = read_secret(provider.client_secret) if provider.client_secret else ""
    ways = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    way = "none" if not secret else "client_secret_basic" if "client_secret_basic" in ways else "client_secret_post"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    client = (provider.client_id, secret)
    if way == "client_secret_basic":
        # RFC 6749, section 2.3.1: both are encoded as in a form before they are put together.
        client = (quote_plus(provider.client_id), quote_plus(secret))
    address, headers, body = ClientAuth(*client, way).prepare("POST", metadata["token_endpoint"], headers, body)
    return fetch_json(provider.name, "POST", address, headers=headers, content=body)


def _checked(
    provider: Provider,
    documents: ProviderDocuments,
    metadata: Mapping[str, Any],
    tokens: Mapping[str, Any],
    kept: Mapping[str, str],
    now: dt.datetime,
) -> Mapping[str, Any]:
    """The claims of the ID token, all checks passed."""
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError
    from joserfc.jws import JWSRegistry

    token = tokens.get("id_token")
    if not isinstance(token, str) or len(token) > MOST_TOKEN_CHARACTERS:
        raise ConfigurationError("provider_wrong", provider=provider.name, problem="it sent no ID token")
    registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
    decoded = None
    for anew in (False, True):
        try:
            decoded = jwt.decode(token, _keys(documents.keys(provider.name, metadata, anew=anew)), registry=registry)
            break
        except (JoseError, ValueError, KeyError):
            continue
    if decoded is None:
        raise _refused(provider, "the signature of its ID token is wrong")
    options: Any = {
        "iss": {"essential": True, "value": provider.issuer},
        "aud": {"essential": True, "value": provider.client_id},
    }
    parameters = {
        "nonce": kept["nonce"],
        "client_id": provider.client_id,
        "access_token": tokens.get("access_token"),
        "max_age": 1 if kept.get("again") else None,
    }
    claims = CodeIDToken(decoded.claims, decoded.header, options, parameters)
    try:
        claims.validate(now=int(now.timestamp()), leeway=LEEWAY_S)
    except ExpiredTokenError:
        raise _refused(provider, "its answer has expired: one of the two clocks is wrong") from None
    except InvalidClaimError as error:
        clock = error.claim in ("iat", "nbf")
        raise _refused(
            provider,
            "its answer comes from the future: one of the two clocks is wrong"
            if clock
            else f"its {error.claim} is wrong",
        ) from None
    except (JoseError, ValueError, TypeError):
        raise _refused(provider, "its ID token is not complete") from None
    if kept.get("again") and now.timestamp() - float(claims["auth_time"]) > LEEWAY_S + 300:
        raise _refused(provider, "the login there is not a new one")
    return dict(claims)


def _claims(provider: Provider, claims: Mapping[str, Any]) -> Claims:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise _refused(provider, "it does not say who logged in")
    email = claims.get("email")
    written = email.strip().lower() if isinstance(email, str) and 3 <= len(email) <= 320 else None
    name = claims.get("name")
    return Claims(
        subject=subject,
        email=written,
        # Some providers write the word: only what plainly says yes is a yes.
        email_verified=written is not None and claims.get("email_verified") in (True, "true"),
        name=name[:500] if isinstance(name, str) and name.strip() else None,
        groups=_groups(claims.get(provider.group_claim)),
    )


def _groups(said: Any) -> frozenset[str] | None:
    if isinstance(said, str):
        said = [said]
    if not isinstance(said, list):
        return None
    return frozenset(each for each in said[:MOST_GROUPS] if isinstance(each, str))


def _keys(document: Mapping[str, Any]) -> KeySet:
    """The keys that can be used; a kind that is not known here is left out."""
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry, KeySet

    found = []
    for key in document["keys"][:50]:
        try:
            if key.get("kty") != "oct" and key.get("use", "sig") == "sig":
                found.append(JWKRegistry.import_key(key))
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue
    return KeySet(found)


def _refused(provider: Provider, problem: str) -> NightmailError:
    return UsageError("provider_refused", provider=provider.name, problem=problem)
