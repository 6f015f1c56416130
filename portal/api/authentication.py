"""Who asks, and whether they may: API keys as bearer tokens, the permissions of each endpoint, a bounded rate per key."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from nightmail.access.api_keys import KeyRefusedError, Program, verify_key
from nightmail.access.permissions import PERMISSION_MEANINGS, Permission
from portal.problems import RequestError
from portal.state import PortalState

bearer = HTTPBearer(
    scheme_name="ApiKey",
    bearerFormat="nm_<8 hex>_<43 characters>",
    description="An API key of a team. Its permissions:\n\n"
    + "\n".join(f"- `{permission}`: {meaning}" for permission, meaning in PERMISSION_MEANINGS.items()),
    auto_error=False,
)
_CHALLENGE = 'Bearer realm="nightmail"'


def authenticated(
    request: Request,
    scopes: SecurityScopes,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
    portal: PortalState,
) -> Program:
    """The program whose key came with the request, if it has every permission that the endpoint needs."""
    if credentials is None:
        raise RequestError("key_missing", headers={"WWW-Authenticate": _CHALLENGE})
    try:
        with portal.engine.begin() as connection:
            program = verify_key(connection, credentials.credentials, address_of(request))
    except KeyRefusedError as error:
        if error.reason == "key_network":
            raise
        wait = portal.failed_keys.take(address_of(request) or "")
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
    missing = [permission for permission in scopes.scopes if permission not in program.permissions]
    if missing:
        raise RequestError(
            "permission_missing",
            permissions=", ".join(missing),
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{" ".join(scopes.scopes)}"'},
        )
    return program


def address_of(request: Request) -> str | None:
    """Where a request comes from: the peer, or what a trusted proxy says (setting ``trusted_proxies``)."""
    return request.client.host if request.client else None


def with_permission(*permissions: Permission) -> Any:
    """The dependency of an endpoint that needs ``permissions``."""
    return Security(authenticated, scopes=[str(permission) for permission in permissions])


Uploader = Annotated[Program, with_permission(Permission.FILE_UPLOAD)]
MessageSender = Annotated[Program, with_permission(Permission.CAMPAIGN_SEND)]
CampaignReader = Annotated[Program, with_permission(Permission.CAMPAIGN_SEE)]
CampaignApprover = Annotated[Program, with_permission(Permission.CAMPAIGN_APPROVE)]
CampaignController = Annotated[Program, with_permission(Permission.CAMPAIGN_CONTROL)]
MessageReader = Annotated[Program, with_permission(Permission.MESSAGE_SEE)]
DoubtDecider = Annotated[Program, with_permission(Permission.DOUBT_DECIDE)]
RejectsReader = Annotated[Program, with_permission(Permission.FILE_SEE, Permission.PERSONAL_SEE)]
FeedReader = Annotated[Program, with_permission(Permission.FEED_SEE)]
ReportReader = Annotated[Program, with_permission(Permission.REPORT_SEE)]
ReportExporter = Annotated[Program, with_permission(Permission.REPORT_EXPORT)]
RepliesReader = Annotated[Program, with_permission(Permission.REPLY_SEE)]
ReplyDecider = Annotated[Program, with_permission(Permission.REPLY_SEE, Permission.SUPPRESSION_EDIT)]
ChannelSuspender = Annotated[Program, with_permission(Permission.CHANNEL_SUSPEND)]
ListReader = Annotated[Program, with_permission(Permission.CONTACT_SEE)]
ListEditor = Annotated[Program, with_permission(Permission.CONTACT_SEE, Permission.LIST_EDIT)]
ContactReader = Annotated[Program, with_permission(Permission.CONTACT_SEE)]
ContactImporter = Annotated[Program, with_permission(Permission.CONTACT_SEE, Permission.CONTACT_EDIT)]
RefusedRowsReader = Annotated[Program, with_permission(Permission.CONTACT_SEE, Permission.PERSONAL_SEE)]
ConsentEditor = Annotated[Program, with_permission(Permission.CONTACT_SEE, Permission.CONSENT_EDIT)]
SuppressionReader = Annotated[Program, with_permission(Permission.SUPPRESSION_SEE)]
SuppressionEditor = Annotated[Program, with_permission(Permission.SUPPRESSION_EDIT)]
AlertReader = Annotated[Program, with_permission(Permission.ALERT_SEE)]
AlertCloser = Annotated[Program, with_permission(Permission.ALERT_CLOSE)]
ContactEditor = Annotated[Program, with_permission(Permission.CONTACT_EDIT)]
ContactExporter = Annotated[Program, with_permission(Permission.CONTACT_EXPORT, Permission.PERSONAL_SEE)]
AuditReader = Annotated[Program, with_permission(Permission.AUDIT_SEE)]
KeyReader = Annotated[Program, with_permission(Permission.KEY_SEE)]
KeyEditor = Annotated[Program, with_permission(Permission.KEY_SEE, Permission.KEY_EDIT)]
WebhookEditor = Annotated[Program, with_permission(Permission.WEBHOOK_EDIT)]
