"""What programs of an organisation use, brought into the database: API keys and webhooks."""

from __future__ import annotations

from sqlalchemy import select, update

from nightmail.access.api_keys import create_key
from nightmail.provisioning.organisation import ApiKeyPart, WebhookPart
from nightmail.provisioning.setup import CHANGE, CREATE, KEEP, Change, NewKey, Setup
from nightmail.store import tables


def set_up_api_key(work: Setup, part: ApiKeyPart) -> None:
    """Bring in one API key: it is made once, and only its permissions change afterwards."""
    name = f"{part.team}/{part.name}"
    key = tables.ApiKey
    permissions = sorted(part.permissions)
    its = (key.team_id == work.team_id(part.team), key.name == part.name, key.revoked_at.is_(None))
    found = work.connection.execute(select(key.id, key.permissions).where(*its)).first()
    if found is None:
        team_id = work.team_ids[part.team]
        made = create_key(work.connection, team_id=team_id, name=part.name, permissions=permissions)
        file = None if part.file is None else work.path(part.file)
        work.new_keys.append(NewKey(part.team, part.name, made, file))
        work.changes.append(Change(CREATE, "api key", name, (", ".join(permissions),)))
    elif set(found.permissions) != set(permissions):
        work.connection.execute(update(key).where(key.id == found.id).values(permissions=permissions))
        details = (f"permissions: {', '.join(found.permissions)} → {', '.join(permissions)}",)
        work.changes.append(Change(CHANGE, "api key", name, details))
    else:
        work.changes.append(Change(KEEP, "api key", name))
    work.connection.execute(
        update(key).where(*its, key.provisioned_by.is_(None)).values(provisioned_by=work.organisation)
    )


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
