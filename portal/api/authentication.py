"""Who asks, and whether they may: API keys as bearer tokens, one scope per endpoint, a bounded rate per key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from nightmail.access.api_keys import KeyRefusedError, Program, Scope, verify_key
from portal.problems import RequestError
from portal.state import PortalState

SCOPE_MEANINGS: Mapping[Scope, str] = {
    Scope.FILES_WRITE: "upload contact files",
    Scope.MESSAGES_WRITE: "send single messages",
    Scope.CAMPAIGNS_READ: "see campaigns, their counts and what became of each message",
    Scope.CAMPAIGNS_WRITE: "approve, pause, resume and cancel campaigns",
    Scope.DOUBTS_WRITE: "decide about messages in doubt",
    Scope.REJECTS_READ: "download rejected rows, which hold personal data",
    Scope.REPORTS_READ: "read delivery reports",
    Scope.REPLIES_READ: "read what recipients answered, which is personal data",
    Scope.CHANNELS_WRITE: "suspend channels and use them again",
    Scope.SUPPRESSIONS_READ: "see why an address is not used",
    Scope.SUPPRESSIONS_WRITE: "suppress addresses and lift suppressions",
    Scope.ALERTS_READ: "see what people must look at",
    Scope.ALERTS_WRITE: "close alerts",
    Scope.WEBHOOKS_WRITE: "register addresses that are called at events",
}
"""What each scope lets a program do."""

bearer = HTTPBearer(
    scheme_name="ApiKey",
    bearerFormat="nm_<8 hex>_<43 characters>",
    description="An API key of a team. Its scopes:\n\n"
    + "\n".join(f"- `{scope}`: {meaning}" for scope, meaning in SCOPE_MEANINGS.items()),
    auto_error=False,
)
_CHALLENGE = 'Bearer realm="nightmail"'


def authenticated(
    request: Request,
    scopes: SecurityScopes,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
    portal: PortalState,
) -> Program:
    """The program whose key came with the request, if it has every scope that the endpoint needs."""
    if credentials is None:
        raise RequestError("key_missing", headers={"WWW-Authenticate": _CHALLENGE})
    try:
        with portal.engine.begin() as connection:
            program = verify_key(connection, credentials.credentials)
    except KeyRefusedError as error:
        client = request.client.host if request.client else ""
        wait = portal.failed_keys.take(client)
        if wait:
            raise RequestError(
                "too_many_requests",
                what="requests with a wrong API key from this address",
                headers={"Retry-After": str(wait)},
            ) from None
        challenge = f'{_CHALLENGE}, error="invalid_token"'
        raise RequestError(error.reason, headers={"WWW-Authenticate": challenge}) from None
    wait = portal.limits.take(str(program.key_id))
    if wait:
        raise RequestError("too_many_requests", what="requests of this API key", headers={"Retry-After": str(wait)})
    missing = [scope for scope in scopes.scopes if scope not in program.scopes]
    if missing:
        raise RequestError(
            "scope_missing",
            scopes=", ".join(missing),
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{" ".join(scopes.scopes)}"'},
        )
    return program


def with_scope(*scopes: Scope) -> Any:
    """The dependency of an endpoint that needs ``scopes``."""
    return Security(authenticated, scopes=[str(scope) for scope in scopes])


Uploader = Annotated[Program, with_scope(Scope.FILES_WRITE)]
MessageSender = Annotated[Program, with_scope(Scope.MESSAGES_WRITE)]
CampaignReader = Annotated[Program, with_scope(Scope.CAMPAIGNS_READ)]
CampaignWriter = Annotated[Program, with_scope(Scope.CAMPAIGNS_WRITE)]
DoubtWriter = Annotated[Program, with_scope(Scope.DOUBTS_WRITE)]
RejectsReader = Annotated[Program, with_scope(Scope.REJECTS_READ)]
ReportReader = Annotated[Program, with_scope(Scope.REPORTS_READ)]
RepliesReader = Annotated[Program, with_scope(Scope.REPLIES_READ)]
ReplyDecider = Annotated[Program, with_scope(Scope.REPLIES_READ, Scope.SUPPRESSIONS_WRITE)]
ChannelWriter = Annotated[Program, with_scope(Scope.CHANNELS_WRITE)]
SuppressionReader = Annotated[Program, with_scope(Scope.SUPPRESSIONS_READ)]
SuppressionWriter = Annotated[Program, with_scope(Scope.SUPPRESSIONS_WRITE)]
AlertReader = Annotated[Program, with_scope(Scope.ALERTS_READ)]
AlertWriter = Annotated[Program, with_scope(Scope.ALERTS_WRITE)]
WebhookWriter = Annotated[Program, with_scope(Scope.WEBHOOKS_WRITE)]
