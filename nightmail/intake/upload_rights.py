"""Who may upload to a feed: who may upload files, and may change what the feed's files change.

>>> permissions_to_upload("contacts")
(<Permission.FILE_UPLOAD: 'file.upload'>, <Permission.CONTACT_EDIT: 'contact.edit'>)
"""

from __future__ import annotations

from collections.abc import Mapping

from nightmail.access.decisions import allowed, require, teams_with
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.organisation.stored_feeds import FeedRow

_FURTHER: Mapping[str, Permission] = {
    "contacts": Permission.CONTACT_EDIT,
    "preferences": Permission.CONSENT_EDIT,
}
"""What a feed's files change beside sending, by the feed's kind: the right that it needs by every other way."""


def permissions_to_upload(kind: str) -> tuple[Permission, ...]:
    """What somebody must be permitted who uploads to a feed of a kind."""
    further = _FURTHER.get(kind)
    return (Permission.FILE_UPLOAD,) if further is None else (Permission.FILE_UPLOAD, further)


def may_upload(by: Principal, team: str, kind: str) -> bool:
    """Whether ``by`` may upload to the feeds of a team that are of a kind."""
    return all(allowed(by, permission, team).yes for permission in permissions_to_upload(kind))


def require_upload(by: Principal, feed: FeedRow) -> None:
    """Raise :class:`~nightmail.errors.NightmailError` (``not_permitted``) unless :func:`may_upload`."""
    for permission in permissions_to_upload(feed.settings.kind):
        require(by, permission, feed.team)


def teams_to_upload_to(by: Principal) -> dict[str, list[str]]:
    """The topmost teams to whose feeds ``by`` may upload as far as their kind goes, by kind; messages are not named."""
    return {kind: list(teams_with(by, permission)) for kind, permission in _FURTHER.items()}
