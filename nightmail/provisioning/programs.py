"""What programs of an organisation use, brought into the database: API keys and webhooks."""

from __future__ import annotations

from sqlalchemy import update

from nightmail.access.api_keys import create_key
from nightmail.access.key_changes import KeyRow, change_key, key_of_name
from nightmail.access.principals import product_principal
from nightmail.provisioning.organisation import ApiKeyPart, WebhookPart
from nightmail.provisioning.setup import CHANGE, CREATE, KEEP, Change, NewKey, Setup
from nightmail.store import tables


def set_up_api_key(work: Setup, part: ApiKeyPart) -> None:
    """Bring in one API key: it is made once; what it may do, from where and until when follows the file."""
    name = f"{part.team}/{part.name}"
    team_id = work.team_ids[part.team]
    found = key_of_name(work.connection, team_id, part.name)
    if found is None:
        made = create_key(
            work.connection,
            team_id=team_id,
            name=part.name,
            permissions=part.wanted,
            expires_at=part.expires_at,
            created_by=work.actor,
            allowed_networks=part.allowed_networks,
        )
        file = None if part.file is None else work.path(part.file)
        work.new_keys.append(NewKey(part.team, part.name, made, file))
        work.changes.append(Change(CREATE, "api key", name, (", ".join(part.wanted), *part.notes)))
    else:
        details = _changes_of(found, part)
        if details:
            change_key(
                work.connection,
                found,
                by=product_principal(work.actor),
                permissions=part.wanted,
                expires_at=part.expires_at if part.expires_at is not None else found.expires_at,
                allowed_networks=part.allowed_networks,
            )
        work.changes.append(Change(CHANGE if details else KEEP, "api key", name, (*details, *part.notes)))
    its = tables.ApiKey
    mine = (its.team_id == team_id, its.name == part.name, its.revoked_at.is_(None), its.provisioned_by.is_(None))
    work.connection.execute(update(its).where(*mine).values(provisioned_by=work.organisation))


def _changes_of(key: KeyRow, part: ApiKeyPart) -> tuple[str, ...]:
    """What the file says otherwise than the key is. An end that the file does not state is that of a rotation, and stays."""
    pairs = {
        "permissions": (", ".join(sorted(key.permissions)), ", ".join(part.wanted)),
        "allowed_networks": (", ".join(key.allowed_networks) or "any", ", ".join(part.allowed_networks) or "any"),
        "expires_at": (str(key.expires_at), str(part.expires_at or key.expires_at)),
    }
    if part.expires_at is not None and key.expires_at == part.expires_at:
        del pairs["expires_at"]
    return tuple(f"{name}: {before} → {after}" for name, (before, after) in pairs.items() if before != after)


def set_up_webhook(work: Setup, part: WebhookPart) -> None:
    """Bring in one webhook of a team."""
    work.settle(
        "webhook",
        f"{part.team} {part.url}",
        tables.Webhook,
        {"team_id": work.team_id(part.team), "url": part.url},
        {"events": list(part.events), "secret": work.secret(part.secret), "active": True},
        hidden=("secret",),
    )
